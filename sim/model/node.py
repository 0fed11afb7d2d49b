"""One node of the model: what is on its disk, and what it has learnt.

    clock     origin -> timestamp: all that this origin committed up to then is here, or was and is settled
    floor     the least of these over all lives that are not over and held whole
    current   member -> its present life, as far as is known
    closed    origin -> final: it has committed nothing above it that anybody may still take in
    renamed   origin -> timestamp of a commit above its final -> (what that commit is called now, done again?)
    evicted   member -> version of the table that says so; it counts as a member again in a life that came back from that
"""
import copy

from rows import EMPTY


class Node:
    def __init__(self, ident, members):
        self.id = ident
        self.life = 0                            # Lives are numbered over all nodes: unique, and ordered by their start.
        self.hlc = 0
        self.rows, self.ghosts = {}, {}
        self.feed, self.lsn, self.feed_epoch = {}, 0, 0
        self.clock = {(m, 0): 0 for m in members}
        self.cursors, self.outstanding = {}, {}  # Per peer.
        self.last_own_commit = 0
        self.current = {m: 0 for m in members}
        self.closed, self.closed_at, self.renamed, self.retired = {}, {}, {}, set()
        self.evicted, self.back_from = {}, 0     # back_from: the version of its own eviction from which it has come back.
        self.whole = True                        # In step with a member once since the disk was empty.
        self.pulled_this_life = set()
        self.horizon = 0
        self.reports = {}                        # Member -> (timestamp, floor, life).
        self.disk = None

    def origin(self):
        return self.id, self.life

    def complete(self, origin):
        if origin in self.retired and origin not in self.clock:
            return True
        return origin in self.closed and self.clock.get(origin, 0) >= self.closed[origin]

    def floor(self):
        if not self.whole:
            return 0
        held = [self.clock.get(o, 0) for o in set(self.clock) | set(self.current.items()) if not self.complete(o)]
        return min(held) if held else 0

    def row(self, key):
        return self.rows.get(key, EMPTY)

    def ghost(self, key):
        return self.ghosts.get(key, EMPTY)

    # Rows, ghosts and the inner maps of `renamed` are replaced and never changed, so one level of copies will do.
    def snapshot(self):
        return {name: copy.copy(value) for name, value in self.__dict__.items() if name != 'disk'}

    def persist(self):
        self.disk = self.snapshot()

    def go_back(self):
        self.__dict__.update({name: copy.copy(value) for name, value in self.disk.items()})

    def table(self):
        """What every message brings along: where lives stand, and how far its sender is."""
        return dict(sender=self.id, life=self.life, hlc=self.hlc, floor=self.floor(), horizon=self.horizon,
                    clock=dict(self.clock), reports=dict(self.reports), current=dict(self.current),
                    closed=dict(self.closed), closed_at=dict(self.closed_at), renamed=dict(self.renamed),
                    retired=set(self.retired), evicted=dict(self.evicted), ghosts=dict(self.ghosts))
