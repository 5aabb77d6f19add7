# SPDX-License-Identifier: BSD-3-Clause
"""A process that serves one peer: commands as lines of JSON on stdin, answers on stdout.

`processes.py` starts it, pinned and with a clean environment. It lives through all workloads, so
that runs of different peers can alternate: what the machine does meanwhile hits all of them alike.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from pathlib import Path
from typing import Any

RUN_SECONDS = 0.12
# Passes of a run, not more, however short: after thousands of epochs on a few rows gradients and
# moments are subnormal numbers, and nobody trains like that.
MAX_PASSES = 100
LATE = 2e-6  # seconds between cores; more means that both threads were on one


def busy_of_others() -> float:
    """Return the processor seconds so far that other processes than this one have used."""
    with open("/proc/stat") as file:
        user, nice, system, _, _, irq, softirq, steal = map(int, file.readline().split()[1:9])
    ticks = user + nice + system + irq + softirq + steal
    return ticks / os.sysconf("SC_CLK_TCK") - time.process_time()


class Worker:
    """State between the commands; a command is a method, its answer a JSON object."""

    def __init__(self, peer: str, setting: str, threads: int) -> None:
        self.peer, self.setting, self.threads = peer, setting, threads

    def prepare(self, path: str) -> dict[str, Any]:
        """Load a problem, check the loss on its head, warm up; tell losses and first rate."""
        from peers import registry
        from problem import Problem

        kind = registry()[self.peer]
        self.release()
        problem = Problem.load(Path(path))
        if not kind.fits(problem):
            return {"fits": False}
        head = problem.head()
        trial = kind(head, self.setting, self.threads)
        trial.train(next(head.orders(len(head.X))))
        losses = head.mean_loss(head.W), head.mean_loss(trial.weights())
        del trial
        self.problem = problem
        self.trained = kind(problem, self.setting, self.threads)
        self.orders = problem.orders(self.trained.rows)
        self.trained.train(next(self.orders))  # compiles
        self.passes, begin = 0, time.perf_counter()
        while self.passes == 0 or (
            time.perf_counter() - begin < RUN_SECONDS and self.passes < MAX_PASSES
        ):
            self.trained.train(next(self.orders))
            self.passes += 1
        rate = self.passes * problem.pass_rows / (time.perf_counter() - begin)
        return {"fits": True, "start_loss": losses[0], "loss": losses[1], "rate": rate}

    def run(self) -> dict[str, Any]:
        """Train on for a run; the clock covers the drawing of each pass's order as well.

        Tells also how many cores other processes kept busy meanwhile.
        """
        others, begin = busy_of_others(), time.perf_counter()
        for _ in range(self.passes):
            self.trained.train(next(self.orders))
        seconds = time.perf_counter() - begin
        return {
            "rate": self.passes * self.problem.pass_rows / seconds,
            "others": max(0.0, busy_of_others() - others) / seconds,
        }

    def predictor(self, path: str) -> dict[str, Any]:
        """Load a network that predicts; tell its largest error on some rows."""
        from predictors import make

        self.release()
        self.predict, self.X, error = make(self.peer, self.setting, Path(path), self.threads)
        return {"error": error}

    def calls(self, rows: int, seconds: float) -> dict[str, Any]:
        """Predict that many rows again and again; tell the median seconds of a call."""
        from predictors import median_call

        return {"seconds": median_call(self.predict, self.X[:rows], seconds)}

    def peak(self, seconds: float) -> dict[str, Any]:
        """FMA peak with the worker's threads; of deltarule's worker alone."""
        from deltarule import _core

        return {"flops": _core.fma_peak("float32", self.threads, seconds)}

    def latency(self) -> dict[str, Any]:
        """Nanoseconds between cores, the least of three: a thread may start late."""
        from deltarule import _core

        found = min((_core.core_latency(0.001) for _ in range(3)), key=lambda s: (s != s, s))
        return {"ns": 1e9 * found if found < LATE else None}

    def release(self) -> dict[str, Any]:
        """Forget the problem."""
        for name in ("problem", "trained", "orders", "predict", "X"):
            self.__dict__.pop(name, None)
        return {}


def main() -> None:
    """Arguments: peer, setting, threads. What libraries print must not get among the answers."""
    worker = Worker(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        command, arguments = json.loads(line)
        try:
            answer = getattr(worker, command)(**arguments)
        except Exception as error:
            traceback.print_exc()
            answer = {"failed": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
