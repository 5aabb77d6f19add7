# SPDX-License-Identifier: BSD-3-Clause
"""`fit_many` beside one `fit` after another: K small networks, in turns, medians of the ratios.

Run: python benchmarks/fit_many.py [--seconds 4] [--models 8]   (needs no other library)

One after another trains with one thread and with as many as pay; what is compared with is the
faster of the two. Every network ends with the same bits all three ways, or this is an error. The
last column is what the machine gives to as many threads: multiply-adds alone, beside one thread.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import deltarule as dr
from deltarule import _core
from deltarule.digits import load_digits


class Case(NamedTuple):
    """What each of the networks trains on."""

    layers: tuple[int, ...]
    loss: str
    X: np.ndarray
    Y: np.ndarray
    options: dict[str, Any]


def cases() -> dict[str, Case]:
    """From nets of which an epoch is a microsecond to those that would use two threads alone."""
    rng = np.random.default_rng(0)
    xor = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
    X, Y = load_digits()
    x = rng.standard_normal((4000, 28), np.float32)
    y = (x @ rng.standard_normal((28, 1), np.float32)).astype(np.float32)
    held_out = {"validation": (X[:300], Y[:300]), "metrics": "accuracy"}
    pay = {"batch_size": 512, "epochs": 2}
    return {
        "XOR": Case(
            (2, 2, 1), "binary_cross_entropy", xor, xor.sum(axis=1) % 2, {"epochs": 50_000},
        ),
        "digits": Case((64, 32, 10), "cross_entropy", X, Y, {"epochs": 40}),
        "digits, validation": Case((64, 32, 10), "cross_entropy", X, Y, {"epochs": 40, **held_out}),
        "batches of 1": Case((64, 32, 10), "cross_entropy", X, Y, {"epochs": 10, "batch_size": 1}),
        "regression": Case((28, 64, 64, 1), "half_squared_error", x, y, {"epochs": 20}),
        "batches of 512": Case((28, 256, 256, 1), "half_squared_error", x, y, pay),
    }  # fmt: skip


def timed(case: Case, k: int, train: Callable[[list[dr.MLP]], object]) -> tuple[float, bytes]:
    """Seconds, and the bits of all weights."""
    mlps = [dr.MLP(case.layers, loss=case.loss, seed=i) for i in range(k)]
    begin = time.perf_counter()
    histories = train(mlps)  # kept: to throw 400 000 epochs away takes some ms, too
    took = time.perf_counter() - begin
    del histories
    return took, b"".join(mlp.w.tobytes() for mlp in mlps)


def measured(case: Case, k: int, n_jobs: int, seconds: float) -> dict[str, float]:
    """Median seconds of each way, median of the ratios, ratio of the fastest runs."""
    seeds = list(range(k))

    def after_another(mlps: list[dr.MLP], n_threads: int | None) -> list[dr.History]:
        return [
            mlp.fit(case.X, case.Y, seed=seed, n_threads=n_threads, **case.options)
            for mlp, seed in zip(mlps, seeds, strict=True)
        ]

    ways: dict[str, Callable[[list[dr.MLP]], object]] = {
        "one thread": lambda mlps: after_another(mlps, 1),
        "default": lambda mlps: after_another(mlps, None),
        "many": lambda mlps: dr.fit_many(
            mlps, case.X, case.Y, n_jobs=n_jobs, seed=seeds, **case.options
        ),
    }
    times: dict[str, list[float]] = {way: [] for way in ways}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times["many"]) < 3:
        bits = set()
        for way, train in ways.items():
            took, weights = timed(case, k, train)
            times[way].append(took)
            bits.add(weights)
        if len(bits) > 1:
            raise AssertionError("the weights differ")
    medians = {way: statistics.median(values) for way, values in times.items()}
    faster = min(("one thread", "default"), key=medians.__getitem__)
    ratios = [one / many for one, many in zip(times[faster], times["many"], strict=True)]
    fastest = min(times[faster]) / min(times["many"])  # what interrupts both cores is no one's
    return {**medians, "ratio": statistics.median(ratios), "fastest": fastest}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=4.0, help="for each line")
    parser.add_argument("--models", type=int, default=8)
    parser.add_argument("--n-jobs", type=int, default=_core.default_threads())
    options = parser.parse_args()
    k, n_jobs = options.models, options.n_jobs
    print(f"{k} models, {n_jobs} at once; milliseconds\n")
    columns = "one after another, 1 thread | default threads | fit_many | × | × of fastest"
    print(f"| | net | {columns} | the machine |")
    print("| --- | --- | --: | --: | --: | --: | --: | --: |")
    for name, case in cases().items():
        found = measured(case, k, n_jobs, options.seconds)
        alone, both = (_core.fma_peak("float32", n, 0.1) for n in (1, n_jobs))
        cells = [name, "-".join(map(str, case.layers))]
        cells += [f"{1e3 * found[way]:.0f}" for way in ("one thread", "default", "many")]
        cells += [f"{ratio:.2f}" for ratio in (found["ratio"], found["fastest"], both / alone)]
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
