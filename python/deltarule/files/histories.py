# SPDX-License-Identifier: BSD-3-Clause
"""Histories in files: each list of numbers a tensor of float64, the rest a section.

Which lists there are is `History`'s own business: its fields are asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

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
    names = {field.name for field in fields(history)}
    if not isinstance(section, dict) or not set(section) <= names:
        raise damaged(path, f"its history is not one; expected some of {sorted(names)}")
    for field in fields(history):
        value, stored = getattr(history, field.name), section.get(field.name)
        if isinstance(value, list):
            setattr(history, field.name, _rows(path, given.pop(PREFIX + field.name, None)))
        elif isinstance(value, dict):
            if not isinstance(stored or [], list):
                raise damaged(path, f"its history's {field.name} are {stored!r}; expected names")
            for i, key in enumerate(stored or []):
                value[key] = _rows(path, given.pop(f"{PREFIX}{field.name}.{i}", None))
        elif field.name in section:
            setattr(history, field.name, stored)
    if given:
        raise damaged(path, f"its history has tensors {sorted(given)[:20]}; expected no such")
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


def _rows(path: str, a: Array | None) -> list[Any]:
    if a is None:
        return []
    if a.dtype != np.float64 or a.ndim not in (1, 2):
        raise damaged(path, f"its history has {a.ndim}-dimensional {a.dtype}; expected float64")
    return a.tolist() if a.ndim == 1 else [tuple(row) for row in a.tolist()]
