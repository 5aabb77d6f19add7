# SPDX-License-Identifier: BSD-3-Clause
"""What is trained: nine networks as people have them, from digits to a wide one, and their data.

The digits ship with the package; everything else is made: images of which half the pixels are
black, tables of normal features with targets that a network can learn.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.mlp import MLP
from deltarule.optimizers import SGD, Adam, Optimizer

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Workload:
    """A network, its loss and optimizer, its batches and its data.

    Attributes
    ----------
    name : str
        As in the tables.
    layers, activation, loss, output
        As of `MLP`.
    optimizer : SGD or Adam
        With its constants.
    batch_size, rows : int
        batch_size = rows: full batch, not shuffled.
    data : str
        "digits", "images" or "table".
    pass_rows : int
        Rows, in whole batches, that are trained between two looks at the clock: a part of the data
        where all of it takes long. Full batch: the steps times the rows.
    """

    name: str
    layers: tuple[int, ...]
    activation: str
    loss: str
    output: str | None
    optimizer: Optimizer
    batch_size: int
    rows: int
    data: str
    pass_rows: int

    @property
    def full(self) -> bool:
        """Whether every step takes all rows."""
        return self.batch_size == self.rows

    @property
    def flops(self) -> int:
        """Floating-point operations of a sample: its matrix products, nothing else.

        Forward and weight gradient of every layer, delta of every one but the first.
        """
        return training_flops(self.layers)

    def network(self, dtype: str = "float32") -> MLP:
        """Return the network with its initial weights."""
        return MLP(self.layers, self.activation, self.output, self.loss, dtype, seed=0)

    def make(self) -> tuple[Floats, npt.NDArray[Any]]:
        """Return X, (rows, H_0), and the targets: labels for cross-entropy, else (rows, K)."""
        return {"digits": digits, "images": images, "table": table}[self.data](self)

    def __str__(self) -> str:
        loss = {"cross_entropy": "CE", "binary_cross_entropy": "BCE"}.get(self.loss, "½SE")
        rule = type(self.optimizer).__name__
        if isinstance(self.optimizer, SGD) and self.optimizer.momentum:
            rule = "momentum"
        return f"{'-'.join(map(str, self.layers))} {self.activation} {loss} {rule}"


def prediction_flops(layers: tuple[int, ...]) -> int:
    """Floating-point operations of a row's prediction: its matrix products."""
    return 2 * sum(a * b for a, b in pairwise(layers))


def training_flops(layers: tuple[int, ...]) -> int:
    """Floating-point operations of a sample's training: see `Workload.flops`."""
    return 2 * prediction_flops(layers) + prediction_flops(layers[1:])


def digits(workload: Workload) -> tuple[Floats, npt.NDArray[Any]]:
    """Return the handwritten digits of the demonstration."""
    from deltarule.digits import load_digits

    X, labels = load_digits()
    return X[: workload.rows], targets(workload, labels[: workload.rows])


def images(workload: Workload) -> tuple[Floats, npt.NDArray[Any]]:
    """Return pixels k / 255, half of them 0; a class brightens pixels of its own."""
    X, labels = _images(workload.rows, workload.layers[0], workload.layers[-1])
    return X, targets(workload, labels)


@lru_cache(maxsize=1)
def _images(n: int, features: int, classes: int) -> tuple[Floats, npt.NDArray[np.int64]]:
    rng = np.random.default_rng(1)
    labels = rng.integers(0, classes, n)
    bright = rng.integers(0, 2, (classes, features), np.uint8) * np.uint8(64)
    pixels = rng.integers(0, 384, (n, features), np.uint16) + bright[labels]
    X = (np.clip(pixels, 192, 447) - 192).astype(np.float32)
    X /= np.float32(255)
    return X, labels


def table(workload: Workload) -> tuple[Floats, npt.NDArray[Any]]:
    """Return normal features; the targets are sums of random waves of them.

    Classes are the largest of K sums, or the sign of the only one.
    """
    rng = np.random.default_rng(1)
    n, features, outputs = workload.rows, workload.layers[0], workload.layers[-1]
    X = rng.standard_normal((n, features), np.float32)
    directions = rng.standard_normal((features, 32), np.float32) / np.float32(features**0.5)
    sums = np.sin(2 * X @ directions) @ rng.standard_normal((32, outputs), np.float32) / 4
    if workload.loss == "cross_entropy":
        return X, sums.argmax(axis=1)
    if workload.loss == "binary_cross_entropy":
        return X, (sums > 0).astype(np.float32)
    return X, sums


def targets(workload: Workload, labels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the labels as they are for cross-entropy, else one-hot."""
    if workload.loss == "cross_entropy":
        return labels
    one_hot: Floats = np.eye(workload.layers[-1], dtype=np.float32)[labels]
    return one_hot


CE, BCE, SE = "cross_entropy", "binary_cross_entropy", "half_squared_error"
ADAM = Adam(1e-3)
MNIST = (784, 512, 512, 10)
TABLE = (54, 256, 256, 256, 7)
SQUARE = (1024, 2048, 2048, 1024)
# fmt: off
WORKLOADS = {
    w.name: w
    for w in (
        Workload("digits", (64, 32, 10), "relu", CE, None, ADAM, 32, 1797, "digits", 1792),
        Workload("tab_s", (28, 64, 64, 1), "relu", BCE, None, ADAM, 256, 100_000, "table", 25_600),
        Workload("tab_m", TABLE, "relu", CE, None, ADAM, 256, 100_000, "table", 12_800),
        Workload("mnist_s", (784, 128, 10), "relu", CE, None, SGD(0.05, 0.9), 64, 60_000,
                 "images", 16_000),
        Workload("mnist_m", MNIST, "relu", CE, None, ADAM, 128, 60_000, "images", 6400),
        Workload("mnist_sig", (784, 300, 100, 10), "logistic", SE, "logistic", SGD(0.5), 32, 60_000,
                 "images", 8000),
        Workload("wide", SQUARE, "tanh", SE, "identity", SGD(1e-3), 512, 20_000, "table", 2048),
        Workload("sgd1", (784, 30, 10), "logistic", SE, "logistic", SGD(0.1), 1, 10_000, "images",
                 10_000),
        Workload("full", (20, 64, 64, 1), "tanh", SE, "identity", SGD(0.01), 10_000, 10_000,
                 "table", 200_000),
    )
}
# fmt: on

# Networks whose prediction is timed, and how many rows at a time.
PREDICTED = {
    "784-512-512-10": Workload(
        "784-512-512-10", MNIST, "relu", CE, None, ADAM, 128, 60_000, "images", 0
    ),
    "20-64-64-1": Workload(
        "20-64-64-1", (20, 64, 64, 1), "relu", BCE, None, ADAM, 256, 60_000, "table", 0
    ),
}
PREDICTED_ROWS = (1, 16, 1024, 60_000)
