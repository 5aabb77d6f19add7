# SPDX-License-Identifier: BSD-3-Clause
"""Every script of examples/ runs, returns finite numbers and writes small pictures."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from example import EXAMPLES, run

NAMES = sorted(path.stem for path in EXAMPLES.glob("*.py") if not path.stem.startswith("_"))

LARGEST = 150_000  # bytes of a picture
SHOWN = EXAMPLES.parent / "docs" / "img"


def numbers(value: Any, at: str) -> Iterator[tuple[str, np.ndarray]]:
    """Every number in nested dicts, sequences and arrays, with its place."""
    if isinstance(value, dict):
        for key, entry in value.items():
            yield from numbers(entry, f"{at}[{key!r}]")
    elif isinstance(value, list | tuple):
        for i, entry in enumerate(value):
            yield from numbers(entry, f"{at}[{i}]")
    elif isinstance(value, np.ndarray | np.generic | int | float):
        array = np.asarray(value)
        if array.dtype.kind in "biuf":
            yield at, array


def test_there_are_examples() -> None:
    assert len(NAMES) >= 5


@pytest.mark.parametrize("name", NAMES)
def test_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    result, save = run(name)
    assert isinstance(result, dict)
    found = list(numbers(result, name))
    assert found, "no number was returned"
    for at, array in found:
        assert np.all(np.isfinite(array)), f"{at} is not finite"

    assert save is not None
    pictures = sorted(save.iterdir())
    assert pictures, "no picture was written"
    shown = {path.name for path in SHOWN.glob("*.png") if path.name.startswith(f"{name}_")}
    assert shown == {path.name for path in pictures}, "docs/img holds what the examples draw"
    for path in pictures:
        assert path.name.startswith(f"{name}_"), path.name
        assert path.suffix == ".png"
        assert path.read_bytes().startswith(b"\x89PNG"), path.name
        assert path.stat().st_size < LARGEST, f"{path.name}: {path.stat().st_size} bytes"


def test_every_picture_of_the_pages_is_an_example_s() -> None:
    starts = tuple(f"{name}_" for name in NAMES)
    assert all(path.name.startswith(starts) for path in SHOWN.glob("*.png"))


@pytest.mark.parametrize("name", NAMES)
def test_usage(name: str) -> None:
    out = subprocess.run(
        [sys.executable, str(EXAMPLES / f"{name}.py"), "--help"], capture_output=True, text=True
    )
    assert out.returncode == 0, out.stderr
    assert "--save" in out.stdout
