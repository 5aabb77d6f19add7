# SPDX-License-Identifier: BSD-3-Clause
"""When a time has come: roundings of t = e + j / n, or of t less a warm-up, decide nothing."""

from __future__ import annotations

from typing import Any

import numpy as np

from deltarule._typing import NDArray

Float64 = NDArray[np.float64]

# A time that is below another by no more than this share of it is that time. Roundings leave some
# 2^-52 of the largest number on the way, and two steps of a training are further apart.
SAME = 2.0**-40

# Below this no time is divided by: quotients stay finite.
LEAST = 1e-100


def whole(x: Float64) -> Float64:
    """floor(x), or the next whole number where x is below it by a rounding."""
    near = np.rint(x)
    return np.where((near > x) & (near - x <= SAME * near), near, np.floor(x))


def come(begins: Any, t: Float64) -> NDArray[np.intp]:
    """Return how many of these times, in increasing order, have come at each t."""
    return np.searchsorted(begins, t + SAME * t, side="right")
