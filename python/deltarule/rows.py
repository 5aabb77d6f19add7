# SPDX-License-Identifier: BSD-3-Clause
"""Where a training's rows come from: arrays in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from time import perf_counter
from typing import Any, NamedTuple, Protocol

import numpy as np

from deltarule.protocols import EpochTrainer
from deltarule.results import Array

ORDERS = 2**15  # row numbers that are drawn ahead: 256 KiB stay in the second cache


class Passed(NamedTuple):
    """One finished epoch."""

    loss: float
    seconds: float
    n_rows: int
    eta: float | None  # of its last step


class Several(NamedTuple):
    """Finished epochs, one after another."""

    losses: Array
    seconds: Array
    n_rows: int  # of each
    etas: list[float]  # none, where the optimizer has no learning rate


class Source(Protocol):
    """What gives a training its rows."""

    def train(self, trainer: EpochTrainer, at_most: int) -> Iterable[Passed]:
        """Train at least one epoch and no more than `at_most`; what fails leaves whole epochs."""

    def train_by_batches(self, trainer: Any, after: Callable[[float], None]) -> Iterable[Passed]:
        """Train one epoch, each batch in a call of its own; `after` is given its loss."""


class Leave(NamedTuple):
    """How far a source may go before Python looks again."""

    epochs: int
    seconds: float
    stop_tol: float  # end where the loss has changed by no more; -1: never
    before: float  # the loss of the last epoch; infinite if there was none


@cache
def permutes_alike() -> bool:
    """Whether NumPy's `permuted` draws as `permutation` does: it does so far, no page says it."""
    one, other = np.random.default_rng(0), np.random.default_rng(0)
    for n in (1, 2, 5, 70):
        together = one.permuted(np.tile(np.arange(n), (3, 1)), axis=1)
        if not np.array_equal(together, [other.permutation(n) for _ in range(3)]):
            return False
    return one.bit_generator.state == other.bit_generator.state


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
        self._next = 16  # epochs to try in one call
        self._ascending = np.empty((0, 0), np.int64)  # 0 .. n-1 in each row, to be permuted

    def train(self, trainer: EpochTrainer, at_most: int) -> list[Passed]:
        """Train one epoch."""
        order = self.rng.permutation(len(self.X)) if self.shuffle else None
        start = perf_counter()
        loss = trainer.epoch(self.X, self.Y, order, self.sample_weight)
        return [Passed(loss, perf_counter() - start, len(self.X), trainer.eta)]

    def train_by_batches(self, trainer: Any, after: Callable[[float], None]) -> list[Passed]:
        """Train one epoch, each batch in a call of its own; `after` is given its loss."""
        n = len(self.X)
        size = trainer.batch_size or n
        order = self.rng.permutation(n) if self.shuffle else np.arange(n)
        start = perf_counter()
        with trainer.in_parts(n_rows=n, visible=True) as epoch:
            for at in range(0, n, size):
                after(epoch.part(self.X, self.Y, order[at : at + size], self.sample_weight))
        return [Passed(epoch.loss, perf_counter() - start, n, trainer.eta)]

    def train_alone(
        self, trainer: EpochTrainer, leave: Leave
    ) -> tuple[Several, BaseException | None]:
        """Train some epochs in one native call, if the trainer can; what fails is returned as well.

        Orders are drawn ahead, `ORDERS` numbers at most; if fewer epochs were taken, the generator
        goes back to where it would be had no more been drawn.
        """
        n = len(self.X)
        most = max(1, min(leave.epochs, self._next, ORDERS // n))
        if most == 1 or not hasattr(trainer, "_epochs"):
            self._next = 2 * most
            (one,) = self.train(trainer, 1)
            etas = [] if one.eta is None else [one.eta]
            return Several(np.array([one.loss]), np.array([one.seconds]), n, etas), None
        state, orders = self._orders(n, most)
        losses, seconds, etas, failed = trainer._epochs(
            self.X, self.Y, orders, self.sample_weight, most, leave.seconds, leave.stop_tol,
            leave.before,
        )  # fmt: skip
        taken = len(losses) + (failed is not None)  # its order was drawn, too
        if orders is not None and taken < most:
            self.rng.bit_generator.state = state
            self._orders(n, taken)
        self._next = 2 * most if taken == most else max(1, taken)
        return Several(losses, seconds, n, etas), failed

    def _orders(self, n: int, most: int) -> tuple[Any, Array | None]:
        """The next orders, and the generator's state before they were drawn."""
        if not self.shuffle:
            return None, None
        state = self.rng.bit_generator.state
        if not permutes_alike():
            return state, np.array([self.rng.permutation(n) for _ in range(most)])
        if len(self._ascending) < most:
            self._ascending = np.tile(np.arange(n), (most, 1))
        # 0.03 us instead of 1.5 us for 4 rows, and without the GIL
        return state, self.rng.permuted(self._ascending[:most], axis=1)
