"""The horizon: what is settled is collected, and who fell behind it rebases (DESIGN.md, section 8)."""
from rows import commits, dead, ghost_keep, ghost_of


class Horizon:
    def collect(self, node):
        if node.behind() or node.redo:
            return
        floors = [node.floor()]
        for member in self.members(node):
            timestamp, floor, life = node.reports.get(member, (0, 0, None))
            # Who is silent holds the horizon until it is evicted: a node that is left alone would forget what only it knows.
            if timestamp < self.wall - self.silent and self.broken('silence is forgotten'):
                continue
            floors += [floor if life == node.current[member] else 0] if member != node.id else []
        stable = min(floors)
        fresh = {o for o, end in node.ended.items() if end.final < stable} - node.retired
        self.seen['retired'] += len(fresh)
        node.retired |= fresh
        self.forget_retired(node)
        if stable - self.retry_window <= node.horizon:
            return
        node.horizon = stable - self.retry_window
        for key in list(node.rows):
            self.collect_row(node, key)
        self.check(node)

    def collect_row(self, node, key):
        adds, removed = node.rows[key]

        def settled(entry):
            return (entry[0] if self.broken('collect by add timestamp') else entry[1][0]) <= node.horizon

        gone = {a for a, e in removed.items() if settled(e) and
                (a not in adds or not dead((adds, removed), a, adds[a]) or settled(adds[a]))}
        if not gone:
            return
        self.seen['collected'] += 1
        adds = {a: e for a, e in adds.items() if not (a in gone and dead((adds, removed), a, e))}
        removed = {a: e for a, e in removed.items() if a not in gone}
        if adds or removed:
            node.rows[key] = (adds, removed)
        else:
            del node.rows[key]
            node.feed.pop(key, None)

    def rebase(self, node, peer):
        if self.is_cut(node, peer) or self.is_out(peer, peer.origin()) or self.is_out(node, peer.origin()):
            return
        if not peer.whole or peer.behind() or peer.floor() < max(peer.horizon, node.highest_horizon()):
            return
        self.learn_table(peer, node.table())
        if any(peer.unseen(commit) for row in peer.rows.values() for commit in commits(row)):
            return                               # It would not take all.
        self.seen['rebases'] += 1
        self.promise(peer)
        self.learn_table(node, peer.table())

        def seen(entry):
            origin = entry[1][1]
            if node.unseen(entry[1]):            # What others did is theirs to do again.
                return origin[0] != node.id
            if self.broken('rebase trusts the record') and origin in node.ended:
                return True
            return self.covered(peer, peer.clock, peer.floor(), entry[1])

        displaced = any(node.unseen(commit) for row in node.rows.values() for commit in commits(row))
        for key in list(node.rows):
            adds, removed = node.rows[key]
            held = peer.row(key)[0]

            def stays(actor, entry):
                same = actor in held and held[actor][0] == entry[0]
                if self.broken('rebase keeps all'):
                    return True
                if self.broken('rebase keeps what is above'):
                    return entry[0] > peer.horizon or same
                return same or not seen(entry)

            left = {a: e for a, e in adds.items() if not stays(a, e) and node.unseen(e[1])}
            adds = {a: held[a] if a in held and held[a][0] == e[0] else e for a, e in adds.items() if stays(a, e)}
            if self.broken('rebase drops removals'):
                removed = {a: e for a, e in removed.items() if a in peer.row(key)[1]}
            node.rows[key] = (adds, removed)
            self.leave(node, key, left)
            self.touch(node, key)
        if displaced and not self.broken('rebase keeps the clock'):
            # What nobody has seen may have taken the place of what was: of that it claims no more than the peer does.
            node.clock = {o: at if o == node.origin() else peer.clock.get(o, at) for o, at in node.clock.items()}
            node.ghosts = {key: ghost_keep(ghost_of(row), lambda e: not node.unseen(e[1])) for key, row in node.rows.items()}
        for key in sorted({*peer.rows, *peer.ghosts}):
            self.merge(node, key, peer.row(key), peer.ghost(key))
        self.adopt(node, peer.clock, {o: peer.ended[o].final for o in peer.retired if o not in peer.clock})
        node.horizon = max(node.horizon, peer.horizon)
        node.whole, node.got_in_step, node.to_rebase = True, True, False
        self.in_step(node, peer, peer.table())
        self.check(node)
