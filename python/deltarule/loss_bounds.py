# SPDX-License-Identifier: BSD-3-Clause
"""Error bounds of the losses in docs/reference/losses.md: of each term of L_i, and of -dL_i/dz.

A function takes the `Bounds` of a dtype, the native y and z, and the loss's parameter, and returns
the error of the terms, their magnitude (what their sum may round), and the error of u or delta.
Constants count roundings; an elementary function's ulp is at most 2 u.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from deltarule.losses import Chosen
from deltarule.oracle import row_losses
from deltarule.oracle.activations import logistic

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
    off_a, off_c = 6 * b.u * a, b.u * (2 * a + 6 * c)  # of both and their products with net
    falls = np.where(y == 0, 0.0, y * np.exp(-a * net))
    rises = np.exp((2 - p) * net)

    def power(off: float) -> Float64:
        return np.asarray(np.expm1(np.minimum(np.abs(net) * off, 1.0)))

    e_falls = falls * (2 * power(off_a) + 2 * b.exp_error() + 4 * b.u) + 2 * b.tiny
    e_rises = rises * (power(off_c) + b.exp_error() + 2 * b.u) + b.tiny
    error = (e_falls + falls * 8 * b.u) / a + (e_rises + rises * (off_c / c + 2 * b.u)) / c
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


class _Softmax(NamedTuple):
    """What `row_losses.softmax_parts` gives, and the errors of p, 1 - p and -log p."""

    parts: row_losses.SoftmaxParts
    e_p: Float64
    e_rest: Float64
    e_log: Float64


def _softmax(b: Bounds, net: Float64) -> _Softmax:
    parts = row_losses.softmax_parts(net)
    e_p = b.activation("softmax", net, parts.p)
    e_log, _ = b.log_softmax(net)
    plain = e_p + (b.u + b.u_oracle) * parts.rest
    # The sum of the other e, each off by exp's error and by the rounding of its distance.
    u = b.u + b.u_oracle
    distance = np.max(net, axis=1, keepdims=True) - net
    grown = np.exp(np.minimum(distance * u, 1.0)) - 1
    e = np.exp(-distance) * np.where(parts.top, 0.0, grown + 2 * b.exp_error())
    others = np.sum(np.where(distance > 0, np.exp(-distance), 0.0), axis=1, keepdims=True)
    e_others = np.sum(e, axis=1, keepdims=True) + b.tree(net.shape[1], others)
    near = e_others + others * (2 * b.exp_error() + 8 * u) + net.shape[1] * b.left_out + 2 * b.tiny
    # Near 1/2 either form may be taken.
    by_others, by_1 = parts.p > 0.45, parts.p < 0.55
    e_rest = np.maximum(np.where(by_others, near, 0.0), np.where(by_1, plain, 0.0))
    log_near = near + b.ulps("log1p", np.log1p(others))
    e_r = np.maximum(np.where(by_others, log_near, 0.0), np.where(by_1, e_log, 0.0))
    return _Softmax(parts, e_p, np.asarray(e_rest), np.asarray(e_r))


def _softmax_delta(b: Bounds, s: _Softmax, a: Float64, e_a: Float64) -> Float64:
    """Error of a - p sum a, where the a >= 0 may be off by e_a."""
    p, rest, top = s.parts.p, s.parts.rest, s.parts.top

    def pulled(taken: Any) -> tuple[Float64, Float64]:
        total = np.sum(np.where(taken, a, 0.0), axis=1, keepdims=True)
        error = np.sum(np.where(taken, e_a, 0.0), axis=1, keepdims=True)
        return p * total, s.e_p * (total + error) + p * (error + b.tree(a.shape[1], total + error))

    all_, e_all = pulled(True)
    others, e_others = pulled(~top)
    plain = e_a + e_all + b.roundings(2, a + all_)
    own = e_a * rest + (a + e_a) * s.e_rest + e_others + b.roundings(3, a * rest + others)
    near = np.where(top, own, plain)
    return np.asarray(np.where(np.abs(p - 0.5) < 0.05, np.maximum(own, plain), near))


def _focal_softmax(b: Bounds, y: Float64, net: Float64, g: float) -> Errors:
    s = _softmax(b, net)
    p, r = s.parts.p, s.parts.minus_log
    rest = np.maximum(s.parts.rest, b.tiny)  # the floor under it
    off = s.e_rest / rest
    power = rest**g
    relative = np.expm1(np.minimum(g * (2 * off + 8 * b.u * (1 + np.abs(np.log(rest)))), 1.0))
    e_power = power * (relative + b.exp_error()) + b.tiny
    floored = s.parts.rest < 2 * b.tiny
    e_power = np.where(floored & (g > 0), power, e_power)
    e_slope = g * (e_power + power * (2 * off + 4 * b.u)) / rest
    slope = g * power / rest
    bend = p * slope * r
    e_bend = e_slope * p * (r + s.e_log) + slope * (p * s.e_log + s.e_p * r) + b.tiny
    a = y * (power + bend)
    e_a = np.where(y == 0, 0.0, y * (e_power + e_bend) + b.roundings(6, a))
    a = np.where(y == 0, 0.0, a)
    term = y * power * r
    error = y * (power * s.e_log + e_power * (r + s.e_log)) + b.roundings(3, term)
    return np.asarray(error), term, _softmax_delta(b, s, a, np.asarray(e_a))


def _kl_divergence(b: Bounds, y: Float64, net: Float64) -> Errors:
    s = _softmax(b, net)
    log_y = np.log(np.where(y > 0, y, 1.0))
    size = y * (np.abs(log_y) + s.parts.minus_log)
    error = y * (b.ulps("log", log_y) + s.e_log) + b.roundings(3, size)
    return error, size, _softmax_delta(b, s, y, np.zeros_like(y))


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
