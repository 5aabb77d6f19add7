# SPDX-License-Identifier: BSD-3-Clause
"""The numbers that docs/perceptron, boolean, boundaries and approximation.md quote."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from example import pictures, run

PICTURES = {
    "perceptron": ["rule"],
    "boolean": ["formula", "parity"],
    "boundaries": ["regions", "cost"],
    "approximation": ["pulses", "error"],
}


@pytest.fixture(scope="module")
def results() -> dict[str, dict[str, Any]]:
    pytest.importorskip("matplotlib")
    for name, expected in PICTURES.items():
        for picture in expected:
            assert pictures(name)[f"{name}_{picture}.png"] < 150_000
            assert Path(__file__).parents[1].joinpath(f"docs/img/{name}_{picture}.png").exists()
    return {name: run(name)[0] for name in PICTURES}


def test_perceptron(results: dict[str, dict[str, Any]]) -> None:
    found = results["perceptron"]
    rows = found["rows"]
    assert all(row["converged"] and row["updates"] <= row["bound"] for row in rows)
    assert [row["updates"] for row in rows] == [3, 8, 17, 37, 17]
    assert [round(row["bound"]) for row in rows] == [13, 45, 156, 612, 2515]
    assert found["functions"] == {1: (4, 0, 4), 2: (14, 2, 16), 3: (104, 152, 256)}
    gates = {name: (fit.n_epochs, fit.n_updates) for name, fit in found["gates"].items()}
    assert gates == {"AND": (6, 11), "OR": (4, 5), "XOR": (4, 14)}
    circle = [[-1, 0, -1], [-1, 1, 0], [0, 1, 1], [-1, 0, 0]]
    assert found["xor"][13:17] == circle
    assert found["xor"][12] == circle[-1]


def test_boolean(results: dict[str, dict[str, Any]]) -> None:
    found = results["boolean"]
    assert found["lunch"] == {0: [1, 1, 1, 1], 1: [0, 1, 1, 1], 4: [0, 0, 0, 0]}
    assert found["layers"] == {"layers": (4, 4, 2, 1), "dnf": (4, 4, 1), "cnf": (4, 12, 1)}
    assert found["true_rows"] == [4, 4, 4]
    even = {form: units[::2] for form, units in found["units"].items()}
    assert even == {
        "dnf": [3, 9, 33, 129, 513, 2049],
        "tree": [3, 9, 17, 21, 31, 35],
        "one_layer": [3, 5, 7, 9, 11, 13],
    }


def test_boundaries(results: dict[str, dict[str, Any]]) -> None:
    found = results["boundaries"]
    assert found["layers"] == {
        "pentagon": (2, 5, 1),
        "two polygons, OR": (2, 11, 2, 1),
        "star": (2, 14, 5, 1),
        "checkerboard": (2, 16, 40, 1),
    }
    assert found["exact"] == 0
    assert found["units"] == [240, 992, 4032, 16256]
    # Cosines of the machine's libm enter: a point on the boundary may fall on either side.
    np.testing.assert_allclose(found["errors"], [0.311, 0.144, 0.049, 0.028], atol=1e-3)
    assert found["slope"] == pytest.approx(-0.6, abs=0.05)
    shares = [0.274, 0.055, 0.0131, 0.0032, 0.0008]
    np.testing.assert_allclose([area for _, area in found["disc"]], shares, atol=4e-4)
    assert found["disc_slope"] == pytest.approx(-2, abs=0.1)


def test_approximation(results: dict[str, dict[str, Any]]) -> None:
    found = results["approximation"]["found"]
    errors = {name: [round(error, 4) for *_, error in rows] for name, rows in found.items()}
    assert errors == {
        "one input": [1.0556, 0.5565, 0.2794, 0.1405, 0.0703, 0.0352],
        "one, to a tolerance": [0.2997, 0.0999, 0.03, 0.01],
        "two inputs": [1.3033, 0.7794, 0.3942, 0.2004],
    }
    assert [row[:2] for row in found["one, to a tolerance"]] == [
        (9, 11), (31, 33), (111, 113), (344, 346)
    ]  # fmt: skip
    assert [row[:2] for row in found["two inputs"]] == [
        (16, 27), (64, 83), (256, 291), (1024, 1091)
    ]  # fmt: skip
    slopes = results["approximation"]["slopes"]
    assert slopes["one input"] == pytest.approx(-1.05, abs=0.01)
    assert slopes["two inputs"] == pytest.approx(-0.51, abs=0.01)
    assert results["approximation"]["jump"][0] == 12
