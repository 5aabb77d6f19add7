# SPDX-License-Identifier: BSD-3-Clause
"""`TableModel` in files: the network's, with a section that says what its table was."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from deltarule.files import container
from deltarule.files.errors import Path, damaged, text_of
from deltarule.files.histories import history_of, history_parts
from deltarule.files.model import network_of, network_parts
from deltarule.files.replacing import check_place
from deltarule.table.encoder import Encoder
from deltarule.table.model import TableModel
from deltarule.table.settings import TUPLES, Settings
from deltarule.table.target import Classes, Quantity, Target
from deltarule.table.values import are, are_texts, require

TARGETS: dict[str, Any] = {kind.task: kind for kind in (Classes, Quantity)}


def save(model: TableModel, path: Path) -> None:
    """Write a model: see `TableModel.save`."""
    sections, tensors = network_parts("save", model.mlp.architecture, model.mlp.w)
    sections["history"], columns = history_parts(model.history)
    sections["table"] = {
        "encoder": model.encoder.state(),
        "task": model.target.task,
        "target": asdict(model.target),
        "settings": asdict(model.settings),
        "rows": list(model.n_rows),
        "scores": model.scores,
    }
    container.write(path, "table_model", sections, tensors | columns)


def load(path: Path) -> TableModel:
    """Read a model that `TableModel.save` wrote.

    Parameters
    ----------
    path : str, bytes or path
        The file.

    Returns
    -------
    TableModel

    Raises
    ------
    TypeError
        If path is none.
    FileNotFoundError, OSError
        If it cannot be read.
    FileFormatError
        If it is no such file, is damaged, or does not hold together.
    """
    contents = container.read(path, ("table_model",))
    named, sections, tensors = text_of(path), contents.sections, contents.tensors
    mlp = network_of(named, sections, tensors)
    history = history_of(named, sections.get("history"), tensors)
    try:
        state = sections["table"]
        encoder = Encoder.from_state(state["encoder"])
        target = _target(state["task"], state["target"])
        values: dict[str, Any] = {
            name: tuple(value) if name in TUPLES else value  # which JSON has not
            for name, value in state["settings"].items()
        }
        settings = Settings(**values)
        require(are_texts(*settings.drop, *settings.categories), settings)
        training, judging = state["rows"]
        require(are(int, training, judging), state["rows"])
        require(0 < training < 2**63 and 0 <= judging < 2**63, state["rows"])
        scores = dict(state["scores"])
        require(are_texts(*scores) and are(float, *scores.values()), scores)
        require(all(map(math.isfinite, scores.values())), scores)
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise damaged(named, f"its section of the table does not hold: {error!r}") from None
    if (len(encoder.features), target.n_outputs) != (mlp.layers[0], mlp.layers[-1]):
        given = f"{len(encoder.features)} features and {target.n_outputs} outputs"
        raise damaged(named, f"its table has {given}; expected those of layers {mlp.layers}")
    return TableModel(
        mlp, encoder, target, settings, history, (training, judging), scores, contents.versions
    )


def _target(task: str, state: dict[str, Any]) -> Target:
    values = {k: tuple(v) if k == "values" else v for k, v in state.items()}
    target: Target = TARGETS[task](**values)
    return target


def check_writable(path: str, inputs: Iterable[str | None] = ()) -> None:
    """Refuse, before a long training, a path that could or should not be written after it.

    Parameters
    ----------
    path : str
        The file to be.
    inputs : iterable of str or None
        Files that are read, which it must not replace.

    Raises
    ------
    ValueError
        If it names no file, or is one of the inputs.
    OSError
        If its folder is not there or not writable, or it is something else than a regular file.
    """
    folder = os.path.dirname(os.path.realpath(path))
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"{path!r}: no directory {folder!r}")
    for given in inputs:
        with suppress(OSError):  # one is not there
            if given is not None and os.path.samefile(path, given):
                raise ValueError(f"output: {path!r} is the input {given!r}; expected another file")
    check_place(path)
