# SPDX-License-Identifier: BSD-3-Clause
"""Networks from regions against geometry without a network: exact on integer corners and points."""

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import deltarule as dr
from deltarule import construct
from deltarule.construct.decompose import _without_flat, convex_pieces, simple

PENTAGON = [(0, 3), (4, 0), (8, 3), (6, 7), (2, 7)]
STAR = [(0, 10), (2, 3), (9, 3), (4, -1), (6, -8), (0, -4), (-6, -8), (-4, -1), (-9, 3), (-2, 3)]
COMB = [(0, 0), (9, 0), (9, 6), (7, 6), (7, 2), (5, 2), (5, 6), (3, 6), (3, 2), (1, 2), (1, 6),
        (0, 6)]  # fmt: skip


def fires(mlp: dr.MLP, points: np.ndarray) -> np.ndarray:
    return mlp.predict(points)[:, 0] == 1


def crossings(vertices: Any, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Inside by the even-odd rule, and on the edge: integer arithmetic, nothing is rounded."""
    v = np.array(vertices, np.int64)
    x, y = points.T
    inside, edge = np.zeros(len(points), bool), np.zeros(len(points), bool)
    for (ax, ay), (bx, by) in zip(v, np.roll(v, -1, axis=0), strict=True):
        turn = (bx - ax) * (y - ay) - (by - ay) * (x - ax)
        between = (np.minimum(ax, bx) <= x) & (x <= np.maximum(ax, bx))
        between &= (np.minimum(ay, by) <= y) & (y <= np.maximum(ay, by))
        edge |= (turn == 0) & between
        up = (ay <= y) & (y < by)
        down = (by <= y) & (y < ay)
        inside ^= (up & (turn > 0)) | (down & (turn < 0))
    return inside, edge


def lattice(low: int, high: int) -> np.ndarray:
    side = np.arange(low, high + 1)
    return np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)


def assert_is(mlp: dr.MLP, several: list[Any], points: np.ndarray) -> None:
    """Fires inside any polygon, is silent outside all; on an edge a union may do either."""
    found = [crossings(vertices, points) for vertices in several]
    within = np.any([inside & ~edge for inside, edge in found], axis=0)
    touched = np.any([edge for _, edge in found], axis=0)
    result = fires(mlp, points)
    np.testing.assert_array_equal(result[within], True)
    np.testing.assert_array_equal(result[~within & ~touched], False)


def test_pentagon(isa: str, dtype: str) -> None:
    mlp = construct.polygon(PENTAGON, dtype)
    assert mlp.layers == (2, 5, 1)
    points = lattice(-3, 11)
    inside, edge = crossings(PENTAGON, points)
    np.testing.assert_array_equal(fires(mlp, points), inside | edge)  # the edge belongs to it
    np.testing.assert_array_equal(fires(construct.polygon(PENTAGON[::-1]), points), inside | edge)


def test_two_polygons_or_ed_by_a_third_layer() -> None:
    other = [(10, 2), (14, 1), (15, 6), (11, 8), (9, 5), (9, 3)]
    mlp = construct.polygons([PENTAGON, other])
    assert mlp.layers == (2, 11, 2, 1)
    assert_is(mlp, [PENTAGON, other], lattice(-3, 18))


@st.composite
def convex(draw: st.DrawFn) -> list[tuple[int, int]]:
    """The hull of random integer points (Andrew's monotone chain)."""
    point = st.tuples(st.integers(-20, 20), st.integers(-20, 20))
    points = sorted(draw(st.sets(point, min_size=3, max_size=40)))

    def half(way: list[tuple[int, int]]) -> list[tuple[int, int]]:
        chain: list[tuple[int, int]] = []
        for p in way:
            while len(chain) > 1 and turn(chain[-2], chain[-1], p) <= 0:
                chain.pop()
            chain.append(p)
        return chain[:-1]

    hull = half(points) + half(points[::-1])
    assume(len(hull) > 2)
    return hull


def turn(a: Any, b: Any, c: Any) -> int:
    return (b[0] - a[0]) * (c[1] - b[1]) - (b[1] - a[1]) * (c[0] - b[0])


@given(convex())
def test_convex_polygons(vertices: list[tuple[int, int]]) -> None:
    mlp = construct.polygon(vertices)
    assert mlp.layers == (2, len(vertices), 1)
    points = lattice(-22, 22)
    inside, edge = crossings(vertices, points)
    np.testing.assert_array_equal(fires(mlp, points), inside | edge)


@given(st.lists(convex(), min_size=1, max_size=4))
def test_unions_of_polygons(several: list[list[tuple[int, int]]]) -> None:
    mlp = construct.polygons(several)
    assert len(mlp.layers) == 4
    assert mlp.layers[2] == len(several)
    assert_is(mlp, several, lattice(-22, 22))


@st.composite
def starlike(draw: st.DrawFn) -> list[tuple[int, int]]:
    """Corners in the order of their angles around an inner point: simple, seldom convex."""
    count = draw(st.integers(4, 14))
    radii = draw(st.lists(st.integers(30, 400), min_size=count, max_size=count))
    angles = 2 * np.pi * (np.arange(count) + 0.3) / count
    corners = np.stack([np.cos(angles), np.sin(angles)], axis=1) * np.array(radii)[:, None]
    return [(int(x), int(y)) for x, y in np.rint(corners)]


@given(starlike(), st.booleans(), st.integers(0, 2**32))
def test_other_polygons_in_convex_pieces(
    vertices: list[tuple[int, int]], backward: bool, seed: int
) -> None:
    given_order = vertices[::-1] if backward else vertices
    points = np.random.default_rng(seed).integers(-420, 421, (2000, 2))
    assert_is(construct.polygon(given_order), [vertices], points)


@pytest.mark.parametrize(("vertices", "pieces"), [(STAR, 5), (COMB, 4), (PENTAGON, 1)])
def test_pieces_cover_without_overlap(vertices: Any, pieces: int) -> None:
    v = simple(np.array(vertices, float), "vertices")
    parts = convex_pieces(v)
    assert len(parts) == pieces
    points = lattice(-12, 12)
    inner = [np.logical_and(*_strict(part, points)) for part in parts]
    assert np.sum(inner, axis=0).max() == 1
    assert_is(construct.polygon(vertices), [vertices], points)


def _strict(part: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    inside, edge = crossings(part, points)
    return inside, ~edge


def test_a_coastline_of_many_corners() -> None:
    """Two hundred corners, every other one a bay: the pieces are found without trying all pairs."""
    angles = 2 * np.pi * np.arange(200) / 200
    radii = np.where(np.arange(200) % 2, 10_000, 6_000)
    corners = np.rint(np.stack([np.cos(angles), np.sin(angles)], axis=1) * radii[:, None])
    mlp = construct.polygon(corners)
    assert mlp.layers == (2, 300, 101, 1)
    points = np.random.default_rng(0).integers(-10_000, 10_001, (2000, 2))
    assert_is(mlp, [corners.astype(int)], points)


def test_no_gap_along_a_shared_edge() -> None:
    points = np.stack([np.linspace(-5, 5, 1001), np.linspace(-5, 5, 1001)], axis=1)
    square = [(-4, -4), (4, -4), (4, 4), (-4, 4)]
    halves = [[square[0], square[1], square[2]], [square[0], square[2], square[3]]]
    mlp = construct.polygons(halves)
    assert mlp.layers == (2, 5, 2, 1)  # the diagonal is one unit
    np.testing.assert_array_equal(fires(mlp, points), np.abs(points[:, 0]) <= 4)


@pytest.mark.parametrize("vertices", [PENTAGON, STAR, COMB], ids=["pentagon", "star", "comb"])
def test_small_polygons_far_from_the_origin(vertices: Any) -> None:
    """2^20 away, 2^-10 in size: all numbers are exact, so that no point may change its side."""
    points = lattice(-12, 12)
    inside, edge = crossings(vertices, points)
    for corners in (vertices, vertices[::-1]):
        mlp = construct.polygon(np.array(corners) / 1024 + 2**20)
        result = fires(mlp, points / 1024 + 2**20)
        np.testing.assert_array_equal(result[~edge], inside[~edge])


def test_repeated_and_flat_corners_change_nothing() -> None:
    square = [(0, 0), (2, 0), (2, 0), (4, 0), (4, 4), (0, 4), (0, 2)]
    assert construct.polygon(square).layers == (2, 4, 1)


def test_half_spaces_of_any_dimension(rng: np.random.Generator) -> None:
    A, b = rng.integers(-5, 6, (5, 3)), rng.integers(0, 9, 5)
    points = rng.integers(-4, 5, (3000, 3))
    expected = (points @ A.T + b >= 0).all(axis=1)
    mlp = construct.half_planes(A, b)
    assert mlp.layers == (3, 5, 1)
    assert 100 < expected.sum() < 2900
    np.testing.assert_array_equal(fires(mlp, points), expected)


def test_the_56_units_of_the_notes(rng: np.random.Generator, dtype: str) -> None:
    """8 + 8 lines, 81 cells, every other one: floor((16 + 2)^2 / 8) = 40."""
    at = np.arange(1, 9)
    mlp = construct.checkerboard(at, at, dtype=dtype)
    assert mlp.layers == (2, 16, 40, 1)
    assert sum(mlp.layers[1:-1]) == 56
    assert sum(mlp.layers[1:]) == 57
    points = rng.uniform(0, 9, (20_000, 2)).astype(dtype)
    expected = np.floor(points).sum(axis=1) % 2 == 1
    np.testing.assert_array_equal(fires(mlp, points), expected)
    even = construct.checkerboard(at, at, "even", dtype)
    assert even.layers == (2, 16, 41, 1)
    np.testing.assert_array_equal(fires(even, points), ~expected)


@pytest.mark.parametrize("half", range(1, 13))
def test_cells_of_a_checkerboard(half: int) -> None:
    at, n = np.arange(half), 2 * half
    assert construct.checkerboard(at, at).layers == (2, n, (n + 2) ** 2 // 8, 1)


def test_parity_of_the_lines_is_the_checkerboard_too(rng: np.random.Generator) -> None:
    """16 lines and 16 counting units instead of 40 cells: the pattern is an XOR of its lines."""
    at = np.arange(1, 9)
    board, count = construct.checkerboard(at, at), construct.parity(16, "one_layer")
    mlp = dr.MLP([2, 16, 16, 1], "threshold", "threshold", dtype="float64", seed=0)
    mlp.W = [board.W[0], *count.W]
    points = rng.uniform(-1, 10, (20_000, 2))
    np.testing.assert_array_equal(fires(mlp, points), fires(board, points))


def board(x: Any, y: Any) -> Any:
    return (np.floor(x) + np.floor(y)) % 2


def wrong(mlp: dr.MLP, inside: Any, box: Any, n: int = 101) -> float:
    """Share of the box where the network is wrong, on a raster between the construction's own."""
    sides = [a + (b - a) * (np.arange(n) + 0.37) / n for a, b in box]
    points = np.stack(np.meshgrid(*sides), axis=-1).reshape(-1, 2)
    return float(np.mean(fires(mlp, points) != inside(*points.T)))


def test_one_hidden_layer_approaches_any_region() -> None:
    """The checkerboard of 56 units: with one hidden layer thousands still err, fewer with more."""
    box = ((0, 9), (0, 9))
    units, errors = [], []
    for size in (32, 64, 128):
        mlp = construct.one_hidden_layer(board, box, size, size)
        assert mlp.layers == (2, size * (size - 1), 1)
        units.append(mlp.layers[1])
        errors.append(wrong(mlp, board, box))
    slope = np.polyfit(np.log(units), np.log(errors), 1)[0]
    assert -0.9 < slope < -0.4
    assert 0.01 < errors[-1] < 0.03
    assert wrong(construct.checkerboard(np.arange(1, 9), np.arange(1, 9)), board, box) == 0


def test_one_hidden_layer_where_the_box_is_off_centre() -> None:
    def disc(x: Any, y: Any) -> Any:
        return (x - 11) ** 2 + (y + 3) ** 2 <= 1

    box = ((9, 14), (-5, -1))
    assert wrong(construct.one_hidden_layer(disc, box, 64, 128), disc, box) < 0.01


def test_half_planes_around_a_disc() -> None:
    """A convex region needs no second layer; the area missed falls as 1 / n^2."""
    box = ((-1.5, 1.5), (-1.5, 1.5))
    for n in (4, 8, 16, 32):
        angles = 2 * np.pi * np.arange(n) / n
        mlp = construct.half_planes(-np.stack([np.cos(angles), np.sin(angles)], 1), np.ones(n))
        error = wrong(mlp, lambda x, y: x**2 + y**2 <= 1, box, 701)
        assert error == pytest.approx((n * np.tan(np.pi / n) - np.pi) / 9, rel=0.05)


CROSSED = [(0, 0), (4, 4), (4, 0), (0, 4)]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda c: c.polygon(CROSSED), ValueError, "vertices: the edges from [0.0, 0.0] and [4.0"),
        (lambda c: c.polygon([(0, 0), (1, 1), (2, 2)]), ValueError, "vertices: all on one line"),
        (lambda c: c.polygon([(0, 0), (1, 1)]), ValueError, "vertices: shape (2, 2)"),
        (lambda c: c.polygon([(0, 0), (1, 1), (np.nan, 0)]), ValueError, "vertices: row 2 holds"),
        (lambda c: c.polygons([]), ValueError, "several: empty"),
        (lambda c: c.polygons("ab"), TypeError, "several: str"),
        (lambda c: c.polygons([PENTAGON, CROSSED]), ValueError, "several[1]: the edges from"),
        (lambda c: c.half_planes([[1, 0]], [1, 2]), ValueError, "A, b: shapes (1, 2) and (2,)"),
        (lambda c: c.cells([[1, 0]], [[2]]), ValueError, "sides: other values"),
        (lambda c: c.cells([[1, 0]], [[1, 1]]), ValueError, "sides: shape (1, 2)"),
        (lambda c: c.cells([1, 0], [[1]]), ValueError, "lines: shape (2,)"),
        (lambda c: c.checkerboard([2, 1], [1]), ValueError, "x_lines: "),
        (lambda c: c.checkerboard([1], [1], "all"), ValueError, "fires: 'all'"),
        (lambda c: c.one_hidden_layer(1, ((0, 1), (0, 1)), 4, 4), TypeError, "inside: int"),
        (lambda c: c.one_hidden_layer(board, ((0, 1), (1, 1)), 4, 4), ValueError, "box: "),
        (lambda c: c.one_hidden_layer(board, ((0, 1), (0, 1)), 0, 4), ValueError, "directions: 0"),
        (lambda c: c.one_hidden_layer(board, ((0, 1), (0, 1)), 4, 1), ValueError, "steps: 1"),
        (
            lambda c: c.one_hidden_layer(lambda x, y: x, ((0, 1), (0, 1)), 4, 4),
            ValueError,
            "inside: ",
        ),
    ],
)
def test_bad_arguments(call: Any, error: type, message: str) -> None:
    with pytest.raises(error) as caught:
        call(construct)
    assert str(caught.value).startswith(message)


def test_a_first_corner_that_turns_nowhere_is_dropped() -> None:
    square = np.array([[1.0, 0.0], [2.0, 0.0], [2.0, 2.0], [0.0, 2.0], [0.0, 0.0]])
    np.testing.assert_array_equal(_without_flat(square), square[1:])
