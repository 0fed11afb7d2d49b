#!/usr/bin/env bash
# From a fresh clone to a running cluster: installs what is missing, builds Kith, plays demo/story.kith.
set -euo pipefail
cd "$(dirname "$0")"

case ${1:-} in
  '') ;;
  -h | --help)
    printf '%s\n' "./quickstart.sh  installs what is missing, builds Kith and plays a short story on a cluster of three nodes." \
      "Takes no arguments; may ask for your password, to install Debian packages."
    exit 0
    ;;
  *)
    printf 'quickstart.sh takes no arguments (got %s); see ./quickstart.sh --help\n' "$1" >&2
    exit 2
    ;;
esac

stopped() {
  printf '\nquickstart stopped at: %s. %s\n' "$1" "$2" >&2
  exit 1
}

printf 'Kith: shared state that is always writable.  The first build takes minutes, the next ones seconds.\n\n'
scripts/install_packages.sh || stopped "installing packages" "The reason is above; then ./quickstart.sh goes on from here."
scripts/build.sh release kith kithd || stopped "building" "Mend that, then ./quickstart.sh goes on from here."

printf '\n'
build/bin/kith demo --script demo/story.kith || {
  code=$?
  stopped "the demo (exit code $code)" "Once more, by itself: build/bin/kith demo --script demo/story.kith"
}

# Somebody is sitting there: say how to go on.
if [ -t 0 ] && [ -t 1 ]; then
  cat <<'TEXT'

That was the story.  Your turn:

  build/bin/kith demo      three nodes of your own: write, cut, kill and heal them
  build/bin/kith --help    everything else
  README.md                the tour
TEXT
fi
