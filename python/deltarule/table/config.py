# SPDX-License-Identifier: BSD-3-Clause
"""Settings from a file: TOML or JSON, keys as `Settings` names them."""

from __future__ import annotations

import difflib
import json
import os
import tomllib
from dataclasses import fields
from typing import Any

from deltarule.table.settings import TUPLES, Settings

TABLES = ("target", "valid", "delimiter")  # what `fit` takes besides the settings


def read_config(path: str) -> dict[str, Any]:
    """Return what a configuration file says.

    Parameters
    ----------
    path : str
        A .toml or .json file: the settings by name, and "target", "valid", "delimiter". The
        path of "valid" starts at the file's folder.

    Returns
    -------
    dict

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        If it is no such file, or a key is unknown.
    """
    end = os.path.splitext(path)[1].lower()
    if end not in (".toml", ".json"):
        raise ValueError(f"config: {path!r}; expected the name of a .toml or .json file")
    with open(path, "rb") as file:
        data = file.read()
    try:
        text = data.decode("utf-8-sig")
        values = tomllib.loads(text) if end == ".toml" else json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"config: {path!r} is no {end[1:].upper()} ({error})") from None
    if not isinstance(values, dict):
        raise ValueError(f"config: {path!r} holds no settings by name; expected an object")
    known = [*TABLES, *(field.name for field in fields(Settings))]
    for name in values:
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            expected = f"perhaps {close[0]!r}" if close else f"one of {', '.join(known)}"
            raise ValueError(f"config: {path!r}: unknown key {name!r}; expected {expected}")
    for name in TABLES:
        if name in values and not isinstance(values[name], str):
            raise ValueError(f"config: {path!r}: {name} = {values[name]!r}; expected a text")
    for name in TUPLES:
        if isinstance(values.get(name), list):
            values[name] = tuple(values[name])
    if "valid" in values:
        values["valid"] = os.path.join(os.path.dirname(path), values["valid"])
    return values
