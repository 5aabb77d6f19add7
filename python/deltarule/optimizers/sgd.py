# SPDX-License-Identifier: BSD-3-Clause
"""Gradient descent and momentum: equations (29) and (30) in docs/derivation.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from deltarule.optimizers.rule import Rule, fraction
from deltarule.schedules import Schedule


@dataclass(frozen=True, repr=False)
class SGD(Rule):
    """v <- momentum v + g,  w <- w - eta v  (equations 29 and 30).

    Without momentum that is w <- w - eta g, and no state is kept.

    Parameters
    ----------
    eta : float or Schedule
        Learning rate, > 0.
    momentum : float or Schedule
        Share of the previous step that is kept, 0 <= momentum < 1.
    **options
        As every optimizer takes them: `Rule`.

    Raises
    ------
    TypeError
        If an argument is of the wrong kind.
    ValueError
        If an argument is out of its range.
    """

    eta: float | Schedule = 0.1
    momentum: float | Schedule = 0.0

    ranges: ClassVar = {"momentum": fraction}
    moving: ClassVar = ("eta", "momentum", "weight_decay")

    @property
    def kernel(self) -> str:
        """Name of the update kernel: "sgd", or "momentum" when there is some."""
        return "momentum" if self.momentum else "sgd"

    @property
    def slots(self) -> tuple[float, ...]:
        """Where v starts, if there is momentum."""
        return (0.0,) if self.momentum else ()
