# SPDX-License-Identifier: BSD-3-Clause
# cython: language_level=3, boundscheck=False, cdivision=True, initializedcheck=False
"""The literal reference: the derivation's sums as plain loops, equal to the kernels bit for bit.

It re-implements every rule of docs/derivation.md, section 11: blocks of 256, the tree of 16 lanes,
the polynomials, the optimizers. It calls nothing of the core, knows no panels, threads or vectors,
and takes from libc only fma and sqrt, which round once. Arrays are row-major, W with its bias last.
"""

include "literal_elementary.pxi"
include "literal_equations.pxi"
include "literal_activations.pxi"
include "literal_losses.pxi"
include "literal_row_losses.pxi"
include "literal_sparsity.pxi"
include "literal_random.pxi"
include "literal_optimizers.pxi"
include "literal_limits.pxi"

import sys

from deltarule.activations import parts as specification_of, row
from deltarule.dropout import check_dropout, check_noise, draws_of
from deltarule.losses import read
from deltarule.oracle.steps import State
from deltarule.results import Backward, Trace
from deltarule.schedules.moving import Moving, step_of


cdef object _ELEMENTARY = {
    "exp": 0, "log": 1, "log1p_of_unit": 2, "logistic": 3, "tanh": 4, "sin_2pi": 5, "cos_2pi": 6,
}


