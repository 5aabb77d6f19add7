# SPDX-License-Identifier: BSD-3-Clause
"""How fast this machine is, and how fast we are on it: peaks, training, prediction."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule import _core
from deltarule.bench.workloads import PREDICTED, Workload, prediction_flops
from deltarule.trainer import Trainer

RUNS = 5
# Calls, not more, however short: after thousands of epochs on a few rows gradients are subnormal
# numbers, and nobody trains like that.
MAX_EPOCHS = 200


@dataclass(frozen=True)
class Figure:
    """One measurement.

    Attributes
    ----------
    kind : str
        "training" or "prediction".
    name : str
        The workload, or the network that predicts.
    threads, rows : int
        Rows in a batch or in a call.
    rates : list of float
        Samples per second of every run.
    flops : int
        Floating-point operations per sample, for the share of the peak.
    """

    kind: str
    name: str
    threads: int
    rows: int
    rates: list[float]
    flops: int

    @property
    def rate(self) -> float:
        """The median run's samples per second."""
        return statistics.median(self.rates)

    @property
    def flop_rate(self) -> float:
        """Floating-point operations per second."""
        return self.rate * self.flops


def peaks(
    threads: Sequence[int], seconds: float, isas: Sequence[str] | None = None
) -> dict[tuple[str, str, int], float]:
    """FMA peaks in FLOP/s by instruction set (None: the one in use), dtype and threads."""
    before = _core.isa()
    found = {}
    try:
        for isa in [before] if isas is None else isas:
            _core.select_isa(isa)
            for dtype in ("float32", "float64"):
                for n in threads:
                    found[isa, dtype, n] = _core.fma_peak(dtype, n, seconds)
    finally:
        _core.select_isa(before)
    return found


def passes(workload: Workload, seed: int = 2) -> Iterator[npt.NDArray[np.int64] | None]:
    """Yield orders of a pass each, through the data shuffled again and again; full batch: None."""
    rng = np.random.default_rng(seed)
    while True:
        if workload.full:
            yield None
            continue
        order = rng.permutation(workload.rows)
        for begin in range(0, workload.rows - workload.pass_rows + 1, workload.pass_rows):
            yield order[begin : begin + workload.pass_rows]


def training(
    workload: Workload,
    X: npt.ArrayLike,
    Y: npt.ArrayLike,
    threads: int,
    seconds: float,
    dtype: str = "float32",
) -> Figure:
    """Train passes for at least so many seconds a run, `RUNS` times after one to warm up.

    The clock covers the drawing of each pass's order as well.
    """
    trainer = Trainer(workload.network(dtype), workload.optimizer, workload.batch_size, threads)
    orders = passes(workload)

    def train() -> None:
        order = next(orders)
        for _ in range(workload.pass_rows // workload.rows if workload.full else 1):
            trainer.epoch(X, Y, order)

    rates = [workload.pass_rows * rate for rate in runs(train, seconds, MAX_EPOCHS)]
    return Figure("training", workload.name, threads, workload.batch_size, rates, workload.flops)


def prediction(
    name: str, X: npt.NDArray[Any], threads: int, seconds: float, dtype: str = "float32"
) -> Figure:
    """Predict X again and again."""
    workload = PREDICTED[name]
    network = workload.network(dtype)
    rates = [len(X) * rate for rate in runs(lambda: network.predict(X, threads), seconds)]
    flops = prediction_flops(workload.layers)
    return Figure("prediction", name, threads, len(X), rates, flops)


def runs(call: Callable[[], object], seconds: float, most: int | None = None) -> list[float]:
    """Calls per second of `RUNS` runs, each of as many calls as the warm-up had time for."""
    calls, begin = 0, time.perf_counter()
    while calls == 0 or (time.perf_counter() - begin < seconds and calls != most):
        call()
        calls += 1
    rates = []
    for _ in range(RUNS):
        begin = time.perf_counter()
        for _ in range(calls):
            call()
        rates.append(calls / (time.perf_counter() - begin))
    return rates
