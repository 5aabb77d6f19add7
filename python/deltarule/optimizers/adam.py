# SPDX-License-Identifier: BSD-3-Clause
"""Adam: equation (31) in docs/derivation.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from deltarule.optimizers.rule import Rule, fraction, positive
from deltarule.schedules import Schedule


@dataclass(frozen=True, repr=False)
class Adam(Rule):
    """w <- w - eta m_hat / (sqrt(v_hat) + eps)  (equation 31).

    m <- beta_1 m + (1 - beta_1) g and v <- beta_2 v + (1 - beta_2) g g, both divided by
    1 - beta^t, where beta^t is a running float64 product.

    Parameters
    ----------
    eta : float or Schedule
        Learning rate, > 0.
    beta_1, beta_2 : float
        Decay of the two running means, 0 <= beta < 1.
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

    eta: float | Schedule = 1e-3
    beta_1: float = 0.9
    beta_2: float = 0.999
    eps: float = 1e-8

    ranges: ClassVar = {"beta_1": fraction, "beta_2": fraction, "eps": positive}

    @property
    def kernel(self) -> str:
        """Name of the update kernel."""
        return "adam"

    @property
    def slots(self) -> tuple[float, ...]:
        """Where m and v start."""
        return (0.0, 0.0)
