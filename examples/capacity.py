# SPDX-License-Identifier: BSD-3-Clause
"""The "capacity" of a network: which labellings of N points it can produce.

A perceptron in the plane shatters three points and no four; in n dimensions the number of
dichotomies of N points is Cover's, checked one by one; and how many random labels small networks
with one hidden layer memorise. docs/capacity.md explains it.
"""

from __future__ import annotations

import argparse
from itertools import product
from math import comb
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import linprog

import deltarule as dr

COUNTED = {2: range(1, 8), 3: range(1, 8)}  # inputs n: numbers of points N, all 2^N labellings
DRAWN_N, DRAWS = 10, 60  # random labellings in this many dimensions
HIDDEN, INPUTS, SETS, STEPS = (2, 4, 8, 16), 10, 10, 3000
LOADS = (0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5)  # points per weight


def cover(N: int, n: int) -> int:
    """Dichotomies of N points in general position in n dimensions by a perceptron with a bias."""
    return 2 * sum(comb(N - 1, k) for k in range(n + 1))


def separate(x: np.ndarray, y: np.ndarray) -> np.ndarray | None:
    """[w, b] with y_i (w x_i + b) >= 1 and least sum |w|, or None if there is none.

    A linear programme in [w+, w-, b], w = w+ - w-; a small w keeps the boundary off the points.
    """
    n = x.shape[1]
    signed = -y[:, None] * np.column_stack([x, -x, np.ones(len(x))])
    cost, bounds = np.append(np.ones(2 * n), 0.0), [*[(0, None)] * (2 * n), (None, None)]
    found = linprog(cost, signed, -np.ones(len(x)), bounds=bounds)
    if found.status == 2:
        return None
    if found.status != 0:
        raise RuntimeError(f"linprog: {found.message}")
    return np.append(found.x[:n] - found.x[n:-1], found.x[-1])


def perceptron(w: np.ndarray, x: np.ndarray) -> np.ndarray:
    """+1 where a native threshold unit with these weights fires, net >= 0, else -1."""
    mlp = dr.MLP([x.shape[1], 1], output="threshold", dtype="float64", seed=0)
    mlp.W = [w[None, :]]
    return np.where(mlp.predict(x)[:, 0] == 1, 1, -1)


def dichotomies(x: np.ndarray) -> dict[tuple[int, ...], np.ndarray | None]:
    """Every labelling of the points, with weights that produce it, or None."""
    found: dict[tuple[int, ...], np.ndarray | None] = {}
    for rest in product((-1, 1), repeat=len(x) - 1):
        y = np.array((1, *rest))
        w = separate(x, y)
        if w is not None and not np.array_equal(perceptron(w, x), y):
            raise AssertionError("the linear programme's weights do not separate")
        found[tuple(y)] = w
        found[tuple(-y)] = None if w is None else -w  # no net is 0: |net| >= 1
    return found


