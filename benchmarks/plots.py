# SPDX-License-Identifier: BSD-3-Clause
"""The results as pictures for the README and docs/: SVG, the same bytes for the same figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import report

mpl.use("svg")
mpl.rcParams |= {
    "svg.hashsalt": "deltarule", "svg.fonttype": "none", "font.size": 9, "axes.spines.top": False,
    "axes.spines.right": False, "axes.axisbelow": True,
}  # fmt: skip

import matplotlib.pyplot as plt  # noqa: E402  # after the backend

COLOURS = {
    "deltarule": "#b5382a", "JAX scan": "#2b6a99", "JAX step": "#7fb0d3", "JAX": "#2b6a99",
    "PyTorch": "#d98b2b", "NumPy": "#7a9a4d", "scikit-learn": "#a0a0a0", "onnxruntime": "#6f5a9a",
}  # fmt: skip


def draw(results: dict[str, Any], folder: Path) -> None:
    """Draw what is there."""
    folder.mkdir(parents=True, exist_ok=True)
    if part := results.get("training"):
        rates = {
            name: {
                peer: cell.rate()
                for peer in COLOURS
                if (cell := report.best(row, peer)) is not None
            }
            for name, row in part.items()
        }
        shares = {name: report.share(row) for name, row in part.items()}
        bars(folder / "training.svg", rates, shares, "training")
    if part := results.get("prediction"):
        rates, shares = {}, {}
        for name, row in part.items():
            for n in row["rows"]:
                key = f"{name}\n{n} row{'s' * (n > 1)}"
                rates[key] = {
                    peer: 1 / cells[str(n)]["seconds"]
                    for peer, cells in row["peers"].items()
                    if peer in COLOURS
                }
                shares[key] = rates[key]["deltarule"] * n * row["flops"] / row["peak"]
        bars(folder / "prediction.svg", rates, shares, "prediction, 1 thread")
    if part := results.get("sweep"):
        curves(folder / "sweep.svg", part)


def bars(
    path: Path, rates: dict[str, dict[str, float]], shares: dict[str, float], title: str
) -> None:
    """Each peer's speed as a multiple of the best one's that isn't ours."""
    peers = [p for p in COLOURS if any(p in row for row in rates.values())]
    figure, axes = plt.subplots(figsize=(9, 3.2), layout="constrained")
    width = 0.84 / len(peers)
    for i, peer in enumerate(peers):
        for j, row in enumerate(rates.values()):
            others = [rate for name, rate in row.items() if name != "deltarule"]
            if peer in row and others:
                height, x = row[peer] / max(others), j + (i - (len(peers) - 1) / 2) * width
                axes.bar(x, height, width, color=COLOURS[peer], label=peer if j == 0 else None)
                if peer == "deltarule":
                    axes.text(x, height * 1.05, f"{height:.1f}×", ha="center", fontsize=8)
    axes.set_yscale("log")
    axes.axhline(1, color="black", linewidth=0.6)
    axes.grid(axis="y", linewidth=0.3)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    labels = [f"{name}\n{100 * shares[name]:.0f} % of peak" for name in rates]
    axes.set_xticks(range(len(labels)), labels, fontsize=7.5)
    axes.set_ylabel("speed ÷ best other's")
    axes.set_title(title, fontsize=10, loc="left")
    handles = [mpl.patches.Patch(color=COLOURS[p], label=p) for p in peers]
    figure.legend(
        handles=handles, loc="outside upper right", ncols=len(peers), fontsize=8, frameon=False
    )
    save(figure, path)


def curves(path: Path, part: dict[str, Any]) -> None:
    """Shares of the peak by width, batch, depth and outputs."""
    names = list(dict.fromkeys(key.split(" by ")[1] for key in part))
    figure, grid = plt.subplots(
        1, len(names), figsize=(10, 2.8), layout="constrained", sharey=True, squeeze=False
    )
    for axes, name in zip(grid[0], names, strict=True):
        for kind, colour in (("training", "#b5382a"), ("prediction", "#2b6a99")):
            if row := part.get(f"{kind} by {name}"):
                x = [p["value"] for p in row["points"]]
                y = [100 * p["share"] for p in row["points"]]
                axes.plot(x, y, ".-", color=colour, markersize=3, linewidth=0.8, label=kind)
        if name in ("width", "batch"):
            axes.set_xscale("log", base=2)
            axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.grid(linewidth=0.3)
        axes.set_xlabel(name)
        axes.set_ylim(0, 100)
    figure.axes[0].set_ylabel("% of one thread's peak")
    figure.axes[0].legend(frameon=False, fontsize=8)
    save(figure, path)


def save(figure: Any, path: Path) -> None:
    """Write without a date."""
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
