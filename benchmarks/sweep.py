# SPDX-License-Identifier: BSD-3-Clause
"""Shapes outside the table: shares of one thread's peak by width, batch, depth and outputs.

A dip is a shape below half of the mean of its two neighbours. `python sweep.py NAME` prints the
JSON of one sweep.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from processes import output

SECONDS = 0.05
PASS_FLOPS = 3e7
ROWS = 2048


def around(*edges: int) -> list[int]:
    """Each number and its neighbours."""
    return sorted({n + d for n in edges for d in (-1, 0, 1)} - {0})


WIDTHS = sorted({
    *range(1, 18), *around(24, 32, 48, 64, 80, 96, 128, 160, 192, 256, 384, 512, 768, 1024), 300,
    700, 900, 1100,
})  # fmt: skip
BATCHES = sorted({
    *range(1, 18), *around(28, 32, 42, 56, 64, 100, 128, 256, 512), 384, 768, 1023, 1024
})  # fmt: skip
# What changes, and the network and the batch, or rows to predict, for each of its values.
SHAPES: dict[str, tuple[Sequence[int], Callable[[int], tuple[list[int], int]]]] = {
    "width": (WIDTHS, lambda n: ([n, n, n], 64)),
    "batch": (BATCHES, lambda n: ([256, 256, 256, 10], n)),
    "depth": (range(1, 9), lambda n: ([128] * (n + 1) + [10], 64)),
    "outputs": ([1, 2, 3, 4, 8, 15, 16, 17, 31, 32, 33], lambda n: ([128, 128, n], 64)),
}


def train_seconds(layers: list[int], batch: int) -> tuple[float, int]:
    """Return seconds and floating-point operations of a pass of training."""
    import deltarule as dr
    from deltarule.bench.workloads import training_flops

    flops = training_flops(tuple(layers))
    rng = np.random.default_rng(0)
    X = rng.standard_normal((ROWS, layers[0]), np.float32)
    Y = rng.standard_normal((ROWS, layers[-1]), np.float32)
    steps = max(1, int(PASS_FLOPS / (flops * batch)), 512 // batch)
    order = rng.integers(0, ROWS, steps * batch)
    trainer = dr.Trainer(dr.MLP(layers, seed=0), dr.SGD(1e-6), batch, 1)
    return median_seconds(partial(trainer.epoch, X, Y, order)), flops * steps * batch


def predict_seconds(layers: list[int], rows: int) -> tuple[float, int]:
    """Return seconds and floating-point operations of a prediction."""
    import deltarule as dr
    from deltarule.bench.workloads import prediction_flops

    X = np.random.default_rng(0).standard_normal((rows, layers[0]), np.float32)
    seconds = median_seconds(partial(dr.MLP(layers, seed=0).predict, X, 1))
    return seconds, prediction_flops(tuple(layers)) * rows


def median_seconds(call: Callable[[], object]) -> float:
    """Return the median time of a call."""
    call()
    times: list[float] = []
    end = time.perf_counter() + SECONDS
    while len(times) < 3 or time.perf_counter() < end:
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def sweep(kind: str, what: str) -> dict[str, Any]:
    """Measure every value; list the dips."""
    from deltarule import _core

    values, shape = SHAPES[what]
    peak = _core.fma_peak("float32", 1, 0.1)
    measure = train_seconds if kind == "training" else predict_seconds
    points = []
    for value in values:
        seconds, flops = measure(*shape(value))
        points.append({"value": value, "share": flops / seconds / peak})
    return {"points": points, "dips": dips([(p["value"], p["share"]) for p in points])}


def dips(points: Sequence[tuple[int, float]]) -> list[int]:
    """Values whose share is below half of the mean of their neighbours'."""
    return [
        points[i][0]
        for i in range(1, len(points) - 1)
        if points[i][1] < (points[i - 1][1] + points[i + 1][1]) / 4
    ]


SWEEPS = {
    f"{kind} by {what}": partial(output, [__file__, kind, what], 1)
    for kind in ("training", "prediction")
    for what in SHAPES
}

if __name__ == "__main__":
    print(json.dumps(sweep(*sys.argv[1:])))
