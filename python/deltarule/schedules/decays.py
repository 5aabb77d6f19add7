# SPDX-License-Identifier: BSD-3-Clause
"""Schedules that fall, for ever or to an end."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

from deltarule.schedules.base import Float64, Schedule
from deltarule.schedules.elementary import power


@dataclass(frozen=True)
class Exponential(Schedule):
    """start factor^(t / every)  (S2).

    Parameters
    ----------
    start : float
        At t = 0; finite, >= 0.
    factor : float
        By which it is multiplied once every so many epochs; > 0.
    every : float
        Epochs, > 0.
    per : str
        "step", or "epoch" to stand still within each epoch.

    Raises
    ------
    TypeError, ValueError
        If an argument is no number, or out of its range.
    """

    start: float
    factor: float = 0.95
    every: float = 1.0
    _: KW_ONLY
    per: str = "step"

    def __post_init__(self) -> None:
        self._judge("start", lambda v: v >= 0, "a finite number >= 0")
        self._judge("factor", lambda v: v > 0, "a finite number > 0")
        self._judge("every", lambda v: v > 0, "a finite number of epochs > 0")
        self._judge_per()

    def value(self, t: Float64) -> Float64:
        """Its values at the times t."""
        return self.start * power(self.factor, t / self.every)
