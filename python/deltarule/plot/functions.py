# SPDX-License-Identifier: BSD-3-Clause
"""The activations and their derivatives, as the native core computes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from deltarule._arguments import choice, number
from deltarule._quoting import quoted
from deltarule.architecture import ACTIVATIONS
from deltarule.mlp import MLP
from deltarule.plot._common import BLACK, BLUE, GREY, SKY, VERMILION, panels
from deltarule.results import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

N_SOFTMAX = 3  # units drawn of the one activation that needs more than one


def activations(
    names: str | Sequence[str] | None = None,
    ax: Axes | Sequence[Axes] | None = None,
    net: tuple[float, float] = (-5.0, 5.0),
) -> Any:
    """Draw o = f(net), solid, and f'(net), dashed, a panel for each activation.

    Softmax takes a whole layer: drawn are o_1 and o_2 of three units while net_1 moves and the
    others stay 0, with do_1/dnet_1 and do_2/dnet_1.

    Parameters
    ----------
    names : str or sequence of str, optional
        As `MLP` takes them; None: all.
    ax : Axes or sequence of Axes, optional
        As many as names. None: a new figure's.
    net : (float, float)
        From where to where, low < high.

    Returns
    -------
    array of Axes, (number of names,)
        For a single name given as a str, that panel's Axes.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    TypeError, ValueError
        If a name is unknown, ax are not as many, or net is no interval.
    """
    given = (names,) if isinstance(names, str) else ACTIVATIONS if names is None else names
    try:
        chosen = [choice(f"names[{k}]", name, ACTIVATIONS) for k, name in enumerate(given)]
    except TypeError:
        raise TypeError(f"names: {quoted(names)}; expected names of activations") from None
    if not chosen:
        raise ValueError("names: none; expected names of activations")
    low, high = _interval(net)
    drawn = panels(ax, len(chosen), min(3, len(chosen)), size=(3.0, 2.5))
    x = np.linspace(low, high, 401)
    for panel, name in zip(drawn, chosen, strict=True):
        value, derivative = curves(name, x)
        panel.axhline(0, color=GREY, lw=0.6)
        panel.axvline(0, color=GREY, lw=0.6)
        if name == "softmax":
            labels = ("$o_1$", "$o_2 = o_3$", r"$\partial o_1/\partial net_1$",
                      r"$\partial o_2/\partial net_1$")  # fmt: skip
            panel.plot(x, value[:, 0], color=BLUE, label=labels[0])
            panel.plot(x, value[:, 1], color=SKY, label=labels[1])
            panel.plot(x, derivative[:, 0], color=VERMILION, ls="--", label=labels[2])
            panel.plot(x, derivative[:, 1], color=BLACK, ls=":", label=labels[3])
        else:
            panel.plot(x, value[:, 0], color=BLUE, label="f(net)")
            panel.plot(x, derivative[:, 0], color=VERMILION, ls="--", label="f ′(net)")
        panel.set(title=name, xlabel="$net_1$" if name == "softmax" else "net")
        if name == "softmax":
            panel.set_ylim(top=1.6)  # room for four names above the curves
            panel.legend(fontsize="small", loc="upper center", ncols=2)
        else:
            panel.legend(fontsize="small", loc="upper left")
    return drawn[0] if isinstance(names, str) else np.array(drawn, dtype=object)


def _interval(net: object) -> tuple[float, float]:
    if not isinstance(net, tuple | list) or len(net) != 2:
        raise TypeError(f"net: {quoted(net)}; expected (low, high)")
    low, high = (number(f"net[{k}]", net[k], lambda _: True, "a finite number") for k in (0, 1))
    if not 0 < high - low < np.inf:
        raise ValueError(f"net: {net}; expected (low, high) with low < high")
    return low, high


def curves(name: str, net: Array) -> tuple[Array, Array]:
    """Return f(net) and f'(net), (n, 1); of softmax o and do/dnet_1, (n, 3), net = (net_1, 0, 0).

    Both are native: the value a forward pass through one layer of weights 1, the derivative
    the delta that u = 1 sends back through it. A threshold unit has f' = 0 and sends nothing.
    """
    units = N_SOFTMAX if name == "softmax" else 1
    mlp = MLP([1, units], output=name, dtype="float64")
    first = np.zeros((units, 1))
    first[0] = 1.0
    mlp.W = [np.hstack([first, np.zeros((units, 1))])]
    trace = mlp.forward(net[:, None])
    if name == "threshold":
        return trace.y_hat, np.zeros_like(trace.y_hat)
    back = mlp.backward(trace, trace.y_hat + first.T)  # half squared error: u = y - y_hat
    delta = back.delta[1]
    assert delta is not None
    return trace.y_hat, delta
