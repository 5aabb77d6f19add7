# SPDX-License-Identifier: BSD-3-Clause
"""The gradient "gets progressively more diluted" on its way back through a deep network.

On the digits, with 1 to 10 hidden layers of 32 units: how the norms of dW[k] and delta[k] fall from
layer to layer for logistic, tanh and relu, beside the factor that the derivation predicts, and what
that does to training. docs/depth.md explains it.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

import deltarule as dr
from deltarule.digits import load_digits
from deltarule.records import saturated

WIDTH, DEPTHS, SEEDS = 32, range(1, 11), range(20)
ACTIVATIONS = ("logistic", "tanh", "relu")
COLOURS = {"logistic": "#D55E00", "tanh": "#009E73", "relu": "#0072B2"}
MAX_SLOPE = {"logistic": 0.25, "tanh": 1.0, "relu": 1.0}
SLOPE = {  # (18)
    "logistic": lambda o: o * (1 - o),
    "tanh": lambda o: 1 - o**2,
    "relu": lambda o: (o > 0).astype(o.dtype),
}
ETA, EPOCHS, DEEP = 0.05, 20, 6  # of the trainings; DEEP layers for the one that is watched


def network(activation: str, depth: int, seed: int, dtype: str = "float64") -> dr.MLP:
    """64 pixels, so many hidden layers of 32 units, 10 classes."""
    return dr.MLP(
        [64, *[WIDTH] * depth, 10], activation, "softmax", "cross_entropy", dtype=dtype, seed=seed
    )


def measure(mlp: dr.MLP, X: Any, Y: Any) -> dict[str, np.ndarray]:
    """Norms of dW[k]; and for every step from delta[k+1] to delta[k]: ratio, forecast, bound.

    `signal` is the norm of the part of dW[k] by which rows differ: the covariance of delta[k+1] and
    o[k] over the rows; the rest, mean times mean, moves all rows alike.

    With W[k] independent, of mean 0 and variance v, (20) gives on average
    |delta[k]|^2 = H_k v mean(f'^2) |delta[k+1]|^2; and always
    |delta[k]| <= max f' * (largest singular value of W[k]) * |delta[k+1]|.
    """
    f = mlp.architecture.activations[0]
    trace = mlp.forward(X)
    back = mlp.backward(trace, Y)
    ratio, forecast, bound, off = [], [], [], []
    for k in range(1, len(mlp.layers) - 1):
        W, fan_in, fan_out = mlp.W[k][:, :-1], mlp.layers[k], mlp.layers[k + 1]
        relu = mlp.architecture.activations[k] == "relu"
        v = 2 / fan_in if relu else 2 / (fan_in + fan_out)  # (32): r^2 / 3
        slope = SLOPE[f](trace.o[k])
        ratio.append(np.linalg.norm(back.delta[k]) / np.linalg.norm(back.delta[k + 1]))
        forecast.append(np.sqrt(fan_in * v * np.mean(slope**2)))
        bound.append(MAX_SLOPE[f] * np.linalg.norm(W, 2))
        off.append(np.mean(saturated(f, trace.o[k])))
    pairs = zip(back.delta[1:], trace.o[:-1], strict=True)
    deviations = [(delta - delta.mean(0)).T @ (o - o.mean(0)) for delta, o in pairs]
    return {
        "norm": np.array([np.linalg.norm(dW) for dW in back.dW]),
        "ratio": np.array(ratio),
        "forecast": np.array(forecast),
        "bound": np.array(bound),
        "saturated": np.array(off),
        "signal": np.array([np.linalg.norm(d) for d in deviations]) / len(X),
    }


def at_the_start(X: Any, Y: Any) -> dict[str, Any]:
    """All depths and seeds, before any training."""
    result: dict[str, Any] = {}
    for f in ACTIVATIONS:
        runs = {d: [measure(network(f, d, s), X, Y) for s in SEEDS] for d in DEPTHS}
        # Steps between hidden layers of the deepest nets; the last one enters the output layer.
        ratio = np.array([run["ratio"][:-1] for run in runs[10]])
        forecast = np.array([run["forecast"][:-1] for run in runs[10]])
        of_seed = np.mean(ratio**2, axis=1) - np.mean(forecast**2, axis=1)
        norm = np.array([run["norm"] for run in runs[10]])
        inner = np.log(norm[:, 1:-1])  # equal shapes, hidden to hidden
        per_layer = np.exp(np.mean(np.diff(inner, axis=1), axis=1))
        result[f] = {
            "norms": norm,
            "first": np.array([[run["norm"][0] for run in runs[d]] for d in DEPTHS]),
            "ratio": float(np.sqrt(np.mean(ratio**2))),
            "forecast": float(np.sqrt(np.mean(forecast**2))),
            "excess": float(np.mean(of_seed)),  # of the squares: 0 if the forecast is right
            "excess_error": float(np.std(of_seed, ddof=1) / np.sqrt(len(of_seed))),
            "dW_per_layer": float(np.exp(np.mean(np.log(per_layer)))),
            "dW_per_layer_error": float(
                np.std(np.log(per_layer), ddof=1) / np.sqrt(len(per_layer))
            ),
            "share_of_bound": max(
                float(np.max(run["ratio"] / run["bound"])) for d in DEPTHS for run in runs[d]
            ),
            "saturated": float(np.mean([run["saturated"] for run in runs[10]])),
        }
    return result


def trained(X: Any, Y: Any) -> dict[str, Any]:
    """Held-out accuracy after the same training, for every depth; three splits and starts."""
    result: dict[str, Any] = {}
    for f in ACTIVATIONS:
        accuracy = np.empty((len(DEPTHS), 3))
        for i, d in enumerate(DEPTHS):
            for s in range(3):
                rows = np.random.default_rng(s).permutation(len(X))
                a, b = rows[:1438], rows[1438:]
                mlp = network(f, d, s, "float32")
                mlp.fit(X[a], Y[a], dr.SGD(eta=ETA), epochs=EPOCHS, seed=s, n_threads=1)
                accuracy[i, s] = mlp.evaluate(X[b], Y[b], "accuracy")
        result[f] = accuracy
    return result


def watched(X: Any, Y: Any) -> dict[str, Any]:
    """One training of DEEP hidden layers: what fit records after each epoch, start and end."""
    result: dict[str, Any] = {}
    for f in ACTIVATIONS:
        mlp = network(f, DEEP, 0)
        start = measure(mlp, X, Y)
        history = mlp.fit(
            X, Y, dr.SGD(eta=ETA), epochs=EPOCHS, seed=0, n_threads=1,
            record=("gradient_norm", "saturation"),
        )  # fmt: skip
        result[f] = {"start": start, "history": history, "end": measure(mlp, X, Y)}
    return result


def main(save: str | Path | None = None) -> dict[str, Any]:
    """Measure, print a table, and with `save` write two pictures into that folder."""
    X, Y = load_digits()
    X = X.astype(np.float64)  # once, not once a call
    start, accuracy, watch = at_the_start(X[:500], Y[:500]), trained(X, Y), watched(X, Y)
    print("10 hidden layers of 32, before training; one layer back multiplies")
    print("             |delta|  forecast   |dW|    |dW[0]|/|dW[9]|  saturated")
    for f in ACTIVATIONS:
        r = start[f]
        share = np.exp(np.mean(np.log(r["norms"][:, 0] / r["norms"][:, 9])))
        r["first_to_ninth"] = float(share)
        print(
            f"{f:>9}    {r['ratio']:.4f}    {r['forecast']:.4f}  {1 / r['dW_per_layer']:.4f}"
            f"     {share:10.2e}      {r['saturated']:.4f}"
        )
    print(f"held-out accuracy after {EPOCHS} epochs of SGD(eta={ETA}), mean of 3, by depth")
    for f in ACTIVATIONS:
        print(f"{f:>9}  " + " ".join(f"{a:.3f}" for a in accuracy[f].mean(axis=1)))
    print(f"{DEEP} hidden layers, after {EPOCHS} epochs: share saturated; |dW[k]|, and its signal")
    for f in ACTIVATIONS:
        end = watch[f]["end"]
        print(f"{f:>9}  {np.mean(end['saturated']):.3f}  " + numbers(end["norm"]))
        print(" " * 18 + numbers(end["signal"]))
    if save is not None:
        pictures(Path(save), start, accuracy, watch)
    return {"start": start, "accuracy": accuracy, "watched": watch}


def numbers(values: Any) -> str:
    """A line of the table."""
    return " ".join(f"{v:.1e}" for v in values)


def pictures(save: Path, start: Any, accuracy: Any, watch: Any) -> None:
    """Dilution over depth with what it does to training; a training from inside."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    from deltarule.plot import gradient_dilution

    fig, axes = plt.subplots(1, 3, figsize=(9, 3.2), layout="constrained")
    for f in ACTIVATIONS:
        norms, c = start[f]["norms"], COLOURS[f]
        k = np.arange(norms.shape[1])
        axes[0].plot(k, np.exp(np.log(norms).mean(0)), "o-", color=c, ms=4, label=f)
        axes[0].fill_between(k, norms.min(0), norms.max(0), color=c, alpha=0.2, lw=0)
        first = start[f]["first"]
        axes[1].plot(DEPTHS, np.exp(np.log(first).mean(1)), "o-", color=c, ms=4, label=f)
        axes[1].fill_between(DEPTHS, first.min(1), first.max(1), color=c, alpha=0.2, lw=0)
        a = accuracy[f]
        axes[2].plot(DEPTHS, a.mean(1), "o-", color=c, ms=4, label=f)
        axes[2].fill_between(DEPTHS, a.min(1), a.max(1), color=c, alpha=0.2, lw=0)
    last = np.exp(np.log(start["logistic"]["norms"][:, 9]).mean())
    k = np.arange(1, 10)
    axes[0].plot(k, last * 0.25 ** (9.0 - k), "k--", lw=1, label="1/4 a layer")
    axes[0].set(
        yscale="log", xlabel="weight matrix k, input to output", ylabel="norm of dW[k]",
        title="10 hidden layers, at the start",
    )  # fmt: skip
    axes[1].set(
        yscale="log", xlabel="hidden layers", ylabel="norm of dW[0]",
        title="The first matrix, at the start",
    )  # fmt: skip
    axes[2].axhline(0.1, color="k", ls=":", lw=1)
    axes[2].text(6, 0.13, "guessing", fontsize=9)
    axes[2].set(
        xlabel="hidden layers", ylabel="held-out accuracy", ylim=(0, 1.02),
        title=f"{EPOCHS} epochs of SGD, $\\eta$ = {ETA}",
    )  # fmt: skip
    axes[0].set_xticks(range(11))
    for ax in axes[1:]:
        ax.set_xticks(DEPTHS)
    axes[0].legend(loc="lower right", fontsize=9)
    fig.savefig(save / "dilution_depth.png", dpi=110)
    plt.close(fig)

    fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    gradient_dilution(watch["logistic"]["history"], ax=left)
    left.legend(fontsize=9, ncols=4, loc="upper right", columnspacing=1)
    left.set(title=f"logistic, {DEEP} hidden layers", ylim=(5e-5, 1))
    for f in ("relu", "logistic"):
        end = watch[f]["end"]
        gradient_dilution(end["norm"], ax=right, label=f"{f}, whole")
        right.lines[-1].set_color(COLOURS[f])
        right.plot(end["signal"], "s--", color=COLOURS[f], ms=4, label=f"{f}, signal")
    right.set(title=f"After {EPOCHS} epochs: dW[k] and its signal", ylim=(3e-5, 10))
    right.legend(fontsize=9, loc=(0.03, 0.4))
    fig.savefig(save / "dilution_training.png", dpi=110)
    plt.close(fig)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="How the gradient thins out with depth.")
    parser.add_argument("--save", help="folder for the pictures")
    main(parser.parse_args().save)
