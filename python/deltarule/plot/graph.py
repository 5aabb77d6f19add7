# SPDX-License-Identifier: BSD-3-Clause
"""A network as a graph: a column of circles per layer, a line per weight."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from deltarule._arguments import integer
from deltarule._validate import flag
from deltarule.plot._common import BLACK, BLUE, GREY, VERMILION, axes, network_of
from deltarule.results import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FEW = 3  # units up to which weights are written on their lines
THIN, WIDEST = 0.3, 3.5  # lines of weight 0 and of the largest weight, in points


def network(
    mlp: object,
    ax: Axes | None = None,
    max_units: int = 10,
    values: bool | None = None,
) -> Axes:
    """Draw units as circles and weights as lines: blue > 0, vermilion < 0, wide where large.

    Widths compare the weights of one matrix. The square with a 1 above each layer stands for the
    bias: its lines are the last columns of W.

    Parameters
    ----------
    mlp : MLP
        The network.
    ax : matplotlib Axes, optional
        None: a new figure's.
    max_units : int
        Of a larger layer the first and the last units are drawn, with dots between; >= 2.
    values : bool, optional
        Whether to write each weight on its line; None: if no layer has more than 3 units.

    Returns
    -------
    Axes

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    TypeError, ValueError
        If an argument does not fit.
    """
    net = network_of(mlp)
    max_units = integer("max_units", max_units, 2)
    if values is None:
        values = max(net.layers) <= FEW
    values = flag("values", values)
    ax = axes(ax)
    shown = [_shown(size, max_units) for size in net.layers]
    places = [_places(size, units) for size, units in zip(net.layers, shown, strict=True)]
    top = max(float(y.max()) for y in places) + 1.0

    for k, W in enumerate(net.W):
        part = np.asarray(W)[np.ix_(shown[k + 1], [*shown[k], net.layers[k]])]
        sources = np.append(places[k], top)
        _lines(ax, k, part, sources, places[k + 1], values)
    _circles(ax, net.layers, shown, places, top)
    _captions(ax, net.layers, net.architecture.activations, min(float(y.min()) for y in places))
    ax.set_xlim(-0.5, len(net.layers) - 0.5)
    ax.set_axis_off()
    return ax


def _shown(size: int, most: int) -> list[int]:
    if size <= most:
        return list(range(size))
    first = (most + 1) // 2
    return [*range(first), *range(size - (most - first), size)]


def _places(size: int, shown: list[int]) -> Array:
    """Heights of the units, the first on top, centred on 0; a gap where units are left out."""
    rows = np.arange(len(shown), dtype=float)
    if len(shown) < size:
        rows[(len(shown) + 1) // 2 :] += 1.0
    return np.asarray((rows[-1] - 2 * rows) / 2)


def _lines(ax: Axes, k: int, W: Array, y0: Array, y1: Array, values: bool) -> None:
    from matplotlib.collections import LineCollection

    largest = float(np.abs(W).max()) or 1.0
    widest = max(1.2, WIDEST / (1 + W.size / 80))  # many lines must leave some white between them
    ends = [[(k, y0[i]), (k + 1, y1[j])] for j in range(len(y1)) for i in range(len(y0))]
    w = W.ravel()
    strength = np.abs(w) / largest
    order = np.argsort(strength, kind="stable")  # large ones on top
    lines = LineCollection(
        [ends[n] for n in order],
        colors=[BLUE if w[n] > 0 else VERMILION if w[n] < 0 else GREY for n in order],
        linewidths=THIN + (widest - THIN) * strength[order],
        alpha=0.8,
        zorder=1,
    )
    ax.add_collection(lines)
    if values:
        share = 1 / (len(y1) + 1.5)  # along the line: there labels of crossing lines stand apart
        for n, ((x0, a), (x1, b)) in enumerate(ends):
            ax.text(
                x0 + share * (x1 - x0) + 0.05, a + share * (b - a), f"{w[n]:.3g}",
                ha="center", va="center", fontsize=8, zorder=3,
                bbox={"boxstyle": "round,pad=0.12", "fc": "white", "ec": "none", "alpha": 0.9},
            )  # fmt: skip


def _circles(
    ax: Axes, layers: tuple[int, ...], shown: list[list[int]], places: list[Array], top: float
) -> None:
    tall = max(len(units) for units in shown) + 2
    size = min(420.0, 4200.0 / tall)
    for k, heights in enumerate(places):
        ax.scatter(np.full(len(heights), k), heights, s=size, c="white", edgecolors=BLACK, zorder=4)
        if len(heights) < layers[k]:
            gap = (heights[(len(heights) + 1) // 2 - 1] + heights[(len(heights) + 1) // 2]) / 2
            ax.text(k, gap, "⋮", ha="center", va="center", fontsize=16)
        if k < len(places) - 1:
            ax.scatter(
                [k], [top], s=0.8 * size, c="#E8E8E8", edgecolors=BLACK, marker="s", zorder=4
            )
            ax.text(k, top, "1", ha="center", va="center_baseline", fontsize=8, zorder=5)


def _captions(
    ax: Axes, layers: tuple[int, ...], activations: tuple[str, ...], bottom: float
) -> None:
    for k, size in enumerate(layers):
        kind = "input" if k == 0 else activations[k - 1]
        ax.text(k, bottom - 0.75, f"{size}\n{kind}", ha="center", va="top", fontsize=9)
    ax.set_ylim(bottom=bottom - 1.9)
