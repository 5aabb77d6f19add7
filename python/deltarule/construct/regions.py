# SPDX-License-Identifier: BSD-3-Clause
"""Regions of the plane: half-planes joined by AND, convex pieces joined by OR."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from deltarule import _validate
from deltarule._modes import in_default_modes
from deltarule._typing import ArrayLike
from deltarule.construct.cells import cells
from deltarule.construct.decompose import convex_pieces, simple
from deltarule.construct.gates import all_row
from deltarule.construct.network import network
from deltarule.mlp import MLP
from deltarule.results import Array


def half_planes(A: ArrayLike, b: ArrayLike, dtype: str = "float64") -> MLP:
    """Fires where A x + b >= 0 in every row: one hidden layer of half-planes and an AND.

    Parameters
    ----------
    A : array-like, (m, n)
        m half-spaces of any dimension n.
    b : array-like, (m,)
        Biases.
    dtype : str
        "float32" or "float64".

    Returns
    -------
    MLP
        Threshold units, layers [n, m, 1]. The region is closed: its edge belongs to it.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit.
    """
    normals, biases = _validate.array(A, "A"), _validate.array(b, "b")
    if normals.ndim != 2 or normals.size == 0 or biases.shape != (len(normals),):
        raise ValueError(f"A, b: shapes {normals.shape} and {biases.shape}; expected (m, n), (m,)")
    lines = np.hstack([normals, biases[:, None]])
    return network([lines, all_row(np.ones(len(lines)))[None, :]], dtype=dtype)


@in_default_modes
def polygon(vertices: ArrayLike, dtype: str = "float64") -> MLP:
    """Fires inside a polygon and on its edge.

    Parameters
    ----------
    vertices : array-like, (n, 2)
        Corners in order, either way round.
    dtype : str
        "float32" or "float64".

    Returns
    -------
    MLP
        Threshold units. A convex polygon takes one hidden layer, [2, n, 1]; another one is cut
        into convex pieces as `polygons` does.

    Raises
    ------
    TypeError, ValueError
        If the corners are no polygon, or its edges cross.
    """
    pieces = _pieces(vertices, "vertices")
    if len(pieces) > 1:
        return _union(pieces, dtype)
    lines = np.array([_line(p, q) for p, q in _edges(pieces[0])])
    return half_planes(lines[:, :2], lines[:, 2], dtype)


@in_default_modes
def polygons(several: Sequence[ArrayLike], dtype: str = "float64") -> MLP:
    """Fires inside any of several polygons: half-planes, an AND per convex piece, an OR.

    Parameters
    ----------
    several : sequence of array-like (n, 2)
        Corners of each polygon in order, either way round. They may overlap.
    dtype : str
        "float32" or "float64".

    Returns
    -------
    MLP
        Threshold units, layers [2, lines, convex pieces, 1]. An edge that two pieces share is one
        unit, which the one takes with weight +1 and the other with -1, so that no gap is left;
        where it is also an edge of the whole, points exactly on it may be silent. Where one piece
        lies along two others, their lines are equal to rounding, exactly for small integers.

    Raises
    ------
    TypeError, ValueError
        If there are none, or one is no polygon or crosses itself.
    """
    if isinstance(several, str) or not isinstance(several, Sequence | np.ndarray):
        raise TypeError(f"several: {type(several).__name__}; expected a sequence of polygons")
    if len(several) == 0:
        raise ValueError("several: empty; expected at least one polygon")
    parts = [_pieces(vertices, f"several[{k}]") for k, vertices in enumerate(several)]
    return _union([piece for part in parts for piece in part], dtype)


def _union(pieces: Sequence[Array], dtype: str) -> MLP:
    places: dict[frozenset[tuple[float, ...]], int] = {}
    lines: list[Array] = []
    sides: list[dict[int, int]] = []
    for piece in pieces:
        side = {}
        for p, q in _edges(piece):
            line = _line(p, q)
            at = places.setdefault(frozenset([tuple(p), tuple(q)]), len(lines))
            if at == len(lines):
                lines.append(line)
            # Bit for bit the same line, or walked the other way.
            side[at] = 1 if np.array_equal(line, lines[at]) else -1
        sides.append(side)
    table = np.zeros((len(pieces), len(lines)))
    for row, side in zip(table, sides, strict=True):
        row[list(side)] = list(side.values())
    return cells(np.array(lines), table, dtype)


def _pieces(vertices: ArrayLike, name: str) -> list[Array]:
    v = _validate.array(vertices, name)
    if v.ndim != 2 or v.shape[1] != 2 or len(v) < 3:
        raise ValueError(f"{name}: shape {v.shape}; expected (n, 2), n >= 3")
    v = _validate.finite(v, name, "float64")
    largest = np.abs(v).max()
    if largest and not 1e-150 < largest < 1e150:  # products of two would leave float64
        raise ValueError(f"{name}: corners up to {largest}; expected 1e-150 to 1e150")
    pieces = convex_pieces(simple(v, name))
    if not pieces:
        raise ValueError(f"{name}: nearly on one line; expected corners whose turns can be told")
    return pieces


def _edges(v: Array) -> list[tuple[Array, Array]]:
    return list(zip(v, np.roll(v, -1, axis=0), strict=True))


def _line(p: Array, q: Array) -> Array:
    """[w1, w2, bias] with net >= 0 on the left of p -> q; exact for small integers.

    The bias, p1 q2 - q1 p2, is taken as -(w1 p1 + w2 p2): far from the origin those two products
    are large, and their difference would have lost its digits.
    """
    w1, w2 = p[1] - q[1], q[0] - p[0]
    return np.array([w1, w2, -(w1 * p[0] + w2 * p[1])])
