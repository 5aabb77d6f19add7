#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Repairs a wheel with auditwheel, so that it brings its OpenMP library along, twice: the same bytes.
# Each library in it must stand in its bill of materials (CycloneDX), each file in its RECORD. Installs
# it where only NumPy and safetensors are, sees that it loads the library it brought, and runs the
# demonstration there, which compares native training with literal loops bit for bit. Needs auditwheel
# and patchelf; tests run with a pytest that lies outside of that environment.
#
# usage: scripts/check_repaired.sh OUTPUT_DIRECTORY WHEEL [PLATFORM [PYTEST_ARGUMENT ...]]
# PLATFORM: as auditwheel names it (auto: the oldest that the wheel is good for).
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p "$1"
output=$(realpath "$1")
wheel=$2
platform=${3:-auto}
shift "$(($# < 3 ? $# : 3))"

for folder in dist again; do
  SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-1577836800} auditwheel repair --plat "$platform" \
    --wheel-dir "$output/$folder" "$wheel" >"$output/$folder.log" 2>&1 || { cat "$output/$folder.log"; exit 1; }
done
repaired=("$output"/dist/*.whl)
cmp "${repaired[0]}" "$output"/again/*.whl
echo "check_repaired: ${repaired[0]##*/}, $(stat --format=%s "${repaired[0]}") bytes, twice the same"

python3 - "${repaired[0]}" <<'EOF'
import base64, csv, hashlib, io, json, re, sys, zipfile

with zipfile.ZipFile(sys.argv[1]) as wheel:
    names = [name for name in wheel.namelist() if not name.endswith("/")]
    (record,) = (name for name in names if name.endswith(".dist-info/RECORD"))
    rows = {row[0]: row[1] for row in csv.reader(io.TextIOWrapper(wheel.open(record), "utf-8"))}
    assert sorted(rows) == sorted(names), set(rows) ^ set(names)
    for name, digest in rows.items():
        if name != record:
            found = base64.urlsafe_b64encode(hashlib.sha256(wheel.read(name)).digest())
            assert digest == f"sha256={found.decode().rstrip('=')}", name
    brought = [name for name in names if name.startswith("deltarule.libs/")]
    (bill,) = (name for name in names if "/sboms/" in name) if brought else (None,)
    said = json.loads(wheel.read(bill)) if bill else {"components": []}
parts = [part["purl"] for part in said["components"] if not part["purl"].startswith("pkg:pypi/")]
for name in brought:
    stem = re.match(r"[a-z]+", name.removeprefix("deltarule.libs/"))[0]
    assert any(f"/{stem}" in part for part in parts), (name, parts)
    print(f"check_repaired: {name} is of {', '.join(parts)} ({bill})")
print(f"check_repaired: {len(rows)} files as RECORD has them, {len(brought)} libraries brought")
EOF

"${PYTHON:-python3}" -m venv "$output/runtime"
"$output/runtime/bin/pip" install --quiet "${repaired[0]}"
installed=$("$output/runtime/bin/pip" list --format=freeze | sed 's/==.*//' |
  grep -vxE 'pip|setuptools|wheel' | sort | tr '\n' ' ')
echo "check_repaired: installed: $installed"
[[ $installed == "deltarule numpy safetensors " ]]
(cd "$output" && runtime/bin/python - "$output/runtime" <<'EOF'
import sys
import deltarule

deltarule.MLP([2, 1]).predict([[0.0, 0.0]])
loaded = {line.split()[-1] for line in open("/proc/self/maps") if "gomp" in line}
assert loaded and all(name.startswith(sys.argv[1]) for name in loaded), loaded
print("check_repaired: loads", *(name.removeprefix(sys.argv[1]) for name in loaded))
EOF
)
(cd "$output" && runtime/bin/deltarule demo)

if (($#)); then
  "$output/runtime/bin/pip" install --quiet --target "$output/pytest" pytest hypothesis
  PYTHONPATH=$output/pytest "$output/runtime/bin/python" -m pytest -p no:cacheprovider "$@"
fi
