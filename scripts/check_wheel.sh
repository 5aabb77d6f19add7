#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Builds the wheel twice, from the tree and from the unpacked sdist, in different directories: both
# must be the same file, and small. Then installs it where only its runtime dependencies are, and
# runs the demonstration there, away from the sources.
#
# usage: scripts/check_wheel.sh OUTPUT_DIRECTORY
# Leaves in it the wheel (dist/) and the build with the kernel objects (build/).
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p "$1"
output=$(realpath "$1")
python=${PYTHON:-python3}
limit=$((3 * 1024 * 1024 / 2))

"$python" -m venv "$output/builder"
"$output/builder/bin/pip" install --quiet build
build="$output/builder/bin/python -m build"

start=$SECONDS
$build --wheel --outdir "$output/dist" -Cbuild-dir="$output/build" . >"$output/wheel.log"
echo "check_wheel: built in $((SECONDS - start)) s, build requirements included"
$build --sdist --outdir "$output/sdist" . >"$output/sdist.log"
mkdir -p "$output/unpacked"
tar -xzf "$output"/sdist/*.tar.gz -C "$output/unpacked" --strip-components=1
$build --wheel --outdir "$output/second" "$output/unpacked" >"$output/second.log"

wheel=("$output"/dist/*.whl)
second=("$output"/second/*.whl)
sha256sum "${wheel[0]}" "${second[0]}"
cmp "${wheel[0]}" "${second[0]}"
echo "check_wheel: the wheel from the tree equals the one from the sdist"

size=$(stat --format=%s "${wheel[0]}")
echo "check_wheel: $size bytes (at most $limit)"
((size <= limit))

"$python" -m venv "$output/runtime"
"$output/runtime/bin/pip" install --quiet "${wheel[0]}"
installed=$("$output/runtime/bin/pip" list --format=freeze | sed 's/==.*//' |
  grep -vxE 'pip|setuptools|wheel' | sort | tr '\n' ' ')
echo "check_wheel: installed: $installed"
[[ $installed == "deltarule numpy safetensors " ]]
(cd "$output" && "$output/runtime/bin/deltarule" demo)
