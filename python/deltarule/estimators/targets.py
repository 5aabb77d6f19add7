# SPDX-License-Identifier: BSD-3-Clause
"""From the loss that an estimator is given to the core's, its outputs and its targets."""

from __future__ import annotations

from typing import Any

import numpy as np

from deltarule import losses
from deltarule.architecture import OUTPUTS
from deltarule.results import Array

CROSS_ENTROPIES = ("log_loss", "cross_entropy", "binary_cross_entropy")
REGRESSIONS = {"squared_error": "half_squared_error", "absolute_error": "absolute"}
SHOWN = {"exponential": "exp"}  # scikit-learn's names of activations that are ours by another


def core_output(shown: str) -> str:
    """Return the core's name of `out_activation_`."""
    return next((ours for ours, theirs in SHOWN.items() if theirs == shown), shown)


def of_classes(loss: Any, several: bool) -> tuple[Any, str]:
    """Return the core's loss and the output's activation of a classifier.

    Parameters
    ----------
    loss : str or callable
        As the estimator takes it.
    several : bool
        Whether one of several classes is meant, not the first or second of two, once or more.
    """
    right = "cross_entropy" if several else "binary_cross_entropy"
    if isinstance(loss, str):
        name, bracket, rest = loss.partition("(")
        if name.strip() in CROSS_ENTROPIES:
            loss = right + bracket + rest
    if not callable(loss) and losses.read(loss).row.one_against_rest:
        return loss, "identity"  # a margin has no probabilities
    allowed = OUTPUTS.get(losses.read(loss).name, ("softmax", "logistic"))
    wanted = "softmax" if several else "logistic"
    return loss, wanted if wanted in allowed else allowed[0]


def of_numbers(loss: Any) -> tuple[Any, str]:
    """Return the core's loss and the output's activation of a regressor."""
    loss = REGRESSIONS.get(loss, loss) if isinstance(loss, str) else loss
    output = OUTPUTS.get(losses.read(loss).name, ("identity",))[0]
    return loss, SHOWN.get(output, output)


def encoded(loss: Any, Y: Array, n_classes: int) -> Array:
    """Return class numbers (n,), or rows of 0 and 1, as this loss of the core takes them."""
    if callable(loss):
        return Y
    row = losses.read(loss).row
    if Y.ndim == 1 and not row.labels:
        Y = np.eye(n_classes)[Y]
    if Y.ndim == 2 and row.one_against_rest:
        Y = 2 * Y - 1
    return Y


def cut(loss: Any) -> float:
    """Return above what a single output says yes."""
    return 0.5 if callable(loss) else float(losses.read(loss).row.cut)


def n_outputs(loss: Any, columns: int) -> int:
    """Return the outputs of a regression on so many columns."""
    if callable(loss):
        return columns
    chosen = losses.read(loss)
    if chosen.name == "quantile" and columns == 1:
        return len(chosen.specification.values)
    return columns * chosen.row.columns
