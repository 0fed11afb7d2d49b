"""Restarts, old disks, eviction and the way back (DESIGN.md, sections 7 and 8)."""
from rows import EMPTY, commits, dead, ghost_join, ghost_of, ghost_without, join, keep, keep_with_killers, shown


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
        self.begin_life(node)

    def begin_life(self, node):
        self.tick(node)
        node.life = node.current[node.id] = self.number()
        self.came_back[node.origin()] = node.back_from
        node.last_own_commit = self.starts[node.origin()] = node.clock[node.origin()] = node.hlc
        node.feed_epoch, node.cursors, node.outstanding = node.life, {}, {}
        node.pulled_this_life, node.reports = set(), {}

    def close_former_lives(self, node):
        if not set(self.members(node)) - {node.id} <= node.pulled_this_life and not self.broken('closed without pulling'):
            return
        for origin in [o for o in node.clock if o[0] == node.id and o != node.origin() and o not in node.closed]:
            # Not the highest commit in the rows that are left: a later add of the same actor takes the place of an earlier one.
            final = self.tick(node)
            if self.broken('final of what is left'):
                final = max([node.clock[origin]] + [t for row in node.rows.values() for t, o in commits(row) if o == origin])
            self.oracle.closes(node, origin)
            node.closed[origin], node.closed_at[origin] = final, self.number()
        for origin in node.clock:                # Those too that an earlier life closed, or those who evicted it.
            if origin[0] == node.id and origin in node.closed:
                node.clock[origin] = max(node.clock[origin], node.closed[origin])

    # ---- Members
    def not_back(self, origin, evicted):
        """A life of an evicted node that did not begin by coming back."""
        return self.came_back[origin] < evicted.get(origin[0], 0) and not self.broken('a life is evicted, not its node')

    def is_out(self, node, origin):
        return origin in node.closed or self.not_back(origin, node.evicted)

    def is_away(self, node, member):
        return self.is_out(node, (member, node.current[member]))

    def members(self, node):
        return {member: life for member, life in node.current.items() if not self.is_away(node, member)}

    # ---- Eviction
    def evict(self, node):
        """All who are left, and a majority, end the lives of a silent member, and say how far they hold them."""
        for away in self.others(node):
            rest = [m for m in self.nodes if m is not away and not self.is_away(node, m.id)]
            if 2 * len(rest) <= self.n or node not in rest or not all(self.in_good_standing(node, m, rest) for m in rest):
                continue
            if self.is_away(node, away.id):
                # Who held one of its lives to the end may have lost that: agreed on anew, or no floor would ever pass it.
                if any(self.out_of_reach(o, final, rest) for o, final in node.closed.items()):
                    self.evict_one(node, away, rest)
            elif node.reports.get(away.id, (0,))[0] < self.wall - self.silent:
                self.evict_one(node, away, rest)

    def out_of_reach(self, origin, final, rest):
        if self.broken('an end stands for ever') or any(origin in m.retired or m.id == origin[0] for m in rest):
            return False
        return max(m.clock.get(origin, 0) for m in rest) < final

    def in_good_standing(self, node, m, rest):
        return (self.members(m) == self.members(node) and m.evicted == node.evicted and m.whole and not self.is_cut(m, node)
                and m.floor() >= node.horizon and node.floor() >= m.horizon
                and not any(self.is_out(r, m.origin()) for r in rest))

    def evict_one(self, node, away, rest):
        for m in rest:                           # They agree on one version of the table.
            for r in rest:
                self.learn_table(m, r.table())
        for m in rest:
            self.do_again(m, node.ghosts)
        self.seen['evictions'] += 1
        version = self.number()
        retired = set().union(*(m.retired for m in rest)) if not self.broken('retired counts as nothing') else set()
        ended = {o for m in rest for o in m.clock if o[0] == away.id and o not in m.closed} | {o for m in rest for o in m.closed}
        finals, names, cells = {}, {}, set()
        for o in ended - retired:
            # What only the one that goes held of a life, of a closed one too, is out of reach now.
            finals[o] = max(m.clock.get(o, self.starts[o]) for m in rest)
            for m in rest:
                for key, row in m.rows.items():
                    past = sorted(t for t, by in commits(row) if by == o and t > finals[o])
                    cells |= {key} if past else set()
                    for t in past:
                        if t not in names.setdefault(o, {}):
                            names[o][t] = ((self.tick(node), node.origin()), False)
        for m in rest:
            m.evicted[away.id] = version
            self.learn_ends(m, finals, dict.fromkeys(finals, version), names)
        # Those who are left lay these cells together.  Old tags under a commit of today are above every floor: one of them that
        # somebody else had removed, or overtaken, must not wait anywhere until that is forgotten.
        of_names = {commit for of_life in names.values() for commit, _ in of_life.values()}
        offered = [(key, m.row(key), m.ghost(key)) for key in sorted(cells) for m in rest]
        for key, row, ghost in offered:
            if self.broken('taken over by one'):
                row = keep(row, lambda e: e[1] in of_names)
                self.merge(node, key, row, ghost_of(row))
            else:
                for m in rest:
                    self.merge(m, key, row, ghost)
        node.clock[node.origin()] = node.last_own_commit = node.hlc

    def come_back(self, node, member):
        """The evicted sets its disk aside, and begins with nothing but what it wrote itself above the finals of its lives."""
        self.learn_table(node, member.table())
        admitting = [self.nodes[m] for m in self.members(member) if m != node.id] if not self.broken('admitted by one') else [member]
        if member not in admitting or not all(self.in_good_standing(member, m, [node, *admitting]) for m in admitting):
            return
        if member.floor() < max(member.horizon, node.horizon):
            return
        before = node.rows
        lacking = [e for row in before.values() for part in shown(row) for e in part.values() if e[1][1][0] == node.id and not self.over(node, e)
                   and not self.covered(member, member.clock, member.floor(), e[1])]
        # Nobody else may hold what it has up to a final, when a disk went back since: then that end is agreed on anew.
        if any(e[1][1] in node.closed for e in lacking) and not self.broken('comes back to anybody'):
            return
        self.seen['returns'] += 1
        # A life that its own node has not closed yet goes on as it is: that node is going to.
        left = lambda e: e[1][1][0] == node.id and (self.over(node, e) or e in lacking) and not self.broken('comes back with nothing')
        node.rows = {key: keep_with_killers(row, left) for key, row in before.items()}
        node.rows = {key: row for key, row in node.rows.items() if row != EMPTY}
        node.ghosts = {key: ghost_of(row) for key, row in node.rows.items()}
        node.feed, node.horizon, node.whole = {}, 0, self.broken('a joiner has a floor')
        for key in node.rows:
            self.touch(node, key)
        self.oracle.sets_aside(node, before)
        node.clock = {o: self.starts[o] for o in {*node.clock, *node.current.items()} if o not in node.retired}
        node.hlc = max(node.hlc, self.tick(member))
        node.back_from = node.evicted.get(node.id, 0)
        self.begin_life(node)
        # One alone may forget it again, by an old disk, and close a life without having asked it.
        for m in admitting:
            m.current[node.id] = node.life
            m.clock[node.origin()] = self.starts[node.origin()]
            m.hlc = max(m.hlc, node.hlc)

    def do_again(self, node, told):
        """What is above the final of its life and has no other name is done again, as an operation of today.

        `told`: the ghosts of who told of that end, for the oracle.
        """
        if not node.whole or self.broken('past a final is kept'):
            return
        names, again = {}, set()

        def today(entry):
            if entry[1] not in names:
                names[entry[1]] = self.own_commit(node)
                node.last_own_commit = names[entry[1]][0]  # Nobody is pushed it: a gap, which a pull fills.
            return names[entry[1]]

        for key, row in list(node.rows.items()):
            adds, removed = ({a: e for a, e in part.items() if self.over(node, e)} for part in row)
            if not adds and not removed:
                continue
            delta = {}, {a: (e[0], today(e)) for a, e in removed.items()}
            for actor, entry in adds.items():
                commit = today(entry)
                if dead(row, actor, entry):                # The same under a commit of today, dead as it is.
                    delta = join(delta, ({actor: (entry[0], commit)}, {}))
                else:                                      # Another tag takes the place of the old one.
                    self.seen['done again'] += 1
                    self.oracle.done_again(node, told, key, (entry[0], actor), commit)
                    again.add(entry[1])
                    delta = join(delta, ({('node', node.id): (commit[0], commit)}, {actor: (entry[0], commit)}))
            node.rows[key] = join(keep(row, lambda e: not self.over(node, e)), delta)
            node.ghosts[key] = ghost_join(node.ghost(key), ghost_of(delta))
            self.touch(node, key)
        for old, new in names.items():
            self.call(node, old, new, old in again)

    def call(self, node, old, new, again):
        if not self.broken('done again in silence'):
            node.renamed[old[1]] = {**node.renamed.get(old[1], {}), old[0]: (new, again)}
