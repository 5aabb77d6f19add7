# SPDX-License-Identifier: BSD-3-Clause
"""Memory that runs out at any allocation of the core, and memory that does not grow."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[1] / "scripts"


def run(script: str, *arguments: str) -> str:
    command = [sys.executable, str(SCRIPTS / script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="LD_PRELOAD")
@pytest.mark.skipif(not shutil.which("g++") or not shutil.which("nm"), reason="compiles the hook")
@pytest.mark.skipif("LD_PRELOAD" in os.environ, reason="sanitizers have a hook of their own")
def test_every_allocation_may_fail() -> None:
    """Of some calls; the script alone takes all kinds."""
    said = run("fail_allocations.py", "fit|predict|^load|made|parts|Python|blocks")
    assert " failed, 0 wrong" in said


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.skipif("LD_PRELOAD" in os.environ, reason="sanitizers keep what is freed")
def test_memory_stays_flat() -> None:
    run("flat_memory.py", "400")
