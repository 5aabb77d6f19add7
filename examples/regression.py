# SPDX-License-Identifier: BSD-3-Clause
"""Linear regression in closed form, logistic regression by gradient ascent: one unit each.

Claims of the notes: w = (X^T X)^-1 X^T y is where gradient descent on a linear unit goes; gradient
ascent on the log-likelihood from theta = 0 finds the maximum, which is the only one because LL is
concave (the slides say convex).
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

import deltarule as dr
from deltarule.regression import LogisticRegression, linear_regression, logistic_regression

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#666666"
U = 2.0**-53  # the unit roundoff of float64


def linear_data() -> tuple[np.ndarray, np.ndarray]:
    """200 samples of a noisy plane, with correlated features."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3)) @ np.array([[1, 0.6, 0], [0, 0.8, 0.3], [0, 0, 0.5]])
    return X, X @ [2.0, -1.0, 0.5] + 3 + 0.5 * rng.normal(size=200)


def descent(epochs: int = 400) -> dict[str, Any]:
    """Distance of a linear unit, trained natively on full batches, to the exact solution."""
    X, y = linear_data()
    exact = linear_regression(X, y)
    ones = np.column_stack([X, np.ones(len(X))])
    curvature = np.linalg.eigvalsh(ones.T @ ones / len(X))
    eta = 1 / curvature[-1]
    mlp = dr.MLP([3, 1], output="identity", dtype="float64")
    mlp.w = np.zeros(4)
    trainer = dr.Trainer(mlp, dr.SGD(eta), batch_size=None)
    distance = [np.linalg.norm(mlp.w - exact.W.ravel())]
    for _ in range(epochs):
        trainer.epoch(X, y)
        distance.append(np.linalg.norm(mlp.w - exact.W.ravel()))
    return {"distance": np.array(distance), "rate": 1 - eta * curvature[0]}


