# SPDX-License-Identifier: BSD-3-Clause
"""What a network does with losses, predictions and epochs, whoever computes them.

The native network and its oracle share this, and with it shuffles, checks and history.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from deltarule._modes import in_default_modes
from deltarule._typing import ArrayLike, NDArray
from deltarule.architecture import Architecture
from deltarule.averaging import Averaging
from deltarule.dropout import Dropout, Rate
from deltarule.evaluation import check_classes, evaluate
from deltarule.history import History
from deltarule.metrics import Metric, labels
from deltarule.optimizers import Optimizer
from deltarule.protocols import OwnTrainer
from deltarule.results import Array, Trace

if TYPE_CHECKING:
    from deltarule.stopping import EarlyStopping


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
        check_classes("predict_labels", self.architecture)
        return labels(self.predict(X, n_threads), self.architecture.chosen_loss.row.cut)

    @in_default_modes
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

    @in_default_modes
    def fit(
        self,
        X: Any,
        Y: ArrayLike | None = None,
        optimizer: Optimizer | None = None,
        batch_size: int | None = 32,
        epochs: int = 10,
        shuffle: bool = True,
        seed: Any = None,
        n_threads: int | None = None,
        validation: tuple[ArrayLike, ...] | float | None = None,
        progress: bool = False,
        stop_tol: float | None = None,
        record: str | Collection[str] | None = None,
        average: Averaging | None = None,
        sample_weight: ArrayLike | None = None,
        class_weight: str | Mapping[Any, float] | None = None,
        dropout: Dropout | Rate | None = None,
        noise: Rate | None = None,
        *,
        metrics: str | Metric | Collection[str | Metric] = (),
        stopping: EarlyStopping | None = None,
        max_seconds: float | None = None,
        callbacks: Any = (),
        checkpoint: str | bytes | PathLike[Any] | None = None,
        every: int = 1,
        resume: str | bytes | PathLike[Any] | bool | None = None,
        buffer_rows: int | None = None,
    ) -> History:
        """Train for some epochs, from the weights as they are, with a fresh optimizer state.

        The same as a new `Trainer` and `epoch(X, Y, order=rng.permutation(n))` once an epoch,
        where `rng = numpy.random.default_rng(seed)`, until one of the rules ends it that
        `History.stopped_by` names.

        Parameters
        ----------
        X, Y, n_threads
            As `forward` and `backward` take them; or X alone, a source of blocks (X, Y) or
            (X, Y, sample_weight) that can be iterated in each epoch (docs/reference/streams.md).
        optimizer : SGD or Adam, optional
            None: Adam().
        batch_size : int, optional
            1 is stochastic; None takes all rows at once. The last batch may be short.
        epochs : int
            Passes over the data. Schedules without a length of their own last so many.
        shuffle : bool
            Whether each epoch draws a new order; else rows are taken as they stand.
        seed : None, int or anything else that `numpy.random.default_rng` takes
            Of the shuffles, of what is held out, and of dropout and noise.
        validation : (X, Y), (X, Y, sample_weight) or float, optional
            Data whose loss is taken after each epoch; judged before the first. A fraction v,
            0 < v < 1: so many of the rows are held out and train nothing, drawn from rng before
            any shuffle, of every class its share where targets are classes.
        progress : bool
            Whether to show a live line, with rich if that is installed.
        stop_tol : float, optional
            epsilon >= 0: stop after the first epoch whose loss differs from that of the epoch
            before by no more, `abs(history.loss[-1] - history.loss[-2]) <= stop_tol`; 0 stops
            when nothing changes. With `batch_size=None` an epoch's loss is f(w) before its step;
            with minibatches it is a mean over weights that move. `epochs` stays the most there
            may be. None: take them all.
        record : str or collection of str, optional
            What to note after each epoch, of all rows that train: "gradient_norm" (nearly the work
            of an epoch), "saturation" (a forward pass that shows every layer), or both.
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
        metrics : str, callable or collection of these, optional
            What to take of the validation data after each epoch, beside its loss: names and
            functions as `evaluate` takes them.
        stopping : EarlyStopping, optional
            Stop when a score no longer improves, and which weights to keep.
        max_seconds : float, optional
            > 0: stop after the epoch in which so much time has passed.
        callbacks : object or list of them, optional
            Called along the way: see `deltarule.callbacks`.
        checkpoint : str, bytes or path, optional
            A file that keeps the training (docs/reference/files.md): written after every `every`
            epochs and in the end, it is there whole or as it was before.
        every : int
            Epochs from one checkpoint to the next.
        resume : bool, str, bytes or path, optional
            A checkpoint to go on from; True: `checkpoint`, if it is there, else begin. With the
            same other arguments the training ends with the bits that it would have without an
            interruption; `epochs`, `stop_tol`, `max_seconds`, `n_threads` and callbacks may be
            others, and weights as they are do not matter.
        buffer_rows : int, optional
            Of a source of blocks: rows that are shuffled with each other; None: 32 MiB of them.

        Returns
        -------
        History
            Losses, metrics and speed of each epoch, what was recorded, and why it stopped.

        Raises
        ------
        TypeError, ValueError
            If an argument does not fit.
        FloatingPointError
            If the loss is not finite any more, or a validation loss that a schedule watches.
        KeyboardInterrupt
            On Ctrl-C, within 0.2 s.
        RuntimeError
            If the network is being trained already.

        Notes
        -----
        After any exception, a callback's too, the weights are those of the last finished epoch, and
        the exception's attribute `history` holds the epochs so far; one that could not be judged,
        for a metric failed, is not among them.
        """
        from deltarule.training import fit_run  # an import costs some ms
        from deltarule.training_loop import alone

        with alone(self):
            return fit_run(
                self, X, Y, optimizer=optimizer, batch_size=batch_size, epochs=epochs,
                shuffle=shuffle, seed=seed, n_threads=n_threads, validation=validation,
                progress=progress, stop_tol=stop_tol, record=record, average=average,
                sample_weight=sample_weight, class_weight=class_weight, dropout=dropout,
                noise=noise, metrics=metrics, stopping=stopping, max_seconds=max_seconds,
                callbacks=callbacks, checkpoint=checkpoint, every=every, resume=resume,
                buffer_rows=buffer_rows,
            ).go_on()  # fmt: skip

    def save(self, path: str | bytes | PathLike[Any], history: History | None = None) -> None:
        """Write weights and architecture to a safetensors file; `deltarule.load` reads it.

        The file is there whole, or as it was before; docs/reference/files.md says what is in it.

        Parameters
        ----------
        path : str, bytes or path
            The file, replaced if it is there, with its permissions; what a symlink points to.
        history : History, optional
            How the network was trained, kept beside it: `deltarule.files.read_history`.

        Raises
        ------
        TypeError
            If path is none, or history is no History.
        ValueError
            If the loss is a function, or a weight is not finite in the network's dtype: the
            oracle's weights are float64.
        OSError
            If it cannot be written, or something else than a regular file is there.
        """
        from deltarule.files import save

        save(self.architecture, self._snapshot(), path, history)

    def summary(self) -> str:
        """Return a table of the layers: sizes, activations, W[k], numbers of weights, memory.

        Returns
        -------
        str
            The interpreter shows it line by line, without `print`.
        """
        from deltarule.info import summary

        return summary(self.architecture)
