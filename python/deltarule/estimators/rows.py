# SPDX-License-Identifier: BSD-3-Clause
"""The rows of an estimator's fit, in scikit-learn's order of draws and with its sum of losses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import validation

from deltarule.estimators.losses import Stated, penalty_of
from deltarule.results import Array
from deltarule.rows import Passed

BYTES = 2**23  # of sparse rows that are dense at once


def validate_data(estimator: Any, X: Any, y: Any = "no_validation", **options: Any) -> Any:
    """As scikit-learn's, `judged`."""
    names = "X" if isinstance(y, str) else "X or y"
    return judged(names, validation.validate_data, estimator, X, y, **options)


def judged(names: str, judge: Callable[..., Any], *given: Any, **options: Any) -> Any:
    """What a judge of scikit-learn's returns; integers too large for a float: ValueError."""
    try:
        return judge(*given, **options)
    except OverflowError as error:
        raise ValueError(f"{names}: expected numbers that a float can hold ({error})") from None


def dense(X: Any, rows: Any) -> Array:
    """Return some rows of a sparse matrix as a C-contiguous array."""
    return np.ascontiguousarray(X[rows].toarray())


def blocks(X: Any) -> Iterator[tuple[slice, Array]]:
    """Yield which rows, and these: all of a dense X, sparse ones in dense blocks."""
    n, size = X.shape[0], X.shape[0]
    if issparse(X):
        size = max(1, BYTES // (8 * max(X.shape[1], 1)))
    for at in range(0, n, size):
        part = slice(at, min(at + size, n))
        yield part, dense(X, part) if issparse(X) else X


class Shuffled:
    """Rows whose order is shuffled again each epoch, from where the last shuffle left it.

    Parameters
    ----------
    X : array or CSR matrix, (n, H_0)
        Sparse rows are densified batch by batch.
    Y : array, (n, K) or (n,)
        As the core takes it.
    sample_weight : array, (n,), or None
        Of each row.
    random_state : numpy.random.RandomState or None
        Shuffles; None: rows are taken as they stand.
    stated : Stated
        From the order and the steps' losses to the epoch's.
    n_threads : int or None
        Of whoever computes something of these rows besides.
    """

    def __init__(
        self, X: Any, Y: Array, sample_weight: Array | None, random_state: Any,
        stated: Stated, n_threads: int | None = None,
    ) -> None:  # fmt: skip
        self.X, self.Y, self.sample_weight = X, Y, sample_weight
        self._random_state, self._stated = random_state, stated
        self.n_threads = n_threads
        self.order = np.arange(X.shape[0])
        self.before: Callable[[], None] | None = None  # called as an epoch begins
        self.begun = False  # whether a weight may have moved
        self.diverged = False  # whether a loss was not finite: nothing is trained any more

    def train(self, trainer: Any, at_most: int) -> list[Passed]:
        """Train one epoch."""
        return self._epoch(trainer, None)

    def train_by_batches(self, trainer: Any, after: Callable[[float], None]) -> list[Passed]:
        """Train one epoch, each batch in a call of its own; `after` is given its loss."""
        return self._epoch(trainer, after)

    def _epoch(self, trainer: Any, after: Callable[[float], None] | None) -> list[Passed]:
        if self.before is not None:
            self.before()
        self._shuffle()
        start = perf_counter()
        loss = float("nan")
        if not self.diverged:
            try:
                if after is None and not issparse(self.X):
                    loss = self._whole(trainer)
                else:
                    loss = self._by_batches(trainer, after)
            except FloatingPointError:
                self.diverged = True
            self.begun = True
        return [Passed(loss, perf_counter() - start, self.X.shape[0], trainer.eta)]

    def _shuffle(self) -> None:
        if self._random_state is not None:
            drawn = np.arange(len(self.order))
            self._random_state.shuffle(drawn)
            self.order = self.order[drawn]

    def _whole(self, trainer: Any) -> float:
        order = None if self._random_state is None else self.order
        steps = np.empty((-(-len(self.order) // (trainer.batch_size or len(self.order))), 2))
        trainer.epoch(self.X, self.Y, order, self.sample_weight, steps)
        return self._stated(self.order, steps)

    def _by_batches(self, trainer: Any, after: Callable[[float], None] | None) -> float:
        n = len(self.order)
        size = trainer.batch_size or n
        steps, mlp = [], trainer.mlp
        apart = self._stated.divisor > 1 and mlp.architecture.l2 > 0
        with trainer.in_parts(n_rows=n, visible=apart or after is not None) as epoch:
            for at in range(0, n, size):
                rows = self.order[at : at + size]
                s = None if self.sample_weight is None else self.sample_weight[rows]
                S = float(len(rows) if s is None else s.sum())
                penalty = penalty_of(mlp, S) if apart else 0.0
                if issparse(self.X):
                    loss = epoch.part(dense(self.X, rows), self.Y[rows], None, s)
                else:
                    loss = epoch.part(self.X, self.Y, rows, self.sample_weight)
                self.begun = True
                steps.append((loss, penalty))
                if after is not None:
                    after(loss)
        return self._stated(self.order, np.array(steps))
