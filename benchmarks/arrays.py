# SPDX-License-Identifier: BSD-3-Clause
"""Training loops written by hand in NumPy and in JAX."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from peers import Base, batches
from problem import Floats, Order, Problem


class NumPy(Base):
    """The derivation in float32 with every buffer allocated once.

    The constant 1 stands in the last column of X and of every o, so that the bias is a column of
    the weights and needs no operation of its own; w and its gradient are one vector each.
    """

    module: ClassVar[str] = "numpy"
    settings: ClassVar[tuple[str, ...]] = ("",)

    def __init__(self, problem: Problem, setting: str, threads: int) -> None:
        super().__init__(problem, setting, threads)
        size, batch = sum(W.size for W in problem.W), problem.batch_size
        self.w, self.g, self.scratch, self.ratio = np.zeros((4, size), np.float32)
        self.m, self.v = np.zeros((2, size), np.float32)
        self.W, self.dW, begin = [], [], 0
        for W in problem.W:
            part = slice(begin, begin + W.size)
            self.W.append(self.w[part].reshape(W.shape))
            self.dW.append(self.g[part].reshape(W.shape))
            self.W[-1][...] = W
            begin += W.size
        self.X = np.column_stack((problem.X, np.ones(len(problem.X), np.float32)))
        one_hot = problem.loss == "cross_entropy"
        self.Y = np.eye(problem.layers[-1], dtype=np.float32)[problem.Y] if one_hot else problem.Y
        self.o = [np.ones((batch, n + 1), np.float32) for n in problem.layers]
        self.delta = [np.empty((batch, n), np.float32) for n in problem.layers]
        self.slope = [np.empty((batch, n), np.float32) for n in problem.layers]
        self.y = np.empty((batch, problem.layers[-1]), np.float32)
        self.steps = 0

    def train(self, order: Order | None) -> None:
        for rows in batches(self.problem, order):
            if isinstance(rows, slice):
                self.o[0], self.y = self.X[rows], self.Y[rows]
            else:
                np.take(self.X, rows, axis=0, out=self.o[0], mode="clip")
                np.take(self.Y, rows, axis=0, out=self.y, mode="clip")
            self.gradient()
            self.update()

    def gradient(self) -> None:
        """Forward, then backward."""
        p, o, delta, last = self.problem, self.o, self.delta, len(self.W)
        for k, W in enumerate(self.W):
            z = np.matmul(o[k], W.T, out=o[k + 1][:, :-1])
            if k < last - 1:
                activate(p.activation, z)
        if p.loss == "cross_entropy":
            z -= z.max(axis=1, keepdims=True)
            np.exp(z, out=z)
            z /= z.sum(axis=1, keepdims=True)
        else:
            activate(p.output, z)
        np.subtract(z, self.y, out=delta[last])
        if p.loss == "half_squared_error":
            times_slope(p.output, z, delta[last], self.slope[last])
        delta[last] *= np.float32(1 / p.batch_size)
        for k in range(last - 1, -1, -1):
            np.matmul(delta[k + 1].T, o[k], out=self.dW[k])
            if k:
                np.matmul(delta[k + 1], self.W[k][:, :-1], out=delta[k])
                times_slope(p.activation, o[k][:, :-1], delta[k], self.slope[k])

    def update(self) -> None:
        """One step of the rule on all weights at once."""
        w, g, m, v, scratch = self.w, self.g, self.m, self.v, self.scratch
        eta = np.float32(self.problem.eta)
        if self.problem.rule != "adam":
            if self.problem.rule == "momentum":
                m *= np.float32(0.9)
                m += g
                g = m
            w -= np.multiply(g, eta, out=scratch)
            return
        self.steps += 1
        unbias = 1 - 0.999**self.steps
        m *= np.float32(0.9)
        m += np.multiply(g, np.float32(0.1), out=scratch)
        v *= np.float32(0.999)
        np.multiply(g, g, out=scratch)
        v += np.multiply(scratch, np.float32(0.001), out=scratch)
        np.sqrt(v, out=scratch)
        scratch *= np.float32(unbias**-0.5)
        scratch += np.float32(1e-8)
        np.divide(m, scratch, out=self.ratio)
        self.ratio *= np.float32(eta / (1 - 0.9**self.steps))
        w -= self.ratio

    def weights(self) -> list[Floats]:
        return self.W


def activate(name: str, z: Floats) -> None:
    """z <- f(z)."""
    if name == "relu":
        np.maximum(z, 0, out=z)
    elif name == "tanh":
        np.tanh(z, out=z)
    elif name == "logistic":
        np.negative(z, out=z)
        np.exp(z, out=z)
        z += 1
        np.reciprocal(z, out=z)


def times_slope(name: str, o: Floats, delta: Floats, slope: Floats) -> None:
    """delta <- delta f', f' from o = f(net)."""
    if name == "relu":
        np.greater(o, 0, out=slope, casting="unsafe")
    elif name == "tanh":
        np.multiply(o, o, out=slope)
        np.subtract(1, slope, out=slope)
    elif name == "logistic":
        np.subtract(1, o, out=slope)
        slope *= o
    if name != "identity":
        delta *= slope


class Jax(Base):
    """A pass is one compiled `lax.scan` over its batches; parameters are donated."""

    module: ClassVar[str] = "jax"
    settings: ClassVar[tuple[str, ...]] = ("",)
    scanned: ClassVar[bool] = True

    def __init__(self, problem: Problem, setting: str, threads: int) -> None:
        super().__init__(problem, setting, threads)
        import jax
        import jax.numpy as jnp

        self.jax, self.jnp = jax, jnp
        self.X = jnp.asarray(problem.X)
        self.Y = jnp.asarray(problem.Y.astype(np.int32) if problem.Y.ndim == 1 else problem.Y)
        params = [(jnp.array(W[:, :-1].T), jnp.array(W[:, -1])) for W in problem.W]
        zeros = [[(jnp.zeros_like(A), jnp.zeros_like(b)) for A, b in params] for _ in range(2)]
        self.state = (params, zeros[0], zeros[1], jnp.zeros((), jnp.float32))
        self.compiled = jax.jit(self.whole if self.scanned else self.one, donate_argnums=0)

    def loss(self, params: Any, X: Any, Y: Any) -> Any:
        """Mean loss of a batch."""
        jax, jnp, p = self.jax, self.jnp, self.problem
        f = {"relu": jax.nn.relu, "tanh": jnp.tanh, "logistic": jax.nn.sigmoid}
        o = X
        for A, b in params[:-1]:
            o = f[p.activation](o @ A + b)
        net = o @ params[-1][0] + params[-1][1]
        if p.loss == "cross_entropy":
            log_p = jax.nn.log_softmax(net)
            return -jnp.mean(jnp.take_along_axis(log_p, Y[:, None], axis=1))
        if p.loss == "binary_cross_entropy":
            return jnp.mean(jax.nn.softplus(net) - Y * net)
        y_hat = net if p.output == "identity" else f[p.output](net)
        return jnp.sum((y_hat - Y) ** 2) / (2 * p.batch_size)

    def step(self, state: Any, X: Any, Y: Any) -> Any:
        """One update."""
        params, m, v, t = state
        each, eta = self.jax.tree.map, self.problem.eta
        g = self.jax.grad(self.loss)(params, X, Y)
        if self.problem.rule == "sgd":
            return each(lambda w, d: w - eta * d, params, g), m, v, t
        if self.problem.rule == "momentum":
            m = each(lambda a, d: 0.9 * a + d, m, g)
            return each(lambda w, a: w - eta * a, params, m), m, v, t
        t = t + 1
        m = each(lambda a, d: 0.9 * a + 0.1 * d, m, g)
        v = each(lambda a, d: 0.999 * a + 0.001 * (d * d), v, g)
        size, unbias = eta / (1 - 0.9**t), self.jnp.sqrt(1 - 0.999**t)
        move = each(lambda a, b: size * a / (self.jnp.sqrt(b) / unbias + 1e-8), m, v)
        return each(lambda w, d: w - d, params, move), m, v, t

    def one(self, state: Any, X: Any, Y: Any, order: Any, i: Any) -> Any:
        """Batch i of the pass."""
        if not self.problem.full:
            size = self.problem.batch_size
            rows = self.jax.lax.dynamic_slice_in_dim(order, i * size, size)
            X, Y = (self.jnp.take(array, rows, axis=0, mode="clip") for array in (X, Y))
        return self.step(state, X, Y)

    def whole(self, state: Any, X: Any, Y: Any, order: Any) -> Any:
        """All batches of the pass."""

        def body(state: Any, i: Any) -> Any:
            return self.one(state, X, Y, order, i), None

        return self.jax.lax.scan(body, state, self.jnp.arange(self.problem.steps))[0]

    def train(self, order: Order | None) -> None:
        rows = self.jnp.asarray(np.zeros(1, np.int32) if order is None else order.astype(np.int32))
        if self.scanned:
            self.state = self.compiled(self.state, self.X, self.Y, rows)
        else:
            state = self.state
            for i in range(self.problem.steps):
                state = self.compiled(state, self.X, self.Y, rows, i)
            self.state = state
        self.jax.block_until_ready(self.state)

    def weights(self) -> list[Floats]:
        return [np.column_stack((np.asarray(A).T, np.asarray(b))) for A, b in self.state[0]]


class JaxStep(Jax):
    """A step is one compiled call."""

    scanned: ClassVar[bool] = False
