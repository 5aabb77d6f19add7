# SPDX-License-Identifier: BSD-3-Clause
"""Schedules that fall by steps, by powers or along a line."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from itertools import pairwise

import numpy as np

from deltarule._arguments import number
from deltarule.schedules.base import Float64, Schedule
from deltarule.schedules.elementary import between, exp2, log2, power, whole_power
from deltarule.schedules.times import come, whole


@dataclass(frozen=True)
class Step(Schedule):
    """start factor^n, n = floor(t / every), or the number of times in `at` that have come  (S1).

    Parameters
    ----------
    start : float
        At t = 0; >= 0.
    factor : float
        By which each step multiplies it; > 0.
    every : float, optional
        Epochs from step to step, >= 1e-100.
    at : sequence of float, optional
        Times of the steps, in epochs, > 0, increasing. One of `every` and `at` is given; neither:
        every = 10. The value changes at the training's step that is at the time, rounding left
        aside.
    per : str
        "step", or "epoch" to stand still within each epoch.

    Raises
    ------
    TypeError, ValueError
        If an argument is no number or out of its range.
    """

    start: float
    factor: float = 0.1
    every: float | None = None
    at: tuple[float, ...] | None = None
    _: KW_ONLY
    per: str = "step"

    def __post_init__(self) -> None:
        self._judge_heights("start")
        self._judge("factor", lambda v: v > 0, "a finite number > 0")
        if self.at is None:
            object.__setattr__(self, "every", 10.0 if self.every is None else self.every)
        elif self.every is not None:
            raise ValueError(f"every: {self.every!r} beside at={self.at!r}; expected one of them")
        self._judge_span("every", optional=True)
        if self.at is not None:
            object.__setattr__(self, "at", _times("at", self.at))
        self._judge_time()

    def value(self, t: Float64) -> Float64:
        """Return its values at the times t."""
        if self.every is not None:
            n = whole(t / self.every)
        else:
            n = come(self.at or (), t).astype(np.float64)
        return self.start * whole_power(self.factor, n)


@dataclass(frozen=True)
class Exponential(Schedule):
    """start factor^(t / every)  (S2).

    Parameters
    ----------
    start : float
        At t = 0; >= 0.
    factor : float
        By which it is multiplied in `every` epochs; > 0.
    every : float
        Epochs, >= 1e-100.
    per : str
        "step", or "epoch" to stand still within each epoch.

    Raises
    ------
    TypeError, ValueError
        If an argument is no number or out of its range.
    """

    start: float
    factor: float = 0.95
    every: float = 1.0
    _: KW_ONLY
    per: str = "step"

    def __post_init__(self) -> None:
        self._judge_heights("start")
        self._judge("factor", lambda v: v > 0, "a finite number > 0")
        self._judge_span("every")
        self._judge_time()

    def value(self, t: Float64) -> Float64:
        """Return its values at the times t."""
        return self.start * power(self.factor, t / self.every)


@dataclass(frozen=True)
class InverseScaling(Schedule):
    """start / (1 + t / scale)^power  (S3).

    Parameters
    ----------
    start : float
        At t = 0; >= 0.
    power : float
        Above 0.
    scale : float
        Epochs after which it is start / 2^power; >= 1e-100. With 1/n, n samples, and `per="epoch"`
        it is scikit-learn's "invscaling".
    per : str
        "step", or "epoch" to stand still within each epoch.

    Raises
    ------
    TypeError, ValueError
        If an argument is no number or out of its range.
    """

    start: float
    power: float = 0.5
    scale: float = 1.0
    _: KW_ONLY
    per: str = "step"

    def __post_init__(self) -> None:
        self._judge_heights("start")
        self._judge("power", lambda v: v > 0, "a finite number > 0")
        self._judge_span("scale")
        self._judge_time()

    def value(self, t: Float64) -> Float64:
        """Return its values at the times t."""
        return self.start * exp2(-self.power * log2(1 + t / self.scale))


@dataclass(frozen=True)
class Linear(Schedule):
    """From start to end along a line, in `over` epochs; then it stays  (S4).

    Parameters
    ----------
    start, end : float
        At least 0.
    over : float, optional
        Epochs, > 0; None: those of the fit.
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
    _: KW_ONLY
    per: str = "step"

    def __post_init__(self) -> None:
        self._judge_heights("start", "end")
        self._judge_time()

    def value(self, t: Float64) -> Float64:
        """Return its values at the times t."""
        return between(self.start, self.end, self._elapsed(t))


def _times(name: str, given: object) -> tuple[float, ...]:
    expected = "increasing times > 0, in epochs"
    try:
        values: tuple[object, ...] = tuple(given)  # type: ignore[arg-type]  # or refused below
    except TypeError:
        raise TypeError(f"{name}: {given!r}; expected {expected}") from None
    times = tuple(
        number(f"{name}[{i}]", value, lambda v: v > 0, "a number of epochs > 0")
        for i, value in enumerate(values)
    )
    if not times or any(b <= a for a, b in pairwise(times)):
        raise ValueError(f"{name}: {given!r}; expected {expected}")
    return times
