# SPDX-License-Identifier: BSD-3-Clause
"""`check_gradient`: right for every network, and finds what is planted, where it is planted."""

from typing import Any

import numpy as np
import pytest
from tolerances import gamma

import deltarule as dr
from deltarule import chunks, differences
from deltarule.activations import TABLE
from deltarule.architecture import OUTPUTS, Architecture
from deltarule.gradient_check import check_gradient
from deltarule.gradient_result import GradientCheck
from deltarule.jacobian import NOT_DIFFERENTIABLE

# Those of docs/derivation.md; the others: test_activations.py and test_losses.py.
SMOOTH = [name for name, f in TABLE.items() if f.from_output and name not in NOT_DIFFERENTIABLE]
LOSSES = ("half_squared_error", "squared_error", "binary_cross_entropy", "cross_entropy")
PAIRS = [(output, loss) for loss in LOSSES for output in OUTPUTS[loss] if output in SMOOTH]
N = 8


def data(layers: list[int], n: int = N) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(n)
    return rng.normal(size=(n, layers[0])), rng.dirichlet(np.ones(layers[-1]), n)


def check(mlp: Any, **options: Any) -> GradientCheck:
    return check_gradient(mlp, *data(mlp.layers), n_weights=None, **options)


@pytest.mark.parametrize(("output", "loss"), PAIRS)
@pytest.mark.parametrize("hidden", SMOOTH)
def test_every_network(hidden: str, output: str, loss: str, dtype: str) -> None:
    """Softmax under squared error among them: by the full Jacobian, hidden or at the output."""
    mlp = dr.MLP([4, 6, 5, 3], hidden, output, loss, dtype, seed=0)
    before = mlp.w.copy()
    found = check(mlp)
    assert found, found
    assert found.relative_error < 1e-7
    assert [layer.shape for layer in found.layers] == [(6, 5), (5, 7), (3, 6)]
    # Biases are 0, and so are nets where all that comes in is: a few kinks can be met exactly.
    assert all(layer.n_checked > 0.9 * layer.shape[0] * layer.shape[1] for layer in found.layers)
    assert all(layer.resolution < 1e-4 for layer in found.layers)
    np.testing.assert_array_equal(mlp.w, before)


@pytest.mark.parametrize("collapsed", [True, False])
@pytest.mark.parametrize(("output", "loss"), PAIRS)
def test_the_oracle(output: str, loss: str, collapsed: bool, dtype: str) -> None:
    mlp = dr.oracle.MLP(
        [4, 6, 3], "tanh", output, loss, dtype, seed=0, collapsed=collapsed, l2=0.01
    )
    found = check(mlp)
    assert found, found


@pytest.mark.parametrize("scale", [1.0, 5.0, 20.0])
def test_differences_keep_their_bounds(scale: float) -> None:
    mlp = dr.MLP([4, 6, 6, 3], "tanh", "logistic", dtype="float64", seed=0)
    mlp.w = scale * mlp.w
    X, Y = data(list(mlp.layers))
    by = differences.Differences(mlp, X, Y, None).by
    for k, dW in enumerate(mlp.architecture.views(mlp.gradient(X, Y))):
        for j, i in np.ndindex(*dW.shape):
            found = by(k, j, i)
            assert found is not None
            assert abs(found[0] - dW[j, i]) <= found[1]


