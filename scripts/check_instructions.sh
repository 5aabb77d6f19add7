#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Counts the instructions of three small training steps (tests/native/steps.cpp: one thread, AVX2)
# under callgrind and compares them with tests/native/instructions.txt: a regression that no noise of
# the machine can hide or feign. A count holds for one compiler, so another one is told and let go.
#
# usage: scripts/check_instructions.sh OUTPUT_DIRECTORY [--update]   (check_neon.sh's will do: same build)
# Prints SKIPPED with the reason, and succeeds, where counts cannot be had or compared.
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$0")/.."
mkdir -p "$1"
output=$(realpath "$1")
update=${2:-}
recorded=tests/native/instructions.txt
tolerance=3   # percent

install_tools() {
  ((EUID == 0)) && command -v apt-get >/dev/null || return 0
  export DEBIAN_FRONTEND=noninteractive
  { timeout 120 apt-get update && timeout 400 apt-get install -y --no-install-recommends valgrind; } \
    >"$output/apt.log" 2>&1 </dev/null || echo "check_instructions: apt-get could not install valgrind"
}

skip() {
  echo "check_instructions: SKIPPED, $*"
  exit 0
}

compiler="$(uname -m) $("${CXX:-g++}" --version | head -n 1)"
expected=$(sed -n 's/^compiler //p' "$recorded" 2>/dev/null || true)
grep -qw avx2 /proc/cpuinfo || skip "the counts are of the AVX2 kernels, and this CPU has no AVX2"
[[ -n $update || $compiler == "$expected" ]] ||
  skip "the counts were recorded with '$expected', and this is '$compiler' (--update records anew)"
command -v valgrind >/dev/null || install_tools
command -v valgrind >/dev/null || skip "valgrind is missing"

cmake --preset driver -B "$output/driver" >"$output/driver.log"
cmake --build "$output/driver" --target steps >>"$output/driver.log" || { tail -n 40 "$output/driver.log"; exit 1; }

collected() { # name, steps
  local log=$output/$1-$2.log
  env -u DELTARULE_ISA OMP_NUM_THREADS=1 valgrind --tool=callgrind --callgrind-out-file="$output/$1-$2.out" \
    "$output/driver/steps" "$1" "$2" >"$log" 2>&1 || { cat "$log" >&2; return 1; }
  sed -n 's/^.*Collected : \([0-9]*\).*$/\1/p' "$log"
}

per_step() { # name
  local few many
  few=$(collected "$1" 10)
  many=$(collected "$1" 110)
  echo $(((many - few) / 100))
}

steps=(digits sgd1 full)
failed=0
lines=("compiler $compiler")
for step in "${steps[@]}"; do
  count=$(per_step "$step")
  lines+=("$step $count")
  before=$(sed -n "s/^$step //p" "$recorded" 2>/dev/null || true)
  change=$(awk -v now="$count" -v then="${before:-0}" 'BEGIN { printf "%+.2f", then ? 100 * (now / then - 1) : 0 }')
  echo "check_instructions: $step takes $count instructions a step, recorded ${before:-none} ($change %)"
  [[ -n $before ]] && awk -v c="$change" -v t="$tolerance" 'BEGIN { exit !(c <= t && c >= -t) }' || failed=1
done

if [[ -n $update ]]; then
  printf '%s\n' "${lines[@]}" >"$recorded"
  echo "check_instructions: written to $recorded"
elif ((failed)); then
  echo "check_instructions: a step is not within $tolerance % of its count; a change that is meant to be" \
    "records its own: scripts/check_instructions.sh $1 --update" >&2
  exit 1
fi
