# SPDX-License-Identifier: BSD-3-Clause
"""Activations o = f(net), (4) to (8) and (37), and what they do to a signal that comes back.

The derivatives of these are functions of the output o alone, equation (18); those of the others,
in `functions.py`, of net. Scalar activations multiply by f'; softmax multiplies by its Jacobian.
All arrays are float64, (n, H).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from deltarule._typing import NDArray
from deltarule.oracle.functions import of_net

Float64: TypeAlias = NDArray[np.float64]


def identity(net: Float64) -> Float64:
    """o = net  (4)."""
    return net.copy()


def logistic(net: Float64) -> Float64:
    """o = 1 / (1 + exp(-net))  (5)."""
    t = np.exp(-np.abs(net))  # <= 1, so that neither tail overflows
    return np.where(net >= 0, 1.0, t) / (1.0 + t)


def tanh(net: Float64) -> Float64:
    """o = (exp(net) - exp(-net)) / (exp(net) + exp(-net))  (6)."""
    return np.tanh(net)


def relu(net: Float64) -> Float64:
    """o = net where net > 0, else 0; NaN stays NaN  (7)."""
    return np.where(net <= 0, 0.0, net)


def threshold(net: Float64) -> Float64:
    """o = 1 where net >= 0, else 0; NaN stays NaN  (37)."""
    return np.heaviside(net, 1.0)


def softmax(net: Float64) -> Float64:
    """o_j = exp(net_j - m) / sum_l exp(net_l - m), m = max_l net_l, along each row  (8)."""
    e = np.exp(net - np.max(net, axis=1, keepdims=True))
    return np.asarray(e / np.sum(e, axis=1, keepdims=True))


def gaussian(net: Float64) -> Float64:
    """o = (net, exp(net)): the first half of the columns are means, the second variances  (L15)."""
    mean, log_variance = np.split(net, 2, axis=1)
    return np.concatenate([mean, np.exp(log_variance)], axis=1)


def gaussian_derivative(o: Float64) -> Float64:
    """f' = 1 for a mean, o for a variance."""
    mean, variance = np.split(o, 2, axis=1)
    return np.concatenate([np.ones_like(mean), variance], axis=1)


def identity_derivative(o: Float64) -> Float64:
    """f' = 1  (18)."""
    return np.ones_like(o)


def logistic_derivative(o: Float64) -> Float64:
    """f' = o (1 - o)  (18)."""
    return o * (1.0 - o)


def tanh_derivative(o: Float64) -> Float64:
    """f' = 1 - o^2  (18)."""
    return (1.0 - o) * (1.0 + o)


def relu_derivative(o: Float64) -> Float64:
    """f' = 1 where o > 0, else 0  (18)."""
    return np.where(o > 0, 1.0, 0.0)


def threshold_derivative(o: Float64) -> Float64:
    """f' = 0, everywhere but at the jump, where there is none  (38)."""
    return np.zeros_like(o)


def softmax_jacobian(o: Float64) -> Float64:
    """J_jl = do_j / dnet_l = o_j ([j = l] - o_l), one matrix per row: (n, H, H)  (23)."""
    return np.asarray(o[:, :, None] * (np.eye(o.shape[1]) - o[:, None, :]))


def softmax_delta(o: Float64, u: Float64) -> Float64:
    """delta_l = sum_j J_jl u_j = o_l (u_l - sum_j u_j o_j), without forming J  (24)."""
    return np.asarray(o * (u - np.sum(u * o, axis=1, keepdims=True)))


ACTIVATIONS: dict[str, Callable[[Float64], Float64]] = {
    "identity": identity,
    "logistic": logistic,
    "tanh": tanh,
    "relu": relu,
    "softmax": softmax,
    "threshold": threshold,
    "gaussian": gaussian,
}

DERIVATIVES: dict[str, Callable[[Float64], Float64]] = {
    "identity": identity_derivative,
    "logistic": logistic_derivative,
    "tanh": tanh_derivative,
    "relu": relu_derivative,
    "threshold": threshold_derivative,
    "gaussian": gaussian_derivative,
}


def activate(activation: str, net: Float64, alpha: Float64 | None = None) -> Float64:
    """o = f(net)  (3).

    Parameters
    ----------
    activation : str
        The canonical text of f.
    net : array, (n, H)
        Weighted sums.
    alpha : array, (H,), optional
        What the units have learned; None: where the text lets them start.

    Returns
    -------
    array, (n, H)
    """
    if activation in ACTIVATIONS:
        return ACTIVATIONS[activation](net)
    return of_net(activation, net, alpha).o


def slope(
    activation: str, net: Float64 | None, o: Float64, alpha: Float64 | None = None
) -> Float64:
    """f'(net) of a scalar f: from o where that is enough  (18).

    Parameters
    ----------
    activation : str
        The canonical text of f.
    net, o : array, (n, H)
        Weighted sums and outputs.
    alpha : array, (H,), optional
        As for `activate`.

    Returns
    -------
    array, (n, H)
    """
    if activation in DERIVATIVES:
        return DERIVATIVES[activation](o)
    assert net is not None  # every layer after the input has one
    return of_net(activation, net, alpha).slope


def times_derivative(
    activation: str,
    o: Float64,
    u: Float64,
    net: Float64 | None = None,
    alpha: Float64 | None = None,
) -> Float64:
    """delta = f'(net) u for a scalar f  (17), J^T u for softmax  (24).

    Parameters
    ----------
    activation : str
        The canonical text of f.
    o : array, (n, H)
        Its outputs.
    u : array, (n, H)
        -dL_i/do.
    net : array, (n, H), optional
        Its nets, for the activations whose derivative comes from them.
    alpha : array, (H,), optional
        As for `activate`.

    Returns
    -------
    array, (n, H)
        -dL_i/dnet.
    """
    if activation == "softmax":
        return softmax_delta(o, u)
    return slope(activation, net, o, alpha) * u