def elementary(str name, const real[:] x):
    """exp, log, log1p_of_unit, logistic, tanh, sin_2pi or cos_2pi of every x."""
    cdef int function = _ELEMENTARY[name]
    result = np.empty(x.shape[0], dtype_of(<real>0))
    cdef real[:] y = result
    cdef Py_ssize_t i
    for i in range(x.shape[0]):
        if function == 0:
            y[i] = exp(x[i])
        elif function == 1:
            y[i] = log(x[i])
        elif function == 2:
            y[i] = log1p_of_unit(x[i])
        elif function == 3:
            y[i] = logistic(x[i])
        elif function == 4:
            y[i] = tanh(x[i])
        elif function == 5:
            y[i] = sin_2pi(x[i])
        else:
            y[i] = cos_2pi(x[i])
    return result


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

    def __init__(self, architecture, w, dtype=None, collapsed=True):
        self.architecture = architecture
        self.dtype = np.dtype(architecture.dtype if dtype is None else dtype)
        self.w = np.array(w, self.dtype)
        self.collapsed = collapsed
        self._shift, self._scale = (
            None if a is None else np.array(a, self.dtype)
            for a in (architecture.input_shift, architecture.input_scale)
        )

    @property
    def W(self):
        """W[k], (H_{k+1}, H_k + 1), bias last: views into w."""
        return self.architecture.views(self.w)

    @property
    def alpha(self):
        """alpha[k], (H_{k+1},), the parameters that units learn, or None: views into w."""
        return self.architecture.alphas(self.w)

    def forward(self, X, step=None):
        """net[k+1] = W[k] [o[k]; 1], o[k+1] = f_k(net[k+1])  (1) to (3); returns a Trace.

        With a RandomStep o has its noise and masks (D1), (D3).
        """
        o = [gather(np.asarray(X).astype(self.dtype), self._shift, self._scale)]
        if step:
            o[0] = perturbed(o[0], step)
        net = [None]
        for W, f, alpha in zip(self.W, self.architecture.activations, self.alpha, strict=True):
            net.append(affine(o[-1], W))
            o.append(activate(f, net[-1], alpha))
            if step and len(o) <= self.architecture.n_hidden_layers + 1:
                o[-1] = dropped(o[-1], step, len(o) - 1)
        return Trace(tuple(net), tuple(o), o[-1])

    def backward(self, trace, Y, sparsity=None, sample_weight=None, step=None):
        """delta from the output to the first layer, gradient, dX and L; returns a Backward.

        With a Sparsity all of them hold its penalty (41) to (45); sample weights are in gradient
        and L (W1), (W2), from rows of weight > 0 alone; with a RandomStep, which the trace had
        too, deltas go through its masks (D2).
        """
        a, y, W = self.architecture, self._targets(Y), self.W
        rows, s = self._weights(sample_weight, len(y))
        S, factors = self._reduction_size(sum_of_weights(s)), self._penalties(sample_weight, len(y))
        pull = self._pull(trace, sparsity, rows, s) if sparsity else None
        m, moved = a.n_hidden_layers, []
        u = output_delta(
            a.loss, self._fused(m + 1), y, trace.y_hat, self.collapsed, trace.net[-1]
        )
        taken = of_net(a.chosen_loss, a.activations[m])
        delta = [u if taken else self._times_derivative(m + 1, trace, u, moved)]
        for k in range(m, 0, -1):
            p = pull if sparsity and k == sparsity.layer else None
            drops = layer_words(step, k, trace.o[k].shape[1]) if step else None
            f = "identity" if drops else self._fused(k)
            u = hidden_delta(delta[0], W[k], f, trace.o[k], p)
            delta.insert(0, self._times_derivative(k, trace, u, moved, drops))
        gradient = np.concatenate([
            weight_gradient(
                weighed(delta[k][rows], s), trace.o[k][rows], W[k], S, *factors
            ).ravel()
            for k in range(len(W))
        ] + [alpha_gradient(weighed(p[rows], s), S) for p in moved[::-1]])
        dX = input_gradient(delta[0], W[0], self._scale)
        loss = self._loss(trace, y, sparsity, rows, s, factors)
        dW, dalpha = a.views(gradient), a.alphas(gradient)
        return Backward((None, *delta), dW, gradient, dX, loss, dalpha)

    def _fused(self, k):
        """The activation of layer k where f' comes from o; else identity, and f' comes after."""
        f = self.architecture.activations[k - 1]
        return f if row(f).from_output else "identity"

    def _times_derivative(self, k, trace, u, moved, drops=None):
        """f'(net) u where f' comes from net, else what u is already; moved gets u do/dalpha.

        drops: words and threshold of the layer's masks, which u knows nothing of.
        """
        f = self.architecture.activations[k - 1]
        if row(f).from_output and not drops:
            return u
        if f == "softmax":
            return through_softmax(activate(f, trace.net[k]), drop(u, *drops))
        alpha = self.alpha[k - 1]
        _, slope, influence = parts(f, trace.net[k], alpha)
        if drops:
            slope, influence = drop(slope, *drops), drop(influence, *drops)
        if alpha is not None:
            moved.append(u * influence)
        return u * slope

    def predict(self, X):
        """y_hat, (n, K)  (3)."""
        return self.forward(X).y_hat

    def loss(self, X, Y, sample_weight=None):
        """L = (1/S) sum_d s_d L_d + gamma(w)  (13), (W1)."""
        y = self._targets(Y)
        factors = self._penalties(sample_weight, len(y))
        return self._loss(self.forward(X), y, None, *self._weights(sample_weight, len(y)), factors)

    def gradient(self, X, Y, sample_weight=None):
        """dL/dw, (n_weights,)  (21), (W2)."""
        return self.backward(self.forward(X), Y, None, sample_weight).gradient

    def _targets(self, Y):
        """Y as T, (n, columns), as the loss takes it: a label becomes its one-hot row."""
        Y, a = np.asarray(Y), self.architecture
        labels = Y.ndim == 1 and a.takes_labels
        if labels:
            y = (Y[:, None] == np.arange(a.n_outputs)).astype(self.dtype)
        else:
            y = Y.astype(self.dtype).reshape(len(Y), -1)
            y = np.broadcast_to(y, (len(Y), a.n_targets))
        shift, scale = a.chosen_loss.standard(labels, a.n_outputs)
        if (shift, scale) != (0.0, 1.0):
            y = gather(y, np.full(y.shape[1], shift, self.dtype), np.full(y.shape[1], scale, self.dtype))
        return y

    def _weights(self, sample_weight, n):
        """The rows of weight > 0, and their weights as T; of a single row under the mean: 1."""
        if sample_weight is None:
            return np.arange(n), np.ones(n, self.dtype)
        given = np.asarray(sample_weight, np.float64)
        rows = np.flatnonzero(given)
        s = given[rows].astype(self.dtype)
        if len(s) == 1 and self.architecture.reduction == "mean":
            s = np.ones(1, self.dtype)
        return rows, s

    def _reduction_size(self, weight):
        return weight if self.architecture.reduction == "mean" else 1.0

    def _penalties(self, sample_weight, n):
        """l2 and l1; divided by S, which here is that of a single row too, where they are over it  (G7)."""
        a, S = self.architecture, 1.0
        if a.penalty_over == "batch":
            s = np.ones(n) if sample_weight is None else np.asarray(sample_weight, np.float64)
            S = self._reduction_size(sum_of_weights(s[s > 0].astype(self.dtype)))
        return a.l2 / S, a.l1 / S

    def _loss(self, trace, y, sparsity, rows, s, factors):
        a, weight = self.architecture, sum_of_weights(s)
        S = self._reduction_size(weight)
        L = row_loss(a.loss, a.activations[-1], y, trace.net[-1], trace.y_hat)
        if sparsity and sparsity.kind == "l1":
            L = l1_losses(trace.o[sparsity.layer], L, sparsity.weight)
        loss = batch_loss(L[rows], S, penalty(self.W, *factors), s)
        if sparsity and sparsity.kind == "kl":
            rho_hat = mean_outputs(trace.o[sparsity.layer][rows], s)
            loss += kl_penalty(rho_hat, sparsity.weight, sparsity.target, weight, S)
        return loss

    def _pull(self, trace, sparsity, rows, s):
        o = trace.o[sparsity.layer]
        if sparsity.kind == "l1":
            return l1_pull(o, sparsity.weight)
        rho_hat = mean_outputs(o[rows], s)
        return np.broadcast_to(kl_pull(rho_hat, sparsity.weight, sparsity.target), o.shape)


