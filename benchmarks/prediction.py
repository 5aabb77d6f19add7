# SPDX-License-Identifier: BSD-3-Clause
"""Prediction speed beside other libraries: two networks, from one row to 60 000, one thread."""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from predictors import PREDICTORS
from processes import Client, Failure
from training import Probe

RUN_SECONDS = 0.05


def available() -> list[str]:
    """Libraries that are installed."""
    return [p for p, (_, modules, _) in PREDICTORS.items() if all(map(find_spec, modules))]


def measure(
    names: Sequence[str], threads: Sequence[int], runs: int
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield a network's figures: all libraries in turn, with one thread; ours with all as well."""
    from deltarule.bench.workloads import PREDICTED, PREDICTED_ROWS, prediction_flops

    crew = [Client(p, s, 1) for p in available() for s in PREDICTORS[p][2]]
    crew += [Client("deltarule", "", n) for n in threads if n > 1]
    probe = Probe([1])
    try:
        for name in names:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "network.npz"
                weights = {f"W{k}": W for k, W in enumerate(PREDICTED[name].network().W)}
                np.savez(path, X=PREDICTED[name].make()[0], **weights)
                ready = prepared(crew, path)
            times: dict[tuple[Client, int], list[float]] = {}
            for rows in PREDICTED_ROWS:
                for _ in range(runs):
                    probe.peak(0.01)
                    for client in ready:
                        answer = client.timed("calls", rows=rows, seconds=RUN_SECONDS)
                        times.setdefault((client, rows), []).append(answer["seconds"])
            peers: dict[str, Any] = {}
            for (client, rows), seconds in times.items():
                many = f" ({client.threads} threads)" if client.threads > 1 else ""
                cell = {
                    "seconds": statistics.median(seconds), "runs": seconds,
                    "setting": client.setting,
                }  # fmt: skip
                best = peers.setdefault(client.peer + many, {}).get(str(rows))
                if best is None or cell["seconds"] < best["seconds"]:
                    peers[client.peer + many][str(rows)] = cell
            flops = prediction_flops(PREDICTED[name].layers)
            yield name, {
                "rows": list(PREDICTED_ROWS), "flops": flops, "peak": probe.peak(0.05)[1],
                "peers": peers,
            }  # fmt: skip
    finally:
        probe.close()
        for client in crew:
            client.close()


def prepared(crew: Sequence[Client], path: Path) -> list[Client]:
    """Load the network everywhere; leave out who fails or predicts something else."""
    ready = []
    for client in crew:
        try:
            client.ask("predictor", path=str(path))
            ready.append(client)
        except Failure as failure:
            print(failure, file=sys.stderr)
    return ready
