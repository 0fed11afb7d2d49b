"""One cell of the model: an observed-remove element, as a pair (adds, removed) of maps actor -> (timestamp, commit).

A commit is (timestamp, origin), an origin (node, life).  Rows are values: nothing here changes one in place.
"""

EMPTY = ({}, {})


def later(a, b):
    """The entry of the greater timestamp; of one tag that was committed twice (a retry) the earlier commit."""
    if a is None or b is None:
        return a or b
    if a[0] != b[0]:
        return max(a, b)
    return min(a, b)


def pointwise(a, b):
    return {actor: later(a.get(actor), b.get(actor)) for actor in {**a, **b}}


def join(a, b):
    return pointwise(a[0], b[0]), pointwise(a[1], b[1])


def dead(row, actor, entry):
    return actor in row[1] and entry[0] <= row[1][actor][0]


def shown(row):
    """What is sent on: a dead add stays where it is."""
    return {a: e for a, e in row[0].items() if not dead(row, a, e)}, row[1]


def live(row):
    return {a: e[0] for a, e in shown(row)[0].items()}


def keep(row, wanted):
    return tuple({a: e for a, e in part.items() if wanted(e)} for part in row)


def commits(row):
    return {e[1] for part in row for e in part.values()}


def pointwise_max(a, b):
    out = dict(a)
    for key, value in b.items():
        if out.get(key, -1) < value:
            out[key] = value
    return out


# ---- Ghosts: all entries that ever were, as two sets of (actor, timestamp, commit).  Nothing takes the place of another.

NOTHING = (frozenset(), frozenset())


def ghost_of(row):
    return tuple(frozenset((a, *e) for a, e in part.items()) for part in row)


def ghost_join(a, b):
    return a[0] | b[0], a[1] | b[1]


def ghost_keep(ghost, wanted):
    return tuple(frozenset(e for e in part if wanted(e[1:])) for part in ghost)


def ghost_live(ghost):
    removed, out = {}, {}
    for actor, t, _ in ghost[1]:
        removed[actor] = max(removed.get(actor, -1), t)
    for actor, t, _ in ghost[0]:
        if t > removed.get(actor, -1):
            out[actor] = max(out.get(actor, -1), t)
    return out
