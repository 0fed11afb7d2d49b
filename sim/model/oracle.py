"""What must hold, whatever happened.

    G. Beside its rows a node keeps ghosts: all that ever was in them, never collected, and nothing takes the place of another.  Where a row of somebody's is merged, all of his ghost of it
       is: what he has forgotten, and what the filter left out, the receiver should have had.  After every event a node's rows and
       ghosts show the same adds, but of a node that has still to do something again, or to rebase.
    E. When all is healed, all nodes show the same.
    S. What was removed stays removed, where not all disks that knew of the removal went back.
    L. Nothing is lost: an add that nobody removed, and that was not on one disk alone when that went back, is shown at the end.
    R. What a node did again as of today none of its disks does so a second time, when a member knows of it with which it has got
       in step.  (Of any member it would be too much: it waits for one only.  Seed 105554, both.)
"""
from rows import ghost_live, live


class Oracle:
    def __init__(self, world):
        self.world = world
        self.checked = {}                        # (node, key) -> row and ghost when they were compared last.
        self.added, self.removed = {}, {}        # (key, actor) -> timestamps of adds; of those up to which some remover removed.
        self.lost, self.undone = set(), set()    # (key, timestamp, actor), adds and removals: no protocol could bring them back.
        self.anew = {}                           # (key, timestamp, actor) -> the write that it does again.
        self.replaced = set()                    # The writes that were done again.

    # ---- Told by the world
    def adds(self, key, actor, timestamp):
        self.added.setdefault((key, actor), set()).add(timestamp)

    def removes(self, key, observed):
        for actor, entry in observed.items():
            self.removed.setdefault((key, actor), set()).add(entry[0])

    def held(self, key, actor, nodes):
        return max(m.row(key)[0].get(actor, (0,))[0] for m in nodes)

    def went_back(self, node, before, ghosts):
        for key, row in before.items():
            for actor, entry in row[0].items():
                held = self.held(key, actor, self.world.nodes)
                self.lost |= {(key, t, actor) for t in self.added[(key, actor)] if held < t <= entry[0]}
            for actor, entry in row[1].items():  # Those too that are to be done again, and in no ghost meanwhile.
                self.forget_removal(key, actor, entry[0])
        for key, ghost in ghosts.items():
            for actor, timestamp, _ in ghost[1]:
                self.forget_removal(key, actor, timestamp)

    def forget_removal(self, key, actor, timestamp):
        known = max(t for m in self.world.nodes for t in
                    [m.row(key)[1].get(actor, (0,))[0], *(t for a, t, _ in m.ghost(key)[1] if a == actor)])
        self.undone |= {(key, t, actor) for t in self.removed.get((key, actor), ()) if known < t <= timestamp}

    def leaves(self, node, key, actor, timestamp, origin):
        """To the disk of its own node; if that has lost it, or had it at another node, it is lost now."""
        if origin[0] != node.id and self.held(key, actor, self.world.nodes) < timestamp:
            self.lost |= {(key, t, actor) for t in self.added[(key, actor)] if t <= timestamp}

    def descends(self, write, first):
        while write is not None and write != first:
            write = self.anew.get(write)
        return write == first

    def done_again(self, node, key, tag, actor, timestamp):
        write, again = (key, *tag), (key, timestamp, actor)
        others = [m for m in self.world.others(node) if m.id in node.pulled_this_life]
        for k, t, a in [w for w in self.anew if w != write and self.descends(w, write) and w[2][1] == node.id]:
            if any((a, t) == e[:2] for m in others for e in m.ghost(k)[0]):
                raise AssertionError(f'R: t={self.world.wall} node {node.id} does {write} again, which it did')
        self.anew[again] = write
        self.replaced.add(write)
        self.adds(key, actor, timestamp)

    # ---- Checks
    def check(self, node):
        if node.redo or node.to_rebase:          # It claims nothing yet: its floor stays, or nobody listens to it.
            return
        for key in sorted({*node.rows, *node.ghosts}):
            row, ghost = node.row(key), node.ghost(key)
            before = self.checked.get((node.id, key), (None, None))
            if before[0] is row and before[1] is ghost:
                continue
            self.checked[(node.id, key)] = row, ghost
            if live(row) != ghost_live(ghost):
                raise AssertionError(f'G: t={self.world.wall} node {node.id} key {key}: {row}, and never collected: {ghost}')

    def needs_operator(self):
        """Several disks went back at once, and no rule says who is right (recover): nobody is above the horizon, the members left over
        are no majority, or nobody holds a life that everybody held when it was retired."""
        world = self.world
        members = [m for m in world.nodes if m.whole and not world.is_out(m, m.origin())]
        if max(m.floor() for m in world.nodes) < max(m.horizon for m in world.nodes) or 2 * len(members) <= world.n:
            return True
        return any(not any(m.complete(o) for m in members) for m in members for o in m.retired)

    def check_end(self):
        nodes = self.world.nodes
        views = [{k: live(row) for k, row in node.rows.items() if live(row)} for node in nodes]
        for node, view in zip(nodes, views):
            self.check(node)
            if view != views[0]:
                raise AssertionError(f'E: node 0 {views[0]} node {node.id} {view}')
        for (key, actor), timestamps in self.added.items():
            shown = views[0].get(key, {}).get(actor, 0)
            removed = [t for t in self.removed.get((key, actor), ())]
            stands = max([t for t in removed if (key, t, actor) not in self.undone], default=0)
            if 0 < shown <= stands:
                raise AssertionError(f'S: key {key} actor {actor}: {shown} is there again, which was removed')
            over = max(removed + [t for t in timestamps if (key, t, actor) in self.replaced], default=0)
            wanted = [t for t in timestamps if t > over and (key, t, actor) not in self.lost]
            if wanted and shown < max(wanted):
                raise AssertionError(f'L: key {key} actor {actor}: {max(wanted)} is lost, of {views[0].get(key)}')
