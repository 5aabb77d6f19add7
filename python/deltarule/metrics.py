# SPDX-License-Identifier: BSD-3-Clause
"""Metrics for `MLP.evaluate`: plain functions of Y, y_hat and sample weights, in float64.

Each takes Y as it was given, (n,) or (n, K), and y_hat (n, K) as `predict` returns it, and the
weights where there are some; a function of one's own with the same arguments works as well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from deltarule._modes import in_default_modes
from deltarule._quoting import quoted
from deltarule._typing import NDArray
from deltarule.results import Array

Metric = Callable[..., float]  # (Y, y_hat), or (Y, y_hat, sample_weight)


def labels(y_hat: Array, cut: float = 0.5) -> NDArray[np.int64]:
    """argmax_j y_hat_ij; for a single output, whether y_hat_i >= cut.

    Parameters
    ----------
    y_hat : array, (n, K)
        Outputs, or one-hot targets.
    cut : float
        1/2 for probabilities, 0 for outputs and targets between -1 and 1.

    Returns
    -------
    array of int64, (n,)
        The first of equal outputs counts.
    """
    if y_hat.shape[1] == 1:
        return (y_hat[:, 0] >= cut).astype(np.int64)
    return np.asarray(np.argmax(y_hat, axis=1), dtype=np.int64)


@in_default_modes
def accuracy(Y: Array, y_hat: Array, sample_weight: Array | None = None, cut: float = 0.5) -> float:
    """(1/S) sum_i s_i [label_i = predicted label_i].

    Parameters
    ----------
    Y : array, (n,) or (n, K)
        Labels, or targets of which `labels` takes the largest.
    y_hat : array, (n, K)
        Outputs.
    sample_weight : array, (n,), optional
        s_i of each row; None: 1 each.
    cut : float
        As for `labels`.

    Returns
    -------
    float
        Between 0 and 1.
    """
    expected = Y if Y.ndim == 1 and y_hat.shape[1] > 1 else labels(_columns(Y), cut)
    return float(_mean(expected == labels(y_hat, cut), sample_weight))


@in_default_modes
def mean_squared_error(Y: Array, y_hat: Array, sample_weight: Array | None = None) -> float:
    """(1/(S K)) sum_ij s_i (y_ij - y_hat_ij)^2.

    Parameters
    ----------
    Y : array, (n,) or (n, K)
        Targets.
    y_hat : array, (n, K)
        Outputs.
    sample_weight : array, (n,), optional
        s_i of each row; None: 1 each.

    Returns
    -------
    float
    """
    return _mean_of_all(_residual(Y, y_hat) ** 2, sample_weight)


@in_default_modes
def mean_absolute_error(Y: Array, y_hat: Array, sample_weight: Array | None = None) -> float:
    """(1/(S K)) sum_ij s_i |y_ij - y_hat_ij|.

    Parameters
    ----------
    Y : array, (n,) or (n, K)
        Targets.
    y_hat : array, (n, K)
        Outputs.
    sample_weight : array, (n,), optional
        s_i of each row; None: 1 each.

    Returns
    -------
    float
    """
    return _mean_of_all(np.abs(_residual(Y, y_hat)), sample_weight)


@in_default_modes
def r2(Y: Array, y_hat: Array, sample_weight: Array | None = None) -> float:
    """1 - sum_i s_i (y_ij - y_hat_ij)^2 / sum_i s_i (y_ij - mean_j)^2, averaged over outputs j.

    Parameters
    ----------
    Y : array, (n,) or (n, K)
        Targets.
    y_hat : array, (n, K)
        Outputs.
    sample_weight : array, (n,), optional
        s_i of each row; None: 1 each.

    Returns
    -------
    float
        1 is perfect, 0 as good as the mean. An output whose targets are all equal counts as 1
        where it is met exactly, else as 0.
    """
    y = _columns(Y)
    unexplained = _sum(_residual(Y, y_hat) ** 2, sample_weight)
    total = _sum((y - _mean(y, sample_weight)) ** 2, sample_weight)
    constant = np.all(y == y[0], axis=0)  # their mean may be off by a rounding, and total not 0
    share = unexplained / np.where(constant, 1.0, total)
    return float(np.mean(np.where(constant, unexplained == 0, 1.0 - share)))


METRICS: dict[str, Metric] = {
    "accuracy": accuracy,
    "mean_absolute_error": mean_absolute_error,
    "mean_squared_error": mean_squared_error,
    "r2": r2,
}
SMALLER_IS_BETTER = ("loss", "mean_absolute_error", "mean_squared_error")


def greater_is_better(metric: object, given: object = None) -> bool:
    """Return what was given, or what is known of a metric's name.

    Raises
    ------
    TypeError, ValueError
        If it is neither True, False nor None, or None of what is not known.
    """
    if given is not None and not isinstance(given, bool):
        raise TypeError(f"greater_is_better: {quoted(given)}; expected True, False or None")
    if given is None and metric not in ("loss", *METRICS):
        raise ValueError(
            "greater_is_better: None; expected True or False for a metric that is not ours"
        )
    return metric not in SMALLER_IS_BETTER if given is None else given


def metric_name(metric: str | Metric) -> str:
    """Its name; of a function `__name__`, of another object that of its class."""
    if isinstance(metric, str):
        return metric
    return str(getattr(metric, "__name__", type(metric).__name__))


def _sum(rows: NDArray[Any], s: Array | None) -> NDArray[Any]:
    return np.asarray(np.sum(rows, axis=0) if s is None else s @ rows)


def _mean(rows: NDArray[Any], s: Array | None) -> NDArray[Any]:
    return np.asarray(np.mean(rows, axis=0) if s is None else np.average(rows, axis=0, weights=s))


def _mean_of_all(rows: NDArray[Any], s: Array | None) -> float:
    return float(np.mean(rows if s is None else _mean(rows, s)))


def _columns(Y: Array) -> NDArray[Any]:
    return (Y[:, None] if Y.ndim == 1 else Y).astype(np.float64)


def _residual(Y: Array, y_hat: Array) -> NDArray[Any]:
    y = _columns(Y)
    if y.shape != y_hat.shape:
        raise ValueError(
            f"Y: shape {Y.shape}; expected targets {y_hat.shape} for this metric, as y_hat has"
        )
    return y - y_hat.astype(np.float64)
