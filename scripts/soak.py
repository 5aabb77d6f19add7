# SPDX-License-Identifier: BSD-3-Clause
"""Fits, predicts, saves and loads at random in several threads, while another checks the results.

The checker holds every network it is sent against the NumPy oracle, within the error bounds of
`deltarule.compare`'s kind, and against the native network built anew from its file, bit for bit.
Resident memory and open files are read all the while: after the first fifth of the time they must
not grow.

usage: python scripts/soak.py [SECONDS [SEED [THREADS]]]
"""

from __future__ import annotations

import ctypes
import os
import queue
import random
import resource
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

import deltarule as dr

GROWTH = 40 * 2**20  # bytes; the allocator's own moods
TOLERANCE = {"float32": 2e-4, "float64": 1e-10}  # of the outputs, which are about 1

Job = tuple[Path, Any, Any, Any]


def work(draw: random.Random, folder: Path, number: int) -> Job:
    """Make, train and save a network; return the file and what it predicts."""
    layers = [draw.randint(1, 30) for _ in range(draw.randint(2, 4))]
    dtype = draw.choice(("float32", "float64"))
    mlp = dr.MLP(layers, "tanh", dtype=dtype, seed=draw.randrange(100))
    rng = np.random.default_rng(draw.randrange(1000))
    X, Y = rng.normal(size=(draw.randint(1, 300), layers[0])), None
    Y = rng.normal(size=(len(X), layers[-1]))
    rule = draw.choice((dr.SGD(1e-3), dr.Adam(1e-3), dr.RMSProp(1e-4)))
    path = folder / f"{number}"
    kept: dict[str, Any] = {"checkpoint": path} if draw.random() < 0.3 else {}
    source: Any = X
    if draw.random() < 0.2:
        source, Y = [(X, Y)], None
    batch = draw.choice((1, 32) if Y is None else (None, 1, 32))
    mlp.fit(
        source, Y, rule, batch, draw.randint(1, 4),
        n_threads=draw.choice((1, 2, None)), seed=1, shuffle=not kept, **kept,
    )  # fmt: skip
    if not kept:
        mlp.save(path)
    return path, mlp.w.copy(), X, mlp.predict(X, n_threads=draw.choice((1, 2)))


def difference(job: Job) -> str | None:
    """Say what is wrong with a result."""
    path, w, X, y_hat = job
    again = dr.load(path)
    if again.w.tobytes() != w.tobytes():
        return "other weights in the file"
    if again.predict(X).tobytes() != y_hat.tobytes():
        return "other outputs of the same weights"
    exact = dr.oracle.MLP.from_architecture(again.architecture, w).predict(X)
    far = float(np.max(np.abs(exact - y_hat)))
    if not far <= TOLERANCE[again.dtype] * (1 + float(np.max(np.abs(exact)))):
        return f"{far} from the oracle"
    return None


class Soak:
    """The threads and what they count."""

    def __init__(self, seconds: float, seed: int, threads: int, folder: Path) -> None:
        self.end, self.folder = time.perf_counter() + seconds, folder
        self.seed, self.threads = seed, threads
        self.jobs: queue.Queue[Job | None] = queue.Queue(2 * threads)
        self.wrong: list[str] = []
        self.checked = 0

    def produce(self, thread: int) -> None:
        """Work until the time is over."""
        draw, number = random.Random(1000 * self.seed + thread), 0
        while time.perf_counter() < self.end and len(self.wrong) < 9:
            try:
                self.jobs.put(work(draw, self.folder, 10**6 * thread + number))
            except Exception as error:
                self.wrong.append(repr(error))
            number += 1
        self.jobs.put(None)

    def check(self) -> None:
        """Check until all have ended."""
        over = 0
        while over < self.threads:
            job = self.jobs.get()
            if job is None:
                over += 1
                continue
            try:
                said = difference(job)
            except Exception as error:
                said = repr(error)
            if said:
                self.wrong.append(f"{job[0].name}: {said}")
            job[0].unlink(missing_ok=True)
            self.checked += 1


def one_arena() -> None:
    """Let all threads allocate from one heap.

    By default glibc gives threads up to 8 heaps a core and each keeps what was freed in it, so that
    memory grows for as long as there is a heap that no reading thread has had yet: with
    MALLOC_ARENA_MAX=1, or this, 4000 fits of streams end at 38.8 MiB, without at 99.6, of which
    92.3 were there after 500.
    """
    if sys.platform == "linux":
        M_ARENA_MAX = -8
        ctypes.CDLL("libc.so.6").mallopt(M_ARENA_MAX, 1)


def measured() -> tuple[int, int]:
    """Bytes in memory, without those that the C library keeps for later; open files."""
    if sys.platform == "linux":
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize(), len(os.listdir("/proc/self/fd"))


def soak(seconds: float, seed: int, threads: int, folder: Path) -> int:
    """Run it; print a summary."""
    run = Soak(seconds, seed, threads, folder)
    running = [threading.Thread(target=run.produce, args=(k,)) for k in range(threads)]
    running.append(threading.Thread(target=run.check))
    for thread in running:
        thread.start()
    warm = time.perf_counter() + seconds / 5
    before, most = (0, 0), (0, 0)
    while any(thread.is_alive() for thread in running):
        time.sleep(min(1.0, seconds / 20))
        now = measured()
        if time.perf_counter() < warm:
            before = max(before[0], now[0]), max(before[1], now[1])
        else:
            most = max(most[0], now[0]), max(most[1], now[1])
    grown, files = max(0, most[0] - before[0]), max(0, most[1] - before[1])
    last = len(os.listdir("/proc/self/fd"))
    for line in run.wrong[:20]:
        print(line)
    print(
        f"{run.checked} networks trained, saved, loaded and checked in {seconds:.0f} s by "
        f"{threads} threads: {len(run.wrong)} differ; memory grew by {grown / 2**20:.1f} MiB of "
        f"{before[0] / 2**20:.0f}, open files at most by {files} (in the end {last})"
    )
    left = os.listdir(folder)
    return int(bool(run.wrong) or grown > GROWTH or files > 2 * threads or bool(left))


def main(seconds: float = 1800, seed: float = 0, threads: float = 4) -> int:
    """Run the command line."""
    one_arena()
    with tempfile.TemporaryDirectory() as folder:
        return soak(seconds, int(seed), int(threads), Path(folder))


if __name__ == "__main__":
    sys.exit(main(*map(float, sys.argv[1:])))
