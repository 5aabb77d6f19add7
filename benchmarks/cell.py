# SPDX-License-Identifier: BSD-3-Clause
"""One cell of the table, in a process of its own: one peer, one problem, one thread count.

`training.py` starts it, pinned and with a clean environment, and reads the line of JSON that it
prints. A short epoch on a network of its own tells whether all peers compute the same.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from peers import PEERS, Peer
from workloads import Problem

# An epoch over so many batches. Not over all: in some hundred steps Adam amplifies float32's
# rounding so much that one library's losses differ by 1 % between one thread and two.
CHECK_BATCHES = 20.5
RUN_SECONDS = 0.5
# Not more, however short: after thousands of epochs on a few rows gradients and moments are
# subnormal numbers, and nobody trains like that.
MAX_EPOCHS = 200


@dataclass(frozen=True)
class Cell:
    """What was measured: losses before and after the check, samples/s of each run of epochs."""

    workload: str
    peer: str
    setting: str
    threads: int
    start_loss: float
    loss: float
    epochs: int
    rates: list[float]

    @property
    def rate(self) -> float:
        """The median run."""
        return statistics.median(self.rates)

    @property
    def spread(self) -> float:
        """Fastest minus slowest run, as a share of the median."""
        return (max(self.rates) - min(self.rates)) / self.rate


def measure(problem: Problem, name: str, setting: str, threads: int, runs: int) -> Cell:
    """Train: the check, a run as warm-up, then the runs that count.

    The clock covers whole epochs, and the drawing of each epoch's order as well.
    """
    rng = np.random.default_rng(2)
    head = problem.head(CHECK_BATCHES)
    trial: Peer = PEERS[name](head, setting, threads)
    trial.epoch(rng.permutation(len(head.X)))
    losses = head.loss(problem.W), head.loss(trial.weights())

    peer: Peer = PEERS[name](problem, setting, threads)

    def epoch() -> None:
        peer.epoch(rng.permutation(len(problem.X)))

    epochs = warm_up(epoch)
    rates = []
    for _ in range(runs):
        begin = time.perf_counter()
        for _ in range(epochs):
            epoch()
        rates.append(epochs * len(problem.X) / (time.perf_counter() - begin))
    return Cell(problem.name, name, setting, threads, *losses, epochs, rates)


def warm_up(epoch: Callable[[], None]) -> int:
    """Train for a run; return how many epochs that are."""
    begin, epochs = time.perf_counter(), 0
    while epochs < MAX_EPOCHS and time.perf_counter() - begin < RUN_SECONDS:
        epoch()
        epochs += 1
    return epochs


def main() -> None:
    """Arguments: the problem's file, peer, setting, threads, runs."""
    path, peer, setting, threads, runs = sys.argv[1:]
    cell = measure(Problem.load(Path(path)), peer, setting, int(threads), int(runs))
    print(json.dumps(asdict(cell)))


if __name__ == "__main__":
    main()
