# SPDX-License-Identifier: BSD-3-Clause
"""A simple polygon, convex or not, as convex pieces: ears are cut off, then joined while convex.

Polygons are arrays of corners, (n, 2), counter-clockwise.
"""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np

from deltarule.results import Array


def simple(vertices: Array, name: str) -> Array:
    """Return the corners counter-clockwise, without those on a straight edge.

    Parameters
    ----------
    vertices : array, (n, 2)
        Either way round.
    name : str
        The argument's name, for messages.

    Returns
    -------
    array, (m, 2)

    Raises
    ------
    ValueError
        If edges cross or touch, or no area is left.
    """
    v = _without_flat(vertices)
    n = len(v)
    if n < 3:
        raise ValueError(f"{name}: all on one line; expected at least 3 corners")
    for i, j in combinations(range(n), 2):
        if j - i in (1, n - 1):
            continue
        if _meet(v[i], v[(i + 1) % n], v[j], v[(j + 1) % n]):
            raise ValueError(
                f"{name}: the edges from {v[i].tolist()} and {v[j].tolist()} meet; expected a "
                "polygon whose edges do not cross"
            )
    here = v - v[0]  # seen from far away the products would cancel, and with them their sum's sign
    following = np.roll(here, -1, axis=0)
    area = np.sum(here[:, 0] * following[:, 1] - here[:, 1] * following[:, 0])
    return v if area > 0 else v[::-1]


def convex_pieces(v: Array) -> list[Array]:
    """Return convex polygons that together are this one and share no inner point.

    Parameters
    ----------
    v : array, (n, 2)
        As `simple` returns it.

    Returns
    -------
    list of array
        One piece, v itself, if v is convex; none if turns cannot be told from rounding.
    """
    if _convex(v):
        return [v]
    pieces = _triangles(v)
    while (joined := _join_two(pieces)) is not None:
        pieces = joined
    pieces = [_without_flat(piece) for piece in pieces]
    return pieces if all(map(len, pieces)) else []


def _triangles(v: Array) -> list[Array]:
    """Cut ears off: corners whose triangle holds no other corner; [] if rounding hides them all."""
    triangles = []
    while len(v) > 3:
        ear = next((k for k in range(len(v)) if _is_ear(v, k)), None)
        if ear is None:
            return []
        triangles.append(_corner(v, ear))
        v = _without_flat(np.delete(v, ear, axis=0))
    return [*triangles, v] if len(v) == 3 else []


def _is_ear(v: Array, k: int) -> bool:
    a, b, c = _corner(v, k)
    if _turn(a, b, c) <= 0:
        return False
    x, y = np.delete(v, [k - 1 if k else len(v) - 1, k, (k + 1) % len(v)], axis=0).T
    inside = np.ones(len(x), bool)
    for p, q in ((a, b), (b, c), (c, a)):
        inside &= (q[0] - p[0]) * (y - q[1]) - (q[1] - p[1]) * (x - q[0]) >= 0
    return not inside.any()


def _join_two(pieces: list[Array]) -> list[Array] | None:
    """Join the first two pieces that share an edge and are convex together."""
    # An edge belongs to one piece: whose it is, by its ends in order.
    owner = {edge: k for k, piece in enumerate(pieces) for edge in _directed(piece)}
    for i, piece in enumerate(pieces):
        beside = {owner.get((q, p), -1) for p, q in _directed(piece)}
        for j in sorted(k for k in beside if k > i):
            whole = _joined(piece, pieces[j])
            if whole is not None and _convex(whole):
                return [p for k, p in enumerate(pieces) if k not in (i, j)] + [whole]
    return None


def _directed(v: Array) -> list[tuple[tuple[float, ...], tuple[float, ...]]]:
    corners = [tuple(p) for p in v.tolist()]
    return list(pairwise([*corners, corners[0]]))


def _joined(a: Array, b: Array) -> Array | None:
    for i in range(len(a)):
        for j in range(len(b)):
            # The edge a[i-1] -> a[i] runs the other way in b: b[j-1] -> b[j].
            if (a[i] == b[j - 1]).all() and (a[i - 1] == b[j]).all():
                return np.vstack([np.roll(a, -i, axis=0), np.roll(b, -j, axis=0)[1:-1]])
    return None


def _without_flat(v: Array) -> Array:
    """Drop corners that turn nowhere, one at a time: repeated ones keep one of them."""
    k = 0
    while k < len(v):
        if _turn(*_corner(v, k)) == 0:
            v, k = np.delete(v, k, axis=0), 0
        else:
            k += 1
    return v


def _convex(v: Array) -> bool:
    return all(_turn(*_corner(v, k)) >= 0 for k in range(len(v)))


def _corner(v: Array, k: int) -> Array:
    return v[[k - 1, k, (k + 1) % len(v)]]


def _turn(a: Array, b: Array, c: Array) -> float:
    """Twice the triangle's area: > 0 for a turn to the left."""
    return float((b[0] - a[0]) * (c[1] - b[1]) - (b[1] - a[1]) * (c[0] - b[0]))


def _meet(a: Array, b: Array, c: Array, d: Array) -> bool:
    """Do the segments ab and cd share a point?"""
    sides = [_turn(a, b, c), _turn(a, b, d), _turn(c, d, a), _turn(c, d, b)]
    if sides[0] * sides[1] < 0 and sides[2] * sides[3] < 0:
        return True
    ends = [(a, b, c), (a, b, d), (c, d, a), (c, d, b)]
    return any(
        side == 0 and (np.minimum(p, q) <= r).all() and (r <= np.maximum(p, q)).all()
        for side, (p, q, r) in zip(sides, ends, strict=True)
    )
