# SPDX-License-Identifier: BSD-3-Clause
"""Targets and outputs: one-hot classes, likes of movies, and the range of every output activation.

Claims of the notes: a class among cat, dog, camel, hat, flower is a one-hot target, and softmax
answers with a probability vector; a table of users and movies, 1 where liked, predicts whether
another movie is liked; a network maps R^n onto the range of its output activation.

    python examples/targets.py [--save FOLDER]
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

import deltarule as dr
from deltarule import plot

CLASSES = ("cat", "dog", "camel", "hat", "flower")
MOVIES = 6
TASTE = np.array([2.0, -1.5, 1.0, -0.5, 0.0, 3.0])  # of the made users, for each movie
BIAS = -1.5
NOTES = (np.array([[1.0, 0, 1], [1, 1, 0], [0, 0, 1]]), np.array([1.0, 0, 1]))  # three users
OUTPUTS = ("threshold", "logistic", "tanh", "relu", "identity")


def one_hot(labels: np.ndarray, n_classes: int = len(CLASSES)) -> np.ndarray:
    """Row i is all 0 but for a 1 at labels[i]."""
    return np.eye(n_classes)[labels]


def things(n: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Return made measurements, two a thing, about a centre for each class, and the classes."""
    rng = np.random.default_rng(0)
    angle = 2 * np.pi * np.arange(5) / 5
    centres = 2 * np.stack([np.sin(angle), np.cos(angle)], 1)
    labels = rng.integers(5, size=n)
    return centres[labels] + rng.normal(scale=0.6, size=(n, 2)), labels


def classifier(X: np.ndarray, Y: np.ndarray) -> dr.MLP:
    """Return a trained net of 5 softmax outputs; Y one-hot or labels, the bits are the same."""
    mlp = dr.MLP([2, 8, 5], "tanh", loss="cross_entropy", seed=0)
    mlp.fit(X, Y, dr.Adam(eta=1e-2), batch_size=32, epochs=60, seed=0)
    return mlp


def likes(n: int = 4000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return made users: which of the movies they like, whether the target, and how probably."""
    rng = np.random.default_rng(1)
    X = rng.integers(2, size=(n, MOVIES)).astype(float)
    p = 1 / (1 + np.exp(-(X @ TASTE + BIAS)))
    return X, (rng.uniform(size=n) < p).astype(float), p


def logistic_regression(X: np.ndarray, Y: np.ndarray) -> dr.MLP:
    """Return one logistic unit, trained by descent on all rows until the loss stands still."""
    mlp = dr.MLP([X.shape[1], 1], loss="binary_cross_entropy", dtype="float64")
    mlp.w = np.zeros(mlp.n_weights)
    mlp.fit(X, Y, dr.SGD(eta=0.5, momentum=0.9), batch_size=None, epochs=5000, shuffle=False,
            stop_tol=1e-12)  # fmt: skip
    return mlp


def outputs(name: str, x: np.ndarray) -> np.ndarray:
    """Return over x the output of one net whose last net swings between about -6 and 6."""
    mlp = dr.MLP([1, 8, 1], "tanh", name, dtype="float64")
    bends = 5 * np.linspace(-2.4, 2.4, 8)  # a unit for each place where it turns
    swing = np.array([3.0, -6, 6, -6, 6, -6, 6, -3])
    mlp.W = [np.stack([np.full(8, 5.0), -bends], 1), np.append(swing, 0.0)[None, :]]
    return mlp.predict(x[:, None])[:, 0]


def draw_ranges() -> Any:
    """Return a figure: the same hidden layer under each output activation."""
    import matplotlib.pyplot as plt

    x = np.linspace(-3, 3, 601)
    _, axes = plt.subplots(1, len(OUTPUTS), figsize=(10, 2.4), layout="constrained")
    for ax, name in zip(axes, OUTPUTS, strict=True):
        ax.plot(x, outputs(name, x), color=plot._common.BLUE)
        ends = {"threshold": (0, 1), "logistic": (0, 1), "tanh": (-1, 1), "relu": (0,)}
        for end in ends.get(name, ()):
            ax.axhline(end, color=plot._common.VERMILION, ls="--", lw=1)
        ax.set(title=name, xlabel="x")
    return axes[0].figure


def draw_likes(mlp: dr.MLP) -> Any:
    """Return a figure: what was learned beside what the users were made with."""
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots(figsize=(6.4, 3.2), layout="constrained")
    place = np.arange(MOVIES + 1)
    ax.bar(place - 0.2, [*TASTE, BIAS], 0.4, color=plot._common.SKY, label="made with")
    ax.bar(place + 0.2, mlp.w, 0.4, color=plot._common.BLUE, label="learned")
    ax.axhline(0, color="black", lw=0.8)
    ax.set_xticks(place, [*(f"movie {j + 1}" for j in range(MOVIES)), "bias"])
    ax.set_ylabel("weight")
    ax.legend()
    return figure


def main(save: Path | None = None) -> dict[str, Any]:
    """Train both, take the outputs' extremes; return all numbers."""
    X, labels = things()
    mlp = classifier(X[:300], one_hot(labels[:300]))
    first = [int(np.flatnonzero(labels[300:] == c)[0]) + 300 for c in range(5)]
    y_hat = mlp.predict(X[first])
    print(f"{'':<8}{'target':<14}" + "".join(f"{name:>8}" for name in CLASSES))
    for name, target, row in zip(CLASSES, one_hot(np.arange(5)).astype(int), y_hat, strict=True):
        print(f"{name:<8}{target!s:<14}" + "".join(f"{p:>8.3f}" for p in row))
    right = mlp.evaluate(X[300:], labels[300:], metric="accuracy")
    print(f"right on {len(labels) - 300} others: {right:.2f}")

    three = logistic_regression(*NOTES)
    answers = three.predict(NOTES[0])[:, 0]
    print(f"the notes' three users: {answers.round(3)} for {NOTES[1].astype(int)}")

    users, liked, p = likes()
    unit = logistic_regression(users, liked)
    accuracy = unit.evaluate(users, liked, metric="accuracy")
    best = float(np.mean((p >= 0.5) == (liked == 1)))
    print(
        f"likes: {accuracy:.3f} right, who knows the tastes {best:.3f}; weights {unit.w.round(2)}"
    )

    x = np.linspace(-3, 3, 601)
    ranges = {name: outputs(name, x) for name in OUTPUTS}
    for name, o in ranges.items():
        print(f"{name:<10} from {o.min():.3f} to {o.max():.3f}")
    if save is not None:
        import matplotlib.pyplot as plt

        figure, regions = plt.subplots(figsize=(5.2, 3.9), layout="constrained")
        plot.decision_boundary(mlp, X[300:], labels[300:], ax=regions)
        for c, name in enumerate(CLASSES):
            where = X[labels == c].mean(axis=0)
            box = {"fc": "white", "ec": "none", "alpha": 0.8, "boxstyle": "round"}
            regions.annotate(name, where, ha="center", va="center", bbox=box)
        pictures = {"classes": figure, "likes": draw_likes(unit), "ranges": draw_ranges()}
        for what, figure in pictures.items():
            figure.savefig(Path(save) / f"targets_{what}.png", dpi=110)
    return {"y_hat": y_hat, "accuracy": right, "likes": accuracy, "best": best,
            "weights": unit.w.copy(), "three": answers, "ranges": ranges}  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--save", type=Path, metavar="FOLDER", help="write the pictures there")
    main(parser.parse_args().save)
