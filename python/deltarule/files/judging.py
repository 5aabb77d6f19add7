# SPDX-License-Identifier: BSD-3-Clause
"""What files may say of themselves: kinds and versions."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from deltarule._quoting import quoted
from deltarule.files.errors import damaged

FORMAT = "deltarule"
SCHEMA = 4
NUMERICS_CONTRACT = 1  # raised by a release that changes a bit of any result

# What a file may hold, and who reads it.
KINDS = {
    "model": ("a network", "dr.load"),
    "trainer": ("a trainer", "dr.Trainer.load"),
    "checkpoint": ("a checkpoint", "fit(resume=)"),
    "estimator": ("a fit of an estimator", "its resume="),
    "ensemble": ("an ensemble", "dr.Ensemble.load"),
    "table_model": ("a model of a table", "deltarule.table.load"),
}


def check_kind(path: str, kind: str, kinds: Collection[str]) -> None:
    """Refuse a file of another kind, and say who reads it.

    Raises
    ------
    FileFormatError
        If kind is none of kinds.
    """
    if kind not in kinds:
        found, reader = KINDS[kind]
        expected = " or ".join(KINDS[name][0] for name in kinds)
        raise damaged(path, f"it holds {found}, for {reader}; expected {expected}")


def check_version(path: str, name: str, version: object, newest: int) -> None:
    """Refuse a file of a newer release.

    Raises
    ------
    FileFormatError
        If version is no number in 1 ... newest.
    """
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise damaged(path, f"its {name} version is {quoted(version)}; expected a number")
    if version > newest:
        raise damaged(
            path, f"its {name} version is {quoted(version)}; expected {newest} at most: "
            "it was written by a newer deltarule"
        )  # fmt: skip


def parsed(path: str, what: str, json_text: bytes | str) -> Any:
    """Return what JSON says.

    Raises
    ------
    FileFormatError
        If it is no JSON.
    """
    try:
        return json.loads(json_text)
    except (ValueError, RecursionError) as error:
        raise damaged(path, f"its {what} is no JSON ({error})") from None
