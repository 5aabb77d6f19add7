# SPDX-License-Identifier: BSD-3-Clause
"""X and Y as float64 arrays, with the checks of values that the native core makes on gather."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

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
    return _finite("X", _validate.features(X, net).astype(np.float64))


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
    given = _validate.targets(Y, net)
    if given.ndim == 1 and net.loss == "cross_entropy":
        row = _first_row((given < 0) | (given >= net.n_outputs))
        if row is not None:
            raise ValueError(
                f"Y: row {row} holds label {given[row]}; expected 0 ... {net.n_outputs - 1}"
            )
        return np.eye(net.n_outputs)[given.astype(np.int64)]
    y = _finite("Y", given.astype(np.float64)).reshape(len(given), net.n_outputs)
    row = _first_row((y < 0) | (y > 1))
    if row is not None and net.loss != "half_squared_error":
        raise ValueError(
            f"Y: row {row} holds a value outside [0, 1]; expected probabilities for {net.loss}"
        )
    return y


def _finite(name: str, values: Float64) -> Float64:
    row = _first_row(~np.isfinite(values))
    if row is not None:
        raise ValueError(
            f"{name}: row {row} holds nan or infinity (as float64); expected finite numbers"
        )
    return values


def _first_row(bad: NDArray[np.bool_]) -> int | None:
    rows = np.flatnonzero(bad.reshape(len(bad), -1).any(axis=1))
    return int(rows[0]) if rows.size else None
