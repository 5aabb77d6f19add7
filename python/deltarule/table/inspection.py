# SPDX-License-Identifier: BSD-3-Clause
"""What a model file holds, of whichever kind, as a text for people and as JSON."""

from __future__ import annotations

import math
from dataclasses import asdict, fields
from typing import Any

from deltarule.files import container, load, read_history
from deltarule.files.errors import Path, text_of
from deltarule.files.model import architecture_of
from deltarule.history import History
from deltarule.info import align, call, summary
from deltarule.mlp import MLP
from deltarule.table.notes import some
from deltarule.table.report import STOPPED, best_epoch, scores_text
from deltarule.table.settings import Settings

SHOWN_EPOCHS = 8


def inspection(path: Path) -> list[str]:
    """Return what a model file holds, of whichever kind, as lines."""
    contents = container.read(path)
    lines = [_versions(contents.kind, contents.versions)]
    history = read_history(path)
    lines += OF_KIND[contents.kind](path, contents.sections)
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
        "kind": contents.kind, **contents.versions, **sections, "history": _finite(epochs),
        "tensors": tensors,
    }  # fmt: skip


def _finite(values: Any) -> Any:
    """The same with null for numbers that JSON has not."""
    if isinstance(values, dict):
        return {name: _finite(value) for name, value in values.items()}
    if isinstance(values, list | tuple):
        return [_finite(value) for value in values]
    return None if isinstance(values, float) and not math.isfinite(values) else values


def _versions(kind: str, versions: dict[str, Any]) -> str:
    by = versions.get("deltarule")
    written = f"written by deltarule {by}, " if by else ""
    numbers = f"schema {versions['schema']}, numerics contract {versions['numerics_contract']}"
    return f"{kind.replace('_', ' ')}: {written}{numbers}"


def _of_model(path: Path, sections: dict[str, Any]) -> list[str]:
    return ["", *_network(load(path))]


def _of_trainer(path: Path, sections: dict[str, Any]) -> list[str]:
    from deltarule.files.training import load as load_trainer

    trainer = load_trainer(path)
    state = sections["trainer"]["state"]
    done = f"{state['epochs']:,} epochs, {state['steps']:,} steps taken"
    rule = f"{trainer.optimizer}, batches of {trainer.batch_size or 'all rows'}"
    return ["", *_network(trainer.mlp), "", f"{rule}: {done}"]


def _of_ensemble(path: Path, sections: dict[str, Any]) -> list[str]:
    members = [architecture_of(text_of(path), one["architecture"]) for one in sections["members"]]
    return [f"{len(members)} networks", "", *(call(net) for net in members)]


def _of_table(path: Path, sections: dict[str, Any]) -> list[str]:
    from deltarule.table.storage import load as load_table

    model = load_table(path)
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
        lines.append(f"on the latter: {scores_text(model.scores)}")
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
    ended = STOPPED.get(history.stopped_by or "", history.stopped_by or "unfinished")
    return [*lines, f"ended: {ended}{best_epoch(history)}"]


OF_KIND = {
    "model": _of_model,
    "trainer": _of_trainer,
    "checkpoint": _of_trainer,
    "ensemble": _of_ensemble,
    "table_model": _of_table,
}
