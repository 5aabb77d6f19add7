# SPDX-License-Identifier: BSD-3-Clause
"""Derivatives by differences, with the bound that `tolerances` derives for them."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from tolerances import FD_STEP, fd_bound, gamma

# Operations between an argument and the value of any function that is differenced here.
OPERATIONS = 256


class Measured(NamedTuple):
    """A number and how far it may be off."""

    value: float
    bound: float


def exact(value: float) -> Measured:
    """A number that was computed in another way: off by its roundings."""
    return Measured(float(value), gamma(OPERATIONS) * max(1.0, abs(float(value))))


def derivative(f: Callable[[float], float], x: float) -> Measured:
    """f'(x) as a fourth-order central difference."""
    values = {s: float(f(x + s * FD_STEP)) for s in (-4, -2, -1, 1, 2, 4)}

    def quotient(s: int) -> float:
        near, far = values[s] - values[-s], values[2 * s] - values[-2 * s]
        return (8 * near - far) / (12 * s * FD_STEP)

    rounding = gamma(OPERATIONS) * max(1.0, *map(abs, values.values()))
    return Measured(quotient(1), float(fd_bound(quotient(1), quotient(2), x, rounding)))


def partial(f: Callable[[np.ndarray], float], a: ArrayLike, at: int | tuple[int, ...]) -> Measured:
    """Derivative of f(a) with respect to one element of the array a."""
    a = np.array(a, np.float64)

    def along(value: float) -> float:
        moved = a.copy()
        moved[at] = value
        return f(moved)

    return derivative(along, float(a[at]))


def second_partial(f: Callable[[np.ndarray], float], a: ArrayLike, j: int, k: int) -> Measured:
    """Second derivative with respect to a[j] and a[k]: the difference of differences."""
    a = np.array(a, np.float64)
    inner = 0.0

    def slope(value: float) -> float:
        nonlocal inner
        moved = a.copy()
        moved[j] = value
        measured = partial(f, moved, k)
        inner = max(inner, measured.bound)
        return measured.value

    outer = derivative(slope, float(a[j]))
    return Measured(outer.value, outer.bound + 1.5 * inner / FD_STEP)
