# SPDX-License-Identifier: BSD-3-Clause
"""Every claim of the table in docs/activations.md, measured on what the native core computes."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from example import load, pictures, run

import deltarule as dr
from deltarule.architecture import ACTIVATIONS
from deltarule.construct import collapse

example = load("activations")
PAGE = Path(__file__).parents[1] / "docs" / "activations.md"

NET = np.linspace(-12, 12, 2001)  # holds 0
SCALAR = [a for a in example.TABLE if a.name != "softmax"]
NAMES = {"ids": lambda a: a.name}


def values(name: str, net: np.ndarray = NET) -> np.ndarray:
    """o of one unit; of softmax the first of three, the others at net 0."""
    if name == "softmax":
        net = np.stack([net, 0 * net, 0 * net], 1)
        return example.layer(name, net)[:, 0]
    return example.layer(name, net[:, None])[:, 0]


def slopes(name: str, net: np.ndarray, h: float = 1e-5) -> tuple[np.ndarray, np.ndarray]:
    """One-sided difference quotients, to the left and to the right."""
    here = values(name, net)
    return (here - values(name, net - h)) / h, (values(name, net + h) - here) / h


def test_every_activation_is_in_a_table() -> None:
    """The notes' six here, the others in the reference."""
    page = (PAGE.parent / "reference" / "activations.md").read_text(encoding="utf-8")
    others = [re.match(r"\| `(\w+)", line) for line in page.splitlines()]
    found = {a.name for a in example.TABLE}
    found |= {row[1] for row in others if row and not row[1].startswith("test_")}
    assert found == set(ACTIVATIONS)


def test_page_holds_the_table_as_it_is_made_now() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert example.as_markdown() in page
    assert example.with_table(page) == page, "run examples/activations.py --page"


@pytest.mark.parametrize("a", example.TABLE, **NAMES)
def test_value_and_derivative_are_the_formulas(a: Any) -> None:
    rng = np.random.default_rng(0)
    for net in rng.normal(scale=3, size=(20, 3)):
        o = eval(a.value, vars(np), {"net": net})
        np.testing.assert_allclose(example.layer(a.name, net[None])[0], o, rtol=1e-13, atol=1e-300)
        f_prime = eval(a.derivative, vars(np), {"o": o})
        jacobian = f_prime if a.name == "softmax" else np.diag(f_prime)
        h = 1e-6
        ends = example.layer(a.name, np.concatenate([net + h * np.eye(3), net - h * np.eye(3)]))
        quotient = (ends[:3] - ends[3:]).T / (2 * h)
        np.testing.assert_allclose(jacobian, quotient, atol=1e-8)
        if a.name == "threshold":
            continue
        # what the core sends back: delta = J^T u, one unit of u at a time
        mlp = dr.MLP([3, 3], output=a.name, dtype="float64")
        mlp.W = [np.hstack([np.eye(3), np.zeros((3, 1))])]
        trace = mlp.forward(np.tile(net, (3, 1)))
        delta = mlp.backward(trace, trace.y_hat + np.eye(3)).delta[1]
        np.testing.assert_allclose(delta, jacobian, atol=1e-12)


@pytest.mark.parametrize("a", example.TABLE, **NAMES)
def test_range(a: Any) -> None:
    o = values(a.name)
    if a.ends == "{}":
        assert set(o) == {a.low, a.high}
        return
    assert np.all(o >= a.low if a.ends[0] == "[" else o > a.low)
    assert np.all(o <= a.high if a.ends[1] == "]" else o < a.high)
    if a.ends[0] == "[":
        assert o.min() == a.low, "attained"
    # every value between is reached: the ends are approached, and there is no gap
    far = values(a.name, np.array([-1e4, 1e4]))
    assert far[0] == a.low if np.isfinite(a.low) else far[0] == -1e4
    assert far[1] == a.high if np.isfinite(a.high) else far[1] == 1e4
    assert np.abs(np.diff(o)).max() <= 1.001 * (NET[1] - NET[0]), "no jump"


