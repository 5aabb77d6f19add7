# SPDX-License-Identifier: BSD-3-Clause
"""Damaged and crafted files of every kind: scripts/attack_files.py takes 20 000 of them."""

import json
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attack_files
import numpy as np
import pytest

import deltarule as dr
from deltarule.files import container


def test_some_files(tmp_path: Path, capfd: object) -> None:
    """Other ones than the script's first."""
    assert attack_files.run(400, 10**6, tmp_path) == 0, capfd.readouterr().out  # type: ignore[attr-defined]


def test_a_file_that_is_not_refused_is_found(tmp_path: Path) -> None:
    """The attack can fail: a good file counts as loaded in silence."""
    save, load = attack_files.KINDS["network"]
    save(tmp_path / "good")
    assert attack_files.attack(load, tmp_path / "good", False) == "LOADED"
    assert attack_files.attack(load, tmp_path / "good", True) == "works"
    assert "Attribute" in attack_files.attack(lambda path: path.nothing, tmp_path, True)  # type: ignore[attr-defined]


@pytest.mark.skipif(sys.platform != "linux", reason="where /proc tells what is resident")
@pytest.mark.skipif(attack_files.SANITIZED, reason="memory is not judged")
def test_memory_out_of_proportion_is_found(tmp_path: Path) -> None:
    """A reader that takes 40 MiB for whatever it reads, once the good files are read."""
    code = """
import sys, pathlib, numpy, attack_files
from deltarule.files import container
attack_files.KINDS = {"network": attack_files.KINDS["network"]}
plain, calls = container._header, []
def greedy(path, file):
    calls.append(path)
    numpy.ones(5 * 2**20 * (len(calls) > 1))
    return plain(path, file)
container._header = greedy
attack_files.work(20, 0, pathlib.Path(sys.argv[1]))
"""
    path = [str(Path(attack_files.__file__).parent), *sys.path]
    said = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
    ).stdout  # fmt: skip
    _, wrong, *_ = json.loads(said)
    assert len(wrong) == 1
    assert wrong[0].endswith("MiB")


def test_a_file_of_one_kind_is_none_of_another(tmp_path: Path) -> None:
    """Each given to each: a network may be read out of what holds one, the rest is refused."""
    pytest.importorskip("sklearn")
    pytest.importorskip("pyarrow")
    for name, (save, _) in attack_files.KINDS.items():
        save(tmp_path / name)
    for name in attack_files.KINDS:
        for other, (_, load) in attack_files.KINDS.items():
            path = tmp_path / "given"
            path.write_bytes((tmp_path / name).read_bytes())
            said, fits = attack_files.attack(load, path, False), {"classifier's", "regressor's"}
            if name == other or name in attack_files.ALSO.get(other, ()):
                assert said == "LOADED", (name, other)
            elif {name, other} == fits:
                assert "hidden" in said or "expected" in said, (name, other)
            else:
                assert said == "refused", (name, other)


def _number(at: dict[str, Any], key: str, number: object) -> None:
    at[key] = number


ARRAY: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "rows that there are not": ("order", lambda a: a + 1),
    "rows twice": ("order", lambda a: a * 0),
    "rows that are no numbers": ("order", lambda a: a.astype(float)),
    "no weights": ("w", lambda a: a * np.nan),
    "weights of a layer more": ("_best_w", lambda a: np.append(a, a)),
    "curves of two dimensions": ("loss_curve_", lambda a: np.stack([a, a])),
    "a longer curve": ("losses", lambda a: np.append(a, a)),
    "whole numbers": ("times", lambda a: a.astype(int)),
}  # fmt: skip
JSON: dict[str, Callable[[dict[str, Any]], object]] = {
    "a place behind the generator's words": (
        lambda of: _number(of["random"]["dict"]["state"]["dict"], "pos", 2**31 - 1)
    ),
    "half an epoch": lambda of: _number(of, "n_iter_", True),
    "other epochs": lambda of: _number(of, "n_iter_", 2),
    "rows beyond counting": lambda of: _number(of, "t_", 2**62),
    "steps beyond counting": (
        lambda of: _number(of["optimizer"]["tuple"][0]["dict"], "steps", 2**62)
    ),
    "steps of no schedule": lambda of: _number(of["optimizer"]["tuple"][1]["dict"], "steps", -1),
    "no texts": lambda of: _number(of, "parameters", [1]),
    "no data": lambda of: _number(of, "data", 5),
    "deep": lambda of: _number(of, "losses", json.loads("[" * 300 + "]" * 300)),
}  # fmt: skip


