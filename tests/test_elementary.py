# SPDX-License-Identifier: BSD-3-Clause
"""Elementary functions of the literal reference against mpmath: errors in ULP, edges.

The kernels have the same bits (test_kernels.py), so what holds here holds for them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from deltarule.bounds import ULPS
from deltarule.oracle.literal import elementary

Array = NDArray[Any]

EXACT: dict[str, Callable[[Any], Any]] = {
    "exp": mp.exp,
    "log": mp.log,
    "log1p_of_unit": mp.log1p,
    "logistic": lambda x: 1 / (1 + mp.exp(-x)),
    "tanh": mp.tanh,
    "sin_2pi": lambda t: mp.sinpi(2 * t),
    "cos_2pi": lambda t: mp.cospi(2 * t),
}
named = pytest.mark.parametrize("name", EXACT)


def errors_in_ulps(name: str, x: Array, y: Array) -> list[float]:
    """|y - f(x)| over the spacing of T at f(x); infinity stands one spacing above the largest T."""
    info = np.finfo(x.dtype)
    top, smallest = mp.ldexp(1, int(info.maxexp)), int(info.minexp)
    errors = []
    with mp.workdps(40):
        for argument, value in zip(x.tolist(), y.tolist(), strict=True):
            exact = min(EXACT[name](mp.mpf(argument)), top)
            exponent = max(mp.frexp(exact)[1] - 1, smallest) if exact else smallest
            distance = (top if value == np.inf else mp.mpf(value)) - exact
            errors.append(float(abs(distance) / mp.ldexp(1, exponent - int(info.nmant))))
    return errors


def arguments(name: str, dtype: str, rng: np.random.Generator) -> Array:
    """Numbers of every size in the function's domain, and around each place where a branch lies."""
    info = np.finfo(dtype)
    tiny, most = float(info.tiny), float(info.max)
    sizes = 2.0 ** rng.uniform(info.minexp - info.nmant, info.maxexp - 1, 600)
    if name == "log":
        edges = [tiny, 0.75, 1, 1.5, most]
        x = np.concatenate([edges, sizes, rng.uniform(0.5, 2, 600)])
        return around(x, dtype, float(info.smallest_subnormal))
    if name == "log1p_of_unit":
        return around(np.concatenate([sizes, rng.uniform(0, 1, 600), [0, 0.5, 1]]), dtype, 0, 1)
    if name in ("sin_2pi", "cos_2pi"):
        turns = np.concatenate([rng.uniform(-0.5, 0.5, 1200), np.arange(-8, 9) / 16, [0.0]])
        return around(turns, dtype, -0.5, 0.5)
    low, high = np.log(float(info.smallest_subnormal)), np.log(most)
    edges = [0, 0.55, 10, 20, low, low - 1, high, np.log(tiny), tiny, most]
    steps = np.log(2) / 2 * np.arange(-2300, 2300, 7)  # where the reduction changes n
    x = np.concatenate([edges, sizes, steps, rng.uniform(-2, 2, 600), rng.uniform(low, high, 600)])
    return around(np.concatenate([x, -x]), dtype)


def around(x: Array, dtype: str, low: float = -np.inf, high: float = np.inf) -> Array:
    """x rounded to T, and its neighbours, as far as they are finite and in [low, high]."""
    x = x.astype(dtype)
    with np.errstate(over="ignore"):
        x = np.concatenate([x, np.nextafter(x, np.inf), np.nextafter(x, -np.inf)])
    return x[np.isfinite(x) & (x >= low) & (x <= high)]


@named
def test_error_is_within_its_bound(name: str, dtype: str, rng: np.random.Generator) -> None:
    x = arguments(name, dtype, rng)
    errors = errors_in_ulps(name, x, elementary(name, x))
    worst = int(np.argmax(errors))
    assert errors[worst] <= ULPS[name.removesuffix("_of_unit")], x[worst]


@named
def test_nan_stays(name: str, dtype: str) -> None:
    assert np.isnan(elementary(name, np.array([np.nan], dtype)))


def test_exact_values(dtype: str) -> None:
    def of(name: str, *x: float) -> list[float]:
        values: list[float] = elementary(name, np.array(x, dtype)).tolist()
        return values

    inf = np.inf
    assert of("exp", 0.0, -0.0, inf, -inf) == [1, 1, inf, 0]
    assert of("log", 1.0, inf) == [0, inf]
    assert of("log1p_of_unit", 0.0) == [0]
    assert of("log1p_of_unit", 1.0) == of("log", 2.0)
    assert of("logistic", 0.0, -0.0, inf, -inf) == [0.5, 0.5, 1, 0]
    assert of("tanh", 0.0, inf, -inf) == [0, 1, -1]
    assert np.signbit(of("tanh", -0.0)[0])


def test_exp_overflows_and_underflows_gradually(dtype: str) -> None:
    """Near both ends of the range exp grows from step to step, and ends in 0 and infinity."""
    info = np.finfo(dtype)
    for end in (info.smallest_subnormal, info.tiny, info.max):
        x = (np.log(float(end)) + np.arange(-4, 4, 1e-3)).astype(dtype)
        y = elementary("exp", x)
        assert np.all(np.diff(y[np.isfinite(y)]) >= 0)
        assert np.all(np.isinf(y[np.argmax(np.isinf(y)) :])) or np.all(np.isfinite(y))
    low = np.log(float(info.smallest_subnormal))
    deep = elementary("exp", np.linspace(low, low + 3, 1000).astype(dtype))
    assert set(np.round(deep / info.smallest_subnormal)) == set(range(1, 21))  # no flush to zero
    assert elementary("exp", np.array([low - 1], dtype)) == 0
    assert np.isinf(elementary("exp", np.array([np.log(float(info.max)) + 1e-3], dtype)))


@given(st.floats(allow_nan=False), st.sampled_from(["float32", "float64"]))
def test_symmetry_and_range(x: float, dtype: str) -> None:
    with np.errstate(over="ignore"):
        pair = np.array([x, -x], dtype)
    t, s = elementary("tanh", pair), elementary("logistic", pair)
    assert t[0] == -t[1]
    assert np.all(np.abs(t) <= 1)
    assert np.all((s >= 0) & (s <= 1))
    assert (s[0] >= 0.5) == (pair[0] >= 0) or s[0] == 0.5
