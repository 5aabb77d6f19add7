# SPDX-License-Identifier: BSD-3-Clause
"""Damaged and crafted files of every kind: scripts/attack_files.py takes 20 000 of them."""

from pathlib import Path

import attack_files


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