@pytest.mark.parametrize("a", example.TABLE, **NAMES)
def test_where_it_saturates(a: Any) -> None:
    """Saturation: f' is 0, or nears it, so that no gradient comes through."""
    away = NET[np.abs(NET) > 0.01]  # from the kink or jump at 0
    slope = slopes(a.name, away)[1]
    flat = {
        "everywhere": np.ones_like(away, bool),
        "nowhere": np.zeros_like(away, bool),
        "below 0": away < 0,
        "at both ends": np.abs(away) > 11.5,
    }[a.flat]
    small = np.abs(slope) < 1e-4
    assert np.all(small[flat])
    middle = np.abs(away) < 2
    assert not np.any(small[middle & ~flat])
    # the notes' definition: it does not saturate if it grows without bound on one side
    unbounded = a.high == np.inf or a.low == -np.inf
    assert unbounded == (a.flat in ("nowhere", "below 0"))


@pytest.mark.parametrize("a", example.TABLE, **NAMES)
def test_zero_centred_means_odd(a: Any) -> None:
    """Mean output of symmetric input: 0 where f(-net) = -f(net)."""
    mean = example.mean_output(a.name)
    net = NET[NET != 0]
    odd = np.allclose(values(a.name, -net), -values(a.name, net), atol=1e-12)
    assert odd == (abs(mean) < 1e-12)
    expected = {"relu": 1 / np.sqrt(2 * np.pi), "softmax": 1 / 3, "threshold": 0.5, "logistic": 0.5}
    assert mean == pytest.approx(expected.get(a.name, 0.0), abs=1e-4)


@pytest.mark.parametrize("a", example.TABLE, **NAMES)
def test_identity_near_0(a: Any) -> None:
    net = np.array([-1e-4, -1e-5, 1e-5, 1e-4])
    near = np.allclose(values(a.name, net), net, rtol=1e-6, atol=0)
    assert near == a.identity_near_0


@pytest.mark.parametrize("a", example.TABLE, **NAMES)
def test_monotone(a: Any) -> None:
    assert np.all(np.diff(values(a.name)) >= 0) == a.monotone


@pytest.mark.parametrize("a", example.TABLE, **NAMES)
def test_differentiable(a: Any) -> None:
    """The quotients to the left and to the right agree, at 0 as well."""
    left, right = slopes(a.name, NET[900:1101])
    assert bool(np.allclose(left, right, atol=1e-4)) == a.differentiable


@pytest.mark.parametrize("a", example.TABLE, **NAMES)
def test_non_linearity(a: Any) -> None:
    """Layers of all but one activation are no linear map; layers of the identity are."""
    defect = example.additivity_defect(example.deep(a.name))
    assert defect < 1e-13 if a.name == "identity" else defect > 1e-3


def test_layers_without_non_linearity_are_one() -> None:
    deep = example.deep("identity")
    one = collapse(deep)
    assert one.layers == (3, 2)
    X = np.random.default_rng(0).normal(size=(50, 3))
    np.testing.assert_allclose(one.predict(X), deep.predict(X), rtol=0, atol=1e-14)


def test_the_notes_four_linear_units_are_a_line() -> None:
    """y = sum_i v_i (w_i x + b_i) = (sum_i v_i w_i) x + sum_i v_i b_i."""
    w, b, v = np.random.default_rng(0).normal(size=(3, 4))
    mlp = dr.MLP([1, 4, 1], "identity", dtype="float64")
    mlp.W = [np.stack([w, b], 1), np.append(v, 0.0)[None, :]]
    np.testing.assert_allclose(collapse(mlp).w, [v @ w, v @ b], rtol=1e-14)


def test_largest_slopes() -> None:
    assert run("activations")[0]["slope"] == pytest.approx(
        {"threshold": 0, "identity": 1, "logistic": 0.25, "tanh": 1, "relu": 1, "softmax": 0.25},
        abs=1e-6,
    )


def test_example_saves_its_picture() -> None:
    pytest.importorskip("matplotlib")
    assert 1000 < pictures("activations")["activations_all.png"] < 150_000
