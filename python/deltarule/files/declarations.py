# SPDX-License-Identifier: BSD-3-Clause
"""Optimizers, schedules, dropout and their like as JSON: a name of the table and the fields.

Only classes of the table are written and built, and only by their constructors, which judge every
number. A function of the user's has no name that a file could hold, and is refused.
"""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any

from deltarule._quoting import quoted
from deltarule.averaging import EMA, SWA
from deltarule.dropout import Dropout
from deltarule.files.errors import damaged
from deltarule.optimizers import OPTIMIZERS
from deltarule.schedules.cycles import Cosine, CosLog4, FlatCosine, OneCycle
from deltarule.schedules.decays import Exponential, InverseScaling, Linear, Step
from deltarule.schedules.plateau import Plateau
from deltarule.schedules.warm_up import WarmUp
from deltarule.sparsity import Sparsity

SCHEDULES = (
    Cosine, CosLog4, Exponential, FlatCosine, InverseScaling, Linear, OneCycle, Plateau, Step,
    WarmUp,
)  # fmt: skip

TABLE: dict[str, type[Any]] = OPTIMIZERS | {
    kind.__name__: kind for kind in (*SCHEDULES, EMA, SWA, Dropout, Sparsity)
}


def encoded(name: str, value: Any) -> Any:
    """Return a declaration, a number, a text or None as JSON.

    Parameters
    ----------
    name : str
        What it is, for messages: "optimizer".
    value : object
        An object of a class of `TABLE`, or made of such objects, numbers, texts and tuples.

    Raises
    ------
    ValueError
        If it is, or holds, something that a file cannot name.
    """
    if isinstance(value, float) and not math.isfinite(value):
        return {"number": repr(float(value))}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [encoded(f"{name}[{i}]", one) for i, one in enumerate(value)]
    if TABLE.get(type(value).__name__) is not type(value):
        given = f"{quoted(value)} of type {type(value).__name__}"
        raise ValueError(
            f"{name}: {given}; expected what a file can hold: numbers, and deltarule's own "
            "optimizers and schedules but OfEpoch and OfStep"
        )
    of = {
        field.name: encoded(f"{name}.{field.name}", getattr(value, field.name))
        for field in fields(value)
    }
    return {"type": type(value).__name__, **of}


DEEPEST = 8  # a schedule in a schedule in an optimizer is 3


def decoded(path: str, name: str, value: Any, depth: int = 0) -> Any:
    """Build what `encoded` wrote.

    Parameters
    ----------
    path : str
        The file, for messages.
    name : str
        What it is.
    value : object
        JSON.
    depth : int
        In how many others it is.

    Raises
    ------
    FileFormatError
        If it goes too deep, a name is not in the table, or its class refuses a field.
    """
    if not isinstance(value, list | dict):
        return value
    if depth == DEEPEST:
        raise damaged(path, f"its {name} is in {depth} others; expected fewer")
    if isinstance(value, list):
        return tuple(
            decoded(path, f"{name}[{i}]", one, depth + 1) for i, one in enumerate(value)
        )  # fmt: skip
    if set(value) == {"number"} and value["number"] in ("inf", "-inf", "nan"):
        return float(value["number"])
    kind = value.get("type")
    known = TABLE.get(kind) if isinstance(kind, str) else None
    if known is None:
        raise damaged(path, f"its {name} is of type {quoted(kind)}; expected a known one")
    expected = {field.name for field in fields(known)}
    if set(value) - {"type"} != expected:
        given = quoted(sorted(value))
        raise damaged(path, f"its {name}, {kind}, has {given}; expected {sorted(expected)}")
    of = {key: decoded(path, f"{name}.{key}", value[key], depth + 1) for key in sorted(expected)}
    try:
        return known(**of)
    except (TypeError, ValueError, OverflowError) as error:
        raise damaged(path, f"its {name} is not valid: {error}") from None
