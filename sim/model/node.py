"""One node of the model: what is on its disk, and what it has learnt.

    clock     origin -> timestamp: all that this origin committed up to then is here, or was and is settled
    floor     the least of these over all lives that are not over and held whole
    current   member -> its present life, as far as is known
    ended     origin -> End: it is over, and this is what was seen of it
    retired   origins that are out of the clocks: everybody holds what was seen of them
    evicted   member -> version of the agreement; it counts as a member again in a life that came back from that
    fences    ballot -> (who is to go, version of the table): its vote, and it is not listened to, until it is gone or the
              proposal is withdrawn
    redo      lives of whose end it has heard, and has not looked yet for what of them nobody has seen
"""
import copy
from collections import namedtuple

from rows import EMPTY, NOTHING

# Seen is what was committed up to `up_to`, and exactly those `beyond` it.  redone: what of the rest its node did again.
# rank: of two ends of one life the greater counts.
End = namedtuple('End', 'rank final up_to beyond redone')
NEVER = (0,)          # The version of no agreement.


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
        self.ended, self.retired = {}, set()
        self.evicted, self.back_from = {}, NEVER # back_from: the version of its own eviction from which it has come back.
        self.to_rebase = False                   # It came back, and has not rebased.
        self.fences, self.proposal = {}, None
        self.redo, self.floor_then = set(), None # floor_then: until it has looked, its floor does not rise.
        self.closed_here, self.got_in_step = set(), False
        self.spoilt = set()                      # Peers of whose answer something was not taken.
        self.told = {}                           # Member -> (life, horizon).
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
        return origin in self.ended and self.clock.get(origin, 0) >= self.ended[origin].final

    def floor_held(self):
        if not self.whole:
            return 0
        held = []
        for origin, at in self.clock.items():
            end = self.ended.get(origin)
            if end is None or at < end.final:
                held.append(at)
        for origin in self.current.items():
            if origin not in self.clock and origin not in self.retired:
                held.append(0)
        return min(held, default=0)

    def floor(self):
        held = self.floor_held()
        return held if self.floor_then is None else min(held, self.floor_then)

    def highest_horizon(self):
        return max([self.horizon] + [h for member, (life, h) in self.told.items() if life >= self.current[member]])

    def behind(self):
        return self.whole and (self.to_rebase or self.floor_held() < self.highest_horizon())

    def unseen(self, commit):
        """Nobody in good standing has seen what was committed so.  False of a life that is not known to be over."""
        end = self.ended.get(commit[1])
        return end is not None and commit[0] > end.up_to and commit[0] not in end.beyond

    def row(self, key):
        return self.rows.get(key, EMPTY)

    def ghost(self, key):
        return self.ghosts.get(key, NOTHING)

    # Rows, ghosts and proposals are replaced and never changed, so one level of copies will do.
    def snapshot(self):
        return {name: copy.copy(value) for name, value in self.__dict__.items() if name != 'disk'}

    def persist(self):
        self.disk = self.snapshot()

    def go_back(self):
        self.__dict__.update({name: copy.copy(value) for name, value in self.disk.items()})

    def table(self):
        """What every message brings along: where lives stand, and how far its sender is."""
        return dict(sender=self.id, life=self.life, hlc=self.hlc, floor=self.floor(), horizon=self.horizon,
                    clock=dict(self.clock), reports=dict(self.reports), current=dict(self.current), ended=dict(self.ended),
                    retired=set(self.retired), evicted=dict(self.evicted), fences=set(self.fences),
                    ballot=self.proposal.ballot if self.proposal else None)
