# SPDX-License-Identifier: BSD-3-Clause
"""Three autoencoders of the notes' chart, on the handwritten digits: plain, denoising, sparse.

One hidden layer under a linear output reaches PCA of the same width and cannot beat it; a deep one
beats it on digits it has never seen; trained on noisy inputs it takes noise away; a penalty on the
code makes it sparse.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import deltarule as dr
from deltarule.autoencoder import Autoencoder, corrupt
from deltarule.digits import load_digits

BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#999999"


def data() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """1438 digits to learn from, 359 held out, and the labels of these."""
    X, labels = load_digits()
    return X[:1438], X[1438:], labels[1438:]


def mse(A: np.ndarray, B: np.ndarray) -> float:
    """Mean over all entries."""
    return float(np.mean((A.astype(np.float64) - B) ** 2))


def pca(train: np.ndarray, X: np.ndarray, k: int) -> np.ndarray:
    """X through the k directions in which the training data vary most, and back."""
    mean = train.mean(axis=0, dtype=np.float64)
    _, _, V = np.linalg.svd(train - mean, full_matrices=False)
    return (X - mean) @ V[:k].T @ V[:k] + mean


def shallow(X: np.ndarray, activation: str = "identity") -> Autoencoder:
    """64-8-64 with a linear output."""
    autoencoder = Autoencoder([64, 8, 64], activation=activation, dtype="float64", seed=0)
    autoencoder.fit(X, dr.Adam(5e-3), batch_size=128, epochs=200, seed=0)
    autoencoder.fit(X, dr.Adam(1e-3), batch_size=None, epochs=1000, seed=0)
    return autoencoder


def deep(X: np.ndarray) -> Autoencoder:
    """64-32-8-32-64: tanh units around a linear code."""
    autoencoder = Autoencoder([64, 32, 8, 32, 64], activation=["tanh", "identity", "tanh"], seed=0)
    autoencoder.fit(X, dr.Adam(3e-3), batch_size=32, epochs=200, seed=0)
    autoencoder.fit(X, dr.Adam(3e-4), batch_size=32, epochs=50, seed=1)
    return autoencoder


def denoising(X: np.ndarray, noise: float) -> Autoencoder:
    """64-128-64: more hidden units than pixels, so that only the noise keeps it from copying."""
    autoencoder = Autoencoder([64, 128, 64], seed=0)
    autoencoder.fit(X, dr.Adam(3e-3), batch_size=32, epochs=100, noise=noise, seed=0)
    return autoencoder


def sparse(X: np.ndarray, sparsity: str | None, beta: float) -> Autoencoder:
    """64-100-64 with a logistic code that is drawn to a mean of 0.05, to 0, or not at all."""
    autoencoder = Autoencoder(
        [64, 100, 64], activation="logistic", seed=0, sparsity=sparsity, beta=beta, rho=0.05
    )
    autoencoder.fit(X, dr.Adam(1e-2), batch_size=256, epochs=300, seed=0)
    return autoencoder


def main(save: str | Path | None = None) -> dict[str, float]:
    """Train them, print a table, draw the pictures if there is a folder for them."""
    train, held_out, labels = data()
    result = {}
    best = mse(pca(train, train, 8), train)
    for activation in ("identity", "tanh"):
        x_hat = shallow(train, activation).reconstruct(train)
        result[f"64-8-64, {activation} code: MSE above PCA's, share"] = mse(x_hat, train) / best - 1
    autoencoder = deep(train)
    by_pca, by_net = pca(train, held_out, 8), autoencoder.reconstruct(held_out)
    result["held out: MSE of PCA-8"] = mse(by_pca, held_out)
    result["held out: MSE of 64-32-8-32-64"] = mse(by_net, held_out)
    noisy = corrupt(held_out, noise=0.3, seed=1)
    clean = denoising(train, 0.3).reconstruct(noisy)
    copier = denoising(train, 0.0).reconstruct(noisy)
    result["held out, noise 0.3: MSE of the noisy digits"] = mse(noisy, held_out)
    result["held out, noise 0.3: MSE after denoising"] = mse(clean, held_out)
    result["held out, noise 0.3: MSE, trained without noise"] = mse(copier, held_out)
    codes = {}
    for name, kind, beta in (("no penalty", None, 0.0), ("KL", "kl", 0.3), ("L1", "l1", 0.1)):
        autoencoder = sparse(train, kind, beta)
        o = codes[name] = autoencoder.encode(held_out)
        result[f"code of 100, {name}: mean output"] = float(o.mean())
        result[f"code of 100, {name}: largest mean of a unit"] = float(o.mean(axis=0).max())
        result[f"code of 100, {name}: units that never pass 0.01"] = float(
            np.sum(o.max(axis=0) < 0.01)
        )
        result[f"code of 100, {name}: share of outputs above 0.1"] = float(np.mean(o > 0.1))
        result[f"code of 100, {name}: held-out MSE"] = mse(
            autoencoder.reconstruct(held_out), held_out
        )
    for name, value in result.items():
        print(f"{name:<56}{value:10.5f}")
    if save is not None:
        first = [int(np.flatnonzero(labels == digit)[0]) for digit in range(10)]
        rows = {"digit": held_out, "PCA-8": by_pca, "64-32-8-32-64": by_net}
        title = "Eight numbers for 64 pixels, held-out digits"
        draw(Path(save) / "autoencoder_digits.png", rows, first, title)
        rows = {"digit": held_out, "with noise": noisy, "denoised": clean}
        draw(Path(save) / "autoencoder_denoising.png", rows, first, "Denoising held-out digits")
        draw_codes(Path(save) / "autoencoder_sparse.png", codes)
    return result


def draw(path: Path, rows: dict[str, np.ndarray], which: list[int], title: str) -> None:
    """One row of pictures for each entry of `rows`."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    truth = next(iter(rows.values()))
    figure, axes = plt.subplots(
        len(rows), len(which), figsize=(9, 0.4 + 0.85 * len(rows)), layout="constrained"
    )
    for line, (name, images) in zip(axes, rows.items(), strict=True):
        for ax, i in zip(line, which, strict=True):
            ax.imshow(images[i].reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
            ax.set(xticks=[], yticks=[])
        error = "" if images is truth else f"\nMSE {mse(images, truth):.4f}"
        line[0].set_ylabel(name + error, rotation=0, ha="right", va="center")
    figure.suptitle(title)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def draw_codes(path: Path, codes: dict[str, np.ndarray]) -> None:
    """How large the outputs of each code are: unit by unit, and for the mean digit."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(9.2, 3.6), layout="constrained")
    for (name, o), colour, line in zip(
        codes.items(), (GREY, BLUE, ORANGE), ("-", "--", "-."), strict=True
    ):
        units = 1 + np.arange(o.shape[1])
        left.plot(units, np.sort(o.mean(axis=0))[::-1], line, color=colour, label=name)
        right.plot(units, np.sort(o, axis=1)[:, ::-1].mean(axis=0), line, color=colour, label=name)
    left.axhline(0.05, color="black", linewidth=0.8, linestyle=":")
    left.annotate("rho = 0.05", (100, 0.06), ha="right", va="bottom")
    left.set(xlabel="unit, largest mean first", ylabel="mean output", ylim=(-0.02, 1))
    left.set_title("Each unit over all held-out digits")
    right.set(xlabel="rank of the output within its digit", ylim=(-0.02, 1))
    right.set(ylabel="output, mean over the digits", title="Each digit over all units")
    for ax in (left, right):
        ax.legend(frameon=False, loc="upper right")
    figure.savefig(path, dpi=110)
    plt.close(figure)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--save", metavar="FOLDER", help="write the pictures there")
    main(parser.parse_args().save)
