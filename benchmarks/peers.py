# SPDX-License-Identifier: BSD-3-Clause
"""Who trains: one class per library, each in the best form that its users have at hand.

A class names the module that it needs, its settings, of which the fastest one counts, and how far
the loss may differ in the check, relative. Libraries are imported by the constructor, so that no
process holds two of them.
"""

from __future__ import annotations

from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt
from workloads import ETA, Floats, Problem

Order = npt.NDArray[np.int64]


class Peer(Protocol):
    """A network that starts from problem.W and trains on with every epoch."""

    module: ClassVar[str]
    settings: ClassVar[tuple[str, ...]]
    tolerance: ClassVar[float]

    def __init__(self, problem: Problem, setting: str, threads: int) -> None: ...

    def epoch(self, order: Order) -> None:
        """One pass over these rows in this order, the last batch short."""

    def weights(self) -> list[Floats]:
        """W as it is now, in the form of problem.W."""


class Deltarule:
    """Our own."""

    module: ClassVar[str] = "deltarule"
    settings: ClassVar[tuple[str, ...]] = ("",)
    tolerance: ClassVar[float] = 1e-4

    def __init__(self, problem: Problem, setting: str, threads: int) -> None:
        import deltarule as dr

        layers = [W.shape[1] - 1 for W in problem.W] + [len(problem.W[-1])]
        self.mlp = dr.MLP(layers, activation="relu", loss="cross_entropy")
        self.mlp.W = problem.W
        self.trainer = dr.Trainer(self.mlp, dr.Adam(ETA), problem.batch_size, threads)
        self.problem = problem

    def epoch(self, order: Order) -> None:
        self.trainer.epoch(self.problem.X, self.problem.labels, order)

    def weights(self) -> list[Floats]:
        return [W.copy() for W in self.mlp.W]


class GivenOrder(np.random.RandomState):
    """A source of randomness for scikit-learn that shuffles into the order set before."""

    order: Order

    def shuffle(self, x: Any) -> None:
        x[:] = x[self.order]


class ScikitLearn:
    """MLPClassifier.partial_fit, which shuffles and gathers by itself.

    It adds Adam's eps before the bias correction, others after it: a larger eps in the first steps,
    which the weights of mostly black pixels feel. That is all of the difference in the check.
    """

    module: ClassVar[str] = "sklearn"
    settings: ClassVar[tuple[str, ...]] = ("",)
    tolerance: ClassVar[float] = 1e-2

    def __init__(self, problem: Problem, setting: str, threads: int) -> None:
        import sklearn
        from sklearn.neural_network import MLPClassifier

        sklearn.set_config(assume_finite=True)
        hidden = tuple(len(W) for W in problem.W[:-1])
        self.X, self.labels = problem.X, problem.labels
        self.random = GivenOrder()
        self.model = MLPClassifier(
            hidden, activation="relu", solver="adam", alpha=0.0, batch_size=problem.batch_size,
            learning_rate_init=ETA, random_state=self.random,
        )  # fmt: skip
        # Its arrays exist only after a first call; Adam then starts afresh from our weights.
        first = slice(problem.batch_size)
        self.random.order = np.arange(len(self.X[first]))
        classes = np.arange(len(problem.W[-1]))
        self.model.partial_fit(self.X[first], self.labels[first], classes=classes)
        del self.model._optimizer
        for W, coefs, bias in zip(
            problem.W, self.model.coefs_, self.model.intercepts_, strict=True
        ):
            coefs[...], bias[...] = W[:, :-1].T, W[:, -1]

    def epoch(self, order: Order) -> None:
        self.random.order = order
        self.model.partial_fit(self.X, self.labels)

    def weights(self) -> list[Floats]:
        pairs = zip(self.model.coefs_, self.model.intercepts_, strict=True)
        return [np.column_stack((coefs.T, bias)) for coefs, bias in pairs]


class Torch:
    """PyTorch, eager, with the fused Adam.

    A setting is its float32 matmul precision: "medium" lets it take oneDNN's kernels, which use
    AVX-512 also where MKL's do not.
    """

    module: ClassVar[str] = "torch"
    settings: ClassVar[tuple[str, ...]] = ("highest", "medium")
    tolerance: ClassVar[float] = 1e-4

    def __init__(self, problem: Problem, setting: str, threads: int) -> None:
        import torch

        torch.set_num_threads(threads)
        torch.set_float32_matmul_precision(setting)
        self.linear = [torch.nn.Linear(W.shape[1] - 1, len(W)) for W in problem.W]
        with torch.no_grad():
            for layer, W in zip(self.linear, problem.W, strict=True):
                layer.weight.copy_(torch.from_numpy(W[:, :-1].copy()))
                layer.bias.copy_(torch.from_numpy(W[:, -1].copy()))
        hidden = [module for layer in self.linear[:-1] for module in (layer, torch.nn.ReLU())]
        self.net = torch.nn.Sequential(*hidden, self.linear[-1])
        self.loss = torch.nn.CrossEntropyLoss()
        self.adam = torch.optim.Adam(self.net.parameters(), lr=ETA, fused=True)
        self.X, self.labels = torch.from_numpy(problem.X), torch.from_numpy(problem.labels)
        self.batch_size, self.tensor = problem.batch_size, torch.from_numpy

    def epoch(self, order: Order) -> None:
        for rows in self.tensor(order).split(self.batch_size):
            X, labels = self.X.index_select(0, rows), self.labels.index_select(0, rows)
            self.adam.zero_grad()
            self.loss(self.net(X), labels).backward()
            self.adam.step()

    def weights(self) -> list[Floats]:
        parts = [(layer.weight.detach(), layer.bias.detach()) for layer in self.linear]
        return [np.column_stack((weight.numpy(), bias.numpy())) for weight, bias in parts]


PEERS: dict[str, type[Peer]] = {
    "deltarule": Deltarule,
    "scikit-learn": ScikitLearn,
    "torch": Torch,
}
