# SPDX-License-Identifier: BSD-3-Clause
"""Where a training's rows come from: arrays in memory, or something else."""

from __future__ import annotations

from time import perf_counter
from typing import Any, NamedTuple, Protocol

import numpy as np

from deltarule.protocols import EpochTrainer
from deltarule.results import Array


class Passed(NamedTuple):
    """One finished epoch."""

    loss: float
    seconds: float
    n_rows: int
    eta: float | None  # of its last step


class Source(Protocol):
    """What gives a training its rows."""

    def train(self, trainer: EpochTrainer, at_most: int) -> list[Passed]:
        """Train at least one epoch and no more than `at_most`; what fails leaves whole epochs."""


class InMemory:
    """Rows of two arrays, each epoch in a fresh order or as they stand.

    Parameters
    ----------
    X, Y : array, (n, H_0), (n, K) or (n,)
        As `_validate.data` returns them: converted once, not once an epoch.
    sample_weight : array, (n,), or None
        Of each row.
    shuffle : bool
        Whether each epoch draws `rng.permutation(n)`.
    rng : numpy.random.Generator
        Draws the orders.
    """

    def __init__(
        self, X: Array, Y: Array, sample_weight: Array | None, shuffle: bool,
        rng: np.random.Generator,
    ) -> None:  # fmt: skip
        self.X, self.Y, self.sample_weight = X, Y, sample_weight
        self.shuffle, self.rng = shuffle, rng

    def train(self, trainer: EpochTrainer, at_most: int) -> list[Passed]:
        """Train one epoch."""
        order = self.rng.permutation(len(self.X)) if self.shuffle else None
        start = perf_counter()
        loss = trainer.epoch(self.X, self.Y, order, self.sample_weight)
        return [Passed(loss, perf_counter() - start, len(self.X), trainer.eta)]


def is_stream(X: Any, Y: Any) -> bool:
    """Whether `fit` was given a source of blocks (X, Y).

    Raises
    ------
    TypeError
        If arrays have no targets, or a source has some besides its own.
    """
    if isinstance(X, list | tuple):  # of blocks, or a table
        blocks = bool(X) and all(isinstance(b, tuple) and len(b) in (2, 3) for b in X)
        source = blocks and np.ndim(X[0][0]) == 2
    elif hasattr(X, "__array__") or isinstance(X, str | bytes | dict):
        source = False
    else:
        source = callable(X) or hasattr(X, "__iter__") or hasattr(X, "shards")
    if source and Y is not None and not hasattr(X, "__len__"):
        raise TypeError(
            "Y: given beside a source of blocks (X, Y); expected None, and other arguments by name"
        )
    if Y is None and not source:
        raise TypeError(
            f"Y: None, with X of type {type(X).__name__}; expected targets, or as X a source of "
            "blocks (X, Y)"
        )
    return source and Y is None
