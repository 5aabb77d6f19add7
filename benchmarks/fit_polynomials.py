# SPDX-License-Identifier: BSD-3-Clause
"""Fit the polynomials of csrc/kernels/vec and check that they stand there.

    exp(r)     ~ 1 + r + r^2 e(r),                 |r| <= ln(2)/2
    tanh(x)    ~ x + x^3 t(x^2),                   |x| <= 0.55
    log(1 + f) ~ f - f^2/2 + s (f^2/2 + z l(z)),   s = f/(2 + f), z = s^2, f in [-1/4, 1/2]
    sin(2 pi t) ~ t s(t^2),                        |t| <= 1/8
    cos(2 pi t) ~ 1 + t^2 c(t^2),                  |t| <= 1/8
    Phi(-a)    ~ exp(-a^2/2) w p(1 - 8 w),         w = 1/(a + 4), a in [0, 15] or [0, 39]

Each of e, t, l, s, c, p makes the largest relative error of its function (of exp(r) - 1 for e) as
small as its degree allows: a weighted Chebyshev approximation, found by Lawson's iteration, that is
by least squares whose weights grow where the error is large. The lowest coefficients are rounded to
the type first and the others fitted again around them.

Run: python benchmarks/fit_polynomials.py   (needs mpmath; takes some minutes)
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mpmath as mp
import numpy as np

HEADERS = Path(__file__).parents[1] / "csrc" / "kernels" / "vec"
POINTS = 100
ITERATIONS = 60
REFITS = 2  # later coefficients are too small for their rounding to deserve a new fit

Number = Any  # mpmath is untyped
Float = type[np.float32] | type[np.float64]


@dataclass(frozen=True)
class Problem:
    """A tail to fit on [low, high]; scale turns its error into the function's relative error."""

    name: str
    tail: Callable[[Number], Number]
    scale: Callable[[Number], Number]
    low: Number
    high: Number
    counts: dict[Float, int]


def exp_tail(r: Number) -> Number:
    """e(r) = (exp(r) - 1 - r) / r^2."""
    return (mp.expm1(r) - r) / r**2


def tanh_tail(z: Number) -> Number:
    """t(z) = (tanh(x) / x - 1) / z, x = sqrt(z)."""
    x = mp.sqrt(z)
    return (mp.tanh(x) / x - 1) / z


def log_tail(z: Number) -> Number:
    """l(z) = (2 artanh(s) / s - 2) / z, s = sqrt(z)."""
    s = mp.sqrt(z)
    return (2 * mp.atanh(s) / s - 2) / z


def normal_tail(t: Number) -> Number:
    """p(t) = (a + 4) exp(a^2/2) erfc(a / sqrt(2)) / 2, t = 1 - 8 / (a + 4)."""
    a = 8 / (1 - t) - 4
    return (a + 4) * mp.exp(a**2 / 2) * mp.erfc(a / mp.sqrt(2)) / 2


def sine_tail(z: Number) -> Number:
    """s(z) = sin(2 pi t) / t, t = sqrt(z)."""
    t = mp.sqrt(z)
    return mp.sin(2 * mp.pi * t) / t


def cosine_tail(z: Number) -> Number:
    """c(z) = (cos(2 pi t) - 1) / z, t = sqrt(z)."""
    return (mp.cos(2 * mp.pi * mp.sqrt(z)) - 1) / z


