# SPDX-License-Identifier: BSD-3-Clause
"""`deltarule bench`: this machine's FMA peak, and our speed as a share of it, in under a minute."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from deltarule import _core
from deltarule.bench.measure import Figure, peaks, prediction, training
from deltarule.bench.workloads import PREDICTED, PREDICTED_ROWS, WORKLOADS
from deltarule.info import align, info

__all__ = ["bench", "print_peaks"]


def print_peaks(threads: Sequence[int], path: Path | None = None, seconds: float = 0.1) -> None:
    """Measure and print the FMA peak of every instruction set, dtype and thread count.

    Parameters
    ----------
    threads : sequence of int
        The counts.
    path : Path, optional
        Where to write the same as JSON.
    seconds : float
        Time for each figure.
    """
    found = peaks(threads, seconds, _core.available_isas())
    head = ("instruction set", "dtype", *(f"{n} thread{'s' * (n > 1)}" for n in threads))
    rows = [head]
    for isa in _core.available_isas():
        for dtype in ("float32", "float64"):
            speeds = [f"{found[isa, dtype, n] / 1e9:.1f} GFLOP/s" for n in threads]
            rows.append((isa, dtype, *speeds))
    print(*align(rows, "<<" + ">" * len(threads)), sep="\n")
    write(path, {"peaks": _listed(found), "core_latency_ns": core_latency_ns()})


def bench(
    threads: Sequence[int],
    path: Path | None = None,
    workloads: Sequence[str] | None = None,
    dtype: str = "float32",
    seconds: float = 0.1,
) -> None:
    """Measure and print what we reach of the FMA peak: nine trainings, eight predictions.

    Parameters
    ----------
    threads : sequence of int
        Counts to try; the table holds the fastest.
    path : Path, optional
        Where to write every run as JSON.
    workloads : sequence of str, optional
        Which of the trainings; None: all of them, and the predictions.
    dtype : str
        Of the networks.
    seconds : float
        Time for a run.
    """
    found = peaks(threads, seconds)
    trainings, predictions = [], []
    for name in WORKLOADS if workloads is None else workloads:
        _say(f"training {name}")
        X, Y = WORKLOADS[name].make()
        for n in threads:
            trainings.append(training(WORKLOADS[name], X, Y, n, seconds, dtype))
    for name in PREDICTED if workloads is None else ():
        _say(f"prediction {name}")
        X, _ = PREDICTED[name].make()
        for rows in PREDICTED_ROWS:
            for n in threads:
                predictions.append(prediction(name, X[:rows], n, seconds / 2, dtype))
    _say("")
    for key, rate in peaks(threads, seconds).items():
        found[key] = max(rate, found[key])
    peak = {n: found[_core.isa(), dtype, n] for n in threads}

    about, latency = info(), core_latency_ns()
    print(f"deltarule {about.version}, {about.instruction_set}, {dtype}; FMA peak:", end=" ")
    print(", ".join(f"{n} thread{'s' * (n > 1)} {r / 1e9:.1f} GFLOP/s" for n, r in peak.items()))
    if latency:
        print(f"a cache line crosses between cores in {latency:.0f} ns")
    print("share: matrix products per second over the peak of as many threads as stand below it")
    for figures in (trainings, predictions):
        if figures:
            print("", *align(table(figures, peak), "<<>>>>"), sep="\n")
    result = {
        "version": about.version, "instruction_set": about.instruction_set, "dtype": dtype,
        "peaks": _listed(found), "core_latency_ns": latency,
        "figures": [
            asdict(f) | {"rate": f.rate, "share": share(f, peak)} for f in trainings + predictions
        ],
    }  # fmt: skip
    write(path, result)


def table(figures: Sequence[Figure], peak: dict[int, float]) -> list[tuple[str, ...]]:
    """Rows of text: of every workload, or network and rows, the fastest thread count."""
    known = {**WORKLOADS, **dict.fromkeys(PREDICTED, "")}
    unit = "batch" if figures[0].kind == "training" else "rows"
    head = (figures[0].kind, "network", unit, "samples/s", "threads", "share")
    rows: list[tuple[str, ...]] = [head]
    for name, n in dict.fromkeys((f.name, f.rows) for f in figures):
        same = (f for f in figures if (f.name, f.rows) == (name, n))
        best = max(same, key=lambda f: f.rate)
        of = f"{100 * share(best, peak):.0f} % of {denominator(best, peak)}"
        rows.append((name, str(known[name]), str(n), human(best.rate), str(best.threads), of))
    return rows


def denominator(figure: Figure, peak: dict[int, float]) -> int:
    """Threads whose peak a figure is a share of: a training is judged by the whole machine."""
    alone = figure.kind == "prediction" or figure.rows == 1
    return figure.threads if alone else max(peak)


def share(figure: Figure, peak: dict[int, float]) -> float:
    """Return the figure's part of the peak."""
    return figure.flop_rate / peak[denominator(figure, peak)]


def human(rate: float) -> str:
    """Return a rate to three digits: 21.1 M."""
    if not rate > 0:
        return str(rate)
    prefix, unit = next((p, u) for p, u in (("M", 1e6), ("k", 1e3), ("", 1e-300)) if rate >= u)
    x = rate / (unit if prefix else 1)
    return f"{x:.{max(0, 2 - math.floor(math.log10(x)))}f} {prefix}".rstrip()


def core_latency_ns() -> float | None:
    """Nanoseconds that a cache line takes between two cores; None with one core."""
    seconds = _core.core_latency(0.02)
    return None if math.isnan(seconds) else seconds * 1e9


def _say(text: str) -> None:
    """Say on a terminal what is being done, on one line."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def write(path: Path | None, result: dict[str, Any]) -> None:
    """Write JSON, where wanted."""
    if path is not None:
        path.write_text(json.dumps(result, indent=1) + "\n")


def _listed(found: dict[tuple[str, str, int], float]) -> list[dict[str, Any]]:
    return [
        {"isa": isa, "dtype": dtype, "threads": n, "flops": rate}
        for (isa, dtype, n), rate in found.items()
    ]
