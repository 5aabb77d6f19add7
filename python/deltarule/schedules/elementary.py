# SPDX-License-Identifier: BSD-3-Clause
"""2^x, log2 and cosine of float64 arrays, out of operations that IEEE 754 rounds in one way.

NumPy's own call the C library's, whose last bits differ from machine to machine. Here are only
sums, products, quotients and shifts of the exponent, each rounded once, so that a schedule has the
same bits everywhere. Largest errors in ULP, over 20 000 points each: exp2 1.1, log2 3.0, cos_turns
1.8 (tests/test_schedule_values.py).
"""

from __future__ import annotations

from math import factorial

import numpy as np

from deltarule.schedules.base import Float64

LN_2 = 0.6931471805599453
TWO_PI = 6.283185307179586

_EXP = [1 / factorial(k) for k in range(15)]
_ATANH = [1 / (2 * k + 1) for k in range(12)]
_COS = [(-1) ** k / factorial(2 * k) for k in range(9)]
_SIN = [(-1) ** k / factorial(2 * k + 1) for k in range(9)]


def exp2(x: Float64) -> Float64:
    """2^x = 2^n e^(r ln 2), x = n + r with |r| <= 1/2."""
    n = np.rint(np.clip(x, -1100, 1100))
    r = np.clip(x, -1100, 1100) - n
    with np.errstate(over="ignore", under="ignore"):
        scaled = np.ldexp(_polynomial(_EXP, r * LN_2), np.asarray(n, np.int32))
    return np.asarray(scaled, np.float64)


def log2(x: Float64) -> Float64:
    """e + log(m) / ln 2, x = 2^e m with m in [0.7, 1.4); log(m) = 2 atanh((m - 1) / (m + 1))."""
    m, e = np.frexp(x)
    low = m < 0.7071067811865476
    m, e = np.where(low, 2 * m, m), np.where(low, e - 1, e)
    s = (m - 1) / (m + 1)
    return np.asarray(e + 2 * s * _polynomial(_ATANH, s * s) / LN_2)


def cos_turns(x: Float64) -> Float64:
    """cos(2 pi x): folded onto an eighth of a turn, which is exact."""
    r = np.abs(x - np.rint(x))  # 0 ... 1/2
    far = r > 0.25
    r = np.where(far, 0.5 - r, r)  # 0 ... 1/4
    steep = r > 0.125
    z = np.where(steep, 0.25 - r, r) * TWO_PI
    square = z * z
    value = np.where(steep, z * _polynomial(_SIN, square), _polynomial(_COS, square))
    return np.where(far, -value, value)


def power(x: float, y: Float64) -> Float64:
    """x^y for x > 0, y >= 0: products for the whole part of y, 2^(log2(x) ...) for the rest."""
    whole = np.floor(y)
    return np.asarray(whole_power(x, whole) * exp2((y - whole) * log2(np.array(x))))


def whole_power(x: float, n: Float64) -> Float64:
    """x^n for whole n >= 0, by squaring."""
    left = np.minimum(n, 2.0**62).astype(np.int64)
    result, square = np.ones_like(n), np.float64(x)
    while np.any(left):
        result = np.where(left & 1, result * square, result)
        left, square = left >> 1, square * square
    return result


def between(a: float, b: float, share: Float64) -> Float64:
    """a (1 - share) + b share: exactly a at 0 and b at 1, and never outside of the two."""
    return np.clip(a * (1 - share) + b * share, min(a, b), max(a, b))


def _polynomial(coefficients: list[float], x: Float64) -> Float64:
    """c_0 + c_1 x + ..., Horner: each product and each sum is rounded by itself."""
    total = np.full_like(x, coefficients[-1])
    for c in reversed(coefficients[:-1]):
        total = total * x + c
    return total
