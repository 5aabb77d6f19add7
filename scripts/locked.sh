#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Downloads what requirements/ci.txt names, each file by its SHA-256, and prints the settings with which
# pip installs from these files alone, for its isolated builds too.
#
# usage: export $(scripts/locked.sh DIRECTORY)
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p "$1"
directory=$(realpath "$1")
"${PYTHON:-python3}" -m venv "$directory/venv"
"$directory/venv/bin/pip" download --quiet --require-hashes --only-binary :all: \
  --dest "$directory/wheels" --requirement requirements/ci.txt >&2
echo "PIP_NO_INDEX=1"
echo "PIP_FIND_LINKS=$directory/wheels"
