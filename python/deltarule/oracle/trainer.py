# SPDX-License-Identifier: BSD-3-Clause
"""The minibatch loop in plain NumPy: gather, forward, backward, update, one batch at a time."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np

from deltarule import _validate
from deltarule._typing import ArrayLike
from deltarule.averaging import Averaging, check_average
from deltarule.dropout import (
    Dropout,
    Rate,
    check_dropout,
    check_noise,
    draws_of,
)
from deltarule.given import Given
from deltarule.optimizers import Optimizer, check_batch_size, check_optimizer, or_adam
from deltarule.oracle import optimizers
from deltarule.oracle.activations import Float64
from deltarule.oracle.data import float_features, float_targets
from deltarule.oracle.mlp import MLP
from deltarule.oracle.network import backward, forward
from deltarule.oracle.steps import State
from deltarule.schedules.moving import Moving, step_of
from deltarule.sparsity import Sparsity, check_sparsity


class Trainer:
    """Trains an oracle network; keeps the optimizer's state from epoch to epoch.

    Parameters
    ----------
    mlp : oracle.MLP
        The network, whose weights `epoch` changes.
    optimizer : Rule, optional
        The update rule; None: Adam().
    batch_size : int, optional
        Rows in a batch; None: all rows.
    n_threads : int, optional
        Taken for the native interface's sake; NumPy uses the threads of its BLAS.
    sparsity : Sparsity, optional
        A penalty on a hidden layer's outputs  (41) to (45).
    average : EMA or SWA, optional
        Which average of the weights to keep.
    dropout : Dropout or float, optional
        Units that are off at random; a number: of every hidden layer  (D1), (D2).
    noise : float or Schedule, optional
        Standard deviation of Gaussian noise on the features, once they are standardised  (D3).
    seed : None, int or anything else that `numpy.random.default_rng` takes
        Of dropout and noise; it is left as it is.

    Attributes
    ----------
    mlp, optimizer, batch_size, n_threads, sparsity, average
        As given.
    dropout, noise
        As a Dropout, or None; as a number, 0 for none, or a Schedule.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit, or a layer's activation is threshold.
    """

    def __init__(
        self,
        mlp: MLP,
        optimizer: Optimizer | None = None,
        batch_size: int | None = 32,
        n_threads: int | None = None,
        sparsity: Sparsity | None = None,
        average: Averaging | None = None,
        dropout: Dropout | Rate | None = None,
        noise: Rate | None = None,
        seed: Any = None,
    ) -> None:
        if not isinstance(mlp, MLP):
            raise TypeError(f"mlp: an object of type {type(mlp).__name__}; expected an oracle.MLP")
        mlp.architecture.require_derivatives()
        self._mlp = mlp
        layers = len(mlp.architecture.activations)
        self._optimizer = check_optimizer(or_adam(optimizer), mlp.architecture.dtype, layers)
        self._batch_size = _validate.batch_size(batch_size) or None
        check_batch_size(self._optimizer, self._batch_size)
        self._n_threads = _validate.n_threads(n_threads) or None
        self._sparsity = check_sparsity(sparsity, mlp.architecture)
        self._average = check_average(average, mlp.architecture.dtype)
        self._dropout = check_dropout(dropout, mlp.architecture)
        self._noise = check_noise(noise, mlp.architecture)
        self._draws = draws_of(self._dropout, self._noise, seed, mlp.architecture)
        schedules = {**self._optimizer.schedules, **(self._draws.schedules if self._draws else {})}
        self._moving = Moving(schedules, mlp.architecture.dtype)
        self._state = State.start(self.optimizer, mlp.architecture)

    @property
    def mlp(self) -> MLP:
        """The network to train."""
        return self._mlp

    @property
    def optimizer(self) -> Optimizer:
        """The update rule."""
        return self._optimizer

    @property
    def batch_size(self) -> int | None:
        """Rows in a batch; None: all rows."""
        return self._batch_size

    @property
    def n_threads(self) -> int | None:
        """As given."""
        return self._n_threads

    @property
    def sparsity(self) -> Sparsity | None:
        """The penalty on a hidden layer's outputs, or None."""
        return self._sparsity

    @property
    def average(self) -> Averaging | None:
        """Which average of the weights is kept, or None."""
        return self._average

    @property
    def averaged_w(self) -> Float64 | None:
        """A copy of the average of the weights, (n_weights,); None while none have entered."""
        average = self._state.average
        return None if average is None else average.copy()

    @property
    def dropout(self) -> Dropout | None:
        """The rates of dropping units, or None."""
        return self._dropout

    @property
    def noise(self) -> Rate:
        """Standard deviation of the noise on the features; 0: none."""
        return self._noise

    @property
    def n_epochs(self) -> int:
        """Finished epochs."""
        return self._state.epochs

    @property
    def state(self) -> dict[str, Any]:
        """A copy of the optimizer's state: counts, powers of beta, and "slots" in w's order."""
        return vars(deepcopy(self._state))

    def epoch(
        self,
        X: ArrayLike,
        Y: ArrayLike,
        order: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> float:
        """One pass over the rows `order`, with an update after each batch.

        Parameters
        ----------
        X : array-like, (n, H_0)
            Samples.
        Y : array-like, (n, K) or (n,)
            Targets.
        order : array-like of int, optional
            Row indices, any length, repeats allowed; None: the rows as they stand.
        sample_weight : array-like, (n,), optional
            s_i >= 0 of each row of X. Rows of weight 0 are left out.

        Returns
        -------
        float
            Mean of the batch losses before each update, weighted by rows (36), or by the batches'
            sums of weights (W4).

        Raises
        ------
        TypeError, ValueError
            If X, Y or order does not fit. Nothing is changed.
        FloatingPointError
            If a batch loss or a weight is not finite; weights and state stay those of the last
            epoch.
        """
        net = self.mlp.architecture
        given_x, given_y = _validate.data(X, Y, net)
        rows = np.arange(len(given_x)) if order is None else _rows(order, len(given_x))
        s = _validate.sample_weight(sample_weight, len(given_x))
        if s is not None:
            taken = np.zeros(len(s), bool)
            taken[rows] = True
            _validate.judged_weights(np.where(taken, s, 0.0), net.dtype)
            given_x, given_y = _without_rows(given_x, s <= 0), _without_rows(given_y, s <= 0)
        x, y = float_features(given_x, net), float_targets(given_y, net)
        # The epoch works on copies, which replace weights and state only when it is over.
        w, state = self.mlp.w.copy(), deepcopy(self._state)
        size = self.batch_size or len(rows)
        numbers = self._moving.numbers(self.n_epochs, len(rows), self.batch_size)
        total = weight = 0.0
        with np.errstate(all="ignore"):
            for start in range(0, len(rows), size):
                batch = rows[start : start + size]
                if s is not None:
                    batch = batch[s[batch] > 0]
                if not len(batch):
                    continue
                weights, now = None if s is None else s[batch], step_of(numbers, start // size)
                step = self._draws.step(self.n_epochs, batch, now) if self._draws else None
                back = backward(
                    net, w, forward(net, w, x[batch], step), y[batch], self.mlp.collapsed,
                    self.sparsity, weights, step,
                )  # fmt: skip
                loss = back.loss
                if not np.isfinite(loss):
                    raise FloatingPointError(
                        f"the loss is not finite in epoch {self.n_epochs + 1}, step "
                        f"{start // size + 1}; weights and optimizer state are those after epoch "
                        f"{self.n_epochs}"
                    )
                share = len(batch) if weights is None else float(np.sum(weights))
                total, weight = total + share * loss, weight + share
                w = state.step(optimizers, self.optimizer, net, w, back.gradient, now)
                state.enter_step(optimizers, self.average, w)
        state.epochs += 1
        if not np.all(np.isfinite(w)):
            raise FloatingPointError(
                f"a weight is not finite in epoch {self.n_epochs + 1}; weights and optimizer state "
                f"are those after epoch {self.n_epochs}"
            )
        state.enter_epoch(optimizers, self.average, w)
        self.mlp._w[...], self._state = w, state
        loss = float(total / weight)
        self._moving.finish(numbers, loss)
        return loss

    def observe(self, validation_loss: float) -> None:
        """Tell the schedules that watch it the validation loss after the last epoch.

        Parameters
        ----------
        validation_loss : float
            `fit` calls this.

        Raises
        ------
        TypeError, ValueError
            If it is no finite number.
        """
        self._moving.observe(validation_loss)

    @property
    def watches_validation(self) -> bool:
        """Whether a schedule needs `observe` after each epoch."""
        return self._moving.watches_validation

    @property
    def eta(self) -> float | None:
        """The learning rate of the last step; None before the first one of a schedule."""
        return self._moving.last("eta", self.optimizer)

    def __repr__(self) -> str:
        options = {
            "sparsity": self.sparsity, "average": self.average, "dropout": self.dropout,
            "noise": self.noise,
        }  # fmt: skip
        given = "".join(f", {name}={value!r}" for name, value in options.items() if value)
        return (
            f"oracle.Trainer({self.mlp!r}, optimizer={self.optimizer!r}, "
            f"batch_size={self.batch_size}{given})"
        )


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
    a[gone] = a[~gone][0]
    return a
