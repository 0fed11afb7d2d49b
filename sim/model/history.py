"""Random histories: drawn event by event, and written down, so that any part of one can be run again.

An event is (number, kind, arguments, wall clock).  What is random within it comes from a generator of its own, and a message is
named after the event that sent it: so events can be left out, and the others stay what they are.  A message that nobody sent
is not delivered.
"""
import random
from collections import deque

from world import World

STEPS = 600
MIXES = {'evictions': (True, False), 'rollbacks': (False, True), 'both': (True, True), 'rare': (True, True)}


class History:
    def __init__(self, seed, mix='both', mutant=None):
        self.seed = seed
        self.rare = mix == 'rare'                # Both, but seldom: members are seldom cut off as a whole, and seldom evicted.
        self.draw = random.Random(f'{seed}/both' if self.rare else f'{seed}/{mix}')
        evictions, rollbacks = MIXES[mix]
        draw = self.draw
        size, silent = draw.choice([2, 3, 4] if self.rare else [2, 3, 3, 4]), draw.choice([15, 30, 60] if self.rare else [10, 20, 40])
        # Histories differ in what is frequent: what one of them never comes to happens in another all the time.
        self.restarts, self.calms = draw.choice([.01, .015]), draw.choice([0, .002, .005] if self.rare else [0, .005, .01])
        self.keys, self.lost = draw.choice([1, 2, 4]), draw.choice([.1, .3])
        self.world = World(size, evictions, rollbacks, mutant, silent)
        self.world.post = self.post
        self.sent, self.under_way, self.issued = {}, [], []
        self.parked = deque(maxlen=300)
        self.events, self.at, self.ordinal = [], 0, 0

    def post(self, message):
        name = (self.at, self.ordinal)
        self.ordinal += 1
        self.sent[name] = message
        self.parked.append(name)
        self.under_way.append(name)

    # ---- What an event does
    def happen(self, kind, *arguments):
        event = (len(self.events), kind, arguments, self.world.wall)
        self.events.append(event)
        return self.apply(event)

    def apply(self, event):
        world = self.world
        self.at, kind, arguments, wall = event
        self.ordinal = 0
        world.wall = max(world.wall, wall)
        world.rng = random.Random(self.seed * 1_000_003 + self.at)
        if kind in ('cut', 'heal'):
            world.cut = world.cut | {arguments} if kind == 'cut' else set()
        elif kind == 'deliver':
            message = self.sent.get(arguments)
            if message:
                world.deliver(message)
        elif kind == 'end':
            self.end()
        else:
            node = world.nodes[arguments[0]]
            if kind == 'operate':
                return world.operate(node, *arguments[1:])
            elif kind == 'pull':
                world.pull(node, world.nodes[arguments[1]])
            elif kind == 'back up':
                node.persist()
            else:                                # announce, collect, evict, restart
                getattr(world, kind)(node)
        return None

    # ---- What happens
    def step(self):
        draw, world = self.draw, self.world
        world.wall += draw.choice([0, 0, 1, 1, 2, 5])
        node, dice = draw.randrange(world.n), draw.random()
        if dice < .22:
            kind, key = draw.choice(['add', 'add', 'remove']), draw.randrange(self.keys)
            actor = ('node', node) if draw.random() < .5 else ('session', draw.randrange(3))
            tag = self.happen('operate', node, kind, key, None, actor)
            if tag:
                self.issued.append((kind, key, tag))
        elif dice < .30:
            if self.issued:
                self.happen('operate', node, *draw.choice(self.issued[-30:]))
        elif dice < .62:
            for _ in range(draw.choice([1, 4, 10])):
                if self.parked and draw.random() < .03:      # One that was thought lost, or comes once more.
                    self.happen('deliver', *draw.choice(self.parked))
                elif self.under_way:
                    span = min(len(self.under_way), 12) if draw.random() < .9 else len(self.under_way)
                    name = self.under_way.pop(draw.randrange(span))
                    if draw.random() >= self.lost:
                        self.happen('deliver', *name)
        elif dice < .78:
            self.happen('pull', node, draw.choice([m for m in range(world.n) if m != node]))
        elif dice < .86:
            self.happen('announce', node)
        elif dice < .93:
            self.happen('collect', node)
            if world.evictions:
                self.happen('evict', node)
        elif dice < .95:
            if not self.rare and draw.random() < .5:  # One from all others, or two from each other.
                for peer in range(world.n):
                    if peer != node:
                        self.happen('cut', node, peer)
            else:
                self.happen('cut', *draw.sample(range(world.n), 2))
        elif dice < .98:
            self.happen('heal')
        elif dice < .98 + self.restarts:
            self.happen(draw.choice(['back up', 'restart']), node)
        elif dice >= 1 - self.calms:
            self.calm()
        if len(self.under_way) > 80:
            del self.under_way[:draw.randrange(30)]

    def calm(self):
        """Those who can talk do for a while: floors rise, and with them what is collected."""
        for _ in range(2 if self.rare else 3):
            for node in range(self.world.n):
                self.happen('announce', node)
                if self.world.evictions and not self.rare:
                    self.happen('evict', node)
            self.deliver_all()
            for node in range(self.world.n):
                for peer in range(self.world.n):
                    if peer != node:
                        self.happen('pull', node, peer)
                        self.deliver_all()
        for node in range(self.world.n):
            self.happen('collect', node)

    def deliver_all(self):
        for _ in range(200):
            if self.under_way:
                self.happen('deliver', *self.under_way.pop(0))

    def end(self):
        """All is healed, and everybody talks to everybody."""
        world = self.world
        world.cut = set()
        self.under_way.clear()
        for _ in range(14):
            world.wall += world.silent // 5 if world.evictions else 1
            for node in world.nodes:
                world.announce(node)
            self.drain()
            for node in world.nodes:
                if world.evictions:
                    world.evict(node)
            for node in world.nodes:
                for peer in world.others(node):
                    world.pull(node, peer)
                    self.drain()
        if world.oracle.needs_operator():
            world.seen['operator'] += 1
            if not world.rollbacks:
                raise AssertionError('O: nobody is above the horizon, and no disk went back')
            return
        world.oracle.check_end()

    def drain(self):
        for _ in range(5000):
            if not self.under_way:
                return
            self.world.deliver(self.sent[self.under_way.pop(0)])
        raise AssertionError('T: pulls do not end')

    def run(self):
        """None, or what went wrong."""
        try:
            for _ in range(STEPS):
                self.step()
            self.happen('end')
        except AssertionError as failure:
            return str(failure)
        return None


def replay(seed, mix, mutant, events, watch=None):
    history = History(seed, mix, mutant)
    try:
        for event in events:
            if watch:
                watch(history, event, False)
            history.apply(event)
            if watch:
                watch(history, event, True)
    except AssertionError as failure:
        return str(failure)
    return None


def shrink(seed, mix, mutant, events, law):
    """Leaves out what is not needed for the same law to be broken."""
    def fails(some):
        return (replay(seed, mix, mutant, some) or '')[:1] == law
    size = max(1, len(events) // 2)
    while True:
        at, less = 0, False
        while at < len(events):
            some = events[:at] + events[at + size:]
            if fails(some):
                events, less = some, True
            else:
                at += size
        if size == 1 and not less:
            return events
        size = max(1, size // 2)
