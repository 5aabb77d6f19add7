# SPDX-License-Identifier: BSD-3-Clause
"""One epoch of the oracle's trainer, all rows at once or in parts of whole batches."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np

from deltarule import _validate
from deltarule._typing import ArrayLike
from deltarule.given import Given
from deltarule.oracle import optimizers
from deltarule.oracle.activations import Float64
from deltarule.oracle.data import float_features, float_targets
from deltarule.oracle.network import backward, forward, gamma_of
from deltarule.results import Array
from deltarule.schedules.moving import Numbers, step_of

if TYPE_CHECKING:
    from deltarule.oracle.trainer import Trainer


class OpenEpoch:
    """Copies of weights and state, which replace the trainer's when the epoch is over.

    Parameters
    ----------
    trainer : oracle.Trainer
        Whose epoch it is.
    visible : bool
        Whether the network shows the weights after each part, and they may be assigned.
    """

    def __init__(self, trainer: Trainer, visible: bool) -> None:
        self._trainer, self._visible = trainer, visible
        self._before = trainer.mlp.w.copy()
        self._w, self._state = self._before.copy(), deepcopy(trainer._state)
        self._total = self._weight = 0.0
        self._rows = self._steps = 0

    def part(
        self, X: ArrayLike, Y: ArrayLike, order: ArrayLike | None, sample_weight: ArrayLike | None,
        numbers: Numbers | None, first_row: int, step_losses: Array | None = None,
    ) -> float:  # fmt: skip
        """Take steps over these rows; the loss of the last batch."""
        if step_losses is not None:
            step_losses[:] = np.nan
        trainer, net = self._trainer, self._trainer.mlp.architecture
        x, y, rows, s = _judged(X, Y, order, sample_weight, net)
        size = trainer.batch_size or len(rows)
        if self._rows and (not trainer.batch_size or self._rows % size):
            raise RuntimeError("part: the one before ended with a short batch; no more may follow")
        if self._visible:
            self._w = trainer.mlp.w.copy()
        loss = float("nan")
        with np.errstate(all="ignore"):
            for start in range(0, len(rows), size):
                batch = rows[start : start + size]
                if s is not None:
                    batch = batch[s[batch] > 0]
                if len(batch):
                    now = step_of(numbers, start // size)
                    before = self._w
                    loss = self._step(x, y, batch, s, now, first_row)
                    if step_losses is not None:
                        n = len(batch) if s is None else float(np.sum(s[batch]))
                        step_losses[start // size] = loss, gamma_of(net, before, n)
        self._rows += len(rows)
        if self._visible:
            trainer.mlp._w[...] = self._w
        return loss

    def _step(
        self, x: Float64, y: Any, batch: Any, s: Any, now: dict[str, float], first_row: int
    ) -> float:
        trainer, net = self._trainer, self._trainer.mlp.architecture
        weights = None if s is None else s[batch]
        step = None
        if trainer._draws:
            step = trainer._draws.step(trainer.n_epochs, batch + first_row, now)
        back = backward(
            net, self._w, forward(net, self._w, x[batch], step), y[batch], trainer.mlp.collapsed,
            trainer.sparsity, weights, step,
        )  # fmt: skip
        self._steps += 1
        if not np.isfinite(back.loss):
            raise FloatingPointError(
                f"the loss is not finite in epoch {trainer.n_epochs + 1}, step {self._steps}; "
                f"weights and optimizer state are those after epoch {trainer.n_epochs}"
            )
        share = len(batch) if weights is None else float(np.sum(weights))
        self._total, self._weight = self._total + share * back.loss, self._weight + share
        self._w = self._state.step(
            optimizers, trainer.optimizer, net, self._w, back.gradient, now
        )  # fmt: skip
        self._state.enter_step(optimizers, trainer.average, self._w)
        return float(back.loss)

    def end(self) -> float:
        """Weights and state become the trainer's; the epoch's loss."""
        trainer = self._trainer
        if not self._rows:
            raise ValueError("end_epoch: no rows in this epoch; expected some")
        if not self._steps:
            raise ValueError("sample_weight: 0 for every row; expected some numbers > 0")
        w = trainer.mlp.w.copy() if self._visible else self._w
        self._state.epochs += 1
        if not np.all(np.isfinite(w)):
            raise FloatingPointError(
                f"a weight is not finite in epoch {self._state.epochs}; weights and optimizer "
                f"state are those after epoch {self._state.epochs - 1}"
            )
        self._state.enter_epoch(optimizers, trainer.average, w)
        trainer.mlp._w[...], trainer._state = w, self._state
        return float(self._total / self._weight)

    def abandon(self) -> None:
        """Leave weights and state as they were before."""
        if self._visible:
            self._trainer.mlp._w[...] = self._before


class Core:
    """The calls of `_core.Trainer` that an epoch in parts is made of."""

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self._open: OpenEpoch | None = None

    def begin_epoch(self, visible: bool) -> None:
        """Begin one."""
        if self._open is not None:
            raise RuntimeError("begin_epoch: an epoch is open; end or abandon it first")
        self._open = OpenEpoch(self._trainer, visible)

    def part(self, *arguments: Any) -> float:
        """Take rows."""
        if self._open is None:
            raise RuntimeError("part: no epoch is open; begin_epoch comes first")
        return self._open.part(*arguments)

    def end_epoch(self) -> float:
        """End it and return its loss."""
        if self._open is None:
            raise RuntimeError("end_epoch: no epoch is open; begin_epoch comes first")
        loss = self._open.end()
        self._open = None
        return loss

    def abandon_epoch(self) -> None:
        """Leave it, if there is one."""
        if self._open is not None:
            self._open.abandon()
        self._open = None


def _judged(
    X: ArrayLike, Y: ArrayLike, order: ArrayLike | None, sample_weight: ArrayLike | None, net: Any
) -> tuple[Float64, Any, Any, Any]:
    given_x, given_y = _validate.data(X, Y, net)
    rows = np.arange(len(given_x)) if order is None else _rows(order, len(given_x))
    s = _validate.sample_weight(sample_weight, len(given_x))
    if s is not None:
        taken = np.zeros(len(s), bool)
        taken[rows] = True
        if s[taken].any():  # whether those of other parts are all 0 the end knows
            _validate.judged_weights(np.where(taken, s, 0.0), net.dtype)
        given_x, given_y = _without_rows(given_x, s <= 0), _without_rows(given_y, s <= 0)
    x, y = float_features(given_x, net), float_targets(given_y, net)
    return x, y, rows, s


def _rows(order: ArrayLike, n: int) -> Any:
    rows = _validate.order(order, n)
    outside = np.flatnonzero((rows < 0) | (rows >= n))
    if outside.size:
        at = outside[0]
        raise ValueError(f"order: row {rows[at]} at position {at}; expected 0 ... {n - 1}")
    return rows


def _without_rows(a: Any, gone: Any) -> Any:
    """The array, where another row stands in the place of those that take no part."""
    if isinstance(a, Given) or not gone.any():
        return a
    a = a.copy()
    a[gone] = 0 if gone.all() else a[~gone][0]
    return a
