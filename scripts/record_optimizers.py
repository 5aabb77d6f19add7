# SPDX-License-Identifier: BSD-3-Clause
"""Writes tests/fixtures/optimizers.npz: 50 steps of other libraries' optimizers, in float64.

`python scripts/record_optimizers.py` needs torch and scikit-learn; the tests need neither. The
network is 5-7-3, tanh, half squared error, mean over the batch; gradients are PyTorch's autograd.
Recorded is w after some of the steps, in deltarule's order. Lion, which neither library has, is
the formula of its paper (Chen et al. 2023, algorithm 2) in NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
import torch
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer

SIZES, N, BATCH, STEPS = (5, 7, 3), 12, 4, 50
RECORDED = (1, 2, 3, 5, 10, 20, 50)
TARGET = Path(__file__).parents[1] / "tests" / "fixtures" / "optimizers.npz"
O = torch.optim  # noqa: E741

# What makes the optimizer of [(weights), (biases)]; weights alone decay.
TORCH: dict[str, Callable[[Any], Any]] = {
    "sgd": lambda p: O.SGD(p, lr=0.1),
    "momentum": lambda p: O.SGD(p, lr=0.05, momentum=0.9),
    "nesterov": lambda p: O.SGD(p, lr=0.05, momentum=0.9, nesterov=True),
    "adam": lambda p: O.Adam(p, lr=0.01),
    "amsgrad": lambda p: O.Adam(p, lr=0.01, betas=(0.9, 0.8), amsgrad=True),
    "adamw": lambda p: O.AdamW(p, lr=0.01, weight_decay=0.1),
    "nadam": lambda p: O.NAdam(p, lr=0.01),
    "adagrad": lambda p: O.Adagrad(p, lr=0.05, initial_accumulator_value=0.01),
    "rmsprop": lambda p: O.RMSprop(p, lr=0.01, alpha=0.9),
    "rmsprop_momentum": lambda p: O.RMSprop(p, lr=0.01, alpha=0.9, momentum=0.5),
    "rmsprop_centered": lambda p: O.RMSprop(p, lr=0.01, alpha=0.9, momentum=0.5, centered=True),
    "adadelta": lambda p: O.Adadelta(p, lr=1.0, rho=0.9),
    "rprop": lambda p: O.Rprop(p, lr=0.01, etas=(0.5, 1.2), step_sizes=(1e-4, 0.1)),
    "clip_value": lambda p: O.SGD(p, lr=0.1),
}
SKLEARN: dict[str, Callable[[Any], Any]] = {
    "velocity": lambda p: SGDOptimizer(p, 0.05, momentum=0.9, nesterov=False),
    "velocity_nesterov": lambda p: SGDOptimizer(p, 0.05, momentum=0.9, nesterov=True),
    "adam_eps_inside": lambda p: AdamOptimizer(p, 0.01, epsilon=1e-3),
}
CLIP = 0.02


class Problem:
    """The data, the network's parameters and their gradient on a batch."""

    def __init__(self) -> None:
        rng = np.random.default_rng(7)
        self.X = torch.from_numpy(rng.normal(size=(N, SIZES[0])))
        self.Y = torch.from_numpy(rng.normal(size=(N, SIZES[2])))
        pairs = list(pairwise(SIZES))
        self.W = [torch.from_numpy(rng.normal(0, 0.5, (o, i))).requires_grad_() for i, o in pairs]
        self.b = [torch.from_numpy(rng.normal(0, 0.1, o)).requires_grad_() for o in SIZES[1:]]

    def batches(self, full: bool) -> Iterator[slice]:
        """Yield the rows of each step."""
        for step in range(STEPS):
            at = step * BATCH % N
            yield slice(None) if full else slice(at, at + BATCH)

    def backward(self, rows: slice) -> None:
        """Leave the gradient in the parameters."""
        hidden = torch.tanh(self.X[rows] @ self.W[0].T + self.b[0])
        y_hat = hidden @ self.W[1].T + self.b[1]
        for p in (*self.W, *self.b):
            p.grad = None
        (0.5 * ((self.Y[rows] - y_hat) ** 2).sum(1).mean()).backward()

    def w(self) -> np.ndarray:
        """Return all weights in deltarule's order: each unit's, its bias last."""
        parts = [
            torch.column_stack([W, b]).detach().numpy() for W, b in zip(self.W, self.b, strict=True)
        ]
        return np.concatenate([part.ravel() for part in parts])


def recorded(full: bool, make: Callable[[Problem], Callable[[], None]]) -> np.ndarray:
    """Return w at the steps that are kept."""
    problem = Problem()
    step, kept = make(problem), []
    for number, rows in enumerate(problem.batches(full), 1):
        problem.backward(rows)
        step()
        if number in RECORDED:
            kept.append(problem.w())
    return np.stack(kept)


def by_torch(name: str) -> Callable[[Problem], Callable[[], None]]:
    """Return what makes a step of PyTorch's."""

    def make(problem: Problem) -> Callable[[], None]:
        rule = TORCH[name]([{"params": problem.W}, {"params": problem.b, "weight_decay": 0.0}])

        def step() -> None:
            if name == "clip_value":
                torch.nn.utils.clip_grad_value_([*problem.W, *problem.b], CLIP)
            rule.step()

        return step

    return make


def by_sklearn(name: str) -> Callable[[Problem], Callable[[], None]]:
    """Return what makes a step of scikit-learn's, which changes the arrays in place."""

    def make(problem: Problem) -> Callable[[], None]:
        parameters = [*problem.W, *problem.b]
        arrays = [p.detach().numpy() for p in parameters]
        rule = SKLEARN[name](arrays)
        return lambda: rule.update_params(arrays, [p.grad.numpy() for p in parameters])

    return make


def by_lion(decay: float) -> Callable[[Problem], Callable[[], None]]:
    """Return what makes a step of Lion, with eta 0.003, beta_1 0.9, beta_2 0.99."""
    eta, beta_1, beta_2 = 0.003, 0.9, 0.99

    def make(problem: Problem) -> Callable[[], None]:
        parameters = [(p, decay) for p in problem.W] + [(p, 0.0) for p in problem.b]
        means = [np.zeros(p.shape) for p, _ in parameters]

        def step() -> None:
            for (p, rate), m in zip(parameters, means, strict=True):
                w, g = p.detach().numpy(), p.grad.numpy()
                w -= eta * (np.sign(beta_1 * m + (1 - beta_1) * g) + rate * w)
                m[...] = beta_2 * m + (1 - beta_2) * g

        return step

    return make


def main() -> None:
    """Write the file."""
    torch.set_default_dtype(torch.float64)  # NAdam keeps its product of mu in it
    start = Problem()
    arrays = {
        "X": start.X.numpy(), "Y": start.Y.numpy(), "w": start.w(), "steps": np.array(RECORDED),
        "versions": np.array([f"torch {torch.__version__}", f"scikit-learn {sklearn.__version__}"]),
    }  # fmt: skip
    for name in TORCH:
        arrays[name] = recorded(name == "rprop", by_torch(name))
    for name in SKLEARN:
        arrays[name] = recorded(False, by_sklearn(name))
    arrays["lion"] = recorded(False, by_lion(0.0))
    arrays["lion_decay"] = recorded(False, by_lion(1.0))
    TARGET.parent.mkdir(exist_ok=True)
    np.savez_compressed(TARGET, **arrays)
    print(f"{TARGET}: {len(arrays)} arrays, {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
