# SPDX-License-Identifier: BSD-3-Clause
"""What all optimizers have in common: declarations that hold no state and compute nothing.

A trainer owns the state, and the kernel named by `kernel` does the arithmetic.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, fields
from typing import Any, ClassVar

import numpy as np

from deltarule._arguments import number
from deltarule._quoting import quoted
from deltarule.schedules.base import Schedule, refuse_function

# What may be given, by name: a function that returns the value or raises.
Ranges = Mapping[str, Callable[[str, object], Any]]


def positive(name: str, value: object) -> float:
    """Return `value` if it is a number > 0."""
    return number(name, value, lambda v: v > 0, "a finite number > 0")


def not_negative(name: str, value: object) -> float:
    """Return `value` if it is a number >= 0."""
    return number(name, value, lambda v: v >= 0, "a finite number >= 0")


def fraction(name: str, value: object) -> float:
    """Return `value` if it is a number in [0, 1)."""
    return number(name, value, lambda v: 0 <= v < 1, "a number >= 0 and < 1")


def flag(name: str, value: object) -> bool:
    """Return `value` if it is a bool, NumPy's as well."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name}: {quoted(value)} of type {type(value).__name__}; expected a bool")
    return bool(value)


def bound(name: str, value: object) -> float | None:
    """Return `value` if it is None or a number > 0."""
    return None if value is None else positive(name, value)


def factors(name: str, value: object) -> tuple[float, ...] | None:
    """Return `value` if it is None or a sequence of numbers >= 0."""
    if value is None:
        return None
    ordered = isinstance(value, Sequence) and not isinstance(value, str | bytes)
    if not (ordered or (isinstance(value, np.ndarray) and value.ndim == 1)):
        raise TypeError(
            f"{name}: {quoted(value)} of type {type(value).__name__}; expected a sequence of "
            "numbers, one per layer"
        )
    given: Iterable[object] = value  # type: ignore[assignment]  # one of the two
    return tuple(not_negative(f"{name}[{k}]", factor) for k, factor in enumerate(given))


@dataclass(frozen=True, repr=False)
class Rule(ABC):
    """What every optimizer takes.

    The gradient g is that of L, its penalties included. Of each step, in this order:
    g is bounded by `clip_value`, then by `clip_norm`; w <- w - eta weight_decay w; the rule's own
    step; `max_norm`.

    Parameters
    ----------
    eta : float or Schedule
        Learning rate, > 0.
    weight_decay : float or Schedule
        Decay of the weights without biases, decoupled from the gradient; >= 0.
    clip_value : float, optional
        Every element of g is brought into [-clip_value, clip_value]; > 0.
    clip_norm : float, optional
        g is scaled down to this norm where it is longer; > 0.
    max_norm : float, optional
        Each unit's incoming weights, without the bias, are scaled down to this norm; > 0.
    eta_factors : sequence of float, optional
        One per layer, >= 0: W[k] takes its steps with eta_factors[k] eta. 0 leaves it as it is,
        `max_norm` too.

    Raises
    ------
    TypeError
        If an argument is of the wrong kind.
    ValueError
        If an argument is out of its range.
    """

    eta: float | Schedule
    _: KW_ONLY
    weight_decay: float | Schedule = 0.0
    clip_value: float | None = None
    clip_norm: float | None = None
    max_norm: float | None = None
    eta_factors: tuple[float, ...] | None = None

    # What each rule's own parameters may be, and which of all may be schedules.
    ranges: ClassVar[Ranges] = {}
    moving: ClassVar[tuple[str, ...]] = ("eta", "weight_decay")
    full_batch: ClassVar[bool] = False
    never_negative: ClassVar[tuple[int, ...]] = ()  # of its slots: means of squares, step sizes

    def __post_init__(self) -> None:
        for name, judge in {**_COMMON, **self.ranges}.items():
            value = getattr(self, name)
            if name in self.moving:
                refuse_function(name, value)
            if not (isinstance(value, Schedule) and name in self.moving):
                object.__setattr__(self, name, judge(name, value))

    def __repr__(self) -> str:
        """The rule's own numbers, and of the rest what differs from its default."""
        own = [field for field in fields(self) if not field.kw_only and field.type != "bool"]
        rest = [field for field in fields(self) if field not in own]
        shown = own + [field for field in rest if getattr(self, field.name) != field.default]
        numbers = (f"{field.name}={getattr(self, field.name)!r}" for field in shown)
        return f"{type(self).__name__}({', '.join(numbers)})"

    @property
    @abstractmethod
    def kernel(self) -> str:
        """Name of the update kernel."""

    @property
    @abstractmethod
    def slots(self) -> tuple[float, ...]:
        """Where each of the numbers that the rule keeps per weight starts."""

    def slots_of(self, layer: int) -> tuple[float, ...]:
        """Return where they start for W[layer]."""
        return self.slots

    @property
    def parameters(self) -> dict[str, float]:
        """The numbers that the kernel takes, by name; without schedules, which move."""
        numbers = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            name: value
            for name, value in numbers.items()
            if isinstance(value, float) and (value or name not in _COMMON)
        }

    @property
    def schedules(self) -> dict[str, Schedule]:
        """The numbers that move, by name."""
        return {
            name: value
            for name in self.moving
            if isinstance(value := getattr(self, name), Schedule)
        }

    def eta_factor(self, layer: int) -> float:
        """Return the factor of eta for W[layer]."""
        return 1.0 if self.eta_factors is None else self.eta_factors[layer]


_COMMON: Ranges = {
    "eta": positive,
    "weight_decay": not_negative,
    "clip_value": bound,
    "clip_norm": bound,
    "max_norm": bound,
    "eta_factors": factors,
}
