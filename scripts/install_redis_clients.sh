#!/usr/bin/env bash
# Installs the npm packages that the tests use as clients of the Redis port into DIR, exactly as the lock file says.
# Silent, and without network, when they are there already.
#
#   scripts/install_redis_clients.sh DIR
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)/tests/redis_clients
directory=${1:?install_redis_clients wants the directory to install into}

command -v npm >/dev/null || {
  printf 'install_redis_clients: there is no npm here; scripts/install_packages.sh installs it\n' >&2
  exit 1
}
mkdir -p "$directory"
stamp=$directory/installed.lock
cmp --silent "$here/package-lock.json" "$stamp" && exit 0

cp "$here/package.json" "$here/package-lock.json" "$directory/"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for attempt in 1 2 3; do
  if (cd "$directory" && npm ci --omit=peer --no-audit --no-fund >"$log" 2>&1 </dev/null); then
    cp "$here/package-lock.json" "$stamp"
    exit 0
  fi
  printf 'install_redis_clients: npm failed (attempt %s of 3)\n' "$attempt" >&2
done
cat "$log" >&2
printf 'install_redis_clients: the packages could not be installed, see above. Is there a network? Then start again.\n' >&2
exit 1
