# SPDX-License-Identifier: BSD-3-Clause
"""Pulses, what they add up to, with its error; and linear layers that are one layer."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tolerances import assert_within, gamma

import deltarule as dr
from deltarule import construct
from deltarule.construct import sampling


def test_pulse_has_three_units(isa: str, dtype: str) -> None:
    mlp = construct.pulse(0.25, 0.75, dtype=dtype)
    assert mlp.layers == (1, 2, 1)
    assert mlp.architecture.activations == ("threshold", "identity")
    below = [np.nextafter(np.dtype(dtype).type(t), -np.inf) for t in (0.25, 0.75)]
    x = np.array([-9.0, below[0], 0.25, 0.5, below[1], 0.75, 9.0], dtype)[:, None]
    np.testing.assert_array_equal(mlp.predict(x)[:, 0], [0, 0, 1, 1, 1, 0, 0])


@given(st.lists(st.integers(-50, 50), min_size=2, max_size=12, unique=True).map(sorted), st.data())
def test_pulses_side_by_side(edges: list[int], data: st.DataObject) -> None:
    n = len(edges) - 1
    heights = data.draw(st.lists(st.integers(-9, 9), min_size=n, max_size=n))
    mlp = construct.pulses(edges, heights)
    assert mlp.layers == (1, n + 1, 1)
    x = np.arange(-60, 61) / 1.0
    expected = np.zeros(x.size)
    for low, high, height in zip(edges, edges[1:], heights, strict=False):
        alone = construct.pulse(low, high, height).predict(x[:, None])[:, 0]
        np.testing.assert_array_equal(alone, height * ((x >= low) & (x < high)))
        expected += alone
    np.testing.assert_array_equal(mlp.predict(x[:, None])[:, 0], expected)


def test_error_falls_as_one_over_units() -> None:
    """max |f - y| = max |f'| h / 2 for small h: twice the pulses, half the error."""
    counts = np.array([16, 32, 64, 128, 256, 512])
    found = [construct.approximate(np.sin, (0.0, 2 * np.pi), int(n)) for n in counts]
    errors = np.array([a.error for a in found])
    slope = np.polyfit(np.log([a.n_units for a in found]), np.log(errors), 1)[0]
    assert slope == pytest.approx(-1, abs=0.05)
    np.testing.assert_allclose(errors[2:], np.pi / counts[2:], rtol=0.01)
    assert [a.n_units for a in found] == (counts + 2).tolist()


def test_error_falls_as_one_over_width_in_two_dimensions() -> None:
    def f(x: Any, y: Any) -> Any:
        return np.sin(x) * np.cos(y)

    found = [construct.approximate(f, [(0, 3), (0, 3)], n) for n in (6, 12, 24, 48)]
    errors, units = [a.error for a in found], [a.n_units for a in found]
    assert [a.mlp.layers for a in found[:2]] == [(2, 14, 36, 1), (2, 26, 144, 1)]
    assert np.polyfit(np.log(units), np.log(errors), 1)[0] == pytest.approx(-0.5, abs=0.05)


def test_boxes_of_three_dimensions() -> None:
    found = construct.approximate(lambda x, y, z: x + 2 * y - z, [(0, 1)] * 3, 8)
    assert found.mlp.layers == (3, 27, 512, 1)
    assert found.error == pytest.approx((1 + 2 + 1) / 16)  # half a cell along each coordinate


@pytest.mark.parametrize(
    ("f", "interval"),
    [
        (np.sin, (0, 7)),
        (np.sqrt, (0, 1)),
        (np.exp, (-3, 3)),
        (lambda x: np.where(x < 0.3, 0.0, 1.0), (0, 1)),
        (lambda x: np.floor(5 * x) * x, (-1, 1)),
        (lambda x: 0 * x + 3, (2, 4)),
    ],
    ids=["sin", "sqrt", "exp", "step", "saw", "constant"],
)
@pytest.mark.parametrize("tolerance", [0.5, 0.02, 0.002])
def test_to_a_tolerance(
    f: Any, interval: tuple[float, float], tolerance: float, dtype: str
) -> None:
    found = construct.approximate(f, interval, tolerance=tolerance, dtype=dtype)
    assert found.error <= tolerance
    # Again, at points of our own.
    x = np.random.default_rng(0).uniform(*interval, 5000).astype(dtype)
    y = found.mlp.predict(x[:, None])[:, 0]
    assert np.abs(f(x.astype(float)) - y).max() <= tolerance
    # f moves by twice the tolerance in each pulse: no more of them than its total variation holds.
    variation = np.abs(np.diff(f(np.linspace(*interval, 10_001)))).sum()
    assert found.n_pulses <= 1.02 * np.ceil(variation / (2 * tolerance)) + 1


