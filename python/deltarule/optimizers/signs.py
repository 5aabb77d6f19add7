# SPDX-License-Identifier: BSD-3-Clause
"""Rules that take of the gradient its signs alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from deltarule._arguments import number
from deltarule.optimizers.rule import Ranges, Rule, fraction, positive
from deltarule.schedules import Schedule


@dataclass(frozen=True, repr=False)
class Lion(Rule):
    """w <- w - eta sign(beta_1 m + (1 - beta_1) g),  m <- beta_2 m + (1 - beta_2) g.

    Chen et al. (2023). sign(0) = 0, and m is the one before in the first formula.

    Parameters
    ----------
    eta : float or Schedule
        The size of every step, > 0.
    beta_1, beta_2 : float
        Shares of m, 0 <= beta < 1.
    **options
        As every optimizer takes them: `Rule`. The paper's decay is `weight_decay`.

    Raises
    ------
    TypeError
        If an argument is of the wrong kind.
    ValueError
        If an argument is out of its range.
    """

    eta: float | Schedule = 1e-4
    beta_1: float = 0.9
    beta_2: float = 0.99

    ranges: ClassVar[Ranges] = {"beta_1": fraction, "beta_2": fraction}

    @property
    def kernel(self) -> str:
        """Name of the update kernel."""
        return "lion"

    @property
    def slots(self) -> tuple[float, ...]:
        """Where m starts."""
        return (0.0,)


def _shrinking(name: str, value: object) -> float:
    return number(name, value, lambda v: 0 < v < 1, "a number > 0 and < 1")


def _growing(name: str, value: object) -> float:
    return number(name, value, lambda v: v > 1, "a finite number > 1")


@dataclass(frozen=True, repr=False)
class Rprop(Rule):
    """Each weight has a step of its own, s, which grows while its gradient keeps its sign.

    With p the gradient of the step before: s <- grow s where g p > 0, s <- shrink s where
    g p < 0, between least and most; then p <- 0 where g p < 0, p <- g elsewhere, and
    w <- w - s sign(p). It needs the gradient of all rows: `batch_size=None`.

    Parameters
    ----------
    eta : float
        Where all s start, > 0; no schedule.
    shrink, grow : float
        0 < shrink < 1 < grow.
    least, most : float
        0 < least <= most.
    **options
        As every optimizer takes them: `Rule`. `eta_factors` scale least and most, too.

    Raises
    ------
    TypeError
        If an argument is of the wrong kind.
    ValueError
        If an argument is out of its range.
    """

    eta: float | Schedule = 0.01
    shrink: float = 0.5
    grow: float = 1.2
    least: float = 1e-6
    most: float = 50.0

    never_negative: ClassVar[tuple[int, ...]] = (1,)
    ranges: ClassVar[Ranges] = {
        "shrink": _shrinking, "grow": _growing, "least": positive, "most": positive,
    }  # fmt: skip
    moving: ClassVar[tuple[str, ...]] = ("weight_decay",)
    full_batch: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.least > self.most:
            raise ValueError(f"least, most: {self.least} and {self.most}; expected least <= most")

    @property
    def kernel(self) -> str:
        """Name of the update kernel."""
        return "rprop"

    @property
    def slots(self) -> tuple[float, ...]:
        """Where p and s start."""
        return (0.0, float(self.eta))  # type: ignore[arg-type]  # no schedule here

    def slots_of(self, layer: int) -> tuple[float, ...]:
        """As `slots`, s scaled as the layer's steps are."""
        return (0.0, self.slots[1] * self.eta_factor(layer))
