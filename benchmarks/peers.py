# SPDX-License-Identifier: BSD-3-Clause
"""Who trains: one class per library, each in the best forms that its users have at hand.

A class names the module that it needs, its settings, of which the fastest one counts, and how far
the loss may differ in the check, as a share of its fall. Libraries are imported by the constructor,
so that no process holds two of them.
"""

from __future__ import annotations

from typing import Any, ClassVar, Protocol

import numpy as np
from problem import Floats, Order, Problem


class Peer(Protocol):
    """A network that starts from problem.W and trains on with every pass."""

    module: ClassVar[str]
    settings: ClassVar[tuple[str, ...]]
    tolerance: ClassVar[float]
    coarse: ClassVar[tuple[str, ...]]  # settings that may be ten times as far off

    def __init__(self, problem: Problem, setting: str, threads: int) -> None: ...

    @property
    def rows(self) -> int:
        """How many rows it draws a pass from."""

    def train(self, order: Order | None) -> None:
        """One pass over these rows in this order, in whole batches; None: full batches."""

    def weights(self) -> list[Floats]:
        """W as it is now, in the form of problem.W."""


class Base:
    """What most peers share."""

    tolerance: ClassVar[float] = 2e-3
    coarse: ClassVar[tuple[str, ...]] = ()

    def __init__(self, problem: Problem, setting: str, threads: int) -> None:
        self.problem, self.rows = problem, len(problem.X)

    @staticmethod
    def fits(problem: Problem) -> bool:
        """Whether the library has this network, loss and rule."""
        return True


class Deltarule(Base):
    """Our own."""

    module: ClassVar[str] = "deltarule"
    settings: ClassVar[tuple[str, ...]] = ("",)

    def __init__(self, problem: Problem, setting: str, threads: int) -> None:
        super().__init__(problem, setting, threads)
        import deltarule as dr

        rule = dr.Adam(problem.eta) if problem.rule == "adam" else dr.SGD(problem.eta)
        if problem.rule == "momentum":
            rule = dr.SGD(problem.eta, momentum=0.9)
        self.mlp = dr.MLP(problem.layers, problem.activation, problem.output, problem.loss)
        self.mlp.W = problem.W
        self.trainer = dr.Trainer(self.mlp, rule, problem.batch_size, threads)

    def train(self, order: Order | None) -> None:
        X, Y = self.problem.X, self.problem.Y
        for _ in range(self.problem.steps if order is None else 1):
            self.trainer.epoch(X, Y, order)

    def weights(self) -> list[Floats]:
        return [W.copy() for W in self.mlp.W]


class GivenOrder(np.random.RandomState):
    """A source of randomness for scikit-learn that shuffles into the order set before."""

    order: Order

    def shuffle(self, x: Any) -> None:
        x[:] = x[self.order]


class ScikitLearn(Base):
    """MLPClassifier's or MLPRegressor's partial_fit, which shuffles and gathers by itself.

    It adds Adam's eps before the bias correction, others after it: a larger eps in the first steps,
    which the weights of mostly black pixels feel. That is all of the difference in the check.
    It goes through the first rows of a pass again and again: the data must be whole to it.
    """

    module: ClassVar[str] = "sklearn"
    settings: ClassVar[tuple[str, ...]] = ("",)
    tolerance: ClassVar[float] = 2e-2

    @staticmethod
    def fits(problem: Problem) -> bool:
        return problem.loss != "half_squared_error" or problem.output == "identity"

    def __init__(self, problem: Problem, setting: str, threads: int) -> None:
        super().__init__(problem, setting, threads)
        import sklearn
        from sklearn.neural_network import MLPClassifier, MLPRegressor

        sklearn.set_config(assume_finite=True)
        self.rows = len(problem.X) if problem.full else problem.pass_rows
        self.X, Y = problem.X[: self.rows], problem.Y[: self.rows]
        self.Y = Y.ravel() if Y.shape[1:] == (1,) else Y
        self.random = GivenOrder()
        self.random.order = np.arange(problem.batch_size)
        classify = problem.loss != "half_squared_error"
        kind = MLPClassifier if classify else MLPRegressor
        momentum = 0.9 if problem.rule == "momentum" else 0.0
        self.model = kind(
            hidden_layer_sizes=tuple(problem.layers[1:-1]), activation=problem.activation,
            solver="adam" if problem.rule == "adam" else "sgd", alpha=0.0,
            batch_size=problem.batch_size, learning_rate_init=problem.eta, momentum=momentum,
            nesterovs_momentum=False, shuffle=not problem.full, random_state=self.random,
        )  # fmt: skip
        # Its arrays exist only after a first call; the rule then starts afresh from our weights.
        known = {"classes": np.unique(problem.Y)} if classify else {}
        first = slice(problem.batch_size)
        self.model.partial_fit(self.X[first], self.Y[first], **known)
        del self.model._optimizer
        for W, coefs, bias in zip(
            problem.W, self.model.coefs_, self.model.intercepts_, strict=True
        ):
            coefs[...], bias[...] = W[:, :-1].T, W[:, -1]

    def train(self, order: Order | None) -> None:
        if order is not None:
            self.random.order = order
        for _ in range(self.problem.steps if order is None else 1):
            self.model.partial_fit(self.X, self.Y)

    def weights(self) -> list[Floats]:
        pairs = zip(self.model.coefs_, self.model.intercepts_, strict=True)
        return [np.column_stack((coefs.T, bias)) for coefs, bias in pairs]


def batches(problem: Problem, order: Order | None) -> Any:
    """Yield the rows of each batch: an index array, or slices where that spares the gather."""
    if order is None:
        yield from [slice(None)] * problem.steps
    elif problem.batch_size == 1:
        for row in order.tolist():
            yield slice(row, row + 1)
    else:
        yield from order.reshape(-1, problem.batch_size)


def registry() -> dict[str, type[Peer]]:
    """All peers by name, ours first."""
    from arrays import Jax, JaxStep, NumPy
    from torches import Torch

    return {
        "deltarule": Deltarule, "scikit-learn": ScikitLearn, "NumPy": NumPy, "PyTorch": Torch,
        "JAX step": JaxStep, "JAX scan": Jax,
    }  # fmt: skip
