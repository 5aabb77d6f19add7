# SPDX-License-Identifier: BSD-3-Clause
"""What a schedule is, and how declarations that hold some are asked for them."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any, NamedTuple, TypeVar, overload

import numpy as np

from deltarule._arguments import choice, number
from deltarule._modes import in_default_modes
from deltarule.schedules.times import LEAST, whole
from deltarule.schedules.times import Float64 as Float64

Accept = Callable[[float], bool]
Declaration = TypeVar("Declaration")


class Clock(NamedTuple):
    """Which number is asked for, and when.

    Parameters
    ----------
    name : str
        Of the number, for messages: "eta".
    epoch, step : int
        Finished epochs and steps of the training.
    n_steps : int
        Steps of the epoch that begins.
    """

    name: str
    epoch: int
    step: int
    n_steps: int

    @property
    def t(self) -> Float64:
        """The time of each step: epoch + j / n_steps, j = 0, 1, ..."""
        return self.epoch + self.shares

    @property
    def shares(self) -> Float64:
        """The share of the epoch that is over before each step."""
        return np.arange(self.n_steps) / max(self.n_steps, 1)


class Schedule(ABC):
    """A number as a function of the time t, in epochs since the training began.

    `per="epoch"` holds it still within an epoch: its value at floor(t), where a t that is a
    rounding (2^-40 of it) below a whole number counts as that number.
    """

    per: str = "step"

    @abstractmethod
    def value(self, t: Float64) -> Float64:
        """Return its values at the times t, `per` left aside.

        Parameters
        ----------
        t : array of float64, of any shape
            Many steps of one epoch, or a row for each of several, or a single time of shape ().

        Returns
        -------
        array-like of numbers
            One for each t; a single number stands for all of them.
        """

    @overload
    def __call__(self, t: float) -> float: ...
    @overload
    def __call__(self, t: Float64) -> Float64: ...
    @in_default_modes
    def __call__(self, t: Any) -> Any:
        """Return its value after t epochs; t is fractional between an epoch's steps.

        Parameters
        ----------
        t : float or array of float
            Epochs since the training began, >= 0.

        Returns
        -------
        float or array of float, as t is

        Raises
        ------
        ValueError
            If a t is negative or not finite, the schedule's length is not known yet, or `value`
            returned another number of numbers.
        TypeError
            If `value` returned no numbers.
        """
        times = np.asarray(t, np.float64)
        if not np.all(np.isfinite(times) & (times >= 0)):
            raise ValueError(f"t: {t!r}; expected finite times >= 0, in epochs")
        if self.needs_length:
            raise ValueError(f"over: None in {self!r}; expected its length, which a fit would know")
        with np.errstate(all="ignore"):  # who takes the value judges it
            values = self.value(whole(times) if self.per == "epoch" else times)
            values = self._shaped(values, times.shape)
        return float(values) if times.ndim == 0 else values

    def _shaped(self, values: Any, shape: tuple[int, ...]) -> Float64:
        """Return what `value` returned as a float64 for each time."""
        if isinstance(values, np.ndarray) and values.dtype == np.float64 and values.shape == shape:
            return np.ascontiguousarray(values) if shape else values
        expected = f"numbers of shape {shape}, one for each t"
        given = np.asarray(values)
        if given.dtype.kind not in "iuf":
            raise TypeError(f"value: {given.dtype} returned by {self!r}; expected {expected}")
        try:
            return np.array(np.broadcast_to(given, shape), np.float64)
        except ValueError:
            raise ValueError(
                f"value: shape {given.shape} returned by {self!r}; expected {expected}"
            ) from None

    @property
    def needs_length(self) -> bool:
        """Whether it has no length of its own: `over` is None."""
        return getattr(self, "over", 0) is None

    def lasting(self, epochs: float) -> Schedule:
        """Return it with this many epochs for its length, where it has none of its own."""
        if not self.needs_length:
            return self
        if is_dataclass(self):
            return replace(self, over=epochs)
        changed = copy.copy(self)
        changed.over = epochs  # type: ignore[attr-defined]  # it is there: it was None
        return changed

    @property
    def of_time(self) -> bool:
        """Whether it is a function of t alone."""
        return True

    @property
    def watches(self) -> str | None:
        """Which loss it must be told after each epoch: "loss", "validation_loss" or none."""
        return None

    def begin(self) -> Any:
        """Return what it remembers before the first epoch: plain numbers, or nothing."""
        return None

    def told(self, memory: Any, loss: float) -> Any:
        """Return what it remembers once it was told the loss that it watches."""
        return memory

    def of_steps(self, t: Float64, clock: Clock, memory: Any) -> Float64:
        """Return one number for each step of the epoch that begins, which are at the times t."""
        return self(t)

    def _elapsed(self, t: Float64) -> Float64:
        """Return the share of its length that is over at the times t, at most 1."""
        over: Any = getattr(self, "over")  # noqa: B009  # subclasses with a length have it
        return np.asarray(np.minimum(t / over, 1), np.float64)

    def _judge(self, name: str, accept: Accept, expected: str, optional: bool = False) -> None:
        """Convert the field of this name to a float, or refuse it."""
        value = getattr(self, name)
        if not (optional and value is None):
            object.__setattr__(self, name, number(name, value, accept, expected))

    def _judge_heights(self, *names: str, optional: bool = False) -> None:
        for name in names:
            self._judge(name, lambda v: v >= 0, "a finite number >= 0", optional)

    def _judge_span(self, name: str, optional: bool = False) -> None:
        """Judge a number of epochs by which times are divided."""
        self._judge(name, lambda v: v >= LEAST, f"a number of epochs >= {LEAST}", optional)

    def _judge_time(self) -> None:
        """Judge `per`, and the length where there is one."""
        object.__setattr__(self, "per", choice("per", self.per, ("step", "epoch")))
        if hasattr(self, "over"):
            self._judge("over", lambda v: v > 0, "a number of epochs > 0", optional=True)


def number_or_schedule(name: str, value: object, accept: Accept, expected: str) -> float | Schedule:
    """Return a schedule as it is, or a number that is accepted.

    Raises
    ------
    TypeError, ValueError
        If it is neither; a bare function is told which schedule takes it.
    """
    if isinstance(value, Schedule):
        return value
    refuse_function(name, value)
    return number(name, value, accept, expected)


def refuse_function(name: str, value: object) -> None:
    """Refuse a bare function, and say which schedule takes it.

    Raises
    ------
    TypeError
        If value is callable and no schedule.
    """
    if callable(value) and not isinstance(value, Schedule):
        raise TypeError(
            f"{name}: {value!r}; expected a number, or a schedule: schedules.OfEpoch(function) or "
            f"schedules.OfStep(function)"
        )


def schedules_of(declaration: object) -> dict[str, Schedule]:
    """Return the fields of a dataclass that are schedules, by name."""
    return {name: value for name, value in _fields(declaration) if isinstance(value, Schedule)}


def lasting(declaration: Declaration, epochs: float) -> Declaration:
    """Return a declaration whose schedules without a length of their own last so many epochs.

    Parameters
    ----------
    declaration : dataclass
        An optimizer, say, with schedules among its fields or in tuples of them. Anything else
        comes back as it is.
    epochs : float
        Of the training.
    """
    changed: dict[str, Any] = {}
    for name, value in _fields(declaration):
        if isinstance(value, Schedule):
            changed[name] = value.lasting(epochs)
        elif isinstance(value, tuple) and any(isinstance(part, Schedule) for part in value):
            changed[name] = tuple(
                part.lasting(epochs) if isinstance(part, Schedule) else part for part in value
            )
    return replace(declaration, **changed) if changed else declaration  # type: ignore[type-var]


def _fields(declaration: object) -> list[tuple[str, Any]]:
    if not is_dataclass(declaration):
        return []
    return [(field.name, getattr(declaration, field.name)) for field in fields(declaration)]
