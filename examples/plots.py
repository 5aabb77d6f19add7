# SPDX-License-Identifier: BSD-3-Clause
"""Every plot of `deltarule.plot` once: the pictures of docs/plots.md.

Two half moons that no line separates, a 2-8-1 network that separates them, and a deep logistic
network whose gradient thins out on its way back.

    python examples/plots.py [--save FOLDER]
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

import deltarule as dr
from deltarule import plot
from deltarule.digits import load_digits


def moons(n: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Return points of two interleaved half circles, and which half they are from."""
    rng = np.random.default_rng(0)
    angle, label = rng.uniform(0, np.pi, n), rng.integers(2, size=n)
    X = np.stack([np.cos(angle), np.sin(angle)], 1)
    X[label == 1] = [1, 0.5] - X[label == 1]
    return X + rng.normal(scale=0.1, size=X.shape), label


def classifier(X: np.ndarray, Y: np.ndarray) -> tuple[dr.MLP, dr.History]:
    """Return a 2-8-1 network trained on the first 200 points, and how that went."""
    mlp = dr.MLP([2, 8, 1], "tanh", "logistic", "binary_cross_entropy", seed=0)
    history = mlp.fit(X[:200], Y[:200], dr.Adam(eta=0.03), batch_size=20, epochs=60, seed=0,
                      validation=(X[200:], Y[200:]))  # fmt: skip
    return mlp, history


def xor() -> dr.MLP:
    """Return a 2-2-1 network with weights written by hand: (a or b) and not (a and b)."""
    mlp = dr.MLP([2, 2, 1], "logistic", "logistic", "binary_cross_entropy")
    mlp.W = [np.array([[10, 10, -5], [10, 10, -15]]), np.array([[10, -10, -5]])]
    return mlp


def dilution(activation: str) -> list[tuple[float, ...]]:
    """Return the norms of dW[k] in a network of six hidden layers, epoch by epoch."""
    X, labels = load_digits()
    mlp = dr.MLP([64, *[32] * 6, 10], activation, loss="cross_entropy", seed=0)
    history = mlp.fit(X, labels, dr.SGD(eta=0.05), epochs=5, seed=0, record="gradient_norm")
    return history.gradient_norm


def main(save: Path | None = None) -> dict[str, Any]:
    """Train, and draw all that has no page of its own."""
    X, Y = moons()
    mlp, history = classifier(X, Y)
    right = mlp.evaluate(X[200:], Y[200:], "accuracy")
    norms = {activation: dilution(activation) for activation in ("logistic", "relu")}
    print(f"two half moons: {right:.2f} right, loss {history.validation_loss[-1]:.3f}")
    for activation, rows in norms.items():
        print(f"{activation:<9} dW[0] has {rows[0][0] / rows[0][-1]:.1e} of the last one's norm")
    if save is not None:
        import matplotlib.pyplot as plt

        figure, (left, right_ax) = plt.subplots(1, 2, figsize=(7.4, 2.9), layout="constrained")
        plot.decision_boundary(mlp, X[200:], Y[200:], ax=left)
        plot.loss_curve(history, ax=right_ax)
        figure.savefig(Path(save) / "plots_training.png", dpi=110)

        figure, (left, right_ax) = plt.subplots(1, 2, figsize=(8.4, 4.0), layout="constrained")
        plot.network(xor(), ax=left)
        plot.network(mlp, ax=right_ax)
        figure.savefig(Path(save) / "plots_network.png", dpi=110)

        figure, (left, right_ax) = plt.subplots(1, 2, figsize=(8.4, 3.4), layout="constrained")
        for activation, rows in norms.items():
            plot.gradient_dilution(rows[0], ax=left, label=activation)
        left.set_title("after the first epoch")
        plot.gradient_dilution(norms["logistic"], ax=right_ax).set_title("logistic")
        right_ax.legend(fontsize="x-small", ncols=4, loc="upper center")
        right_ax.set_ylim(top=50)
        figure.savefig(Path(save) / "plots_dilution.png", dpi=110)
    return {"accuracy": right, "history": history, "norms": norms}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--save", type=Path, metavar="FOLDER", help="write the pictures there")
    main(parser.parse_args().save)
