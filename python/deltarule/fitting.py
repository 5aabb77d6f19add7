# SPDX-License-Identifier: BSD-3-Clause
"""What a network does with losses, predictions and epochs, whoever computes them.

The native network and its oracle share this, and with it shuffles, checks and history.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from os import PathLike
from time import perf_counter
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from deltarule import _validate
from deltarule._arguments import choice, generator, number
from deltarule.architecture import Architecture
from deltarule.averaging import Averaging, check_start
from deltarule.class_weights import with_class_weights
from deltarule.dropout import Dropout, Rate
from deltarule.dropout import lasting as dropouts_lasting
from deltarule.history import History
from deltarule.metrics import METRICS, accuracy, labels
from deltarule.optimizers import Optimizer
from deltarule.progress import progress_line
from deltarule.results import Array, Trace
from deltarule.schedules.base import lasting


class EpochTrainer(Protocol):
    """What is asked of a trainer."""

    @property
    def n_epochs(self) -> int:
        """Finished epochs."""

    @property
    def eta(self) -> float | None:
        """The learning rate of the last step."""

    @property
    def watches_validation(self) -> bool:
        """Whether a schedule needs `observe`."""

    def observe(self, validation_loss: float, /) -> None:
        """Tell the schedules the validation loss."""

    def epoch(self, X: Array, Y: Array, order: Any = None, sample_weight: Any = None, /) -> float:
        """One pass; returns the mean loss."""


class OwnTrainer(EpochTrainer, Protocol):
    """What is asked of a network's own trainer."""

    @property
    def averaged_w(self) -> Array | None:
        """The average of the weights, if one is kept and some have entered."""


class Network(Protocol):
    """What is asked of a network."""

    @property
    def architecture(self) -> Architecture:
        """Everything but the weights."""

    def loss(
        self, X: ArrayLike, Y: ArrayLike, n_threads: int | None = None, sample_weight: Any = None, /
    ) -> float:
        """L."""

    def predict(self, X: ArrayLike, n_threads: int | None = None, /) -> Array:
        """y_hat."""

    def forward(self, X: ArrayLike, n_threads: int | None = None, /) -> Trace:
        """All nets and outputs."""

    def gradient(
        self, X: ArrayLike, Y: ArrayLike, n_threads: int | None = None, sample_weight: Any = None, /
    ) -> Array:
        """dL/dw."""

    def _snapshot(self) -> Array:
        """A copy of w."""


