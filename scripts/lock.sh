#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Writes requirements/ci.txt: all that .ci/run installs (the extra `dev` and the build requirements,
# with what they need in turn), for any platform and Python >= 3.11, each file by its SHA-256.
# Versions that are locked already stay, unless --upgrade is given. Needs uv.
#
# usage: scripts/lock.sh [--upgrade | --upgrade-package NAME ...]
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p requirements
UV_CUSTOM_COMPILE_COMMAND=scripts/lock.sh uv pip compile pyproject.toml --extra dev \
  --universal --python-version 3.11 --generate-hashes --no-annotate --quiet \
  --output-file requirements/ci.txt "$@"