def logistic_data() -> tuple[np.ndarray, np.ndarray]:
    """200 samples of two classes that overlap."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(200, 3))
    p = 1 / (1 + np.exp(-(X @ [1.5, -1.0, 0.5] + 0.3)))
    return X, (rng.random(200) < p).astype(int)


def native(X: np.ndarray, y: np.ndarray, eta: float, epochs: int) -> tuple[np.ndarray, np.ndarray]:
    """The same ascent by `MLP([m, 1])`: w after every epoch, and LL before it."""
    mlp = dr.MLP([X.shape[1], 1], loss="binary_cross_entropy", reduction="sum", dtype="float64")
    mlp.w = np.zeros(mlp.n_weights)
    trainer = dr.Trainer(mlp, dr.SGD(eta), batch_size=None)
    w, LL = [mlp.w.copy()], []
    for _ in range(epochs):
        LL.append(-trainer.epoch(X, y))
        w.append(mlp.w.copy())
    return np.array(w), np.array(LL)


def rounding_bound(X: np.ndarray, y: np.ndarray, fit: LogisticRegression) -> np.ndarray:
    """How far two float64 evaluations of the ascent can lie apart, epoch by epoch.

    One exact step brings no two points further apart as long as eta <= 2 / (largest curvature): LL
    is concave. What the roundings of each step add is therefore only summed up.
    """
    A = np.column_stack([X, np.ones(len(X))])
    n, k = A.shape
    assert fit.thetas is not None
    bound = [0.0]
    for theta in fit.thetas[:-1]:
        p = 1 / (1 + np.exp(-A @ theta))
        # net is off by at most (k + 1) u |A| |theta|; logistic has slope 1/4 and 5 ulps of its own
        error = (k + 1) * U * (np.abs(A) @ np.abs(theta)) / 4 + 10 * U * p + U
        step = np.abs(A).T @ (error + (n + 2) * U * np.abs(y - p))
        one = fit.eta * step + 3 * U * (np.abs(theta) + fit.eta * np.abs(A.T @ (y - p)))
        bound.append(bound[-1] + 2 * float(np.linalg.norm(one)))
    return np.array(bound)


def hessian(X: np.ndarray, y: np.ndarray, theta: np.ndarray) -> np.ndarray:
    """Second derivatives of LL at theta: fourth-order differences of the native gradient."""
    mlp = dr.MLP([X.shape[1], 1], loss="binary_cross_entropy", reduction="sum", dtype="float64")

    def gradient(w: np.ndarray) -> np.ndarray:
        mlp.w = w
        return -mlp.gradient(X, y)

    h, columns = 2.0**-8, []
    for e in np.eye(len(theta)) * h:
        near, far = (gradient(theta + s * e) - gradient(theta - s * e) for s in (1, 2))
        columns.append((8 * near - far) / (12 * h))
    H = np.array(columns)
    return (H + H.T) / 2


def concavity(n_points: int = 200) -> tuple[float, float]:
    """The largest eigenvalue of the Hessian at random points, and the least rise of a midpoint."""
    X, y = logistic_data()
    mlp = dr.MLP([3, 1], loss="binary_cross_entropy", reduction="sum", dtype="float64")
    points = np.random.default_rng(2).normal(scale=2, size=(n_points, 2, 4))

    def LL(theta: np.ndarray) -> float:
        mlp.w = theta
        return -mlp.loss(X, y)

    largest = max(float(np.linalg.eigvalsh(hessian(X, y, a))[-1]) for a, _ in points)
    rise = min(LL((a + b) / 2) - (LL(a) + LL(b)) / 2 for a, b in points)
    return largest, rise


def main(save: str | Path | None = None) -> dict[str, float]:
    """Run both, print a table, draw the pictures if there is a folder for them."""
    from sklearn.linear_model import LogisticRegression as Peer

    linear = descent()
    X, y = logistic_data()
    epochs = 400
    fit = logistic_regression(X, y, epochs=epochs, trajectory=True)
    w, LL = native(X, y, fit.eta, epochs)
    apart, bound = np.linalg.norm(w - fit.thetas, axis=1), rounding_bound(X, y, fit)
    peer = Peer(C=np.inf, solver="newton-cholesky", tol=1e-12).fit(X, y)  # no penalty
    theta = np.append(peer.coef_, peer.intercept_)
    to_peer = np.linalg.norm(fit.thetas - theta, axis=1)
    largest, rise = concavity()
    result = {
        "linear: distance to the exact solution after 400 epochs": float(linear["distance"][-1]),
        "linear: predicted shrinkage of an epoch": float(linear["rate"]),
        "logistic: loop and native apart, at most": float(apart.max()),
        "logistic: share of the rounding bound, at most": float((apart[1:] / bound[1:]).max()),
        "logistic: LL apart, at most, relative": float(
            np.max(np.abs(LL - fit.log_likelihood[:-1]) / np.abs(LL))
        ),
        "logistic: distance to scikit-learn after 400 epochs": float(to_peer[-1]),
        "logistic: largest eigenvalue of the Hessian of LL": largest,
        "logistic: least rise of LL at a midpoint": rise,
    }
    for name, value in result.items():
        print(f"{name:<60}{value:12.3g}")
    if save is not None:
        draw(Path(save), linear, apart, bound, to_peer, fit)
    return result


def draw(
    folder: Path,
    linear: dict[str, Any],
    apart: np.ndarray,
    bound: np.ndarray,
    to_peer: np.ndarray,
    fit: LogisticRegression,
) -> None:
    """Both pictures of the page on regression."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots(figsize=(6, 3.6), layout="constrained")
    distance, t = linear["distance"], np.arange(len(linear["distance"]))
    ax.semilogy(t, distance, color=BLUE, label="linear unit, native, full batch")
    ax.semilogy(
        t, distance[0] * linear["rate"] ** t, "--", color=ORANGE,
        label="$(1 - \\eta\\lambda_{min})^t$ times the first distance",
    )  # fmt: skip
    ax.set(xlabel="epoch t", ylabel="$\\|w_t - w^*\\|$", ylim=(1e-16, 10))
    ax.set_title("Gradient descent arrives at $(X^TX)^{-1}X^Ty$")
    ax.legend(loc="upper right", frameon=False)
    figure.savefig(folder / "regression_linear.png", dpi=110)
    plt.close(figure)

    figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 3.6), layout="constrained")
    left.plot(fit.log_likelihood[:60], color=BLUE)
    left.set(xlabel="epoch t", ylabel="LL($\\theta_t$)", title="Gradient ascent from $\\theta$ = 0")
    right.semilogy(to_peer, color=GREEN, label="loop to scikit-learn's solution")
    right.semilogy(bound, "--", color=ORANGE, label="loop to native network: bound")
    right.semilogy(np.maximum(apart, 1e-17), color=BLUE, label="loop to native network")
    right.set(xlabel="epoch t", ylabel="distance of $\\theta$", ylim=(5e-18, 1e4))
    right.set_title("Two trajectories, one solution")
    right.legend(loc="upper right", frameon=False)
    figure.savefig(folder / "regression_logistic.png", dpi=110)
    plt.close(figure)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--save", metavar="FOLDER", help="write the pictures there")
    main(parser.parse_args().save)
