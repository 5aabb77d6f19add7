# SPDX-License-Identifier: BSD-3-Clause
"""Where the formulas enter, and how arrays of them are compared."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np
from differences import Measured, exact, partial
from numpy.typing import ArrayLike

Pairs = Iterable[tuple[float, Measured]]


class Formula(NamedTuple):
    """How a numbered formula is evaluated, and what of it the page must show."""

    evaluate: Callable[[], Pairs]
    must_contain: tuple[str, ...]


FORMULAS: dict[str, Formula] = {}


def formula(
    number: str, *must_contain: str
) -> Callable[[Callable[[], Pairs]], Callable[[], Pairs]]:
    """Enter a function under the number of its equation."""

    def enter(function: Callable[[], Pairs]) -> Callable[[], Pairs]:
        assert number not in FORMULAS
        FORMULAS[number] = Formula(function, must_contain)
        return function

    return enter


def values(claimed: ArrayLike, reference: ArrayLike) -> Iterator[tuple[float, Measured]]:
    """Pairs of two arrays, the second computed in another way."""
    claimed, reference = np.asarray(claimed, np.float64), np.asarray(reference, np.float64)
    assert claimed.shape == reference.shape
    for a, b in zip(claimed.flat, reference.flat, strict=True):
        yield float(a), exact(b)


def same_bits(claimed: ArrayLike, reference: ArrayLike) -> Iterator[tuple[float, Measured]]:
    """Pairs that must not differ at all."""
    for a, b in values(claimed, reference):
        yield a, b._replace(bound=0.0)


def slopes(
    claimed: ArrayLike, f: Callable[[np.ndarray], float], at: ArrayLike
) -> Iterator[tuple[float, Measured]]:
    """Pairs of a claimed gradient of f and the difference quotients, element by element."""
    claimed = np.asarray(claimed, np.float64)
    assert claimed.shape == np.shape(at)
    for index in np.ndindex(claimed.shape):
        yield float(claimed[index]), partial(f, at, index)
