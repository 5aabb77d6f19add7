# SPDX-License-Identifier: BSD-3-Clause
"""Rules that divide each element of the gradient by the size that it had so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from deltarule.optimizers.rule import Ranges, Rule, flag, fraction, not_negative, positive
from deltarule.schedules import Schedule


@dataclass(frozen=True, repr=False)
class AdaGrad(Rule):
    """q <- q + g g,  w <- w - eta g / (sqrt(q) + eps).

    Parameters
    ----------
    eta : float or Schedule
        Learning rate, > 0.
    eps : float
        Keeps the quotient finite where the gradient is 0; > 0.
    start : float
        Where q starts, >= 0: PyTorch's and Keras's `initial_accumulator_value`.
    **options
        As every optimizer takes them: `Rule`.

    Raises
    ------
    TypeError
        If an argument is of the wrong kind.
    ValueError
        If an argument is out of its range.
    """

    eta: float | Schedule = 0.01
    eps: float = 1e-10
    start: float = 0.0

    never_negative: ClassVar[tuple[int, ...]] = (0,)
    ranges: ClassVar[Ranges] = {"eps": positive, "start": not_negative}

    @property
    def kernel(self) -> str:
        """Name of the update kernel."""
        return "adagrad"

    @property
    def slots(self) -> tuple[float, ...]:
        """Where q starts."""
        return (self.start,)


@dataclass(frozen=True, repr=False)
class RMSProp(Rule):
    """v <- beta v + (1 - beta) g g,  w <- w - eta g / (sqrt(v) + eps).

    With momentum b <- momentum b + g / (sqrt(v) + eps) and w <- w - eta b. `centered` takes the
    variance, v - a a with a <- beta a + (1 - beta) g and never below 0, where v stands under the
    root.

    Parameters
    ----------
    eta : float or Schedule
        Learning rate, > 0.
    beta : float
        Decay of the running means, 0 <= beta < 1: PyTorch's alpha, Keras's rho.
    momentum : float or Schedule
        Share of the previous step that is kept, 0 <= momentum < 1.
    centered : bool
        Whether the variance takes the place of the mean square.
    eps : float
        Keeps the quotient finite where the gradient is 0; > 0.
    **options
        As every optimizer takes them: `Rule`.

    Raises
    ------
    TypeError
        If an argument is of the wrong kind.
    ValueError
        If an argument is out of its range.
    """

    eta: float | Schedule = 0.01
    beta: float = 0.99
    momentum: float | Schedule = 0.0
    centered: bool = False
    eps: float = 1e-8

    never_negative: ClassVar[tuple[int, ...]] = (0,)
    ranges: ClassVar[Ranges] = {
        "beta": fraction, "momentum": fraction, "centered": flag, "eps": positive,
    }  # fmt: skip
    moving: ClassVar[tuple[str, ...]] = ("eta", "momentum", "weight_decay")

    @property
    def kernel(self) -> str:
        """Name of the update kernel: "rmsprop", or its form with momentum or centered."""
        if self.centered:
            return "rmsprop_centered"
        return "rmsprop_momentum" if self.momentum else "rmsprop"

    @property
    def slots(self) -> tuple[float, ...]:
        """Where v, b and a start, as far as they are kept."""
        return (0.0,) * (3 if self.centered else 2 if self.momentum else 1)


@dataclass(frozen=True, repr=False)
class Adadelta(Rule):
    """d = sqrt(a + eps) / sqrt(v + eps) g,  w <- w - eta d.

    v <- beta v + (1 - beta) g g beforehand, a <- beta a + (1 - beta) d d afterwards.

    Parameters
    ----------
    eta : float or Schedule
        Learning rate, > 0.
    beta : float
        Decay of the running means, 0 <= beta < 1: others' rho.
    eps : float
        Where both roots start from; > 0.
    **options
        As every optimizer takes them: `Rule`.

    Raises
    ------
    TypeError
        If an argument is of the wrong kind.
    ValueError
        If an argument is out of its range.
    """

    eta: float | Schedule = 1.0
    beta: float = 0.9
    eps: float = 1e-6

    never_negative: ClassVar[tuple[int, ...]] = (0, 1)
    ranges: ClassVar[Ranges] = {"beta": fraction, "eps": positive}

    @property
    def kernel(self) -> str:
        """Name of the update kernel."""
        return "adadelta"

    @property
    def slots(self) -> tuple[float, ...]:
        """Where v and a start."""
        return (0.0, 0.0)
