#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Builds the sdist twice, from the tree and from what is in it, unpacked elsewhere by a user with other
# habits (umask, time zone, language): the same file. So is the wheel, and small. Then installs it
# where only its runtime dependencies are, and runs the demonstration there, away from the sources. An environment into which the tree was just
# installed spares the first build: then every file of the package must equal the installed one.
#
# usage: scripts/check_wheel.sh OUTPUT_DIRECTORY [ENVIRONMENT]
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

$build --sdist --outdir "$output/sdist" . >"$output/sdist.log"
(
  umask 077
  mkdir -p "$output/unpacked"
  tar -xzf "$output"/sdist/*.tar.gz -C "$output/unpacked" --strip-components=1
)
(
  umask 077
  export TZ=Asia/Kolkata LC_ALL=C
  $build --sdist --outdir "$output/sdist_again" "$output/unpacked" >>"$output/sdist.log"
)
cmp "$output"/sdist/*.tar.gz "$output"/sdist_again/*.tar.gz
echo "check_wheel: the sdist of the unpacked sdist is the same: $(sha256sum "$output"/sdist/*.tar.gz | cut -c -64)"
start=$SECONDS
(
  umask 077
  export TZ=Asia/Kolkata LC_ALL=C
  $build --wheel --outdir "$output/dist" -Cbuild-dir="$output/build" "$output/unpacked" >"$output/wheel.log"
)
echo "check_wheel: built in $((SECONDS - start)) s, build requirements included"
wheel=("$output"/dist/*.whl)

if (($# > 1)); then
  "$2/bin/python" - "${wheel[0]}" <<'EOF'
import sys, sysconfig, zipfile
from pathlib import Path

installed = Path(sysconfig.get_path("platlib"))
with zipfile.ZipFile(sys.argv[1]) as wheel:
    names = [name for name in wheel.namelist() if name.startswith("deltarule/")]
    other = [n for n in names if (installed / n).read_bytes() != wheel.read(n)]
assert any(name.endswith(".so") for name in names)
if other:
    raise SystemExit(f"check_wheel: from tree and sdist differ: {', '.join(other)}")
print(f"check_wheel: {len(names)} files from the sdist equal those installed from the tree")
EOF
else
  $build --wheel --outdir "$output/second" . >"$output/second.log"
  second=("$output"/second/*.whl)
  sha256sum "${wheel[0]}" "${second[0]}"
  cmp "${wheel[0]}" "${second[0]}"
  echo "check_wheel: the wheel from the tree equals the one from the sdist"
fi

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
