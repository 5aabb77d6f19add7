# SPDX-License-Identifier: BSD-3-Clause
"""Where a second thread pays: step times of one thread and two over a grid of nets and batches.

Run: python benchmarks/threads.py   (needs no other library)

A line ends in `LOSES` where the default count (csrc/trainer/threads.cpp) costs a tenth or more over
the better of the two. Two threads depend on how long a cache line takes from core to core, which on
a virtual machine may change from second to second: the table says what it was.
"""

from __future__ import annotations

import argparse
import statistics
import time
from itertools import pairwise, product

import numpy as np

import deltarule as dr
from deltarule import _core

NETS = {
    "16-16-4": (16, 16, 4),
    "64-32-10": (64, 32, 10),
    "28-64-64-1": (28, 64, 64, 1),
    "784-30-10": (784, 30, 10),
    "784-128-10": (784, 128, 10),
    "784-300-100-10": (784, 300, 100, 10),
    "54-256-256-256-7": (54, 256, 256, 256, 7),
    "784-512-512-10": (784, 512, 512, 10),
}
BATCHES = (1, 8, 32, 64, 128, 256, 1024)
RULES = {"sgd": dr.SGD(1e-4), "adam": dr.Adam(1e-5)}


def flops(layers: tuple[int, ...]) -> int:
    """A row's matrix products in training."""
    products = [2 * a * b for a, b in pairwise(layers)]
    return 2 * sum(products) + sum(products[1:])


def step_times(
    layers: tuple[int, ...], batch: int, rule: str, seconds: float
) -> tuple[float, float, int]:
    """Microseconds of a step with one thread and with two, in turns, and the default count."""
    rows = batch * max(2, min(4096 // batch, int(2e8 / (batch * flops(layers)))))
    rng = np.random.default_rng(0)
    X = rng.standard_normal((rows, layers[0]), np.float32)
    Y = rng.standard_normal((rows, layers[-1]), np.float32)
    trainers = {
        n: dr.Trainer(dr.MLP(layers, "relu", seed=0), RULES[rule], batch, n) for n in (1, 2, None)
    }
    times: dict[int | None, list[float]] = {n: [] for n in trainers}
    chosen = default_count(trainers[None], X, Y)
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times[2]) < 3:
        for n in (1, 2):
            begin = time.perf_counter()
            trainers[n].epoch(X, Y)
            times[n].append((time.perf_counter() - begin) / (rows // batch))
    one, two = (1e6 * statistics.median(times[n]) for n in (1, 2))
    return one, two, chosen


def default_count(trainer: dr.Trainer, X: np.ndarray, Y: np.ndarray) -> int:
    """How many threads n_threads=None takes."""
    from deltarule.phases import PhaseTimer

    with PhaseTimer(trainer) as timer:
        trainer.epoch(X, Y)
        return len(timer.seconds["forward"])


def core_latency() -> str:
    """The way of a cache line, if this build can measure it."""
    probe = getattr(_core, "core_latency", None)
    return f"{1e9 * probe(0.01):.0f} ns" if probe else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=0.2, help="for each line")
    options = parser.parse_args()
    print("| net | batch | rule | kFLOP a step | 1 thread, µs | 2, µs | 1 / 2 | line | default | |")
    print("| --- | --: | --- | --: | --: | --: | --: | --: | --: | --- |")
    for (name, layers), batch, rule in product(NETS.items(), BATCHES, RULES):
        latency = core_latency()
        one, two, chosen = step_times(layers, batch, rule, options.seconds)
        took = one if chosen == 1 else two
        cells = [name, f"{batch}", rule, f"{batch * flops(layers) / 1e3:.0f}", f"{one:.1f}"]
        cells += [f"{two:.1f}", f"{one / two:.2f}", latency, f"{chosen}"]
        cells += ["LOSES" if took > 1.1 * min(one, two) else ""]
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
