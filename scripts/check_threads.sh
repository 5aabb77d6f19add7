#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Looks for data races: the programs of tests/native under ThreadSanitizer, by clang++ with libomp, whose
# barriers Archer makes known to it (with g++ and libgomp it reports races that there are none). A race that is
# planted must be found.
#
# usage: scripts/check_threads.sh OUTPUT_DIRECTORY [all]   (all: the driver's trainings too, some minutes)
# Prints SKIPPED with the tool's name, and succeeds, where a tool cannot be had.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p "$1"
output=$(realpath "$1")

newest() { # pattern of paths
  compgen -G "$1" | sort --version-sort | tail -n 1
}
find_tools() {
  compiler=$(newest '/usr/bin/clang++-[0-9]*')
  archer=$(newest "/usr/lib/llvm-${compiler##*-}/lib/libarcher.so")
  runtime=$(newest "/usr/lib/llvm-${compiler##*-}/lib/clang/*/lib/linux/libclang_rt.tsan-*.a")
  [[ -n $compiler && -n $archer && -n $runtime ]]
}
install_tools() {
  ((EUID == 0)) && command -v apt-get >/dev/null || return 0
  export DEBIAN_FRONTEND=noninteractive
  { timeout 60 apt-get update &&
    version=$(apt-cache depends clang | sed -n 's/.*Depends: clang-\([0-9]*\)$/\1/p') &&
    timeout 150 apt-get install -y --no-install-recommends \
      "clang-$version" "libclang-rt-$version-dev" "libomp-$version-dev"; } \
    >"$output/apt.log" 2>&1 </dev/null || echo "check_threads: apt-get could not install the tools"
}

find_tools || install_tools
if ! find_tools; then
  echo "check_threads: SKIPPED, clang++, its thread sanitizer or libomp's Archer is missing"
  exit 0
fi

build=$output/tsan
flags=
[[ $(uname -m) == x86_64 ]] && flags="-mavx2 -mfma"   # short code for the vectors, soon compiled
cmake --preset tsan -B "$build" -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_CXX_FLAGS="$flags" >"$build.log"
cmake --build "$build" --target races $([[ ${2:-} == all ]] && echo driver) >>"$build.log" ||
  { tail -n 40 "$build.log"; exit 1; }

export OMP_TOOL_LIBRARIES=$archer TSAN_OPTIONS=ignore_noninstrumented_modules=1 OMP_NUM_THREADS=2
if "$build/races" planted >"$output/planted.txt" 2>&1; then
  echo "check_threads: the planted race was not found" >&2
  exit 1
fi
grep -q "WARNING: ThreadSanitizer: data race" "$output/planted.txt" || { cat "$output/planted.txt"; exit 1; }
"$build/races" >"$output/races.txt"
echo "check_threads: the planted race was found, and none in $(wc -l <"$output/races.txt") kinds of training" \
  "beside predictions"
if [[ ${2:-} == all ]]; then
  "$build/driver" >"$output/driver.txt"
  echo "check_threads: nor in what the driver runs: $(wc -l <"$output/driver.txt") lines"
fi
