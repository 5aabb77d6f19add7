# SPDX-License-Identifier: BSD-3-Clause
"""L_i and -dL_i/dnet of the losses in docs/reference/losses.md, one plain function each.

y, y_hat and net are float64, (n, K), d = y - y_hat. A loss of y_hat gives u = -dL_i/dy_hat, which
goes on through the activation's derivative; a loss of net gives delta = -dL_i/dnet at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np

from deltarule._typing import NDArray
from deltarule.oracle.activations import Float64, logistic

Terms: TypeAlias = tuple[Float64, Float64]


def absolute(y: Float64, y_hat: Float64) -> Terms:
    """l = |d|, u = sign(d)  (L1)."""
    d = y - y_hat
    return np.abs(d), np.sign(d)


def huber(y: Float64, y_hat: Float64, delta: float) -> Terms:
    """l = d^2/2 for |d| <= delta, else delta (|d| - delta/2); u = d cut to +-delta  (L2)."""
    d = y - y_hat
    inside = np.abs(d) <= delta
    term = np.where(inside, d * d / 2, delta * (np.abs(d) - delta / 2))
    return term, np.clip(d, -delta, delta)


def quantile(y: Float64, y_hat: Float64, q: Float64) -> Terms:
    """l = q d for d >= 0, (q - 1) d below; u = q, q - 1, and 0 at d = 0  (L3)."""
    d = y - y_hat
    slope = np.where(d < 0, q - 1, q)
    return slope * d, np.where(d == 0, 0.0, slope)


def log_cosh(y: Float64, y_hat: Float64) -> Terms:
    """l = log cosh d = log(1 + 2 sinh^2(d/2)), u = tanh(d)  (L4)."""
    d = y - y_hat
    size = np.abs(d)
    near = np.log1p(2 * np.sinh(np.minimum(size, 1.0) / 2) ** 2)
    far = size + np.log1p(np.exp(-2 * size)) - np.log(2)
    return np.where(size < 1, near, far), np.tanh(d)


def hinge(y: Float64, y_hat: Float64) -> Terms:
    """l = max(0, 1 - y y_hat), u = y where that is above 0  (L5)."""
    margin = 1 - y * y_hat
    return np.maximum(margin, 0), np.where(margin > 0, y, 0.0)


def squared_hinge(y: Float64, y_hat: Float64) -> Terms:
    """l = max(0, 1 - y y_hat)^2, u = 2 y max(0, 1 - y y_hat)  (L6)."""
    short = np.maximum(1 - y * y_hat, 0)
    return short**2, 2 * y * short


def poisson(y: Float64, net: Float64) -> Terms:
    """l = y_hat - y net, delta = y - y_hat, y_hat = exp(net)  (L7)."""
    return np.exp(net) - y * net, y - np.exp(net)


def gamma(y: Float64, net: Float64) -> Terms:
    """l = net + y / y_hat, delta = y / y_hat - 1  (L8)."""
    ratio = y * np.exp(-net)
    return net + ratio, ratio - 1


def tweedie(y: Float64, net: Float64, power: float) -> Terms:
    """l = y y_hat^(1-p) / (p-1) + y_hat^(2-p) / (2-p), and its delta  (L9)."""
    falls = np.where(y == 0, 0.0, y * np.exp((1 - power) * net))
    # Where both overflow, power > 2, the first is the larger.
    rises = np.where(np.isinf(falls), 0.0, np.exp((2 - power) * net))
    return falls / (power - 1) + rises / (2 - power), falls - rises


def focal_logistic(y: Float64, net: Float64, g: float) -> Terms:
    """l = y (1 - p)^g (-log p) + (1 - y) p^g (-log(1 - p)), p = logistic(net)  (L10), (L11)."""
    s, t = np.logaddexp(0, net), np.logaddexp(0, -net)  # -log(1 - p), -log p
    p, q = logistic(net), logistic(-net)
    wrong, right = np.exp(-g * s), np.exp(-g * t)
    term = y * wrong * t + (1 - y) * right * s
    return term, y * wrong * (g * p * t + q) - (1 - y) * right * (g * q * s + p)


def focal_softmax(y: Float64, net: Float64, g: float) -> Terms:
    """l = y (1 - p)^g (-log p), p = softmax(net), and its delta  (L12)."""
    parts = softmax_parts(net)
    power = parts.rest**g
    # (1 - p)^(g-1) log p -> -(1 - p)^g as p -> 1
    safe = np.where(parts.rest > 0, parts.rest, 1)
    slope = np.where(parts.rest > 0, power / safe * parts.minus_log, power)
    a = y * (power + g * parts.p * slope)
    return y * power * parts.minus_log, _softmax_delta(parts, a)


def kl_divergence(y: Float64, net: Float64) -> Terms:
    """l = y log(y / p), p = softmax(net), 0 where y is; delta = y - p sum y  (L13)."""
    parts = softmax_parts(net)
    log_y = np.log(np.where(y > 0, y, 1))
    return y * (log_y + parts.minus_log), _softmax_delta(parts, y)


def gaussian_nll(y: Float64, net: Float64) -> Terms:
    """l = (s + (y - mu)^2 exp(-s)) / 2 for the columns net = (mu, s); both deltas  (L15), (L16)."""
    mu, s = np.split(net, 2, axis=1)
    half = np.exp(-s / 4)  # in factors that overflow no sooner than their product
    r = np.where(y == mu, 0.0, (y - mu) * half * half)
    pull = np.where(y == mu, 0.0, r * half * half)
    return (s + r * r) / 2, np.concatenate([pull, (r * r - 1) / 2], axis=1)


class SoftmaxParts(NamedTuple):
    """p = softmax(net), 1 - p, -log p, and where p > 1/2, whose 1 - p is the sum of the others."""

    p: Float64
    rest: Float64
    minus_log: Float64
    top: NDArray[np.bool_]


def softmax_parts(net: Float64) -> SoftmaxParts:
    """1 - p and -log p without a difference of numbers near 1.

    Parameters
    ----------
    net : array, (n, K)
        Last weighted sums.

    Returns
    -------
    SoftmaxParts
    """
    d = net - np.max(net, axis=1, keepdims=True)
    e = np.exp(d)
    s = np.sum(e, axis=1, keepdims=True)
    others = np.sum(np.where(d < 0, e, 0.0), axis=1, keepdims=True)
    p = e / s
    top = p > 0.5
    rest = np.where(top, others / s, 1 - p)
    return SoftmaxParts(p, rest, np.where(top, np.log1p(others), np.log(s) - d), top)


def _softmax_delta(parts: SoftmaxParts, a: Float64) -> Float64:
    """a - p sum a, for p near 1 as a (1 - p) - p times the sum of the other a."""
    total = np.sum(a, axis=1, keepdims=True)
    others = np.sum(np.where(parts.top, 0.0, a), axis=1, keepdims=True)
    delta = np.where(parts.top, a * parts.rest - parts.p * others, a - parts.p * total)
    return np.asarray(delta)


# By name, or by name and output where that matters; the last argument is the parameter.
OF_Y_HAT: dict[str, Callable[..., Terms]] = {
    "absolute": absolute,
    "huber": huber,
    "quantile": quantile,
    "log_cosh": log_cosh,
    "hinge": hinge,
    "squared_hinge": squared_hinge,
}
OF_NET: dict[str, Callable[..., Terms]] = {
    "poisson": poisson,
    "gamma": gamma,
    "tweedie": tweedie,
    "focal logistic": focal_logistic,
    "focal softmax": focal_softmax,
    "kl_divergence": kl_divergence,
    "gaussian_nll": gaussian_nll,
}
