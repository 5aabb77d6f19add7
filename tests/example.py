# SPDX-License-Identifier: BSD-3-Clause
"""The scripts of examples/: each is loaded and run once a session, whoever asks for its numbers."""

import importlib.util
import sys
import tempfile
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

EXAMPLES = Path(__file__).parents[1] / "examples"


@cache
def load(name: str) -> ModuleType:
    """Return examples/NAME.py as a module of a name that no other module has."""
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


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
    return load(name).main(save), save


def pictures(name: str) -> dict[str, int]:
    """Bytes of each picture that the script draws."""
    folder = run(name)[1]
    return {path.name: path.stat().st_size for path in folder.iterdir()} if folder else {}
