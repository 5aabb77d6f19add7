# SPDX-License-Identifier: BSD-3-Clause
"""What a network of images looks like inside: weights as images, activations layer by layer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from deltarule._arguments import integer
from deltarule._quoting import quoted
from deltarule._typing import ArrayLike
from deltarule.plot._common import (
    BLUE,
    SKY,
    diverging,
    image_shape,
    network_of,
    one_sample,
    panels,
)
from deltarule.results import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FRAME = "#DDDDDD"  # between images: a weight of 0 is white
SIGNED = ("tanh", "identity")  # activations whose outputs have two signs


def hidden_units(
    mlp: object,
    shape: tuple[int, int] | None = None,
    ax: Axes | None = None,
    x: ArrayLike | None = None,
    n_columns: int = 8,
) -> Axes:
    """Draw the weights into each unit of the first layer as an image, all on one scale.

    Parameters
    ----------
    mlp : MLP
        A network of images, one pixel per input.
    shape : (int, int), optional
        Height and width of the image, row by row in X; None: a square.
    ax : matplotlib Axes, optional
        None: a new figure's.
    x : array-like, (H_0,), optional
        A sample: each unit's output for it is written above its image.
    n_columns : int
        Units side by side.

    Returns
    -------
    Axes
        Its one image holds the units' images with gaps of NaN between them.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    TypeError, ValueError
        If an argument does not fit.
    """
    net = network_of(mlp)
    height, width = image_shape(shape, net.layers[0])
    n_columns = min(integer("n_columns", n_columns, 1), net.layers[1])
    o = None if x is None else net.forward(one_sample(x, net.architecture)).o[1][0]
    gap = 1 if o is None else 3  # rows above an image, where its number stands
    n_rows = -(-net.layers[1] // n_columns)
    mosaic = np.full((n_rows * (height + gap), n_columns * (width + 1) - 1), np.nan)
    flat = mosaic.shape[0] / mosaic.shape[1]
    (ax,) = panels(ax, 1, 1, size=(6.4, min(8.0, 5.4 * flat + 0.4)))
    for j, weights in enumerate(np.asarray(net.W[0])[:, :-1]):
        row, column = divmod(j, n_columns)
        top, left = row * (height + gap) + gap, column * (width + 1)
        mosaic[top : top + height, left : left + width] = weights.reshape(height, width)
        if o is not None:
            ax.text(
                left + (width - 1) / 2, top - 0.7, f"{o[j]:.2f}",
                ha="center", va="bottom", fontsize=8,
            )  # fmt: skip
    largest = float(np.nanmax(np.abs(mosaic))) or 1.0
    image = ax.imshow(mosaic, cmap=diverging(), vmin=-largest, vmax=largest)
    ax.set_facecolor(FRAME)
    ax.figure.colorbar(image, ax=ax, label="weight", shrink=0.8)
    ax.set(
        xticks=[], yticks=[], xlim=(-1.5, mosaic.shape[1] + 0.5), ylim=(mosaic.shape[0] + 0.5, -1.5)
    )
    ax.spines[:].set_visible(False)
    return ax


def layers(
    mlp: object,
    x: ArrayLike,
    shape: tuple[int, int] | None = None,
    ax: Sequence[Axes] | None = None,
    names: Sequence[str] | None = None,
) -> Any:
    """Draw what every layer holds for one sample: its image, hidden outputs, bars of y_hat.

    Parameters
    ----------
    mlp : MLP
        A network of images, one pixel per input.
    x : array-like, (H_0,)
        One sample.
    shape : (int, int), optional
        Height and width of the image; None: a square.
    ax : sequence of m + 2 Axes, optional
        None: a new figure's.
    names : sequence of str, optional
        Names of the K outputs; None: their numbers.

    Returns
    -------
    array of Axes, (m + 2,)
        The input's, each hidden layer's, the output's.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    TypeError, ValueError
        If an argument does not fit.
    """
    net = network_of(mlp)
    height, width = image_shape(shape, net.layers[0])
    row = one_sample(x, net.architecture)
    n_outputs = net.layers[-1]
    if names is not None and (isinstance(names, str) or not isinstance(names, Iterable)):
        raise TypeError(f"names: {quoted(names)}; expected {n_outputs}, one per output")
    ticks = [str(n) for n in (range(n_outputs) if names is None else names)]
    if len(ticks) != n_outputs:
        raise ValueError(f"names: {len(ticks)}; expected {n_outputs}, one per output")
    o = [layer[0] for layer in net.forward(row).o]
    drawn = panels(ax, len(o), len(o), size=(3.0, 3.0))
    drawn[0].imshow(row.reshape(height, width), cmap="gray")
    drawn[0].set(title=f"input\n{height} × {width}", xticks=[], yticks=[])
    for k in range(1, len(o) - 1):
        _hidden(drawn[k], k, o[k], net.architecture.activations[k - 1])
    _bars(drawn[-1], o[-1], ticks, net.architecture.activations[-1])
    return np.array(drawn, dtype=object)


def _hidden(ax: Axes, k: int, o: Array, activation: str) -> None:
    """Outputs of one layer as squares, row by row; the last row may end in nothing."""
    n_columns = int(np.ceil(np.sqrt(len(o))))
    grid = np.full((-(-len(o) // n_columns), n_columns), np.nan)
    grid.reshape(-1)[: len(o)] = o
    if activation in SIGNED:
        largest = 1.0 if activation == "tanh" else float(np.abs(o).max()) or 1.0
        image = ax.imshow(grid, cmap=diverging(), vmin=-largest, vmax=largest)
    else:
        largest = float(o.max()) or 1.0 if activation == "relu" else 1.0
        image = ax.imshow(grid, cmap="viridis", vmin=0.0, vmax=largest)
    ax.figure.colorbar(image, ax=ax, shrink=0.7)
    ax.set(title=f"layer {k}\n{len(o)} {activation}", xticks=[], yticks=[])


def _bars(ax: Axes, o: Array, ticks: list[str], activation: str) -> None:
    best = int(np.argmax(o))
    colours = [BLUE if j == best else SKY for j in range(len(o))]
    ax.barh(np.arange(len(o)), o, color=colours)
    ax.set(title=f"output\n{len(o)} {activation}", xlabel=r"$\hat y$")
    if len(o) <= 20:
        ax.set_yticks(np.arange(len(o)), ticks)
    ax.invert_yaxis()
