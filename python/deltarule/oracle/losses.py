# SPDX-License-Identifier: BSD-3-Clause
"""Losses of a row, (9) to (11) and (39), -dL_i/dy_hat (16), and the batch loss (12), (13).

Here are the two squares and the two cross-entropies; `row_losses` has all others, and `row_loss`
and `delta_of_net` know both.

A row's loss sums over the outputs and is never averaged over K. Two pairs are also written in
terms of net, where nothing is lost when y_hat rounds to 0 or 1: (27) and (28).
y, y_hat and net are float64, (n, K); eps is the clipping distance, equation (35).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from deltarule.given import Given
from deltarule.losses import Chosen, read
from deltarule.oracle.activations import Float64
from deltarule.oracle.row_losses import OF_NET, OF_Y_HAT, Terms


def clip(y_hat: Float64, eps: float) -> Float64:
    """c = min(max(y_hat, eps), 1 - eps), wherever a probability enters a logarithm  (35)."""
    return np.clip(y_hat, eps, 1.0 - eps)


def half_squared_error(y: Float64, y_hat: Float64) -> Float64:
    """L_i = 1/2 sum_j (y_j - y_hat_j)^2  (9)."""
    return np.asarray(0.5 * np.sum((y - y_hat) ** 2, axis=1))


def squared_error(y: Float64, y_hat: Float64) -> Float64:
    """L_i = sum_j (y_j - y_hat_j)^2  (39)."""
    return np.asarray(np.sum((y - y_hat) ** 2, axis=1))


def binary_cross_entropy(y: Float64, y_hat: Float64, eps: float) -> Float64:
    """L_i = -sum_j (y_j log y_hat_j + (1 - y_j) log(1 - y_hat_j))  (10)."""
    c = clip(y_hat, eps)
    return np.asarray(-np.sum(y * np.log(c) + (1.0 - y) * np.log1p(-c), axis=1))


def cross_entropy(y: Float64, y_hat: Float64, eps: float) -> Float64:
    """L_i = -sum_j y_j log y_hat_j  (11)."""
    return np.asarray(-np.sum(y * np.log(clip(y_hat, eps)), axis=1))


def logistic_binary_cross_entropy(y: Float64, net: Float64) -> Float64:
    """L_i = sum_j (max(net_j, 0) - net_j y_j + log(1 + exp(-|net_j|)))  (27)."""
    softplus = np.maximum(net, 0.0) + np.log1p(np.exp(-np.abs(net)))
    return np.asarray(np.sum(softplus - net * y, axis=1))


def softmax_cross_entropy(y: Float64, net: Float64) -> Float64:
    """L_i = sum_j y_j (log sum_l exp(net_l - m) - (net_j - m)), m = max_l net_l  (28)."""
    shifted = net - np.max(net, axis=1, keepdims=True)
    log_sum = np.log(np.sum(np.exp(shifted), axis=1, keepdims=True))
    return np.asarray(np.sum(y * (log_sum - shifted), axis=1))


def row_loss(
    loss: str, output: str, y: Float64, net: Float64, y_hat: Float64, eps: float
) -> Float64:
    """L_i of every row, (9) to (11), (39); the pairs that collapse take it from net, (27) and (28).

    Parameters
    ----------
    loss, output : str
        The loss, with its parameters, and the name of the output activation.
    y, net, y_hat : array, (n, K)
        Targets, last weighted sums, predictions.
    eps : float
        Clipping distance.

    Returns
    -------
    array, (n,)
    """
    if isinstance(y, Given):
        return y(y_hat)[0]
    chosen = read(loss)
    if chosen.name == "half_squared_error":
        return half_squared_error(y, y_hat)
    if chosen.name == "squared_error":
        return squared_error(y, y_hat)
    if chosen.name == "cross_entropy":  # with softmax: no other output is allowed
        return softmax_cross_entropy(y, net)
    if chosen.name == "binary_cross_entropy":
        if output == "logistic":
            return logistic_binary_cross_entropy(y, net)
        return binary_cross_entropy(y, y_hat, eps)
    term, _ = _terms(chosen, output, y, y_hat if chosen.name in OF_Y_HAT else net)
    return np.asarray(np.sum(term, axis=1))


def half_squared_error_descent(y: Float64, y_hat: Float64) -> Float64:
    """u_j = y_j - y_hat_j  (16)."""
    return y - y_hat


def squared_error_descent(y: Float64, y_hat: Float64) -> Float64:
    """u_j = 2 (y_j - y_hat_j)  (40)."""
    return 2.0 * (y - y_hat)


def binary_cross_entropy_descent(y: Float64, y_hat: Float64, eps: float) -> Float64:
    """u_j = (y_j - c_j) / (c_j (1 - c_j)), c = clip(y_hat)  (16)."""
    c = clip(y_hat, eps)
    return (y - c) / (c * (1.0 - c))


def cross_entropy_descent(y: Float64, y_hat: Float64, eps: float) -> Float64:
    """u_j = y_j / c_j, c = clip(y_hat)  (16)."""
    return y / clip(y_hat, eps)


def descent(loss: str, y: Float64, y_hat: Float64, eps: float) -> Float64:
    """u = -dL_i/dy_hat: where y_hat should move for the loss to fall  (16), (40).

    Parameters
    ----------
    loss : str
        A loss of y_hat, with its parameters.
    y, y_hat : array, (n, K)
        Targets and predictions.
    eps : float
        Clipping distance.

    Returns
    -------
    array, (n, K)
    """
    if isinstance(y, Given):
        return -y(y_hat)[1]
    chosen = read(loss)
    if chosen.name == "half_squared_error":
        return half_squared_error_descent(y, y_hat)
    if chosen.name == "squared_error":
        return squared_error_descent(y, y_hat)
    if chosen.name == "binary_cross_entropy":
        return binary_cross_entropy_descent(y, y_hat, eps)
    if chosen.name == "cross_entropy":
        return cross_entropy_descent(y, y_hat, eps)
    return _terms(chosen, "", y, y_hat)[1]


def delta_of_net(loss: str, output: str, y: Float64, net: Float64) -> Float64 | None:
    """delta = -dL_i/dnet of a loss that is taken from net; None: it is one of y_hat.

    Parameters
    ----------
    loss, output : str
        The loss, with its parameters, and the name of the output activation.
    y, net : array, (n, columns) and (n, K)
        Targets and last weighted sums.

    Returns
    -------
    array, (n, K), or None
    """
    chosen = read(loss)
    if _key(chosen, output) not in OF_NET:
        return None
    return _terms(chosen, output, y, net)[1]


def _key(chosen: Chosen, output: str) -> str:
    return f"focal {output}" if chosen.name == "focal" else chosen.name


def _terms(chosen: Chosen, output: str, y: Float64, z: Float64) -> Terms:
    """Terms of L_i and -dL_i/dz, z being y_hat or net."""
    key = _key(chosen, output)
    function = OF_Y_HAT[key] if key in OF_Y_HAT else OF_NET[key]
    if key == "quantile":
        return function(y, z, np.array(chosen.values))
    return function(y, z, *chosen.values)


def penalty(W: Sequence[Float64], l2: float, l1: float = 0.0) -> float:
    """gamma(w) = sum over all weights but biases of l2/2 w^2 + l1 |w|  (12)."""
    squares = 0.5 * l2 * float(sum(np.sum(matrix[:, :-1] ** 2) for matrix in W)) if l2 else 0.0
    sizes = l1 * float(sum(np.sum(np.abs(matrix[:, :-1])) for matrix in W)) if l1 else 0.0
    return squares + sizes


def batch_loss(rows: Float64, S: float, gamma: float) -> float:
    """L = (1/S) sum_i L_i + gamma(w)  (13)."""
    return float(np.sum(rows) / S + gamma)
