#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Builds a wheel for machines with glibc >= 2.28 on a Debian of today: against the libraries of
# scripts/make_sysroot.sh, then repaired and tested by scripts/check_repaired.sh. The driver of
# tests/native, built likewise, must print under that old C library what it prints under today's.
# Releases are built in the manylinux_2_28 container instead (.github/workflows/wheels.yml).
#
# usage: DEBIAN_MIRROR=URL scripts/check_manylinux.sh OUTPUT_DIRECTORY [PYTEST_ARGUMENT ...]      x86-64 only
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p "$1"
output=$(realpath "$1")
shift

scripts/make_sysroot.sh "$output/sysroot"
# shellcheck disable=SC1091
source "$output/sysroot/environment"
python3 -m build --wheel --outdir "$output/wheel" -Cbuild-dir="$output/build" . >"$output/wheel.log"
scripts/check_repaired.sh "$output/repaired" "$output"/wheel/*.whl manylinux_2_28_x86_64 "$@"

cmake --preset driver -B "$output/driver" >"$output/driver.log"
cmake --build "$output/driver" --target driver >>"$output/driver.log"
old=$output/sysroot/lib/x86_64-linux-gnu
"$old/ld-2.31.so" --library-path "$old:$output/sysroot/usr/lib/x86_64-linux-gnu" \
  "$output/driver/driver" >"$output/old.txt" 2>"$output/old.isas"
"$output/driver/driver" >"$output/new.txt" 2>/dev/null
[[ -s $output/old.txt ]]
cmp "$output/old.txt" "$output/new.txt"
echo "check_manylinux: $(wc -l <"$output/old.txt") hashes under glibc 2.31 and under this machine's are equal"
