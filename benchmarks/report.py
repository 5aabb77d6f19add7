# SPDX-License-Identifier: BSD-3-Clause
"""The results as Markdown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from training import Cell, difference

OURS = "deltarule"
Results = dict[str, Any]


def digits(x: float) -> str:
    """Return x to three digits."""
    return f"{x:.{max(0, 2 - math.floor(math.log10(x)))}f}" if x > 0 else "–"


def human(rate: float) -> str:
    """Return a rate: 21.1 M."""
    prefix, unit = next(((p, u) for p, u in (("M", 1e6), ("k", 1e3)) if rate >= u), ("", 1.0))
    return f"{digits(rate / unit)} {prefix}".rstrip()


def markdown(lines: Sequence[Sequence[str]]) -> str:
    """A table: the head, then the rows."""
    head, *rows = lines
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *rows))


def cells(row: Results) -> list[Cell]:
    """The cells of a workload."""
    return [Cell(**cell) for cell in row["cells"]]


def best(row: Results, peer: str, near: bool = True) -> Cell | None:
    """Return the peer's fastest cell."""
    found = [c for c in cells(row) if c.peer == peer and c.rate(near) > 0]
    return max(found, key=lambda c: c.rate(near), default=None)


def best_peer(row: Results, near: bool = True) -> Cell | None:
    """Return the fastest cell that isn't ours."""
    found = [c for c in cells(row) if c.peer != OURS and c.rate(near) > 0]
    return max(found, key=lambda c: c.rate(near), default=None)


def ratio(row: Results, near: bool = True) -> float:
    """Our speed over the best peer's; NaN where either is missing."""
    ours, other = best(row, OURS, near), best_peer(row, near)
    return ours.rate(near) / other.rate(near) if ours and other else math.nan


def share(row: Results) -> float:
    """Part of the FMA peak, of all threads measured; of one thread for batches of one row."""
    ours = best(row, OURS)
    peak = row["peaks"][str(1 if row["batch_size"] == 1 else max(map(int, row["peaks"])))]
    return ours.rate() * row["flops"] / peak if ours else math.nan


def far_ratio(row: Results) -> float:
    """The ratio with the cores far apart, where two threads met that; NaN else."""
    far = any(c.threads > 1 and c.rate(near=False) > 0 for c in cells(row))
    return ratio(row, near=False) if far else math.nan


def training_line(name: str, row: Results) -> str:
    """One workload in short."""
    ours, other = best(row, OURS), best_peer(row)
    text = f"{name}: "
    if ours:
        text += f"{human(ours.rate())}/s ({ours.how}), {100 * share(row):.0f} % of the peak"
    if other:
        text += f"; {ratio(row):.2f} x {other.peer} ({other.how}); far {far_ratio(row):.2f}"
    return text


def training_table(part: Results) -> str:
    """All workloads."""
    peers = list(dict.fromkeys(c.peer for row in part.values() for c in cells(row)))
    head = ["workload", "network", *peers, "share of the peak", "÷ best peer", "cores far apart"]
    lines = [[*head, "check: loss"]]
    short = {"cross_entropy": "CE", "binary_cross_entropy": "BCE", "half_squared_error": "½SE"}
    for name, row in part.items():
        about = f"{row['network']} {row['activation']} {short[row['loss']]} {row['rule']}"
        line = [name, f"{about} {row['batch_size']}, {row['data']}"]
        for peer in peers:
            cell = best(row, peer)
            line.append(f"{human(cell.rate())} ({cell.how})" if cell else "–")
        line.append(f"{100 * share(row):.0f} %")
        line += [f"{x:.2f}" if x > 0 else "–" for x in (ratio(row), far_ratio(row))]
        all_cells = cells(row)
        apart = max(difference(cell, all_cells[0]) for cell in all_cells)
        lines.append([*line, f"{all_cells[0].loss:.5f} ± {100 * apart:.1g} % of its fall"])
    return markdown(lines)


def prediction_table(part: Results) -> str:
    """Both networks, all numbers of rows."""
    peers = list(dict.fromkeys(p for row in part.values() for p in row["peers"]))
    lines = [["network", "rows", *peers, "share of the peak", "÷ best peer"]]
    for name, row in part.items():
        for rows in row["rows"]:
            lines.append([name, str(rows), *prediction_row(row, rows, peers)])
    return markdown(lines)


