# SPDX-License-Identifier: BSD-3-Clause
"""Metrics of a network's predictions: what `evaluate` returns, and what `fit` judges epochs by."""

from __future__ import annotations

from typing import Any

import numpy as np

from deltarule import _validate
from deltarule._arguments import choice, number
from deltarule._typing import ArrayLike
from deltarule.architecture import Architecture
from deltarule.metrics import METRICS, Metric, accuracy, metric_name
from deltarule.protocols import Network
from deltarule.results import Array


def evaluate(
    mlp: Network,
    X: ArrayLike,
    Y: ArrayLike,
    metric: str | Metric,
    n_threads: int | None = None,
    sample_weight: ArrayLike | None = None,
) -> float:
    """metric(Y, y_hat), with y_hat = predict(X): see `Fittable.evaluate`."""
    net = mlp.architecture
    metric = checked(metric, net)
    if metric == "loss":
        x, y = _validate.data(X, Y, net)
        return mlp.loss(x, y, n_threads, _validate.sample_weight(sample_weight, len(x)))
    x, y, s = _validate.weighted_rows(X, Y, mlp, sample_weight)
    y_hat = mlp.predict(x, n_threads)
    return score(metric, net, _validate.judged(y, net, y_hat.dtype), y_hat, s)


def checked(metric: object, net: Architecture, name: str = "metric") -> str | Metric:
    """Return the metric, if it is a callable or a name that suits the network's outputs."""
    if callable(metric):
        return metric
    metric = choice(name, metric, ("loss", *METRICS))
    if metric == "accuracy":
        check_classes("accuracy", net)
    return metric


def taken(
    x: Array, y: Array, s: Array | None, net: Architecture
) -> tuple[Array, Array, Array | None]:
    """Return the rows of weight > 0: a metric sees no other."""
    if s is None:
        return x, y, s
    rows = _validate.judged_weights(s, net.dtype) > 0
    return x[rows], y[rows], s[rows]


def score(
    metric: str | Metric, net: Architecture, y: Array, y_hat: Array, s: Array | None
) -> float:
    """metric(y, y_hat) of targets that have been judged; any metric but the loss."""
    if callable(metric):
        value = metric(y, y_hat) if s is None else metric(y, y_hat, s)
        return _as_number(metric_name(metric), value)
    y, y_hat = net.chosen_loss.compared(y, y_hat)
    if metric == "accuracy":
        return accuracy(y, y_hat, s, net.chosen_loss.row.cut)
    return float(METRICS[metric](y, y_hat, s))


def check_classes(name: str, net: Architecture) -> None:
    """Refuse outputs that decide for no class."""
    output = net.activations[-1]
    if not net.chosen_loss.row.classes:
        raise ValueError(f"{name}: the outputs of loss={net.loss!r} are no classes'")
    decides = output in ("logistic", "threshold") or net.chosen_loss.row.one_against_rest
    if net.n_outputs == 1 and not decides:
        expected = "logistic or threshold, or several"
        raise ValueError(f"{name}: one {output} output; expected {expected}")


def _as_number(name: str, value: Any) -> float:
    """Return what a metric returned as a float; nan and infinities are allowed."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if isinstance(value, float | np.floating):
        return float(value)
    return number(f"metric {name}", value, lambda _: True, "a number")
