# SPDX-License-Identifier: BSD-3-Clause
"""All benchmarks: tables beside other libraries, memory, inputs, contention, a sweep of shapes.

Run: python benchmarks/run.py   (`pip install ".[bench]"` brings the peers; takes ten minutes)

Each part's figures go into a JSON file as soon as they are there; a part or workload that it holds
already is not measured again unless --again says so. Then the Markdown page and the plots are made.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import conditions
import prediction
import report
import sweep
import training
from peers import registry
from problem import FASHION_MNIST, Problem

Results = dict[str, Any]


class Session:
    """The command line, and the results so far."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options, self.path = options, options.json
        self.results: Results = {}
        if self.path.exists():
            self.results = json.loads(self.path.read_text())
        self.results["machine"] = machine()

    def part(self, name: str) -> Results:
        """What is known of a part."""
        found: Results = self.results.setdefault(name, {})
        return found

    def wanted(self, part: str, key: str) -> bool:
        """Whether it must be measured."""
        return key not in self.part(part) or self.options.again

    def keep(self, part: str, key: str, value: Any, order: Iterable[str] = ()) -> None:
        """Write it to the file, whole or not at all; keys in this order."""
        known = self.part(part) | {key: value}
        self.results[part] = {k: known[k] for k in [*order, *known] if k in known}
        print(f"{time.strftime('%H:%M:%S')} {part}", file=sys.stderr)
        other = self.path.with_suffix(".part")
        other.write_text(json.dumps(self.results, indent=1) + "\n")
        other.replace(self.path)


def run_training(session: Session) -> None:
    """Nine workloads, or those asked for."""
    from deltarule.bench.workloads import WORKLOADS

    options = session.options
    names = [n for n in options.workloads or WORKLOADS if session.wanted("training", n)]
    if not names:
        return
    crew = training.clients(options.peers, options.threads)
    probe = training.Probe(options.threads)
    try:
        with tempfile.TemporaryDirectory() as folder:
            for name in names:
                problem = Problem.make(WORKLOADS[name], options.data)
                row = training.measure(problem, crew, probe, options.runs, Path(folder))
                session.keep("training", name, row, WORKLOADS)
                print(report.training_line(name, row), file=sys.stderr, flush=True)
    finally:
        probe.close()
        for client in crew:
            client.close()


def run_prediction(session: Session) -> None:
    """Two networks, four numbers of rows."""
    from deltarule.bench.workloads import PREDICTED

    options = session.options
    names = [n for n in PREDICTED if session.wanted("prediction", n)]
    if names:
        for name, row in prediction.measure(names, options.threads, options.runs):
            session.keep("prediction", name, row)
            print(report.prediction_lines(name, row), file=sys.stderr, flush=True)


def simple(part: str, jobs: dict[str, Callable[[], Any]]) -> Callable[[Session], None]:
    """Return a part whose keys are jobs without arguments."""

    def run(session: Session) -> None:
        for key, job in jobs.items():
            if session.wanted(part, key):
                session.keep(part, key, job())
                print(json.dumps(session.part(part)[key])[:300], file=sys.stderr, flush=True)

    return run


PARTS: dict[str, Callable[[Session], None]] = {
    "training": run_training,
    "prediction": run_prediction,
    "memory": simple("memory", conditions.MEMORY),
    "inputs": simple("inputs", conditions.INPUTS),
    "contention": simple("contention", conditions.CONTENTION),
    "sweep": simple("sweep", sweep.SWEEPS),
}


def machine() -> dict[str, str]:
    """Return what a figure depends on: CPU, cores, versions."""
    import deltarule as dr

    info = dr.info()
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    modules = {
        "scikit-learn": "sklearn", "torch": "torch", "jax": "jax", "onnxruntime": "onnxruntime"
    }  # fmt: skip
    return {
        "cpu": names[0] if names else platform.machine(),
        "cores": str(len(os.sched_getaffinity(0))),
        "python": info.python,
        "numpy": info.numpy,
        "deltarule": f"{info.version} ({info.instruction_set})",
    } | {name: version(name) for name, module in modules.items() if find_spec(module)}


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    """Parse and judge the command line."""
    from deltarule.bench.workloads import WORKLOADS

    def names(text: str) -> list[str]:
        return text.split(",")

    cores = len(os.sched_getaffinity(0))
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", type=names, default=list(PARTS), metavar="PART,...")
    parser.add_argument("--workloads", type=names, metavar="NAME,...")
    parser.add_argument("--peers", type=names, default=list(registry()), metavar="NAME,...")
    parser.add_argument("--threads", type=names, default=[str(n) for n in (1, 2)[:cores]])
    parser.add_argument("--runs", type=int, default=5, help="their median counts")
    parser.add_argument("--data", type=Path, default=FASHION_MNIST, help="folder of Fashion-MNIST")
    parser.add_argument("--json", type=Path, default=Path("benchmarks.json"), help="the results")
    parser.add_argument("--again", action="store_true", help="measure what the file holds already")
    parser.add_argument("--markdown", type=Path, help="write the tables to this file, not stdout")
    parser.add_argument("--plots", type=Path, metavar="FOLDER", help="draw the plots into it")
    options = parser.parse_args(given)
    known = {
        "only": list(PARTS), "workloads": list(WORKLOADS), "peers": list(registry()),
        "threads": [str(n) for n in range(1, cores + 1)],
    }  # fmt: skip
    for option, values in known.items():
        for value in getattr(options, option) or ():
            if value not in values:
                parser.error(f"--{option}: {value!r}; expected some of {','.join(values)}")
    if options.runs < 1:
        parser.error(f"--runs: {options.runs}; expected at least 1")
    options.threads = sorted(int(n) for n in options.threads)
    return options


def main() -> None:
    """Measure, check, write."""
    options = arguments()
    known = registry()
    for peer in [p for p in options.peers if find_spec(known[p].module) is None]:
        print(f'{peer}: not installed (pip install ".[bench]")', file=sys.stderr)
        options.peers.remove(peer)
    if not options.peers:
        raise SystemExit("no peer to measure")
    session = Session(options)
    for part in options.only:
        PARTS[part](session)
    pictures = None
    if options.markdown and options.plots:
        pictures = os.path.relpath(options.plots, options.markdown.parent)
    text = report.page(session.results, pictures)
    if options.markdown:
        options.markdown.write_text(text)
    else:
        print(text)
    if options.plots:
        import plots

        plots.draw(session.results, options.plots)


if __name__ == "__main__":
    main()
