# SPDX-License-Identifier: BSD-3-Clause
"""What all plots share: matplotlib when it is first needed, the Axes to draw into, the colours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from deltarule import _validate
from deltarule._quoting import quoted
from deltarule.architecture import Architecture
from deltarule.fitting import Fittable
from deltarule.results import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

# Okabe and Ito's palette, told apart by readers with any kind of colour blindness.
BLUE, VERMILION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
ORANGE, SKY, YELLOW, BLACK = "#E69F00", "#56B4E9", "#F0E442", "#000000"
COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK)
GREY = "#767676"


def pyplot() -> Any:
    """Return `matplotlib.pyplot`, imported when a picture is first drawn.

    Raises
    ------
    ImportError
        If matplotlib is not installed; the message names the extra.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            'deltarule.plot needs matplotlib: pip install "deltarule[plot]"'
        ) from error
    return plt


def axes(ax: Any) -> Axes:
    """Return the Axes given, or those of a new figure.

    Raises
    ------
    TypeError
        If ax is neither None nor Axes.
    """
    return panels(ax, 1, 1)[0]


def panels(ax: Any, n: int, n_columns: int, size: tuple[float, float] = (6.4, 4.8)) -> list[Axes]:
    """Return the n Axes given, or those of a new figure with so many columns of panels.

    Parameters
    ----------
    ax : None, Axes or sequence of Axes
        What the user gave; an array of Axes of any shape counts as a sequence.
    n, n_columns : int
        How many are needed, and how many stand side by side in a new figure.
    size : (float, float)
        Width and height of one panel of a new figure, in inches.

    Returns
    -------
    list of Axes

    Raises
    ------
    TypeError
        If one of them is no Axes.
    ValueError
        If there are not n of them.
    """
    plt = pyplot()
    if ax is None:
        n_rows = -(-n // n_columns)
        _, grid = plt.subplots(
            n_rows,
            n_columns,
            figsize=(size[0] * n_columns, size[1] * n_rows),
            layout="constrained",
            squeeze=False,
        )
        for unused in grid.flat[n:]:
            unused.remove()
        return list(grid.flat[:n])

    from matplotlib.axes import Axes

    many = isinstance(ax, np.ndarray | Sequence)
    given = list(np.asarray(ax, dtype=object).flat) if many else [ax]
    expected = "Axes" if n == 1 else f"a sequence of {n} Axes"
    for one in given:
        if not isinstance(one, Axes):
            raise TypeError(f"ax: {quoted(ax)}; expected None or {expected} of matplotlib")
    if len(given) != n:
        raise ValueError(f"ax: {len(given)} Axes; expected {expected}")
    return given


def diverging() -> Colormap:
    """Return the colours of signed numbers: vermilion below 0, white at 0, blue above."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("signed", [VERMILION, "#FFFFFF", BLUE])


def network_of(mlp: object) -> Any:
    """Return mlp if it is a network, native or the oracle's.

    Raises
    ------
    TypeError
        If it is none.
    """
    if not isinstance(mlp, Fittable):
        raise TypeError(f"mlp: {quoted(mlp)}; expected an MLP")
    return mlp


def one_sample(x: object, net: Architecture) -> Array:
    """Return x, (H_0,) or (1, H_0), as a batch of one row.

    Raises
    ------
    TypeError, ValueError
        If it is no sample of this network.
    """
    row = _validate.array(x, "x")
    if row.shape not in ((net.n_inputs,), (1, net.n_inputs)):
        raise ValueError(f"x: shape {row.shape}; expected ({net.n_inputs},), one sample")
    return row.reshape(1, -1)


def image_shape(shape: object, n_inputs: int) -> tuple[int, int]:
    """Return the (height, width) of an image of n_inputs pixels; None: a square.

    Raises
    ------
    TypeError
        If shape is no pair of integers.
    ValueError
        If it does not have n_inputs pixels.
    """
    from deltarule._arguments import integer

    if shape is None:
        side = int(np.sqrt(n_inputs) + 0.5)
        if side * side != n_inputs:
            raise ValueError(f"shape: None; expected (height, width): {n_inputs} is no square")
        return side, side
    if not isinstance(shape, tuple | list) or len(shape) != 2:
        raise TypeError(f"shape: {quoted(shape)}; expected (height, width)")
    height, width = integer("shape[0]", shape[0], 1), integer("shape[1]", shape[1], 1)
    if height * width != n_inputs:
        raise ValueError(f"shape: {(height, width)}; expected {n_inputs} pixels, as X has columns")
    return height, width
