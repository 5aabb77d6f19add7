# SPDX-License-Identifier: BSD-3-Clause
"""How good predictions are: a few numbers, and for classes one line each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from deltarule._typing import NDArray
from deltarule.metrics import labels, mean_absolute_error, mean_squared_error, r2
from deltarule.results import Array
from deltarule.table.target import Classes


@dataclass(frozen=True)
class ClassScore:
    """One class of an evaluation.

    Attributes
    ----------
    value : str, bool or int
        The class.
    rows : int
        That are of it.
    predicted : int
        Rows of which the model says so.
    right : int
        Rows where both are true.
    """

    value: Any
    rows: int
    predicted: int
    right: int

    @property
    def recall(self) -> float:
        """Share of its rows that are found; nan without rows."""
        return self.right / self.rows if self.rows else float("nan")

    @property
    def precision(self) -> float:
        """Share of the rows said to be of it that are; nan where none is."""
        return self.right / self.predicted if self.predicted else float("nan")


@dataclass(frozen=True)
class Evaluation:
    """What `TableModel.evaluate` returns.

    Attributes
    ----------
    rows : int
        That have a target.
    scores : dict of str to float
        "accuracy" and "cross_entropy" of classes; "mean_absolute_error", "r2" and
        "root_mean_squared_error" of numbers, in the target's units.
    classes : tuple of ClassScore
        Empty for numbers.
    """

    rows: int
    scores: dict[str, float]
    classes: tuple[ClassScore, ...] = ()


def of_classes(target: Classes, y: NDArray[np.int64], y_hat: Array) -> Evaluation:
    """Compare labels with probabilities.

    Parameters
    ----------
    target : Classes
        Which classes there are.
    y : array of int64, (n,)
        Labels.
    y_hat : array, (n, K)
        Probabilities; in the logarithm at least the smallest normal number.

    Returns
    -------
    Evaluation
    """
    said, K = labels(y_hat), target.n_outputs
    counts = [np.bincount(a, minlength=K).tolist() for a in (y, said, y[y == said])]
    classes = tuple(ClassScore(*row) for row in zip(target.values, *counts, strict=True))
    chosen = y_hat[np.arange(len(y)), y].astype(np.float64)
    entropy = -np.log(np.maximum(chosen, np.finfo(y_hat.dtype).tiny))
    scores = {"accuracy": float(np.mean(y == said)), "cross_entropy": float(np.mean(entropy))}
    return Evaluation(len(y), scores, classes)


def of_numbers(y: Array, values: Array) -> Evaluation:
    """Compare numbers.

    Parameters
    ----------
    y, values : array, (n,)
        Target and predictions, in its units.

    Returns
    -------
    Evaluation
    """
    columns = y[:, None], values[:, None]
    return Evaluation(
        len(y),
        {
            "mean_absolute_error": mean_absolute_error(*columns),
            "r2": r2(*columns),
            "root_mean_squared_error": float(np.sqrt(mean_squared_error(*columns))),
        },
    )
