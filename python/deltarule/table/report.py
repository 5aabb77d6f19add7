# SPDX-License-Identifier: BSD-3-Clause
"""Trainings and evaluations as texts for people, and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deltarule.history import History
from deltarule.info import align
from deltarule.table.notes import rows, some

if TYPE_CHECKING:  # pyarrow's, which inspecting a network does without
    from deltarule.table.evaluation import Evaluation

STOPPED = {
    "early_stopping": "no improvement any more",
    "epochs": "all epochs taken",
    "max_seconds": "the time was over",
}


def training(model: Any) -> list[str]:
    """Return what `deltarule fit` says when it is done."""
    encoder, history = model.encoder, model.history
    trained, judged = model.n_rows
    lines = [
        f"target {model.target.name!r}: {model.target.task}, {model.target}",
        f"{rows(trained)} to train on, {judged:,} to judge by",
        f"{_columns(encoder)} -> {len(encoder.features)} inputs",
    ]
    if encoder.constant:
        lines.append(f"left out, all values equal: {some(list(encoder.constant))}")
    ended = STOPPED.get(history.stopped_by, history.stopped_by)
    lines.append(f"{len(history)} epochs: {ended}{best_epoch(history)}")
    if model.scores:
        lines.append(f"on the {rows(judged)} to judge by: {scores_text(model.scores)}")
    return lines


def evaluation(result: Evaluation) -> list[str]:
    """Return an evaluation as lines: scores, then a line for each class."""
    lines = [f"{'rows':<24} {result.rows:,}"]
    lines += [f"{name.replace('_', ' '):<24} {v:.6g}" for name, v in result.scores.items()]
    if result.classes:
        table = [("class", "rows", "predicted", "precision", "recall")]
        for one in result.classes:
            counts = str(one.rows), str(one.predicted)
            table.append((str(one.value), *counts, f"{one.precision:.4f}", f"{one.recall:.4f}"))
        lines += ["", *align(table, "<>>>>")]
    return lines


def evaluation_json(result: Evaluation) -> dict[str, Any]:
    """Return an evaluation as plain values; null where there is no number."""
    classes = [
        {"class": one.value, "rows": one.rows, "predicted": one.predicted, "right": one.right}
        for one in result.classes
    ]
    return {"rows": result.rows, **result.scores} | ({"classes": classes} if classes else {})


def _columns(encoder: Any) -> str:
    kinds = [column.what for column in encoder.columns]
    numbers, categories = kinds.count("number"), kinds.count("category")
    return f"columns: numbers {numbers}, categories {categories}"


def scores_text(scores: dict[str, float]) -> str:
    """Return scores in one line."""
    return ", ".join(f"{name.replace('_', ' ')} {value:.6g}" for name, value in scores.items())


def best_epoch(history: History) -> str:
    """Return what there is to say of the best epoch, after other words."""
    return f"; the best was epoch {history.best_epoch}" if history.best_epoch else ""
