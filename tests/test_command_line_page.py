# SPDX-License-Identifier: BSD-3-Clause
"""docs/command_line.md shows what the commands print: every recording is made again."""

import contextlib
import io
import shlex

import pytest

from deltarule.cli import main

pytest.importorskip("pyarrow")
record_terminal = pytest.importorskip("record_terminal")


def run(folder, command):
    """As a shell would; plain calls of ours in this process, which starts none."""
    call, _, rest = command.partition("; ")
    if not call.startswith("deltarule ") or "|" in call:
        return record_terminal.in_shell(folder, command)
    shown = io.StringIO()
    with (
        contextlib.chdir(folder),
        contextlib.redirect_stdout(shown),
        contextlib.redirect_stderr(shown),
    ):
        status = main(shlex.split(call)[1:])
    return shown.getvalue() + (f"{status}\n" if rest == "echo $?" else "")


def test_recordings_are_what_the_commands_print():
    fresh = record_terminal.page(run).splitlines()
    assert record_terminal.PAGE.read_text(encoding="utf-8").splitlines() == fresh
