# SPDX-License-Identifier: BSD-3-Clause
"""Digits with and without a hidden layer, as docs/digits.md says."""

from typing import Any

import numpy as np
import pytest
from example import load, pictures, run

example = load("digits")


@pytest.fixture(scope="module")
def numbers() -> dict[str, Any]:
    pytest.importorskip("matplotlib")
    return {**run("digits")[0], "pictures": pictures("digits")}


def test_hidden_layer_is_better(numbers: dict[str, Any]) -> None:
    accuracy = numbers["accuracy"]
    errors = {key: 1 - test for key, (_, test) in accuracy.items()}
    assert errors["0 or 1", "[64, 1]"] == errors["0 or 1", "[64, 32, 1]"] == 0
    assert errors["even or odd", "[64, 32, 1]"] < 0.3 * errors["even or odd", "[64, 1]"]
    assert errors["which digit", "[64, 32, 10]"] < 0.4 * errors["which digit", "[64, 10]"]


def test_numbers_of_the_page(numbers: dict[str, Any]) -> None:
    shown = {
        ("even or odd", "[64, 1]"): (0.925, 0.901),
        ("even or odd", "[64, 32, 1]"): (0.998, 0.975),
        ("which digit", "[64, 10]"): (0.990, 0.973),
        ("which digit", "[64, 32, 10]"): (1.000, 0.992),
    }
    for key, expected in shown.items():
        assert numbers["accuracy"][key] == pytest.approx(expected, abs=6e-4)


def test_one_unit_at_its_best(numbers: dict[str, Any]) -> None:
    train, test, gradient = numbers["best"]
    assert gradient < 1e-3
    assert (train, test) == pytest.approx((0.935, 0.903), abs=6e-4)
    hidden = numbers["accuracy"]["even or odd", "[64, 32, 1]"]
    assert hidden[0] > train + 0.05
    assert hidden[1] > test + 0.05


def test_units_share_digits(numbers: dict[str, Any]) -> None:
    assert numbers["n_digits"].shape == (24,)
    assert numbers["n_digits"].mean() == pytest.approx(5.1, abs=0.06)
    assert np.sum(numbers["n_digits"] > 1) >= 23


def test_the_split_is_one() -> None:
    X, Y, Xv, Yv = example.data()
    assert (len(X), len(Y), len(Xv), len(Yv)) == (1438, 1438, 359, 359)
    assert len(np.unique(np.concatenate([X, Xv]), axis=0)) == len(
        np.unique(example.load_digits()[0], axis=0)
    )


def test_one_three(numbers: dict[str, Any]) -> None:
    assert numbers["label"] == numbers["y_hat"].argmax() == 3
    assert numbers["y_hat"][3] > 0.9
    assert numbers["test"] > 0.97


def test_pictures(numbers: dict[str, Any]) -> None:
    assert sorted(numbers["pictures"]) == [
        "digits_classes.png",
        "digits_layers.png",
        "digits_units.png",
    ]
    assert all(1000 < size < 150_000 for size in numbers["pictures"].values())
