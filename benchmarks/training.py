# SPDX-License-Identifier: BSD-3-Clause
"""Training speed beside other libraries, as a Markdown table.

Run: python benchmarks/training.py   (`pip install ".[bench]"` brings the peers)

Each peer trains each workload at each thread count in its own process, pinned to that many cores,
its environment free of settings meant for others. No speed is printed unless all, from the same
weights over the same rows in the same order, reach the same loss.
"""

from __future__ import annotations

import argparse
import functools
import json
import math
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from cell import Cell
from peers import PEERS
from workloads import FASHION_MNIST, WORKLOADS, Problem

# Settings of thread pools and kernels, by library; what a shell holds may slow a peer down.
FOREIGN = (
    "ATEN_", "BLIS_", "DNNL_", "GOMP_", "GOTO_", "KMP_", "MKL_", "NVPL_", "OMP_", "ONEDNN_",
    "OPENBLAS_", "VECLIB_", "XLA_",
)  # fmt: skip


def environment(threads: int) -> dict[str, str]:
    """Return the variables of a cell's process: ours without what steers a library."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    return kept | {"OMP_NUM_THREADS": str(threads)}


def run_cell(path: Path, peer: str, setting: str, threads: int, runs: int) -> Cell:
    """Measure in a new process, on the last cores that this one may use."""
    cores = sorted(os.sched_getaffinity(0))[-threads:]
    script = str(Path(__file__).with_name("cell.py"))
    done = subprocess.run(
        [sys.executable, script, str(path), peer, setting, str(threads), str(runs)],
        env=environment(threads),
        preexec_fn=functools.partial(os.sched_setaffinity, 0, cores),
        stdout=subprocess.PIPE,
        text=True,
    )
    if done.returncode != 0:
        raise SystemExit(f"{path.stem}: {peer} failed (exit status {done.returncode})")
    return Cell(**json.loads(done.stdout.splitlines()[-1]))


def run_workload(
    problem: Problem, peers: Sequence[str], options: argparse.Namespace, folder: Path
) -> list[Cell]:
    """Measure every peer with every setting at every thread count."""
    path = folder / f"{problem.name}.npz"
    problem.save(path)
    cells = []
    for peer in peers:
        for setting in PEERS[peer].settings:
            for threads in options.threads:
                print(f"{problem.name}: {peer} {setting} {threads}", file=sys.stderr)
                cells.append(run_cell(path, peer, setting, int(threads), options.runs))
    path.unlink()
    return cells


def difference(cell: Cell, reference: Cell) -> float:
    """Return how far the losses after the check lie apart, relative."""
    return abs(cell.loss - reference.loss) / reference.loss


def check(cells: Sequence[Cell]) -> None:
    """Exit unless all cells of a workload have trained, and to the same loss as the first one."""
    first = cells[0]
    for cell in cells:
        limit = max(PEERS[cell.peer].tolerance, PEERS[first.peer].tolerance)
        if cell.loss > 0.95 * cell.start_loss or not difference(cell, first) <= limit:
            raise SystemExit(
                f"{cell.workload}: {cell.peer} {cell.setting} took the loss from {cell.start_loss} "
                f"to {cell.loss}; expected {first.loss} within {limit:.0e}, as {first.peer}"
            )


def best(cells: Sequence[Cell], peer: str) -> Cell:
    """Return the peer's fastest cell."""
    return max((cell for cell in cells if cell.peer == peer), key=lambda cell: cell.rate)


def digits(x: float) -> str:
    """Return x to three digits."""
    return f"{x:.{max(0, 2 - math.floor(math.log10(x)))}f}"


def speed(cell: Cell) -> str:
    """Return what the table says of a cell: 21.1 M ± 2 % (1 thread)."""
    prefix, unit = next((p, u) for p, u in (("M", 1e6), ("k", 1e3), ("", 1)) if cell.rate >= u)
    return f"{digits(cell.rate / unit)} {prefix} ± {50 * cell.spread:.0f} % ({how(cell)})"


