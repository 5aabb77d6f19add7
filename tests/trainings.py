# SPDX-License-Identifier: BSD-3-Clause
"""Whole trainings that between them use every activation, loss and optimizer, odd shapes, short
last batches and every path of the trainer: what the numerics contract is tested on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

import deltarule as dr
from deltarule import _core, losses
from deltarule.optimizers import Optimizer

Data = tuple[NDArray[Any], NDArray[Any]]


@dataclass(frozen=True)
class Training:
    """One network, its data and how it is trained."""

    layers: tuple[int, ...]
    activation: str | tuple[str, ...]
    output: str
    loss: str
    optimizer: Optimizer
    batch_size: int | None
    rows: int = 150
    labels: bool = False
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        shape = "-".join(map(str, self.layers))
        rule = self.optimizer.kernel
        return f"{shape} {self.output} {self.loss} {rule} {self.batch_size or 'all'}"

    def network(self, dtype: str) -> dr.MLP:
        activation = self.activation if isinstance(self.activation, str) else list(self.activation)
        return dr.MLP(
            self.layers, activation, self.output, self.loss, dtype=dtype, seed=1, **self.options
        )

    def data(self, dtype: str) -> Data:
        rng = np.random.default_rng(2)
        X = rng.standard_normal((self.rows, self.layers[0])).astype(dtype)
        X[rng.random(X.shape) < 0.2] = 0
        if self.labels:
            return X, rng.integers(0, self.layers[-1], self.rows)
        chosen = losses.read(self.loss)
        Y = rng.random((self.rows, chosen.n_targets(self.layers[-1]))).astype(dtype)
        return X, np.where(Y < 0.5, -1, 1) if chosen.targets == "sign" else Y

    def orders(self, epochs: int = 2) -> list[NDArray[np.int64]]:
        rng = np.random.default_rng(3)
        return [rng.permutation(self.rows) for _ in range(epochs)]


sgd, momentum, adam = dr.SGD(0.05), dr.SGD(0.05, momentum=0.9), dr.Adam(0.01)
mixed = ("tanh", "logistic", "identity")
standardised = {"l2": 1e-3, "input_shift": 0.1, "input_scale": 1.7}

TRAININGS = [
    Training((64, 32, 10), "relu", "softmax", "cross_entropy", adam, 32, labels=True),
    Training((28, 64, 64, 1), "relu", "logistic", "binary_cross_entropy", adam, 100),
    Training((17, 33, 31, 9, 5), mixed, "identity", "half_squared_error", sgd, 7, 60,
             options={"l2": 1e-2}),
    Training((300, 20, 3), "logistic", "softmax", "half_squared_error", momentum, 13, 60,
             options={"reduction": "sum"}),
    # More rows than one chunk: the sums over the batch are carried from chunk to chunk.
    Training((20, 40, 1), "tanh", "identity", "half_squared_error", momentum, None, 1500),
    Training((6, 34, 2), "relu", "logistic", "binary_cross_entropy", adam, None, 1300,
             options={"l2": 1e-3}),
    Training((9, 1, 1), "identity", "relu", "half_squared_error", sgd, 1, 40),
    Training((33, 18, 16, 4), ("softmax", "relu"), "softmax", "binary_cross_entropy", adam, 16),
    Training((100, 30, 10), "logistic", "logistic", "half_squared_error", sgd, 1, 40),
    Training((260, 257, 2), "tanh", "softmax", "cross_entropy", momentum, 64, options=standardised),
    Training((5, 3, 2), "relu", "tanh", "half_squared_error", momentum, 4,
             options={"reduction": "sum"}),
    Training((40, 50), (), "softmax", "cross_entropy", sgd, 300, 700, labels=True),
    Training((40, 33, 3), "tanh", "identity", "half_squared_error", adam, 1, 50,
             options={"l2": 1e-3}),
    Training((12, 33, 3), "relu", "logistic", "squared_error", adam, 9, 80),
    Training((14, 35, 3), "tanh", "identity", "half_squared_error", sgd, 1, 50,
             options={"l1": 1e-3}),
    Training((300, 40, 2), "relu", "identity", "half_squared_error", momentum, 24, 60,
             options={"l1": 1e-3, "l2": 1e-2}),
    Training((6, 34, 3), "relu", "softmax", "cross_entropy", adam, None, 1300, labels=True,
             options={"l1": 1e-3}),
    # One row at a time, the next one's net formed while the weights change: blocks of k, panels.
    Training((300, 40), (), "softmax", "cross_entropy", momentum, 1, 30, labels=True),
    Training((530, 40, 5), "softmax", "identity", "half_squared_error", sgd, 1, 20,
             options=standardised),
    # Derivatives from net, and what units learn: minibatches, chunks, single rows, blocks.
    Training((9, 21, 33, 8, 17, 3), ("leaky_relu", "prelu(slope=-0.3)", "elu(alpha=0.7)", "selu"),
             "gelu", "half_squared_error", adam, 16, 50, options={"l2": 1e-3}),
    Training((5, 12, 35, 7, 9, 2), ("gelu_tanh", "silu", "mish", "softplus"),
             "softsign", "squared_error", momentum, 7, 60, options={"reduction": "sum"}),
    Training((6, 20, 9, 33, 7, 40), ("hard_tanh", "hard_logistic", "blend(selu)", "exponential"),
             "softmax", "cross_entropy", sgd, 11, 50, labels=True),
    Training((5, 34, 2), "blend(mish, alpha=0.5)", "prelu", "half_squared_error", momentum, None,
             1300),
    Training((7, 33, 3), "prelu", "blend(tanh)", "half_squared_error", adam, 1, 30),
    # Few rows and many inputs: several threads form net[1] by columns.
    Training((150, 96, 7, 3), ("prelu", "softmax"), "identity", "half_squared_error", adam, 16, 50),
    Training((70, 64), (), "softmax", "cross_entropy", sgd, 35, 90, labels=True),
    Training((600, 100, 40, 2), ("gelu", "tanh"), "identity", "half_squared_error", momentum, 290,
             600, options={"l2": 1e-3}),
    # So large that k goes in stretches, and the blocks of weights by parts of the inputs.
    Training((1100, 40, 1300, 3), "tanh", "identity", "half_squared_error", sgd, 520, 600),
    # Blocks of the batch dealt to the threads, a short one at its end; then a shorter batch.
    Training((30, 40, 3), "prelu", "identity", "half_squared_error", adam, 1100, 1400),
    Training((70, 50, 4), "relu", "softmax", "cross_entropy", adam, 1100, 1400, labels=True),
    # Every other loss: one output, a few (rows along the lanes), more than a vector or a panel.
    Training((7, 9, 3), "tanh", "identity", "absolute", sgd, 8, 40),
    Training((7, 9, 1), "relu", "identity", "huber(0.25)", momentum, 11, 40),
    Training((7, 9, 3), "tanh", "identity", "quantile(0.1, 0.5, 0.9)", adam, 8, 40),
    Training((7, 9, 18), "tanh", "logistic", "log_cosh", adam, 8, 40),
    Training((7, 9, 5), "tanh", "exponential", "poisson", sgd, 8, 40),
    Training((7, 9, 1), "tanh", "exponential", "gamma", sgd, 8, 40),
    Training((7, 9, 2), "tanh", "exponential", "tweedie(1.3)", adam, 8, 40),
    Training((7, 9, 4), "relu", "identity", "hinge", sgd, 8, 40, labels=True),
    Training((7, 9, 1), "relu", "identity", "squared_hinge", momentum, None, 300),
    Training((7, 9, 6), "tanh", "logistic", "focal(1.5)", adam, 8, 40),
    Training((7, 9, 35), "tanh", "softmax", "focal", adam, 8, 40, labels=True),
    Training((7, 9, 6), "tanh", "softmax", "kl_divergence", adam, 8, 40),
    Training((7, 9, 6), "tanh", "gaussian", "gaussian_nll", adam, 8, 40),
    Training((7, 9, 6), "relu", "softmax", "cross_entropy(0.1)", adam, 8, 40, labels=True),
    Training((7, 9, 6), "relu", "logistic", "binary_cross_entropy(0.2)", adam, 1, 20),
]  # fmt: skip


def trained(training: Training, dtype: str, isa: str, n_threads: int) -> tuple[dr.MLP, list[float]]:
    """The network after two epochs, and their losses, on one instruction set."""
    before = _core.isa()
    _core.select_isa(isa)
    try:
        mlp = training.network(dtype)
        X, Y = training.data(dtype)
        trainer = dr.Trainer(mlp, training.optimizer, training.batch_size, n_threads)
        return mlp, [trainer.epoch(X, Y, order) for order in training.orders()]
    finally:
        _core.select_isa(before)


def fingerprint(mlp: dr.MLP, losses: list[float]) -> str:
    return hashlib.sha256(mlp.w.tobytes() + np.array(losses).tobytes()).hexdigest()[:16]
