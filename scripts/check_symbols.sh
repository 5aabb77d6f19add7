#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Kernel objects may export one symbol, their table. Anything else (an inline function of a shared
# header, a template instance) could be the copy that the linker keeps for every instruction set.
#
# usage: scripts/check_symbols.sh BUILD_DIRECTORY [NM]
set -euo pipefail
build=$1
nm=${2:-nm}

mapfile -t objects < <(find "$build" -path '*kernels_*' -name 'kernels.cpp.o' | sort)
if ((${#objects[@]} == 0)); then
  echo "check_symbols: no kernel objects under $build" >&2
  exit 1
fi

failed=0
for object in "${objects[@]}"; do
  isa=${object##*kernels_}
  isa=${isa%%.dir*}
  exported=$("$nm" -C --defined-only --extern-only "$object" | sed 's/^[0-9a-f]* *//')
  if [[ ! $exported =~ ^[BDR]\ (deltarule::)?"$isa"::table$ ]]; then
    printf 'check_symbols: %s exports\n%s\n  expected: one data symbol %s::table, none weak\n' \
      "$object" "$exported" "$isa" >&2
    failed=1
  fi
  # What it calls must be C: fma, memcpy and the like, never a C++ function compiled elsewhere.
  called=$("$nm" --undefined-only "$object" | awk '{ print $2 }' | grep '^_Z' || true)
  if [[ -n $called ]]; then
    printf 'check_symbols: %s calls C++ functions\n%s\n' "$object" "$called" >&2
    failed=1
  fi
  ((failed)) || echo "check_symbols: $isa exports its table only"
done
exit "$failed"
