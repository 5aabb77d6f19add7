# SPDX-License-Identifier: BSD-3-Clause
"""One hidden layer for any region: half-planes of many directions, weighted and summed.

An indicator function is the mean of its filtered projections over all directions (the inverse Radon
transform, by which a tomograph makes an image of shadows). A projection depends on one coordinate,
theta x, so a staircase of threshold units gives it: unit (m, s) fires where theta_m x >= t_s. The
sum of all is about 1 inside and about 0 outside, and the output fires from 1/2 on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from deltarule import _validate
from deltarule._arguments import integer
from deltarule._modes import in_default_modes
from deltarule._typing import ArrayLike
from deltarule.construct.network import network
from deltarule.mlp import MLP
from deltarule.results import Array

FINE = 4  # samples of the region per step, along each side


@in_default_modes
def one_hidden_layer(
    inside: Callable[..., Any],
    box: ArrayLike,
    directions: int,
    steps: int,
    dtype: str = "float64",
) -> MLP:
    """y = [(pi / M) sum_m q_m(theta_m x) >= 1/2], q_m the filtered projection as a staircase.

    Parameters
    ----------
    inside : callable
        inside(x, y), arrays of one shape, returns True or 1 where the region is, 0 elsewhere.
    box : array-like, (2, 2)
        ((x0, x1), (y0, y1)): the region's part in it is meant, and the network is used in it.
    directions : int
        M, evenly spread over half a turn.
    steps : int
        S, steps of each staircase across the box's diagonal.
    dtype : str
        "float32" or "float64".

    Returns
    -------
    MLP
        Threshold units, layers [2, M (S - 1), 1].

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of range, or inside does not return 0 and 1 of
        the shape it was given.
    """
    if not callable(inside):
        raise TypeError(f"inside: {type(inside).__name__}; expected a function inside(x, y)")
    corners = _validate.finite(_validate.array(box, "box"), "box", "float64")
    if corners.shape != (2, 2) or not (corners[:, 0] < corners[:, 1]).all():
        raise ValueError(
            f"box: {corners.tolist()}; expected ((x0, x1), (y0, y1)), x0 < x1, y0 < y1"
        )
    n_directions, n_steps = integer("directions", directions, 1), integer("steps", steps, 2)
    centre, diagonal = corners.mean(axis=1), float(np.hypot(*np.diff(corners)[:, 0]))
    points, area = _points(inside, corners, FINE * n_steps)
    angles = np.pi * np.arange(n_directions) / n_directions
    theta = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    edges = np.linspace(-diagonal / 2, diagonal / 2, n_steps + 1)
    width = diagonal / n_steps
    ramp = _ramp(n_steps, width)
    lines, weights, bias = [], [], -0.5
    for direction in theta:
        shadow = np.histogram((points - centre) @ direction, edges)[0] * (area / width)
        q = np.convolve(shadow, ramp, mode="valid") * (width * np.pi / n_directions)
        bias += q[0]
        weights.append(np.diff(q))
        shifts = -edges[1:-1] - centre @ direction
        lines.append(np.column_stack([np.tile(direction, (n_steps - 1, 1)), shifts]))
    output = np.append(np.concatenate(weights), bias)[None, :]
    return network([np.vstack(lines), output], dtype=dtype)


def _points(inside: Callable[..., Any], box: Array, n: int) -> tuple[Array, float]:
    """Midpoints of an n x n raster that lie in the region, and the area of each."""
    sides = [a + (b - a) * (np.arange(n) + 0.5) / n for a, b in box]
    x, y = np.meshgrid(*sides, indexing="ij")
    values = _validate.array(inside(x, y), "inside")
    if values.shape != x.shape or not np.isin(values, (0, 1)).all():
        raise ValueError(f"inside: returned shape {values.shape}; expected 0 and 1 of {x.shape}")
    chosen = values == 1
    return np.stack([x[chosen], y[chosen]], axis=1), float(np.prod(np.diff(box)[:, 0])) / n**2


def _ramp(n: int, width: float) -> Array:
    """The filter |frequency| up to 1 / 2 width, sampled at -(n-1) .. n-1 (Ramachandran, 1971)."""
    k = np.arange(1 - n, n)
    with np.errstate(divide="ignore"):
        ramp = np.where(k % 2 == 1, -1.0 / (np.pi * k * width) ** 2, 0.0)
    ramp[n - 1] = 1 / (4 * width**2)
    return ramp
