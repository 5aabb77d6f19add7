# SPDX-License-Identifier: BSD-3-Clause
"""Other processes, threads and libraries: short forms of the scripts that check them."""

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[1] / "scripts"


def lines_of(script: str, *arguments: str) -> list[str]:
    """What a script says; it must end well."""
    command = [sys.executable, str(SCRIPTS / script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
def test_processes_of_every_kind() -> None:
    """Forks, the start methods of multiprocessing, loky, threads; the script takes 100 forks."""
    lines = lines_of("check_processes.py", "5", "0.5")
    assert len(lines) >= 5
    assert all("  0 of " in line or "absent" in line for line in lines)


def test_beside_libraries_that_bring_openmp() -> None:
    """Of those that are installed; the script takes more orders of import."""
    assert lines_of("beside_peers.py", "1")[-1].startswith("0 of ")


@pytest.mark.skipif(not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="has a GIL")
def test_the_gil_stays_off() -> None:
    from deltarule.oracle import literal  # noqa: F401

    assert not sys._is_gil_enabled()  # type: ignore[attr-defined]


def test_a_free_threaded_interpreter_is_declared() -> None:
    """The slot by which CPython 3.13 and later know it stands in both modules' sources."""
    source = SCRIPTS.parent / "csrc" / "binding" / "module.cpp"
    assert "py::mod_gil_not_used()" in source.read_text()
    loops = SCRIPTS.parent / "python" / "deltarule" / "oracle" / "literal_loops.pyx"
    assert "# cython: freethreading_compatible=True\n" in loops.read_text()
