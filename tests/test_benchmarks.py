# SPDX-License-Identifier: BSD-3-Clause
"""The benchmark of training runs, and its peers compute the same as the oracle's trainer."""

import importlib
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np
import pytest

from deltarule import oracle

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"

pytestmark = pytest.mark.skipif(not BENCHMARKS.exists(), reason="not part of the sdist")


class Modules(NamedTuple):
    workloads: ModuleType
    peers: ModuleType


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> Modules:
    monkeypatch.syspath_prepend(BENCHMARKS)
    return Modules(importlib.import_module("workloads"), importlib.import_module("peers"))


