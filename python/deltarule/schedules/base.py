# SPDX-License-Identifier: BSD-3-Clause
"""What a schedule is, and how declarations that hold some are asked for them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, ClassVar, NamedTuple, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from deltarule._arguments import choice, number

Float64 = NDArray[np.float64]
Declaration = TypeVar("Declaration")


class Clock(NamedTuple):
    """The time at which an epoch begins.

    Parameters
    ----------
    epoch, step : int
        Finished epochs and steps.
    n_steps : int
        Steps of the epoch that begins.
    """

    epoch: int
    step: int
    n_steps: int

    @property
    def t(self) -> Float64:
        """The time of each step: epoch + j / n_steps, j = 0, 1, ..."""
        return self.epoch + np.arange(self.n_steps) / max(self.n_steps, 1)


class Schedule(ABC):
    """A number as a function of the time t, in epochs since the training began.

    `per="epoch"` holds it still within an epoch: its value at floor(t).
    """

    per: str = "step"
    watches: ClassVar[str | None] = None  # the loss it must be told after each epoch

    @abstractmethod
    def value(self, t: Float64) -> Float64:
        """Its values at the times t; `per` is seen to."""

    @overload
    def __call__(self, t: float) -> float: ...
    @overload
    def __call__(self, t: Float64) -> Float64: ...
    def __call__(self, t: Any) -> Any:
        """Its value after t epochs; t is fractional between an epoch's steps.

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
            If a t is negative or not finite, or the schedule's length is not known yet.
        """
        times = np.asarray(t, np.float64)
        if not np.all(np.isfinite(times) & (times >= 0)):
            raise ValueError(f"t: {t!r}; expected finite times >= 0, in epochs")
        if getattr(self, "over", 0) is None:
            raise ValueError(f"over: None in {self!r}; expected its length in epochs outside a fit")
        values = self.value(np.floor(times) if self.per == "epoch" else times)
        return float(values) if times.ndim == 0 else values

    def lasting(self, epochs: float) -> Schedule:
        """Return it with this many epochs for its length, where it has none of its own."""
        if getattr(self, "over", 0) is None:
            return replace(self, over=epochs)  # type: ignore[type-var]  # every subclass is one
        return self

    def begin(self) -> Any:
        """Return what it remembers before the first epoch: plain numbers, or nothing."""
        return None

    def of_epoch(self, clock: Clock, memory: Any) -> Float64 | Sequence[Any]:
        """Return one number for each step of the epoch that begins."""
        return self(clock.t)

    def told(self, memory: Any, loss: float) -> Any:
        """Return what it remembers once it was told the loss that it watches."""
        return memory

    def _judge_per(self) -> None:
        object.__setattr__(self, "per", choice("per", self.per, ("step", "epoch")))

    def _judge(
        self, name: str, accept: Callable[[float], bool], expected: str, optional: bool = False
    ) -> None:
        """Convert the field of this name to a float, or refuse it."""
        value = getattr(self, name)
        if not (optional and value is None):
            object.__setattr__(self, name, number(name, value, accept, expected))


def number_or_schedule(
    name: str, value: object, accept: Callable[[float], bool], expected: str
) -> float | Schedule:
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
