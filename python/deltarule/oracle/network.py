# SPDX-License-Identifier: BSD-3-Clause
"""The network's equations, forward and backward, as functions of the weights.

The whole of it is three contractions: net = o W^T (2), delta W (20) and delta^T o (21).
Nothing here keeps state. Rows are samples; W[k] is (H_{k+1}, H_k + 1), bias last.
"""

from __future__ import annotations

import numpy as np

from deltarule.architecture import Architecture
from deltarule.dropout import RandomStep
from deltarule.losses import read
from deltarule.oracle import random
from deltarule.oracle import sparsity as sparse
from deltarule.oracle.activations import Float64, activate, times_derivative
from deltarule.oracle.functions import of_net
from deltarule.oracle.losses import batch_loss, delta_of_net, descent, penalty, row_loss
from deltarule.results import Backward, Trace
from deltarule.sparsity import Sparsity


def gather(X: Float64, shift: Float64 | None, scale: Float64 | None) -> Float64:
    """o[0] = (X - shift) scale, per feature  (1)."""
    o = X if shift is None else X - shift
    return o if scale is None else o * scale


def affine(o: Float64, W: Float64) -> Float64:
    """net_j = sum_i W_ji o_i + W_j,bias: W [o; 1] for every row  (2)."""
    return np.asarray(o @ W[:, :-1].T + W[:, -1])


def output_delta(
    loss: str,
    output: str,
    y: Float64,
    y_hat: Float64,
    eps: float,
    collapsed: bool = True,
    net: Float64 | None = None,
    alpha: Float64 | None = None,
) -> Float64:
    """delta_j = -dL_i/dnet_j of the output layer: f' u  (17), or J^T u  (24).

    Collapsed: y - y_hat for logistic with binary cross-entropy (25), and
    y - y_hat sum_l y_l for softmax with cross-entropy (26). A threshold has no derivative to
    collapse: there y - y_hat is Rosenblatt's rule, and only `Perceptron` asks for it.

    Parameters
    ----------
    loss, output : str
        The loss, with its parameters, and the name of the output activation.
    y, y_hat : array, (n, columns) and (n, K)
        Targets and predictions.
    eps : float
        Clipping distance of the general path.
    collapsed : bool
        False takes the general path also for the two pairs that collapse.
    net, alpha : array, (n, K) and (K,), optional
        As `activations.times_derivative` takes them.

    Returns
    -------
    array, (n, K)
    """
    name = read(loss).name
    if collapsed and (
        (name, output) == ("binary_cross_entropy", "logistic") or output == "threshold"
    ):
        return y - y_hat
    if collapsed and (name, output) == ("cross_entropy", "softmax"):
        return np.asarray(y - y_hat * np.sum(y, axis=1, keepdims=True))
    if net is not None and (delta := delta_of_net(loss, output, y, net)) is not None:
        return delta
    return times_derivative(output, y_hat, descent(loss, y, y_hat, eps), net, alpha)


def hidden_delta(
    delta: Float64,
    W: Float64,
    activation: str,
    o: Float64,
    pull: Float64 | None = None,
    mask: Float64 | None = None,
    net: Float64 | None = None,
    alpha: Float64 | None = None,
) -> Float64:
    """delta[k]_i = f'(net[k]_i) sum_j delta[k+1]_j W[k]_ji  (20), with a pull (45), a mask (D2).

    Parameters
    ----------
    delta : array, (n, H_{k+1})
        delta[k+1].
    W : array, (H_{k+1}, H_k + 1)
        W[k]; the bias column sends nothing back.
    activation : str
        f of layer k.
    o : array, (n, H_k)
        o[k], before anything is dropped.
    pull : array, (n, H_k), optional
        What a penalty on o[k] adds to u (44).
    mask : array, (n, H_k), optional
        What dropout multiplied o[k] by.
    net, alpha : array, (n, H_k) and (H_k,), optional
        As `activations.times_derivative` takes them.

    Returns
    -------
    array, (n, H_k)
    """
    return times_derivative(activation, o, arriving(delta, W, pull, mask), net, alpha)


def arriving(
    delta: Float64, W: Float64, pull: Float64 | None = None, mask: Float64 | None = None
) -> Float64:
    """u = -dL_i/do[k], before any mask: sum_j delta[k+1]_j W[k]_ji, a pull  (19), (45), (D2)."""
    u = delta @ W[:, :-1]
    if pull is not None:
        u = u + pull
    return np.asarray(u if mask is None else u * mask)


