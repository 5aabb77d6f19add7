# SPDX-License-Identifier: BSD-3-Clause
"""Which part of the plane a classifier gives to which class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from deltarule import _validate
from deltarule._arguments import integer, number
from deltarule._quoting import quoted
from deltarule._typing import ArrayLike
from deltarule.plot._common import BLACK, BLUE, COLOURS, VERMILION, axes, diverging
from deltarule.results import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARKERS = "osD^vP*"
MARGIN = 0.1  # of the width and height of the data


def decision_boundary(
    mlp: Any,
    X: ArrayLike,
    Y: ArrayLike | None = None,
    ax: Axes | None = None,
    level: float = 0.5,
    resolution: int = 200,
) -> Axes:
    """Draw y_hat over the plane, the line where it crosses a level, and the samples on top.

    Parameters
    ----------
    mlp : MLP, object with predict, or function
        Takes (n, 2) and gives one output per row: (n,) or (n, 1), a score that is compared with
        `level`, blue above; or several, (n, K), of which the largest gives the class. Integers,
        (n,), none negative and some above 1, are classes too.
    X : array-like, (n, 2)
        Samples; they set the part of the plane that is shown.
    Y : array-like, (n,), (n, 1) or (n, K), optional
        Their classes, as labels, two numbers, or one-hot. None draws no samples.
    ax : matplotlib Axes, optional
        None: a new figure's.
    level : float
        Where a single output changes its class.
    resolution : int
        Points along each side, at whose centres y_hat is taken.

    Returns
    -------
    Axes

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    TypeError, ValueError
        If an argument does not fit, or the predictor's output has another shape.
    """
    x = _validate.array(X, "X")
    if x.ndim != 2 or x.shape[1] != 2 or len(x) == 0:
        raise ValueError(f"X: shape {x.shape}; expected (n, 2), a plane")
    x = _validate.finite(x, "X", np.float64)
    classes = None if Y is None else _classes(Y, len(x))
    level = number("level", level, lambda _: True, "a finite number")
    resolution = integer("resolution", resolution, 2)
    predict = getattr(mlp, "predict", mlp)
    if not callable(predict):
        raise TypeError(f"mlp: {quoted(mlp)}; expected an MLP, or a function of X")
    ax = axes(ax)

    margin = MARGIN * np.where(np.ptp(x, axis=0) > 0, np.ptp(x, axis=0), 1.0)
    low, high = x.min(axis=0) - margin, x.max(axis=0) + margin
    steps = (np.arange(resolution) + 0.5) / resolution
    a, b = (low[i] + steps * (high[i] - low[i]) for i in (0, 1))
    grid = np.stack(np.meshgrid(a, b), axis=-1).reshape(-1, 2)
    values, of_classes = _outputs(predict(grid), len(grid))
    image = values.reshape(resolution, resolution)
    where: dict[str, Any] = {
        "extent": (low[0], high[0], low[1], high[1]),
        "origin": "lower",
        "aspect": "auto",
    }
    if not of_classes:
        span = float(np.max(np.abs(image - level))) or 1.0
        ax.imshow(image, cmap=diverging(), vmin=level - span, vmax=level + span, alpha=0.6, **where)
        if image.min() < level < image.max():
            ax.contour(a, b, image, levels=[level], colors=BLACK, linewidths=1.2)
        colours: tuple[str, ...] = (VERMILION, BLUE)
        if classes is not None and classes.max() > 1:  # 1 and 2, say: the larger is yes
            classes = np.unique(classes, return_inverse=True)[1].reshape(len(x))
    else:
        from matplotlib.colors import ListedColormap

        colours = COLOURS
        n = len(colours)
        shades = ListedColormap(colours)
        ax.imshow(image % n, cmap=shades, vmin=-0.5, vmax=n - 0.5, alpha=0.35, **where)
    if classes is not None:
        for c in np.unique(classes).tolist():
            rows = classes == c
            colour, marker = colours[c % len(colours)], MARKERS[c % len(MARKERS)]
            ax.scatter(
                x[rows, 0],
                x[rows, 1],
                c=colour,
                marker=marker,
                s=28,
                edgecolors="white",
                linewidths=0.7,
            )
    ax.set(xlabel="$x_1$", ylabel="$x_2$")
    return ax


def _classes(Y: object, n: int) -> Array:
    y = _validate.array(Y, "Y")
    if len(y.shape) not in (1, 2) or len(y) != n:
        raise ValueError(f"Y: shape {y.shape}; expected ({n},) or ({n}, K), as X has {n} rows")
    if y.dtype.kind == "f":
        y = _validate.finite(y, "Y", y.dtype)
    if y.ndim == 2 and y.shape[1] > 1:
        return np.asarray(np.argmax(y, axis=1))
    y = y.reshape(n)
    if y.dtype.kind in "iu" and y.min() >= 0:
        return y.astype(np.int64)
    return np.unique(y, return_inverse=True)[1].reshape(n)


def _outputs(y_hat: object, n: int) -> tuple[Array, bool]:
    """Values, and whether they are classes."""
    y = np.asarray(y_hat)
    if y.ndim == 2 and y.shape[0] == n and y.shape[1] > 1:
        return np.argmax(y, axis=1), True
    if y.shape not in ((n,), (n, 1)):
        raise ValueError(f"mlp: output of shape {y.shape} for {n} rows; expected ({n},) or (n, K)")
    y = y.reshape(n)
    if y.dtype.kind in "iu" and y.min() >= 0 and y.max() > 1:
        return y, True
    return y.astype(np.float64), False
