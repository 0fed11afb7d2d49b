#!/usr/bin/env bash
# Fuzzes what strangers send: builds the programs of libFuzzer (preset fuzz) and runs them one after the other.
#
#   scripts/fuzz.sh                     all targets, 10 minutes each
#   scripts/fuzz.sh TARGET [SECONDS]    one of them; TARGET may be all
#
# Targets: client, config, engine, peer, redis, rows (tests/fuzz/targets.h).  What is new in the inputs is kept in
# build-fuzz/corpus/TARGET and is where the next run goes on; the files in tests/fuzz/corpus are only read.
# A finding ends the run: its file is build-fuzz/findings/TARGET-..., and `build-fuzz/bin/fuzz_TARGET FILE` shows it again.
set -euo pipefail
cd "$(dirname "$0")/.."

all=(client config engine peer redis rows)
target=${1:-all}
seconds=${2:-600}
[ "$target" != -h ] && [ "$target" != --help ] || { sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 0; }
[[ " all ${all[*]} " == *" $target "* ]] || { printf 'fuzz.sh: there is no target %s; there are: all %s\n' "$target" "${all[*]}" >&2; exit 2; }
[[ $seconds =~ ^[1-9][0-9]*$ ]] || { printf 'fuzz.sh: %s is no number of seconds\n' "$seconds" >&2; exit 2; }
[ "$target" = all ] || all=("$target")

scripts/install_packages.sh clang-16 libclang-rt-16-dev
scripts/build.sh fuzz "${all[@]/#/fuzz_}"
mkdir -p build-fuzz/findings
failed=()
for name in "${all[@]}"; do
  mkdir -p "build-fuzz/corpus/$name"
  log=build-fuzz/fuzz_$name.log
  printf 'Fuzzing %s for %s s\n' "$name" "$seconds"
  # Memory: AddressSanitizer's shadow and quarantine are most of it.  A run that takes longer than 10 s is a finding, too.
  nice "build-fuzz/bin/fuzz_$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=3072 -max_len=8192 -print_final_stats=1 \
    -artifact_prefix="build-fuzz/findings/$name-" "build-fuzz/corpus/$name" "tests/fuzz/corpus/$name" >"$log" 2>&1 </dev/null || {
    failed+=("$name")
    grep -m 1 -A 12 -E 'ERROR|CHECK|runtime error' "$log" >&2 || true
    printf 'fuzz.sh: %s found something: its file is named at the end of %s\n' "$name" "$log" >&2
  }
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  printf '  %s runs, %s files in the corpus\n' "${runs:-?}" "$(find "build-fuzz/corpus/$name" -type f | wc -l)"
done
[ ${#failed[@]} -eq 0 ]
