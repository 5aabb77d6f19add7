# SPDX-License-Identifier: BSD-3-Clause
"""Full batch, stochastic and mini-batch gradient descent on one picture, and when to stop.

Claims of the notes: a step goes against the gradient of the loss of all samples (GD), of one
sample (stochastic GD) or of a subset (which they call batch GD, today mini-batch); it is repeated
while |f(w_t) - f(w_{t-1})| > eps.

    python examples/gradient_descent.py [--save FOLDER]
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

import deltarule as dr

N = 200  # samples
ETA = 0.05
REGIMES = {"full batch": None, "mini-batch, 20 rows": 20, "stochastic": 1}
EPOCHS, EVERY = 300, 10  # passes over the data; one in EVERY is drawn
SHOWN = {"full batch": 60, "mini-batch, 20 rows": 200, "stochastic": N}  # updates drawn
FLOOR = 100  # last epochs whose mean tells where descent comes to rest
START = (-1.5, 2.5)  # weight, bias


def data() -> tuple[np.ndarray, np.ndarray]:
    """Return made points about the line y = 1.5 x - 0.5."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 3, N)
    return x[:, None], 1.5 * x - 0.5 + rng.normal(scale=0.5, size=N)


def start() -> dr.MLP:
    """Return a linear unit: two weights, so that its loss can be drawn."""
    mlp = dr.MLP([1, 1], output="identity", dtype="float64")
    mlp.w = START
    return mlp


def minimum(X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    """Return the exact answer, by least squares."""
    return np.linalg.lstsq(np.hstack([X, np.ones((len(X), 1))]), Y, rcond=None)[0]


def descend(
    X: np.ndarray, Y: np.ndarray, batch: int | None, epochs: int = EPOCHS, eta: float = ETA
) -> tuple[np.ndarray, np.ndarray]:
    """Return w after every update, (updates + 1, 2), and the loss after every epoch."""
    mlp, rng = start(), np.random.default_rng(1)
    trainer = dr.Trainer(mlp, dr.SGD(eta=eta), batch_size=batch)
    size = batch or len(X)
    path, losses = [mlp.w.copy()], [mlp.loss(X, Y)]
    for _ in range(epochs):
        order = rng.permutation(len(X))
        for first in range(0, len(X), size):  # an epoch of one batch is one update
            trainer.epoch(X, Y, order[first : first + size])
            path.append(mlp.w.copy())
        losses.append(mlp.loss(X, Y))
    return np.array(path), np.array(losses)


def stopping(
    X: np.ndarray, Y: np.ndarray, least: float, tolerance: float, batch: int | None = None
) -> tuple[int, float]:
    """Return the epochs of descent until it stops, and how far above least L then is."""
    mlp = start()
    history = mlp.fit(
        X, Y, dr.SGD(eta=ETA), batch_size=batch, epochs=10_000, seed=1, stop_tol=tolerance
    )
    return len(history), mlp.loss(X, Y) - least


def draw(
    paths: dict[str, np.ndarray], gaps: dict[str, np.ndarray], X: np.ndarray, Y: np.ndarray
) -> Any:
    """Return a figure: trajectories on the contours of the loss, and the loss over the epochs."""
    import matplotlib.pyplot as plt

    from deltarule.plot import _common as colours

    styles = {
        name: (colour, width)
        for name, colour, width in zip(
            REGIMES, (colours.BLUE, colours.GREEN, colours.VERMILION), (4.0, 1.4, 0.8), strict=True
        )
    }
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.8, 3.2), layout="constrained")
    a, b = np.linspace(-2, 2.6, 61), np.linspace(-1.6, 3.4, 61)
    mlp = start()
    L = np.empty((len(b), len(a)))
    for i, bias in enumerate(b):
        for j, weight in enumerate(a):
            mlp.w = (weight, bias)
            L[i, j] = mlp.loss(X, Y)
    left.contour(a, b, L, levels=np.geomspace(L.min() * 1.05, L.max(), 7), colors="#BBBBBB",
                 linewidths=0.8)  # fmt: skip
    for name, (colour, width) in styles.items():
        alpha = 0.5 if name == "full batch" else 1.0  # the others run over it
        left.plot(*paths[name].T, color=colour, lw=width, alpha=alpha, label=name)
    left.plot(*minimum(X, Y), "k*", ms=11, label="minimum")
    left.set(xlabel="weight", ylabel="bias", title="the first 60, 200 and 200 updates")
    left.legend(loc="lower left", fontsize="small")
    for name, gap in gaps.items():
        colour, _ = styles[name]
        right.plot(np.arange(len(gap))[::EVERY], gap[::EVERY], color=colour, lw=1.2, label=name)
    right.set(xlabel="epoch", ylabel="loss above its minimum", yscale="log", ylim=(1e-6, 20),
              title="passes over the data")  # fmt: skip
    right.legend(fontsize="small")
    return figure


def main(save: Path | None = None) -> dict[str, Any]:
    """Descend in each regime; return the losses above the minimum and where the rule stops."""
    X, Y = data()
    best = start()
    best.w = minimum(X, Y)
    least = best.loss(X, Y)
    runs = {name: descend(X, Y, batch) for name, batch in REGIMES.items()}
    gaps = {name: losses - least for name, (_, losses) in runs.items()}
    floor = {name: float(gap[-FLOOR:].mean()) for name, gap in gaps.items()}
    floor["stochastic, eta / 10"] = float(
        (descend(X, Y, 1, eta=ETA / 10)[1][-FLOOR:] - least).mean()
    )
    print(f"{'':<22}{'updates':>9}{'1 epoch':>10}{'10 epochs':>11}{'last 100, mean':>16}")
    for name, gap in gaps.items():
        updates = len(runs[name][0]) - 1
        print(f"{name:<22}{updates:>9}{gap[1]:>10.1e}{gap[10]:>11.1e}{floor[name]:>16.1e}")
    print(f"{'stochastic, eta / 10':<52}{floor['stochastic, eta / 10']:>16.1e}")
    stops = {tolerance: stopping(X, Y, least, tolerance) for tolerance in (1e-3, 1e-5, 1e-7)}
    for tolerance, (epochs, gap) in stops.items():
        print(f"stop_tol {tolerance:.0e}: {epochs} epochs, {gap:.1e} above the minimum")
    rate = float(gaps["full batch"][-1] / gaps["full batch"][-2])
    print(f"full batch leaves {rate:.4f} of the gap in an epoch, near the end")
    noisy = {tolerance: stopping(X, Y, least, tolerance, 1) for tolerance in stops}
    for tolerance, (epochs, gap) in noisy.items():
        print(f"stochastic, stop_tol {tolerance:.0e}: {epochs} epochs, {gap:.1e} above")
    if save is not None:
        paths = {name: path[: SHOWN[name] + 1] for name, (path, _) in runs.items()}
        draw(paths, gaps, X, Y).savefig(Path(save) / "gradient_descent_regimes.png", dpi=110)
    return {"gaps": gaps, "floor": floor, "stops": stops, "noisy": noisy, "rate": rate,
            "least": least, "paths": {name: path for name, (path, _) in runs.items()}}  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--save", type=Path, metavar="FOLDER", help="write the pictures there")
    main(parser.parse_args().save)