def alpha_gradient(
    activation: str,
    net: Float64,
    alpha: Float64,
    u: Float64,
    S: float,
    sample_weight: Float64 | None = None,
) -> Float64:
    """dL/dalpha_j = -(1/S) sum_i s_i u_ij do_ij/dalpha_j  (A15)."""
    influence = of_net(activation, net, alpha).influence
    assert influence is not None  # of an activation that learns
    moved = u * influence
    if sample_weight is not None:
        some = sample_weight > 0
        moved = sample_weight[some, None] * moved[some]
    return np.asarray(-np.sum(moved, axis=0) / S)


def weight_gradient(
    delta: Float64,
    o: Float64,
    W: Float64,
    S: float,
    l2: float,
    l1: float = 0.0,
    s: Float64 | None = None,
) -> Float64:
    """dL/dW[k] = -(1/S) sum_i s_i delta[k+1]_i [o[k]_i, 1] + l2 W[k] + l1 sign(W[k])  (21), (W2).

    Parameters
    ----------
    delta : array, (n, H_{k+1})
        delta[k+1], per sample.
    o : array, (n, H_k)
        o[k].
    W : array, (H_{k+1}, H_k + 1)
        W[k].
    S : float
        Number of rows, or sum of their weights (mean), or 1 (sum).
    l2, l1 : float
        Penalties; none on the bias, and no sign where a weight is 0.
    s : array, (n,), optional
        Weights of the samples; a row of weight 0 takes no part, whatever it holds.

    Returns
    -------
    array, (H_{k+1}, H_k + 1)
    """
    if s is not None:
        delta, o = s[s > 0, None] * delta[s > 0], o[s > 0]
    augmented = np.concatenate([o, np.ones((len(o), 1))], axis=1)
    dW = -(delta.T @ augmented) / S
    dW[:, :-1] += l2 * W[:, :-1]
    if l1:
        dW[:, :-1] += l1 * np.sign(W[:, :-1])
    return np.asarray(dW)


def input_gradient(delta: Float64, W: Float64, scale: Float64 | None) -> Float64:
    """dL_i/dx = -(delta[1] W[0] without bias) scale, with respect to X as given  (22)."""
    dX = -(delta @ W[:, :-1])
    return np.asarray(dX if scale is None else dX * scale)


def forward(net: Architecture, w: Float64, X: Float64, step: RandomStep | None = None) -> Trace:
    """o[0], then net[k+1] and o[k+1] for k = 0 .. m  (1) to (3).

    Parameters
    ----------
    net : Architecture
        The network without its weights.
    w : array, (n_weights,)
        Its weights.
    X : array, (n, H_0)
        Samples.
    step : RandomStep, optional
        A training's: with its noise, and with its masks on every o but the last  (D1), (D3).

    Returns
    -------
    Trace
    """
    shift, scale = scaling(net)
    sums: list[Float64 | None] = [None]
    o = [gather(X, shift, scale)]
    if step is not None:
        o[0] = random.perturbed(o[0], step)
    layers = zip(net.views(w), net.activations, net.alphas(w), strict=True)
    for k, (W_k, activation, alpha) in enumerate(layers, 1):
        sums.append(weighted := affine(o[-1], W_k))
        o.append(activate(activation, weighted, alpha))
        if step is not None and k <= net.n_hidden_layers:
            o[k] = random.dropped(o[k], step, k)
    return Trace(tuple(sums), tuple(o), o[-1])


