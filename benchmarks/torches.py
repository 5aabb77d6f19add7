# SPDX-License-Identifier: BSD-3-Clause
"""Training in PyTorch: modules and autograd, or the derivation by hand; fused optimizers in both.

A setting names the form and the float32 matmul precision: "medium" lets PyTorch take oneDNN's
kernels, which use AVX-512 also where MKL's do not.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from peers import Base, batches
from problem import Floats, Order, Problem


class Torch(Base):
    """Chooses the form that the setting names.

    "medium" may round the factors of its products to bfloat16, and does where the processor has
    tiles for them: 0.4 % of the check's fall.
    """

    module: ClassVar[str] = "torch"
    coarse: ClassVar[tuple[str, ...]] = ("eager medium", "manual medium")
    settings: ClassVar[tuple[str, ...]] = (
        "eager highest", "eager medium", "manual highest", "manual medium",
    )  # fmt: skip

    def __init__(self, problem: Problem, setting: str, threads: int) -> None:
        super().__init__(problem, setting, threads)
        import torch

        form, precision = setting.split()
        torch.set_num_threads(threads)
        torch.set_float32_matmul_precision(precision)
        self.form = Eager(torch, problem) if form == "eager" else Manual(torch, problem)
        self.torch = torch

    def train(self, order: Order | None) -> None:
        form = self.form
        for rows in batches(self.problem, order):
            if isinstance(rows, slice):
                form.step(form.X[rows], form.Y[rows])
            else:
                chosen = self.torch.from_numpy(rows)
                form.step(form.X.index_select(0, chosen), form.Y.index_select(0, chosen))

    def weights(self) -> list[Floats]:
        return self.form.weights()


def optimizer(torch: Any, parameters: Any, problem: Problem) -> Any:
    """Return the problem's rule, fused."""
    if problem.rule == "adam":
        return torch.optim.Adam(parameters, lr=problem.eta, fused=True)
    momentum = 0.9 if problem.rule == "momentum" else 0.0
    return torch.optim.SGD(parameters, lr=problem.eta, momentum=momentum, fused=True)


class Eager:
    """torch.nn.Sequential and autograd."""

    def __init__(self, torch: Any, problem: Problem) -> None:
        nn = torch.nn
        f = {"relu": nn.ReLU, "tanh": nn.Tanh, "logistic": nn.Sigmoid}
        self.linear = [nn.Linear(W.shape[1] - 1, len(W)) for W in problem.W]
        with torch.no_grad():
            for layer, W in zip(self.linear, problem.W, strict=True):
                layer.weight.copy_(torch.from_numpy(W[:, :-1].copy()))
                layer.bias.copy_(torch.from_numpy(W[:, -1].copy()))
        parts = [part for layer in self.linear for part in (layer, f[problem.activation]())][:-1]
        if problem.loss == "half_squared_error" and problem.output in f:
            parts.append(f[problem.output]())
        self.net = nn.Sequential(*parts)
        self.loss = {
            "cross_entropy": nn.CrossEntropyLoss(),
            "binary_cross_entropy": nn.BCEWithLogitsLoss(),
            "half_squared_error": lambda y_hat, y: (
                (y_hat - y).square().sum() / (2 * problem.batch_size)
            ),
        }[problem.loss]
        self.rule = optimizer(torch, self.net.parameters(), problem)
        self.X, self.Y = torch.from_numpy(problem.X), torch.from_numpy(problem.Y)

    def step(self, X: Any, Y: Any) -> None:
        self.rule.zero_grad()
        self.loss(self.net(X), Y).backward()
        self.rule.step()

    def weights(self) -> list[Floats]:
        parts = [(layer.weight.detach(), layer.bias.detach()) for layer in self.linear]
        return [np.column_stack((weight.numpy(), bias.numpy())) for weight, bias in parts]


class Manual:
    """Products into buffers, derivatives by PyTorch's own backward functions; w is one vector."""

    def __init__(self, torch: Any, problem: Problem) -> None:
        torch.set_grad_enabled(False)
        self.torch, self.problem = torch, problem
        size, batch = sum(W.size for W in problem.W), problem.batch_size
        self.w = torch.nn.Parameter(torch.empty(size))
        self.w.grad = torch.empty(size)
        self.A, self.b, self.dA, self.db = [], [], [], []
        begin = 0
        for W in problem.W:
            out, into = len(W), W.shape[1] - 1
            middle, end = begin + out * into, begin + W.size
            for flat, matrices, vectors in (
                (self.w.data, self.A, self.b),
                (self.w.grad, self.dA, self.db),
            ):
                matrices.append(flat[begin:middle].view(into, out))
                vectors.append(flat[middle:end])
            self.A[-1].copy_(torch.from_numpy(W[:, :-1].T.copy()))
            self.b[-1].copy_(torch.from_numpy(W[:, -1].copy()))
            begin = end
        self.At = [A.t() for A in self.A]
        self.o = [torch.empty(batch, n) for n in problem.layers]
        self.delta = [torch.empty(batch, n) for n in problem.layers]
        self.rule = optimizer(torch, [self.w], problem)
        self.X, self.Y = torch.from_numpy(problem.X), torch.from_numpy(problem.Y)
        if problem.loss == "cross_entropy":
            self.Y = torch.nn.functional.one_hot(self.Y, problem.layers[-1]).float()
        self.in_place = {"relu": torch.relu_, "tanh": torch.tanh_, "logistic": torch.sigmoid_}
        aten = torch.ops.aten
        self.backward = {
            "relu": lambda delta, o: aten.threshold_backward(delta, o, 0),
            "tanh": aten.tanh_backward,
            "logistic": aten.sigmoid_backward,
            "identity": lambda delta, o: delta,
        }

    def step(self, X: Any, Y: Any) -> None:
        torch, p, o, last = self.torch, self.problem, self.o, len(self.A)
        o[0] = X
        for k in range(last):
            net = torch.addmm(self.b[k], o[k], self.A[k], out=o[k + 1])
            if k < last - 1:
                self.in_place[p.activation](net)
        if p.loss == "cross_entropy":
            net = torch.softmax(net, 1)
        elif p.output == "logistic":
            net.sigmoid_()
        delta = torch.sub(net, Y, out=self.delta[last]).mul_(1 / p.batch_size)
        if p.loss == "half_squared_error":
            delta = self.backward[p.output](delta, net)
        for k in range(last - 1, -1, -1):
            torch.mm(o[k].t(), delta, out=self.dA[k])
            torch.sum(delta, 0, out=self.db[k])
            if k:
                product = torch.mm(delta, self.At[k], out=self.delta[k])
                delta = self.backward[p.activation](product, o[k])
        self.rule.step()

    def weights(self) -> list[Floats]:
        pairs = zip(self.A, self.b, strict=True)
        return [np.column_stack((A.numpy().T, b.numpy())) for A, b in pairs]
