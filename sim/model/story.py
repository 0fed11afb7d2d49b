"""Tells a failing history, shrunk, as a table: what happened, and what changed on which node."""
from history import History, replay, shrink


def named(actor):
    return f'{actor[0][0]}' + '.'.join(map(str, actor[1:]))  # s1: session 1, n1.0: node 1 in its first life.


def life(origin):
    return f'{origin[0]}.{origin[1]}'


def told(row):
    """+ adds, - removals: actor:timestamp, and where that is not all, @commit."""
    def entry(actor, e):
        plain = e[1][0] == e[0] and actor == ('node', e[1][1][0])
        return f'{named(actor)}:{e[0]}' + ('' if plain else f'@{e[1][0]}.{life(e[1][1])}')
    adds = [f'+{entry(a, e)}' for a, e in row[0].items()]
    return ' '.join(adds + [f'-{entry(a, e)}' for a, e in row[1].items()]) or 'empty'


def facts(node):
    """What can be said of a node, by name."""
    out = {'life': node.life, 'floor': node.floor(), 'horizon': node.horizon, 'whole': node.whole}
    out |= {f'clock {life(o)}': t for o, t in node.clock.items()}
    for o, end in node.ended.items():
        out[f'end {life(o)}'] = f'final {end.final} seen {end.up_to}' + ''.join(f',{t}' for t in sorted(end.beyond)) + (
            f' redone {sorted(end.redone)}' if end.redone else '')
    out |= {f'fences {who}': f'ballot {b[0]} of {life(b[1])}' for b, (who, _) in node.fences.items()}
    if node.redo:
        out['to look through'] = ' '.join(life(o) for o in sorted(node.redo))
    out |= {f'evicted {m}': f'by agreement {v}' for m, v in node.evicted.items()}
    out |= {f'key {k}': told(row) for k, row in node.rows.items()}
    return out


def event_of(history, event):
    _, kind, arguments, _ = event
    if kind == 'deliver':
        message = history.sent.get(arguments)
        if not message:
            return 'nothing is delivered'
        to, header, body = message
        what = f'{body[0]} from {header["sender"]} (life {header["life"]}, floor {header["floor"]}, horizon {header["horizon"]})'
        if body[0] == 'rows':
            what += f', {len(body[1])} rows' + (', end' if body[4] else '')
        return f'{to} gets {what}'
    if kind == 'operate':
        node, operation, key, tag, actor = (*arguments, None)[:5]
        return f'{operation} key {key} at {node} by ' + (f'{named(tag[1])}, retried with tag {tag[0]}' if tag else named(actor))
    if kind == 'cut':
        return f'{arguments[0]} and {arguments[1]} are cut'
    return ' '.join(map(str, (kind, *arguments)))


def tell(seed, mix, mutant=None):
    history = History(seed, mix, mutant)
    failure = history.run()
    if not failure:
        return print(f'seed {seed} mix {mix} does not fail')
    events = shrink(seed, mix, mutant, history.events, failure[:1])
    known = {}
    print(f'seed {seed} mix {mix}: {history.world.n} nodes, {len(events)} of {len(history.events)} events'
          + (f', without the rule: {mutant}' if mutant else '') + '\n\n| t | what happens | what changes |\n| --- | --- | --- |')
    last = []

    def watch(history, event, after):
        if not after:
            for node in history.world.nodes:
                known.setdefault(node.id, facts(node))
            last[:] = [f'| {event[3]} | {event_of(history, event)} |']
            return
        changes = []
        for node in history.world.nodes:
            now, before = facts(node), known[node.id]
            known[node.id] = now
            changed = {name: now.get(name, 'gone') for name in {**before, **now} if before.get(name) != now.get(name)}
            if changed:
                changes.append(f'{node.id}: ' + ', '.join(f'{name} {value}' for name, value in changed.items()))
        print(last.pop(), '; '.join(changes), '|')

    failure = replay(seed, mix, mutant, events, watch)
    if last:
        print(last.pop(), '**breaks a law** |')
    print(f'\n{failure}')
