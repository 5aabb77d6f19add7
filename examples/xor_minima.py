# SPDX-License-Identifier: BSD-3-Clause
"""How easy it is "to get stuck in local minima": XOR by 2-2-1 networks from 1000 starts.

Full-batch gradient descent on the half squared error. Every start that has not learned XOR is
looked at again: does its loss still fall, what are gradient and curvature there, does it come back
after a kick? docs/depth.md explains what that says about "local minima".
"""

from __future__ import annotations

import argparse
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np

import deltarule as dr

X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float64)
Y = np.array([[0], [1], [1], [0]], np.float64)
ETA, STEPS, FACTOR = 4.0, 2000, 5  # the stuck ones take FACTOR times as many steps in the end
SOLVED = 1 / 32  # half of the lowest trap's loss: outputs 0, 1, 1/2, 1/2 cost 1/16
# The best that a network does if it cannot tell two, three or all rows apart.
TRAPS = {"1/16": 1 / 16, "1/12": 1 / 12, "1/8": 1 / 8}
CASES = {
    "2-2-1 logistic": ([2, 2, 1], "logistic", 1000),
    "2-2-1 tanh": ([2, 2, 1], "tanh", 200),
    "2-2-1 relu": ([2, 2, 1], "relu", 200),
    "2-4-1 logistic": ([2, 4, 1], "logistic", 200),
}


def descend(mlp: dr.MLP, steps: int) -> None:
    """So many steps of full-batch descent in one native call: batches of 4 rows, over and over."""
    trainer = dr.Trainer(mlp, dr.SGD(eta=ETA), batch_size=4, n_threads=1)
    trainer.epoch(X, Y, np.tile(np.arange(4), steps))


def curvatures(mlp: dr.MLP, h: float = 2.0**-13) -> np.ndarray:
    """Eigenvalues of the Hessian, by central differences of the gradient in float64."""
    w = mlp.w.copy()
    H = np.empty((w.size, w.size))
    for i, step in enumerate(np.eye(w.size) * h):
        mlp.w = w + step
        H[i] = mlp.gradient(X, Y)
        mlp.w = w - step
        H[i] = (H[i] - mlp.gradient(X, Y)) / (2 * h)
    mlp.w = w
    return np.linalg.eigvalsh((H + H.T) / 2)


def can_fall(mlp: dr.MLP, rng: np.random.Generator, size: float = 1e-4, tries: int = 300) -> bool:
    """Whether a network near this one, among so many random ones, has a lower loss."""
    w, loss = mlp.w.copy(), mlp.loss(X, Y)
    lowest = loss
    for step in rng.normal(0, size, (tries, w.size)):
        mlp.w = w + step
        lowest = min(lowest, mlp.loss(X, Y))
    mlp.w = w
    return lowest < loss - 1e-12


