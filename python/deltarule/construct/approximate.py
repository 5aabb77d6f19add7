# SPDX-License-Identifier: BSD-3-Clause
"""Any function on an interval or a box as a sum of pulses, with the error that it leaves."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from deltarule import _validate
from deltarule._arguments import integer, number
from deltarule._modes import in_default_modes
from deltarule._quoting import quoted
from deltarule._typing import ArrayLike
from deltarule.construct.network import network
from deltarule.construct.pulses import pulses
from deltarule.construct.sampling import MOST, cut, samples
from deltarule.mlp import MLP
from deltarule.results import Array

MAX_PULSES = 2**16
# Shares of a tolerance by which f may move between samples. The second takes few enough samples for
# any tolerance that MAX_PULSES reach.
SLACKS = (64, 16)
ACROSS = (17, 3)  # points across a pulse where the error is taken: on an interval, in a box


@dataclass(frozen=True)
class Approximation:
    """A network that approximates a function.

    Attributes
    ----------
    mlp : MLP
        Threshold units and an identity output; 0, to rounding, outside the interval or box.
    n_pulses : int
        Pulses, or cells, that the network adds.
    n_units : int
        Hidden and output units.
    error : float
        The largest |f(x) - y(x)| found at points across every pulse, both its ends included.
    """

    mlp: MLP
    n_pulses: int
    n_units: int
    error: float


@in_default_modes
def approximate(
    f: Callable[..., Any],
    interval: ArrayLike,
    n_pulses: int | None = None,
    tolerance: float | None = None,
    dtype: str = "float64",
) -> Approximation:
    """y = sum_k f(m_k) [x in pulse k], m_k its middle.

    Parameters
    ----------
    f : callable
        Takes one array per coordinate, f(x) or f(x, y), and returns an array of their shape.
    interval : (a, b), or one pair per coordinate, (d, 2)
        Where f is wanted, ends included.
    n_pulses : int, optional
        So many pulses of equal width along each coordinate.
    tolerance : float, optional
        Instead of n_pulses: as many as bring the error to at most this. On an interval each pulse
        is as wide as f allows, its height the middle of f's range there, and f may jump; in a box
        all have the same width.
    dtype : str
        "float32" or "float64".

    Returns
    -------
    Approximation
        Of one coordinate: layers [1, N + 1, 1] and an error of about max |f'| (b - a) / 2 N. Of d
        coordinates: [d, d (N + 1), N^d, 1], where the second layer has an AND for each cell. The
        error is taken from the network's own outputs, in time that grows as the square of the
        number of pulses.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of range, f does not return finite numbers of
        the shape it was given, or more than 2^16 pulses would be needed.
    """
    if not callable(f):
        raise TypeError(f"f: {type(f).__name__}; expected a function of one array per coordinate")
    box = _box(interval)
    if (n_pulses is None) == (tolerance is None):
        given = "neither" if n_pulses is None else "both"
        raise ValueError(f"n_pulses, tolerance: {given} given; expected one of them")
    if n_pulses is not None:
        return _equal(f, box, integer("n_pulses", n_pulses, 1), dtype)
    limit = number("tolerance", tolerance, lambda value: value > 0, "a number > 0")
    return _following(f, box, limit, dtype) if len(box) == 1 else _refined(f, box, limit, dtype)


def _equal(f: Callable[..., Any], box: Array, n: int, dtype: str) -> Approximation:
    if n ** len(box) > MAX_PULSES:
        raise ValueError(
            f"n_pulses: {quoted(n)} along {len(box)} coordinates; expected at most "
            f"{MAX_PULSES} pulses"
        )
    edges = [np.linspace(a, b, n + 1) for a, b in box]
    return _built(f, edges, _values(f, [(t[:-1] + t[1:]) / 2 for t in edges]), dtype)


def _refined(f: Callable[..., Any], box: Array, limit: float, dtype: str) -> Approximation:
    """The error falls as 1 / N, so each try says how many pulses the next one needs."""
    best = _equal(f, box, 1, dtype)
    n = 1
    while best.error > limit:
        n = max(n + 1, math.ceil(n * min(best.error / limit, 8)))  # not too far from rough errors
        if n ** len(box) > MAX_PULSES:
            raise ValueError(
                f"tolerance: {limit}; expected one that {MAX_PULSES} pulses reach (the error of "
                f"{best.n_pulses} is {best.error:.3g})"
            )
        best = _equal(f, box, n, dtype)
    return best


def _following(f: Callable[..., Any], box: Array, limit: float, dtype: str) -> Approximation:
    """Each pulse is as wide as f's range in it allows.

    The range is that of samples. From one to the next f may move by `slack`, so the aim lies lower.
    """
    for share in SLACKS:
        slack = limit / share
        found = samples(lambda t: _values(f, [t]), box[0, 0], box[0, 1], slack)
        if found is not None:
            break
    else:
        raise ValueError(f"f: needs more than {MOST} samples; expected a larger tolerance")
    x, y = found
    starts, heights = cut(y, 2 * (limit - slack))
    if len(heights) > MAX_PULSES:
        raise ValueError(
            f"tolerance: {limit}; expected one that {MAX_PULSES} pulses reach, not {len(heights)}"
        )
    edges = _not_below(np.append(x[starts], box[0, 1]), dtype)
    built = _built(f, [edges], np.array(heights), dtype)
    if built.error > limit:
        raise ValueError(
            f"tolerance: {limit}; expected a larger one: {len(heights)} pulses from {len(y)} "
            f"samples of f leave {built.error:.6g} as {dtype}"
        )
    return built


def _not_below(t: Array, dtype: str) -> Array:
    """Round up, so that what lies before an edge stays before it."""
    rounded = t.astype(dtype)
    up: Array = np.where(rounded < t, np.nextafter(rounded, np.inf, dtype=rounded.dtype), rounded)
    return up


def _built(f: Callable[..., Any], edges: list[Array], heights: Array, dtype: str) -> Approximation:
    """The network, and its error where it is used."""
    edges = [t.astype(dtype) for t in edges]
    ends = [t[-1] for t in edges]
    for t in edges:  # the last pulse includes its right end
        t[-1] = np.nextafter(t[-1], np.inf, dtype=t.dtype)
    mlp = pulses(edges[0], heights, dtype) if len(edges) == 1 else _boxes(edges, heights, dtype)
    points = [_across(t, end, len(edges)) for t, end in zip(edges, ends, strict=True)]
    X = np.stack([c.ravel() for c in np.meshgrid(*points, indexing="ij")], axis=1)
    error = np.abs(_values(f, points).ravel() - mlp.predict(X)[:, 0]).max()
    return Approximation(mlp, heights.size, sum(mlp.layers[1:]), float(error))


def _across(t: Array, end: Any, d: int) -> Array:
    """Points across each pulse [t_k, t_{k+1}), from its first to its last number."""
    last = np.append(np.nextafter(t[1:-1], -np.inf, dtype=t.dtype), end)
    inner = np.linspace(t[:-1], last, ACROSS[min(d, 2) - 1], axis=1, dtype=t.dtype)
    return inner.ravel()


def _boxes(edges: list[Array], heights: Array, dtype: str) -> MLP:
    """Lines x_i >= t, then an AND per cell: beyond its lower edges, not beyond its upper ones."""
    d, counts = len(edges), [len(t) for t in edges]
    lines = np.zeros((sum(counts), d + 1))
    starts = np.cumsum([0, *counts])
    for i, t in enumerate(edges):
        own = slice(starts[i], starts[i + 1])
        lines[own, i], lines[own, -1] = 1, -t.astype(np.float64)
    cells = np.indices(heights.shape).reshape(d, -1)
    lower = starts[:-1, None] + cells
    ands = np.zeros((heights.size, len(lines) + 1))
    np.put_along_axis(ands, lower.T, 1, axis=1)
    np.put_along_axis(ands, lower.T + 1, -1, axis=1)
    ands[:, -1] = -d
    return network([lines, ands, np.append(heights.ravel(), 0.0)[None, :]], "identity", dtype)


def _values(f: Callable[..., Any], coordinates: list[Array]) -> Array:
    """f on the grid of these coordinates, in float64."""
    grid = np.meshgrid(*[c.astype(np.float64) for c in coordinates], indexing="ij")
    try:
        returned = f(*grid)
    except (TypeError, ValueError) as error:  # math.sin, or an `if` on x
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"f: {error}; expected a function of whole arrays, as np.sin is") from error
    values = _validate.array(returned, "f")
    if values.shape != grid[0].shape:
        raise ValueError(
            f"f: returned shape {values.shape}; expected {grid[0].shape}, as its input"
        )
    return _validate.finite(values, "f", "float64")


def _box(interval: ArrayLike) -> Array:
    given = _validate.finite(_validate.array(interval, "interval"), "interval", "float64")
    box = given[None, :] if given.ndim == 1 else given
    if box.ndim != 2 or len(box) == 0 or box.shape[1] != 2 or not (box[:, 0] < box[:, 1]).all():
        raise ValueError(f"interval: {given.tolist()}; expected (a, b), a < b, or a list of these")
    return box