def radon(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The point that lies in the convex hulls of both classes: why no line separates four points.

    A combination sum c_i [x_i, 1] = 0 exists, and is unique up to a factor; its positive and its
    negative part are averages of points, and equal.
    """
    c = np.linalg.svd(np.column_stack([x, np.ones(len(x))]).T)[2][-1]
    c = c / np.sum(c[c > 0])
    assert len(set(np.sign(c) * y)) == 1, "the classes are not the two sides of Radon's partition"
    return np.asarray(c[c > 0] @ x[c > 0])


def shattering(rng: np.random.Generator) -> dict[str, Any]:
    """Three and four points in the plane, in general position, 20 times each."""
    three = [sum(w is not None for w in dichotomies(rng.normal(size=(3, 2))).values())
             for _ in range(20)]  # fmt: skip
    sets = [rng.normal(size=(4, 2)) for _ in range(20)]
    four = []
    for x in sets:
        found = dichotomies(x)
        four.append(sum(w is not None for w in found.values()))
        for y, w in found.items():
            if w is None:
                radon(x, np.array(y))  # the proof that it cannot be
    line = np.column_stack([np.arange(3.0), np.arange(3.0)])
    return {
        "three": three,
        "four": four,
        "three_in_line": sum(w is not None for w in dichotomies(line).values()),
    }


def counting(rng: np.random.Generator) -> list[tuple[int, int, int, int]]:
    """(n, N, dichotomies found among all 2^N, Cover's number)."""
    rows = []
    for n, numbers in COUNTED.items():
        for N in numbers:
            found = dichotomies(rng.normal(size=(N, n)))
            rows.append((n, N, sum(w is not None for w in found.values()), cover(N, n)))
    return rows


def random_labels(rng: np.random.Generator) -> dict[str, Any]:
    """How often random labels of N points in 10 dimensions are separable, and Cover's share."""
    n = DRAWN_N
    N = np.arange(12, 37, 4)
    hits = [
        sum(
            separate(rng.normal(size=(m, n)), rng.choice((-1, 1), m)) is not None
            for _ in range(DRAWS)
        )
        for m in N
    ]
    return {"N": N, "hits": np.array(hits), "cover": np.array([cover(m, n) / 2.0**m for m in N])}


def memorised() -> dict[str, Any]:
    """The share of random labellings that training fits without a mistake, by points per weight."""
    result: dict[str, Any] = {}
    for h in HIDDEN:
        share, weights = [], h * (INPUTS + 2) + 1
        for load in LOADS:
            N, hits = round(load * weights), 0
            for s in range(SETS):
                rng = np.random.default_rng((h, N, s))
                X = rng.normal(size=(N, INPUTS)).astype(np.float32)
                Y = rng.integers(0, 2, N).astype(np.float32)
                mlp = dr.MLP([INPUTS, h, 1], "tanh", "logistic", "binary_cross_entropy", seed=s)
                batch = min(N, 32)
                for eta in (3e-2, 3e-3):
                    trainer = dr.Trainer(mlp, dr.Adam(eta=eta), batch, n_threads=1)
                    taken = STEPS // 2 * batch
                    order = np.concatenate([rng.permutation(N) for _ in range(-(-taken // N))])
                    trainer.epoch(X, Y, order[:taken])
                hits += mlp.evaluate(X, Y, "accuracy") == 1.0
            share.append(hits / SETS)
        below = [load for load, p in zip(LOADS, share, strict=True) if p >= 0.5]
        result[f"{h}"] = {"weights": weights, "share": share, "load": max(below, default=0.0)}
    return result


def main(save: str | Path | None = None) -> dict[str, Any]:
    """Count, train, print tables, and with `save` write two pictures into that folder."""
    rng = np.random.default_rng(0)
    s, c, r, m = shattering(rng), counting(rng), random_labels(rng), memorised()
    print(f"dichotomies of 3 points in the plane {set(s['three'])} of 8, of 4 {set(s['four'])} "
          f"of 16, of 3 in line {s['three_in_line']}")  # fmt: skip
    for n in COUNTED:
        print(f"n = {n}: found " + " ".join(str(row[2]) for row in c if row[0] == n)
              + ", Cover " + " ".join(str(row[3]) for row in c if row[0] == n))  # fmt: skip
    print(f"random labels in {DRAWN_N} dimensions, {DRAWS} draws: N, separable, Cover")
    for N, hits, p in zip(r["N"], r["hits"], r["cover"], strict=True):
        print(f"  {N:3d}  {hits / DRAWS:.3f}  {p:.3f}")
    print("random labels memorised, share of", SETS, "sets; points per weight", *LOADS)
    for h, row in m.items():
        print(f"  {INPUTS}-{h}-1, {row['weights']:3d} weights  "
              + " ".join(f"{p:.2f}" for p in row["share"]))  # fmt: skip
    if save is not None:
        pictures(Path(save), r, m)
    return {"shattering": s, "counting": c, "random_labels": r, "memorised": m}


def pictures(save: Path, r: Any, m: Any) -> None:
    """The 16 labellings of four points; the shares of random labels."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    blue, vermilion = "#0072B2", "#D55E00"
    x = np.array([[-1.0, -0.6], [0.9, -1.0], [1.0, 0.7], [-0.7, 1.0]])
    fig, axes = plt.subplots(2, 8, figsize=(10, 2.9), layout="constrained")
    for ax, (y, w) in zip(axes.T.flat, dichotomies(x).items(), strict=True):
        colour = [blue if label == 1 else vermilion for label in y]
        if w is not None:
            at = np.array([-2.0, 2.0])
            if abs(w[1]) > abs(w[0]):
                ax.plot(at, -(w[0] * at + w[2]) / w[1], color="k", lw=1)
            elif np.any(w[:2]):
                ax.plot(-(w[1] * at + w[2]) / w[0], at, color="k", lw=1)
        else:
            for side in (1, -1):
                pair = x[np.array(y) == side]
                ax.plot(*pair.T, color="0.6", lw=1, zorder=0)
            ax.plot(*radon(x, np.array(y)), "kx", ms=7)
            ax.set_title("no line", fontsize=9, pad=2)
        for point, c, label in zip(x, colour, y, strict=True):
            ax.plot(*point, "o" if label == 1 else "s", color=c, ms=6)
        ax.set(xlim=(-1.6, 1.6), ylim=(-1.6, 1.6), xticks=[], yticks=[], aspect="equal")
    fig.savefig(save / "capacity_shattering.png", dpi=110)
    plt.close(fig)

    fig, (left, right) = plt.subplots(1, 2, figsize=(9.2, 3.4), layout="constrained")
    N = np.arange(11, 41)
    n = DRAWN_N
    left.plot(N / (n + 1), [cover(i, n) / 2.0**i for i in N], color=blue, label="Cover")
    p = r["hits"] / DRAWS
    left.errorbar(r["N"] / (n + 1), p, 1.96 * np.sqrt(p * (1 - p) / DRAWS), fmt="o", ms=4,
                  color=vermilion, label=f"{DRAWS} draws each")  # fmt: skip
    left.set(xlabel="points per weight, N / (n + 1)", ylabel="share separable",
             title=f"A perceptron with {n} inputs, random labels")  # fmt: skip
    left.legend(fontsize=9)
    shades = matplotlib.colormaps["viridis"](np.linspace(0, 0.85, len(m)))
    for (h, row), shade, marker in zip(m.items(), shades, "osD^", strict=True):
        right.plot(LOADS, row["share"], f"{marker}-", color=shade, ms=5, alpha=0.9,
                   label=f"{INPUTS}-{h}-1, {row['weights']} weights")  # fmt: skip
    right.set(
        xlabel="points per weight", ylabel="share memorised", ylim=(-0.05, 1.5),
        yticks=np.arange(0, 1.1, 0.2), title="One hidden layer, trained on random labels",
    )  # fmt: skip
    right.legend(fontsize=9)
    fig.savefig(save / "capacity_labels.png", dpi=110)
    plt.close(fig)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Shattering, Cover's count, memorised labels.")
    parser.add_argument("--save", help="folder for the pictures")
    main(parser.parse_args().save)
