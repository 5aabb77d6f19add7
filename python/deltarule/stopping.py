# SPDX-License-Identifier: BSD-3-Clause
"""`EarlyStopping`: when a score that no longer improves ends a training, as a declaration."""

from __future__ import annotations

from dataclasses import dataclass

from deltarule._arguments import choice, integer, number
from deltarule.metrics import METRICS, Metric, greater_is_better, metric_name

RESTORES = ("best", "last_best")


@dataclass(frozen=True)
class EarlyStopping:
    """Stop when a score has not improved for some epochs: `fit(stopping=EarlyStopping(...))`.

    Parameters
    ----------
    metric : str or callable
        "loss": of the validation data, or, where there are none, the training's. Otherwise of the
        validation data, as `MLP.evaluate` takes it: "accuracy", "mean_absolute_error",
        "mean_squared_error", "r2", or a function of Y and y_hat (and of weights, if given).
    patience : int
        Stop after so many epochs in a row without improvement, >= 1.
    min_improvement : float
        An epoch improves on the score that the last improvement left if it is better by more than
        this, >= 0.
    greater_is_better : bool, optional
        None: known of a name. Of a function it must be said.
    restore : "best", "last_best" or None
        Which weights the network has when the training is over, for whatever reason but an
        exception: those of the epoch with the best score ("best": the first of equal ones,
        "last_best": the last of them), or None: the last epoch's.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit.

    Notes
    -----
    A score that is nan never improves and is never best. The best score decides what is restored,
    by however little it is better; `min_improvement` decides only how long to wait.
    """

    metric: str | Metric = "loss"
    patience: int = 10
    min_improvement: float = 0.0
    greater_is_better: bool | None = None
    restore: str | None = "best"

    def __post_init__(self) -> None:
        if not callable(self.metric):
            choice("metric", self.metric, ("loss", *METRICS))
        greater = greater_is_better(self.metric, self.greater_is_better)
        object.__setattr__(self, "greater_is_better", greater)
        object.__setattr__(self, "patience", integer("patience", self.patience, 1))
        gain = number("min_improvement", self.min_improvement, lambda v: v >= 0, "a number >= 0")
        object.__setattr__(self, "min_improvement", gain)
        if self.restore is not None:
            choice("restore", self.restore, RESTORES)

    @property
    def name(self) -> str:
        """Of the metric, as the history has it."""
        return metric_name(self.metric)
