# SPDX-License-Identifier: BSD-3-Clause
"""Our own figures under conditions: memory of a fit, kinds of X, too many threads, a busy machine.

Each is measured in a process of its own: `python conditions.py KIND ARGUMENT ...` prints its JSON.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from processes import output

MEGABYTE = 1e6
MEMORY_ROWS = {"mnist_m": 60_000, "wide": 4096, "tab_m": 100_000, "full": 10_000}
ROUNDS = 5
PASS_SECONDS = 0.1


def resident(field: str) -> float:
    """Return VmRSS (now) or VmHWM (peak) of this process in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024.0 * next(int(line.split()[1]) for line in lines if line.startswith(field))


def memory(name: str, dtype: str) -> dict[str, float]:
    """What one epoch of fit, network and trainer included, adds to X and Y at its peak."""
    import deltarule as dr
    from deltarule.bench.workloads import WORKLOADS

    workload = replace(WORKLOADS[name], rows=MEMORY_ROWS[name])
    rng = np.random.default_rng(0)
    shape = workload.rows, workload.layers[0]
    if dtype == "uint8":  # drawn without temporary copies: the peak before the fit would hide it
        X = rng.integers(0, 256, shape, np.uint8)
    else:
        X = rng.random(shape, np.dtype(dtype))
    Y = rng.random((workload.rows, workload.layers[-1]), np.float32)
    if workload.loss == "cross_entropy":
        Y = rng.integers(0, workload.layers[-1], workload.rows)
    scale = {"input_scale": 1 / 255} if dtype == "uint8" else {}
    before = resident("VmRSS")
    mlp = dr.MLP(
        workload.layers, workload.activation, workload.output, workload.loss, seed=0, **scale
    )
    mlp.fit(X, Y, workload.optimizer, min(workload.batch_size, workload.rows), epochs=1, seed=0)
    added = resident("VmHWM") - before
    slots = len(workload.optimizer.slots)
    bound = (4 + 3 * slots) * mlp.w.nbytes + 32e6
    return {
        "X MB": X.nbytes / MEGABYTE, "Y MB": Y.nbytes / MEGABYTE,
        "weights MB": mlp.w.nbytes / MEGABYTE, "added MB": added / MEGABYTE,
        "bound MB": bound / MEGABYTE, "of the bound": added / bound,
    }  # fmt: skip


def kinds(X: np.ndarray[Any, Any], folder: Path) -> dict[str, tuple[Any, bool]]:
    """The same images as people have them; whether they are still to be divided by 255."""
    bytes_ = np.round(X * 255).astype(np.uint8)
    wide = np.zeros((len(X), 2 * X.shape[1]), np.float32)
    wide[:, ::2] = X
    np.save(folder / "X.npy", X)
    return {
        "float32": (X, False),
        "uint8": (bytes_, True),
        "float64": (X.astype(np.float64), False),
        "strided": (wide[:, ::2], False),
        "memmap": (np.load(folder / "X.npy", mmap_mode="r"), False),
        "Fortran": (np.asfortranarray(X), False),
    }


def inputs(name: str, threads: str) -> dict[str, float]:
    """Samples per second from float32 rows; from others as a multiple of that."""
    import deltarule as dr
    from deltarule.bench.measure import passes
    from deltarule.bench.workloads import WORKLOADS

    workload = replace(WORKLOADS[name], rows=20_000)
    X, Y = workload.make()
    times: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        trained = {}
        for kind, (x, scaled) in kinds(X, Path(folder)).items():
            scale = {"input_scale": 1 / 255} if scaled else {}
            mlp = dr.MLP(workload.layers, workload.activation, loss=workload.loss, seed=0, **scale)
            trainer = dr.Trainer(mlp, workload.optimizer, workload.batch_size, int(threads))
            trained[kind] = trainer, x
        orders = passes(workload)
        for _ in range(ROUNDS + 1):
            for kind, (trainer, x) in trained.items():
                times.setdefault(kind, []).append(
                    epoch_seconds(partial(trainer.epoch, x, Y), orders)
                )
    median = {kind: statistics.median(t[1:]) for kind, t in times.items()}
    base = median.pop("float32")
    rates = {f"{kind} ×": base / seconds for kind, seconds in median.items()}
    return {"float32 samples/s": workload.pass_rows / base, **rates}


def epoch_seconds(epoch: Callable[[Any], object], orders: Any) -> float:
    """Return the seconds of a pass, on average over enough of them."""
    begin, n = time.perf_counter(), 0
    while n == 0 or time.perf_counter() - begin < PASS_SECONDS:
        epoch(next(orders))
        n += 1
    return (time.perf_counter() - begin) / n


def contention(name: str) -> dict[str, float]:
    """Time of a step with two threads and two free cores; others as a multiple of that."""
    import deltarule as dr
    from deltarule.bench.measure import passes
    from deltarule.bench.workloads import WORKLOADS

    workload = WORKLOADS[name]
    workload = replace(workload, pass_rows=min(workload.pass_rows, 16 * workload.batch_size))
    X, Y = workload.make()
    cores = sorted(os.sched_getaffinity(0))[-2:]
    os.sched_setaffinity(0, cores)
    orders = passes(workload)
    trainers = {
        n: dr.Trainer(workload.network(), workload.optimizer, workload.batch_size, n)
        for n in (2, 3, 4)
    }

    # A call of epoch is a pass of the shuffled data, or one step of the full batch.
    steps = 1 if workload.full else workload.pass_rows // workload.batch_size

    def step_seconds(threads: int) -> float:
        epoch = partial(trainers[threads].epoch, X, Y)
        epoch_seconds(epoch, orders)
        times = [epoch_seconds(epoch, orders) for _ in range(2 * ROUNDS)]
        return statistics.median(times) / steps

    free = step_seconds(2)
    result = {"2 threads µs": 1e6 * free}
    result |= {f"{n} threads ×": step_seconds(n) / free for n in (3, 4)}
    spin = "import os, sys; os.sched_setaffinity(0, [int(sys.argv[1])])\nwhile True: pass"
    others = [subprocess.Popen([sys.executable, "-c", spin, str(core)]) for core in cores]
    try:
        time.sleep(0.3)
        result["both cores busy ×"] = step_seconds(2) / free
    finally:
        for other in others:
            other.kill()
            other.wait()
    return result


def job(*arguments: str, threads: int = 2) -> Callable[[], Any]:
    """Return the measurement as a call that runs it in its own process."""
    return partial(output, [__file__, *arguments], threads)


KINDS: dict[str, Callable[..., dict[str, float]]] = {
    "memory": memory, "inputs": inputs, "contention": contention
}  # fmt: skip
MEMORY = {
    f"{name} {dtype}": job("memory", name, dtype)
    for name, dtype in (
        ("mnist_m", "uint8"), ("mnist_m", "float32"), ("wide", "float32"), ("tab_m", "float64"),
        ("full", "float32"),
    )
}  # fmt: skip
INPUTS = {
    f"{name}, {n} thread{'s' * (n > 1)}": job("inputs", name, str(n), threads=n)
    for name in ("mnist_s", "mnist_m")
    for n in (1, 2)
}
CONTENTION = {name: job("contention", name) for name in ("digits", "tab_s", "mnist_m", "full")}


if __name__ == "__main__":
    print(json.dumps(KINDS[sys.argv[1]](*sys.argv[2:])))
