#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Builds the asan preset (address and undefined-behaviour sanitizers, warnings as errors), runs the
# stand-alone driver (every instruction set of this CPU), then pytest on the modules of that build.
# Needs the build requirements and the test extra in the active environment.
#
# usage: scripts/check_sanitizers.sh BUILD_DIRECTORY [PYTEST_ARGUMENT ...]   (no arguments: no pytest)
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p "$1"
build=$(realpath "$1")
shift

cmake --preset asan -B "$build" --install-prefix "$build/site" >"$build.log"
cmake --build "$build" --target install >>"$build.log" || { tail -n 40 "$build.log"; exit 1; }

export ASAN_OPTIONS=detect_leaks=0   # CPython keeps its memory at exit
"$build/driver" >"$build/hashes.txt"
echo "check_sanitizers: the driver ran clean"

if (($#)); then
  library() { "${CXX:-g++}" -print-file-name="$1"; }
  export LD_PRELOAD PYTHONPATH=$build/site
  LD_PRELOAD="$(library libasan.so) $(library libubsan.so) $(library libstdc++.so)"
  python -c "import deltarule._core as core; assert core.__file__.startswith('$build'), core.__file__"
  python -m pytest "$@"
fi
