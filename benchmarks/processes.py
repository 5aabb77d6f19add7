# SPDX-License-Identifier: BSD-3-Clause
"""Processes for measurements: pinned to some cores, their environment free of others' settings."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
# Settings of thread pools and kernels, by library; what a shell holds may slow a peer down.
FOREIGN = (
    "ATEN_", "BLIS_", "DNNL_", "GOMP_", "GOTO_", "KMP_", "MKL_", "NVPL_", "OMP_", "ONEDNN_",
    "OPENBLAS_", "VECLIB_", "XLA_",
)  # fmt: skip
PAUSE = 0.03  # before a run: other processes' idle threads stop spinning
TIMEOUT = 180


def environment(threads: int) -> dict[str, str]:
    """Return the variables of a process: ours without what steers a library."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    return kept | {"OMP_NUM_THREADS": str(threads), "JAX_PLATFORMS": "cpu"}


def start(arguments: list[str], threads: int, **streams: Any) -> subprocess.Popen[str]:
    """Start Python on the last `threads` cores that this process may use."""
    cores = sorted(os.sched_getaffinity(0))[-threads:]
    return subprocess.Popen(
        [sys.executable, *arguments],
        env=environment(threads),
        preexec_fn=functools.partial(os.sched_setaffinity, 0, cores),
        text=True,
        **streams,
    )


def output(arguments: list[str], threads: int) -> Any:
    """Run Python to its end; return the JSON of its last line."""
    with start(arguments, threads, stdout=subprocess.PIPE) as process:
        text, _ = process.communicate(timeout=TIMEOUT)
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(arguments)}: exit status {process.returncode}")
    return json.loads(text.splitlines()[-1])


class Failure(Exception):
    """A peer could not do what it was asked."""


class Client:
    """The near end of a worker."""

    def __init__(self, peer: str, setting: str, threads: int) -> None:
        self.peer, self.setting, self.threads = peer, setting, threads
        arguments = [str(HERE / "worker.py"), peer, setting, str(threads)]
        self.process = start(arguments, threads, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __str__(self) -> str:
        return f"{self.peer} {self.setting} {self.threads}".replace("  ", " ")

    def ask(self, command: str, **arguments: Any) -> Any:
        """Send a command, return the answer; raise Failure if there is none in time."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            print(json.dumps([command, arguments]), file=self.process.stdin, flush=True)
            ready, _, _ = select.select([self.process.stdout], [], [], TIMEOUT)
            line = self.process.stdout.readline() if ready else ""
        except BrokenPipeError:
            line = ""
        if not line:
            self.process.kill()
            raise Failure(f"{self}: no answer to {command!r} within {TIMEOUT} s")
        answer = json.loads(line)
        if "failed" in answer:
            raise Failure(f"{self}: {answer['failed']}")
        return answer

    def timed(self, command: str, **arguments: Any) -> Any:
        """Ask after a pause."""
        time.sleep(PAUSE)
        return self.ask(command, **arguments)

    def close(self) -> None:
        """End the process."""
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
