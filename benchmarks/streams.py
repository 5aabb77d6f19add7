# SPDX-License-Identifier: BSD-3-Clause
"""Training over files beside training in memory, and how little memory it needs, in Markdown.

    python benchmarks/streams.py [--workloads NAME ...] [--rounds 5] [--times 4]
    python benchmarks/streams.py --memory [--limit 512] [--rows-mb 2048]

Speed: files of the rows of a workload, read once before, so that they lie in the page cache. Rounds
take turns, one epoch each way; the ratio is the median of the rounds' ratios. Memory: a process
whose address space is limited (RLIMIT_AS) trains on files 4 times as large as that limit; it prints
the peaks of its address space and of its resident memory.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

import deltarule as dr
from deltarule import streams
from deltarule.bench.workloads import WORKLOADS, Workload
from deltarule.streams.stream import Stream

MB = 2**20


def epochs_of(
    workload: Workload, folder: Path, threads: int | None, times: int
) -> dict[str, Callable[[], Any]]:
    """Return a function that trains one epoch for each way the rows may come."""
    X, Y = (np.concatenate([a] * times) for a in workload.make())
    np.save(folder / "X.npy", X)
    np.save(folder / "Y.npy", Y)
    files = streams.ArrayFiles(folder / "X.npy", folder / "Y.npy")

    def epoch(source: Any, shuffle: bool) -> Callable[[], Any]:
        mlp = workload.network()
        trainer = dr.Trainer(mlp, workload.optimizer, workload.batch_size, threads)
        rng = np.random.default_rng(0)
        if source is None:
            return lambda: trainer.epoch(X, Y, rng.permutation(len(X)) if shuffle else None)
        rows = Stream(source, mlp.architecture, workload.batch_size, shuffle, rng)
        return lambda: rows.train(trainer, 1)

    def blocks() -> Any:
        for at in range(0, len(X), 4096):
            yield X[at : at + 4096], Y[at : at + 4096]

    found = {}
    for shuffle in (False, True):
        for name, source in (("memory", None), ("files", files), ("generator", blocks)):
            found[f"{name}{' shuffled' * shuffle}"] = epoch(source, shuffle)
    return found


def speed(names: list[str], rounds: int, threads: int | None, times: int) -> None:
    """Print samples/s of each way, and its share of the speed in memory."""
    print("| workload | rows | order | in memory, k/s | files | generator |")
    print("|---|---:|---|---:|---:|---:|")
    for name in names:
        workload = WORKLOADS[name]
        with tempfile.TemporaryDirectory() as folder:
            ways = epochs_of(workload, Path(folder), threads, times)
            seconds: dict[str, list[float]] = {way: [] for way in ways}
            for _ in range(rounds + 1):  # the first one warms up
                for way, train in ways.items():
                    start = perf_counter()
                    train()
                    seconds[way].append(perf_counter() - start)
        for order in ("", " shuffled"):
            memory = seconds["memory" + order][1:]
            shares = [
                statistics.median(
                    m / t for m, t in zip(memory, seconds[way + order][1:], strict=True)
                )
                for way in ("files", "generator")
            ]
            rows = times * workload.rows
            rate = rows / statistics.median(memory) / 1e3
            print(
                f"| {name} | {rows} | {order.strip() or 'as they stand'} | {rate:.0f} "
                f"| {shares[0]:.1%} | {shares[1]:.1%} |"
            )


def limited(folder: str, limit_mb: int) -> None:
    """Train within the limit; runs in a process of its own."""
    resource.setrlimit(resource.RLIMIT_AS, (limit_mb * MB, limit_mb * MB))
    source = streams.ArrayFiles(f"{folder}/X.npy", f"{folder}/Y.npy")
    mlp = dr.MLP([256, 64, 10], loss="cross_entropy", seed=0)
    try:
        np.load(f"{folder}/X.npy")
    except MemoryError:
        print("np.load of the features: MemoryError")
    for shuffle in (False, True):
        start = perf_counter()
        history = mlp.fit(source, epochs=1, shuffle=shuffle, batch_size=256, seed=0, n_threads=2)
        with open("/proc/self/status") as lines:
            status = dict(line.split(":", 1) for line in lines)
        peak = {field: int(status[field].split()[0]) / 1024 for field in ("VmPeak", "VmHWM")}
        print(
            f"shuffle={shuffle}: {source.n_rows} rows in {perf_counter() - start:.1f} s, loss "
            f"{history.loss[-1]:.3f}; peak of address space {peak['VmPeak']:.0f} MB, resident "
            f"{peak['VmHWM']:.0f} MB"
        )


def memory(limit_mb: int, rows_mb: int) -> None:
    """Write files and train on them under the limit."""
    rng = np.random.default_rng(0)
    rows = rows_mb * MB // 1024
    with tempfile.TemporaryDirectory() as folder:
        X = np.lib.format.open_memmap(f"{folder}/X.npy", "w+", np.float32, (rows, 256))
        for at in range(0, rows, 65536):
            X[at : at + 65536] = rng.standard_normal((min(65536, rows - at), 256), np.float32)
        X.flush()
        np.save(f"{folder}/Y.npy", rng.integers(0, 10, rows))
        size = sum(file.stat().st_size for file in Path(folder).iterdir()) / MB
        print(f"files {size:.0f} MB, limit (RLIMIT_AS) {limit_mb} MB: {size / limit_mb:.1f} times")
        sys.stdout.flush()
        command = [sys.executable, __file__, "--within", folder, "--limit", str(limit_mb)]
        subprocess.run(command, check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workloads", nargs="+", default=["tab_m", "tab_s", "mnist_s"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--times", type=int, default=4, help="rows of the workload over and over")
    parser.add_argument("--memory", action="store_true", help="the run under a limit")
    parser.add_argument("--limit", type=int, default=512, help="MB")
    parser.add_argument("--rows-mb", type=int, default=2048, help="size of the features")
    parser.add_argument("--within", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.within:
        limited(given.within, given.limit)
    elif given.memory:
        memory(given.limit, given.rows_mb)
    else:
        speed(given.workloads, given.rounds, given.threads, given.times)


if __name__ == "__main__":
    main()
