# SPDX-License-Identifier: BSD-3-Clause
"""The activations whose derivative is a function of net: f and f', and df/dparameter.

One function for each, from net and the parameter (a number, or one for each unit) to `Parts`;
equations (A1) to (A14) of docs/reference/activations.md. All arrays are float64, (n, H).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np

from deltarule._typing import NDArray
from deltarule.activations import parts

Float64: TypeAlias = NDArray[np.float64]


class Parts(NamedTuple):
    """What an activation gives at some nets.

    Attributes
    ----------
    o : array
        f(net).
    slope : array
        f'(net).
    influence : array, optional
        do/dalpha, of a parameter that is learned.
    """

    o: Float64
    slope: Float64
    influence: Float64 | None = None


def _logistic(net: Float64) -> Float64:
    t = np.exp(-np.abs(net))
    return np.where(net >= 0, 1.0, t) / (1.0 + t)


def leaky_relu(net: Float64, slope: Float64) -> Parts:
    """o = net where net > 0, else slope net; f' = 1, else slope  (A1)."""
    return Parts(np.where(net > 0, net, slope * net), np.where(net > 0, 1.0, slope))


def prelu(net: Float64, alpha: Float64) -> Parts:
    """leaky_relu whose slope each unit learns: do/dalpha = min(net, 0)  (A2)."""
    return Parts(*leaky_relu(net, alpha)[:2], np.minimum(net, 0.0))


def elu(net: Float64, alpha: Float64) -> Parts:
    """o = net where net > 0, else alpha (exp(net) - 1); f' = 1, else alpha exp(net)  (A3)."""
    low = np.minimum(net, 0.0)
    o = np.where(net > 0, net, alpha * np.expm1(low))
    return Parts(o, np.where(net > 0, 1.0, alpha * np.exp(low)))


SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


def selu(net: Float64, _: Float64) -> Parts:
    """elu times a scale: outputs of mean 0 and variance 1 from such nets  (A4)."""
    o, slope, _none = elu(net, np.asarray(SELU_ALPHA))
    return Parts(SELU_SCALE * o, SELU_SCALE * slope)


def gelu(net: Float64, _: Float64) -> Parts:
    """o = net Phi(net), f' = Phi(net) + net phi(net)  (A5)."""
    share = np.asarray(_half_erfc(-net / math.sqrt(2)), np.float64)
    return Parts(net * share, share + net * np.exp(-0.5 * net**2) / math.sqrt(2 * math.pi))


_half_erfc = np.frompyfunc(lambda x: 0.5 * math.erfc(x), 1, 1)


def gelu_tanh(net: Float64, _: Float64) -> Parts:
    """o = net (1 + tanh(z)) / 2, z = sqrt(2/pi) (net + 0.044715 net^3)  (A6)."""
    a = np.clip(net, -32.0, 32.0)  # beyond, tanh is -1 or 1
    c = 2 * math.sqrt(2 / math.pi)
    s, rest = (_logistic(sign * c * (a + 0.044715 * a**3)) for sign in (1, -1))
    return Parts(net * s, s + a * s * rest * c * (1 + 3 * 0.044715 * a**2))


def silu(net: Float64, _: Float64) -> Parts:
    """o = net s, f' = s + net s (1 - s), s = 1 / (1 + exp(-net))  (A7)."""
    s = _logistic(net)
    return Parts(net * s, s + net * s * _logistic(-net))


def mish(net: Float64, _: Float64) -> Parts:
    """o = net h, h = tanh(log(1 + exp(net))); f' = h + net (1 - h^2) / (1 + exp(-net))  (A8)."""
    t = np.exp(-np.abs(net))
    p = np.where(net < 0, t * (t + 2), 1 + 2 * t)
    q = p + np.where(net < 0, 2.0, 2 * t**2)
    slope = p / q + net * np.where(net < 0, 4 * t, 4 * t**2) * (1 + t) / q**2
    return Parts(net * (p / q), slope)


def softplus(net: Float64, _: Float64) -> Parts:
    """o = log(1 + exp(net)), f' = 1 / (1 + exp(-net))  (A9)."""
    return Parts(np.maximum(net, 0.0) + np.log1p(np.exp(-np.abs(net))), _logistic(net))


def softsign(net: Float64, _: Float64) -> Parts:
    """o = net / (1 + |net|), f' = 1 / (1 + |net|)^2  (A10)."""
    d = 1 + np.abs(net)
    return Parts(net / d, 1 / d**2)


def hard_tanh(net: Float64, _: Float64) -> Parts:
    """o = net clipped to [-1, 1]; f' = [|net| < 1]  (A11)."""
    return Parts(np.clip(net, -1.0, 1.0), np.where(np.abs(net) < 1, 1.0, 0.0))


def hard_logistic(net: Float64, _: Float64) -> Parts:
    """o = net/6 + 1/2 clipped to [0, 1]; f' = [|net| < 3] / 6  (A12)."""
    return Parts(np.clip((net + 3) / 6, 0.0, 1.0), np.where(np.abs(net) < 3, 1 / 6, 0.0))


def exponential(net: Float64, _: Float64) -> Parts:
    """o = exp(net) = f'  (A13)."""
    o = np.exp(net)
    return Parts(o, o)


def blend(net: Float64, alpha: Float64, f: Parts) -> Parts:
    """o = net + alpha (f(net) - net), f' and do/dalpha = f(net) - net  (A14)."""
    apart = f.o - net
    return Parts(net + alpha * apart, 1 + alpha * (f.slope - 1), apart)


FUNCTIONS: dict[str, Callable[[Float64, Float64], Parts]] = {
    f.__name__: f
    for f in (
        leaky_relu, prelu, elu, selu, gelu, gelu_tanh, silu, mish, softplus, softsign, hard_tanh,
        hard_logistic, exponential,
    )
}  # fmt: skip


def of_net(activation: str, net: Float64, alpha: Float64 | None = None) -> Parts:
    """Everything that an activation gives.

    Parameters
    ----------
    activation : str
        Its canonical text.
    net : array, (n, H)
        Weighted sums.
    alpha : array, (H,), optional
        What the units have learned; None: where the text lets them start.

    Returns
    -------
    Parts
    """
    spec = parts(activation)
    value = spec.values[0] if spec.values else 0.0
    parameter = np.asarray(value if alpha is None else alpha, np.float64)
    if spec.inner is None:
        return FUNCTIONS[spec.name](net, parameter)
    return blend(net, parameter, _from_output(spec.inner, net))


def _from_output(name: str, net: Float64) -> Parts:
    if name in FUNCTIONS:
        return FUNCTIONS[name](net, np.asarray(0.0))
    from deltarule.oracle.activations import ACTIVATIONS, DERIVATIVES

    o = ACTIVATIONS[name](net)
    return Parts(o, DERIVATIVES[name](o))
