#!/usr/bin/env bash
# Installs the Debian packages that Kith is built from, those that are named besides, and nothing that is there already.
# Silent when all is there.
set -euo pipefail

# The compiler and what drives it; then the libraries, in the order of the folders that need them:
# crdt: xxhash; store: lmdb; gossip: msgpack; node: zmq, spdlog, json, HTTP and metrics, asio, names; tools: the rest; tests: doctest.
packages=(
  g++ cmake ninja-build ccache pkg-config git patch
  libxxhash-dev
  liblmdb-dev
  libmsgpack-cxx-dev
  cppzmq-dev libspdlog-dev nlohmann-json3-dev libcpp-httplib-dev prometheus-cpp-dev libasio-dev libc-ares-dev
  libcli11-dev libtomlplusplus-dev libedit-dev
  doctest-dev
  "$@"
)

die() {
  printf 'install_packages: %s\n' "$1" >&2
  exit 1
}

command -v dpkg-query >/dev/null ||
  die "this is not Debian or a relative of it. Install these by hand, under the names they have here: ${packages[*]}"

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null) || status=absent
  # Node.js often comes from elsewhere, with npm in it; Debian's would not go beside it.
  case $package in nodejs) command -v node >/dev/null && status=installed ;; npm) command -v npm >/dev/null && status=installed ;; esac
  [ "$status" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null ||
    die "not root and no sudo here. As root, run: apt-get update && apt-get install --no-install-recommends ${missing[*]}"
  as_root=(sudo)
fi

printf 'Installing what Kith is built from and this machine lacks: %s\n' "${missing[*]}"

log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() {
  # env inside sudo, since sudo drops the environment: no package may stop to ask a question.
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@" >"$log" 2>&1 </dev/null && return
  cat "$log" >&2
  die "apt-get $1 failed, see above. Mend that (network? sources? another apt running?) and start again: nothing is half done."
}
apt update
apt install --yes --no-install-recommends "${missing[@]}"
