# SPDX-License-Identifier: BSD-3-Clause
"""Fits, predicts, saves and loads at random in several threads, while another checks the results.

The checker holds every network it is sent against the NumPy oracle, within the error bounds of
`deltarule.compare`'s kind, and against the native network built anew from its file, bit for bit.

The time goes by in 20 rounds. After each, when its threads have ended, it is read how many bytes
the C library has given out, how many are resident, and how many blocks Python's own allocator, open
files and threads there are. After the first four rounds none of these may grow by more than `MOST`.
What a network leaves behind adds up over the rounds after them: with the 157 000 networks of one
run of 1800 s those limits are 50 bytes a network given out, 83 resident and one Python block in 25
networks. A run of 60 s, of some 12 000, finds what is 13 times as large.

What is resident at work is printed, not judged: it swings. A fit of blocks makes room for 8 or 32
MiB of rows, of which these sources fill some KiB; NumPy asks for huge pages there, and where the
room lies in the heap, a page touched is 2 MiB until it is freed. The most of one run was 141 MiB
while 47 were there at rest; with NUMPY_MADVISE_HUGEPAGE=0 it was 56 of another.

usage: python scripts/soak.py [SECONDS [SEED [THREADS]]]
"""

from __future__ import annotations

import ctypes
import gc
import os
import queue
import random
import resource
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import deltarule as dr

ROUNDS, WARM = 20, 4


class Rest(NamedTuple):
    """What the process holds while none of the threads is there."""

    used: int  # bytes that the C library has given out
    resident: int  # bytes, without those that it keeps for later
    blocks: int  # of Python's allocator: smaller objects, which the C library knows not of
    files: int
    threads: int

    def above(self, other: Rest) -> Rest:
        """Return how much more this is."""
        return Rest(*(mine - its for mine, its in zip(self, other, strict=True)))

    @staticmethod
    def most(rests: list[Rest]) -> Rest:
        """Return the most there was of each."""
        return Rest(*map(max, zip(*rests, strict=True)))


# Of growth. Not all of this is there after the first rounds of a short run: NumPy keeps up to 3.5
# MiB of small arrays for later, CPython's table of interned strings (pathlib's, of file names) is
# made anew once, 0.5 MiB larger. A thread is joined before it is gone.
MOST = Rest(6 * 2**20, 10 * 2**20, 5000, 0, 3)
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

    def __init__(self, seed: int, threads: int, folder: Path) -> None:
        self.folder, self.seed, self.threads = folder, seed, threads
        self.jobs: queue.Queue[Job | None] = queue.Queue(2 * threads)
        self.wrong: list[str] = []
        self.checked = 0
        self.end = 0.0

    def round(self, number: int, seconds: float) -> None:
        """Start the threads and wait for them."""
        self.end = time.perf_counter() + seconds
        running = [
            threading.Thread(target=self.produce, args=(f"{self.seed} {number} {k}", k))
            for k in range(self.threads)
        ]
        running.append(threading.Thread(target=self.check))
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()

    def produce(self, seed: str, thread: int) -> None:
        """Work until the time is over."""
        draw, number = random.Random(seed), 0
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


class Given(ctypes.Structure):
    """What glibc's mallinfo2 returns."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks",
            "fordblks", "keepcost",
        )
    )  # fmt: skip


def at_rest() -> Rest:
    """Collect what is to be collected, and look."""
    gc.collect()
    libc = ctypes.CDLL("libc.so.6")
    libc.malloc_trim(0)
    libc.mallinfo2.restype = Given
    given = libc.mallinfo2()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return Rest(
        given.uordblks + given.hblkhd,
        pages * resource.getpagesize(),
        sys.getallocatedblocks(),
        len(os.listdir("/proc/self/fd")),
        len(os.listdir("/proc/self/task")),
    )


def soak(seconds: float, seed: int, threads: int, folder: Path) -> int:
    """Run it; print a summary."""
    run = Soak(seed, threads, folder)
    rests: list[Rest] = []
    for number in range(ROUNDS):
        run.round(number, seconds / ROUNDS)
        rests.append(at_rest())
    before = Rest.most(rests[:WARM])
    grown = Rest.most(rests[WARM:]).above(before)
    for line in run.wrong[:20]:
        print(line)
    used, resident = ([rest[k] / 2**20 for rest in (before, grown)] for k in (0, 1))
    at_work = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    print(
        f"{run.checked} networks trained, saved, loaded and checked in {seconds:.0f} s by "
        f"{threads} threads: {len(run.wrong)} differ; at rest after the first fifth "
        f"{used[0]:.1f} MiB in use, {resident[0]:.1f} resident (at work {at_work:.0f}), since then "
        f"{used[1]:+.2f}, {resident[1]:+.2f}, {grown.blocks:+} Python blocks, {grown.files:+} "
        f"files, {grown.threads:+} threads"
    )
    left = os.listdir(folder)
    too_much = any(more > most for more, most in zip(grown, MOST, strict=True))
    return int(bool(run.wrong) or too_much or bool(left))


def main(seconds: float = 1800, seed: float = 0, threads: float = 4) -> int:
    """Run the command line."""
    one_arena()
    with tempfile.TemporaryDirectory() as folder:
        return soak(seconds, int(seed), int(threads), Path(folder))


if __name__ == "__main__":
    sys.exit(main(*map(float, sys.argv[1:])))
