# SPDX-License-Identifier: BSD-3-Clause
"""Adam, equation (31) in docs/derivation.md, and its kin."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

from deltarule._arguments import number
from deltarule.optimizers.rule import Ranges, Rule, flag, fraction, positive
from deltarule.schedules import Schedule

LOG_096 = -0.040821994520255166  # ln 0.96


def _up_to_1(name: str, value: object) -> float:
    return number(name, value, lambda v: 0 <= v <= 1, "a number >= 0 and <= 1")


@dataclass(frozen=True, repr=False)
class Adam(Rule):
    """w <- w - eta m_hat / (sqrt(v_hat) + eps)  (equation 31).

    m <- beta_1 m + (1 - beta_1) g and v <- beta_2 v + (1 - beta_2) g g, both divided by
    1 - beta^t, where beta^t is a running float64 product. With `amsgrad` the largest v so far
    takes v's place; with `eps_inside` eps enters before v is corrected,
    w <- w - eta (sqrt(1 - beta_2^t) / (1 - beta_1^t)) m / (sqrt(v) + eps).

    Parameters
    ----------
    eta : float or Schedule
        Learning rate, > 0.
    beta_1, beta_2 : float
        Decay of the two running means, 0 <= beta < 1.
    eps : float
        Keeps the quotient finite where the gradient is 0; > 0.
    amsgrad : bool
        Whether v never falls.
    eps_inside : bool
        Whether eps is added before the bias correction: scikit-learn's and Keras's form.
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
    amsgrad: bool = False
    eps_inside: bool = False

    never_negative: ClassVar[tuple[int, ...]] = (1, 2)
    ranges: ClassVar[Ranges] = {
        "beta_1": fraction, "beta_2": fraction, "eps": positive,
        "amsgrad": flag, "eps_inside": flag,
    }  # fmt: skip

    @property
    def kernel(self) -> str:
        """Name of the update kernel: "adam" or "amsgrad"."""
        return "amsgrad" if self.amsgrad else "adam"

    @property
    def slots(self) -> tuple[float, ...]:
        """Where m, v and, for amsgrad, the largest v start."""
        return (0.0, 0.0, 0.0) if self.amsgrad else (0.0, 0.0)

    @property
    def parameters(self) -> dict[str, float]:
        """The numbers that the kernel takes, by name."""
        return super().parameters | ({"eps_inside": 1.0} if self.eps_inside else {})


@dataclass(frozen=True, repr=False)
class AdamW(Adam):
    """w <- w - eta weight_decay w, biases excluded, and Adam's step on that.

    Parameters
    ----------
    eta, beta_1, beta_2, eps, amsgrad, eps_inside
        As `Adam` takes them.
    weight_decay : float or Schedule
        Decay of the weights, decoupled from the gradient, >= 0. Adam has it too; the default is
        what differs.
    **options
        As every optimizer takes them: `Rule`.

    Raises
    ------
    TypeError
        If an argument is of the wrong kind.
    ValueError
        If an argument is out of its range.
    """

    _: KW_ONLY
    weight_decay: float | Schedule = 0.01


@dataclass(frozen=True, repr=False)
class NAdam(Rule):
    """Adam with Nesterov's look ahead, as Dozat (2016) has it.

    w <- w - eta (mu_{t+1} m / (1 - prod_{s<=t+1} mu_s) + (1 - mu_t) g / (1 - prod_{s<=t} mu_s))
    / (sqrt(v_hat) + eps), mu_t = beta_1 (1 - 0.96^(t momentum_decay) / 2); m and v as in Adam.

    Parameters
    ----------
    eta : float or Schedule
        Learning rate, > 0.
    beta_1, beta_2 : float
        Decay of the two running means, 0 <= beta < 1.
    eps : float
        Keeps the quotient finite where the gradient is 0; > 0.
    momentum_decay : float
        How fast mu rises from beta_1/2 to beta_1: 0 <= momentum_decay <= 1, 0 leaves it there.
    **options
        As every optimizer takes them: `Rule`.

    Raises
    ------
    TypeError
        If an argument is of the wrong kind.
    ValueError
        If an argument is out of its range.
    """

    eta: float | Schedule = 2e-3
    beta_1: float = 0.9
    beta_2: float = 0.999
    eps: float = 1e-8
    momentum_decay: float = 4e-3

    never_negative: ClassVar[tuple[int, ...]] = (1,)
    ranges: ClassVar[Ranges] = {
        "beta_1": fraction, "beta_2": fraction, "eps": positive, "momentum_decay": _up_to_1,
    }  # fmt: skip

    @property
    def kernel(self) -> str:
        """Name of the update kernel."""
        return "nadam"

    @property
    def slots(self) -> tuple[float, ...]:
        """Where m and v start."""
        return (0.0, 0.0)

    @property
    def mu_decay(self) -> float:
        """0.96^momentum_decay, by its series: no function of the C library touches a weight."""
        x, power = LOG_096 * self.momentum_decay, 1.0
        for k in range(12, 0, -1):
            power = 1.0 + x * power / k
        return power

    @property
    def parameters(self) -> dict[str, float]:
        """The numbers that the kernel takes, by name."""
        return super().parameters | {"mu_decay": self.mu_decay}
