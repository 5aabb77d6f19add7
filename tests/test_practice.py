# SPDX-License-Identifier: BSD-3-Clause
"""benchmarks/practice.py trains with every activation, loss, optimizer, schedule, regulariser."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"

pytestmark = pytest.mark.skipif(not BENCHMARKS.exists(), reason="benchmarks/ is not in an sdist")


@pytest.fixture
def practice(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("practice")


@pytest.mark.parametrize(
    "group", ["activations", "losses", "optimizers", "schedules", "regularisers"]
)
def test_every_case_has_its_row(practice: ModuleType, group: str) -> None:
    X = np.random.default_rng(0).normal(size=(300, 54)).astype(np.float32)
    cases = list(practice.GROUPS[group]())
    rows = practice.measure(cases, X, 1, 1)
    assert [row.split(" | ")[0] for row in rows] == [f"| {case.name}" for case in cases]
    assert len(rows) > 8
    assert len({case.name for case in cases}) == len(cases)


def test_groups_cover_the_tables(practice: ModuleType) -> None:
    from deltarule import activations, losses, schedules
    from deltarule.optimizers import OPTIMIZERS

    tables = {
        "activations": set(activations.TABLE) - {"softmax", "threshold"},
        "losses": set(losses.TABLE),
        "optimizers": set(OPTIMIZERS),
        "schedules": set(schedules.__all__) - {"Schedule"},
    }
    for group, names in tables.items():
        told = {case.name.partition(",")[0] for case in practice.GROUPS[group]()}
        assert names <= told, group
