# SPDX-License-Identifier: BSD-3-Clause
"""A warm-up before any other schedule."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, replace
from typing import Any

import numpy as np

from deltarule.schedules.base import Clock, Float64, Schedule, number_or_schedule
from deltarule.schedules.times import whole


@dataclass(frozen=True)
class WarmUp(Schedule):
    """A share of `after`'s first value that grows to all of it along a line; then `after`  (S9).

    share(t) after(max(t - over, 0)), share(t) = min(1, start + (1 - start) t / over).
    A schedule that is not a function of t (`Plateau`, `OfStep`, `OfEpoch`) runs from the training's
    beginning and is multiplied by the share.

    Parameters
    ----------
    after : Schedule or float
        What follows; its own length, if it has none, is the rest of the fit.
    over : float
        Epochs of warm-up, > 0.
    start : float
        The share at t = 0, 0 <= start <= 1. 0 leaves the weights alone in the first step.
    per : str
        "step", or "epoch" for a share that stands still within each epoch.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of its range.
    """

    after: Schedule | float
    over: float = 1.0
    start: float = 0.0
    _: KW_ONLY
    per: str = "step"

    def __post_init__(self) -> None:
        after = number_or_schedule(
            "after", self.after, lambda v: v >= 0, "a schedule or a finite number >= 0"
        )
        object.__setattr__(self, "after", after)
        self._judge("over", lambda v: v > 0, "a number of epochs > 0")
        self._judge("start", lambda v: 0 <= v <= 1, "a number >= 0 and <= 1")
        self._judge_time()

    def value(self, t: Float64) -> Float64:
        """Return its values at the times t."""
        after = self.after(self._later(t)) if isinstance(self.after, Schedule) else self.after
        return self._share(t) * after

    def of_steps(self, t: Float64, clock: Clock, memory: Any) -> Float64:
        """Return one number for each step of the epoch that begins."""
        if not isinstance(self.after, Schedule):
            return self(t)
        share = self._share(whole(t) if self.per == "epoch" else t)
        return share * self.after.of_steps(self._later(t), clock, memory)

    def lasting(self, epochs: float) -> Schedule:
        """Return it with what follows lasting for the rest of the epochs."""
        if not (isinstance(self.after, Schedule) and self.after.needs_length):
            return self
        if epochs <= self.over:
            raise ValueError(
                f"over: {self.over} epochs of warm-up; expected fewer than the {epochs} that there "
                f"are, so that {self.after!r} has some"
            )
        return replace(self, after=self.after.lasting(epochs - self.over))

    @property
    def needs_length(self) -> bool:
        """Whether what follows has no length of its own."""
        return isinstance(self.after, Schedule) and self.after.needs_length

    @property
    def of_time(self) -> bool:
        """Whether what follows is a function of t alone."""
        return not isinstance(self.after, Schedule) or self.after.of_time

    @property
    def watches(self) -> str | None:
        """What the schedule that follows watches."""
        return self.after.watches if isinstance(self.after, Schedule) else None

    def begin(self) -> Any:
        """Return what the schedule that follows remembers."""
        return self.after.begin() if isinstance(self.after, Schedule) else None

    def told(self, memory: Any, loss: float) -> Any:
        """Tell it to the schedule that follows."""
        return self.after.told(memory, loss) if isinstance(self.after, Schedule) else memory

    def _share(self, t: Float64) -> Float64:
        return np.where(t < self.over, self.start + (1 - self.start) * (t / self.over), 1.0)

    def _later(self, t: Float64) -> Float64:
        return np.maximum(t - self.over, 0)
