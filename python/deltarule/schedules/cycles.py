# SPDX-License-Identifier: BSD-3-Clause
"""Schedules made of cosines: falls, restarts, one cycle, and four whose length doubles."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np

from deltarule._arguments import choice, integer
from deltarule.schedules.base import Float64, Schedule
from deltarule.schedules.elementary import between, cos_turns, log2
from deltarule.schedules.times import come

MOST_CYCLES = 1000


def half_cosine(u: Float64) -> Float64:
    """(1 - cos(pi u)) / 2: from 0 at u = 0 to 1 at u = 1, level at both."""
    return (1 - cos_turns(u / 2)) / 2


@dataclass(frozen=True)
class Cosine(Schedule):
    """end + (start - end) (1 + cos(pi u)) / 2, u the share of the cycle that is over  (S5).

    Parameters
    ----------
    start, end : float
        At the beginning and the end of each cycle; >= 0.
    over : float, optional
        Epochs of all cycles, > 0; None: those of the fit. Then it stays at `end`.
    cycles : int
        How often it falls, 1 to 1000: each but the first is a restart, which takes effect at the
        step that is at its time, rounding left aside.
    growth : float
        How many times longer than the one before a cycle is; > 0, and such that float64 can tell
        each cycle's begin from its end.
    per : str
        "step", or "epoch" to stand still within each epoch.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of its range.
    """

    start: float
    end: float = 0.0
    over: float | None = None
    cycles: int = 1
    growth: float = 1.0
    _: KW_ONLY
    per: str = "step"

    def __post_init__(self) -> None:
        self._judge_heights("start", "end")
        object.__setattr__(self, "cycles", integer("cycles", self.cycles, 1))
        if self.cycles > MOST_CYCLES:
            raise ValueError(f"cycles: an integer > {MOST_CYCLES}; expected 1 to {MOST_CYCLES}")
        self._judge("growth", lambda v: v > 0, "a finite number > 0")
        self._judge_time()
        with np.errstate(all="ignore"):
            lengths = np.diff(self._begins(1.0 if self.over is None else self.over))
        if not (lengths > 0).all():  # nor NaN
            raise ValueError(
                f"cycles, growth: {self.cycles} and {self.growth}; expected cycles whose begins "
                f"and ends differ as float64"
            )

    def value(self, t: Float64) -> Float64:
        """Return its values at the times t."""
        over: Any = self.over  # known by now
        begins = self._begins(over)
        length = np.diff(begins)
        last = np.minimum(come(begins, t) - 1, self.cycles - 1)
        u = np.minimum((t - begins[last]) / length[last], 1)  # a rounding below 0 is as good as 0
        return between(self.start, self.end, half_cosine(u))

    def _begins(self, over: float) -> Float64:
        """When each cycle begins, and the last one's end."""
        sums = [0.0]
        length = 1.0
        for _ in range(self.cycles):
            sums.append(sums[-1] + length)
            length *= self.growth
        return np.array([over * s / sums[-1] for s in sums])


@dataclass(frozen=True)
class OneCycle(Schedule):
    """Up from start to peak during a share `rise` of the time, then down to end  (S6).

    Parameters
    ----------
    peak : float
        At least 0.
    over : float, optional
        Epochs, > 0; None: those of the fit. Then it stays at `end`.
    start : float, optional
        None: peak / 25.
    end : float, optional
        None: start / 10000. A momentum that mirrors the learning rate has its `peak` below `start`
        and `end`: OneCycle(0.85, start=0.95, end=0.95).
    rise : float
        0 < rise < 1.
    shape : str
        "cosine" or "linear".
    per : str
        "step", or "epoch" to stand still within each epoch.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of its range.
    """

    peak: float
    over: float | None = None
    start: float | None = None
    end: float | None = None
    rise: float = 0.3
    shape: str = "cosine"
    _: KW_ONLY
    per: str = "step"

    def __post_init__(self) -> None:
        self._judge_heights("peak")
        self._judge_heights("start", "end", optional=True)
        start = self.peak / 25 if self.start is None else self.start
        object.__setattr__(self, "start", start)
        object.__setattr__(self, "end", start / 1e4 if self.end is None else self.end)
        self._judge("rise", lambda v: 0 < v < 1, "a number > 0 and < 1")
        object.__setattr__(self, "shape", choice("shape", self.shape, ("cosine", "linear")))
        self._judge_time()

    def value(self, t: Float64) -> Float64:
        """Return its values at the times t."""
        start, end = self.start or 0.0, self.end or 0.0  # known by now
        u = self._elapsed(t)
        up, down = u / self.rise, (u - self.rise) / (1 - self.rise)
        if self.shape == "cosine":
            up, down = half_cosine(up), half_cosine(down)
        rising = u < self.rise
        return np.where(
            rising,
            between(start, self.peak, np.where(rising, up, 1)),
            between(self.peak, end, np.where(rising, 0, down)),
        )


@dataclass(frozen=True)
class CosLog4(Schedule):
    """peak (1 - cos(2 pi log2(1 + 15 u))) / 2, u = t / over: four waves, each twice as long  (S7).

    It begins with 0, as its inventors' does: the first step of all leaves the weights alone.

    Parameters
    ----------
    peak : float
        At least 0.
    over : float, optional
        Epochs, > 0; None: those of the fit. Then it stays at 0.
    per : str
        "step", or "epoch" to stand still within each epoch.

    Raises
    ------
    TypeError, ValueError
        If an argument is no number or out of its range.
    """

    peak: float
    over: float | None = None
    _: KW_ONLY
    per: str = "step"

    def __post_init__(self) -> None:
        self._judge_heights("peak")
        self._judge_time()

    def value(self, t: Float64) -> Float64:
        """Return its values at the times t."""
        turns = log2(1 + 15 * self._elapsed(t))
        return self.peak * ((1 - cos_turns(turns)) / 2)


@dataclass(frozen=True)
class FlatCosine(Schedule):
    """start for a share `flat` of the time, then down to end along half a cosine  (S8).

    Parameters
    ----------
    start, end : float
        At least 0.
    over : float, optional
        Epochs, > 0; None: those of the fit. Then it stays at `end`.
    flat : float
        0 <= flat < 1.
    per : str
        "step", or "epoch" to stand still within each epoch.

    Raises
    ------
    TypeError, ValueError
        If an argument is no number or out of its range.
    """

    start: float
    end: float = 0.0
    over: float | None = None
    flat: float = 0.5
    _: KW_ONLY
    per: str = "step"

    def __post_init__(self) -> None:
        self._judge_heights("start", "end")
        self._judge("flat", lambda v: 0 <= v < 1, "a number >= 0 and < 1")
        self._judge_time()

    def value(self, t: Float64) -> Float64:
        """Return its values at the times t."""
        u = self._elapsed(t)
        return between(
            self.start, self.end, half_cosine(np.maximum((u - self.flat) / (1 - self.flat), 0))
        )
