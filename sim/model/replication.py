"""Messages, pushes and pulls (DESIGN.md, section 6), and what a node learns of lives by the way (section 7)."""
from rows import EMPTY, ghost_join, ghost_without, join, keep, pointwise_max, shown

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
        if body[0] in ('push', 'rows') and header['floor'] < node.horizon and not self.broken('no fence on rows'):
            self.seen['fenced'] += 1
            return
        if body[0] == 'rows' and not self.knows_ends(header, node):
            return                               # Its rows and its clock may be of what is called otherwise now, or is over.
        if node.floor() < header['horizon'] and not self.broken('no rebase'):
            self.rebase(node, sender)
            if body[0] != 'pull' or node.floor() < header['horizon']:
                return
        self.do_again(node, header['ghosts'])
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

    def learn_table(self, node, table):
        for member, version in table['evicted'].items():
            node.evicted[member] = max(node.evicted.get(member, 0), version)
        self.learn_ends(node, table['closed'], table['closed_at'], table['renamed'])
        for member, life in table['current'].items():
            known = (member, node.current[member])
            if (life > known[1] or self.not_back(known, node.evicted)) and not self.not_back((member, life), node.evicted):
                node.current[member] = life
                node.clock.setdefault((member, life), self.starts[(member, life)])
        node.retired |= table['retired']
        for origin in table['clock']:            # Lives, of its own too, that its disk has forgotten.
            if origin not in node.retired:
                node.clock.setdefault(origin, self.starts[origin])
        # Whoever evicted a node did not know of these lives of it, so holds nothing of them.
        for origin in node.clock:
            if origin not in node.closed and self.not_back(origin, node.evicted):
                node.closed[origin], node.closed_at[origin] = self.starts[origin], node.evicted[origin[0]]
        self.forget_retired(node)

    def learn_ends(self, node, closed, closed_at, renamed):
        news = False
        for origin, version in closed_at.items():
            if version > node.closed_at.get(origin, 0):
                node.closed[origin], node.closed_at[origin] = closed[origin], version
                if self.broken('names are replaced'):
                    node.renamed[origin] = renamed.get(origin, {})
                    news = True
        for origin, names in renamed.items():
            known = node.renamed.get(origin, {})
            if known != names and names.items() - known.items() and not self.broken('names are replaced'):
                # Two who did the same again without knowing of each other: one of the names, the same everywhere.
                node.renamed[origin] = {t: min(known.get(t, names.get(t)), names.get(t, known.get(t))) for t in {**known, **names}}
                news = True
        if news:
            self.rename(node)

    def knows_ends(self, table, node):
        """Whether it knows of the end of every life of which the node does, and all that was renamed."""
        if self.broken('rows of who has not heard'):
            return True
        return (all(table['closed_at'].get(o, 0) >= version for o, version in node.closed_at.items())
                and all(names.items() <= table['renamed'].get(o, {}).items() for o, names in node.renamed.items()))

    # ---- What a commit above the final of a life is called now
    def name_of(self, node, commit):
        again = False
        while commit[0] in node.renamed.get(commit[1], ()) and not self.broken('no renaming'):
            commit, anew = node.renamed[commit[1]][commit[0]]
            again = again or anew
        return commit, again

    def past_final(self, node, commit):
        return commit[1] in node.closed and commit[0] > node.closed[commit[1]]

    def rename(self, node):
        """What was done again is void; the removals of such a commit are the same under its new name."""
        for key, row in node.rows.items():
            void = {a: e for a, e in row[0].items() if self.done_elsewhere(node, e)}
            called = tuple({a: (e[0], self.name_of(node, e[1])[0]) for a, e in part.items() if part is row[1] or a not in void}
                           for part in row)
            if called != row:
                node.rows[key] = called
                node.ghosts[key] = ghost_without(node.ghost(key), {(a, e[0]) for a, e in void.items()}, ())
                self.touch(node, key)

    def done_elsewhere(self, node, entry):
        return self.name_of(node, entry[1])[1]

    def over(self, node, entry):
        """Above the final of its life, and never renamed: whoever holds it does it again."""
        return self.past_final(node, self.name_of(node, entry[1])[0])

    # ---- Taking rows in
    def merge(self, node, key, row, ghost):
        joined = join(node.row(key), row)
        if joined != node.row(key):
            self.touch(node, key)
            node.rows[key] = joined
        node.ghosts[key] = ghost_join(node.ghost(key), ghost)

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
            unseen = keep(shown(node.rows[key]), lambda e: not self.covered(node, clock, floor, e[1]))
            if unseen != EMPTY:
                rows.append((key, unseen, node.ghost(key)))
        if end:
            reached = node.lsn
        complete = {o: node.closed[o] for o in node.retired if o not in node.clock}
        self.send(node, sender, ('rows', rows, node.feed_epoch, reached, end, dict(node.clock), complete, life, nonce))

    def covered(self, node, clock, floor, commit):
        timestamp, origin = commit
        if origin in clock:
            return timestamp <= clock[origin]
        if origin not in node.retired or floor < node.closed[origin]:
            return False
        return timestamp <= node.closed[origin] or self.broken('retired covers all')

    def on_rows(self, node, sender, header, rows, epoch, reached, end, clock, complete, life, nonce):
        if node.outstanding.get(sender.id) != nonce and not self.broken('any answer counts'):
            return                               # It was filtered for somebody who knew other things.
        for row in rows:
            self.merge(node, *row)
        node.outstanding.pop(sender.id, None)
        node.cursors[sender.id] = (epoch, reached)
        if end or self.broken('clock at every chunk'):
            self.adopt(node, clock, complete)
        if not end:
            self.pull(node, sender)
        elif header['current'][node.id] == node.life == life:
            node.whole = True
            self.do_again(node, header['ghosts'])
            node.pulled_this_life.add(sender.id)
            self.close_former_lives(node)

    def adopt(self, node, clock, complete):      # It now holds all that the answering node held.
        node.clock = pointwise_max(node.clock, clock)
        for origin, final in complete.items():
            if origin in node.clock:
                node.clock[origin] = max(node.clock[origin], final)
            node.closed.setdefault(origin, final)
            node.retired.add(origin)
        self.forget_retired(node)

    def forget_retired(self, node):
        floor = node.floor()
        for origin in list(node.clock):
            if origin in node.retired and floor >= node.closed[origin] and node.complete(origin):
                del node.clock[origin]
