# SPDX-License-Identifier: BSD-3-Clause
"""Epochs per second where an epoch takes microseconds, as a Markdown table.

Run: python benchmarks/epochs.py

`fit` takes many epochs in one native call, if nothing in Python has to come between them; with a
callback after every epoch it cannot, and a loop over `Trainer.epoch` is what one would write by
hand. All three train with the same bits, which is checked first. Best of some runs, one thread.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np

import deltarule as dr


@dataclass(frozen=True)
class Tiny:
    """A network and a handful of rows."""

    name: str
    layers: tuple[int, ...]
    rows: int
    batch_size: int | None

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """XOR where there are four rows, random classes elsewhere."""
        if self.rows == 4:
            X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
            return X, np.array([[0], [1], [1], [0]], np.float32)
        rng = np.random.default_rng(0)
        X = rng.normal(size=(self.rows, self.layers[0])).astype(np.float32)
        return X, rng.integers(0, 2, (self.rows, 1)).astype(np.float32)

    def network(self) -> dr.MLP:
        return dr.MLP(self.layers, "tanh", "logistic", "binary_cross_entropy", seed=0)


SETS = (
    Tiny("XOR, all rows at once", (2, 4, 1), 4, None),
    Tiny("XOR, row by row", (2, 4, 1), 4, 1),
    Tiny("30 rows of 4 features, batches of 10", (4, 8, 1), 30, 10),
    Tiny("150 rows of 4 features, batches of 32", (4, 16, 1), 150, 32),
    Tiny("1000 rows of 20 features, batches of 100", (20, 32, 1), 1000, 100),
)


class EachEpoch:
    """A callback that does nothing, after every epoch."""

    def on_epoch_end(self, run: object) -> None:
        """Nothing."""


def by_fit(tiny: Tiny, epochs: int, callbacks: Sequence[object] = ()) -> dr.MLP:
    mlp, (X, Y) = tiny.network(), tiny.data()
    more = {"callbacks": callbacks} if callbacks else {}
    mlp.fit(X, Y, dr.SGD(0.1), tiny.batch_size, epochs, seed=0, n_threads=1, **more)
    return mlp


def by_hand(tiny: Tiny, epochs: int) -> dr.MLP:
    mlp, (X, Y) = tiny.network(), tiny.data()
    trainer, rng = dr.Trainer(mlp, dr.SGD(0.1), tiny.batch_size, 1), np.random.default_rng(0)
    for _ in range(epochs):
        trainer.epoch(X, Y, rng.permutation(tiny.rows))
    return mlp


WAYS: dict[str, Callable[[Tiny, int], dr.MLP]] = {
    "fit": by_fit,
    "fit with a callback": lambda tiny, epochs: by_fit(tiny, epochs, [EachEpoch()]),
    "Trainer.epoch in a loop": by_hand,
}


def rate(way: Callable[[Tiny, int], dr.MLP], tiny: Tiny, seconds: float, runs: int) -> float:
    """Epochs per second, the best of some runs of about so many seconds each."""
    epochs, best = 100, 0.0
    while True:
        start = perf_counter()
        way(tiny, epochs)
        taken = perf_counter() - start
        if taken > seconds / 4:
            break
        epochs *= 4
    for _ in range(runs):
        start = perf_counter()
        way(tiny, epochs)
        best = max(best, epochs / (perf_counter() - start))
    return best


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=0.4, help="of each run")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--ways", nargs="*", default=list(WAYS), choices=list(WAYS))
    given = parser.parse_args(arguments)
    ways = {name: WAYS[name] for name in given.ways}
    print("epochs/s |", " | ".join(ways))
    print("|".join(["---"] * (len(ways) + 1)))
    for tiny in SETS:
        if len({way(tiny, 50).w.tobytes() for way in ways.values()}) != 1:
            raise SystemExit(f"{tiny.name}: the ways differ in their weights")
        rates = [rate(way, tiny, given.seconds, given.runs) for way in ways.values()]
        print(tiny.name, *(f"{r:,.0f}" for r in rates), sep=" | ")


if __name__ == "__main__":
    main()
