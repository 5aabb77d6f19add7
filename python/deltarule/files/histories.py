# SPDX-License-Identifier: BSD-3-Clause
"""Histories in files: each list of numbers a tensor of float64, the rest a section.

Which lists there are is `History`'s own business: its fields are asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from deltarule._quoting import quoted
from deltarule.entries import BY_LAYER
from deltarule.files import container
from deltarule.files.errors import Path, damaged, text_of
from deltarule.history import History
from deltarule.results import Array

PREFIX = "history."


def history_parts(history: History) -> tuple[dict[str, Any], dict[str, Array]]:
    """Return the section and the tensors that hold a history.

    Parameters
    ----------
    history : History
        Of a `fit`. Lists of numbers, or of tuples of as many numbers each, become
        tensors; a dict of lists numbers its lists, and the section has their names.
    """
    section: dict[str, Any] = {}
    tensors: dict[str, Array] = {}
    for field in fields(history):
        value = getattr(history, field.name)
        if isinstance(value, list):
            if value:
                tensors[PREFIX + field.name] = np.array(value, np.float64)
        elif isinstance(value, dict):
            section[field.name] = list(value)
            for i, values in enumerate(value.values()):
                tensors[f"{PREFIX}{field.name}.{i}"] = np.array(values, np.float64)
        else:
            section[field.name] = value
    return section, tensors


def history_of(path: str, section: object, tensors: Mapping[str, Array]) -> History:
    """Return the history that a file holds.

    Raises
    ------
    FileFormatError
        If it is none.
    """
    history = History()
    given = {name: a for name, a in tensors.items() if name.startswith(PREFIX)}
    names = {f.name for f in fields(history) if not isinstance(getattr(history, f.name), list)}
    if not isinstance(section, dict) or not set(section) <= names:
        raise damaged(path, f"its history is not one; expected some of {sorted(names)}")
    n = given[f"{PREFIX}loss"].size if f"{PREFIX}loss" in given else 0
    for field in fields(history):
        value, stored = getattr(history, field.name), section.get(field.name)
        if isinstance(value, list):
            a = given.pop(PREFIX + field.name, None)
            setattr(history, field.name, _rows(path, field.name, a, n))
        elif isinstance(value, dict):
            for i, key in enumerate(_names(path, field.name, stored)):
                a = given.pop(f"{PREFIX}{field.name}.{i}", None)
                if a is None:
                    raise damaged(path, f"its history has no tensor {PREFIX}{field.name}.{i}")
                value[key] = _rows(path, field.name, a, n)
        else:
            setattr(history, field.name, stored)
    if given:
        found = quoted(sorted(given))
        raise damaged(path, f"its history has tensors {found}; expected no such")
    _check_end(path, history)
    return history


def read_history(path: Path) -> History | None:
    """Return how the network in a file was trained, where the file says it.

    Parameters
    ----------
    path : str, bytes or path
        A file of any kind.

    Returns
    -------
    History or None

    Raises
    ------
    TypeError, OSError, FileFormatError
        As `deltarule.load` does.
    """
    contents = container.read(path)
    if "history" not in contents.sections:
        return None
    return history_of(text_of(path), contents.sections["history"], contents.tensors)


def _rows(path: str, name: str, a: Array | None, n: int) -> list[Any]:
    """A list of numbers, or of tuples of them, of no epoch or of all n."""
    if a is None:
        return []
    if a.dtype != np.float64 or a.ndim != 1 + (name in BY_LAYER):
        given = f"{a.ndim}-dimensional {a.dtype}"
        raise damaged(path, f"its history has {given} as {name}; expected float64")
    if len(a) != n:
        raise damaged(path, f"its history has {len(a)} epochs of {name}; expected {n} as of loss")
    return a.tolist() if a.ndim == 1 else [tuple(row) for row in a.tolist()]


def _names(path: str, name: str, stored: object) -> list[str]:
    stored = [] if stored is None else stored
    known = isinstance(stored, list) and all(isinstance(one, str) for one in stored)
    if not known or len({*stored}) != len(stored):  # type: ignore[arg-type, misc]
        given = quoted(stored)
        raise damaged(path, f"its history's {name} are {given}; expected names")
    return stored  # type: ignore[return-value]


def _check_end(path: str, history: History) -> None:
    """Judge what a history has beside its lists."""
    by, best = history.stopped_by, history.best_epoch
    if by is not None and not isinstance(by, str):
        raise damaged(path, f"its history's stopped_by is {quoted(by)}; expected a text")
    if best is not None and not (type(best) is int and 1 <= best <= len(history)):
        given = quoted(best)
        raise damaged(path, f"its history's best_epoch is {given}; expected one of its epochs")
