# SPDX-License-Identifier: BSD-3-Clause
"""Runs each script of examples/ once a session, with its pictures where matplotlib is there."""

import importlib.util
import sys
import tempfile
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

EXAMPLES = Path(__file__).parent.parent / "examples"


@cache
def module(name: str) -> ModuleType:
    """The script as a module."""
    spec = importlib.util.spec_from_file_location(f"examples_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = loaded  # where dataclasses look their module up
    spec.loader.exec_module(loaded)
    return loaded


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="deltarule-examples-")


@cache
def run(name: str) -> tuple[dict[str, Any], Path | None]:
    """What main returned, and the folder of its pictures; None without matplotlib."""
    save = None
    if importlib.util.find_spec("matplotlib") is not None:
        save = Path(_folder().name) / name
        save.mkdir()
    return module(name).main(save), save
