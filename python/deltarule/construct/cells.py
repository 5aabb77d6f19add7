# SPDX-License-Identifier: BSD-3-Clause
"""Cells of lines: the first layer says on which side of each line, the second names the cell."""

from __future__ import annotations

import numpy as np

from deltarule import _validate
from deltarule._arguments import choice
from deltarule._modes import in_default_modes
from deltarule._typing import ArrayLike
from deltarule.construct.gates import all_row, any_row
from deltarule.construct.network import network
from deltarule.mlp import MLP


def cells(lines: ArrayLike, sides: ArrayLike, dtype: str = "float64") -> MLP:
    """Fires in every cell that `sides` lists: an OR of ANDs of half-planes.

    Parameters
    ----------
    lines : array-like, (L, n + 1)
        Unit l fires where lines[l] [x; 1] >= 0.
    sides : array-like, (C, L)
        One cell a row: +1 where unit l fires in it, -1 where it does not, 0 where it may.
    dtype : str
        "float32" or "float64".

    Returns
    -------
    MLP
        Threshold units, layers [n, L, C, 1].

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit or holds other values.
    """
    W, signs = _validate.array(lines, "lines"), _validate.array(sides, "sides")
    if W.ndim != 2 or len(W) == 0 or W.shape[1] < 2:
        raise ValueError(f"lines: shape {W.shape}; expected (L, n + 1), L >= 1, n >= 1")
    if signs.ndim != 2 or len(signs) == 0 or signs.shape[1] != len(W):
        raise ValueError(f"sides: shape {signs.shape}; expected (C, {len(W)}), C >= 1")
    if not np.isin(signs, (-1, 0, 1)).all():
        raise ValueError("sides: other values among them; expected -1, 0 and 1")
    ands = np.array([all_row(sign) for sign in signs])
    return network([W, ands, any_row(np.ones(len(ands)))[None, :]], dtype=dtype)


@in_default_modes
def checkerboard(
    x_lines: ArrayLike, y_lines: ArrayLike, fires: str = "odd", dtype: str = "float64"
) -> MLP:
    """Every other cell of upright lines x = x_lines[i] and level lines y = y_lines[j].

    Parameters
    ----------
    x_lines, y_lines : array-like, (I,) and (J,)
        Increasing; (I + 1)(J + 1) cells, the outer ones without end.
    fires : str
        "odd": the cells with i + j odd, counted from the lower left one, which is silent; "even":
        the others.
    dtype : str
        "float32" or "float64".

    Returns
    -------
    MLP
        Threshold units, layers [2, I + J, cells that fire, 1]. With n = I + J lines, I = J and
        "odd" these are floor((n + 2)^2 / 8) cells.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit or the lines do not increase.
    """
    x, y = _increasing(x_lines, "x_lines"), _increasing(y_lines, "y_lines")
    odd = choice("fires", fires, ("odd", "even")) == "odd"
    lines = np.zeros((x.size + y.size, 3))
    lines[: x.size, 0], lines[x.size :, 1], lines[:, 2] = 1, 1, -np.concatenate([x, y])
    columns, rows = np.indices((x.size + 1, y.size + 1))
    chosen = (columns + rows) % 2 == odd
    sides = np.hstack([_between(x.size)[columns[chosen]], _between(y.size)[rows[chosen]]])
    return cells(lines, sides, dtype)


def _between(n: int) -> np.ndarray:
    """Row i of (n + 1, n): cell i lies beyond line i - 1 and before line i."""
    return np.eye(n + 1, n, k=-1) - np.eye(n + 1, n)


def _increasing(value: ArrayLike, name: str) -> np.ndarray:
    given = _validate.array(value, name)
    if given.ndim != 1 or given.size == 0 or not (np.diff(given) > 0).all():
        raise ValueError(f"{name}: shape {given.shape}; expected increasing numbers, one or more")
    return _validate.finite(given, name, "float64")