class Trainer:
    """Trains a literal network batch by batch; the optimizer's state lives on between epochs.

    Parameters
    ----------
    mlp : MLP
        The network, whose w `epoch` replaces.
    optimizer : Rule
        The update rule.
    batch_size : int, optional
        Rows in a batch; None: all rows.
    sparsity : Sparsity, optional
        A penalty on a hidden layer's outputs.
    average : EMA or SWA, optional
        Which average of the weights to keep.
    dropout, noise, seed : optional
        What is drawn at random.

    Attributes
    ----------
    state : State
        Slots in w's order, and the optimizer's clock.
    moving : Moving
        The optimizer's schedules; `moving.observe` tells them a validation loss.
    """

    def __init__(
        self, mlp, optimizer, batch_size=None, sparsity=None, average=None, dropout=None,
        noise=None, seed=None,
    ):
        self.mlp, self.optimizer, self.batch_size = mlp, optimizer, batch_size
        self.sparsity, self.average = sparsity, average
        self.state = State.start(optimizer, mlp.architecture, mlp.w.dtype)
        a = mlp.architecture
        self.draws = draws_of(check_dropout(dropout, a), check_noise(noise, a), seed, a)
        random = self.draws.schedules if self.draws else {}
        self.moving = Moving({**optimizer.schedules, **random}, mlp.w.dtype.name)

    @property
    def averaged_w(self):
        """The average of the weights; None: none have entered."""
        return self.state.average

    @property
    def steps(self):
        """Updates so far."""
        return self.state.steps

    def epoch(self, X, Y, order=None, sample_weight=None, numbers=None):
        """One pass over the rows `order`; the mean of the batch losses before each update.

        By the batches' rows (36), or by their sums of weights; rows of weight 0 are left out (W4).
        numbers: by name, one value for each batch, of those that move; None: those of the schedules.
        """
        X, Y = np.asarray(X), np.asarray(Y)
        s = np.ones(len(X)) if sample_weight is None else np.asarray(sample_weight, np.float64)
        rows = np.arange(len(X)) if order is None else np.asarray(order)
        size = self.batch_size or len(rows)
        if numbers is None:
            numbers = self.moving.numbers(self.state.epochs, len(rows), self.batch_size)
        total = share = 0.0
        for step, start in enumerate(range(0, len(rows), size)):
            batch = rows[start : start + size]
            batch, now = batch[s[batch] > 0], step_of(numbers, step)
            if not len(batch):
                continue
            drawn = self.draws.step(self.state.epochs, batch, now) if self.draws else None
            trace = self.mlp.forward(X[batch], drawn)
            weights = None if sample_weight is None else s[batch]
            back = self.mlp.backward(trace, Y[batch], self.sparsity, weights, drawn)
            weight = sum_of_weights(s[batch].astype(self.mlp.dtype))
            total, share = total + weight * back.loss, share + weight
            self.mlp.w = self.state.step(
                sys.modules[__name__], self.optimizer, self.mlp.architecture, self.mlp.w,
                back.gradient, now,
            )
            self.state.enter_step(sys.modules[__name__], self.average, self.mlp.w)
        self.state.epochs += 1
        self.state.enter_epoch(sys.modules[__name__], self.average, self.mlp.w)
        self.moving.finish(numbers, total / share)
        return total / share
