# SPDX-License-Identifier: BSD-3-Clause
"""A network by the literal loops."""

from __future__ import annotations

from typing import Any

import numpy as np

from deltarule._typing import ArrayLike, DTypeLike
from deltarule.activations import row
from deltarule.architecture import Architecture
from deltarule.dropout import RandomStep
from deltarule.oracle import literal_loops as loops
from deltarule.results import Array, Backward, Trace
from deltarule.sparsity import Sparsity


class MLP:
    """o[k+1] = f_k(W[k] [o[k]; 1]) for k = 0 .. m, with y_hat the last o  (equations 1 to 3).

    X and Y must be valid: nothing is judged here.

    Parameters
    ----------
    architecture : Architecture
        Everything but the weights.
    w : array-like, (n_weights,)
        All weights; copied.
    dtype : dtype, optional
        T; None: the architecture's.
    collapsed : bool
        False sends also the pairs that collapse through the general path (17), (24).

    Attributes
    ----------
    architecture, collapsed
        As given.
    w : array, (n_weights,)
        The weights, T.
    """

    def __init__(
        self,
        architecture: Architecture,
        w: ArrayLike,
        dtype: DTypeLike | None = None,
        collapsed: bool = True,
    ) -> None:
        self.architecture = architecture
        self.dtype = np.dtype(architecture.dtype if dtype is None else dtype)
        self.w = np.array(w, self.dtype)
        self.collapsed = collapsed
        self._shift, self._scale = (
            None if a is None else np.array(a, self.dtype)
            for a in (architecture.input_shift, architecture.input_scale)
        )

    @property
    def W(self) -> tuple[Array, ...]:
        """W[k], (H_{k+1}, H_k + 1), bias last: views into w."""
        return self.architecture.views(self.w)

    @property
    def alpha(self) -> tuple[Array | None, ...]:
        """alpha[k], (H_{k+1},), the parameters that units learn, or None: views into w."""
        return self.architecture.alphas(self.w)

    def forward(self, X: ArrayLike, step: RandomStep | None = None) -> Trace:
        """net[k+1] = W[k] [o[k]; 1], o[k+1] = f_k(net[k+1])  (1) to (3); returns a Trace.

        With a RandomStep o has its noise and masks (D1), (D3).
        """
        o = [loops.gather(np.asarray(X).astype(self.dtype), self._shift, self._scale)]
        if step:
            o[0] = loops.perturbed(o[0], step)
        net: list[Array | None] = [None]
        for W, f, alpha in zip(self.W, self.architecture.activations, self.alpha, strict=True):
            net_k = loops.affine(o[-1], W)
            net.append(net_k)
            o.append(loops.activate(f, net_k, alpha))
            if step and len(o) <= self.architecture.n_hidden_layers + 1:
                o[-1] = loops.dropped(o[-1], step, len(o) - 1)
        return Trace(tuple(net), tuple(o), o[-1])

    def backward(
        self,
        trace: Trace,
        Y: ArrayLike,
        sparsity: Sparsity | None = None,
        sample_weight: ArrayLike | None = None,
        step: RandomStep | None = None,
    ) -> Backward:
        """delta from the output to the first layer, gradient, dX and L; returns a Backward.

        With a Sparsity all of them hold its penalty (41) to (45); sample weights are in gradient
        and L (W1), (W2), from rows of weight > 0 alone; with a RandomStep, which the trace had
        too, deltas go through its masks (D2).
        """
        a, y, W = self.architecture, self._targets(Y), self.W
        rows, s = self._weights(sample_weight, len(y))
        S, factors = (
            self._reduction_size(loops.sum_of_weights(s)),
            self._penalties(sample_weight, len(y)),
        )
        pull = self._pull(trace, sparsity, rows, s) if sparsity else None
        m = a.n_hidden_layers
        moved: list[Array] = []
        u = loops.output_delta(
            a.loss, self._fused(m + 1), y, trace.y_hat, self.collapsed, trace.net[-1]
        )
        taken = loops.of_net(a.chosen_loss, a.activations[m])
        delta = [u if taken else self._times_derivative(m + 1, trace, u, moved)]
        for k in range(m, 0, -1):
            p = pull if sparsity and k == sparsity.layer else None
            drops = loops.layer_words(step, k, trace.o[k].shape[1]) if step else None
            f = "identity" if drops else self._fused(k)
            u = loops.hidden_delta(delta[0], W[k], f, trace.o[k], p)
            delta.insert(0, self._times_derivative(k, trace, u, moved, drops))
        gradient = np.concatenate(
            [
                loops.weight_gradient(
                    loops.weighed(delta[k][rows], s), trace.o[k][rows], W[k], S, *factors
                ).ravel()
                for k in range(len(W))
            ]
            + [loops.alpha_gradient(loops.weighed(p[rows], s), S) for p in moved[::-1]]
        )
        dX = loops.input_gradient(delta[0], W[0], self._scale)
        loss = self._loss(trace, y, sparsity, rows, s, factors)
        dW, dalpha = a.views(gradient), a.alphas(gradient)
        return Backward((None, *delta), dW, gradient, dX, loss, dalpha)

    def _fused(self, k: int) -> str:
        """The activation of layer k where f' comes from o; else identity, and f' comes after."""
        f = self.architecture.activations[k - 1]
        return f if row(f).from_output else "identity"

    def _times_derivative(
        self, k: int, trace: Trace, u: Array, moved: list[Array], drops: Any = None
    ) -> Array:
        """f'(net) u where f' comes from net, else what u is already; moved gets u do/dalpha.

        drops: words and threshold of the layer's masks, which u knows nothing of.
        """
        f = self.architecture.activations[k - 1]
        if row(f).from_output and not drops:
            return u
        if f == "softmax":
            return loops.through_softmax(loops.activate(f, trace.net[k]), loops.drop(u, *drops))
        alpha = self.alpha[k - 1]
        _, slope, influence = loops.parts(f, trace.net[k], alpha)
        if drops:
            slope, influence = loops.drop(slope, *drops), loops.drop(influence, *drops)
        if alpha is not None:
            moved.append(u * influence)
        return u * slope

    def predict(self, X: ArrayLike) -> Array:
        """y_hat, (n, K)  (3)."""
        return self.forward(X).y_hat

    def loss(self, X: ArrayLike, Y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """L = (1/S) sum_d s_d L_d + gamma(w)  (13), (W1)."""
        y = self._targets(Y)
        factors = self._penalties(sample_weight, len(y))
        return self._loss(self.forward(X), y, None, *self._weights(sample_weight, len(y)), factors)

    def gradient(self, X: ArrayLike, Y: ArrayLike, sample_weight: ArrayLike | None = None) -> Array:
        """dL/dw, (n_weights,)  (21), (W2)."""
        return self.backward(self.forward(X), Y, None, sample_weight).gradient

    def _targets(self, Y: ArrayLike) -> Array:
        """Y as T, (n, columns), as the loss takes it: a label becomes its one-hot row."""
        Y, a = np.asarray(Y), self.architecture
        labels = Y.ndim == 1 and a.takes_labels
        y: Array
        if labels:
            y = (Y[:, None] == np.arange(a.n_outputs)).astype(self.dtype)
        else:
            y = Y.astype(self.dtype).reshape(len(Y), -1)
            y = np.broadcast_to(y, (len(Y), a.n_targets))
        shift, scale = a.chosen_loss.standard(labels, a.n_outputs)
        if (shift, scale) != (0.0, 1.0):
            y = loops.gather(
                y, np.full(y.shape[1], shift, self.dtype), np.full(y.shape[1], scale, self.dtype)
            )
        return y

    def _weights(self, sample_weight: ArrayLike | None, n: int) -> tuple[Array, Array]:
        """The rows of weight > 0, and their weights as T; of a single row under the mean: 1."""
        if sample_weight is None:
            return np.arange(n), np.ones(n, self.dtype)
        given = np.asarray(sample_weight, np.float64)
        rows = np.flatnonzero(given)
        s = given[rows].astype(self.dtype)
        if len(s) == 1 and self.architecture.reduction == "mean":
            s = np.ones(1, self.dtype)
        return rows, s

    def _reduction_size(self, weight: float) -> float:
        return weight if self.architecture.reduction == "mean" else 1.0

    def _penalties(self, sample_weight: ArrayLike | None, n: int) -> tuple[float, float]:
        """l2 and l1, divided by S where they are over it, that of a single row too  (G7)."""
        a, S = self.architecture, 1.0
        if a.penalty_over == "batch":
            s = np.ones(n) if sample_weight is None else np.asarray(sample_weight, np.float64)
            S = self._reduction_size(loops.sum_of_weights(s[s > 0].astype(self.dtype)))
        return a.l2 / S, a.l1 / S

    def _loss(
        self,
        trace: Trace,
        y: Array,
        sparsity: Sparsity | None,
        rows: Array,
        s: Array,
        factors: tuple[float, float],
    ) -> float:
        a, weight = self.architecture, loops.sum_of_weights(s)
        S = self._reduction_size(weight)
        L = loops.row_loss(a.loss, a.activations[-1], y, trace.net[-1], trace.y_hat)
        if sparsity and sparsity.kind == "l1":
            L = loops.l1_losses(trace.o[sparsity.layer], L, sparsity.weight)
        loss = loops.batch_loss(L[rows], S, loops.penalty(self.W, *factors), s)
        if sparsity and sparsity.kind == "kl":
            rho_hat = loops.mean_outputs(trace.o[sparsity.layer][rows], s)
            loss += loops.kl_penalty(rho_hat, sparsity.weight, sparsity.target, weight, S)
        return loss

    def _pull(self, trace: Trace, sparsity: Sparsity, rows: Array, s: Array) -> Array:
        o = trace.o[sparsity.layer]
        if sparsity.kind == "l1":
            return loops.l1_pull(o, sparsity.weight)
        rho_hat = loops.mean_outputs(o[rows], s)
        return np.broadcast_to(loops.kl_pull(rho_hat, sparsity.weight, sparsity.target), o.shape)
