#!/usr/bin/env python3
"""Executable model of Kith's replication, lives, horizon and eviction (DESIGN.md, sections 3 to 8).

Goal:   no rule of the design loses data or brings removed data back.
Method: a few nodes hold observed-remove set elements and live through a random history: client operations and retries at
        any node, pushes and chunked pulls that are lost, repeated and reordered, partitions, collection, members that fall
        silent, are evicted and come back with writes of their own, restarts, disks that come back older.  The laws that
        are checked are in oracle.py.  With --mutant one rule is switched off, and some history must break a law.
"""
import argparse
import sys
import textwrap
import time

import story
from history import MIXES, History
from mutants import KILLED_BY, MUTANTS

MIX_OF = 'evictions', 'rollbacks', 'both'


def mix_of(seed, mix):
    return MIX_OF[seed % len(MIX_OF)] if mix == 'all' else mix


def run(options, mutant=None):
    """Prints each failure; returns how many there were."""
    failures, seen, began = 0, {}, time.monotonic()
    for seed in range(options.seed, options.seed + options.runs):
        history = History(seed, mix_of(seed, options.mix), mutant)
        failure = history.run()
        for name, count in history.world.seen.items():
            seen[name] = seen.get(name, 0) + count
        if failure:
            failures += 1
            print(f'seed {seed} mix {mix_of(seed, options.mix)}: {textwrap.shorten(failure, 300)}', flush=True)
    print(f'{failures} of {options.runs} histories fail, seeds {options.seed}..{options.seed + options.runs - 1}, mix {options.mix}'
          f'{f", without the rule: {mutant}" if mutant else ""}; {time.monotonic() - began:.0f} s')
    print('  ' + ', '.join(f'{count} {name}' for name, count in seen.items()), flush=True)
    return failures


def killed_after(mutant, options):
    """Histories until one fails that passes with all rules on; None: survived."""
    for number, seed in enumerate(range(options.seed, options.seed + options.runs), 1):
        mix = mix_of(seed, options.mix)
        failure = History(seed, mix, mutant).run()
        if failure and not History(seed, mix).run():
            return number, seed, mix, failure
    return None


def sweep(options, names):
    """Prints after how many histories each mutant is killed; returns how many survive."""
    survivors = 0
    for name in names:
        found = killed_after(name, options)
        survivors += found is None
        what = (f'killed after {found[0]:4} histories, law {found[3][:1]}, seed {found[1]} mix {found[2]}' if found
                else f'SURVIVES {options.runs} histories')
        print(f'{name:33}{what}', flush=True)
    return survivors


def recorded(names):
    """Whether each is still killed by the history that is written down for it; returns how many are not."""
    wrong = 0
    for name in names:
        seed, mix = KILLED_BY[name]
        on, off = History(seed, mix).run(), History(seed, mix, name).run()
        wrong += bool(on) or not off
        what = f'killed, law {off[:1]}' if off and not on else f'fails with all rules on: {on}' if on else 'NOT KILLED'
        print(f'{name:33}seed {seed} mix {mix}: {textwrap.shorten(what, 200)}', flush=True)
    return wrong


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument('--runs', type=int, default=300, metavar='N', help='histories; with mutants, at most so many for each (300)')
    options.add_argument('--seed', type=int, default=0, metavar='S', help='of the first; the others follow (0)')
    options.add_argument('--mix', choices=[*MIXES, 'all'], default='all', help='what may happen; all: the first three in turns; rare: both, seldom')
    options.add_argument('--mutant', choices=MUTANTS, metavar='NAME', help='switch this rule off')
    options.add_argument('--mutants', nargs='*', metavar='NAME', help='each of these, or of all: after how many histories is it killed?')
    options.add_argument('--recorded', action='store_true', help='each mutant by the history that mutants.py names for it')
    options.add_argument('--list', action='store_true', help='the mutants, and what each breaks')
    options.add_argument('--story', action='store_true', help='shrink the first failure, and tell it as a table of events')
    options = options.parse_args()
    if options.list:
        for name, what in MUTANTS.items():
            print(f'{name:33}{what}' + ('' if name in KILLED_BY else ' (no history known)'))
        return 0
    if options.recorded:
        return recorded(KILLED_BY) > 0
    if options.mutants is not None:
        unknown = [name for name in options.mutants if name not in MUTANTS]
        if unknown:
            print(f'no such mutant: {", ".join(unknown)}; --list names them', file=sys.stderr)
            return 2
        return sweep(options, options.mutants or MUTANTS) > 0
    if options.story:
        found = killed_after(options.mutant, options) if options.mutant else first_failure(options)
        if not found:
            print(f'no failure in {options.runs} histories')
            return 0
        story.tell(found[1], found[2], options.mutant)
        return 1
    return run(options, options.mutant) > 0


def first_failure(options):
    for seed in range(options.seed, options.seed + options.runs):
        failure = History(seed, mix_of(seed, options.mix)).run()
        if failure:
            return 1, seed, mix_of(seed, options.mix), failure
    return None


if __name__ == '__main__':
    sys.exit(int(main()))