def prediction_row(row: Results, rows: int, peers: Sequence[str]) -> list[str]:
    """Time of a call of each peer at its best setting, share, ratio."""
    best = {p: row["peers"][p][str(rows)] for p in peers if p in row["peers"]}
    line = [micro(best[p]["seconds"]) if p in best else "–" for p in peers]
    if OURS not in best:
        return [*line, "–", "–"]
    ours = best[OURS]["seconds"]
    others = [cell["seconds"] for p, cell in best.items() if not p.startswith(OURS)]
    line.append(f"{100 * rows * row['flops'] / ours / row['peak']:.0f} %")
    return [*line, f"{min(others) / ours:.2f}" if others else "–"]


def prediction_lines(name: str, row: Results) -> str:
    """One network in short."""
    peers = list(row["peers"])
    lines = [f"{name}: {', '.join(peers)}, share, ratio"]
    lines += [f"  {n}: {', '.join(prediction_row(row, n, peers))}" for n in row["rows"]]
    return "\n".join(lines)


def micro(seconds: float) -> str:
    """Return a time to three digits: 33.1 µs."""
    return f"{digits(1e6 * seconds)} µs" if seconds < 1e-3 else f"{digits(1e3 * seconds)} ms"


def page(results: Results, pictures: str | None = None) -> str:
    """Everything that is there, with the plots if their folder, as seen from the page, is given."""

    def picture(name: str, alternative: str) -> list[str]:
        return [] if pictures is None else [f"![{alternative}]({pictures}/{name}.svg)"]

    host = results["machine"]
    text = ["# Benchmarks", ", ".join(f"{key} {value}" for key, value in host.items()) + "."]
    if part := results.get("training"):
        text += [
            "## Training",
            "Float32 samples per second, gather of shuffled rows, loss and update included: the "
            "median of the runs, at the best setting and thread count (in brackets). The peak is "
            "that of fused multiply-adds on all threads, of one for batches of one row; the share "
            "counts the matrix products. Cores far apart: the ratio while a cache line took more "
            "than 80 ns from one to the other. PyTorch's medium may multiply in bfloat16, which "
            "processors with tiles for it do several times as fast.",
            training_table(part),
            *picture("training", "Training beside other libraries"),
        ]
    if part := results.get("prediction"):
        text += [
            "## Prediction",
            "Median time of a call, one thread, NumPy arrays in and out.",
            prediction_table(part),
            *picture("prediction", "Prediction beside other libraries"),
        ]
    for name, heading, note in (
        ("memory", "Memory", "Peak resident memory that a fit adds to the caller's X and Y."),
        ("inputs", "Inputs", "Training from other kinds of X: speed over float32's."),
        ("contention", "Contention", "Time of a step, and over that with two free cores."),
    ):
        if part := results.get(name):
            text += [f"## {heading}", note, flat_table(part)]
    if part := results.get("sweep"):
        shapes = picture("sweep", "Share of the peak by width, batch, depth and outputs")
        text += ["## Shapes", sweep_text(part), *shapes]
    return "\n\n".join(text) + "\n"


def flat_table(part: Results) -> str:
    """Rows of one level: key, then the fields."""
    fields = list(dict.fromkeys(name for row in part.values() for name in row))

    def text(value: object) -> str:
        return human(value) if isinstance(value, float) else str(value)

    rows = [[key, *(text(row.get(name, "–")) for name in fields)] for key, row in part.items()]
    return markdown([["", *fields], *rows])


def sweep_text(part: Results) -> str:
    """The dips: shapes below half of their neighbours' mean."""
    text = []
    for name, row in part.items():
        shares = [p["share"] for p in row["points"]]
        text.append(
            f"{name}: {len(shares)} shapes, shares of one thread's peak {100 * min(shares):.0f} to "
            f"{100 * max(shares):.0f} %; below half of the mean of their neighbours: "
            + (", ".join(f"{x:g}" for x in row["dips"]) or "none")
        )
    return "\n".join(f"- {line}" for line in text)
