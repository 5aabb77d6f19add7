# SPDX-License-Identifier: BSD-3-Clause
"""Depth against width: what one and two hidden layers reach with equally many weights.

A sawtooth of 2^k pieces, written down exactly as a deep and as a shallow relu network; what
training makes of it; and the error on a radial function, trained, against the number of weights.
docs/capacity.md explains it.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

import deltarule as dr

TEETH = 5  # k of the sawtooth that is trained
WEIGHTS = (41, 81, 161, 321, 641)
SEEDS = range(4)


def tent(x: np.ndarray) -> np.ndarray:
    """T(x) = 2x up to 1/2 and 2 - 2x from there: 2 relu(x) - 4 relu(x - 1/2) on [0, 1]."""
    return 1 - np.abs(2 * x - 1)


def sawtooth(x: np.ndarray, k: int) -> np.ndarray:
    """T(T( ... x)), k times: 2^k straight pieces, at j / 2^k alternately 0 and 1."""
    for _ in range(k):
        x = tent(x)
    return x


def deep(k: int) -> dr.MLP:
    """The sawtooth with k hidden layers of 2 units, 6 k + 1 weights."""
    mlp = dr.MLP([1, *[2] * k, 1], "relu", "identity", dtype="float64", seed=0)
    between = np.array([[2, -4, 0], [2, -4, -0.5]])
    mlp.W = [[[1, 0], [1, -0.5]], *[between] * (k - 1), [[2, -4, 0]]]
    return mlp


def shallow(k: int) -> dr.MLP:
    """The same with one hidden layer: a unit for each of the 2^k pieces, 3 * 2^k + 1 weights."""
    h = 2**k
    mlp = dr.MLP([1, h, 1], "relu", "identity", dtype="float64", seed=0)
    change = np.where(np.arange(h) % 2 == 1, -2.0 * h, 2.0 * h)  # of the slope at j / 2^k
    change[0] = h
    last = np.append(change, 0.0)[None, :]
    mlp.W = [np.column_stack([np.ones(h), -np.arange(h) / h]), last]
    return mlp


def fewest_wrong(k: int, h: int) -> int:
    """At least so many of the 2^k + 1 points j / 2^k are on the wrong side of 1/2, whatever w.

    h relu units make at most h + 1 straight pieces, each crosses 1/2 at most once, so the points
    fall into at most h + 2 groups in a row on one side each; but the sawtooth changes sides from
    point to point, hence of r points in a group at least (r - 1) / 2 are wrong.
    """
    return max(0, -(-(2**k + 1 - (h + 2)) // 2))


def exact() -> dict[str, Any]:
    """Sizes of both constructions, and whether their outputs equal the sawtooth to the bit."""
    rows = []
    for k in range(1, 13):
        x = np.arange(2 ** (k + 2) + 1)[:, None] / 2.0 ** (k + 2)  # dyadic: no rounding anywhere
        a, b = deep(k), shallow(k)
        y = sawtooth(x, k)
        rows.append(
            {
                "k": k,
                "deep": a.n_weights,
                "shallow": b.n_weights,
                "units": sum(b.layers[1:-1]),
                "equal": bool(np.array_equal(a.predict(x), y) and np.array_equal(b.predict(x), y)),
            }
        )
    return {"rows": rows}


def staged(mlp: dr.MLP, X: Any, Y: Any, epochs: int, seed: int, batch: int = 64) -> None:
    """Adam with a falling rate."""
    for eta in (1e-2, 3e-3, 1e-3, 3e-4):
        mlp.fit(X, Y, dr.Adam(eta=eta), batch, epochs, seed=seed, n_threads=1)


def trained_sawtooth() -> dict[str, Any]:
    """Shallow and deep from random starts, with as many weights as the deep construction."""
    k = TEETH
    h = 2 * k  # 3 h + 1 = 6 k + 1
    x = np.linspace(0, 1, 2048, dtype=np.float32)[:, None]
    y = sawtooth(x, k).astype(np.float32)
    points = np.arange(2**k + 1)[:, None] / 2.0**k
    high = sawtooth(points, k) > 0.5
    result: dict[str, Any] = {"at_least": fewest_wrong(k, h), "points": len(points)}
    for name, layers in (("shallow", [1, h, 1]), ("deep", [1, *[2] * k, 1])):
        wrong, rms = [], []
        for seed in range(8):
            mlp = dr.MLP(layers, "relu", "identity", seed=seed)
            staged(mlp, x, y, 25, seed)
            wrong.append(int(np.sum((mlp.predict(points) > 0.5) != high)))
            rms.append(float(np.sqrt(np.mean((mlp.predict(x) - y) ** 2))))
        result[name] = {"wrong": wrong, "rms": rms, "weights": mlp.n_weights}
    exactly = deep(k)
    result["constructed_wrong"] = int(np.sum((exactly.predict(points) > 0.5) != high))
    result["straight_line"] = float(np.std(y))
    return result


def radial(x: np.ndarray) -> np.ndarray:
    """A function of the distance from 0: a square, a root and a sine, one after the other."""
    return np.sin(6 * np.sqrt(np.sum(x**2, axis=1, keepdims=True)))


def layers_of(weights: int, hidden: int) -> list[int]:
    """2-h-1 or 2-h-h-1 with about so many weights."""
    if hidden == 1:
        return [2, round((weights - 1) / 4), 1]
    h = min(range(1, 100), key=lambda h: abs(h * h + 5 * h + 1 - weights))
    return [2, h, h, 1]


def trained_radial() -> dict[str, Any]:
    """The error on fresh points, for one and two hidden layers and every number of weights."""
    rng = np.random.default_rng(0)
    X, Xv = (rng.uniform(-1, 1, (4096, 2)).astype(np.float32) for _ in range(2))
    Y, Yv = radial(X), radial(Xv)
    result: dict[str, Any] = {}
    for hidden in (1, 2):
        weights, units, error = [], [], []
        for w in WEIGHTS:
            layers = layers_of(w, hidden)
            of_seed = []
            for seed in SEEDS:
                mlp = dr.MLP(layers, "relu", "identity", seed=seed)
                staged(mlp, X, Y, 25, seed)
                of_seed.append(float(np.sqrt(np.mean((mlp.predict(Xv) - Yv) ** 2))))
            weights.append(mlp.n_weights)
            units.append(sum(layers[1:-1]))
            error.append(of_seed)
        result[f"{hidden}"] = {"weights": weights, "units": units, "error": np.array(error)}
    return result


def main(save: str | Path | None = None) -> dict[str, Any]:
    """Construct, train, print tables, and with `save` write a picture into that folder."""
    e, s, r = exact(), trained_sawtooth(), trained_radial()
    print("sawtooth of 2^k pieces, exact: weights of the deep and of the shallow network")
    for row in e["rows"][::2]:
        print(f"  k = {row['k']:2d}  {row['deep']:4d}  {row['shallow']:6d}  equal: {row['equal']}")
    print(f"k = {TEETH}, {s['points']} points, wrong side of 1/2: constructed deep net "
          f"{s['constructed_wrong']}; one hidden layer with as many weights at least "
          f"{s['at_least']}")  # fmt: skip
    for name in ("shallow", "deep"):
        print(f"  trained {name}, {s[name]['weights']} weights: wrong {sorted(s[name]['wrong'])}")
    print("sin(6 |x|) in the square, root mean square error (median of seeds)")
    for hidden in ("1", "2"):
        for w, u, error in zip(*(r[hidden][key] for key in ("weights", "units", "error")),
                               strict=True):  # fmt: skip
            print(f"  {hidden} hidden  {w:4d} weights  {u:4d} units  {np.median(error):.4f}")
    if save is not None:
        picture(Path(save), e, s, r)
    return {"exact": e, "sawtooth": s, "radial": r}


def picture(save: Path, e: Any, s: Any, r: Any) -> None:
    """Weights of both constructions, the sawtooth, errors against weights."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    blue, vermilion = "#0072B2", "#D55E00"
    fig, axes = plt.subplots(1, 3, figsize=(9.2, 3.1), layout="constrained")
    k = [row["k"] for row in e["rows"]]
    axes[0].plot(k, [row["shallow"] for row in e["rows"]], "o-", color=vermilion, ms=4,
                 label="1 hidden layer: $3 \\cdot 2^k + 1$")  # fmt: skip
    axes[0].plot(k, [row["deep"] for row in e["rows"]], "o-", color=blue, ms=4,
                 label="k hidden layers: $6k + 1$")  # fmt: skip
    axes[0].set(yscale="log", ylim=(4, 4e5), xlabel="k", ylabel="weights",
                title="Sawtooth of $2^k$ pieces, exact")  # fmt: skip
    axes[0].set_xticks(range(2, 13, 2))
    axes[0].legend(fontsize=9)

    x = np.linspace(0, 1, 2049)[:, None]
    axes[1].plot(x, sawtooth(x, TEETH), color=blue, lw=1, label="constructed, 5 hidden layers")
    best = int(np.argmin(s["shallow"]["rms"]))
    mlp = dr.MLP([1, 2 * TEETH, 1], "relu", "identity", seed=best)
    x32 = np.linspace(0, 1, 2048, dtype=np.float32)[:, None]
    staged(mlp, x32, sawtooth(x32, TEETH).astype(np.float32), 25, best)
    axes[1].plot(x, mlp.predict(x), color=vermilion, lw=2, label="trained, 1 hidden layer")
    axes[1].set(xlabel="x", ylim=(-0.05, 1.4), title=f"{s['deep']['weights']} weights each")
    axes[1].legend(fontsize=9)

    for hidden, colour in (("1", vermilion), ("2", blue)):
        error, w = r[hidden]["error"], r[hidden]["weights"]
        axes[2].plot(w, np.median(error, axis=1), "o-", color=colour, ms=4,
                     label=f"{hidden} hidden layer" + "s" * (hidden == "2"))  # fmt: skip
        axes[2].fill_between(w, error.min(1), error.max(1), color=colour, alpha=0.2, lw=0)
    axes[2].set(xscale="log", yscale="log", xlabel="weights", ylabel="rms error",
                title=r"$\sin(6\,|x|)$, trained")  # fmt: skip
    axes[2].set_xticks(WEIGHTS, [str(w) for w in WEIGHTS])
    axes[2].set_yticks([0.05, 0.1, 0.2, 0.5], ["0.05", "0.1", "0.2", "0.5"])
    axes[2].minorticks_off()
    axes[2].legend(fontsize=9)
    fig.savefig(save / "depth_width_error.png", dpi=110)
    plt.close(fig)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Depth against width.")
    parser.add_argument("--save", help="folder for the picture")
    main(parser.parse_args().save)
