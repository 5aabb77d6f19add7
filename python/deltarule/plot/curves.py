# SPDX-License-Identifier: BSD-3-Clause
"""Curves over the epochs of a training, or over the depth of a network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from deltarule import _validate
from deltarule._arguments import choice
from deltarule._quoting import quoted
from deltarule._typing import ArrayLike
from deltarule.history import History
from deltarule.learning_rate import LearningRates
from deltarule.plot._common import COLOURS, axes
from deltarule.results import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def loss_curve(
    history: History, ax: Axes | None = None, label: str | None = None, scale: str = "linear",
    metric: str = "loss",
) -> Axes:  # fmt: skip
    """Draw the loss of every epoch, and the validation loss dashed, if there is one; or a metric.

    Called again with the same Axes, it adds another training in the next colour.

    Parameters
    ----------
    history : History
        What `fit` returned.
    ax : matplotlib Axes, optional
        None: a new figure's.
    label : str, optional
        Names the curve in the legend; None: "training".
    scale : str
        "linear" or "log", of the loss.
    metric : str
        "loss", or one of `history.metrics`, which is drawn alone, dashed.

    Returns
    -------
    Axes

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    TypeError, ValueError
        If an argument does not fit, or the history has no epochs.
    """
    if not isinstance(history, History):
        raise TypeError(f"history: {quoted(history)}; expected a History, as fit returns")
    if len(history) == 0:
        raise ValueError("history: 0 epochs; expected at least one")
    scale = choice("scale", scale, ("linear", "log"))
    metric = choice("metric", metric, ("loss", *history.metrics))
    ax = axes(ax)
    colour = _next_colour(ax)
    epochs = np.arange(1, len(history) + 1)
    marker = "o" if len(history) == 1 else None  # a line of one point is invisible
    if metric == "loss":
        ax.plot(epochs, history.loss, color=colour, marker=marker, label=label or "training")
    judged = history.validation_loss if metric == "loss" else history.metrics[metric]
    if judged:
        name = "validation" if label is None else f"{label}, validation"
        held_out = epochs[: len(judged)]
        ax.plot(held_out, judged, color=colour, marker=marker, ls="--", label=name)
    ax.set(xlabel="epoch", ylabel=metric, yscale=scale)
    _whole_numbers(ax)
    ax.legend()
    return ax


def learning_rates(
    found: LearningRates, ax: Axes | None = None, label: str | None = None, scale: str = "linear"
) -> Axes:
    """Draw the loss over the learning rates that `find_learning_rate` tried.

    The smoothed loss is a line, each step's own a faint dot, the suggestion a ring on the line.
    Called again with the same Axes, it adds another search in the next colour.

    Parameters
    ----------
    found : LearningRates
        What `find_learning_rate` returned.
    ax : matplotlib Axes, optional
        None: a new figure's.
    label : str, optional
        Names the curve in the legend; None: "smoothed loss".
    scale : str
        "linear" or "log", of the loss.

    Returns
    -------
    Axes
        Its limits leave out losses that are far above where the search began.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    TypeError, ValueError
        If an argument does not fit.
    """
    if not isinstance(found, LearningRates):
        raise TypeError(
            f"found: {quoted(found)}; expected LearningRates, as find_learning_rate returns"
        )
    scale = choice("scale", scale, ("linear", "log"))
    ax = axes(ax)
    drawn = ax.get_ylim() if ax.lines else None
    colour = _next_colour(ax)
    ax.plot(found.etas, found.losses, color=colour, ls="", marker=".", ms=3, alpha=0.35)
    ax.plot(found.etas, found.smoothed, color=colour, label=label or "smoothed loss")
    at = np.searchsorted(found.etas, found.suggestion)
    ax.plot(
        found.suggestion, found.smoothed[at], color=colour, ls="", marker="o", ms=9, mfc="none",
        mew=2, label=f"suggestion {found.suggestion:.2g}",
    )  # fmt: skip
    ax.set(xlabel="learning rate eta", ylabel="loss", xscale="log", yscale=scale)
    if scale == "linear":
        start, low = found.smoothed[0], found.smoothed.min()
        low, high = low - 0.1 * (start - low), start + 0.5 * (start - low)
        if drawn is not None:
            low, high = min(low, drawn[0]), max(high, drawn[1])
        ax.set_ylim(low, high)
    ax.legend()
    return ax


def gradient_dilution(
    norms: History | ArrayLike, ax: Axes | None = None, label: str | None = None
) -> Axes:
    """Draw how the gradient thins out on its way back: the norm of dW[k] for each k.

    Parameters
    ----------
    norms : History or array-like, (epochs, m + 1) or (m + 1,)
        A history of `fit(record="gradient_norm")`, or its `gradient_norm`: a curve for each matrix
        over the epochs, the first matrix darkest. One row of it: a curve over depth; called again
        with the same Axes, that adds another one in the next colour.
    ax : matplotlib Axes, optional
        None: a new figure's.
    label : str, optional
        Names a curve over depth.

    Returns
    -------
    Axes

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    TypeError, ValueError
        If norms are no such numbers, or the history has none.
    """
    values = _norms(norms)
    ax = axes(ax)
    if values.ndim == 1:
        layers = np.arange(len(values))
        ax.plot(layers, values, color=_next_colour(ax), marker="o", label=label)
        ax.set(xlabel="weight matrix k, from the input to the output")
        _whole_numbers(ax)
        if label is not None:
            ax.legend()
    else:
        import matplotlib

        shades = matplotlib.colormaps["viridis"](np.linspace(0, 0.9, values.shape[1]))
        epochs = np.arange(1, len(values) + 1)
        for k, shade in enumerate(shades):
            marker = "o" if len(values) == 1 else None
            ax.plot(epochs, values[:, k], color=shade, marker=marker, label=f"dW[{k}]")
        ax.set(xlabel="epoch")
        _whole_numbers(ax)
        ax.legend()
    ax.set_ylabel("norm of dW[k]")
    if np.any(values > 0):
        ax.set_yscale("log")
    return ax


def _norms(norms: Any) -> Array:
    if isinstance(norms, History):
        norms = norms.gradient_norm
        if len(norms) == 0:
            raise ValueError(
                "norms: a history without gradient norms; expected fit(record='gradient_norm')"
            )
    values = _validate.array(norms, "norms").astype(np.float64)
    if values.ndim not in (1, 2) or values.size == 0:
        raise ValueError(f"norms: shape {values.shape}; expected (epochs, m + 1) or (m + 1,)")
    if not np.all(np.isfinite(values) & (values >= 0)):
        raise ValueError("norms: a negative one, or one that is not finite; expected norms")
    return values


def _whole_numbers(ax: Axes) -> None:
    from matplotlib.ticker import MaxNLocator

    ax.xaxis.set_major_locator(MaxNLocator(integer=True))


def _next_colour(ax: Axes) -> str:
    solid = sum(line.get_linestyle() == "-" for line in ax.lines)
    drawn = solid or len(ax.lines)  # of a metric there are no solid ones
    return COLOURS[drawn % len(COLOURS)]