def problems() -> list[Problem]:
    """The fits, and how many coefficients either type takes."""
    reach = mp.log(2) / 2 + mp.mpf(2) ** -12  # n is the nearest integer only up to rounding
    tiny, eighth = mp.mpf(2) ** -30, (mp.mpf(1) / 8 + mp.mpf(2) ** -20) ** 2
    return [
        Problem("exp_tail", exp_tail, lambda r: r**2 / mp.expm1(r), -reach, reach,
                {np.float32: 5, np.float64: 10}),
        Problem("tanh_tail", tanh_tail, lambda z: z * mp.sqrt(z) / mp.tanh(mp.sqrt(z)),
                tiny, mp.mpf("0.3026"), {np.float32: 4, np.float64: 10}),
        Problem("log_tail", log_tail, lambda z: z * mp.sqrt(z) / (2 * mp.atanh(mp.sqrt(z))),
                tiny, mp.mpf("0.04"), {np.float32: 3, np.float64: 7}),
        *(Problem("normal_tail", normal_tail, lambda t: 1 / normal_tail(t),
                  mp.mpf(-1), 1 - 8 / mp.mpf(reach_of_type + 4), {dtype: count})
          for dtype, reach_of_type, count in ((np.float32, 15, 11), (np.float64, 39, 24))),
        Problem("sine_tail", sine_tail, lambda z: mp.sqrt(z) / mp.sin(2 * mp.pi * mp.sqrt(z)),
                tiny, eighth, {np.float32: 4, np.float64: 7}),
        Problem("cosine_tail", cosine_tail, lambda z: z / mp.cos(2 * mp.pi * mp.sqrt(z)),
                tiny, eighth, {np.float32: 4, np.float64: 7}),
    ]  # fmt: skip


def nodes(problem: Problem, count: int) -> list[Number]:
    """Chebyshev points of the interval: dense at its ends, where the error peaks."""
    middle, half = (problem.low + problem.high) / 2, (problem.high - problem.low) / 2
    return [middle + half * mp.cos(mp.pi * (2 * i + 1) / (2 * count)) for i in range(count)]


def lawson(rows: list[list[Number]], right: Sequence[Number]) -> list[Number]:
    """The c that makes max |rows c - right| smallest."""
    n = len(rows[0])
    weights = [mp.mpf(1)] * len(rows)
    best, best_error = [mp.mpf(0)] * n, mp.inf
    for _ in range(ITERATIONS):
        normal, moment = mp.matrix(n), mp.matrix(n, 1)
        for row, b, w in zip(rows, right, weights, strict=True):
            for i, a in enumerate(row):
                moment[i] += w * a * b
                for j in range(i + 1):
                    normal[i, j] += w * a * row[j]
                    normal[j, i] = normal[i, j]
        solution = list(mp.lu_solve(normal, moment))
        errors = [abs(mp.fdot(row, solution) - b) for row, b in zip(rows, right, strict=True)]
        if max(errors) < best_error:
            best, best_error = solution, max(errors)
        weights = [w * e / max(errors) for w, e in zip(weights, errors, strict=True)]
    return best


def rounded(c: Number, dtype: Float) -> Number:
    """c rounded once to the precision of dtype."""
    with mp.workprec(np.finfo(dtype).nmant + 1):
        return +c


def fit(problem: Problem, dtype: Float) -> tuple[list[Number], Number]:
    """The coefficients, lowest first, every one a number of dtype; the error that they reach."""
    points = nodes(problem, POINTS)
    scales = [problem.scale(x) for x in points]
    known: list[Number] = []
    while len(known) < problem.counts[dtype]:
        powers = range(len(known), problem.counts[dtype])
        rows = [[s * x**k for k in powers] for x, s in zip(points, scales, strict=True)]
        right = [s * (problem.tail(x) - mp.polyval(known[::-1] or [0], x))
                 for x, s in zip(points, scales, strict=True)]  # fmt: skip
        solution = lawson(rows, right)
        count = 1 if len(known) < REFITS else len(solution)
        known += [rounded(c, dtype) for c in solution[:count]]
    error = max(abs(problem.scale(x) * (mp.polyval(known[::-1], x) - problem.tail(x)))
                for x in nodes(problem, 10 * POINTS))  # fmt: skip
    return known, error


def main() -> int:
    """Print the coefficients; exit 1 where one is missing from the header."""
    mp.mp.dps = 60
    header = "".join(path.read_text() for path in HEADERS.glob("*.hpp"))
    missing = []
    for problem in problems():
        for dtype in problem.counts:
            coefficients, error = fit(problem, dtype)
            texts = [str(dtype(float(c))) for c in coefficients]
            bits = mp.nstr(mp.log(error, 2), 4)
            print(f"{problem.name}, {dtype.__name__}, relative error 2^{bits}: {', '.join(texts)}")
            missing += [text for text in texts if text not in header]
    if missing:
        print(f"not in {HEADERS.name}: {', '.join(missing)}")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
