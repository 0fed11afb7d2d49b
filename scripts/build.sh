#!/usr/bin/env bash
# scripts/build.sh PRESET [TARGET...] -- configures and builds one preset, with one line of progress and all else in a log.
#
# Presets: release (in build/), plain (not optimized, in build-plain/), asan (in build-asan/), tsan (in build-tsan/), fuzz (in build-fuzz/,
# of which the targets are named: fuzz or fuzz_NAME).  Without targets everything is built.
set -euo pipefail
cd "$(dirname "$0")/.."

preset=${1:?which preset: release, asan or tsan?}
shift
case $preset in
  release) directory=build ;;
  *) directory=build-$preset ;;
esac
mkdir -p "$directory"
log=$directory/build.log

fail() {
  # The first error is the one to read; the rest mostly follow from it.
  grep -m 3 -A 4 -E '(error|Error|FAILED)[: ]' "$log" >&2 || tail -n 15 "$log" >&2
  printf '\n%s failed. The whole story is in %s\n' "$1" "$log" >&2
  exit 1
}

# On a terminal, one line that counts; elsewhere nothing until the end.
show_progress() {
  local line shown=0
  while IFS= read -r line; do
    printf '%s\n' "$line" >>"$log"
    if [ -t 1 ] && [[ $line =~ ^\[([0-9]+)/([0-9]+)\] ]]; then
      printf '\r  %s of %s ' "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}"
      shown=1
    fi
  done
  [ $shown -eq 0 ] || printf '\r\033[K'
}

printf 'Building %s\n' "${*:-everything} (preset $preset) in $directory/"
cmake --preset "$preset" >"$log" 2>&1 </dev/null || fail "Configuring"

targets=()
[ $# -eq 0 ] || targets=(--target "$@")
NINJA_STATUS='[%f/%t] ' cmake --build "$directory" --parallel "$(nproc)" "${targets[@]}" 2>&1 </dev/null | show_progress ||
  fail "Building"
