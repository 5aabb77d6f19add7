# SPDX-License-Identifier: BSD-3-Clause
"""Radial basis function networks, of the notes' chart, beside scikit-learn's kernel machines.

Two spirals and the handwritten digits: as many Gaussian units as the support vector machine keeps
vectors, or fewer, and an accuracy within one percent of its and of kernel ridge regression's.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import deltarule as dr
from deltarule.digits import load_digits
from deltarule.radial import RBFNetwork

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#666666"


def spirals(n: int, seed: int, noise: float = 0.02) -> tuple[np.ndarray, np.ndarray]:
    """Points on two spirals of 1.75 turns, one inside the other, and which of the two."""
    rng = np.random.default_rng(seed)
    label = np.arange(n) % 2
    turn = 3.5 * np.pi * np.sqrt(rng.random(n))
    angle = turn + np.pi * label
    X = (turn * np.array([np.cos(angle), np.sin(angle)])).T / (3.5 * np.pi)
    return X + noise * rng.normal(size=X.shape), label


def digits() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """1200 digits to learn from and 597 others, in random order."""
    X, labels = load_digits()
    order = np.random.default_rng(0).permutation(len(X))
    train, test = order[:1200], order[1200:]
    return X[train], labels[train], X[test], labels[test]


def peers(
    X: np.ndarray, y: np.ndarray, Xt: np.ndarray, yt: np.ndarray, gamma: float
) -> tuple[float, int, float]:
    """Accuracy and support vectors of SVC, accuracy of kernel ridge, both with this kernel."""
    from sklearn.kernel_ridge import KernelRidge
    from sklearn.svm import SVC

    machine = SVC(C=10, gamma=gamma).fit(X, y)
    ridge = KernelRidge(kernel="rbf", gamma=gamma, alpha=1e-3).fit(X, np.eye(y.max() + 1)[y])
    by_ridge = float(np.mean(ridge.predict(Xt).argmax(axis=1) == yt))
    return machine.score(Xt, yt), len(machine.support_), by_ridge


def accuracies(
    X: np.ndarray, y: np.ndarray, Xt: np.ndarray, yt: np.ndarray, n: int, width: float
) -> dict[str, float]:
    """Of both kinds of centres and both kinds of outputs."""
    result = {}
    for centres in ("kmeans", "sample"):
        linear = RBFNetwork(n, centres, width, l2=1e-7, seed=0)
        linear.fit(X, np.eye(y.max() + 1)[y])
        softmax = RBFNetwork(n, centres, width, output="softmax", seed=0)
        softmax.fit(X, y, dr.Adam(1e-3), epochs=30)
        result[f"{centres}, linear"] = linear.evaluate(Xt, yt)
        result[f"{centres}, softmax"] = softmax.evaluate(Xt, yt)
    return result


def main(save: str | Path | None = None) -> dict[str, float]:
    """Compare, print a table, draw the pictures if there is a folder for them."""
    result: dict[str, float] = {}
    plane, held_out = spirals(1000, seed=0), spirals(1000, seed=1)
    # gamma = 1 / (2 s^2); for the digits scikit-learn's default, 1 / (features * variance)
    for name, (X, y, Xt, yt), gamma, sizes in (
        ("spirals", (*plane, *held_out), 30.0, (40, 100)),
        ("digits", digits(), None, (100, 200, 400)),
    ):
        gamma = 1 / (X.shape[1] * float(X.var())) if gamma is None else gamma
        svc, n_vectors, ridge = peers(X, y, Xt, yt, gamma)
        result[f"{name}: SVC"], result[f"{name}: SVC's vectors"] = svc, n_vectors
        result[f"{name}: kernel ridge on all rows"] = ridge
        for n in sizes:
            for kind, accuracy in accuracies(X, y, Xt, yt, n, (2 * gamma) ** -0.5).items():
                result[f"{name}: {n} centres, {kind}"] = accuracy
    for name, value in result.items():
        print(f"{name:<44}{value:9.4f}")
    if save is not None:
        draw_spirals(Path(save) / "radial_spirals.png", *plane)
        draw_sizes(Path(save) / "radial_digits.png")
    return result


def draw_spirals(path: Path, X: np.ndarray, y: np.ndarray) -> None:
    """Regions, points and centres, for few and for enough of these."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    grid = np.linspace(-1.15, 1.15, 200)
    points = np.array(np.meshgrid(grid, grid)).reshape(2, -1).T
    figure, axes = plt.subplots(1, 2, figsize=(9.2, 4.4), layout="constrained")
    for ax, n in zip(axes, (40, 100), strict=True):
        net = RBFNetwork(n, "kmeans", 60**-0.5, output="softmax", seed=0)
        net.fit(X, y, dr.Adam(1e-3), epochs=30)
        p = net.predict(points)[:, 1].reshape(200, 200)
        picture = ax.contourf(grid, grid, p, levels=np.linspace(0, 1, 7), cmap="cividis")
        ax.contour(grid, grid, p, levels=[0.5], colors="white", linewidths=1)
        for label, marker, colour in ((0, "o", "#56B4E9"), (1, "^", "#E69F00")):
            rows = np.flatnonzero(y == label)[:150]
            ax.scatter(
                *X[rows].T, s=12, marker=marker, color=colour, linewidths=0.3, edgecolors="black"
            )
        ax.scatter(*net.C.T, s=40, marker="x", color="white", linewidths=1.4)
        ax.set(aspect="equal", xticks=[-1, 0, 1], yticks=[-1, 0, 1], xlabel="$x_1$")
        ax.set_title(f"{n} centres (white crosses), s = {net.s:.2f}")
    axes[0].set_ylabel("$x_2$")
    figure.colorbar(picture, ax=axes, label="P(triangles)", ticks=[0, 0.5, 1])
    figure.savefig(path, dpi=85)
    plt.close(figure)


def draw_sizes(path: Path) -> None:
    """Accuracy on the digits against the number of units."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    X, y, Xt, yt = digits()
    gamma = 1 / (X.shape[1] * float(X.var()))
    svc, n_vectors, ridge = peers(X, y, Xt, yt, gamma)
    sizes = (10, 20, 50, 100, 200, 400)
    figure, ax = plt.subplots(figsize=(6.4, 3.8), layout="constrained")
    for centres, colour, marker in (("kmeans", BLUE, "o"), ("sample", ORANGE, "s")):
        scores = []
        for n in sizes:
            net = RBFNetwork(n, centres, (2 * gamma) ** -0.5, l2=1e-7, seed=0)
            net.fit(X, np.eye(10)[y])
            scores.append(net.evaluate(Xt, yt))
        ax.semilogx(sizes, scores, marker=marker, color=colour, label=f"centres: {centres}")
    ax.axhline(ridge, color=GREY, linestyle=":", label="kernel ridge, 1200 centres")
    ax.semilogx([n_vectors], [svc], "*", color=GREEN, ms=12, label=f"SVC, {n_vectors} vectors")
    ax.set_xticks(sizes, [str(n) for n in sizes])
    ax.minorticks_off()
    ax.set(xlim=(9, 650), xlabel="Gaussian units", ylabel="accuracy, held-out digits")
    ax.set_title("RBF network, linear output by least squares")
    ax.legend(loc="lower right", frameon=False)
    figure.savefig(path, dpi=110)
    plt.close(figure)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--save", metavar="FOLDER", help="write the pictures there")
    main(parser.parse_args().save)
