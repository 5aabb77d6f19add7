# SPDX-License-Identifier: BSD-3-Clause
"""Gates of one threshold unit. It fires where net >= 0, so a threshold T is a bias of -T.

Inputs are 0 and 1, weights small integers: every net is exact, in float32 too.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from deltarule import _validate
from deltarule._arguments import integer, number
from deltarule._quoting import quoted
from deltarule._typing import ArrayLike
from deltarule.construct.network import network
from deltarule.mlp import MLP
from deltarule.results import Array


def gate(weights: ArrayLike, threshold: float, dtype: str = "float64") -> MLP:
    """y = [w x >= T]: one unit, as the notes draw it, weights on edges and T in the circle.

    Parameters
    ----------
    weights : array-like, (n,)
        One per input.
    threshold : float
        T; the bias column is -T.
    dtype : str
        "float32" or "float64".

    Returns
    -------
    MLP
        Layers [n, 1].

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind, empty or not finite.
    """
    row = _validate.array(weights, "weights")
    if row.ndim != 1 or row.size == 0:
        raise ValueError(f"weights: shape {row.shape}; expected (n,), n >= 1")
    bias = 0.0 - number("threshold", threshold, lambda value: True, "a number")
    return network([np.append(row, bias)[None, :]], dtype=dtype)


def all_of(n: int, negated: Iterable[int] = (), dtype: str = "float64") -> MLP:
    """AND of n inputs, those in `negated` inverted: w = +1 or -1, T the number of plain ones.

    Parameters
    ----------
    n : int
        Inputs.
    negated : iterable of int
        Inputs that must be 0. `all_of(1, [0])` is NOT.
    dtype : str
        "float32" or "float64".

    Returns
    -------
    MLP
        Layers [n, 1].

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of range.
    """
    return network([all_row(_signs(n, negated))[None, :]], dtype=dtype)


def any_of(n: int, negated: Iterable[int] = (), dtype: str = "float64") -> MLP:
    """OR of n inputs, those in `negated` inverted: w = +1 or -1, T = 1 - (negated ones).

    Parameters
    ----------
    n, negated, dtype
        As `all_of` takes them; one 0 among `negated` is enough.

    Returns
    -------
    MLP
        Layers [n, 1].

    Raises
    ------
    TypeError, ValueError
        As `all_of` does.
    """
    return network([any_row(_signs(n, negated))[None, :]], dtype=dtype)


def at_least(k: int, n: int, dtype: str = "float64") -> MLP:
    """Fires where k or more of n inputs are 1: all w = 1, T = k.

    Parameters
    ----------
    k : int
        0 <= k <= n + 1; 0 always fires, n + 1 never.
    n : int
        Inputs.
    dtype : str
        "float32" or "float64".

    Returns
    -------
    MLP
        Layers [n, 1].

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of range.
    """
    n, k = integer("n", n, 1), integer("k", k, 0)
    if k > n + 1:
        raise ValueError(f"k: {quoted(k)}; expected an integer <= n + 1 = {quoted(n + 1)}")
    return gate(np.ones(n), k, dtype)


def majority(n: int, dtype: str = "float64") -> MLP:
    """Fires where more than half of n inputs are 1.

    Parameters
    ----------
    n : int
        Inputs.
    dtype : str
        "float32" or "float64".

    Returns
    -------
    MLP
        Layers [n, 1].

    Raises
    ------
    TypeError, ValueError
        If n is no integer >= 1.
    """
    return at_least(integer("n", n, 1) // 2 + 1, n, dtype)


def all_row(signs: Array) -> Array:
    """Weights, bias last, of a unit that fires where every +1 input is 1 and every -1 input 0.

    Only then does the sum reach the number of +1 inputs.
    """
    return np.append(signs, -np.count_nonzero(signs > 0)).astype(np.float64)


def any_row(signs: Array) -> Array:
    """Weights, bias last, of a unit that fires where a +1 input is 1 or a -1 input 0.

    If none is, the sum is minus the number of -1 inputs; otherwise it is larger.
    """
    return np.append(signs, np.count_nonzero(signs < 0) - 1).astype(np.float64)


def _signs(n: int, negated: Iterable[int]) -> Array:
    signs = np.ones(integer("n", n, 1))
    if not isinstance(negated, Iterable):
        raise TypeError(f"negated: {quoted(negated)}; expected input indices, such as [0]")
    for index in negated:
        at = integer("negated", index, 0)
        if at >= n:
            raise ValueError(f"negated: {quoted(at)}; expected input indices 0 ... {n - 1}")
        signs[at] = -1
    return signs