class Fittable(ABC):
    """The methods of a network that need no more of it than its loss, predictions and trainer."""

    _architecture: Architecture
    w: Array

    @property
    def architecture(self) -> Architecture:
        """What the network is without its weights."""
        return self._architecture

    @property
    def dtype(self) -> str:
        """The architecture's: "float32" or "float64"."""
        return self._architecture.dtype

    @abstractmethod
    def _snapshot(self) -> Array:
        """A copy of w."""

    @abstractmethod
    def loss(
        self,
        X: ArrayLike,
        Y: ArrayLike,
        n_threads: int | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> float:
        """L."""

    @abstractmethod
    def predict(
        self, X: ArrayLike, n_threads: int | None = None, out: Array | None = None
    ) -> Array:
        """y_hat."""

    @abstractmethod
    def forward(self, X: ArrayLike, n_threads: int | None = None) -> Trace:
        """All nets and outputs."""

    @abstractmethod
    def gradient(
        self,
        X: ArrayLike,
        Y: ArrayLike,
        n_threads: int | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Array:
        """dL/dw."""

    @abstractmethod
    def loss_and_gradient(
        self,
        X: ArrayLike,
        Y: ArrayLike,
        n_threads: int | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> tuple[float, Array]:
        """L and dL/dw."""

    @abstractmethod
    def _new_trainer(
        self, optimizer: Optimizer | None, batch_size: int | None, n_threads: int | None,
        **options: Any,
    ) -> OwnTrainer:  # fmt: skip
        """A trainer of this network with a fresh state; options as `Trainer` takes them."""

    def predict_labels(self, X: ArrayLike, n_threads: int | None = None) -> NDArray[np.int64]:
        """argmax_j y_hat_j; of one logistic or threshold output, whether y_hat >= 1/2.

        Of one output of a hinge loss, whether y_hat >= 0.

        Parameters
        ----------
        X, n_threads
            As `forward` takes them.

        Returns
        -------
        array of int64, (n,)

        Raises
        ------
        TypeError, ValueError
            If X does not fit, or a single output is neither logistic nor threshold, nor a hinge's.
        """
        _check_classes("predict_labels", self.architecture)
        return labels(self.predict(X, n_threads), self.architecture.chosen_loss.row.cut)

    def evaluate(
        self,
        X: ArrayLike,
        Y: ArrayLike,
        metric: str | Callable[..., float] = "loss",
        n_threads: int | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> float:
        """metric(Y, y_hat), or metric(Y, y_hat, sample_weight), with y_hat = predict(X).

        Parameters
        ----------
        X, Y, n_threads
            As `forward` and `backward` take them.
        metric : str or callable
            "loss", "accuracy", "mean_absolute_error", "mean_squared_error", "r2", or a function
            of Y, an array of the shape given, and y_hat, (n, K), and of the weights if they are
            given.
        sample_weight : array-like, (n,), optional
            As `loss` takes it; a metric sees only rows of weight > 0.

        Returns
        -------
        float

        Raises
        ------
        TypeError, ValueError
            As `loss` does; also if the metric is unknown, or accuracy is asked of a single output
            that is neither logistic nor threshold.
        """
        return evaluate(self, X, Y, metric, n_threads, sample_weight)

    def fit(
        self,
        X: ArrayLike,
        Y: ArrayLike,
        optimizer: Optimizer | None = None,
        batch_size: int | None = 32,
        epochs: int = 10,
        shuffle: bool = True,
        seed: Any = None,
        n_threads: int | None = None,
        validation: tuple[ArrayLike, ...] | None = None,
        progress: bool = False,
        stop_tol: float | None = None,
        record: str | Collection[str] | None = None,
        average: Averaging | None = None,
        sample_weight: ArrayLike | None = None,
        class_weight: str | Mapping[Any, float] | None = None,
        dropout: Dropout | Rate | None = None,
        noise: Rate | None = None,
    ) -> History:
        """Train for some epochs, from the weights as they are, with a fresh optimizer state.

        The same as a new `Trainer` and `epoch(X, Y, order=rng.permutation(n))` once an epoch,
        where `rng = numpy.random.default_rng(seed)`; with `stop_tol`, while
        |f(w_t) - f(w_{t-1})| > stop_tol.

        Parameters
        ----------
        X, Y, n_threads
            As `forward` and `backward` take them.
        optimizer : SGD or Adam, optional
            None: Adam().
        batch_size : int, optional
            1 is stochastic; None takes all rows at once. The last batch may be short.
        epochs : int
            Passes over the data. Schedules without a length of their own last so many.
        shuffle : bool
            Whether each epoch draws a new order; else rows are taken as they stand.
        seed : None, int or anything else that `numpy.random.default_rng` takes
            Of the shuffles, and of dropout and noise.
        validation : (X, Y) or (X, Y, sample_weight), optional
            Data whose loss is taken after each epoch; judged before the first.
        progress : bool
            Whether to show a live line, with rich if that is installed.
        stop_tol : float, optional
            epsilon >= 0: stop after the first epoch whose loss differs from that of the epoch
            before by no more, `abs(history.loss[-1] - history.loss[-2]) <= stop_tol`; 0 stops
            when nothing changes. With `batch_size=None` an epoch's loss is f(w) before its step;
            with minibatches it is a mean over weights that move. `epochs` stays the most there
            may be. None: take them all.
        record : str or collection of str, optional
            What to note after each epoch, of all rows of X: "gradient_norm" (nearly the work of
            an epoch), "saturation" (a forward pass that shows every layer), or both.
        average : EMA or SWA, optional
            An average of the weights along the way, which w is in the end; until then, and in the
            history, w is as it is trained. None: w is that of the last step.
        sample_weight : array-like, (n,), optional
            s_i >= 0 of each row of X, as `Trainer.epoch` takes it.
        class_weight : "balanced" or dict, optional
            Multiplies s_i by a weight of the row's class: a dict by class, where a class that is
            not in it has weight 1, or n / (C n_c) for n_c of n rows in class c, one of C that
            there are (n and n_c count weights where there are some). Classes are labels, the
            places of the 1 in one-hot rows, or the two values of a single output's targets.
            The validation loss has none.
        dropout : Dropout or float, optional
            Units that are off at random in training; a number: of every hidden layer  (D1), (D2).
        noise : float or Schedule, optional
            Standard deviation of Gaussian noise on the features, once they are standardised  (D3).

        Returns
        -------
        History
            Loss, validation loss and speed of each epoch, what was recorded, and why it stopped.

        Raises
        ------
        TypeError, ValueError
            If an argument does not fit.
        FloatingPointError
            If the loss is not finite any more.
        KeyboardInterrupt
            On Ctrl-C, within 0.2 s.
        RuntimeError
            If the network is being trained already.

        Notes
        -----
        After any exception the weights are those of the last finished epoch. FloatingPointError
        and KeyboardInterrupt carry the epochs so far as their attribute `history`.
        """
        epochs = _validate.epochs(epochs)
        rule = lasting(optimizer, epochs)
        trainer = self._new_trainer(
            rule, batch_size, n_threads, average=average, seed=seed,
            dropout=dropouts_lasting(dropout, epochs), noise=dropouts_lasting(noise, epochs),
        )  # fmt: skip
        check_start(average, epochs)
        history = fit(
            self, trainer, X, Y, epochs, shuffle, seed, validation, progress, n_threads,
            stop_tol, record, sample_weight, class_weight,
        )  # fmt: skip
        if average is not None and trainer.averaged_w is not None:
            self.w = trainer.averaged_w
        return history

    def save(self, path: str | bytes | PathLike[Any]) -> None:
        """Write weights and architecture to a safetensors file; `deltarule.load` reads it.

        Parameters
        ----------
        path : str, bytes or path
            The file, replaced if it is there, with its permissions; what a symlink points to.

        Raises
        ------
        TypeError
            If path is none.
        ValueError
            If a weight is not finite in the network's dtype: the oracle's weights are float64.
        OSError
            If it cannot be written, or something else than a regular file is there.
        """
        from deltarule.files import save

        save(self.architecture, self._snapshot(), path)

    def summary(self) -> str:
        """Return a table of the layers: sizes, activations, W[k], numbers of weights, memory.

        Returns
        -------
        str
            The interpreter shows it line by line, without `print`.
        """
        from deltarule.info import summary

        return summary(self.architecture)


def evaluate(
    mlp: Network,
    X: ArrayLike,
    Y: ArrayLike,
    metric: str | Callable[..., float],
    n_threads: int | None = None,
    sample_weight: ArrayLike | None = None,
) -> float:
    """metric(Y, y_hat), with y_hat = predict(X): see `Fittable.evaluate`."""
    if not callable(metric):
        metric = choice("metric", metric, ("loss", *METRICS))
    net = mlp.architecture
    x, y = _validate.data(X, Y, net)
    s = _validate.sample_weight(sample_weight, len(x))
    if metric == "loss":
        return mlp.loss(x, y, n_threads, s)
    if metric == "accuracy":
        _check_classes("accuracy", net)
    if s is not None:
        taken = _validate.judged_weights(s, net.dtype) > 0
        x, y, s = x[taken], y[taken], s[taken]
    y_hat = mlp.predict(x, n_threads)
    y = _validate.judged(y, net, y_hat.dtype)
    if callable(metric):
        return float(metric(y, y_hat) if s is None else metric(y, y_hat, s))
    y, y_hat = net.chosen_loss.compared(y, y_hat)
    if metric == "accuracy":
        return accuracy(y, y_hat, s, net.chosen_loss.row.cut)
    return float(METRICS[metric](y, y_hat, s))


def fit(
    mlp: Network,
    trainer: EpochTrainer,
    X: ArrayLike,
    Y: ArrayLike,
    epochs: int,
    shuffle: bool,
    seed: Any,
    validation: tuple[ArrayLike, ...] | None,
    progress: bool,
    n_threads: int | None = None,
    stop_tol: float | None = None,
    record: str | Collection[str] | None = None,
    sample_weight: ArrayLike | None = None,
    class_weight: str | Mapping[Any, float] | None = None,
) -> History:
    """Run a new trainer of this network for some epochs: see `Fittable.fit`."""
    from deltarule.records import gradient_norms, requested, saturation  # an import costs 1 ms

    epochs, shuffle = _validate.epochs(epochs), _validate.flag("shuffle", shuffle)
    progress, rng = _validate.flag("progress", progress), generator(seed)
    if stop_tol is not None:
        stop_tol = number("stop_tol", stop_tol, lambda value: value >= 0, "a number >= 0 or None")
    records = requested(record)
    # Converted once, not once an epoch; exact arrays come back as they are.
    x, y = _validate.data(X, Y, mlp.architecture)
    weights = _validate.sample_weight(sample_weight, len(x))
    if class_weight is not None:
        weights = with_class_weights(class_weight, y, mlp.architecture, weights)
    held_out = _validate.held_out(validation, mlp.architecture)
    if held_out is None and trainer.watches_validation:
        raise ValueError(
            "validation: None; expected (X, Y), for a schedule that watches the validation loss"
        )
    history = History()
    try:
        if held_out is not None:
            _judge_validation(mlp, held_out, n_threads)
        with progress_line(progress, epochs) as show:
            for _ in range(epochs):
                order = rng.permutation(len(x)) if shuffle else None
                start = perf_counter()
                loss = trainer.epoch(x, y, order, weights)
                seconds = perf_counter() - start
                validation_loss = norms = None
                if held_out is not None:
                    validation_loss = _held_out_loss(mlp, held_out, n_threads)
                    trainer.observe(validation_loss)
                if "gradient_norm" in records:
                    norms = gradient_norms(mlp, x, y, n_threads, weights)
                shares = saturation(mlp, x, n_threads) if "saturation" in records else None
                history.append(loss, seconds, len(x), validation_loss, norms, shares, trainer.eta)
                show(history)
                if stop_tol is not None and history.change() <= stop_tol:
                    history.stopped_by = "stop_tol"
                    break
            else:
                history.stopped_by = "epochs"
    except (KeyboardInterrupt, FloatingPointError) as error:
        error.history = history  # type: ignore[union-attr]  # exceptions take attributes
        error.add_note(
            f"fit: the weights are those after epoch {trainer.n_epochs} of {epochs}; "
            f"the exception's attribute `history` holds the losses so far"
        )
        raise
    return history


def _held_out_loss(
    mlp: Network, held_out: tuple[Array, Array, Array | None], n_threads: int | None
) -> float:
    x, y, s = held_out
    return mlp.loss(x, y, n_threads, s)


def _judge_validation(
    mlp: Network, held_out: tuple[Array, Array, Array | None], n_threads: int | None
) -> None:
    try:
        _held_out_loss(mlp, held_out, n_threads)  # looks at every value, before any training
    except ValueError as error:
        raise ValueError(f"validation {error}") from None


def _check_classes(name: str, net: Architecture) -> None:
    output = net.activations[-1]
    if not net.chosen_loss.row.classes:
        raise ValueError(f"{name}: the outputs of loss={net.loss!r} are no classes'")
    decides = output in ("logistic", "threshold") or net.chosen_loss.row.one_against_rest
    if net.n_outputs == 1 and not decides:
        expected = "logistic or threshold, or several"
        raise ValueError(f"{name}: one {output} output; expected {expected}")