@pytest.mark.parametrize("w", [0.25, 0.5, 2.0, 3.0])
def test_the_bound_knows_truncation(w: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """One logistic unit and a step so large that rounding explains nothing."""
    monkeypatch.setattr(differences, "STEPS", (2.0**-3,))
    mlp = dr.MLP([1, 1], output="logistic", dtype="float64")
    mlp.w = [w, 0.0]
    found = differences.Differences(mlp, np.ones((1, 1)), np.zeros(1), None).by(0, 0, 0)
    assert found is not None
    error = abs(found[0] - mlp.gradient([[1.0]], [0.0])[0])
    assert gamma(1000) < error <= found[1] < 2e-3


def test_the_bound_counts_roundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a loss that moves evenly: four values, 8 + 8 + 1 + 1 times over 12 h, and w +- h."""
    mlp = dr.MLP([1, 1], dtype="float64")
    mlp.w = [3.0, 0.0]
    d = differences.Differences(mlp, np.ones((1, 1)), np.zeros(1), None)
    monkeypatch.setattr(d, "_loss", lambda at, by: 5.0 * by)
    found, h = d.by(0, 0, 0), differences.STEPS[0]
    expected = (8 + 8 + 1 + 1) / 12 * (d.rounding + 2.0**-53 * 3.0 * 5.0) / h
    assert found == pytest.approx((5.0, expected), rel=gamma(100), abs=0)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_penalty_scaling_and_labels(reduction: str, dtype: str) -> None:
    layers = [4, 6, 3]
    X, Y = data(layers, 50)
    X = 1000 * X + 5000  # nets move by 5000 h, unless h is small
    mlp = dr.MLP(layers, "logistic", loss="cross_entropy", dtype=dtype, seed=0, l2=0.3,
                 reduction=reduction, input_shift=X.mean(0), input_scale=1 / X.std(0))  # fmt: skip
    found = check_gradient(mlp, X, np.argmax(Y, axis=1), n_threads=1)
    assert found, found
    raw = dr.MLP(layers, "logistic", loss="cross_entropy", dtype=dtype, seed=0)
    raw.w = raw.w / 5000
    found = check_gradient(raw, X, Y)
    assert found, found
    assert all(layer.resolution < 1e-3 for layer in found.layers)


@pytest.mark.parametrize("module", [dr, dr.oracle], ids=["native", "oracle"])
@pytest.mark.parametrize("place", [(0, 5, 2), (0, 1, 4), (1, 0, 6), (1, 2, 3)])
@pytest.mark.parametrize("factor", [1 + 1e-5, 0.5, -1.0, 1e9, np.nan])
def test_a_wrong_gradient_is_found_where_it_is_wrong(
    module: Any,
    place: tuple[int, int, int],
    factor: float,
    dtype: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    k, j, i = place
    gradient = module.MLP.gradient

    def wrong(self: Any, *arguments: Any) -> np.ndarray:
        g: np.ndarray = gradient(self, *arguments).copy()
        self.architecture.views(g)[k][j, i] *= factor
        return g

    mlp = module.MLP([4, 6, 3], "tanh", loss="cross_entropy", dtype=dtype, seed=0)
    assert check(mlp)
    monkeypatch.setattr(module.MLP, "gradient", wrong)
    found = check(mlp)
    assert not found
    assert not found.ok
    assert found.where == place == found.layers[k].where
    assert found.layers[k].relative_error > 9e-6
    assert found.layers[1 - k].relative_error < 1e-7
    table = [line.split() for line in str(found).splitlines()]
    assert table[k + 1][-1] == "WRONG"
    assert table[2 - k][-1] != "WRONG"
    assert f"[{j}, {i}]" in str(found).splitlines()[k + 1]
    assert table[-1][:2] == ["WRONG:", "a"]


def test_a_wrong_delta_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Softmax taken for a scalar activation, without the rest of its Jacobian."""
    from deltarule.oracle import activations

    mlp = dr.oracle.MLP([4, 6, 3], "tanh", "softmax", seed=0)
    assert check(mlp)
    monkeypatch.setattr(activations, "softmax_delta", lambda o, u: o * (1 - o) * u)
    found = check(mlp)
    assert not found
    assert all(layer.relative_error > 1e-2 for layer in found.layers)


def kinked(net: float, dtype: str) -> tuple[dr.MLP, np.ndarray, np.ndarray]:
    """A 2-3-1 network of relus; at X = (0, 0) the hidden nets are the biases."""
    mlp = dr.MLP([2, 3, 1], "relu", dtype=dtype, seed=4)
    W = [np.array(matrix) for matrix in mlp.W]
    W[0][:, -1] = net
    mlp.W = W
    return mlp, np.array([[0.0, 0.0], [1.5, -0.5], [-1.0, 1.0]]), np.array([3.0, -2.0, 1.0])


def test_differences_across_a_kink_are_skipped(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mlp, X, Y = kinked(0.0, dtype)
    found = check_gradient(mlp, X, Y)
    assert found, found
    assert [layer.n_skipped for layer in found.layers] == [3, 0]  # the biases
    assert [layer.n_checked for layer in found.layers] == [6, 4]
    assert "3 skipped across kinks" in str(found)
    monkeypatch.setattr(differences, "kinks", lambda f: ())
    found = check_gradient(mlp, X, Y)
    assert not found  # half the slope of one side: skipping is needed
    assert found.layers[0].where is not None
    assert found.layers[0].where[2] == 2


def test_smaller_steps_pass_beside_a_kink(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mlp, X, Y = kinked(differences.STEPS[0] / 4, dtype)
    found = check_gradient(mlp, X, Y)
    assert found, found
    assert [layer.n_skipped for layer in found.layers] == [0, 0]
    monkeypatch.setattr(differences, "STEPS", differences.STEPS[:1])
    assert [layer.n_skipped for layer in check_gradient(mlp, X, Y).layers] == [3, 0]


def test_kinks_are_seen_in_every_chunk(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mlp, X, Y = kinked(0.0, dtype)
    X, Y = X[[1, 2, 0]], Y[[1, 2, 0]]
    monkeypatch.setattr(chunks, "TRACE_NUMBERS", 1)  # row by row
    assert check_gradient(mlp, X, Y).layers[0].n_skipped == 3


def test_nothing_checked_is_not_right() -> None:
    mlp = dr.MLP([1, 2, 1], "relu", seed=0)
    found = check_gradient(mlp, [[0.0]], [1.0], n_weights=1, seed=2)  # a bias at its kink
    assert found.layers[0].n_checked == 0
    assert found.layers[0].where is None
    assert not found
    assert "NOT CHECKED" in str(found)
    assert "no error found, but" in str(found)


def test_weights_are_drawn_by_the_seed() -> None:
    mlp = dr.MLP([30, 20, 4], "tanh", loss="cross_entropy", seed=0)
    X, Y = data([30, 20, 4])
    found = check_gradient(mlp, X, Y, n_weights=7)
    assert found, found
    assert [layer.n_checked for layer in found.layers] == [7, 7]
    assert str(check_gradient(mlp, X, Y, n_weights=7, seed=0)) == str(found)
    others = {check_gradient(mlp, X, Y, n_weights=7, seed=seed).where for seed in range(5)}
    assert len(others) > 1
    assert [layer.n_checked for layer in check_gradient(mlp, X, Y).layers] == [100, 84]
    everything = check_gradient(mlp, X, Y, n_weights=None)
    assert [layer.n_checked for layer in everything.layers] == [620, 84]


def test_float32_gradient_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    mlp = dr.MLP([4, 6, 3], "tanh", loss="cross_entropy", seed=0)
    X, Y = data([4, 6, 3])
    found = check_gradient(mlp, X, Y)
    double = dr.MLP.from_architecture(
        Architecture([4, 6, 3], ["tanh", "softmax"], "cross_entropy", "float64"), mlp.w
    )
    exact = double.architecture.views(double.gradient(X, Y))
    own = mlp.architecture.views(mlp.gradient(X, Y))
    for layer, g, g64 in zip(found.layers, own, exact, strict=True):
        assert layer.deviation == np.max(np.abs(g - g64)) / np.max(np.abs(g64)) > 0
    assert "float32 off" in str(found)
    found = check_gradient(double, X, Y)
    assert [layer.deviation for layer in found.layers] == [None, None]
    assert "float32" not in str(found)


def test_table() -> None:
    mlp = dr.MLP([4, 6, 3], "tanh", dtype="float64", seed=0)
    lines = str(check(mlp)).splitlines()
    assert lines == repr(check(mlp)).splitlines()
    assert lines[0].split() == [
        "shape", "checked", "skipped", "worst", "error", "at", "[j,", "i]", "gradient",
        "difference", "resolution",
    ]  # fmt: skip
    assert lines[1].split()[:6] == ["dW[0]", "6", "x", "5", "30", "0"]
    assert lines[2].split()[:6] == ["dW[1]", "3", "x", "7", "21", "0"]
    assert lines[3] == "right: no relative error above 1e-06; 8 samples, h <= 0.00098"


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"n_weights": 0}, ValueError, "n_weights: 0; expected an integer >= 1"),
        ({"n_weights": 1.5}, TypeError, "n_weights: 1.5"),
        ({"seed": -1}, ValueError, "seed: -1"),
        ({"tolerance": 0}, ValueError, "tolerance: 0; expected a number in"),
        ({"tolerance": 1.0}, ValueError, "tolerance: 1.0"),
        ({"tolerance": "small"}, TypeError, "tolerance: 'small'"),
        ({"n_threads": 0}, ValueError, "n_threads: 0"),
        ({"X": np.zeros((N, 3))}, ValueError, r"X: shape \(8, 3\); expected \(n, 4\)"),
        ({"X": np.full((N, 4), np.nan)}, ValueError, "X: row 0 holds nan"),
        ({"Y": np.zeros((N, 2))}, ValueError, r"Y: shape \(8, 2\)"),
        ({"mlp": 3}, TypeError, "mlp: an object of type int; expected an MLP or oracle.MLP"),
    ],
)
def test_bad_arguments(options: dict[str, Any], error: type[Exception], message: str) -> None:
    X, Y = data([4, 6, 3])
    mlp = dr.MLP([4, 6, 3], "tanh", seed=0)
    with pytest.raises(error, match=f"^{message}"):
        check_gradient(**{"mlp": mlp, "X": X, "Y": Y, **options})


