"""All nodes of a history, its clock, and its operations.  Draws nothing by itself: history.py says what happens."""
import random

from eviction import Eviction
from horizon import Horizon
from lives import Lives
from node import NEVER, Node
from oracle import Oracle
from replication import Replication
from rows import EMPTY, ghost_join, ghost_of, join, keep

RETRY_WINDOW = 5      # Far shorter than in the product, so that collection is busy.


class World(Replication, Lives, Eviction, Horizon):
    retry_window = RETRY_WINDOW

    def __init__(self, size, evictions=True, rollbacks=True, mutant=None, silent=60):
        self.n, self.mutant, self.rollbacks = size, mutant, rollbacks
        self.evictions = evictions
        self.silent = silent if evictions else 10**9     # Who said nothing for so long may be evicted.
        self.wall, self.numbers = 1, 0
        self.starts = {(m, 0): 0 for m in range(size)}     # Of every life, as its record says.
        self.came_back = dict.fromkeys(self.starts, NEVER) # Likewise: from which eviction of its node it came back.
        self.known_then = {NEVER: frozenset()}   # Of every agreement: the lives of who went that it is about.
        self.cut = set()
        self.sessions = {}                       # Actor -> its last tag.
        self.rng = random.Random(0)
        self.post = lambda message: None
        self.nodes = [Node(i, range(size)) for i in range(size)]
        self.oracle = Oracle(self)
        self.seen = dict.fromkeys(('operations', 'stale_retries', 'collected', 'fenced', 'rebases', 'restarts', 'evictions', 'retired',
                                   'returns', 'done again', 'left', 'operator'), 0)
        for node in self.nodes:
            node.persist()

    def broken(self, name):
        return self.mutant == name

    def others(self, node):
        return [m for m in self.nodes if m is not node]

    def number(self):
        self.numbers += 1
        return self.numbers

    # ---- Time
    def tick(self, node):
        node.hlc = max(node.hlc + 1, self.wall)
        return node.hlc

    def promise(self, node):                     # "Nothing of mine is missing up to now."
        node.clock[node.origin()] = self.tick(node)

    def own_commit(self, node):
        commit = self.tick(node)
        node.clock[node.origin()] = commit
        return commit, node.origin()

    def touch(self, node, key):
        node.lsn += 1
        node.feed[key] = node.lsn

    # ---- Client operations (section 4)
    def operate(self, node, kind, key, tag=None, actor=None):
        """Returns the tag, or None when the node refuses."""
        if not node.whole or node.behind() or self.is_out(node, node.origin()):
            return None
        self.seen['operations'] += 1
        if actor and actor[0] == 'node':
            actor = 'node', *node.origin()
        # A session has learnt the time from each reply: its tags rise, whichever node it asks.
        node.hlc = max(node.hlc, self.sessions.get(actor, 0))
        commit = self.own_commit(node)
        if tag is None:
            tag = commit[0], actor
            self.sessions[actor] = commit[0]
        if (tag[0] <= self.wall - RETRY_WINDOW or tag[0] <= node.horizon) and not self.broken('no retry window'):
            self.seen['stale_retries'] += 1
            return None
        self.apply(node, kind, key, tag, commit)
        return tag

    def apply(self, node, kind, key, tag, commit):
        timestamp, actor = tag
        row = node.row(key)
        if kind == 'add':
            delta = {actor: (timestamp, commit)}, {}
            self.oracle.adds(key, actor, timestamp)
        else:
            observed = {a: (e[0], commit) for a, e in row[0].items() if e[0] < timestamp}
            if actor[0] == 'session':            # It has observed its own earlier adds, wherever they are.
                observed[actor] = (timestamp - 1, commit)
            delta = {}, observed
            self.oracle.removes(key, observed)
        if node.redo:
            self.before_merge(node, key, delta)
        # What that did again has a later commit, and is pushed already: who has it would claim to have this, too.
        if node.last_own_commit > commit[0] and not self.broken('commits overtake each other'):
            commit = self.own_commit(node)
            delta = tuple({a: (t, commit) for a, (t, _) in part.items()} for part in delta)
        self.commit(node, key, delta, commit)

    def commit(self, node, key, delta, commit):
        row = node.row(key)
        after = join(row, delta)
        if after != row:
            self.touch(node, key)
            node.rows[key] = after
        node.ghosts[key] = ghost_join(node.ghost(key), ghost_of(delta))
        delta = keep(after, lambda e: e[1] == commit)
        previous, node.last_own_commit = node.last_own_commit, commit[0]
        rows = [(key, delta, ghost_of(delta))] if delta != EMPTY else []
        for peer in self.others(node):
            if self.rng.random() < .7:
                self.send(node, peer, ('push', node.origin(), previous, commit[0], rows))

    def announce(self, node):
        self.promise(node)
        node.reports[node.id] = (node.hlc, node.floor(), node.life)
        for peer in self.others(node):
            self.send(node, peer, ('report', node.reports[node.id]))

    def check(self, node):
        self.oracle.check(node)
