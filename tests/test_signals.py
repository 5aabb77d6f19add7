# SPDX-License-Identifier: BSD-3-Clause
"""Signals from outside, in the middle of everything that takes time: the script's short form.

Each kind of work has a closer test of its own where it is tested: test_interrupt.py,
test_minimize.py, test_fit_many.py, test_streams.py.
"""

import sys

import check_signals
import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs SIGINT")


@pytest.mark.parametrize("name", ["callbacks", "an ensemble's", "find_learning_rate", "fit_many"])
def test_ctrl_c(name: str) -> None:
    """A busy machine may once give the process no time."""
    assert any(check_signals.ctrl_c(name, 0.1) < check_signals.LIMIT for _ in range(3))


def test_sigterm(tmp_path: object, rng: object) -> None:
    said = check_signals.terminate(4, rng, tmp_path, 30)  # type: ignore[arg-type]
    assert said.startswith("0 of 4 checkpoints torn")
    assert said.endswith("bits equal")
