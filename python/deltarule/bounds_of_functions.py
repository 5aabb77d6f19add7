# SPDX-License-Identifier: BSD-3-Clause
"""How far o, f' and do/dalpha may be off where the derivative comes from net.

Each is a number of unit roundoffs of what is added up: of |o|, of |f'| + min(|o|, 1). The numbers
cover what tests/test_activations.py measures against 50 digits, with room. Underflow is covered by
the smallest normal number, which the factor net may multiply.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from deltarule.activations import parts
from deltarule.oracle.activations import ACTIVATIONS, DERIVATIVES, Float64
from deltarule.oracle.functions import FUNCTIONS, of_net

if TYPE_CHECKING:
    from deltarule.bounds import Bounds

# Unit roundoffs of o and of f'.
OFF = {
    "leaky_relu": (2, 1), "prelu": (2, 1), "elu": (6, 4), "selu": (6, 4), "gelu": (16, 16),
    "gelu_tanh": (10, 16), "silu": (10, 10), "mish": (14, 16), "softplus": (6, 6),
    "softsign": (4, 6), "hard_tanh": (0, 0), "hard_logistic": (5, 1), "exponential": (4, 4),
}  # fmt: skip


class Off(NamedTuple):
    """Bounds of the errors.

    Attributes
    ----------
    o, slope, influence : array
        Of f(net), f'(net) and do/dalpha.
    """

    o: Float64
    slope: Float64
    influence: Float64


def bounds(of: Bounds, activation: str, net: Float64, alpha: Float64 | None = None) -> Off:
    """Bound what an activation gives at some nets.

    Parameters
    ----------
    of : Bounds
        Of the dtype.
    activation : str
        Its canonical text.
    net : array, (n, H)
        Weighted sums.
    alpha : array, (H,), optional
        What the units have learned.

    Returns
    -------
    Off
    """
    spec, u = parts(activation), of.u + of.u_oracle
    if spec.inner is None:
        return _plain(of, spec.name, net, of_net(activation, net, alpha)[:2])
    f, a = of_net(activation, net, alpha), np.abs(spec.values[0] if alpha is None else alpha)
    inner = _inner(of, spec.inner, net)
    apart = np.abs(f.influence if f.influence is not None else 0.0)
    slope = np.abs(of_net(activation, net, np.ones(net.shape[1])).slope)  # f' of the inner one
    steep = 1 + slope
    off = inner.o + 2 * u * apart + of.tiny
    o = a * off + 2 * u * (np.abs(net) + a * apart) + of.tiny
    return Off(o, a * (inner.slope + 2 * u * steep) + 2 * u * (1 + a * steep), off)


def _plain(of: Bounds, name: str, net: Float64, values: tuple[Float64, Float64]) -> Off:
    u = of.u + of.u_oracle
    o, slope = (np.abs(value) for value in values)
    of_o, of_slope = OFF[name]
    under = 4 * (1 + np.abs(net)) * of.tiny
    o_off = of_o * u * o + under
    slope_off = of_slope * u * (slope + np.minimum(o, 1.0)) + under
    if name == "gelu":  # the oracle's erfc, whose argument is rounded
        o_off, slope_off = (off + net**2 * 4 * of.u_oracle * o for off in (o_off, slope_off))
    if name == "gelu_tanh":  # exp of an argument that was rounded four times
        a = np.clip(net, -32.0, 32.0)
        z = np.abs(1.6 * a + 0.0714 * a**3)
        rest = 1 / (1 + np.exp(np.clip(np.sign(net) * z, -700, 700)))
        share = 8 * u * z * rest
        o_off = o_off + share * o
        slope_off = slope_off + share * (slope + o * (2 + 0.3 * a**2))
    influence = np.zeros_like(o) if name != "prelu" else under
    return Off(np.asarray(o_off), np.asarray(slope_off), influence)


def _inner(of: Bounds, name: str, net: Float64) -> Off:
    if name in FUNCTIONS:
        return _plain(of, name, net, FUNCTIONS[name](net, np.asarray(0.0))[:2])
    value = ACTIVATIONS[name](net)
    o, slope = of.activation(name, net, value), np.abs(DERIVATIVES[name](value))
    return Off(o, np.asarray(2 * o + of.roundings(2, slope)), np.zeros_like(o))
