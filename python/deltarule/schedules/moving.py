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

from deltarule._arguments import count, number
from deltarule._modes import in_default_modes
from deltarule.schedules.base import Clock, Float64, Schedule

Numbers = dict[str, Float64]

AHEAD = 1024  # steps whose numbers are computed at once, where epochs are shorter


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
            if schedule.needs_length:
                raise ValueError(
                    f"{name}: {schedule!r} without a length; expected one in epochs (over=...), "
                    f"which only fit fills in"
                )
        self._schedules = dict(schedules)
        self._dtype = np.dtype(dtype)
        self._steps = 0
        self._memory = {name: schedule.begin() for name, schedule in schedules.items()}
        self._last: dict[str, float] = {}
        self._observed = 0  # steps when the last validation loss was told
        self._ahead: dict[str, tuple[int, Float64]] = {}  # first epoch; its row, the next one's ...

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
        return self._numbers(epoch, self._steps, n_steps)

    def ahead(
        self, epoch: int, n_rows: int, batch_size: int | None, most: int
    ) -> tuple[int, Numbers]:
        """Return the numbers of several epochs at once: of one where a loss or a function decides.

        Parameters
        ----------
        epoch, n_rows, batch_size
            As `numbers` takes them, of the first epoch.
        most : int
            How many epochs there may be.

        Returns
        -------
        epochs : int
            At least one: up to one whose numbers are out of range.
        numbers : dict of array of float64, (epochs n_steps,)
            Empty where nothing moves.

        Raises
        ------
        TypeError, ValueError
            As `numbers` does, of the first epoch.
        """
        first = self.numbers(epoch, n_rows, batch_size)
        if first is None:
            return most, {}
        if most == 1 or not all(schedule.of_time for schedule in self._schedules.values()):
            return 1, first
        shares = Clock("", epoch, self._steps, len(next(iter(first.values())))).shares
        t = (epoch + np.arange(most))[:, None] + shares
        found = {}
        for name, schedule in self._schedules.items():
            try:
                found[name] = schedule(t)
            except Exception:  # it is raised when that epoch comes
                return 1, first
            within = (found[name] >= 0) & (found[name] < _limit(name, self._dtype))
            if not within.all():
                most = min(most, max(1, int(np.argmin(within.all(axis=1)))))
        return most, {name: values[:most].reshape(-1) for name, values in found.items()}

    @in_default_modes
    def _numbers(self, epoch: int, steps: int, n_steps: int) -> Numbers:
        return {
            name: self._of_epoch(schedule, Clock(name, epoch, steps, n_steps))
            for name, schedule in self._schedules.items()
        }

    def finish(self, numbers: Numbers | None, *losses: float) -> None:
        """Take note of epochs that succeeded, and of their losses."""
        if not numbers or not losses:
            return
        self._steps += next(iter(numbers.values())).size
        self._last = {name: float(values.flat[-1]) for name, values in numbers.items()}
        if any(schedule.watches == "loss" for schedule in self._schedules.values()):
            for loss in losses:
                self._tell("loss", float(loss))

    @property
    def watches_validation(self) -> bool:
        """Whether a schedule must be told the validation loss after each epoch."""
        return any(schedule.watches == "validation_loss" for schedule in self._schedules.values())

    def observe(self, validation_loss: object) -> None:
        """Tell the schedules that watch it the validation loss after the last epoch.

        Raises
        ------
        TypeError, ValueError
            If it is no finite number; if a schedule watches it and no epoch has ended since it
            was told the last one.
        """
        value = number("validation_loss", validation_loss, lambda _: True, "a finite number")
        if not self.watches_validation:
            return
        if self._steps <= self._observed:
            raise ValueError(
                f"validation_loss: {value} after no new epoch; expected one number for each epoch, "
                f"once it is over"
            )
        self._tell("validation_loss", value)
        self._observed = self._steps

    def last(self, name: str, declaration: object) -> float | None:
        """Return a number as of the last step, or as the declaration has it; None where neither."""
        value = self._last.get(name, getattr(declaration, name, None))
        return value if isinstance(value, int | float) else None

    @property
    def state(self) -> dict[str, Any]:
        """A copy of what is remembered: plain numbers."""
        return deepcopy(
            {
                "steps": self._steps, "memory": self._memory, "last": self._last,
                "observed": self._observed,
            }
        )  # fmt: skip

    @state.setter
    def state(self, state: Mapping[str, Any]) -> None:
        missing = {"steps", "memory", "last"} - set(state)
        if missing:
            raise ValueError(f"state of the schedules: no {', '.join(sorted(missing))}")
        steps = count("state of the schedules: steps", state["steps"])
        for name, memory in self._memory.items():
            given, expected = _keys(state["memory"].get(name)), _keys(memory)
            if given != expected:
                raise ValueError(
                    f"state of the schedules: {name} remembers {given}; expected {expected}"
                )
        copied = deepcopy(dict(state))
        self._steps, self._memory, self._last = steps, copied["memory"], copied["last"]
        self._observed = copied.get("observed", steps - 1)  # older states have none

    @in_default_modes
    def _tell(self, what: str, loss: float) -> None:
        for name, schedule in self._schedules.items():
            if schedule.watches == what:
                self._memory[name] = schedule.told(self._memory[name], loss)

    def _of_epoch(self, schedule: Schedule, clock: Clock) -> Float64:
        """Return the numbers of one epoch: many short epochs cost one call, and no bit."""
        if not schedule.of_time or not 0 < clock.n_steps <= AHEAD // 2:
            return self._judged(schedule, clock)
        first, rows = self._ahead.get(clock.name, (0, np.empty((0, 0))))
        if not (first <= clock.epoch < first + len(rows) and rows.shape[1] == clock.n_steps):
            epochs = clock.epoch + np.arange(AHEAD // clock.n_steps)
            try:
                first, rows = clock.epoch, schedule(epochs[:, None] + clock.shares)
            except MemoryError:
                raise
            except Exception:
                return self._judged(schedule, clock)
            if not _all_below(rows, _limit(clock.name, self._dtype)):
                return self._judged(schedule, clock)  # a later epoch's fault is found when it comes
            self._ahead[clock.name] = first, rows
        row: Float64 = rows[clock.epoch - first]
        return row

    def _judged(self, schedule: Schedule, clock: Clock) -> Float64:
        values = schedule.of_steps(clock.t, clock, self._memory[clock.name])
        limit = _limit(clock.name, self._dtype)
        if not _all_below(values, limit):
            step = int(np.flatnonzero(~((values >= 0) & (values < limit)))[0])
            expected = f"and < 1 as {self._dtype}" if limit <= 1 else f"that {self._dtype} can hold"
            raise ValueError(
                f"{clock.name}: {values[step]} in epoch {clock.epoch + 1}, step {step + 1}, by "
                f"{schedule!r}; expected a number >= 0 {expected}"
            )
        return values


def _keys(memory: Any) -> list[str] | None:
    return sorted(memory) if isinstance(memory, dict) else None


def _limit(name: str, dtype: np.dtype[Any]) -> float:
    """Below what a number must stay: a momentum below what is rounded to 1."""
    if name.startswith("dropout"):
        return 1.0
    limits = np.finfo(dtype)
    return 1 - float(limits.epsneg) / 2 if name == "momentum" else float(limits.max)


def _all_below(values: Float64, limit: float) -> bool:
    """Whether all are in [0, limit); a NaN is not."""
    return values.size == 0 or bool(values.min() >= 0 and values.max() < limit)


def step_of(numbers: Numbers | None, step: int) -> dict[str, float]:
    """Return the numbers of one step, 0, 1, ... of the epoch; empty where nothing moves."""
    return {name: float(values[step]) for name, values in (numbers or {}).items()}
