# SPDX-License-Identifier: BSD-3-Clause
"""The minibatch loop in plain NumPy: gather, forward, backward, update, one batch at a time."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

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
from deltarule.epoch_in_parts import EpochInParts
from deltarule.optimizers import Optimizer, check_batch_size, check_optimizer, or_adam
from deltarule.oracle.activations import Float64
from deltarule.oracle.mlp import MLP
from deltarule.oracle.parts import Core, OpenEpoch
from deltarule.oracle.steps import State
from deltarule.results import Array
from deltarule.schedules.moving import Moving
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
        self._in_parts = False  # whether an epoch is open
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
        step_losses: Array | None = None,
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
        step_losses : array of float64, (n_steps, 2), optional
            Written: of each step the batch's loss, and gamma(w) in it. NaN: no step.

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
        x, y = _validate.data(X, Y, self.mlp.architecture)
        rows = None if order is None else _validate.order(order, len(x))
        n_rows = len(x) if rows is None else len(rows)
        numbers = self._moving.numbers(self.n_epochs, n_rows, self.batch_size)
        written = _validate.step_losses(step_losses, n_rows, self.batch_size)
        epoch = OpenEpoch(self, visible=False)
        epoch.part(x, y, rows, sample_weight, numbers, 0, written)
        loss = epoch.end()
        self._moving.finish(numbers, loss)
        return loss

    def in_parts(self, n_rows: int | None = None, visible: bool = False) -> EpochInParts:
        """One epoch over rows that come in parts: the same as one call over all of them.

        Parameters
        ----------
        n_rows : int, optional
            Rows of all parts together: a trainer with schedules has to know.
        visible : bool
            Whether `mlp.w` shows the weights after each part, which goes on from those that are
            assigned.

        Returns
        -------
        EpochInParts
            A context with the method `part` and, when it has ended, the attribute `loss`.

        Raises
        ------
        TypeError, ValueError
            If n_rows is no integer >= 1, or missing; when the context ends, if the parts hold other
            than n_rows rows, or none.
        """
        return EpochInParts(self, Core(self), n_rows, _validate.flag("visible", visible))

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
