# SPDX-License-Identifier: BSD-3-Clause
"""The optimizers as declarations: which update rule, with which numbers.

They hold no state and compute nothing; a trainer owns the state (v, or m and v) and the kernel
named by `kernel` does the arithmetic. Equations (29) to (31) in docs/derivation.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import numpy as np

from deltarule._arguments import number
from deltarule.schedules.base import Schedule, number_or_schedule, numbers_of


def _positive(name: str, value: object) -> float:
    return number(name, value, lambda v: v > 0, "a finite number > 0")


def _moving_positive(name: str, value: object) -> float | Schedule:
    return number_or_schedule(name, value, lambda v: v > 0, "a finite number > 0")


def _moving_fraction(name: str, value: object) -> float | Schedule:
    return number_or_schedule(name, value, lambda v: 0 <= v < 1, "a number >= 0 and < 1")


def _fraction(name: str, value: object) -> float:
    return number(name, value, lambda v: 0 <= v < 1, "a number >= 0 and < 1")


@dataclass(frozen=True)
class SGD:
    """v <- momentum v + g,  w <- w - eta v  (equations 29 and 30).

    Without momentum that is w <- w - eta g, and no state is kept.

    Parameters
    ----------
    eta : float or Schedule
        Learning rate, > 0; a schedule may fall to 0.
    momentum : float or Schedule
        Share of the previous step that is kept, 0 <= momentum < 1.

    Raises
    ------
    TypeError
        If an argument is not a number.
    ValueError
        If an argument is out of its range.
    """

    eta: float | Schedule = 0.1
    momentum: float | Schedule = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "eta", _moving_positive("eta", self.eta))
        object.__setattr__(self, "momentum", _moving_fraction("momentum", self.momentum))

    @property
    def kernel(self) -> str:
        """Name of the update kernel: "sgd", or "momentum" when there is some."""
        return "momentum" if self.momentum else "sgd"

    @property
    def parameters(self) -> dict[str, float]:
        """The numbers that the kernel takes and that stand still, by name."""
        return numbers_of(self)


@dataclass(frozen=True)
class Adam:
    """w <- w - eta m_hat / (sqrt(v_hat) + eps)  (equation 31).

    m <- beta_1 m + (1 - beta_1) g and v <- beta_2 v + (1 - beta_2) g g, both divided by
    1 - beta^t, where beta^t is a running float64 product.

    Parameters
    ----------
    eta : float or Schedule
        Learning rate, > 0; a schedule may fall to 0.
    beta_1, beta_2 : float
        Decay of the two running means, 0 <= beta < 1.
    eps : float
        Keeps the quotient finite where the gradient is 0; > 0.

    Raises
    ------
    TypeError
        If an argument is not a number.
    ValueError
        If an argument is out of its range.
    """

    eta: float | Schedule = 1e-3
    beta_1: float = 0.9
    beta_2: float = 0.999
    eps: float = 1e-8

    kernel: ClassVar[str] = "adam"

    def __post_init__(self) -> None:
        object.__setattr__(self, "eta", _moving_positive("eta", self.eta))
        object.__setattr__(self, "beta_1", _fraction("beta_1", self.beta_1))
        object.__setattr__(self, "beta_2", _fraction("beta_2", self.beta_2))
        object.__setattr__(self, "eps", _positive("eps", self.eps))

    @property
    def parameters(self) -> dict[str, float]:
        """The numbers that the kernel takes and that stand still, by name."""
        return numbers_of(self)


Optimizer: TypeAlias = SGD | Adam


def check_optimizer(optimizer: object, dtype: str) -> Optimizer:
    """Return `optimizer` if it is one and if its numbers survive rounding to `dtype`.

    Parameters
    ----------
    optimizer : object
        What was given as `optimizer=`.
    dtype : str
        "float32" or "float64".

    Returns
    -------
    SGD or Adam

    Raises
    ------
    TypeError
        If it is no optimizer.
    ValueError
        If eta or eps becomes 0 or infinity in `dtype`: the network would stand still, or 0/0.
    """
    if not isinstance(optimizer, SGD | Adam):
        raise TypeError(
            f"optimizer: {optimizer!r} of type {type(optimizer).__name__}; expected SGD or Adam"
        )
    for name in ("eta", "eps"):
        value = optimizer.parameters.get(name, 1.0)
        with np.errstate(over="ignore"):
            rounded = np.dtype(dtype).type(value)
        if rounded == 0 or not np.isfinite(rounded):
            raise ValueError(f"{name}: {value!r} is {rounded} as {dtype}; expected it > 0, finite")
    return optimizer