def test_a_loss_that_is_not_finite() -> None:
    mlp = dr.MLP([4, 3], dtype="float64", seed=0)
    mlp.w = mlp.w + 1e200
    with pytest.raises(ValueError, match=r"^mlp: the loss is inf; expected weights with a finite"):
        check(mlp)


@pytest.mark.parametrize("module", [dr, dr.oracle], ids=["native", "oracle"])
def test_threshold_units_are_refused(module: Any) -> None:
    mlp = module.MLP([4, 6, 3], "threshold", seed=0)
    with pytest.raises(ValueError, match=r"^mlp: layer 1 has activation 'threshold', which"):
        check(mlp)


@pytest.mark.skipif("l1" not in Architecture.__dataclass_fields__, reason="no l1 penalty")
def test_l1_has_a_kink_at_zero(dtype: str) -> None:
    options: dict[str, Any] = {"l1": 0.1}
    mlp = dr.MLP([4, 6, 3], "tanh", dtype=dtype, seed=0, **options)
    W = [np.array(matrix) for matrix in mlp.W]
    W[0][2, 1] = W[1][0, 0] = 0  # biases are 0 as well, and not penalised
    mlp.W = W
    found = check(mlp)
    assert found, found
    assert [layer.n_skipped for layer in found.layers] == [1, 1]
