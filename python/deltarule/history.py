# SPDX-License-Identifier: BSD-3-Clause
"""What `fit` returns: one entry per epoch."""

from __future__ import annotations

from dataclasses import dataclass, field


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
    """

    loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    samples_per_second: list[float] = field(default_factory=list)

    def append(
        self, loss: float, seconds: float, n_samples: int, validation_loss: float | None = None
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
        """
        self.loss.append(loss)
        self.seconds.append(seconds)
        # A clock too coarse for a tiny epoch reads 0 seconds.
        self.samples_per_second.append(n_samples / seconds if seconds > 0 else float("inf"))
        if validation_loss is not None:
            self.validation_loss.append(validation_loss)

    def __len__(self) -> int:
        """Return the number of epochs."""
        return len(self.loss)
