# SPDX-License-Identifier: BSD-3-Clause
"""Every tolerance of the tests, each from an error bound: no other file holds a literal one.

gamma is Higham's: a value that went through k roundings is off by at most gamma_k times the
magnitude of what was added up, whatever the order (Accuracy and Stability, section 3.1).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Steps of the fourth-order difference: a power of two, so that h itself carries no rounding.
FD_STEP = 2.0**-8

# A difference bound that exceeds this share of the largest derivative would prove nothing.
FD_USEFUL = 2e-6


def unit_roundoff(dtype: str = "float64") -> float:
    """u: half the spacing of the numbers just above 1."""
    return float(np.finfo(dtype).eps) / 2


def gamma(k: int, dtype: str = "float64") -> float:
    """gamma_k = k u / (1 - k u)."""
    ku = k * unit_roundoff(dtype)
    return ku / (1.0 - ku)


def softmax_floor(dtype: str) -> float:
    """What a term of (8) may be off by: it is 0 below e^-70, e^-690, of the largest, which is 1."""
    return {"float32": 3.98e-31, "float64": 2.18e-300}[dtype]


# e^-70 = 3.9754e-31 and e^-690 = 2.1717e-300, rounded up to three digits above.
FLOOR_DIGITS = 0.01


def trajectory_bound(steps: int, size: float, growth: float) -> float:
    """How far two trainings by the same float64 formulas may be apart after some steps.

    A step takes each weight, of magnitude `size` at most, through some 16 roundings on either side,
    and what it is off by has grown by `growth`, at most, when the last step is done.
    """
    return 2 * gamma(16 * int(steps)) * size * growth


def fd_bound(
    at_h: ArrayLike, at_2h: ArrayLike, x: ArrayLike, f_rounding: float
) -> NDArray[np.float64]:
    """Error of the fourth-order central difference of f at x with step FD_STEP.

    D(h) = (8 (f(x+h) - f(x-h)) - (f(x+2h) - f(x-2h))) / 12h.
    Truncation: D(h) - f' = c h^4 + .., so D(2h) - D(h) is about 15 of it: taken whole, it bounds
    the truncation with a margin of 15. Rounding: four values, each off by f_rounding, with weights
    8 + 8 + 1 + 1 over 12; and x +- h, rounded, is off by u |x|, which the same weights turn into
    a share u |x| / h of the derivative.
    """
    d1, d2 = np.asarray(at_h), np.asarray(at_2h)
    rounding = 1.5 * f_rounding / FD_STEP
    argument = 1.5 * unit_roundoff() * np.abs(np.asarray(x)) / FD_STEP * np.abs(d1)
    return np.asarray(np.abs(d2 - d1) + rounding + argument)


def assert_within(actual: ArrayLike, expected: ArrayLike, bound: ArrayLike) -> None:
    """Assert |actual - expected| <= bound elementwise, naming the worst element if not."""
    a, e = np.asarray(actual, np.float64), np.asarray(expected, np.float64)
    assert a.shape == e.shape, f"shapes {a.shape} and {e.shape}"
    error, limit = np.abs(a - e), np.broadcast_to(np.asarray(bound, np.float64), a.shape)
    if not np.all(error <= limit):  # nan fails too
        excess = np.where(np.isnan(error), np.inf, error - limit)
        worst = np.unravel_index(np.argmax(excess), a.shape)
        raise AssertionError(
            f"at {tuple(map(int, worst))}: {a[worst]!r} and {e[worst]!r} differ by "
            f"{error[worst]:.3g}, bound {limit[worst]:.3g}"
        )
