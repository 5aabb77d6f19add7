# SPDX-License-Identifier: BSD-3-Clause
"""The three regimes of gradient descent and the stopping rule, as docs/gradient_descent.md says."""

from typing import Any

import numpy as np
import pytest
from example import load, pictures, run

import deltarule as dr

example = load("gradient_descent")


@pytest.fixture(scope="module")
def numbers() -> dict[str, Any]:
    pytest.importorskip("matplotlib")
    return {**run("gradient_descent")[0], "pictures": pictures("gradient_descent")}


def test_updates_of_an_epoch(numbers: dict[str, Any]) -> None:
    updates = {name: len(path) - 1 for name, path in numbers["paths"].items()}
    assert updates == {"full batch": 300, "mini-batch, 20 rows": 3000, "stochastic": 60_000}


def test_first_update_of_each_regime_is_its_gradient(numbers: dict[str, Any]) -> None:
    """w - eta * the gradient of all, twenty, one sample: by hand, from the residuals."""
    X, Y = example.data()
    order = np.random.default_rng(1).permutation(len(X))
    w = np.array(example.START)
    for name, size in (("full batch", len(X)), ("mini-batch, 20 rows", 20), ("stochastic", 1)):
        rows = order[:size]
        A = np.hstack([X[rows], np.ones((size, 1))])
        expected = w - example.ETA * A.T @ (A @ w - Y[rows]) / size
        np.testing.assert_allclose(numbers["paths"][name][1], expected, rtol=1e-12)


def test_full_batch_falls_in_every_epoch(numbers: dict[str, Any]) -> None:
    gaps = numbers["gaps"]
    assert np.all(np.diff(gaps["full batch"]) < 0)
    assert np.any(np.diff(gaps["stochastic"]) > 0)
    assert gaps["full batch"][-1] < 1e-5
    ratio = gaps["full batch"][1:] / gaps["full batch"][:-1]
    np.testing.assert_allclose(ratio[100:], numbers["rate"], atol=1e-3)
    # the rate of the theory: (1 - eta * the smallest eigenvalue of the second derivative)^2
    X, _ = example.data()
    A = np.hstack([X, np.ones((len(X), 1))])
    least = np.linalg.eigvalsh(A.T @ A / len(X))[0]
    assert numbers["rate"] == pytest.approx((1 - example.ETA * least) ** 2, abs=1e-6)


def test_more_updates_are_faster_at_first_and_noisier_at_last(numbers: dict[str, Any]) -> None:
    gaps, floor = numbers["gaps"], numbers["floor"]
    assert gaps["stochastic"][1] < gaps["mini-batch, 20 rows"][1] < gaps["full batch"][1]
    assert gaps["stochastic"][1] < gaps["full batch"][100]
    assert floor["stochastic"] > 50 * floor["mini-batch, 20 rows"]
    assert 5 < floor["stochastic"] / floor["stochastic, eta / 10"] < 40


def test_numbers_of_the_page(numbers: dict[str, Any]) -> None:
    gaps, floor = numbers["gaps"], numbers["floor"]
    shown = {
        "full batch": (5.4, 2.3, 1.2e-4),
        "mini-batch, 20 rows": (2.3, 0.044, 1.6e-4),
        "stochastic": (0.0058, 0.0053, 0.012),
    }
    for name, (one, ten, last) in shown.items():
        assert (gaps[name][1], gaps[name][10], floor[name]) == pytest.approx(
            (one, ten, last), rel=0.05
        )
    assert floor["stochastic, eta / 10"] == pytest.approx(6e-4, rel=0.1)


def test_stops_where_the_change_is_small_not_the_gap(numbers: dict[str, Any]) -> None:
    r = numbers["rate"]
    assert [epochs for epochs, _ in numbers["stops"].values()] == [117, 222, 328]
    for tolerance, (_, gap) in numbers["stops"].items():
        assert r**2 * tolerance * r / (1 - r) < gap <= tolerance * r**2 / (1 - r) * 1.01
    assert r == pytest.approx(0.957, abs=6e-4)
    assert r**2 / (1 - r) == pytest.approx(21, abs=0.5)
    gaps = [gap for _, gap in numbers["stops"].values()]
    assert gaps == pytest.approx([2.1e-2, 2.1e-4, 2.1e-6], rel=0.025)


def test_stochastic_losses_agree_by_chance(numbers: dict[str, Any]) -> None:
    noisy = numbers["noisy"]
    assert noisy[1e-5][0] == 5
    assert noisy[1e-5][1] > 10 * numbers["stops"][1e-5][1]
    assert noisy[1e-7][0] == 10_000
    assert noisy[1e-3] == noisy[1e-5] == pytest.approx((5, 2.7e-3), rel=0.02)
    assert noisy[1e-7][1] == pytest.approx(3.9e-2, rel=0.02)


def test_picture(numbers: dict[str, Any]) -> None:
    assert 1000 < numbers["pictures"]["gradient_descent_regimes.png"] < 150_000


def test_a_batch_of_all_rows_is_a_batch_of_none() -> None:
    X, Y = example.data()
    one, other = example.start(), example.start()
    one.fit(X, Y, dr.SGD(eta=0.05), batch_size=None, epochs=3, shuffle=False)
    other.fit(X, Y, dr.SGD(eta=0.05), batch_size=len(X), epochs=3, shuffle=False)
    np.testing.assert_array_equal(one.w, other.w)
