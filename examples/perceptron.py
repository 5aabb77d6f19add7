# SPDX-License-Identifier: BSD-3-Clause
"""Rosenblatt's rule: it converges where a line separates the classes, and only there.

Claims of the notes: w <- w + eta (d(x) - y(x)) x wherever the output is wrong; proved to converge
for linearly separable classes; no solution for XOR.

    python examples/perceptron.py [--save FOLDER]
"""

from __future__ import annotations

import argparse
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from deltarule.perceptron import Perceptron, mistake_bound

GAPS = (4.0, 2.0, 1.0, 0.5, 0.25)  # no sample is nearer to the line than half of that
LINE = np.array([2.0, -1.0, 0.5])  # the line that the made classes lie on either side of
SQUARE = np.array(list(product([0, 1], repeat=2)))


def classes(gap: float, n: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Return points along LINE, on either side, and their sides; none is in the gap between."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-5, 5, (60 * n, 2))
    distance = (X @ LINE[:2] + LINE[2]) / np.linalg.norm(LINE[:2])
    far = (np.abs(distance) >= gap / 2) & (np.abs(distance) <= gap / 2 + 0.5)
    return X[far][:n], (distance[far][:n] > 0).astype(int)


def bounds() -> list[dict[str, Any]]:
    """Train on ever narrower gaps; return corrections, epochs and the bound on corrections."""
    rows = []
    for gap in GAPS:
        X, d = classes(gap)
        fit = Perceptron(2).fit(X, d)
        rows.append({"gap": gap, "updates": fit.n_updates, "epochs": fit.n_epochs,
                     "converged": fit.converged, "bound": mistake_bound(X, d, LINE)})  # fmt: skip
    return rows


def functions(n: int) -> tuple[int, int, int]:
    """Teach every Boolean function of n bits; count those learnt, proven to cycle, and all."""
    X = np.array(list(product([0, 1], repeat=n)))
    fits = [Perceptron(n).fit(X, d, epochs=10_000) for d in product([0, 1], repeat=2**n)]
    cycles = sum(fit.period is not None for fit in fits)
    return sum(fit.converged for fit in fits), cycles, len(fits)


def steps(d: tuple[int, ...], epochs: int) -> list[list[float]]:
    """Return w after every row of the truth table, one row a call: the rule in slow motion."""
    perceptron = Perceptron(2)
    path = [perceptron.w.tolist()]
    for _ in range(epochs):
        for x, wanted in zip(SQUARE, d, strict=True):
            perceptron.fit(x[None, :], [wanted], epochs=1)
            path.append(perceptron.w.tolist())
    return path


def draw(rows: list[dict[str, Any]], gates: dict[str, Any]) -> Any:
    """Return a figure: a line found, corrections against their bound, mistakes per epoch."""
    import matplotlib.pyplot as plt

    from deltarule import plot
    from deltarule.plot import _common as colours

    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(10, 3.3), layout="constrained")
    X, d = classes(1.0, 120)
    perceptron = Perceptron(2)
    fit = perceptron.fit(X, d)
    plot.decision_boundary(perceptron, X, d, ax=left)
    left.set_title(f"separable: {fit.n_updates} corrections")
    gap = [row["gap"] for row in rows]
    middle.loglog(gap, [row["bound"] for row in rows], "--", color=colours.BLACK, label="bound")
    middle.loglog(gap, [row["updates"] for row in rows], "o-", color=colours.BLUE, label="made")
    middle.set(xlabel="gap between the classes", ylabel="corrections", title="mistakes")
    middle.set_xticks(gap, [f"{g:g}" for g in gap], minor=False)
    middle.minorticks_off()
    middle.legend()
    styles = {"AND": (colours.BLUE, "o-"), "OR": (colours.GREEN, "s-"),
              "XOR": (colours.VERMILION, "^-")}  # fmt: skip
    for name, fit in gates.items():
        colour, style = styles[name]
        right.plot(range(1, fit.n_epochs + 1), fit.mistakes, style, color=colour, label=name)
    right.set(xlabel="epoch", ylabel="mistakes", title="gates", ylim=(-0.2, 4.4))
    right.set_yticks(range(5))
    right.set_xticks(range(1, max(fit.n_epochs for fit in gates.values()) + 1))
    right.legend()
    return figure


def main(save: Path | None = None) -> dict[str, Any]:
    """Train; return corrections and bounds, the gates' fits, and how many functions are learnt."""
    rows = bounds()
    print(f"{'gap':>6}{'epochs':>8}{'corrections':>13}{'(R/gamma)^2':>13}")
    for row in rows:
        print(f"{row['gap']:>6}{row['epochs']:>8}{row['updates']:>13}{row['bound']:>13.0f}")
    gates = {
        name: Perceptron(2).fit(SQUARE, d)
        for name, d in (("AND", (0, 0, 0, 1)), ("OR", (0, 1, 1, 1)), ("XOR", (0, 1, 1, 0)))
    }
    for name, fit in gates.items():
        print(f"{name:<4}{fit}")
    counts = {n: functions(n) for n in (1, 2, 3)}
    for n, (learnt, cycles, all_of_them) in counts.items():
        print(f"{n} inputs: {learnt} of {all_of_them} functions learnt, {cycles} go in circles")
    path = steps((0, 1, 1, 0), 4)
    if save is not None:
        draw(rows, gates).savefig(Path(save) / "perceptron_rule.png", dpi=110)
    return {"rows": rows, "gates": gates, "functions": counts, "xor": path}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--save", type=Path, metavar="FOLDER", help="write the pictures there")
    main(parser.parse_args().save)
