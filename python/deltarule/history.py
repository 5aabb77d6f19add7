# SPDX-License-Identifier: BSD-3-Clause
"""What `fit` returns: one entry per epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from deltarule.results import Array


@dataclass
class History:
    """Loss and speed of every epoch of one `fit`.

    Attributes
    ----------
    loss : list of float
        Mean of the batch losses before each update, weighted by rows.
    validation_loss : list of float
        Loss on the validation data after each epoch; empty without validation data.
    seconds : list of float
        Wall time of each epoch's training, validation not included.
    samples_per_second : list of float
        Rows trained on per second.
    gradient_norm : list of tuple of float
        With `record="gradient_norm"`: the Frobenius norm of dW[k], k = 0 .. m, of the loss on
        the whole training set at the weights after each epoch, with 1/S and the penalty (21);
        squares are added in float64.
    saturated : list of tuple of float
        With `record="saturation"`: for layers 1 .. m + 1 the share of pairs (training sample,
        unit) that are saturated at the weights after each epoch: |f'(net)| < 1 % of the
        activation's largest slope. See `deltarule.records.saturated`.
    eta : list of float
        Learning rate of each epoch's last step.
    stopped_by : str, optional
        "epochs", "stop_tol", "early_stopping", "max_seconds", or what a callback gave as its
        reason; None if an exception ended it.
    metrics : dict of str to list of float
        Each metric of the validation data after each epoch, by name.
    best_epoch : int, optional
        With early stopping: the epoch of the best score, counted from 1.
    """

    loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    samples_per_second: list[float] = field(default_factory=list)
    gradient_norm: list[tuple[float, ...]] = field(default_factory=list)
    saturated: list[tuple[float, ...]] = field(default_factory=list)
    stopped_by: str | None = None
    eta: list[float] = field(default_factory=list)
    metrics: dict[str, list[float]] = field(default_factory=dict)
    best_epoch: int | None = None

    def append(
        self,
        loss: float,
        seconds: float,
        n_samples: int,
        validation_loss: float | None = None,
        gradient_norm: tuple[float, ...] | None = None,
        saturated: tuple[float, ...] | None = None,
        eta: float | None = None,
        metrics: Mapping[str, float] | None = None,
    ) -> None:
        """Add one epoch.

        Parameters
        ----------
        loss : float
            The epoch's training loss.
        seconds : float
            Its wall time.
        n_samples : int
            How many rows it trained on.
        validation_loss : float, optional
            Left out where there is no validation data.
        gradient_norm, saturated : tuple of float, optional
            Left out where they are not recorded.
        eta : float, optional
            Of its last step.
        metrics : dict of str to float, optional
            Of the validation data.
        """
        self.loss.append(loss)
        self.seconds.append(seconds)
        # A clock too coarse for a tiny epoch reads 0 seconds.
        self.samples_per_second.append(n_samples / seconds if seconds > 0 else float("inf"))
        if validation_loss is not None:
            self.validation_loss.append(validation_loss)
        if gradient_norm is not None:
            self.gradient_norm.append(gradient_norm)
        if saturated is not None:
            self.saturated.append(saturated)
        if eta is not None:
            self.eta.append(eta)
        for name, value in (metrics or {}).items():
            self.metrics.setdefault(name, []).append(value)

    def extend(self, losses: Array, seconds: Array, n_samples: int, etas: list[float]) -> None:
        """Add epochs of which nothing else is known; n_samples of each."""
        self.loss += losses.tolist()
        self.seconds += seconds.tolist()
        with np.errstate(divide="ignore"):
            self.samples_per_second += (n_samples / seconds).tolist()
        self.eta += etas

    def cut(self, epochs: int) -> None:
        """Forget what goes beyond so many epochs."""
        for name in fields(self):
            value = getattr(self, name.name)
            for entries in value.values() if isinstance(value, dict) else (value,):
                if isinstance(entries, list):
                    del entries[epochs:]

    def plot(
        self, ax: Any = None, label: str | None = None, scale: str = "linear",
        metric: str = "loss",
    ) -> Any:  # fmt: skip
        """Draw losses, or a metric, over the epochs: `deltarule.plot.loss_curve` of this history.

        Parameters
        ----------
        ax, label, scale, metric
            As `loss_curve` takes them.

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        TypeError, ValueError
            If an argument does not fit, or there are no epochs.
        """
        from deltarule.plot.curves import loss_curve

        return loss_curve(self, ax, label, scale, metric)

    def to_frame(self) -> Any:
        """Return a pandas DataFrame with one row per epoch, its index counted from 1.

        Columns are the lists that have entries, each metric by its name, and "gradient_norm[k]" and
        "saturated[k]" of each layer.

        Returns
        -------
        pandas.DataFrame

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        from deltarule.entries import frame

        return frame(self)

    def entry(self, i: int = -1) -> dict[str, float]:
        """Return what is known of one epoch, by `to_frame`'s columns, "epoch" among them.

        Parameters
        ----------
        i : int
            0 for the first epoch; -1, the last.

        Returns
        -------
        dict of str to float

        Raises
        ------
        IndexError
            If there is no such epoch.
        """
        from deltarule.entries import entry

        return entry(self, i)

    def change(self) -> float:
        """|f(w_t) - f(w_{t-1})| of the last two epochs' losses; infinite after one epoch."""
        return abs(self.loss[-1] - self.loss[-2]) if len(self) > 1 else float("inf")

    def __len__(self) -> int:
        """Return the number of epochs."""
        return len(self.loss)
