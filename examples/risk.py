# SPDX-License-Identifier: BSD-3-Clause
"""The empirical risk as an estimate of the risk, and what "a lot of labelled data" buys.

A fixed network on a known distribution, whose risk is an integral that can be done exactly: the
mean loss of N samples is off by sigma_L / sqrt(N). Then the digits: held-out accuracy and loss
against the number of labelled rows. docs/risk.md explains it.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

import deltarule as dr
from deltarule.digits import load_digits

NOISE = 0.3  # d = g(x) + epsilon, epsilon ~ N(0, NOISE^2), x ~ uniform(0, 1)
SIZES = 2 ** np.arange(4, 15)
REPEATS = 400
ROWS = (10, 20, 40, 80, 160, 320, 640, 1280)
SPLITS, STEPS, BATCH = 8, 2000, 32  # every training takes as many steps, however few its rows


def target(x: np.ndarray) -> np.ndarray:
    """g: a zigzag, so that f - g is piecewise linear for a relu network f."""
    return np.abs(1.0 - np.abs(3.0 * x - 1.0))


TARGET_KINKS = (1 / 3, 2 / 3)  # 0 is one too


def fixed_network() -> dr.MLP:
    """A 1-8-1 relu network: the start of seed 3, with its kinks spread over [0, 1]."""
    mlp = dr.MLP([1, 8, 1], "relu", "identity", dtype="float64", seed=3)
    hidden, last = (W.copy() for W in mlp.W)
    hidden[:, 1] = -hidden[:, 0] * (np.arange(8) + 0.5) / 8
    mlp.W = [hidden, last]
    return mlp


def exact_risk(mlp: dr.MLP) -> tuple[float, float]:
    """Mean and standard deviation of L_i = (d - f(x))^2 / 2, without sampling.

    Between two kinks e = g - f is linear, so that e^2 and e^4 are polynomials, which Gauss's rule
    with three points integrates exactly. With Gaussian noise E (e + eps)^2 = e^2 + s^2 and
    E (e + eps)^4 = e^4 + 6 e^2 s^2 + 3 s^4.
    """
    W = mlp.W[0]
    kinks = np.concatenate([[0.0, 1.0], TARGET_KINKS, -W[:, 1] / W[:, 0]])
    edges = np.unique(kinks[(kinks >= 0) & (kinks <= 1)])
    node, weight = np.polynomial.legendre.leggauss(3)
    half, middle = np.diff(edges) / 2, (edges[1:] + edges[:-1]) / 2
    x = middle[:, None] + half[:, None] * node
    share = half[:, None] * weight
    e = target(x) - mlp.predict(x.reshape(-1, 1)).reshape(x.shape)
    second, fourth = np.sum(share * e**2), np.sum(share * e**4)
    s2 = NOISE**2
    mean = (second + s2) / 2
    square = (fourth + 6 * second * s2 + 3 * s2**2) / 4
    return float(mean), float(np.sqrt(square - mean**2))


def empirical_risk(mlp: dr.MLP, n: int, rng: np.random.Generator) -> float:
    """The mean loss of n fresh samples."""
    x = rng.random((n, 1))
    return mlp.loss(x, target(x) + rng.normal(0, NOISE, (n, 1)))


def convergence() -> dict[str, Any]:
    """Errors of the empirical risk, by the size of the sample; and three growing samples."""
    mlp, rng = fixed_network(), np.random.default_rng(0)
    risk, sigma = exact_risk(mlp)
    error = np.array([[empirical_risk(mlp, n, rng) for _ in range(REPEATS)] for n in SIZES]) - risk
    rms = np.sqrt(np.mean(error**2, axis=1))
    # Error of log rms by its spread: sd(error^2) / (2 rms^2 sqrt(REPEATS)).
    rms_error = np.std(error**2, axis=1, ddof=1) / (2 * rms**2 * np.sqrt(REPEATS))
    x, y, w = np.log(SIZES), np.log(rms), 1 / rms_error**2
    centred = x - np.average(x, weights=w)
    slope = np.sum(w * centred * y) / np.sum(w * centred**2)
    x = rng.random((3 * SIZES[-1], 1))
    losses = (target(x) + rng.normal(0, NOISE, x.shape) - mlp.predict(x)) ** 2 / 2
    paths = np.cumsum(losses.reshape(3, -1), axis=1) / np.arange(1, SIZES[-1] + 1)
    return {
        "risk": risk,
        "sigma": sigma,
        "error": error,
        "rms": rms,
        "rms_relative_error": rms_error,
        "slope": float(slope),
        "slope_error": float(1 / np.sqrt(np.sum(w * centred**2))),
        "bias": float(np.mean(error[-1])),
        "bias_error": float(np.std(error[-1], ddof=1) / np.sqrt(REPEATS)),
        "inside": int(np.sum(np.abs(error) <= 1.96 * sigma / np.sqrt(SIZES)[:, None])),
        "of": error.size,
        "paths": paths,
    }


def learning_curve() -> dict[str, Any]:
    """64-32-10 networks on 10 to 1280 labelled digits; 500 others judge. Mean over splits."""
    X, Y = load_digits()
    shape = (len(ROWS), SPLITS)
    accuracy, loss, training = np.empty(shape), np.empty(shape), np.empty(shape)
    for s in range(SPLITS):
        rows = np.random.default_rng(s).permutation(len(X))
        held_out, rest = rows[:500], rows[500:]
        for i, n in enumerate(ROWS):
            a = rest[:n]
            mlp = dr.MLP([64, 32, 10], "relu", "softmax", "cross_entropy", l2=1e-3, seed=s)
            batch = min(BATCH, n)
            trainer = dr.Trainer(mlp, dr.Adam(eta=3e-3), batch, n_threads=1)
            rng, taken = np.random.default_rng(s), STEPS * batch
            order = np.concatenate([rng.permutation(n) for _ in range(-(-taken // n))])
            trainer.epoch(X[a], Y[a], order[:taken])  # one call, STEPS updates
            accuracy[i, s] = mlp.evaluate(X[held_out], Y[held_out], "accuracy")
            penalty = sum(5e-4 * float(np.sum(W[:, :-1].astype(float) ** 2)) for W in mlp.W)
            loss[i, s] = mlp.loss(X[held_out], Y[held_out]) - penalty
            training[i, s] = mlp.loss(X[a], Y[a]) - penalty
    x, y = np.log(ROWS), np.log(1 - accuracy)
    slopes = [np.polyfit(x, y[:, s], 1)[0] for s in range(SPLITS)]
    return {
        "accuracy": accuracy,
        "loss": loss,
        "training": training,
        "slope": float(np.mean(slopes)),
        "slope_error": float(np.std(slopes, ddof=1) / np.sqrt(SPLITS)),
    }


def main(save: str | Path | None = None) -> dict[str, Any]:
    """Measure, print a table, and with `save` write two pictures into that folder."""
    c, d = convergence(), learning_curve()
    print(f"risk R = {c['risk']:.6f} and sigma_L = {c['sigma']:.6f}, exactly")
    print(f"     N   rms of R_N - R over {REPEATS} draws    sigma_L / sqrt(N)")
    for n, rms, e in zip(SIZES, c["rms"], c["rms_relative_error"], strict=True):
        print(f"{n:6d}       {rms:.6f} +- {rms * e:.6f}         {c['sigma'] / np.sqrt(n):.6f}")
    print(f"slope of log rms over log N: {c['slope']:.4f} +- {c['slope_error']:.4f}")
    print(f"within 1.96 sigma_L / sqrt(N): {c['inside']} of {c['of']}")
    print(f"digits: labelled rows, held-out accuracy, loss; training loss (mean of {SPLITS})")
    for n, a, v, t in zip(ROWS, d["accuracy"], d["loss"], d["training"], strict=True):
        error = a.std(ddof=1) / np.sqrt(SPLITS)
        print(f"{n:6d}   {a.mean():.4f} +- {error:.4f}   {v.mean():.4f}   {t.mean():.4f}")
    print(f"errors fall as rows to the power {d['slope']:.3f} +- {d['slope_error']:.3f}")
    if save is not None:
        pictures(Path(save), c, d)
    return {"convergence": c, "digits": d}


def pictures(save: Path, c: dict[str, Any], d: dict[str, Any]) -> None:
    """Convergence with its band; learning curve."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    blue, vermilion = "#0072B2", "#D55E00"
    fig, (left, right) = plt.subplots(1, 2, figsize=(9.4, 3.6), layout="constrained")
    n = np.arange(1, SIZES[-1] + 1)
    half = 1.96 * c["sigma"] / np.sqrt(n)
    left.fill_between(n, c["risk"] - half, c["risk"] + half, color=blue, alpha=0.2, lw=0,
                      label=r"$R \pm 1.96\,\sigma_L/\sqrt{N}$")  # fmt: skip
    left.axhline(c["risk"], color=blue, lw=1, label="risk R, exact")
    for path, colour in zip(c["paths"], (vermilion, "#E69F00", "#CC79A7"), strict=True):
        left.plot(n, path, color=colour, lw=1.2, label="empirical risk, a draw")
    left.set(
        xscale="log", xlim=(4, n[-1]), ylim=(0, 2.2 * c["risk"]), xlabel="samples N",
        ylabel="mean loss", title="A fixed network, a growing sample",
    )  # fmt: skip
    left.legend(fontsize=9)
    right.plot(SIZES, c["sigma"] / np.sqrt(SIZES), color=blue, label=r"$\sigma_L/\sqrt{N}$")
    right.errorbar(
        SIZES, c["rms"], 1.96 * c["rms"] * c["rms_relative_error"], fmt="o", color=vermilion,
        ms=4, label=f"rms of $R_N - R$, {REPEATS} draws",
    )  # fmt: skip
    right.set(
        xscale="log", yscale="log", xlabel="samples N", ylabel="error of the empirical risk",
        title=f"Slope {c['slope']:.3f} $\\pm$ {c['slope_error']:.3f}",
    )  # fmt: skip
    right.legend(fontsize=9)
    fig.savefig(save / "risk_convergence.png", dpi=110)
    plt.close(fig)

    fig, (left, right) = plt.subplots(1, 2, figsize=(9.4, 3.6), layout="constrained")
    wrong = 1 - d["accuracy"]
    left.plot(ROWS, wrong.mean(1), "o-", color=blue, ms=4, label=f"mean of {SPLITS} splits")
    left.fill_between(ROWS, wrong.min(1), wrong.max(1), color=blue, alpha=0.2, lw=0, label="range")
    left.set(
        xscale="log", yscale="log", xlabel="labelled rows", ylabel="held-out digits misread",
        title="Learning curve",
    )  # fmt: skip
    left.set_yticks([0.03, 0.05, 0.1, 0.2, 0.5], ["3 %", "5 %", "10 %", "20 %", "50 %"])
    left.minorticks_off()
    left.legend(fontsize=9)
    for name, colour, label in (
        ("loss", blue, "held out: estimates the risk"),
        ("training", vermilion, "the rows trained on"),
    ):
        right.plot(ROWS, d[name].mean(1), "o-", color=colour, ms=4, label=label)
        right.fill_between(ROWS, d[name].min(1), d[name].max(1), color=colour, alpha=0.2, lw=0)
    right.set(
        xscale="log", xlabel="labelled rows", ylabel="cross-entropy, mean", ylim=(0, None),
        title="The empirical risk of the minimiser",
    )  # fmt: skip
    right.legend(fontsize=9)
    fig.savefig(save / "risk_digits.png", dpi=110)
    plt.close(fig)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Empirical risk, and learning curve.")
    parser.add_argument("--save", help="folder for the pictures")
    main(parser.parse_args().save)
