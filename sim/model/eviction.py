"""How those who are left end the lives of a silent member, and how it comes back (DESIGN.md, section 8).

    proposer                                          every other member left over
      | -- propose {ballot, who, version of the table} ---> |  one vote a version, durable; from now on nothing
      | <- accept {ballot} -------------------------------- |  of who goes is listened to
      | -- pull .. to the end, of each, after it accepted -> |
      takes effect: what the proposer holds of its lives now is what was seen of them
"""
from collections import namedtuple

from node import NEVER

Proposal = namedtuple('Proposal', 'ballot away version rest accepted in_step')


class Eviction:
    def version(self, node):
        return frozenset(self.members(node).items()), frozenset(node.evicted.items())

    def good_standing(self, node):
        return node.whole and not node.behind() and not self.is_out(node, node.origin())

    def silent_for(self, node, member):
        return self.wall - node.reports.get(member, (0,))[0] > self.silent

    # ---- The proposer
    def evict(self, node):
        if not self.good_standing(node):
            return self.withdraw(node)
        going = node.proposal
        if going:
            if self.version(node) != going.version or not self.wants_to_go(node, going.away):
                return self.withdraw(node)
            for member in going.rest:
                if member not in going.accepted:
                    self.send(node, self.nodes[member], ('propose', going.ballot, going.away, going.version))
            return self.take_effect(node)
        for peer in self.others(node):
            if self.wants_to_go(node, peer.id):
                return self.propose(node, peer.id)

    def wants_to_go(self, node, member):
        if not self.is_away(node, member):
            return self.silent_for(node, member)
        # Who held one of its lives to the end may have lost that: agreed on anew, or no floor would ever pass it.
        return not self.broken('an end stands for ever') and any(
            o[0] == member and o not in node.retired and not node.complete(o) and self.wall - end.final > self.silent
            for o, end in node.ended.items())

    def propose(self, node, away):
        rest = {m: life for m, life in self.members(node).items() if m not in (away, node.id)}
        if 2 * (len(rest) + 1) <= self.n and not self.broken('a minority evicts'):
            return
        ballot, version = (self.tick(node), node.origin()), self.version(node)
        if self.votes(node, ballot, away, version):
            node.proposal = Proposal(ballot, away, version, rest, {}, frozenset())
            for member in rest:
                self.send(node, self.nodes[member], ('propose', ballot, away, version))

    def withdraw(self, node):
        if node.proposal:
            node.fences = {b: vote for b, vote in node.fences.items() if b != node.proposal.ballot}
            node.proposal = None

    def on_accept(self, node, sender, header, ballot):
        going = node.proposal
        if going and going.ballot == ballot and going.rest.get(sender.id) == header['life']:
            node.proposal = going._replace(accepted={**going.accepted, sender.id: header['life']})
            self.take_effect(node)

    def heard_all_of(self, node, peer, table):
        going = node.proposal
        if going and going.accepted.get(peer.id) == table['life'] and going.ballot in table['fences']:
            node.proposal = going._replace(in_step=going.in_step | {peer.id})
            self.take_effect(node)

    def take_effect(self, node):
        going = node.proposal
        rest, accepted, in_step = set(going.rest), set(going.accepted), set(going.in_step)
        if self.broken('not in step with who accepted'):
            in_step = rest
        if self.broken('most of those left will do') and len(accepted & in_step) >= len(rest) - 1:
            rest = accepted & in_step
        if not rest <= accepted & in_step or self.version(node) != going.version or node.redo or not self.good_standing(node):
            return
        self.seen['evictions'] += 1
        version = self.tick(node), node.origin()
        known = {*node.clock, *node.ended, *node.retired, *node.current.items()}
        self.known_then[version] = frozenset(o for o in known if o[0] == going.away)
        node.evicted[going.away] = version
        for origin in sorted(known - node.retired):
            anew = not node.complete(origin) and self.is_away(node, origin[0])
            if origin[0] == going.away or anew:
                self.write_end(node, origin, node.evicted.get(origin[0], NEVER))
        self.withdraw(node)

    # ---- Those who are asked
    def votes(self, node, ballot, away, version):
        if version != self.version(node) or away == node.id or not self.good_standing(node):
            return False
        if any(of == version and who != away for who, of in node.fences.values()) and not self.broken('several votes a version'):
            return False
        if not self.broken('who accepts does not fence'):
            node.fences = {**node.fences, ballot: (away, version)}
        return True

    def on_propose(self, node, sender, header, ballot, away, version):
        if header['ballot'] == ballot and (ballot in node.fences or self.votes(node, ballot, away, version)):
            self.send(node, sender, ('accept', ballot))

    def fences(self, node, member):
        return any(away == member for away, _ in node.fences.values())

    def lift_fences(self, node, header):
        """Its proposer says that nothing comes of it, or it has taken effect, or its proposer is gone itself."""
        def stands(ballot, away):
            if ballot[1] == node.origin():
                return True
            at, proposer = ballot
            if node.evicted.get(away, NEVER) > ballot or self.is_out(node, proposer):
                return False
            return not (header['sender'] == proposer[0] and header['life'] >= proposer[1] and header['hlc'] > at
                        and header['ballot'] != ballot)
        node.fences = {ballot: vote for ballot, vote in node.fences.items() if stands(ballot, vote[0])}

    # ---- The way back
    def come_back(self, node, member):
        """A new life, admitted by those in good standing: it keeps its disk, and goes on as any other that was away."""
        members = [self.nodes[m] for m in self.members(member) if m != node.id]
        admitting = [m for m in members if self.good_standing(m) and not self.is_cut(m, node) and not self.is_cut(m, member)
                     and m.evicted == member.evicted and not self.fences(m, node.id)]
        if self.broken('admitted by one'):
            admitting = [member]
        elif member not in admitting or 2 * len(admitting) <= len(members):
            return
        self.seen['returns'] += 1
        node.hlc = max([node.hlc] + [self.tick(m) for m in admitting])
        node.back_from = node.evicted.get(node.id, NEVER)
        node.to_rebase = not self.broken('comes back without a rebase')
        self.begin_life(node)
        # One alone may forget it again, by an old disk, and close a life without having asked it.
        for m in admitting:
            m.current[node.id] = node.life
            m.clock[node.origin()] = self.starts[node.origin()]
            m.hlc = max(m.hlc, node.hlc)
