#!/usr/bin/env bash
# scripts/two_builds.sh [SEEDS] -- one seed is one history: in two builds (-O2 and -O0), and wherever memory happens to be.
#
# Builds kith-sim both ways and compares the hashes of that many drawn histories (60).  Each process has its own random
# addresses; one run more is without them.
set -euo pipefail
cd "$(dirname "$0")/.."

seeds=${1:-60}
scripts/build.sh release kith-sim
scripts/build.sh plain kith-sim
hashes() { "$@" sweep --seeds "$seeds" --hashes --jobs 2 | sort -n; }
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
hashes build/bin/kith-sim >"$directory/optimized"
hashes build-plain/bin/kith-sim >"$directory/plain"
cp "$directory/optimized" "$directory/fixed"
# A container may not allow it.
! setarch -R true 2>/dev/null || hashes setarch -R build/bin/kith-sim >"$directory/fixed"

[ "$(grep -c . "$directory/optimized")" -eq "$seeds" ] || {
  printf 'two builds: %s hashes for %s seeds: see build/bin/kith-sim sweep --seeds %s\n' "$(grep -c . "$directory/optimized")" "$seeds" "$seeds" >&2
  exit 1
}
for other in plain fixed; do
  diff "$directory/optimized" "$directory/$other" >&2 || {
    printf 'two builds: the histories of these seeds differ (%s)\n' "$other" >&2
    exit 1
  }
done
printf 'two builds: %s seeds, one history each (-O2, -O0, fixed addresses); all together %s\n' "$seeds" "$(sha256sum <"$directory/optimized" | cut -c1-16)"
