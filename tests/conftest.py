# SPDX-License-Identifier: BSD-3-Clause
"""Fixtures for every test: instruction set, number type, random numbers; Hypothesis' profile."""

import signal
import sys
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import settings

# The same examples on every run, and no time limit per example: the machine may be busy.
settings.register_profile("deltarule", deadline=None, derandomize=True)
settings.load_profile("deltarule")


# A shell that starts the tests in the background has them ignore Ctrl-C, which many then raise.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Ask for the CPU's instruction sets only where a test wants them: the oracle needs no core."""
    if "isa" in metafunc.fixturenames:
        from deltarule import _core

        metafunc.parametrize("isa", _core.available_isas(), indirect=True)


@pytest.fixture
def isa(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run the test on every instruction set of this CPU; afterwards the one before is back."""
    from deltarule import _core

    before = _core.isa()
    _core.select_isa(request.param)
    yield request.param
    _core.select_isa(before)


@pytest.fixture(params=["float32", "float64"])
def dtype(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture(autouse=True)
def no_open_figures() -> Iterator[None]:
    """Close what a test drew: matplotlib warns once many figures are open."""
    yield
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close("all")
