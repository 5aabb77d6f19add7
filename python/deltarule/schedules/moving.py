# SPDX-License-Identifier: BSD-3-Clause
"""The numbers of a trainer that move: one array per epoch, with one entry per step, for each.

The native trainer, the oracle's and the literal one ask the same object, so that they train with
the same numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import numpy as np

from deltarule._arguments import number
from deltarule.schedules.base import Clock, Float64, Schedule

Numbers = dict[str, Float64]


class Moving:
    """Schedules by the name of their number, and what they remember from epoch to epoch.

    Parameters
    ----------
    schedules : dict of Schedule
        By name: "eta", "momentum", ...; none at all is the usual case and costs nothing.
    dtype : str
        In which the network computes: a number must not overflow it.

    Raises
    ------
    ValueError
        If a schedule has no length: only `fit` knows how many epochs there will be.
    """

    def __init__(self, schedules: Mapping[str, Schedule], dtype: str) -> None:
        for name, schedule in schedules.items():
            if schedule.lasting(1.0) is not schedule:
                raise ValueError(
                    f"{name}: {schedule!r} without a length; expected one in epochs (over=...), "
                    f"which only fit fills in"
                )
        self._schedules = dict(schedules)
        self._dtype = np.dtype(dtype)
        self._steps = 0
        self._memory = {name: schedule.begin() for name, schedule in schedules.items()}
        self._last: dict[str, float] = {}

    def __bool__(self) -> bool:
        return bool(self._schedules)

    def numbers(self, epoch: int, n_rows: int, batch_size: int | None) -> Numbers | None:
        """Return the numbers of the epoch that begins; asking changes nothing.

        Parameters
        ----------
        epoch : int
            Finished epochs.
        n_rows : int
            Rows of this one.
        batch_size : int, optional
            None: all rows at once.

        Returns
        -------
        dict of array of float64, (n_steps,), or None where nothing moves

        Raises
        ------
        TypeError, ValueError
            If a schedule's value is no number, or out of the number's range.
        """
        if not self._schedules:
            return None
        n_steps = -(-n_rows // batch_size) if batch_size else min(n_rows, 1)
        clock = Clock(epoch, self._steps, n_steps)
        return {
            name: self._judged(name, schedule, clock) for name, schedule in self._schedules.items()
        }

    def finish(self, numbers: Numbers | None, loss: float) -> None:
        """Take note of an epoch that succeeded, and of its loss."""
        if numbers is None:
            return
        self._steps += len(next(iter(numbers.values())))
        self._last = {name: float(values[-1]) for name, values in numbers.items()}
        self._tell("loss", loss)

    @property
    def watches_validation(self) -> bool:
        """Whether a schedule must be told the validation loss after each epoch."""
        return any(schedule.watches == "validation_loss" for schedule in self._schedules.values())

    def observe(self, validation_loss: object) -> None:
        """Tell the schedules that watch it the validation loss after the last epoch.

        Raises
        ------
        TypeError, ValueError
            If it is no finite number.
        """
        value = number("validation_loss", validation_loss, lambda _: True, "a finite number")
        self._tell("validation_loss", value)

    def last(self, name: str, declaration: object) -> float | None:
        """Return a number as of the last step, or as the declaration has it; None where neither."""
        value = self._last.get(name, getattr(declaration, name, None))
        return value if isinstance(value, int | float) else None

    @property
    def state(self) -> dict[str, Any]:
        """A copy of what is remembered: plain numbers."""
        return deepcopy({"steps": self._steps, "memory": self._memory, "last": self._last})

    @state.setter
    def state(self, state: Mapping[str, Any]) -> None:
        copied = deepcopy(dict(state))
        self._steps, self._memory, self._last = copied["steps"], copied["memory"], copied["last"]

    def _tell(self, what: str, loss: float) -> None:
        for name, schedule in self._schedules.items():
            if schedule.watches == what:
                self._memory[name] = schedule.told(self._memory[name], loss)

    def _judged(self, name: str, schedule: Schedule, clock: Clock) -> Float64:
        given = schedule.of_epoch(clock, self._memory[name])
        below, expected = np.inf, f"a number >= 0 that {self._dtype} can hold"
        if name.startswith(("momentum", "dropout")):
            below, expected = 1.0, "a number >= 0 and < 1"

        def accept(value: float) -> bool:
            with np.errstate(over="ignore"):
                return 0 <= value < below and bool(np.isfinite(self._dtype.type(value)))

        def judge(step: int, value: object) -> float:
            place = f"{name} in epoch {clock.epoch + 1}, step {step + 1}, by {schedule!r}"
            return number(place, value, accept, expected)

        if not isinstance(given, np.ndarray):
            return np.array([judge(step, value) for step, value in enumerate(given)], np.float64)
        with np.errstate(over="ignore"):
            good = (given >= 0) & (given < below) & np.isfinite(given.astype(self._dtype))
        for step in np.flatnonzero(~good):
            judge(int(step), float(given[step]))
        return given


def step_of(numbers: Numbers | None, step: int) -> dict[str, float]:
    """Return the numbers of one step, 0, 1, ... of the epoch; empty where nothing moves."""
    return {name: float(values[step]) for name, values in (numbers or {}).items()}
