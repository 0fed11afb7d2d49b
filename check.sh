#!/usr/bin/env bash
# Builds Kith and runs every test.
#
#   ./check.sh              the release build
#   ./check.sh --asan       AddressSanitizer and UndefinedBehaviorSanitizer
#   ./check.sh --tsan       ThreadSanitizer
#   ./check.sh --all        all three
#   ./check.sh -R REGEX     only tests whose names match; goes with any of the above
set -euo pipefail
cd "$(dirname "$0")"

presets=()
only=()
while [ $# -gt 0 ]; do
  case $1 in
    --release) presets+=(release) ;;
    --asan) presets+=(asan) ;;
    --tsan) presets+=(tsan) ;;
    --all) presets=(release asan tsan) ;;
    -R)
      only=(-R "${2:?-R wants a regular expression}")
      shift
      ;;
    -h | --help)
      sed -n '2,8s/^# \{0,1\}//p' "$0"
      exit 0
      ;;
    *)
      printf 'check.sh does not know %s; see ./check.sh --help\n' "$1" >&2
      exit 2
      ;;
  esac
  shift
done
[ ${#presets[@]} -gt 0 ] || presets=(release)

progress=()
[ ! -t 1 ] || progress=(--progress)

# Besides what is built: promtool, which is in prometheus, a browser, and clients of Redis with the server that they were made for.
scripts/install_packages.sh prometheus chromium redis-tools redis-server python3-redis nodejs npm
scripts/install_npm_packages.sh
failed=()
for preset in "${presets[@]}"; do
  scripts/build.sh "$preset"
  # A build without tests must not pass for a build whose tests pass.
  ctest --preset "$preset" --parallel 2 --no-tests=error "${progress[@]}" "${only[@]}" </dev/null || failed+=("$preset")
done
[ ${#failed[@]} -eq 0 ] || {
  printf '\nTests failed in: %s.  Again, only these: ctest --preset %s --rerun-failed\n' "${failed[*]}" "${failed[0]}" >&2
  exit 1
}