def test_a_small_tolerance_takes_fewer_samples_and_a_few_more_pulses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fine = construct.approximate(np.sin, (0, 7), tolerance=0.01)
    monkeypatch.setattr(sampling, "MOST", 2**14)  # too few for 1/64 of the tolerance
    found = construct.approximate(np.sin, (0, 7), tolerance=0.01)
    assert found.error <= 0.01
    assert fine.n_pulses < found.n_pulses <= 1.08 * fine.n_pulses


def test_steps_are_halved_only_where_the_function_moves_by_more() -> None:
    step = 2.0**-12
    for slack, first in ((step, 2**12), (0.75 * step, 2**13), (0.375 * step, 2**14)):
        found = sampling.samples(lambda x: x, 0.0, 1.0, slack)
        assert found is not None
        np.testing.assert_array_equal(found[0], np.linspace(0, 1, first + 1))
        np.testing.assert_array_equal(found[1], found[0])


@pytest.mark.parametrize("place", [1 / 3, np.nextafter(1 / 3, 1)])
def test_a_jump_is_halved_down_to_neighbouring_numbers(
    place: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between them no number lies: their middle is rounded to the lower or the upper one."""
    monkeypatch.setattr(sampling, "MOST", 2**13)
    found = sampling.samples(lambda x: np.where(x < place, 0.0, 1.0), 0.0, 1.0, 0.5)
    assert found is not None
    at = int(np.searchsorted(found[0], place))
    assert found[0][at - 1 : at + 1].tolist() == [np.nextafter(place, 0), place]


def test_to_a_tolerance_in_a_box() -> None:
    found = construct.approximate(lambda x, y: x * y, [(0, 1), (-1, 1)], tolerance=0.1)
    assert found.error <= 0.1
    smaller = construct.approximate(lambda x, y: x * y, [(0, 1), (-1, 1)], 10)
    assert smaller.error > 0.1
    assert found.n_pulses < 20**2


def test_zero_outside_and_right_end_included(dtype: str) -> None:
    found = construct.approximate(lambda x: x + 5, (1, 2), 10, dtype=dtype)
    y = found.mlp.predict([[np.nextafter(np.float32(1), np.float32(0))], [1], [2], [2.001]])[:, 0]
    assert y[0] == 0
    assert abs(y[3]) <= gamma(12, dtype) * 4 * 7  # the steps up and down again, rounded
    assert y[1] == pytest.approx(6.05)
    assert y[2] == pytest.approx(6.95)


@pytest.mark.parametrize("layers", [[5, 3], [5, 7, 3], [4, 9, 1, 6], [300, 600, 2, 300, 4]])
@pytest.mark.parametrize("output", ["identity", "logistic", "softmax", "threshold"])
def test_collapse_equals_the_layers_to_rounding(layers: list[int], output: str, dtype: str) -> None:
    rng = np.random.default_rng(1)
    mlp = dr.MLP(layers, "identity", output, dtype=dtype, seed=0, l2=0.5, reduction="sum",
                 input_shift=rng.normal(size=layers[0]), input_scale=2.0)  # fmt: skip
    mlp.w = mlp.w + rng.normal(size=mlp.n_weights) * 0.1  # biases too
    one = construct.collapse(mlp)
    assert one.layers == (layers[0], layers[-1])
    assert one.architecture.activations == (output,)
    assert (one.architecture.loss, one.architecture.reduction) == (mlp.architecture.loss, "sum")
    X = rng.normal(size=(20, layers[0]))
    deep, flat = mlp.forward(X), one.forward(X)
    # Every net of either is off by at most gamma times the same sums over magnitudes.
    magnitude = np.abs(deep.o[0].astype(float))
    for W in mlp.W:
        magnitude = magnitude @ np.abs(W[:, :-1].astype(float)).T + np.abs(W[:, -1])
    roundings = sum(layers[:-1]) + 3 * len(layers)
    bound = 2 * gamma(roundings, dtype) * magnitude
    assert_within(flat.net[-1], deep.net[-1], bound)
    if output in ("identity", "logistic"):  # slope at most 1; logistic itself within 2 ulp
        assert_within(one.predict(X), mlp.predict(X), bound + 4 * np.finfo(dtype).eps)


def test_collapse_is_the_product_of_the_matrices() -> None:
    mlp = dr.MLP([2, 3, 1], "identity", seed=0, dtype="float64")
    mlp.W = [[[1, 2, 3], [0, 1, 0], [-1, 0, 2]], [[1, -1, 2, 5]]]
    np.testing.assert_array_equal(construct.collapse(mlp).W[0], [[-1, 1, 12]])


def test_collapse_drops_the_penalties_on_weights_that_are_gone() -> None:
    mlp = dr.MLP([2, 3, 1], "identity", l1=0.25, l2=0.5, seed=0, dtype="float64")
    one = construct.collapse(mlp)
    assert (one.architecture.l1, one.architecture.l2) == (0, 0)
    X, Y = [[1.0, -2.0]], [[0.5]]
    plain = dr.MLP([2, 3, 1], "identity", seed=0, dtype="float64")
    assert one.loss(X, Y) == pytest.approx(plain.loss(X, Y), rel=1e-12)


def test_a_product_that_overflows_is_refused_without_a_warning() -> None:
    mlp = dr.MLP([1, 1, 1, 1], "identity", seed=0, dtype="float64")
    mlp.w = [1e200, 0, 1e200, 0, 1e-300, 0]
    with pytest.raises(ValueError, match="are nan or infinity"):
        construct.collapse(mlp)


def test_collapse_refuses_a_non_linear_layer() -> None:
    mlp = dr.MLP([3, 4, 4, 2], ["identity", "relu"], seed=0)
    with pytest.raises(ValueError, match="mlp: hidden layer 2 is 'relu'; expected 'identity'"):
        construct.collapse(mlp)
    with pytest.raises(TypeError, match="mlp: int; expected an MLP"):
        construct.collapse(3)  # type: ignore[arg-type]


def sine(x: Any) -> Any:
    return np.sin(x)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda c: c.pulse(1, 1), ValueError, "edges: 1.0 before 1.0"),
        (lambda c: c.pulse(1, np.inf), ValueError, "t2: inf"),
        (lambda c: c.pulse("0", 1), TypeError, "t1: '0'"),
        (lambda c: c.pulse(1, 1 + 1e-12, dtype="float32"), ValueError, "edges: 1.0 before 1.0"),
        (lambda c: c.pulses([0, 1], [1, 2]), ValueError, "edges, heights: 2 and 2"),
        (lambda c: c.pulses([0, 1], [np.nan]), ValueError, "heights: row 0 holds nan"),
        (lambda c: c.approximate(3, (0, 1), 4), TypeError, "f: int"),
        (lambda c: c.approximate(sine, (0, 1)), ValueError, "n_pulses, tolerance: neither given"),
        (lambda c: c.approximate(math.sin, (0, 1), 4), TypeError, "f: "),
        (lambda c: c.approximate(lambda x: 0 if x < 1 else 1, (0, 1), 4), ValueError, "f: "),
        (lambda c: c.approximate(sine, (0, 1), 4, 0.1), ValueError, "n_pulses, tolerance: both"),
        (lambda c: c.approximate(sine, (1, 0), 4), ValueError, "interval: [1.0, 0.0]"),
        (lambda c: c.approximate(sine, (0, 1, 2), 4), ValueError, "interval: [0.0, 1.0, 2.0]"),
        (lambda c: c.approximate(sine, (0, 1), 0), ValueError, "n_pulses: 0"),
        (lambda c: c.approximate(sine, (0, 1), 2**16 + 1), ValueError, "n_pulses: 65537"),
        (lambda c: c.approximate(sine, (0, 1), tolerance=0), ValueError, "tolerance: 0"),
        (lambda c: c.approximate(sine, (0, 1), tolerance=1e-7), ValueError, "f: needs more than"),
        (lambda c: c.approximate(lambda x: 1.0, (0, 1), 4), ValueError, "f: returned shape ()"),
        (lambda c: c.approximate(lambda x: x / 0, (0, 1), 4), ValueError, "f: row 0 holds nan"),
        (
            lambda c: c.approximate(lambda x, y: x * y, [(0, 1)] * 2, tolerance=1e-4),
            ValueError,
            "tolerance: 0.0001; expected one that 65536 pulses reach",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_bad_arguments(call: Any, error: type, message: str) -> None:
    with pytest.raises(error) as caught:
        call(construct)
    assert str(caught.value).startswith(message)
