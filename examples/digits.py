# SPDX-License-Identifier: BSD-3-Clause
"""Digit recognition: one logistic regression, a hidden layer, and what every layer holds.

Claims of the notes: an image is a vector of pixels; logistic regression on it is "not so good";
many logistic regressions put together, with a hidden layer between, are better; every layer of
the trained network can be looked at.

    python examples/digits.py [--save FOLDER]
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

import deltarule as dr
from deltarule import plot
from deltarule.digits import load_digits

SEEDS = range(3)
EPOCHS = 40
N_TRAIN = 1438


def data() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the digits in a fixed random order, cut into 1438 to train on and 359 to test on."""
    X, labels = load_digits()
    order = np.random.default_rng(0).permutation(len(X))
    X, labels = X[order], labels[order]
    return X[:N_TRAIN], labels[:N_TRAIN], X[N_TRAIN:], labels[N_TRAIN:]


def accuracy(layers: list[int], X: Any, Y: Any, Xv: Any, Yv: Any) -> tuple[float, float]:
    """Mean over seeds of the share of right answers, in training and in the test."""
    loss = "binary_cross_entropy" if layers[-1] == 1 else "cross_entropy"
    shares = []
    for seed in SEEDS:
        mlp = dr.MLP(layers, "logistic", loss=loss, seed=seed)
        mlp.fit(X, Y, dr.Adam(eta=1e-2), batch_size=32, epochs=EPOCHS, seed=seed)
        shares.append([mlp.evaluate(*known, metric="accuracy") for known in ((X, Y), (Xv, Yv))])
    train, test = np.mean(shares, axis=0)
    return float(train), float(test)


def comparison() -> dict[tuple[str, str], tuple[float, float]]:
    """Accuracy of one layer of logistic units and of a net with a hidden layer, on three tasks."""
    X, Y, Xv, Yv = data()
    seen, held = Y <= 1, Yv <= 1
    tasks = {
        "0 or 1": (1, X[seen], Y[seen], Xv[held], Yv[held]),
        "even or odd": (1, X, Y % 2, Xv, Yv % 2),
        "which digit": (10, X, Y, Xv, Yv),
    }
    return {
        (task, str(layers)): accuracy(layers, *parts)
        for task, (n_outputs, *parts) in tasks.items()
        for layers in ([64, n_outputs], [64, 32, n_outputs])
    }


def at_its_best() -> tuple[float, float, float]:
    """One logistic unit for even or odd at the maximum: accuracies, and the largest |dL/dw|."""
    X, Y, Xv, Yv = data()
    unit = dr.MLP([64, 1], loss="binary_cross_entropy", dtype="float64", seed=0)
    unit.fit(X, Y % 2, dr.Adam(eta=1e-2), batch_size=None, epochs=4000, shuffle=False)
    train, test = (unit.evaluate(*known, "accuracy") for known in ((X, Y % 2), (Xv, Yv % 2)))
    return train, test, float(np.abs(unit.gradient(X, Y % 2)).max())


def digits_of_units(mlp: dr.MLP) -> np.ndarray:
    """Return to how many digits each unit of the first layer says more than 1/2 on average."""
    _, _, Xv, Yv = data()
    o = mlp.forward(Xv).o[1]
    return np.sum([o[Yv == digit].mean(axis=0) > 0.5 for digit in range(10)], axis=0)


def trained(layers: list[int], l2: float = 0.0) -> dr.MLP:
    """Return a network that knows the digits."""
    X, Y, _, _ = data()
    mlp = dr.MLP(layers, "logistic", loss="cross_entropy", seed=0, l2=l2)
    mlp.fit(X, Y, dr.Adam(eta=1e-2), batch_size=32, epochs=EPOCHS, seed=0)
    return mlp


def main(save: Path | None = None) -> dict[str, Any]:
    """Compare, and look inside one network for one digit."""
    table = comparison()
    print(f"{'task':<14}{'layers':<16}{'training':>9}{'test':>8}")
    for (task, layers), (train, test) in table.items():
        print(f"{task:<14}{layers:<16}{train:>9.3f}{test:>8.3f}")
    best = at_its_best()
    print(f"one unit for even or odd at its best: {best[0]:.3f}, {best[1]:.3f}")
    _, _, Xv, Yv = data()
    mlp = trained([64, 24, 16, 10], l2=1e-4)
    row = int(np.flatnonzero(Yv == 3)[0])
    y_hat = mlp.predict(Xv[row : row + 1])[0]
    print(f"one 3: the network says {y_hat.argmax()} with {y_hat.max():.3f}")
    n_digits = digits_of_units(mlp)
    print(f"a hidden unit says yes to {n_digits.mean():.1f} of ten digits: {np.sort(n_digits)}")
    if save is not None:
        one = trained([64, 10], l2=1e-3)
        pictures = {
            "classes": plot.hidden_units(one, (8, 8), x=Xv[row], n_columns=5),
            "units": plot.hidden_units(mlp, (8, 8), x=Xv[row]),
            "layers": plot.layers(mlp, Xv[row], (8, 8))[0],
        }
        for what, ax in pictures.items():
            ax.figure.savefig(Path(save) / f"digits_{what}.png", dpi=110)
    return {"accuracy": table, "y_hat": y_hat, "label": int(Yv[row]), "best": best,
            "n_digits": n_digits, "test": mlp.evaluate(Xv, Yv, metric="accuracy")}  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--save", type=Path, metavar="FOLDER", help="write the pictures there")
    main(parser.parse_args().save)
