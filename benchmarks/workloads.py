# SPDX-License-Identifier: BSD-3-Clause
"""What is trained: networks, data and initial weights, the same for every peer.

Hidden layers are relu, the output softmax with cross-entropy, the optimizer Adam (eta = 1e-3, its
other constants as everywhere), all in float32; batches are shuffled, and the last one is short.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]

ETA = 1e-3
FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")  # Debian's dataset-fashion-mnist


@dataclass(frozen=True)
class Workload:
    """A network, its batches, and where its rows come from.

    source(workload, folder) returns features, labels and what to call them in the table.
    """

    name: str
    layers: tuple[int, ...]
    batch_size: int
    rows: int
    source: Callable[[Workload, Path], tuple[Floats, Labels, str]]

    def __str__(self) -> str:
        return f"{'-'.join(map(str, self.layers))}, batch {self.batch_size}"


@dataclass(frozen=True)
class Problem:
    """A workload with its data and start: W[k] is (H_{k+1}, H_k + 1), the bias last."""

    name: str
    batch_size: int
    X: Floats
    labels: Labels
    W: tuple[Floats, ...]
    about: str

    @classmethod
    def make(cls, workload: Workload, folder: Path) -> Problem:
        """Read or make the data; draw the weights as `deltarule.MLP` does."""
        import deltarule as dr

        X, labels, about = workload.source(workload, folder)
        mlp = dr.MLP(workload.layers, activation="relu", loss="cross_entropy", seed=0)
        return cls(workload.name, workload.batch_size, X, labels, mlp.W, about)

    def save(self, path: Path) -> None:
        """Write everything to one file, so that every process reads the same bytes."""
        parts: dict[str, Any] = {**vars(self), "n": len(self.W)}
        parts |= {f"W{k}": W for k, W in enumerate(parts.pop("W"))}
        np.savez(path, **parts)

    @classmethod
    def load(cls, path: Path) -> Problem:
        """Read what `save` wrote."""
        with np.load(path) as parts:
            W = tuple(parts[f"W{k}"] for k in range(int(parts["n"])))
            name, about = str(parts["name"]), str(parts["about"])
            return cls(name, int(parts["batch_size"]), parts["X"], parts["labels"], W, about)

    def head(self, batches: float) -> Problem:
        """Return the same with the first rows only: so many batches of them."""
        rows = int(batches * self.batch_size)
        return replace(self, X=self.X[:rows], labels=self.labels[:rows])

    def loss(self, W: Sequence[npt.ArrayLike]) -> float:
        """Mean cross-entropy of all rows under W, in float64."""
        o = self.X.astype(np.float64)
        for k, weights in enumerate(W):
            matrix = np.asarray(weights, np.float64)
            net = o @ matrix[:, :-1].T + matrix[:, -1]
            o = np.maximum(net, 0) if k < len(W) - 1 else net
        top = o.max(axis=1, keepdims=True)
        log_sum = np.log(np.exp(o - top).sum(axis=1)) + top[:, 0]
        return float(np.mean(log_sum - o[np.arange(len(o)), self.labels]))


def digits(workload: Workload, folder: Path) -> tuple[Floats, Labels, str]:
    """Return the handwritten digits of the demonstration."""
    from deltarule.digits import load_digits

    X, labels = load_digits()
    return X[: workload.rows], labels[: workload.rows], "digits"


def made(workload: Workload, folder: Path) -> tuple[Floats, Labels, str]:
    """Normal features; the label is the largest of K random sums of random sine waves."""
    rng = np.random.default_rng(1)
    n_features, n_classes = workload.layers[0], workload.layers[-1]
    X = rng.standard_normal((workload.rows, n_features), dtype=np.float32)
    directions = rng.standard_normal((n_features, 4 * n_classes)) / np.sqrt(n_features)
    waves = np.sin(2 * X @ directions.astype(np.float32))
    scores = waves @ rng.standard_normal((4 * n_classes, n_classes))
    return X, scores.argmax(axis=1), "made data"


def fashion_mnist(workload: Workload, folder: Path) -> tuple[Floats, Labels, str]:
    """Return the training images, in [0, 1]; made data of the same shape where they are absent."""
    images = folder / "train-images-idx3-ubyte.gz"
    if not images.exists():
        X, labels, about = made(workload, folder)
        return X, labels, f"{about} (no Fashion-MNIST in {folder})"
    pixels = read_idx(images, 16).reshape(-1, workload.layers[0])[: workload.rows]
    classes = read_idx(folder / "train-labels-idx1-ubyte.gz", 8)[: workload.rows]
    return pixels.astype(np.float32) / np.float32(255), classes.astype(np.int64), "Fashion-MNIST"


def read_idx(path: Path, header: int) -> npt.NDArray[np.uint8]:
    """Return the bytes of an idx file that follow its header."""
    with gzip.open(path) as file:
        return np.frombuffer(file.read(), np.uint8, offset=header)


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("digits", (64, 32, 10), 32, 1797, digits),
        Workload("tab_m", (54, 256, 256, 256, 7), 256, 100_000, made),
        Workload("mnist_m", (784, 512, 512, 10), 128, 60_000, fashion_mnist),
    )
}
