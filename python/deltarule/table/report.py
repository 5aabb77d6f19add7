# SPDX-License-Identifier: BSD-3-Clause
"""Models, trainings and evaluations as texts for people, and as JSON."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

from deltarule.files import container, read_history
from deltarule.files.errors import Path
from deltarule.history import History
from deltarule.info import align, summary
from deltarule.mlp import MLP
from deltarule.table.evaluation import Evaluation
from deltarule.table.notes import rows, some
from deltarule.table.settings import Settings

SHOWN_EPOCHS = 8
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
    lines.append(f"{len(history)} epochs: {ended}{_best(history)}")
    if model.scores:
        lines.append(f"on the {rows(judged)} to judge by: {_scores(model.scores)}")
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


def inspection(path: Path) -> list[str]:
    """Return what a model file holds, of whichever kind, as lines."""
    contents = container.read(path)
    lines = [_versions(contents.kind, contents.versions)]
    history = read_history(path)
    if contents.kind == "table_model":
        lines += _of_table(path)
    elif "architecture" in contents.sections:
        from deltarule.files import load

        lines += ["", *_network(load(path))]
    else:
        lines.append(f"{len(contents.tensors)} arrays")
    if history is not None and len(history):
        lines += ["", *_history(history)]
    return lines


def inspection_json(path: Path) -> dict[str, Any]:
    """Return what a model file holds, its arrays left out, as plain values."""
    contents = container.read(path)
    history = read_history(path)
    epochs = {} if history is None else {k: v for k, v in asdict(history).items() if v}
    tensors = {
        name: {"shape": list(a.shape), "dtype": str(a.dtype)}
        for name, a in contents.tensors.items()
    }
    sections = {k: v for k, v in contents.sections.items() if k != "history"}
    return {
        "kind": contents.kind, **contents.versions, **sections, "history": epochs,
        "tensors": tensors,
    }  # fmt: skip


def _versions(kind: str, versions: dict[str, Any]) -> str:
    by = versions.get("deltarule")
    written = f"written by deltarule {by}, " if by else ""
    numbers = f"schema {versions['schema']}, numerics contract {versions['numerics_contract']}"
    return f"{kind.replace('_', ' ')}: {written}{numbers}"


def _of_table(path: Path) -> list[str]:
    from deltarule.table.storage import load

    model = load(path)
    target, encoder = model.target, model.encoder
    lines = [f"target {target.name!r}: {target.task}, {target}", ""]
    table = [("column", "inputs", "what it became")]
    for column in encoder.columns:
        table.append((column.name, str(len(column.features)), str(column)))
    lines += align(table, "<><")
    if encoder.constant:
        lines.append(f"left out, all values equal: {some(list(encoder.constant))}")
    lines += ["", *_network(model.mlp), ""]
    lines.append(f"settings: {_chosen(model.settings)}")
    lines.append(f"rows: {model.n_rows[0]:,} to train on, {model.n_rows[1]:,} to judge by")
    if model.scores:
        lines.append(f"on the latter: {_scores(model.scores)}")
    return lines


def _chosen(settings: Settings) -> str:
    """Return the settings that are not the defaults."""
    chosen = []
    for field in fields(Settings):
        value = getattr(settings, field.name)
        if value != field.default:
            text = ",".join(map(str, value)) if isinstance(value, tuple) else value
            chosen.append(f"{field.name} {text}")
    return "; ".join(chosen) or "all as they are by default"


def _columns(encoder: Any) -> str:
    kinds = [column.what for column in encoder.columns]
    numbers, categories = kinds.count("number"), kinds.count("category")
    return f"columns: numbers {numbers}, categories {categories}"


def _scores(scores: dict[str, float]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value:.6g}" for name, value in scores.items())


def _network(mlp: MLP) -> list[str]:
    return str(summary(mlp.architecture)).splitlines()


def _history(history: History) -> list[str]:
    """The first epochs, some between, the last, and the best."""
    n = len(history)
    shown = {round(1 + i * (n - 1) / (SHOWN_EPOCHS - 1)) for i in range(SHOWN_EPOCHS)} | {n}
    if history.best_epoch:
        shown.add(history.best_epoch)
    columns = {"loss": history.loss, "judged loss": history.validation_loss, **history.metrics}
    columns = {name: values for name, values in columns.items() if len(values) == n}
    table = [("epoch", *columns)]
    for epoch in sorted(shown):
        best = " *" if epoch == history.best_epoch else ""
        numbers = (f"{values[epoch - 1]:.6g}" for values in columns.values())
        table.append((f"{epoch}{best}", *numbers))
    lines = align(table, "<" + ">" * len(columns))
    ended = STOPPED.get(history.stopped_by or "", history.stopped_by or "an exception")
    return [*lines, f"ended: {ended}{_best(history)}"]


def _best(history: History) -> str:
    return f"; the best was epoch {history.best_epoch}" if history.best_epoch else ""
