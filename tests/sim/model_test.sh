#!/usr/bin/env bash
# Goal:   sim/model holds its laws with all rules on, and sees it when one is off.
# Method: some histories of each mix; then each mutant by the history that is written down for it, which passes with all rules on.
#         Always the same histories, some 25 s; sim/model/README.md has what longer sweeps showed.
set -euo pipefail
cd "$(dirname "$0")/../.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

model() { python3 -B sim/model/protocol_model.py "$@" >"$work/out" 2>"$work/err"; }
expect() {  # what, condition...
  local what=$1
  shift
  "$@" && return
  printf 'not so: %s\n--- out\n%s\n--- err\n%s\n' "$what" "$(cat "$work/out")" "$(cat "$work/err")"
  exit 1
}
exits() {  # code, arguments...
  local wanted=$1 code=0
  shift
  model "$@" || code=$?
  [ $code -eq "$wanted" ]
}
says() { grep -qF -- "$1" "$work/out"; }
counts() { [ "$(grep -cF -- "$1" "$work/out")" -eq "$2" ]; }

expect "all rules on: histories of all mixes pass" exits 0 --runs 210 --seed 1
expect "all rules on: it says so" says "0 of 210 histories fail"
expect "all rules on: members are evicted and come back" grep -qE ' [1-9][0-9]* evictions,.* [1-9][0-9]* returns' "$work/out"
expect "all rules on: writes that nobody has seen are done again" grep -qE ' [1-9][0-9]* done again' "$work/out"
expect "all rules on: removals are collected, and nodes rebase" grep -qE ' [1-9][0-9]* collected,.* [1-9][0-9]* rebases' "$work/out"

expect "a rule off: each is killed by its history" exits 0 --recorded
killed=$(grep -cF ": killed, law " "$work/out")
model --list
expect "a rule off: there is a history for all but those that the list excepts" \
  [ "$killed" -eq "$(grep -vcF '(no history known)' "$work/out")" ]

first='clock at every chunk'
expect "a rule off: exit code 1" exits 1 --mix both --runs 6 --mutant "$first"
expect "a rule off: a failure has its seed" grep -qE "^seed [0-5] mix both: " "$work/out"
expect "a mutant survives: exit code 1" exits 1 --mix rollbacks --runs 1 --mutants 'past an end is kept'
expect "a mutant survives: it says so" says "SURVIVES 1 histories"
expect "a story: exit code 1" exits 1 --mix both --runs 6 --story --mutant "$first"
expect "a story: ends with what broke the law" counts "**breaks a law**" 1

expect "no such mutant: exit code 2" exits 2 --mutants 'no such rule'
expect "help: exit code 0" exits 0 --help
expect "help: names its options" says "--runs N"
echo "model: all as promised"
