#!/usr/bin/env bash
# Goal:   scripts/install_packages.sh installs exactly what is missing, as root or by sudo, and is silent when all is
#         there.
# Method: a PATH of its own, where dpkg-query, apt-get, id and sudo are stand-ins that write down what they were told.
set -euo pipefail
cd "$(dirname "$0")/../.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bin=$work/bin
mkdir "$bin"
for tool in bash env mktemp cat rm; do ln -s "$(command -v "$tool")" "$bin/$tool"; done

stand_in() {  # name, body
  printf '#!/usr/bin/env bash\n%s\n' "$2" >"$bin/$1"
  chmod +x "$bin/$1"
}
stand_in dpkg-query "case \" \$MISSING \" in *\" \${!#} \"*) echo no such package >&2; exit 1;; esac; printf installed"
stand_in apt-get "echo \"apt-get \$* [\$DEBIAN_FRONTEND]\" >>$work/told
[ -z \"\${APT_FAILS:-}\" ] || { echo no route to host; exit 100; }"
stand_in id "echo \$USER_ID"

run() { env -i PATH="$bin" "$@" bash scripts/install_packages.sh >"$work/out" 2>"$work/err"; }
expect() {  # what, condition...
  local what=$1
  shift
  "$@" && return
  printf 'not so: %s\n--- out\n%s\n--- err\n%s\n--- told\n%s\n' "$what" "$(cat "$work/out")" "$(cat "$work/err")" \
    "$(cat "$work/told" 2>/dev/null)"
  exit 1
}
says() { grep -qF -- "$2" "$work/$1"; }
fails() { ! "$@"; }

rm -f "$work/told"
expect "nothing missing: succeeds" run MISSING= USER_ID=0
expect "nothing missing: silent" [ ! -s "$work/out" ]
expect "nothing missing: apt-get is left alone" [ ! -e "$work/told" ]

expect "root: succeeds" run MISSING="ccache liblmdb-dev" USER_ID=0
expect "root: one line says what" [ "$(wc -l <"$work/out")" -eq 1 ]
expect "root: names what is missing" says out "ccache liblmdb-dev"
expect "root: updates first" grep -q "^apt-get .*update .noninteractive" <(head -1 "$work/told")
expect "root: installs just that, without questions" says told \
  "install --yes --no-install-recommends ccache liblmdb-dev [noninteractive]"

rm -f "$work/told"
expect "neither root nor sudo: fails" fails run MISSING=ccache USER_ID=1000
expect "neither root nor sudo: says what to run" says err "apt-get install --no-install-recommends ccache"
expect "neither root nor sudo: apt-get is left alone" [ ! -e "$work/told" ]

stand_in sudo "echo \"sudo \$*\" >>$work/told; exec \"\$@\""
expect "sudo: succeeds" run MISSING=ccache USER_ID=1000
expect "sudo: is used" says told "sudo env DEBIAN_FRONTEND=noninteractive apt-get"
expect "sudo: the frontend arrives" says told "ccache [noninteractive]"

expect "apt-get fails: fails" fails run MISSING=ccache USER_ID=0 APT_FAILS=1
expect "apt-get fails: shows what it said" says err "no route to host"
expect "apt-get fails: says which step" says err "apt-get update failed"
expect "apt-get fails at update: does not go on" [ "$(grep -c install <(tail -1 "$work/told"))" -eq 0 ]
echo "install_packages: all as promised"
