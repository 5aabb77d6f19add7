# SPDX-License-Identifier: BSD-3-Clause
"""Training epoch by epoch: `Trainer` holds the optimizer's state; the loop is `fitting.fit`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, astuple
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from deltarule import _core, _validate
from deltarule._modes import in_default_modes
from deltarule._typing import ArrayLike
from deltarule.averaging import Averaging, check_average
from deltarule.dropout import (
    Dropout,
    Key,
    Rate,
    check_dropout,
    check_noise,
    draws_of,
)
from deltarule.mlp import MLP
from deltarule.optimizers import (
    Optimizer,
    check_batch_size,
    check_optimizer,
    initial_slots,
    or_adam,
)
from deltarule.results import Array
from deltarule.schedules.moving import Moving
from deltarule.sparsity import Sparsity, check_sparsity

if TYPE_CHECKING:
    from deltarule.epoch_in_parts import EpochInParts


class Trainer:
    """w <- w - step(gradient), batch by batch, with an optimizer state that lives on.

    Parameters
    ----------
    mlp : MLP
        The network to train. Its `w` is current after every epoch.
    optimizer : Rule, optional
        Which, and with which numbers: SGD, Adam, ... None: Adam().
    batch_size : int, optional
        Rows in a batch; 1 is stochastic, None takes all rows at once.
    n_threads : int, optional
        None: as many as pay. The weights do not depend on it by a single bit.
    sparsity : Sparsity, optional
        A penalty on a hidden layer's outputs, part of the loss that is trained  (41) to (45).
    average : EMA or SWA, optional
        Which average of the weights to keep beside them: `averaged_w`.
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
    TypeError
        If an argument is of the wrong kind.
    ValueError
        If an argument is out of range, or a layer's activation is threshold.

    Notes
    -----
    A pickle or deep copy holds the network as well; `copy.copy` shares it, and has an optimizer
    state of its own.
    """

    @in_default_modes
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
            raise TypeError(f"mlp: an object of type {type(mlp).__name__}; expected an MLP")
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
        self._trainer = _core.Trainer(
            mlp._network, self.optimizer.kernel, self.optimizer.parameters,
            self.batch_size or 0, self.n_threads or 0,
            None if self.sparsity is None else astuple(self.sparsity),
            self.optimizer.eta_factors or (),
            None if self.average is None else self.average.native,
            None if self._draws is None else self._draws.settings,
        )  # fmt: skip
        if any(self.optimizer.slots):
            start = initial_slots(self.optimizer, mlp.architecture)
            self._trainer.set_state({**self._trainer.state, "slots": start})

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
    def averaged_w(self) -> Array | None:
        """A copy of the average of the weights, (n_weights,); None while none have entered.

        It is of finished epochs, as w is. RuntimeError while the network is being trained.
        """
        averaged: Array | None = self._trainer.averaged_w
        return averaged

    @property
    def dropout(self) -> Dropout | None:
        """The rates of dropping units, or None."""
        return self._dropout

    @property
    def noise(self) -> Rate:
        """Standard deviation of the noise on the features; 0: none."""
        return self._noise

    def epoch(
        self,
        X: ArrayLike,
        Y: ArrayLike,
        order: Sequence[int] | Array | None = None,
        sample_weight: ArrayLike | None = None,
        step_losses: Array | None = None,
    ) -> float:
        """One pass over rows of X and Y, one update of w per batch  (29) to (31).

        Parameters
        ----------
        X : array-like, (n, H_0)
            Samples.
        Y : array-like, (n, K) or (n,)
            Targets; of shape (n,) class labels for cross-entropy, or the targets where K = 1.
        order : sequence of int, optional
            The rows to take, in this order: any length, repeats allowed. None: 0 ... n-1.
        sample_weight : array-like, (n,), optional
            s_i >= 0 of each row of X, rounded to the network's dtype; S is their sum over the
            batch. A row of weight 0 is left out, and a batch of such rows makes no step.
        step_losses : array of float64, (n_steps, 2), optional
            Written: of each step the batch's loss, before its update, and the part of it that
            penalises the weights, gamma(w). NaN where no step was made: a batch without weight, or
            an exception before it.

        Returns
        -------
        float
            Mean of the batch losses before each update, weighted by rows (36) or by the batches'
            sums of `sample_weight`, the penalty of `sparsity` included; `MLP.loss` knows nothing
            of it. A short last batch divides by its own size.

        Raises
        ------
        TypeError, ValueError
            If an argument does not fit, or a row that is taken holds a bad value.
        FloatingPointError
            If a batch's loss is not finite.
        KeyboardInterrupt
            On Ctrl-C, within 0.2 s.
        RuntimeError
            If the network is being trained already.

        Notes
        -----
        After any exception weights and optimizer state are those of the last finished epoch.
        """
        if self._moving:
            return self._moving_epoch(X, Y, order, sample_weight, step_losses)
        try:
            return self._trainer.epoch(X, Y, order, sample_weight, None, step_losses)
        except _core.Refused:
            pass  # what is raised below shall not be chained to this
        given = self._validated(X, Y, order, sample_weight)
        return self._trainer.epoch(*given, None, self._judged(step_losses, given))

    def in_parts(self, n_rows: int | None = None, visible: bool = False) -> EpochInParts:
        """One epoch over rows that come in parts: the same bits as one call over all of them.

            with trainer.in_parts() as epoch:
                for X, Y in blocks:
                    epoch.part(X, Y)
            epoch.loss

        Parameters
        ----------
        n_rows : int, optional
            Rows of all parts together: a trainer with schedules has to know.
        visible : bool
            Whether `mlp.w` shows the weights after each part, which goes on from those that are
            assigned. Else they show at the end, and until then assigning them is an error.

        Returns
        -------
        EpochInParts
            A context with the method `part` and, when it has ended, the attribute `loss`. After an
            exception weights and optimizer state are those of the last finished epoch.

        Raises
        ------
        TypeError, ValueError
            If n_rows is no integer >= 1, or missing; when the context ends, if the parts hold other
            than n_rows rows, or none.
        RuntimeError
            As the context begins, if the network is being trained.
        """
        from deltarule.epoch_in_parts import EpochInParts

        return EpochInParts(self, self._trainer, n_rows, _validate.flag("visible", visible))

    def observe(self, validation_loss: float) -> None:
        """Tell the schedules that watch it the validation loss after the last epoch.

        Parameters
        ----------
        validation_loss : float
            `fit` takes it of its `validation` and calls this; without `fit` it is yours to call.

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

    def _moving_epoch(
        self, X: Any, Y: Any, order: Any, sample_weight: Any, step_losses: Any
    ) -> float:
        try:
            n_rows = len(X if order is None else order)
        except TypeError:
            X, Y, order, sample_weight = self._validated(X, Y, order, sample_weight)
            n_rows = len(X if order is None else order)
        numbers = self._moving.numbers(self.n_epochs, n_rows, self.batch_size)
        try:
            loss = self._trainer.epoch(X, Y, order, sample_weight, numbers, step_losses)
        except _core.Refused:
            loss = None
        if loss is None:
            given = self._validated(X, Y, order, sample_weight)
            loss = self._trainer.epoch(*given, numbers, self._judged(step_losses, given))
        self._moving.finish(numbers, loss)
        return float(loss)

    def _epochs(
        self, X: Array, Y: Array, orders: Array | None, sample_weight: Array | None, most: int,
        seconds: float, stop_tol: float, before: float, step_losses: Array | None = None,
    ) -> tuple[Array, Array, list[float], BaseException | None]:  # fmt: skip
        """Train up to `most` epochs in one native call: losses, seconds, etas, and a fault.

        Fewer, but at least one, where some seconds are over, where a loss differs by no more than
        `stop_tol` from that of the epoch before (before the first: `before`), or where a schedule
        must be told how it went. An exception is returned, with what was finished before. The
        arrays are as `_validate` returns them; `orders` (most, rows), and step_losses, as `epoch`
        takes them, (most, n_steps, 2).
        """
        n_rows = len(X) if orders is None else orders.shape[1]
        begun = self.n_epochs
        most, numbers = self._moving.ahead(begun, n_rows, self.batch_size, most)
        rows = None if orders is None else orders[:most].reshape(-1)
        losses, times = np.empty(most), np.empty(most)
        failed: BaseException | None = None
        try:
            self._trainer.run_epochs(
                X, Y, rows, sample_weight, numbers, losses, times, seconds, stop_tol, before,
                None if step_losses is None else step_losses[:most].reshape(-1, 2),
            )  # fmt: skip
        except BaseException as error:
            failed = error
        n = self.n_epochs - begun
        moved = {name: values.reshape(most, -1)[:n] for name, values in numbers.items()}
        self._moving.finish(moved, *losses[:n])
        eta = [] if self.eta is None else [self.eta]
        etas = moved["eta"][:, -1].tolist() if "eta" in moved else eta * n
        return losses[:n], times[:n], etas, failed

    def _validated(
        self, X: Any, Y: Any, order: Any, sample_weight: Any
    ) -> tuple[Array, Array, Array | None, Array | None]:
        x, y = _validate.data(X, Y, self.mlp.architecture)
        rows = None if order is None else _validate.order(order, len(x))
        return x, y, rows, _validate.sample_weight(sample_weight, len(x))

    def _judged(self, step_losses: Any, given: tuple[Any, ...]) -> Array | None:
        X, _, order, _ = given
        n_rows = len(X if order is None else order)
        return _validate.step_losses(step_losses, n_rows, self.batch_size)

    @property
    def n_epochs(self) -> int:
        """Finished epochs."""
        return self._trainer.epochs

    @property
    def state(self) -> dict[str, Any]:
        """A copy of the optimizer's state: counts, powers of beta, and "slots" in w's order.

        With an `average`, "average" is `averaged_w`.
        RuntimeError while another thread trains the network: the state would be half an epoch's.
        """
        return self._trainer.state

    def __repr__(self) -> str:
        options = {
            "sparsity": self.sparsity, "average": self.average, "dropout": self.dropout,
            "noise": self.noise,
        }  # fmt: skip
        given = "".join(f", {name}={value!r}" for name, value in options.items() if value)
        return (
            f"Trainer({self.mlp!r}, optimizer={self.optimizer!r}, batch_size={self.batch_size}, "
            f"n_threads={self.n_threads}{given})"
        )

    def __getstate__(self) -> dict[str, Any]:
        from deltarule import saved

        state = self.state  # first: it is an error while the network is being trained
        if self._in_parts:
            raise RuntimeError(
                "the trainer is in the middle of an epoch in parts; expected to be saved or copied "
                "before or after it"
            )
        return {
            "mlp": self.mlp,
            "optimizer": saved.saved_rule(self.optimizer),
            "batch_size": self.batch_size,
            "n_threads": self.n_threads,
            "sparsity": None if self.sparsity is None else asdict(self.sparsity),
            "average": self.average,
            "dropout": self.dropout,
            "noise": self.noise,
            "key": None if self._draws is None else self._draws.key,
            "state": state,
            "moving": self._moving.state,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        from deltarule import saved

        sparse = state.get("sparsity")  # older pickles have none
        Trainer.__init__(
            self, saved.part(state, "mlp"), saved.rule_of(saved.part(state, "optimizer")),
            saved.part(state, "batch_size"), saved.part(state, "n_threads"),
            None if sparse is None else saved.made("sparsity", Sparsity, sparse),
            state.get("average"), state.get("dropout"), state.get("noise"),
            Key(saved.key_of(state.get("key"))),
        )  # fmt: skip
        self._set_state(saved.part(state, "state"), state.get("moving"))

    def _set_state(self, state: dict[str, Any], moving: dict[str, Any] | None) -> None:
        """Go on from a state of a trainer of these settings; what does not fit changes nothing."""
        from deltarule import saved

        net = self.mlp.architecture
        n_slots = len(self.optimizer.slots)
        self._trainer.set_state(
            saved.native(state, n_slots, net.n_weights, net.dtype, self.average)
        )
        if moving is not None:  # older pickles have none
            self._moving.state = moving

    def _set_key(self, key: int | None) -> None:
        """Draw dropout and noise by this key from now on; the state begins anew."""
        Trainer.__init__(
            self, self.mlp, self.optimizer, self.batch_size, self.n_threads, self.sparsity,
            self.average, self.dropout, self.noise, Key(key or 0),
        )  # fmt: skip

    def save(self, path: str | bytes | PathLike[Any]) -> None:
        """Write network, settings and state to a safetensors file; `Trainer.load` reads it.

        The file is there whole, or as it was before; docs/reference/files.md says what is in it.

        Parameters
        ----------
        path : str, bytes or path
            The file, replaced if it is there, with its permissions; what a symlink points to.

        Raises
        ------
        TypeError
            If path is none.
        ValueError
            If the loss or a schedule is a function, or of a class of yours: no file can name it.
        OSError
            If it cannot be written, or something else than a regular file is there.
        RuntimeError
            In the middle of an epoch (another thread's, one in parts, or in `on_batch_end`): the
            state would be half of it.
        """
        from deltarule.files.training import save

        save(self, path)

    @classmethod
    def load(cls, path: str | bytes | PathLike[Any]) -> Trainer:
        """Read a trainer that `save` wrote, or that of a `fit`'s checkpoint, with its network.

        It goes on with the same bits as the one that was saved.

        Parameters
        ----------
        path : str, bytes or path
            The file.

        Returns
        -------
        Trainer
            Its network is `trainer.mlp`.

        Raises
        ------
        TypeError
            If path is none.
        FileNotFoundError, OSError
            If it cannot be read.
        FileFormatError
            If it is no such file, is damaged, was written by a newer release, or does not hold
            together.
        """
        from deltarule.files.training import load

        return load(path)
