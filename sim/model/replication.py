"""Messages, pushes and pulls (DESIGN.md, section 6), and what a node learns of lives by the way (section 7)."""
from node import NEVER, End
from rows import EMPTY, ghost_join, ghost_keep, ghost_of, join, keep, pointwise_max, shown

CHUNK = 2             # Rows per answer.


class Replication:
    # ---- Messages
    def send(self, node, peer, body):
        header = node.table()
        for _ in range(1 if self.rng.random() < .9 else 2):
            self.post((peer.id, header, body))

    def is_cut(self, a, b):
        return (a.id, b.id) in self.cut or (b.id, a.id) in self.cut

    def deliver(self, message):
        receiver, header, body = message
        node, sender = self.nodes[receiver], self.nodes[header['sender']]
        if self.is_cut(node, sender):
            return
        node.hlc = max(node.hlc, header['hlc'])
        self.learn(node, header)
        if self.is_out(node, node.origin()):
            self.come_back(node, sender)
        if self.is_out(node, node.origin()):
            return
        spoke = (sender.id, header['life'])
        earlier = header['life'] < node.current[sender.id] or self.is_out(node, spoke)
        if earlier and not self.broken('earlier lives may speak'):
            return
        if self.fences(node, sender.id):
            return
        if body[0] in ('push', 'rows') and header['floor'] < node.horizon and not self.broken('no fence on rows'):
            self.seen['fenced'] += 1
            return
        if node.behind() and not self.broken('no rebase'):
            self.rebase(node, sender)
            if body[0] != 'pull' or node.behind():
                return
        if self.rng.random() < .5:               # Looking takes its time, and other things happen meanwhile.
            self.do_again(node)
        getattr(self, 'on_' + body[0])(node, sender, header, *body[1:])
        self.check(node)

    def on_report(self, node, sender, header, report):
        if report[0] > node.reports.get(sender.id, (-1,))[0] and not self.is_out(node, (sender.id, report[2])):
            node.reports[sender.id] = report

    # ---- What everybody should know
    def learn(self, node, header):
        self.learn_table(node, header)
        for member, report in header['reports'].items():
            self.on_report(node, self.nodes[member], header, report)
        self.lift_fences(node, header)

    def learn_table(self, node, table):
        sender = table['sender']
        if sender != node.id:
            life, horizon = node.told.get(sender, (-1, 0))
            if table['life'] >= life:
                node.told[sender] = table['life'], max(horizon, table['horizon']) if life == table['life'] else table['horizon']
        for member, version in table['evicted'].items():
            node.evicted[member] = max(node.evicted.get(member, NEVER), version)
        for origin, end in table['ended'].items():
            self.learn_end(node, origin, end)
        for member, life in table['current'].items():
            known = (member, node.current[member])
            if (life > known[1] or self.not_back(known, node.evicted)) and not self.not_back((member, life), node.evicted):
                node.current[member] = life
                node.clock.setdefault((member, life), self.starts[(member, life)])
        node.retired |= table['retired']
        for origin in table['clock']:            # Lives, of its own too, that its disk has forgotten.
            if origin not in node.retired:
                node.clock.setdefault(origin, self.starts[origin])
        # Whoever evicted a node did not know of these lives of it: so they have seen nothing of them.
        for origin in node.clock:
            version = node.evicted.get(origin[0], NEVER)
            if self.not_back(origin, node.evicted) and origin not in self.known_then[version]:
                start = self.starts[origin]
                self.learn_end(node, origin, End((version, NEVER), start, start, frozenset(), frozenset()))
        self.forget_retired(node)

    def learn_end(self, node, origin, end):
        known = node.ended.get(origin)
        if known is end or known and not self.rank(end) > self.rank(known):
            return
        node.ended[origin] = end
        if origin not in node.closed_here and (not known or known[2:] != end[2:]):
            node.redo.add(origin)
            self.hold_floor(node)
            for key, ghost in node.ghosts.items():  # It is nobody's until it is done again.
                node.ghosts[key] = ghost_keep(ghost, lambda e: not node.unseen(e[1]))

    def rank(self, end):
        return end.rank[1:] if self.broken('own words outlive an eviction') else end.rank

    def hold_floor(self, node):
        if node.floor_then is None and node.redo and node.whole and not node.behind() and not self.broken('floors rise meanwhile'):
            node.floor_then = node.floor_held()

    # ---- Taking rows in
    def merge(self, node, key, row, ghost):
        """Returns whether all of it was taken: what nobody has seen is merged by nobody."""
        def taken(entry):
            return not node.unseen(entry[1]) or self.broken('past an end is merged')
        seen = keep(row, taken)
        if node.redo:
            self.before_merge(node, key, seen)
        joined = join(node.row(key), seen)
        if joined != node.row(key):
            self.touch(node, key)
            node.rows[key] = joined
        all_taken = seen == row or self.broken('clock of what was not taken')
        node.ghosts[key] = ghost_join(node.ghost(key), ghost_keep(ghost, taken) if all_taken else ghost_of(seen))  # Else it is read again.
        return all_taken

    def on_push(self, node, sender, header, origin, previous, commit, rows):
        for row in rows:
            self.merge(node, *row)
        if node.clock.get(origin, 0) >= previous or self.broken('push ignores gaps'):
            node.clock[origin] = max(node.clock.get(origin, 0), commit)

    # ---- Pull
    def pull(self, node, peer):
        epoch, cursor = node.cursors.get(peer.id, (None, 0))
        nonce = node.outstanding[peer.id] = self.rng.random()
        self.send(node, peer, ('pull', epoch, cursor, dict(node.clock), node.floor(), node.life, nonce))

    def on_pull(self, node, sender, header, epoch, cursor, clock, floor, life, nonce):
        if not node.whole:
            return                               # It cannot say of anything that this is all.
        if epoch != node.feed_epoch:
            cursor = 0
        self.promise(node)
        rows, reached, end = [], cursor, True
        for lsn, key in sorted((lsn, key) for key, lsn in node.feed.items() if lsn > cursor and key in node.rows):
            if len(rows) == CHUNK:
                end = False
                break
            reached = lsn
            hidden = node.rows[key]              # A dead add is not sent, unless nobody has seen what killed it.
            if not self.broken('hidden by what nobody has seen'):
                hidden = hidden[0], {a: e for a, e in hidden[1].items() if not node.unseen(e[1])}
            row = shown(hidden)[0], node.rows[key][1]
            unseen = keep(row, lambda e: not self.covered(node, clock, floor, e[1]))
            if unseen != EMPTY:
                rows.append((key, unseen, node.ghost(key)))
        if end:
            reached = node.lsn
        complete = {o: node.ended[o].final for o in node.retired if o not in node.clock}
        self.send(node, sender, ('rows', rows, node.feed_epoch, reached, end, dict(node.clock), complete, life, nonce))

    def covered(self, node, clock, floor, commit):
        timestamp, origin = commit
        if origin in clock:
            return timestamp <= clock[origin]
        return origin in node.retired and floor >= node.ended[origin].final

    def on_rows(self, node, sender, header, rows, epoch, reached, end, clock, complete, life, nonce):
        if node.outstanding.get(sender.id) != nonce and not self.broken('any answer counts'):
            return                               # It was filtered for somebody who knew other things.
        taken = [self.merge(node, *row) for row in rows]
        node.outstanding.pop(sender.id, None)
        if not all(taken):
            node.spoilt.add(sender.id)           # What was not taken may have had the place of what was seen: read again.
        sound = sender.id not in node.spoilt
        node.cursors[sender.id] = (epoch, reached) if sound or not end else (None, 0)
        if end:
            node.spoilt.discard(sender.id)
        if (end and sound) or self.broken('clock at every chunk'):
            self.adopt(node, clock, complete)
        if not end:
            self.pull(node, sender)
        elif sound and header['current'][node.id] == node.life == life:
            node.whole = node.got_in_step = True
            self.in_step(node, sender, header)

    def in_step(self, node, peer, table):
        if self.knows_the_same(node, table):
            node.pulled_this_life.add(peer.id)
            self.close_former_lives(node)
            self.heard_all_of(node, peer, table)

    def knows_the_same(self, node, table):
        out = [m for m, life in table['current'].items() if (m, life) in table['ended'] or self.not_back((m, life), table['evicted'])]
        return (table['evicted'] == node.evicted and {m: life for m, life in table['current'].items() if m not in out} == self.members(node)
                and {o: e.rank for o, e in table['ended'].items()} == {o: e.rank for o, e in node.ended.items()})

    def adopt(self, node, clock, complete):      # It now holds all that the answering node held.
        node.clock = pointwise_max(node.clock, clock)
        for origin, final in complete.items():
            if origin in node.clock:
                node.clock[origin] = max(node.clock[origin], final)
            node.retired.add(origin)
        self.forget_retired(node)

    def forget_retired(self, node):
        if node.retired.isdisjoint(node.clock):
            return
        floor = node.floor_held()
        for origin in node.retired & set(node.clock):
            if origin in node.ended and floor >= node.ended[origin].final and node.complete(origin):
                del node.clock[origin]