def backward(
    net: Architecture,
    w: Float64,
    trace: Trace,
    y: Float64,
    collapsed: bool = True,
    sparsity: Sparsity | None = None,
    sample_weight: Float64 | None = None,
    step: RandomStep | None = None,
) -> Backward:
    """delta from the output to the first layer, then every gradient and L  (13) to (26).

    Parameters
    ----------
    net : Architecture
        The network without its weights.
    w : array, (n_weights,)
        Its weights.
    trace : Trace
        Its forward pass.
    y : array, (n, K)
        Targets.
    collapsed : bool
        As for `output_delta`.
    sparsity : Sparsity, optional
        A penalty on a hidden layer's outputs, in every delta, gradient and L  (41) to (45).
    sample_weight : array, (n,), optional
        s_i, in gradient and L; delta and dX carry none  (W1) to (W3).
    step : RandomStep, optional
        As `forward` had it.

    Returns
    -------
    Backward
    """
    o, m, f, s = trace.o, net.n_hidden_layers, net.activations, sample_weight
    W, alphas = net.views(w), net.alphas(w)
    n = len(y) if s is None else float(np.sum(s))
    S, penalties = reduction_size(net, n), penalty_factors(net, n)
    dalpha: list[Float64] = []

    def learned(k: int, u: Float64) -> None:  # from what arrives at o[k]
        sums, alpha = trace.net[k], alphas[k - 1]
        if alpha is not None and sums is not None:
            dalpha.insert(0, alpha_gradient(f[k - 1], sums, alpha, u, S, s))

    if alphas[m] is not None:  # and so the loss is one of y_hat
        learned(m + 1, descent(net.loss, y, trace.y_hat, eps(net)))
    back = [
        output_delta(
            net.loss, f[m], y, trace.y_hat, eps(net), collapsed, trace.net[m + 1], alphas[m]
        )
    ]
    for k in range(m, 0, -1):
        pull = None
        if sparsity is not None and sparsity.layer == k:
            pull = sparse.pull(sparsity, o[k], eps(net), s)
        sums, alpha, mask, whole = trace.net[k], alphas[k - 1], None, o[k]
        assert sums is not None  # only net[0] is
        if step is not None and (mask := random.factor(step, k, o[k].shape[1])) is not None:
            whole = activate(f[k - 1], sums, alpha)
        learned(k, arriving(back[0], W[k], pull, mask))
        back.insert(0, hidden_delta(back[0], W[k], f[k - 1], whole, pull, mask, sums, alpha))
    dW = [weight_gradient(back[k], o[k], W[k], S, *penalties, s).ravel() for k in range(m + 1)]
    gradient = np.concatenate([*dW, *dalpha])
    dX = input_gradient(back[0], W[0], scaling(net)[1])
    loss = loss_of(net, w, trace, y, s)
    if sparsity is not None:
        loss += sparse.penalty(sparsity, o[sparsity.layer], S, eps(net), s)
    dW_k, dalpha_k = net.views(gradient), net.alphas(gradient)
    return Backward((None, *back), dW_k, gradient, dX, loss, dalpha_k)


def loss_of(
    net: Architecture,
    w: Float64,
    trace: Trace,
    y: Float64,
    sample_weight: Float64 | None = None,
) -> float:
    """L = (1/S) sum_i s_i L_i + gamma(w) of a forward pass  (13), (W1).

    Parameters
    ----------
    net : Architecture
        The network without its weights.
    w : array, (n_weights,)
        Its weights.
    trace : Trace
        Its forward pass.
    y : array, (n, K)
        Targets.
    sample_weight : array, (n,), optional
        s_i; None: 1 each.

    Returns
    -------
    float
    """
    last = trace.net[-1]
    assert last is not None  # only net[0] is
    rows = row_loss(net.loss, net.activations[-1], y, last, trace.y_hat, eps(net))
    n = float(len(y))
    if sample_weight is not None:
        s = sample_weight
        rows, n = s[s > 0] * rows[s > 0], float(np.sum(s))
    return batch_loss(rows, reduction_size(net, n), gamma_of(net, w, n))


def reduction_size(net: Architecture, n: float) -> float:
    """S: the number of rows, or the sum of their weights, for a mean; 1 for a sum."""
    return float(n) if net.reduction == "mean" else 1.0


def penalty_factors(net: Architecture, n: float) -> tuple[float, float]:
    """l2 and l1 as they count in a batch whose rows, or their weights, add up to n  (G7)."""
    S = reduction_size(net, n) if net.penalty_over == "batch" else 1.0
    return net.l2 / S, net.l1 / S


def gamma_of(net: Architecture, w: Float64, n: float) -> float:
    """The part of L that penalises the weights  (12), (G7)."""
    return penalty(net.views(w), *penalty_factors(net, n))


def eps(net: Architecture) -> float:
    """Clipping distance: the machine epsilon of the network's own dtype  (35)."""
    return float(np.finfo(net.dtype).eps)


def scaling(net: Architecture) -> tuple[Float64 | None, Float64 | None]:
    """Return input_shift and input_scale as arrays (H_0,), or None."""
    shift, scale = net.input_shift, net.input_scale
    return (
        None if shift is None else np.array(shift),
        None if scale is None else np.array(scale),
    )