@pytest.mark.parametrize("what", [*ARRAY, *JSON])
def test_an_estimator_s_checkpoint_is_judged_whole(what: str, tmp_path: Path) -> None:
    """Changed by somebody who makes the digest fit: a FileFormatError, nothing read amiss."""
    pytest.importorskip("sklearn")
    save, load = attack_files.KINDS["regressor's"]
    save(tmp_path / "fit")
    found = container.read(tmp_path / "fit")
    of, tensors = found.sections["fit"]["dict"], dict(found.tensors)
    if what in ARRAY:
        name, change = ARRAY[what]
        (at,) = of[name].values()
        tensors[at] = np.ascontiguousarray(change(tensors[at]))
    else:
        JSON[what](of)
    container.write(tmp_path / "fit", "estimator", found.sections, tensors)
    with pytest.raises(dr.FileFormatError):
        load(tmp_path / "fit")


def resumed(change: Callable[[dict[str, Any], dict[str, Any]], object], path: Path) -> None:
    """Go on from a regressor's checkpoint, once its contents are changed."""
    pytest.importorskip("sklearn")
    save, load = attack_files.KINDS["regressor's"]
    save(path)
    found = container.read(path)
    tensors = dict(found.tensors)
    change(found.sections["fit"]["dict"], tensors)
    container.write(path, "estimator", found.sections, tensors)
    load(path)


def test_an_estimator_s_generator_is_not_stuck(tmp_path: Path) -> None:
    """Of a key of zeros NumPy would make zeros, and draw again, without end."""

    def change(of: dict[str, Any], tensors: dict[str, Any]) -> None:
        at = of["random"]["dict"]["state"]["dict"]["key"]["tensor"]
        tensors[at] = np.zeros_like(tensors[at])

    with pytest.raises(dr.FileFormatError, match="its random generator's key is 0 in every bit"):
        resumed(change, tmp_path / "fit")


SMALL: dict[str, tuple[Any, Any]] = {
    "20 million rows of no number": ({"list": "zz"}, np.zeros((20_000_000, 0))),
    "numbers of no dimension": ({"list": "zz"}, np.zeros(())),
    "one number in a list": ({"float": "zz"}, np.zeros(1)),
    "one array 3000 times": ([{"tensor": "zz"}] * 3000, np.zeros(60_000)),
    "one list 3000 times": ({"tuple": [{"list": "zz"}] * 3000}, np.zeros(60_000)),
    "a kind that is none": ({"set": "zz"}, np.zeros(1)),
    "no name of an array": ({"tensor": ["zz"]}, np.zeros(1)),
}


@pytest.mark.parametrize("place", ["more", "losses", "metrics"])
@pytest.mark.parametrize("what", SMALL)
def test_a_small_checkpoint_takes_little_memory(what: str, place: str, tmp_path: Path) -> None:
    """Each array is taken once, and a list made of numbers alone: as much as the file holds."""
    value, a = SMALL[what]
    most = 0

    def change(of: dict[str, Any], tensors: dict[str, Any]) -> None:
        of[place], tensors["zz"] = value, a
        tracemalloc.start()

    try:
        with pytest.raises(dr.FileFormatError, match="it does not hold together"):
            resumed(change, tmp_path / "fit")
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 20 * 2**20
