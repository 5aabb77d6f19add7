# SPDX-License-Identifier: BSD-3-Clause
"""A workload as every peer gets it: the same rows, targets and initial weights, from one file.

The workloads are `deltarule bench`'s; where Debian's Fashion-MNIST lies on the disk, its images
take the place of the made ones. A peer's process reads the file and needs nothing of deltarule.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from deltarule.bench.workloads import Workload

Floats = npt.NDArray[np.float32]
Order = npt.NDArray[np.int64]

FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")  # Debian's dataset-fashion-mnist
CHECK_FLOPS = 3e9
LOSS_ROWS = 512


@dataclass(frozen=True)
class Problem:
    """W[k] is (H_{k+1}, H_k + 1), the bias last; Y holds labels for cross-entropy, else (n, K).

    A pass takes `pass_rows` rows in whole batches; full batch: pass_rows / n steps of all rows.
    """

    name: str
    activation: str
    output: str
    loss: str
    rule: str  # sgd, momentum (0.9) or adam
    eta: float
    batch_size: int
    pass_rows: int
    flops: int
    about: str
    X: Floats
    Y: npt.NDArray[Any]
    W: tuple[Floats, ...]

    @classmethod
    def make(cls, workload: Workload, folder: Path) -> Problem:
        """Read or make the data; draw the weights as `deltarule.MLP` does."""
        from deltarule.bench.workloads import targets

        if workload.data == "images" and (folder / "train-images-idx3-ubyte.gz").exists():
            X, labels = fashion_mnist(folder, workload.rows)
            Y, about = targets(workload, labels), "Fashion-MNIST"
        else:
            X, Y = workload.make()
            about = "digits" if workload.data == "digits" else f"made {workload.data}"
        mlp, rule = workload.network(), workload.optimizer
        return cls(
            workload.name, workload.activation, mlp.architecture.activations[-1], workload.loss,
            rule.kernel, rule.eta, workload.batch_size, workload.pass_rows, workload.flops,
            about, X, Y, mlp.W,
        )  # fmt: skip

    def save(self, path: Path) -> None:
        """Write everything to one file."""
        parts: dict[str, Any] = {**vars(self), "n": len(self.W)}
        parts |= {f"W{k}": W for k, W in enumerate(parts.pop("W"))}
        np.savez(path, **parts)

    @classmethod
    def load(cls, path: Path) -> Problem:
        """Read what `save` wrote."""
        with np.load(path) as parts:
            values = {f.name: parts[f.name] for f in fields(cls) if f.name != "W"}
            values = {key: v if v.ndim else v.item() for key, v in values.items()}
            return cls(**values, W=tuple(parts[f"W{k}"] for k in range(int(parts["n"]))))

    @property
    def layers(self) -> list[int]:
        """H_0, the hidden layers, K."""
        return [W.shape[1] - 1 for W in self.W] + [len(self.W[-1])]

    @property
    def full(self) -> bool:
        """Whether every step takes all rows, unshuffled."""
        return self.batch_size == len(self.X)

    @property
    def steps(self) -> int:
        """Steps of a pass."""
        return self.pass_rows // self.batch_size

    def head(self) -> Problem:
        """Return the first batches of it, for the check: 2 to 20 of them, or 256 rows.

        Not more: in some hundred steps Adam amplifies float32's rounding so much that one library's
        losses differ by 1 % between one thread and two.
        """
        batches = int(np.clip(CHECK_FLOPS / (self.flops * self.batch_size), 2, 20))
        batches = max(batches, 256 // self.batch_size)
        if self.full:
            return replace(self, pass_rows=batches * self.batch_size)
        rows = min(batches, len(self.X) // self.batch_size) * self.batch_size
        return replace(self, X=self.X[:rows], Y=self.Y[:rows], pass_rows=rows)

    def orders(self, n: int, seed: int = 2) -> Iterator[Order | None]:
        """Yield the rows of one pass after another, from n rows shuffled again and again."""
        rng = np.random.default_rng(seed)
        while self.full:
            yield None
        while True:
            order = rng.permutation(n)
            for begin in range(0, n - self.pass_rows + 1, self.pass_rows):
                yield order[begin : begin + self.pass_rows]

    def mean_loss(self, W: Sequence[npt.ArrayLike]) -> float:
        """Mean loss of the first rows under W, in float64."""
        o, Y = self.X[:LOSS_ROWS].astype(np.float64), self.Y[:LOSS_ROWS]
        for k, weights in enumerate(W):
            matrix = np.asarray(weights, np.float64)
            net = o @ matrix[:, :-1].T + matrix[:, -1]
            o = apply(self.activation, net) if k < len(W) - 1 else net
        if self.loss == "cross_entropy":
            top = o.max(axis=1, keepdims=True)
            log_sum = np.log(np.exp(o - top).sum(axis=1)) + top[:, 0]
            return float(np.mean(log_sum - o[np.arange(len(o)), Y]))
        if self.loss == "binary_cross_entropy":
            return float(np.mean(np.logaddexp(0, o) - Y * o))
        return float(np.mean(((apply(self.output, o) - Y) ** 2).sum(axis=1)) / 2)


def apply(activation: str, net: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return f(net)."""
    if activation == "relu":
        return np.maximum(net, 0)
    if activation == "logistic":
        return 1 / (1 + np.exp(-net))
    return np.tanh(net) if activation == "tanh" else net


def fashion_mnist(folder: Path, rows: int) -> tuple[Floats, Order]:
    """Return the first training images, in [0, 1], and their labels."""
    pixels = read_idx(folder / "train-images-idx3-ubyte.gz", 16).reshape(-1, 784)[:rows]
    labels = read_idx(folder / "train-labels-idx1-ubyte.gz", 8)[:rows]
    return pixels.astype(np.float32) / np.float32(255), labels.astype(np.int64)


def read_idx(path: Path, header: int) -> npt.NDArray[np.uint8]:
    """Return the bytes of an idx file that follow its header."""
    with gzip.open(path) as file:
        return np.frombuffer(file.read(), np.uint8, offset=header)
