# SPDX-License-Identifier: BSD-3-Clause
"""Error bounds of the losses in docs/reference/losses.md: of each term of L_i, and of -dL_i/dz.

A function takes the `Bounds` of a dtype, the native y and z, and the loss's parameter, and returns
the error of the terms, their magnitude (what their sum may round), and the error of u or delta.
Constants count roundings; an elementary function's ulp is at most 2 u.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from deltarule.losses import Chosen
from deltarule.oracle import row_losses
from deltarule.oracle.activations import logistic, softmax

if TYPE_CHECKING:
    from deltarule.bounds import Bounds
    from deltarule.oracle.activations import Float64

Errors: TypeAlias = (
    "tuple[Float64, Float64, Float64]"  # of the terms, their magnitude, of the slope
)


def errors(b: Bounds, chosen: Chosen, output: str, y: Float64, z: Float64) -> Errors:
    """Return the bounds of a loss's terms and slopes.

    Parameters
    ----------
    b : Bounds
        Of the network's dtype.
    chosen : Chosen
        The loss.
    output : str
        The output activation.
    y, z : array
        Native targets, and y_hat or net.

    Returns
    -------
    error, magnitude, slope_error : array
        Of the terms, (n, columns); of u or delta, (n, K).
    """
    key = f"focal {output}" if chosen.name == "focal" else chosen.name
    values: Any = chosen.values
    if key == "quantile":
        values = (np.array(chosen.values),)
    return BOUNDS[key](b, y, z, *values)


def _plain(terms: int, slopes: int) -> Callable[..., Errors]:
    """So many roundings of numbers that are no larger than the result."""

    def of(b: Bounds, function: Callable[..., Any], y: Float64, z: Float64, *p: Any) -> Errors:
        term, u = function(y, z, *p)
        return b.roundings(terms, term), term, b.roundings(slopes, np.abs(u))

    return of


def _absolute(b: Bounds, y: Float64, z: Float64) -> Errors:
    return _plain(1, 0)(b, row_losses.absolute, y, z)


def _huber(b: Bounds, y: Float64, z: Float64, delta: float) -> Errors:
    # The parameter's own rounding counts twice in the term: it is squared.
    return _plain(8, 2)(b, row_losses.huber, y, z, delta)


def _quantile(b: Bounds, y: Float64, z: Float64, q: Float64) -> Errors:
    size = np.abs(y - z)  # q - 1 rounds as much as 1 does
    slope = np.where(y == z, 0.0, 1.0)
    return b.roundings(4, size), size, b.roundings(2, slope)


def _log_cosh(b: Bounds, y: Float64, z: Float64) -> Errors:
    return _plain(64, 16)(b, row_losses.log_cosh, y, z)


def _hinge(b: Bounds, y: Float64, z: Float64) -> Errors:
    return _plain(1, 0)(b, row_losses.hinge, y, z)


def _squared_hinge(b: Bounds, y: Float64, z: Float64) -> Errors:
    return _plain(3, 3)(b, row_losses.squared_hinge, y, z)


def _poisson(b: Bounds, y: Float64, net: Float64) -> Errors:
    o = np.exp(net)
    error, size = b.ulps("exp", o), o + np.abs(y * net)
    return error + b.roundings(2, size), size, error + b.roundings(1, y + o)


def _gamma(b: Bounds, y: Float64, net: Float64) -> Errors:
    ratio = y * np.exp(-net)
    error = ratio * (2 * b.exp_error() + 4 * b.u) + 2 * b.tiny
    size = np.abs(net) + ratio
    return error + b.roundings(1, size), size, error + b.roundings(1, ratio + 1)


def _tweedie(b: Bounds, y: Float64, net: Float64, p: float) -> Errors:
    a, c = p - 1, abs(2 - p)
    off = 4 * b.u * (1 + p)  # of a and c, whose difference from p loses digits
    exponent = np.expm1(np.minimum(np.abs(net) * off, 1.0))
    falls = np.where(y == 0, 0.0, y * np.exp(-a * net))
    rises = np.exp((2 - p) * net)
    e_falls = falls * (2 * exponent + 2 * b.exp_error() + 4 * b.u) + 2 * b.tiny
    e_rises = rises * (exponent + b.exp_error() + 2 * b.u) + b.tiny
    error = (e_falls + falls * (off / a + 2 * b.u)) / a + (
        e_rises + rises * (off / c + 2 * b.u)
    ) / c
    size = falls / a + rises / c
    return error + b.roundings(1, size), size, e_falls + e_rises + b.roundings(1, falls + rises)


def _focal_logistic(b: Bounds, y: Float64, net: Float64, g: float) -> Errors:
    s, t = np.logaddexp(0, net), np.logaddexp(0, -net)
    p, q = logistic(net), logistic(-net)
    off = b.exp_error() + 8 * b.u  # relative, of s and t; logistic's is smaller
    tiny = 4 * b.tiny

    def power(x: Float64) -> Float64:
        return np.asarray(np.expm1(np.minimum(g * x * (off + 4 * b.u), 1.0)) + b.exp_error())

    wrong, right = np.exp(-g * s), np.exp(-g * t)
    first, second = y * wrong * t, (1 - y) * right * s
    error = first * (power(s) + off) + second * (power(t) + off) + tiny * (1 + s + t)
    pulls = y * wrong * (g * p * t + q), (1 - y) * right * (g * q * s + p)
    slope = pulls[0] * (power(s) + 2 * off) + pulls[1] * (power(t) + 2 * off)
    slope = slope + tiny * (1 + g) * (1 + s + t)
    size = first + second
    return (
        np.asarray(error + b.roundings(5, size)), np.asarray(size),
        np.asarray(slope + b.roundings(8, pulls[0] + pulls[1])),
    )  # fmt: skip


def _focal_softmax(b: Bounds, y: Float64, net: Float64, g: float) -> Errors:
    p = softmax(net)
    e_p = b.activation("softmax", net, p)
    e_r, r = b.log_softmax(net)
    rest = 1 - p
    e_rest = e_p + b.u * rest + b.u_oracle
    low, high = np.maximum(rest - e_rest, 0), rest + e_rest
    eps = b.exp_error() + 4 * b.u * (1 + g * np.abs(np.log(np.maximum(rest, b.tiny))))
    power = high**g
    e_power = np.maximum(power - rest**g, rest**g - low**g) + power * eps + b.tiny
    # Where 1 - p is not known, its power less one has no bound unless it has no pole.
    near = rest <= 2 * e_rest
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        slope = g * (high if g >= 1 else low) ** (g - 1)
        pole = np.inf if 0 < g < 1 else 2 * slope * (r + e_r)
        off = e_power / np.maximum(power, b.tiny) + e_rest / np.maximum(low, b.tiny) + 4 * b.u
        bend = np.where(near, pole, slope * (r * off + e_r * (1 + off)))
    a = y * (power + slope * p * r)
    e_a = y * (e_power + p * bend + e_p * slope * r) + b.roundings(6, np.where(near, 0, a))
    e_a = np.where(y == 0, 0.0, e_a)
    term = y * power * r
    error = y * (power * e_r + e_power * (r + e_r)) + b.roundings(3, term)
    total = np.sum(np.where(y == 0, 0.0, a), axis=1, keepdims=True)
    e_total = np.sum(e_a, axis=1, keepdims=True) + b.tree(y.shape[1], total)
    e_delta = e_a + p * e_total + e_p * total + b.roundings(2, a + p * total)
    return error, term, e_delta


def _kl_divergence(b: Bounds, y: Float64, net: Float64) -> Errors:
    p = softmax(net)
    e_p, (e_r, r) = b.activation("softmax", net, p), b.log_softmax(net)
    log_y = np.log(np.where(y > 0, y, 1.0))
    size = y * (np.abs(log_y) + r)
    error = y * (b.ulps("log", log_y) + e_r) + b.roundings(3, size)
    total = np.sum(y, axis=1, keepdims=True)
    e_delta = e_p * total + p * b.tree(y.shape[1], total) + b.roundings(2, y + p * total)
    return error, size, np.asarray(e_delta)


def _gaussian_nll(b: Bounds, y: Float64, net: Float64) -> Errors:
    mean, s = np.split(net, 2, axis=1)
    h = np.minimum(np.exp(-s / 4), b.huge)
    d = np.abs(y - mean)
    r = d * h * h
    # The difference rounds once, each of the two factors by E and a product.
    e_r = r * (2 * b.exp_error() + 4 * b.u) + b.tiny * (h + h * h)
    e_square = 2 * r * e_r + e_r * e_r + b.roundings(1, r * r)
    error = (e_square + b.roundings(1, np.abs(s) + r * r)) / 2
    pull = r * h * h
    e_pull = e_r * h * h + pull * (2 * b.exp_error() + 4 * b.u) + b.tiny * (h + h * h)
    e_slope = (e_square + b.roundings(1, r * r + 1)) / 2
    return (
        np.asarray(error), np.asarray((np.abs(s) + r * r) / 2),
        np.concatenate([e_pull, e_slope], axis=1),
    )  # fmt: skip


BOUNDS: dict[str, Callable[..., Errors]] = {
    "absolute": _absolute,
    "huber": _huber,
    "quantile": _quantile,
    "log_cosh": _log_cosh,
    "hinge": _hinge,
    "squared_hinge": _squared_hinge,
    "poisson": _poisson,
    "gamma": _gamma,
    "tweedie": _tweedie,
    "focal logistic": _focal_logistic,
    "focal softmax": _focal_softmax,
    "kl_divergence": _kl_divergence,
    "gaussian_nll": _gaussian_nll,
}
