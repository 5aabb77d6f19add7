# SPDX-License-Identifier: BSD-3-Clause
"""What is looked at after each epoch: validation data, metrics, records. Each fills its entries."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from deltarule._quoting import quoted
from deltarule.architecture import Architecture
from deltarule.evaluation import checked
from deltarule.held_out import HeldOut
from deltarule.metrics import Metric, metric_name
from deltarule.results import Array

if TYPE_CHECKING:
    from deltarule.training_loop import Judge, Run


def of_validation(held_out: HeldOut) -> Judge:
    """Return the judge of the validation loss, which tells the schedules that watch it."""

    def judge(run: Run) -> dict[str, Any]:
        loss = held_out.loss()
        if run.trainer.watches_validation:
            if not math.isfinite(loss):
                raise FloatingPointError(
                    f"the validation loss is {loss} after epoch {run.trainer.n_epochs}; expected a "
                    "finite number, for a schedule watches it"
                )
            run.trainer.observe(loss)
        return {"validation_loss": loss}

    return judge


def of_metrics(held_out: HeldOut, metrics: dict[str, str | Metric]) -> Judge:
    """Return the judge of these metrics of the validation data."""

    def judge(run: Run) -> dict[str, Any]:
        return {"metrics": held_out.scores(metrics)}

    return judge


def of_records(
    records: tuple[str, ...], x: Array, y: Array, s: Array | None, n_threads: int | None
) -> Judge:
    """Return the judge of gradient norms and saturation over the rows that train."""
    from deltarule.records import gradient_norms, saturation  # an import costs 1 ms

    # Rows of weight 0 train nothing and may hold anything.
    shown = x if s is None or np.all(s) or "saturation" not in records else x[s != 0]

    def judge(run: Run) -> dict[str, Any]:
        entries: dict[str, Any] = {}
        if "gradient_norm" in records:
            entries["gradient_norm"] = gradient_norms(run.mlp, x, y, n_threads, s)
        if "saturation" in records:
            entries["saturated"] = saturation(run.mlp, shown, n_threads)
        return entries

    return judge


def requested(metrics: object, net: Architecture) -> dict[str, str | Metric]:
    """Return metrics by name: a name, a function or several.

    Parameters
    ----------
    metrics : object
        As the user gave them.
    net : Architecture
        Whose outputs they must suit.

    Returns
    -------
    dict of str to (str or callable)

    Raises
    ------
    TypeError, ValueError
        If one is unknown, does not suit the outputs, or two have the same name.
    """
    if metrics is None:
        return {}
    several = isinstance(metrics, list | tuple | set | frozenset)
    if not (several or isinstance(metrics, str) or callable(metrics)):
        raise TypeError(
            f"metrics: {quoted(metrics)} of type {type(metrics).__name__}; expected names of "
            "metrics, functions of Y and y_hat, or several of them"
        )
    given: Any = metrics if several else (metrics,)
    if isinstance(given, set | frozenset):  # whose order changes from process to process
        given = sorted(given, key=metric_name)
    found: dict[str, str | Metric] = {}
    for metric in given:
        one = checked(metric, net, "metrics")
        name = metric_name(one)
        if found.setdefault(name, one) is not one:
            raise ValueError(f"metrics: two functions named {name!r}; expected different names")
    found.pop("loss", None)  # it is in the history anyway
    return found
