# SPDX-License-Identifier: BSD-3-Clause
"""Any function of yours as a schedule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from deltarule._arguments import number
from deltarule._quoting import quoted
from deltarule.schedules.base import Clock, Float64, Schedule
from deltarule.schedules.times import whole


@dataclass(frozen=True)
class OfEpoch(Schedule):
    """function(e), e = 0, 1, ... the epochs that are finished; asked once an epoch.

    Parameters
    ----------
    function : callable
        Takes an int, returns a number >= 0. A pickle of the trainer needs one that pickle knows.

    Raises
    ------
    TypeError
        If it is not callable.
    """

    function: Callable[[int], float]

    def __post_init__(self) -> None:
        _judge_function(self.function)

    def value(self, t: Float64) -> Float64:
        """Return its values at the times t."""
        values = [_asked("OfEpoch", self.function, int(e), "epoch") for e in whole(t).flat]
        return np.array(values, np.float64).reshape(np.shape(t))

    @property
    def of_time(self) -> bool:
        """No: it is asked once for each epoch or step, and not ahead."""
        return False

    def of_steps(self, t: Float64, clock: Clock, memory: Any) -> Float64:
        """Return one number for each step of the epoch that begins: the same."""
        value = _asked(clock.name, self.function, clock.epoch, "epoch")
        return np.full(clock.n_steps, value)


@dataclass(frozen=True)
class OfStep(Schedule):
    """function(s), s = 0, 1, ... the steps that are finished; asked before the epoch's first.

    Parameters
    ----------
    function : callable
        Takes an int, returns a number >= 0. A pickle of the trainer needs one that pickle knows.

    Raises
    ------
    TypeError
        If it is not callable.
    """

    function: Callable[[int], float]

    def __post_init__(self) -> None:
        _judge_function(self.function)

    def value(self, t: Float64) -> Float64:
        """Refuse: how many steps there are in t epochs only a trainer knows."""
        raise TypeError(f"{self!r} counts steps, not epochs; expected a trainer to ask it")

    @property
    def of_time(self) -> bool:
        """No: it is asked once for each epoch or step, and not ahead."""
        return False

    def of_steps(self, t: Float64, clock: Clock, memory: Any) -> Float64:
        """Return one number for each step of the epoch that begins."""
        steps = range(clock.step, clock.step + clock.n_steps)
        values = [_asked(clock.name, self.function, step, "step") for step in steps]
        return np.array(values, np.float64)


def _judge_function(function: object) -> None:
    if not callable(function):
        raise TypeError(f"function: {quoted(function)}; expected a function of an integer")


def _asked(name: str, function: Callable[[int], float], at: int, unit: str) -> float:
    place = f"{name}: {function!r} of {unit} {at} returned"
    return number(place, function(at), lambda v: v >= 0, "a finite number >= 0")
