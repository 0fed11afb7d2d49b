#!/usr/bin/env bash
# Installs what the tests in JavaScript need, exactly as their package-lock.json files say, and nothing that is there already.
# Silent when all is there.  Without npm on this machine it installs Debian's first.  Clients of Redis are left to install_redis_clients.sh.
set -euo pipefail
cd "$(dirname "$0")/.."

die() {
  printf 'install_npm_packages: %s\n' "$1" >&2
  exit 1
}

command -v npm >/dev/null || scripts/install_packages.sh nodejs npm

log=$(mktemp)
trap 'rm -f "$log"' EXIT
while IFS= read -r -d '' lock; do
  folder=$(dirname "$lock")
  stamp=$folder/node_modules/.installed-from
  cmp -s "$lock" "$stamp" && continue
  printf 'Installing what %s needs\n' "$folder"
  npm ci --prefix "$folder" --no-audit --no-fund >"$log" 2>&1 </dev/null || {
    cat "$log" >&2
    die "npm ci in $folder failed, see above. Mend that (network? registry?) and start again: nothing is half done."
  }
  cp "$lock" "$stamp"
done < <(find tests \( -name node_modules -o -path tests/redis_clients \) -prune -o -name package-lock.json -print0)
