# SPDX-License-Identifier: BSD-3-Clause
"""Square pulses: two threshold units and an output that subtracts them."""

from __future__ import annotations

import numpy as np

from deltarule import _validate
from deltarule._arguments import number
from deltarule._modes import in_default_modes
from deltarule._typing import ArrayLike
from deltarule.construct.network import network
from deltarule.mlp import MLP


def pulse(t1: float, t2: float, height: float = 1.0, dtype: str = "float64") -> MLP:
    """y = height ([x >= T1] - [x >= T2]): height for T1 <= x < T2, else 0.

    Parameters
    ----------
    t1, t2 : float
        T1 < T2.
    height : float
        The output between them.
    dtype : str
        "float32" or "float64".

    Returns
    -------
    MLP
        Layers [1, 2, 1] with identity output: the notes' network of three units.

    Raises
    ------
    TypeError, ValueError
        If an argument is no finite number, or T1 >= T2.
    """
    first = number("t1", t1, lambda value: True, "a number")
    second = number("t2", t2, lambda value: True, "a number")
    return pulses(
        [first, second], [number("height", height, lambda value: True, "a number")], dtype
    )


@in_default_modes
def pulses(edges: ArrayLike, heights: ArrayLike, dtype: str = "float64") -> MLP:
    """y = sum_k heights[k] [edges[k] <= x < edges[k+1]]: pulses side by side.

    Neighbours share the unit at the edge between them: N pulses need N + 1 hidden units, not 2 N.
    Left of all of them y is 0, right of them 0 to rounding.

    Parameters
    ----------
    edges : array-like, (N + 1,)
        Increasing.
    heights : array-like, (N,)
        The output between two edges.
    dtype : str
        "float32" or "float64".

    Returns
    -------
    MLP
        Layers [1, N + 1, 1] with identity output.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit, is not finite, or the edges do not increase (in dtype).
    """
    t = _validate.finite(_validate.array(edges, "edges").reshape(-1), "edges", dtype)
    h = _validate.finite(_validate.array(heights, "heights").reshape(-1), "heights", "float64")
    if t.size < 2 or h.size != t.size - 1:
        raise ValueError(f"edges, heights: {t.size} and {h.size}; expected N + 1 and N, N >= 1")
    flat = np.flatnonzero(~(np.diff(t) > 0))
    if flat.size:
        at = int(flat[0])
        raise ValueError(f"edges: {t[at]} before {t[at + 1]}; expected increasing numbers")
    hidden = np.stack([np.ones(t.size), -t.astype(np.float64)], axis=1)
    steps = np.diff(h, prepend=0.0, append=0.0)  # what the sum changes by at each edge
    return network([hidden, np.append(steps, 0.0)[None, :]], "identity", dtype)
