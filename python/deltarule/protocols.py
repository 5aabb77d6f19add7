# SPDX-License-Identifier: BSD-3-Clause
"""What the loop over epochs asks of networks and trainers, native or the oracle's."""

from __future__ import annotations

from typing import Any, Protocol

from deltarule._typing import ArrayLike
from deltarule.architecture import Architecture
from deltarule.results import Array, Trace


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
    def batch_size(self) -> int | None:
        """Rows in a batch; None: all rows."""

    @property
    def averaged_w(self) -> Array | None:
        """The average of the weights, if one is kept and some have entered."""


class Network(Protocol):
    """What is asked of a network."""

    @property
    def w(self) -> Array:
        """All weights; assign a whole vector."""

    @w.setter
    def w(self, w: Any) -> None: ...

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

    def save(self, path: Any, /) -> None:
        """Write it to a file."""

    def _snapshot(self) -> Array:
        """A copy of w."""
