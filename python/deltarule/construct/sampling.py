# SPDX-License-Identifier: BSD-3-Clause
"""Samples of a function of one number, as dense as it moves, cut into runs of a given range."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from deltarule.results import Array

FIRST = 2**12 + 1  # evenly spread; what passes between two of them unseen stays unseen
MOST = 2**22


def samples(
    f: Callable[[Array], Array], a: float, b: float, slack: float
) -> tuple[Array, Array] | None:
    """Halve steps until f moves by at most `slack` in each, or two numbers are neighbours: a jump.

    Parameters
    ----------
    f : callable
        Takes and returns (n,).
    a, b : float
        First and last sample.
    slack : float
        > 0.

    Returns
    -------
    x, y : array, (n,)
        y = f(x), x increasing. None if 2^22 of them are not enough.
    """
    x = np.linspace(a, b, FIRST)
    y = f(x)
    while True:
        middle = x[:-1] + np.diff(x) / 2
        apart = (middle > x[:-1]) & (middle < x[1:])
        at = np.flatnonzero(apart & (np.abs(np.diff(y)) > slack))
        if at.size == 0:
            return x, y
        if x.size + at.size > MOST:
            return None
        y = np.insert(y, at + 1, f(middle[at]))
        x = np.insert(x, at + 1, middle[at])


def cut(y: Array, allowed: float) -> tuple[list[int], list[float]]:
    """Cut samples, from the left, into runs as long as their range is at most `allowed`.

    Parameters
    ----------
    y : array, (n,)
        In order.
    allowed : float
        >= 0.

    Returns
    -------
    starts : list of int
        The first sample of each run.
    heights : list of float
        The middle of each run's range.
    """
    starts, heights = [0], []
    low = high = float(y[0])
    for k, value in enumerate(y.tolist()):
        if max(high, value) - min(low, value) > allowed:
            heights.append((low + high) / 2)
            starts.append(k)
            low = high = value
        low, high = min(low, value), max(high, value)
    return starts, [*heights, (low + high) / 2]
