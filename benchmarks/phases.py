# SPDX-License-Identifier: BSD-3-Clause
"""Where the time of a training step goes, per phase, as a Markdown table.

Run: python benchmarks/phases.py   (needs no other library)

Shares of the time of all threads; `wait` is for the other threads. The last column is the step's
multiply-adds as a share of what the same number of threads can do at most.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from deltarule import _core
from deltarule.bench.measure import MAX_EPOCHS, passes
from deltarule.bench.workloads import WORKLOADS, Workload
from deltarule.phases import PhaseTimer
from deltarule.trainer import Trainer

COLUMNS = ("gather", "forward", "output", "backward", "weights", "wait")


@dataclass(frozen=True)
class Measured:
    """A workload on so many threads: seconds per phase, of all threads, and without the timer."""

    workload: Workload
    threads: int
    seconds: dict[str, float]
    rate: float

    @property
    def flop_rate(self) -> float:
        return self.rate * self.workload.flops


def measure(workload: Workload, threads: int, seconds: float) -> Measured:
    """Train: a warm-up, as long with the timer off, which gives the rate, as long with it on."""
    X, Y = workload.make()
    rule, batch = workload.optimizer, workload.batch_size
    trainer = Trainer(workload.network(), rule, batch, threads)
    orders = passes(workload)

    def train() -> Iterator[int]:
        end = time.perf_counter() + seconds
        for order in islice(orders, MAX_EPOCHS // 3):
            if time.perf_counter() > end:
                break
            trainer.epoch(X, Y, order)
            yield len(X) if order is None else len(order)

    sum(train())
    begin = time.perf_counter()
    rate = sum(train()) / (time.perf_counter() - begin)
    with PhaseTimer(trainer) as timer:
        sum(train())
    spent = {phase: float(each.sum()) for phase, each in timer.seconds.items()}
    return Measured(workload, threads, spent, rate)


def row(measured: Measured, peak: float) -> list[str]:
    """Return one line of the table; peak: FLOP/s of so many threads."""
    whole = sum(measured.seconds.values())
    shares = [measured.seconds[phase] / whole for phase in COLUMNS]
    step = measured.workload.batch_size / measured.rate
    cells = [measured.workload.name, str(measured.threads), f"{1e6 * step:,.1f}"]
    return [
        *cells,
        *(f"{100 * share:.0f} %" for share in [*shares, 1 - sum(shares)]),
        f"{100 * measured.flop_rate / peak:.0f} %",
    ]


def table(all_measured: Sequence[Measured], peaks: dict[int, float]) -> str:
    """Return it in Markdown."""
    head = ["workload", "threads", "µs a step", *COLUMNS, "rest", "of the FMA peak"]
    lines = [head, ["---"] + ["--:"] * (len(head) - 1)]
    lines += [row(measured, peaks[measured.threads]) for measured in all_measured]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def arguments() -> argparse.Namespace:
    """Parse and judge the command line."""

    def names(text: str) -> list[str]:
        return text.split(",")

    def counts(text: str) -> list[int]:
        return [int(n) for n in names(text)]

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--workloads", type=names, default=list(WORKLOADS))
    parser.add_argument("--threads", type=counts, default=[1, 2])
    parser.add_argument("--seconds", type=float, default=0.5, help="of each of three runs")
    parser.add_argument("--peak", type=float, help="of one thread, in GFLOP/s; default: measured")
    options = parser.parse_args()
    if wrong := set(options.workloads) - {*WORKLOADS}:
        parser.error(f"got {', '.join(wrong)}; expected some of {', '.join(WORKLOADS)}")
    return options


def main() -> None:
    options = arguments()
    if options.peak:
        peaks = {n: 1e9 * n * options.peak for n in options.threads}
    else:
        peaks = {n: _core.fma_peak("float32", n, 0.1) for n in options.threads}
    found = [
        measure(WORKLOADS[name], threads, options.seconds)
        for name in options.workloads
        for threads in options.threads
    ]
    print(table(found, peaks))


if __name__ == "__main__":
    main()
