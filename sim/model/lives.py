"""Restarts, old disks, and what of a life that is over is done again (DESIGN.md, sections 7 and 8; gossip/ended_lives.h, redo.h)."""
from node import NEVER, End
from rows import commits, dead, join, keep


class Lives:
    # ---- A node's own lives
    def restart(self, node):
        self.seen['restarts'] += 1
        hlc = max(node.hlc, self.wall)
        if self.rollbacks and self.rng.random() < .5:
            before, ghosts = node.rows, node.ghosts
            node.go_back()
            self.oracle.went_back(node, before, ghosts)
        node.hlc = hlc + 1
        if self.broken('restart keeps its origin'):
            return
        if self.broken('votes are forgotten'):
            node.fences = {}
        self.begin_life(node)

    def begin_life(self, node):
        self.tick(node)
        node.life = node.current[node.id] = self.number()
        self.came_back[node.origin()] = node.back_from
        node.last_own_commit = self.starts[node.origin()] = node.clock[node.origin()] = node.hlc
        node.feed_epoch, node.cursors, node.outstanding = node.life, {}, {}
        node.pulled_this_life, node.reports, node.told, node.spoilt = set(), {}, {}, set()
        node.closed_here, node.got_in_step, node.floor_then = set(), False, None
        self.withdraw(node)
        self.hold_floor(node)

    def close_former_lives(self, node):
        if (not set(self.members(node)) - {node.id} <= node.pulled_this_life or node.redo) and not self.broken('closed without pulling'):
            return
        for origin in [o for o in node.clock if o[0] == node.id and o != node.origin() and not node.complete(o)]:
            self.write_end(node, origin, node.back_from)

    def write_end(self, node, origin, agreed):
        """Of what this node holds of it, which is all that those left over do."""
        end = node.ended.get(origin)
        rank = agreed, (self.tick(node), node.origin())
        if end and (node.complete(origin) or origin in node.retired):
            node.ended[origin] = end._replace(rank=rank)
            return
        up_to = max(node.clock.get(origin, 0), self.starts[origin])
        if self.broken('seen up to the last'):
            up_to = max([up_to] + [t for row in node.rows.values() for t, o in commits(row) if o == origin])
        beyond = {t for row in node.rows.values() for t, o in commits(row) if o == origin and t > up_to}
        final = self.tick(node)
        node.ended[origin] = End(rank, final, up_to, frozenset(beyond), end.redone if end else frozenset())
        node.clock[origin] = final
        node.closed_here.add(origin)

    # ---- Members
    def not_back(self, origin, evicted):
        """A life of an evicted node that did not begin by coming back."""
        return bool(evicted) and self.came_back[origin] < evicted.get(origin[0], NEVER) and not self.broken('a life is evicted, not its node')

    def is_out(self, node, origin):
        return origin in node.ended or self.not_back(origin, node.evicted)

    def is_away(self, node, member):
        return self.is_out(node, (member, node.current[member]))

    def members(self, node):
        return {member: life for member, life in node.current.items() if not self.is_away(node, member)}

    # ---- Doing again
    def own_former(self, node, origin):
        return origin[0] == node.id and origin != node.origin()

    def do_again(self, node):
        if not node.redo or not node.whole or not node.got_in_step or node.behind() or self.is_out(node, node.origin()):
            return
        if self.broken('comes back with nothing'):
            for key, row in list(node.rows.items()):
                node.rows[key] = keep(row, lambda e: not node.unseen(e[1]))
        elif not self.broken('past an end is kept'):
            for key in list(node.rows):
                self.redo_row(node, key)
        node.redo, node.floor_then = set(), None

    def redo_row(self, node, key):
        row = node.row(key)
        adds, removed = keep(row, lambda e: node.unseen(e[1]))
        if not adds and not removed:
            return
        commit = self.own_commit(node)
        mine = sorted((t, by) for t, by in commits((adds, removed)) if by[0] == node.id)
        if self.broken('a row is done again as one') and len(mine) < len(commits((adds, removed))):
            mine = []
        again, old = {}, {}
        for actor, entry in adds.items():
            if dead(row, actor, entry) or entry[1][0] in node.ended[entry[1][1]].redone:
                continue
            if self.may_be_retried(node, entry[0], entry[1] in mine):
                again[actor] = (entry[0], commit)
            else:
                old[actor] = entry
        delta = again, {a: (e[0], commit) for a, e in removed.items()}
        node.rows[key] = keep(row, lambda e: not node.unseen(e[1]))
        own = {actor: entry for actor, entry in old.items() if entry[1] in mine}
        if own:
            delta[0][('node', *node.origin())] = (commit[0], commit)
            for actor, entry in own.items():
                self.seen['done again'] += 1
                self.oracle.done_again(node, key, (entry[0], actor), ('node', *node.origin()), commit[0])
        self.leave(node, key, {actor: entry for actor, entry in old.items() if actor not in own})
        # Not later than what it says: another copy of this disk could hear of the one without the other.
        if not self.broken('done again in silence'):
            for timestamp, origin in mine:
                end = node.ended[origin]
                node.ended[origin] = end._replace(rank=(end.rank[0], (self.tick(node), node.origin())), redone=end.redone | {timestamp})
        self.commit(node, key, delta, commit)

    def leave(self, node, key, adds):
        """To the disk of the node whose they were."""
        for actor, entry in adds.items():
            self.seen['left'] += 1
            self.oracle.leaves(node, key, actor, entry[0], entry[1][1])

    def may_be_retried(self, node, timestamp, own):
        if not own and node.floor_then is not None:
            return True
        return timestamp > node.highest_horizon() and timestamp > self.wall - self.retry_window

    def before_merge(self, node, key, row):
        """What came under another commit is not done again; what has the place of something earlier is, before that is merged."""
        unseen = keep(node.row(key), lambda e: node.unseen(e[1]))
        same = [{a for a, e in part.items() if a in other and other[a][0] == e[0]} for part, other in zip(unseen, row)]
        if any(same):
            node.rows[key] = tuple({a: e for a, e in part.items() if a not in of} for part, of in zip(node.row(key), same))
            if self.broken('the same, or in its place'):
                return
        if any(a in other and other[a][0] < e[0] for part, other in zip(unseen, row) for a, e in part.items()):
            self.redo_row(node, key)
