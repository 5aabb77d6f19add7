# SPDX-License-Identifier: BSD-3-Clause
"""X, Y and sample weights as float64 arrays, with the checks of values that the core makes."""

from __future__ import annotations

import numpy as np

from deltarule import _validate
from deltarule.architecture import Architecture
from deltarule.oracle.activations import Float64


def float_features(X: object, net: Architecture) -> Float64:
    """Return X (n, H_0) as float64.

    Parameters
    ----------
    X : array-like, (n, H_0)
        As the user gave it.
    net : Architecture
        Tells H_0.

    Returns
    -------
    array, (n, H_0)

    Raises
    ------
    TypeError
        If it holds no real numbers.
    ValueError
        If its shape is wrong or a number is not finite.
    """
    return _validate.finite(_validate.features(X, net), "X", np.float64)


def float_targets(Y: object, net: Architecture) -> Float64:
    """Return Y as float64 (n, K); labels become one-hot rows, y_j = [j = label].

    Parameters
    ----------
    Y : array-like, (n, K) or (n,)
        As the user gave it.
    net : Architecture
        Tells K and the loss.

    Returns
    -------
    array, (n, K)

    Raises
    ------
    TypeError
        If it holds no real numbers.
    ValueError
        If its shape is wrong, a label is not one of 0 .. K-1, a number is not finite, or a target
        of a cross-entropy lies outside [0, 1].
    """
    given = _validate.judged(_validate.targets(Y, net), net, np.float64)
    if given.ndim == 1 and net.loss == "cross_entropy":
        return np.eye(net.n_outputs)[given.astype(np.int64)]
    return given.astype(np.float64).reshape(len(given), net.n_outputs)


def float_weights(sample_weight: object, n: int, net: Architecture) -> Float64 | None:
    """Return sample weights as float64 (n,), or None.

    Parameters
    ----------
    sample_weight : array-like, (n,), or None
        As the user gave it.
    n : int
        Number of rows.
    net : Architecture
        Tells the dtype in which weights must be 0 or normal.

    Returns
    -------
    array, (n,), or None

    Raises
    ------
    TypeError
        If it holds no real numbers.
    ValueError
        If its shape is wrong, a weight is negative or not finite, or all are 0.
    """
    s = _validate.sample_weight(sample_weight, n)
    return None if s is None else _validate.judged_weights(s, net.dtype)
