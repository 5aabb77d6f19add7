# SPDX-License-Identifier: BSD-3-Clause
"""X, Y and sample weights as float64 arrays, with the checks of values that the core makes."""

from __future__ import annotations

from typing import Any

import numpy as np

from deltarule import _validate
from deltarule._typing import NDArray
from deltarule.architecture import Architecture
from deltarule.given import Given
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
    """Return Y as float64 (n, columns), as the loss takes it.

    Labels become one-hot rows, y_j = [j = label], or 1 and -1 for a hinge; one column may serve all
    outputs; label smoothing takes its share.

    Parameters
    ----------
    Y : array-like, (n, columns) or (n,)
        As the user gave it.
    net : Architecture
        Tells K and the loss.

    Returns
    -------
    array, (n, columns)

    Raises
    ------
    TypeError
        If it holds no real numbers.
    ValueError
        If its shape is wrong, a label is not one of 0 .. K-1, a number is not finite, or is none
        that the loss takes.
    """
    targets: Any = _validate.targets(Y, net)
    if isinstance(targets, Given):
        return targets  # type: ignore[return-value]  # the losses alone look into it
    given = _validate.judged(targets, net, np.float64)
    return np.asarray(targets_as(given, net, np.float64))


def targets_as(Y: NDArray[Any], net: Architecture, dtype: Any) -> NDArray[Any]:
    """Return valid targets as the loss takes them, every operation in this dtype."""
    labels = Y.ndim == 1 and net.takes_labels
    if labels:
        y = np.eye(net.n_outputs, dtype=dtype)[Y.astype(np.int64)]
    else:
        y = np.broadcast_to(Y.astype(dtype).reshape(len(Y), -1), (len(Y), net.n_targets))
    return np.asarray(net.chosen_loss.standardised(y, labels, net.n_outputs))


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
