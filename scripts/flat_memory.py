# SPDX-License-Identifier: BSD-3-Clause
"""Trains small networks again and again, and looks at the memory of the process.

Each round makes a network, fits it, predicts, copies it and has one call refused; each tenth saves
and loads it. After a tenth of the rounds nothing may grow: the process's resident memory by no more
than 1 MiB, its files and threads not at all.

usage: python scripts/flat_memory.py [ROUNDS]
"""

from __future__ import annotations

import copy
import gc
import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import numpy as np

import deltarule as dr

MOST = 1 << 20


def resident() -> int:
    """Return the process's resident memory in bytes."""
    gc.collect()
    with open("/proc/self/statm") as numbers:
        return int(numbers.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def open_things() -> tuple[int, int]:
    """Return the process's open files and threads."""
    return len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))


def take(round: int, path: Path) -> None:
    """Do all of it once."""
    rng = np.random.default_rng(round % 100)
    hidden = 1 + round * 7 % 60
    X, Y = rng.standard_normal((40, 5)), rng.random((40, 2))
    optimizer = dr.Adam() if round % 2 else dr.SGD(0.01, momentum=0.9)
    mlp = dr.MLP([5, hidden, 2], "tanh", seed=round)
    mlp.fit(X, Y, optimizer, 1 + round % 40, epochs=2, n_threads=1 + round % 2)
    mlp.predict(X)
    copy.copy(mlp)
    X[round % 40, 0] = np.nan
    with suppress(ValueError):
        mlp.fit(X, Y, optimizer, epochs=1)
    if round % 10 == 0:
        mlp.save(path)
        dr.load(path)


def main() -> int:
    """Print what the memory was, and whether it grew."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    seen, things = [], (0, 0)
    with tempfile.TemporaryDirectory() as folder:
        for round in range(rounds):
            take(round, Path(folder) / "network")
            if (round + 1) * 10 % rounds < 10:
                seen.append(resident())
                things = things if len(seen) > 1 else open_things()
    grown = seen[-1] - seen[0]
    files, threads = (now - then for now, then in zip(open_things(), things, strict=True))
    print("flat_memory: MiB after each tenth:", *(f"{bytes / 2**20:.2f}" for bytes in seen))
    print(f"flat_memory: {rounds} rounds; {grown} bytes, {files} files, {threads} threads more")
    return int(grown > MOST or files > 0 or threads > 0)


if __name__ == "__main__":
    sys.exit(main())