def how(cell: Cell) -> str:
    """Return threads and setting."""
    threads = "1 thread" if cell.threads == 1 else f"{cell.threads} threads"
    return f"{threads}, {cell.setting}" if cell.setting else threads


def table(results: dict[str, list[Cell]], about: dict[str, str], peers: Sequence[str]) -> str:
    """Markdown: a row per workload; speeds, then ours as a multiple of each peer's."""
    ours = "deltarule"
    others = [peer for peer in peers if peer != ours] if ours in peers else []
    head = ["workload", "network", "data", *peers, *(f"{ours} / {peer}" for peer in others)]
    lines = [[*head, "check: loss"], ["---"] * (len(head) + 1)]
    for name, cells in results.items():
        row = [name, str(WORKLOADS[name]), about[name]]
        row += [speed(best(cells, peer)) for peer in peers]
        row += [digits(best(cells, ours).rate / best(cells, peer).rate) for peer in others]
        apart = max(difference(cell, cells[0]) for cell in cells)
        lines.append([*row, f"{cells[0].loss:.5f} ± {100 * apart:.1g} %"])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def machine(peers: Sequence[str]) -> dict[str, str]:
    """Return what a figure depends on: CPU, cores, versions."""
    import deltarule as dr

    info = dr.info()
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": names[0] if names else platform.machine(),
        "cores": str(len(os.sched_getaffinity(0))),
        "python": info.python,
        "numpy": info.numpy,
        "deltarule": f"{info.version} ({info.instruction_set})",
    } | {peer: version(peer) for peer in peers if peer != "deltarule"}


def arguments() -> argparse.Namespace:
    """Parse and judge the command line."""

    def names(text: str) -> list[str]:
        return text.split(",")

    allowed = [str(n) for n in range(1, len(os.sched_getaffinity(0)) + 1)]
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--workloads", type=names, default=list(WORKLOADS))
    parser.add_argument("--peers", type=names, default=list(PEERS))
    parser.add_argument("--threads", type=names, default=allowed[:2])
    parser.add_argument("--runs", type=int, default=5, help="their median counts")
    parser.add_argument("--data", type=Path, default=FASHION_MNIST, help="folder of Fashion-MNIST")
    parser.add_argument("--json", type=Path, help="write every run to this file")
    options = parser.parse_args()
    known = {"workloads": list(WORKLOADS), "peers": list(PEERS), "threads": allowed}
    for option, values in known.items():
        for value in getattr(options, option):
            if value not in values:
                parser.error(f"--{option}: {value!r}; expected some of {','.join(values)}")
    if options.runs < 1:
        parser.error(f"--runs: {options.runs}; expected at least 1")
    return options


def main() -> None:
    """Measure, check, print."""
    options = arguments()
    missing = [peer for peer in options.peers if find_spec(PEERS[peer].module) is None]
    peers = [peer for peer in options.peers if peer not in missing]
    for peer in missing:
        print(f'{peer}: not installed (pip install ".[bench]")', file=sys.stderr)
    if not peers:
        raise SystemExit("no peer to measure")
    results, about = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        for name in options.workloads:
            problem = Problem.make(WORKLOADS[name], options.data)
            about[name] = problem.about
            print(f"{name}: {problem.about}", file=sys.stderr)
            results[name] = run_workload(problem, peers, options, Path(folder))
            check(results[name])
    host = machine(peers)
    if options.json:
        cells = [asdict(cell) for row in results.values() for cell in row]
        text = json.dumps({"machine": host, "data": about, "cells": cells}, indent=1)
        options.json.write_text(text + "\n")
    print(f"Training, float32 samples/s: median of {options.runs} runs ± half their range.")
    print(", ".join(f"{key} {value}" for key, value in host.items()) + ".\n")
    print(table(results, about, peers))


if __name__ == "__main__":
    main()
