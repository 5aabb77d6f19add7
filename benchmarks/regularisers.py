# SPDX-License-Identifier: BSD-3-Clause
"""What each regulariser costs a step, beside the same training without it, in turns.

Run: python benchmarks/regularisers.py   (needs no other library; docs/reference/regularisation.md)
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import replace
from typing import Any

import numpy as np

import deltarule as dr
from deltarule.bench.workloads import WORKLOADS, Workload

# What is asked of the network, of the optimizer and of the trainer.
OPTIONS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "none": ({}, {}, {}),
    "l2": ({"l2": 1e-4}, {}, {}),
    "l1": ({"l1": 1e-5}, {}, {}),
    "weight_decay": ({}, {"weight_decay": 1e-2}, {}),
    "clip_value": ({}, {"clip_value": 1e-2}, {}),
    "clip_norm": ({}, {"clip_norm": 0.1}, {}),
    "max_norm, no unit beyond": ({}, {"max_norm": 100.0}, {}),
    "max_norm, every unit beyond": ({}, {"max_norm": 0.1}, {}),
    "EMA": ({}, {}, {"average": dr.EMA(0.999)}),
    "SWA": ({}, {}, {"average": dr.SWA()}),
    "dropout=0.5": ({}, {}, {"dropout": 0.5, "seed": 0}),
    "Dropout(0.5, input=0.2)": ({}, {}, {"dropout": dr.Dropout(0.5, input=0.2), "seed": 0}),
    "noise=0.1": ({}, {}, {"noise": 0.1, "seed": 0}),
    "clip_norm, max_norm, EMA": (
        {}, {"clip_norm": 0.1, "max_norm": 0.1}, {"average": dr.EMA(0.999)},
    ),
}  # fmt: skip


def trainer(workload: Workload, name: str, n_threads: int) -> dr.Trainer:
    """A new network with this option."""
    of_network, of_rule, of_trainer = OPTIONS[name]
    mlp = dr.MLP(
        workload.layers, workload.activation, workload.output, workload.loss, seed=0, **of_network
    )
    rule = replace(workload.optimizer, **of_rule)
    return dr.Trainer(mlp, rule, workload.batch_size, n_threads, **of_trainer)


def step_times(workload: Workload, n_threads: int, seconds: float) -> dict[str, float]:
    """Microseconds of a step by option, medians of runs in turns."""
    X, Y = replace(workload, rows=min(workload.rows, 20_000)).make()
    # An epoch of some milliseconds, so that there are many turns.
    order = np.random.default_rng(0).permutation(len(X))[: 16 * max(workload.batch_size, 32)]
    trainers = {name: trainer(workload, name, n_threads) for name in OPTIONS}
    steps = -(-len(order) // workload.batch_size)
    times: dict[str, list[float]] = {name: [] for name in OPTIONS}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times["none"]) < 4:
        for name, one in trainers.items():
            begin = time.perf_counter()
            one.epoch(X, Y, order)
            times[name].append((time.perf_counter() - begin) / steps)
    return {name: 1e6 * statistics.median(each[1:]) for name, each in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10, help="for each column")
    parser.add_argument("--workloads", nargs="+", default=["tab_m", "sgd1"])
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    options = parser.parse_args()
    for workload in (WORKLOADS[name] for name in options.workloads):
        for n_threads in options.threads:
            if workload.batch_size == 1 and n_threads > 1:
                continue  # which never pays
            times = step_times(workload, n_threads, options.seconds)
            print(f"\n{workload.name}, batch {workload.batch_size}, {n_threads} thread(s)\n")
            print("| option | µs a step | beside none |\n| --- | --: | --: |")
            for name, one in times.items():
                print(f"| {name} | {one:.1f} | {one / times['none']:.2f} |", flush=True)


if __name__ == "__main__":
    main()
