#!/usr/bin/env bash
# Installs what the tests in JavaScript need, exactly as their package-lock.json files say, and nothing that is there already.
# Silent, and without network, when all is there.  Without npm on this machine it installs Debian's first.
#
#   scripts/install_npm_packages.sh                   for all tests
#   scripts/install_npm_packages.sh FOLDER...         for those of these folders: tests/redis_clients, tests/http/page
set -euo pipefail
cd "$(dirname "$0")/.."

die() {
  printf 'install_npm_packages: %s\n' "$1" >&2
  exit 1
}

folders=("$@")
if [ ${#folders[@]} -eq 0 ]; then
  mapfile -d '' folders < <(find tests -name node_modules -prune -o -name package-lock.json -printf '%h\0' | sort -z)
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
for folder in "${folders[@]}"; do
  lock=$folder/package-lock.json
  stamp=$folder/node_modules/.installed-from
  [ -f "$lock" ] || die "there is no $lock"
  cmp -s "$lock" "$stamp" && continue
  command -v npm >/dev/null || scripts/install_packages.sh nodejs npm
  printf 'Installing what %s needs\n' "$folder"
  for attempt in 1 2 3; do
    # Without peers, which are wanted by nobody here, and asked for by some.
    npm ci --prefix "$folder" --omit=peer --no-audit --no-fund >"$log" 2>&1 </dev/null && break
    printf 'install_npm_packages: npm ci in %s failed (attempt %s of 3)\n' "$folder" "$attempt" >&2
    [ "$attempt" -lt 3 ] || {
      cat "$log" >&2
      die "npm ci in $folder failed, see above. Mend that (network? registry?) and start again: nothing is half done."
    }
  done
  cp "$lock" "$stamp"
done
