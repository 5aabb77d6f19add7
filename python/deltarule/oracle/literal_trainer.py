# SPDX-License-Identifier: BSD-3-Clause
"""Training by the literal loops."""

from __future__ import annotations

from typing import Any

import numpy as np

from deltarule._typing import ArrayLike
from deltarule.averaging import Averaging
from deltarule.dropout import Dropout, Rate, check_dropout, check_noise, draws_of
from deltarule.optimizers import Optimizer
from deltarule.oracle import literal_loops as loops
from deltarule.oracle.literal_mlp import MLP
from deltarule.oracle.steps import State
from deltarule.results import Array
from deltarule.schedules.moving import Moving, step_of
from deltarule.sparsity import Sparsity


class Trainer:
    """Trains a literal network batch by batch; the optimizer's state lives on between epochs.

    Parameters
    ----------
    mlp : MLP
        The network, whose w `epoch` replaces.
    optimizer : Rule
        The update rule.
    batch_size : int, optional
        Rows in a batch; None: all rows.
    sparsity : Sparsity, optional
        A penalty on a hidden layer's outputs.
    average : EMA or SWA, optional
        Which average of the weights to keep.
    dropout, noise, seed : optional
        What is drawn at random.

    Attributes
    ----------
    state : State
        Slots in w's order, and the optimizer's clock.
    moving : Moving
        The optimizer's schedules; `moving.observe` tells them a validation loss.
    """

    def __init__(
        self,
        mlp: MLP,
        optimizer: Optimizer,
        batch_size: int | None = None,
        sparsity: Sparsity | None = None,
        average: Averaging | None = None,
        dropout: Dropout | Rate | None = None,
        noise: Rate | None = None,
        seed: Any = None,
    ) -> None:
        self.mlp, self.optimizer, self.batch_size = mlp, optimizer, batch_size
        self.sparsity, self.average = sparsity, average
        self.state = State.start(optimizer, mlp.architecture, mlp.w.dtype)
        a = mlp.architecture
        self.draws = draws_of(check_dropout(dropout, a), check_noise(noise, a), seed, a)
        random = self.draws.schedules if self.draws else {}
        self.moving = Moving({**optimizer.schedules, **random}, mlp.w.dtype.name)

    @property
    def averaged_w(self) -> Array | None:
        """The average of the weights; None: none have entered."""
        return self.state.average

    @property
    def steps(self) -> int:
        """Updates so far."""
        return self.state.steps

    def epoch(
        self,
        X: ArrayLike,
        Y: ArrayLike,
        order: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        numbers: dict[str, Array] | None = None,
    ) -> float:
        """One pass over the rows `order`; the mean of the batch losses before each update.

        By the batches' rows (36), or by their sums of weights; rows of weight 0 are left out (W4).
        numbers: by name, one value for each batch, of those that move; None: the schedules'.
        """
        X, Y = np.asarray(X), np.asarray(Y)
        s = np.ones(len(X)) if sample_weight is None else np.asarray(sample_weight, np.float64)
        rows = np.arange(len(X)) if order is None else np.asarray(order)
        size = self.batch_size or len(rows)
        if numbers is None:
            numbers = self.moving.numbers(self.state.epochs, len(rows), self.batch_size)
        total = share = 0.0
        for step, start in enumerate(range(0, len(rows), size)):
            batch = rows[start : start + size]
            batch, now = batch[s[batch] > 0], step_of(numbers, step)
            if not len(batch):
                continue
            drawn = self.draws.step(self.state.epochs, batch, now) if self.draws else None
            trace = self.mlp.forward(X[batch], drawn)
            weights = None if sample_weight is None else s[batch]
            back = self.mlp.backward(trace, Y[batch], self.sparsity, weights, drawn)
            weight = loops.sum_of_weights(s[batch].astype(self.mlp.dtype))
            total, share = total + weight * back.loss, share + weight
            self.mlp.w = self.state.step(
                loops,
                self.optimizer,
                self.mlp.architecture,
                self.mlp.w,
                back.gradient,
                now,
            )
            self.state.enter_step(loops, self.average, self.mlp.w)
        self.state.epochs += 1
        self.state.enter_epoch(loops, self.average, self.mlp.w)
        self.moving.finish(numbers, total / share)
        return total / share
