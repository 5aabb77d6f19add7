# SPDX-License-Identifier: BSD-3-Clause
"""Gradient descent, momentum and Nesterov's: equations (29) and (30) in docs/derivation.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from deltarule.optimizers.rule import Ranges, Rule, flag, fraction
from deltarule.schedules import Schedule


@dataclass(frozen=True, repr=False)
class SGD(Rule):
    """v <- momentum v + g,  w <- w - eta v  (equations 29 and 30).

    Without momentum that is w <- w - eta g, and no state is kept. With `nesterov` the step looks
    ahead, w <- w - eta (momentum v + g), v being the new one; with `eta_in_velocity` eta enters
    where g does, v <- momentum v + eta g and w <- w - v, which differs once eta moves.

    Parameters
    ----------
    eta : float or Schedule
        Learning rate, > 0.
    momentum : float or Schedule
        Share of the previous step that is kept, 0 <= momentum < 1.
    nesterov : bool
        Whether the step looks ahead.
    eta_in_velocity : bool
        Whether v holds steps rather than gradients: scikit-learn's form.
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
    nesterov: bool = False
    eta_in_velocity: bool = False

    ranges: ClassVar[Ranges] = {"momentum": fraction, "nesterov": flag, "eta_in_velocity": flag}
    moving: ClassVar[tuple[str, ...]] = ("eta", "momentum", "weight_decay")

    @property
    def kernel(self) -> str:
        """Name of the update kernel: "sgd", or when there is some momentum its form."""
        if not self.momentum:
            return "sgd"
        return "nesterov" if self.nesterov else "velocity" if self.eta_in_velocity else "momentum"

    @property
    def slots(self) -> tuple[float, ...]:
        """Where v starts, if there is momentum."""
        return (0.0,) if self.momentum else ()

    @property
    def parameters(self) -> dict[str, float]:
        """The numbers that the kernel takes, by name."""
        inside = self.eta_in_velocity and self.momentum
        return super().parameters | ({"eta_in_velocity": 1.0} if inside else {})
