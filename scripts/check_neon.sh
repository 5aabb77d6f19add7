#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Proves NEON: the stand-alone driver hashes every kernel and whole trainings on each instruction set
# that it finds, and fails if they differ. It is built for this machine and for aarch64 (run under
# qemu-user) from the same source, and both must print the same lines.
#
# usage: scripts/check_neon.sh OUTPUT_DIRECTORY
# Prints SKIPPED with the tool's name, and succeeds, where a tool cannot be had.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p "$1"
output=$(realpath "$1")
emulator=(qemu-aarch64 -L /usr/aarch64-linux-gnu)

install_tools() {
  ((EUID == 0)) && command -v apt-get >/dev/null || return 0
  export DEBIAN_FRONTEND=noninteractive
  { timeout 120 apt-get update &&
    timeout 400 apt-get install -y --no-install-recommends g++-aarch64-linux-gnu qemu-user; } \
    >"$output/apt.log" 2>&1 </dev/null || echo "check_neon: apt-get could not install the tools"
}

missing_tool() {
  local tool
  for tool in aarch64-linux-gnu-g++ qemu-aarch64; do
    command -v "$tool" >/dev/null || { echo "$tool"; return; }
  done
}

[[ -z $(missing_tool) ]] || install_tools
missing=$(missing_tool)
if [[ -n $missing ]]; then
  echo "check_neon: SKIPPED, $missing is missing"
  exit 0
fi

build() { # preset
  cmake --preset "$1" -B "$output/$1" >"$output/$1.log"
  cmake --build "$output/$1" >>"$output/$1.log" || { tail -n 40 "$output/$1.log"; exit 1; }
}

build driver
build driver-aarch64
scripts/check_symbols.sh "$output/driver-aarch64" aarch64-linux-gnu-nm

"$output/driver/driver" >"$output/host.txt"
"${emulator[@]}" "$output/driver-aarch64/driver" >"$output/aarch64.txt" 2>"$output/isas.txt"
cat "$output/isas.txt"
grep -qw neon "$output/isas.txt"
[[ -s $output/host.txt ]]
diff "$output/host.txt" "$output/aarch64.txt"
cat "$output/host.txt"
echo "check_neon: these $(wc -l <"$output/host.txt") hashes are equal on $(uname -m) and aarch64"