def wilson(k: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """The 95 % interval of a share k / n."""
    p, d = k / n, 1 + z * z / n
    half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / d
    middle = (p + z * z / (2 * n)) / d
    return max(0.0, middle - half), min(1.0, middle + half)


def look_at(mlp: dr.MLP) -> dict[str, float]:
    """What says whether a training has come to rest."""
    trace = mlp.forward(X)
    return {
        "loss": mlp.loss(X, Y),
        "gradient": float(np.linalg.norm(mlp.gradient(X, Y))),
        "largest_weight": float(np.max(np.abs(mlp.w))),
        "silent": int(np.sum(np.all(trace.o[1] == 0, axis=0))),  # relu units off on all rows
    }


def many(layers: list[int], activation: str, n: int) -> dict[str, Any]:
    """n trainings; then more steps for those that are stuck."""
    losses, stuck = np.empty(n), []
    for seed in range(n):
        mlp = dr.MLP(layers, activation, "logistic", dtype="float64", seed=seed)
        descend(mlp, STEPS)
        losses[seed] = mlp.loss(X, Y)
        if losses[seed] > SOLVED:
            before = look_at(mlp)
            descend(mlp, (FACTOR - 1) * STEPS)
            stuck.append((mlp, before, look_at(mlp)))
    late = [end["loss"] for _, _, end in stuck]
    for_good = [entry for entry in stuck if entry[2]["loss"] > SOLVED]
    nearest = [min(TRAPS, key=lambda t: abs(TRAPS[t] - loss)) for loss in late if loss > SOLVED]
    return {
        "n": n,
        "losses": losses,
        "late": np.array(late),
        "stuck": len(for_good),
        "interval": wilson(len(for_good), n),
        "escaped_late": len(stuck) - len(for_good),
        "traps": {t: nearest.count(t) for t in TRAPS},
        "ends": for_good,
    }


def anatomy(ends: list[Any], rng: np.random.Generator) -> dict[str, Any]:
    """Gradient, curvature, distance to the minimum and the way back, at the ends of stuck runs."""
    values, returns, kicks = [], 0, 0
    for mlp, before, after in ends:
        e = curvatures(mlp)
        trap = min(TRAPS.values(), key=lambda t: abs(t - after["loss"]))
        values.append(
            (
                (before["loss"] - trap) / (after["loss"] - trap),
                after["gradient"] / before["gradient"],
                e[0],
                e[-1],
                after["largest_weight"] - before["largest_weight"],
                after["gradient"] / max(e[0], 1e-300),  # how far a Newton step would go
            )
        )
        if kicks < 60:
            w = mlp.w.copy()
            mlp.w = w + rng.normal(0, 0.3, w.size)
            descend(mlp, STEPS)
            returns += mlp.loss(X, Y) > SOLVED
            kicks += 1
            mlp.w = w
    v = np.array(values)
    names = ("excess_fell", "gradient_fell", "e_min", "e_max", "weights_grew", "newton")
    return {"returned": int(returns), "kicked": kicks, **dict(zip(names, v.T, strict=True))}


def main(save: str | Path | None = None) -> dict[str, Any]:
    """Train, print a table, and with `save` write a picture into that folder."""
    results = {name: many(*case) for name, case in CASES.items()}
    print(f"XOR, {STEPS} steps of gradient descent, the stuck ones {FACTOR * STEPS}")
    print("network          starts  stuck  share (95 %)             at 1/16  1/12  1/8")
    for name, r in results.items():
        low, high = r["interval"]
        t = r["traps"]
        print(
            f"{name:15}  {r['n']:5d}  {r['stuck']:5d}  {r['stuck'] / r['n']:.3f} "
            f"({low:.3f} ... {high:.3f})  {t['1/16']:6d} {t['1/12']:6d} {t['1/8']:4d}"
        )
    at_16 = [e for e in results["2-2-1 logistic"]["ends"] if abs(e[2]["loss"] - 1 / 16) < 1e-3]
    a = anatomy(at_16, np.random.default_rng(0))
    print(f"logistic, {len(at_16)} ends near 1/16; medians (and extremes):")
    for name in ("excess_fell", "gradient_fell", "e_min", "e_max", "weights_grew", "newton"):
        x = a[name]
        print(f"  {name:14} {np.median(x):9.3g}   ({x.min():.3g} ... {x.max():.3g})")
    print(f"  kicked by N(0, 0.3^2) in every weight, came back: {a['returned']} of {a['kicked']}")
    at_12 = [e[0] for e in results["2-2-1 logistic"]["ends"] if abs(e[2]["loss"] - 1 / 12) < 1e-3]
    a["twelfth"] = len(at_12)
    a["twelfth_saddles"] = sum(bool(curvatures(mlp)[0] < 0) for mlp in at_12)
    print(f"logistic, near 1/12: {len(at_12)}, curved downwards: {a['twelfth_saddles']}")
    relu = results["2-2-1 relu"]["ends"]
    flat = [e for e in relu if abs(e[2]["loss"] - 1 / 8) < 1e-12 and e[2]["gradient"] < 1e-12]
    a["relu_flat"] = len(flat)
    a["relu_flat_silent"] = sum(end["silent"] == 2 for _, _, end in flat)
    falls = [e[0] for e in flat if can_fall(e[0], np.random.default_rng(1))]
    a["relu_minima"] = len(flat) - len(falls)
    a["relu_falls"] = len(falls)
    a["relu_falls_at_kink"] = sum(bool(np.any(m.forward(X).net[1] == 0)) for m in falls)
    print(f"relu, gradient 0 at 1/8: {len(flat)}, {a['relu_flat_silent']} of them with both units")
    print(f"  silent on all rows; no lower loss nearby: {a['relu_minima']}; on a kink and able to "
          f"fall: {a['relu_falls_at_kink']}")  # fmt: skip
    a["logistic_minima"] = sum(not can_fall(e[0], np.random.default_rng(1)) for e in at_16)
    print(f"logistic, near 1/16, no lower loss nearby: {a['logistic_minima']} of {len(at_16)}")
    if save is not None:
        picture(Path(save), results)
    for r in results.values():
        del r["ends"]
    return {"cases": results, "anatomy": a}


def picture(save: Path, results: Any) -> None:
    """Where the starts end; one that learns and one that does not."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    fig, (left, right) = plt.subplots(1, 2, figsize=(9.4, 3.4), layout="constrained")
    colours = {"XOR learnt": "#009E73", "1/16": "#E69F00", "1/12": "#D55E00", "1/8": "#000000"}
    names = list(results)
    done = np.zeros(len(names))
    for outcome, c in colours.items():
        share = np.array(
            [
                r["traps"].get(outcome, r["n"] - r["stuck"]) / r["n"]  # learnt: no trap's name
                for r in results.values()
            ]
        )
        label = outcome if outcome not in TRAPS else f"stuck near {outcome}"
        left.barh(names, share, left=done, color=c, label=label)
        done += share
    left.invert_yaxis()
    left.set(xlabel="share of starts", xlim=(0, 1), title="XOR from many starts")
    left.legend(fontsize=9, ncols=4, loc="upper center", bbox_to_anchor=(0.4, -0.18),
                columnspacing=0.8, handlelength=1)  # fmt: skip

    for seed, c in ((2, "#009E73"), (0, "#E69F00")):
        mlp = dr.MLP([2, 2, 1], "logistic", "logistic", dtype="float64", seed=seed)
        steps, loss = [1], [mlp.loss(X, Y)]
        while steps[-1] < 50_000:
            more = max(1, steps[-1] // 8)
            descend(mlp, more)
            steps.append(steps[-1] + more)
            loss.append(mlp.loss(X, Y))
        right.plot(steps, loss, color=c, label=f"loss, seed {seed}")
        if loss[-1] > SOLVED:
            right.plot(steps, np.array(loss) - 1 / 16, "--", color=c, label="the same less 1/16")
    right.axhline(1 / 16, color="k", ls=":", lw=1)
    right.set(xscale="log", yscale="log", xlabel="steps", ylabel="loss", title="2-2-1 logistic")
    right.legend(fontsize=9)
    fig.savefig(save / "xor_minima_starts.png", dpi=110)
    plt.close(fig)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="XOR by 2-2-1 networks from many starts.")
    parser.add_argument("--save", help="folder for the picture")
    main(parser.parse_args().save)
