# SPDX-License-Identifier: BSD-3-Clause
"""The entries of a history as flat rows: for tables, logs and lines of text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deltarule.history import History

PLAIN = ("loss", "validation_loss", "eta", "seconds", "samples_per_second")
BY_LAYER = ("gradient_norm", "saturated")


def entry(history: History, i: int) -> dict[str, float]:
    """Return what is known of epoch i + 1, by column: one number each.

    Parameters
    ----------
    history : History
        Of some epochs.
    i : int
        0 ... or from the end, -1 ...

    Returns
    -------
    dict of str to float
        "epoch" from 1; "loss" and the other lists; metrics by their names, or as "metric NAME"
        where one has the name of another column; "gradient_norm[k]" and "saturated[k]".

    Raises
    ------
    IndexError
        If there is no such epoch.
    """
    n = len(history)
    if not -n <= i < n:
        known = f"expected one of {n} epochs, {-n} to {n - 1}" if n else "there are no epochs"
        raise IndexError(f"i: {i}; {known}")
    row: dict[str, float] = {"epoch": range(1, n + 1)[i]}
    for name in PLAIN:
        if values := getattr(history, name):
            row[name] = values[i]
    for name, values in history.metrics.items():
        row[f"metric {name}" if name in row or name in PLAIN else name] = values[i]
    for name in BY_LAYER:
        if values := getattr(history, name):
            row |= {f"{name}[{k}]": value for k, value in enumerate(values[i])}
    return row


def frame(history: History) -> Any:
    """Return `History.to_frame`'s table."""
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError("History.to_frame needs pandas: pip install pandas") from error
    rows = [entry(history, i) for i in range(len(history))]
    return pd.DataFrame(rows, columns=None if rows else ["epoch", "loss"]).set_index("epoch")


def last_score(history: History, metric: str) -> float:
    """Return the last epoch's metric, as `scores` has it."""
    return scores(history, metric)[-1]


def scores(history: History, metric: str) -> list[float]:
    """Return a metric of every epoch; "loss" is the validation loss where there is one.

    Raises
    ------
    ValueError
        If the history has no such metric.
    """
    if metric == "loss":
        return history.validation_loss or history.loss
    if metric not in history.metrics:
        known = ", ".join(map(repr, ("loss", *history.metrics)))
        raise ValueError(f"metric: {metric!r}; expected {known}, or more of fit's metrics")
    return history.metrics[metric]
