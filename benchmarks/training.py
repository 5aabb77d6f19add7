# SPDX-License-Identifier: BSD-3-Clause
"""Training speed beside other libraries: nine workloads, each peer at its best, in the same run.

No speed counts unless all peers, from the same weights over the same rows in the same order, reach
the same loss. Runs of all peers alternate. What crosses between two cores does so quickly or slowly
for seconds at a time on some machines, so the state is measured beside each run and a figure is the
median of the quick ones; the slow ones are reported as well.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from peers import registry
from problem import Problem
from processes import Client, Failure

NEAR = 80.0  # nanoseconds
BUSY = 0.25  # cores that other processes used during a run: more, and it doesn't count
HOPELESS = 0.8  # a setting is dropped if its warm-up reaches less of its peer's best


@dataclass
class Cell:
    """One peer with one setting and thread count on one workload."""

    workload: str
    peer: str
    setting: str
    threads: int
    start_loss: float
    loss: float
    rates: list[float] = field(default_factory=list)
    latencies: list[float | None] = field(default_factory=list)
    others: list[float] = field(default_factory=list)

    def chosen(self, near: bool) -> list[float]:
        """The runs with the cores near, or far apart (one thread doesn't care), undisturbed."""
        return [
            rate
            for rate, ns, others in zip(self.rates, self.latencies, self.others, strict=True)
            if others < BUSY and (self.threads == 1 or (ns is None or ns < NEAR) == near)
        ]

    def rate(self, near: bool = True) -> float:
        """The median of the chosen runs; NaN without any."""
        return statistics.median(self.chosen(near) or [float("nan")])

    @property
    def runs(self) -> int:
        """Runs that count."""
        return len(self.chosen(near=True))

    @property
    def how(self) -> str:
        """Threads and setting."""
        return f"{self.setting}, {self.threads}".removeprefix(", ")


class Probe:
    """Peaks and latencies, by processes of their own."""

    def __init__(self, threads: Sequence[int]) -> None:
        self.clients = {n: Client("deltarule", "", n) for n in threads}
        self.peaks: dict[int, float] = dict.fromkeys(threads, 0.0)

    def peak(self, seconds: float) -> dict[int, float]:
        """Measure once more; return the best so far in this probe's life."""
        for n, client in self.clients.items():
            self.peaks[n] = max(self.peaks[n], client.timed("peak", seconds=seconds)["flops"])
        return dict(self.peaks)

    def latency(self) -> float | None:
        """Nanoseconds between cores now; None for one thread."""
        ns: float | None = self.clients[max(self.clients)].ask("latency")["ns"]
        return ns

    def close(self) -> None:
        for client in self.clients.values():
            client.close()


def clients(peers: Iterable[str], threads: Sequence[int]) -> list[Client]:
    """Start a process for every peer, setting and thread count."""
    known = registry()
    return [Client(p, s, n) for p in peers for s in known[p].settings for n in threads]


def measure(
    problem: Problem, crew: Sequence[Client], probe: Probe, runs: int, folder: Path
) -> dict[str, Any]:
    """Check, warm up, then runs in turn; returns what the JSON file holds of a workload."""
    path = folder / "problem.npz"
    problem.save(path)
    cells: list[tuple[Client, Cell, float]] = []
    failures = []
    for client in crew:
        try:
            answer = client.timed("prepare", path=str(path))
        except Failure as failure:
            failures.append(str(failure))
            continue
        if answer["fits"]:
            key = problem.name, client.peer, client.setting, client.threads
            cell = Cell(*key, answer["start_loss"], answer["loss"])
            cells.append((client, cell, answer["rate"]))
    path.unlink()
    check([cell for _, cell, _ in cells])
    racing = hopeful(cells)
    for _ in range(2 * runs):
        racing = [(client, cell) for client, cell in racing if cell.runs < runs]
        if not racing:
            break
        peaks = probe.peak(0.02)
        for client, cell in racing:
            before = probe.latency() if client.threads > 1 else None
            try:
                answer = client.timed("run")
            except Failure as failure:
                failures.append(str(failure))
                cell.rates, cell.latencies, cell.others = [], [], []
                racing = [pair for pair in racing if pair[1] is not cell]
                continue
            after = probe.latency() if client.threads > 1 else None
            cell.rates.append(answer["rate"])
            cell.others.append(answer["others"])
            cell.latencies.append(max(before, after) if before and after else None)
    if disturbed := [str(client) for client, cell in racing if cell.runs < runs]:
        failures.append(f"fewer than {runs} quiet runs with near cores: {', '.join(disturbed)}")
    for client in crew:
        if client.process.poll() is None:
            client.ask("release")
    for failure in failures:
        print(f"{problem.name}: {failure}", file=sys.stderr)
    return {
        "network": "-".join(map(str, problem.layers)), "activation": problem.activation,
        "loss": problem.loss, "rule": problem.rule, "batch_size": problem.batch_size,
        "data": problem.about, "flops": problem.flops, "failures": failures,
        "peaks": {str(n): rate for n, rate in peaks.items()},
        "cells": [asdict(cell) for _, cell, _ in cells if cell.rates],
    }  # fmt: skip


def hopeful(cells: Sequence[tuple[Client, Cell, float]]) -> list[tuple[Client, Cell]]:
    """Leave out settings that stay well behind their peer's best one at the same thread count."""
    best: dict[tuple[str, int], float] = {}
    for client, _, rate in cells:
        key = client.peer, client.threads
        best[key] = max(rate, best.get(key, 0))
    return [
        (client, cell)
        for client, cell, rate in cells
        if rate >= HOPELESS * best[client.peer, client.threads]
    ]


def difference(cell: Cell, reference: Cell) -> float:
    """Return how far the losses after the check lie apart, as a share of the loss's fall."""
    return abs(cell.loss - reference.loss) / (reference.start_loss - reference.loss)


def check(cells: Sequence[Cell]) -> None:
    """Exit unless all cells of a workload have trained, and to the same loss as the first one."""
    known, first = registry(), cells[0]
    for cell in cells:
        limit = max(known[cell.peer].tolerance, known[first.peer].tolerance)
        if cell.setting in known[cell.peer].coarse:
            limit *= 10
        if not cell.loss < cell.start_loss or not difference(cell, first) <= limit:
            raise SystemExit(
                f"{cell.workload}: {cell.peer} {cell.setting} took the loss from {cell.start_loss} "
                f"to {cell.loss}; expected {first.loss} within {limit:.0e} of its fall, as "
                f"{first.peer}"
            )
