# SPDX-License-Identifier: BSD-3-Clause
"""Each kernel by itself, on every instruction set: exact where sums are exact, the literal
reference's bits everywhere, and nothing of the padding (filled with NaN) in any result."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import deltarule as dr
from deltarule import _core, activations, losses
from deltarule.compare import same_bits
from deltarule.oracle import literal

Array = NDArray[Any]
kernels = _core.kernels

PANEL = 32
ACTIVATIONS = [*activations.NAMES, *activations.LAST]  # the core's numbers
FUSED = ACTIVATIONS[:6]
LOSSES = [*losses.TABLE, "given"]

# Around the vector (4, 8, 16), the panel (32) and the tile (6, 8, 14 rows).
WIDTHS = [1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 65]
HEIGHTS = [1, 5, 6, 7, 8, 9, 13, 14, 15, 28, 29]
LENGTHS = [1, 31, 32, 33, 255, 256, 257, 512, 600]


def panels(rows: Array, padding: float = np.nan) -> Array:
    """(n, columns) to [columns/32][n][32]."""
    n, columns = rows.shape
    count = -(-columns // PANEL)
    padded = np.full((n, count * PANEL), padding, rows.dtype)
    padded[:, :columns] = rows
    return np.ascontiguousarray(padded.reshape(n, count, PANEL).transpose(1, 0, 2))


def rows_of(stacked: Array, columns: int) -> Array:
    count, n, _ = stacked.shape
    return np.ascontiguousarray(stacked.transpose(1, 0, 2).reshape(n, count * PANEL)[:, :columns])


def weight_panels(W: Array) -> Array:
    """(out, in + 1) to [out/32][in + 1][32]: the rows of the transposed matrix."""
    return panels(np.ascontiguousarray(W.T))


def integers(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Array:
    return rng.integers(-3, 4, shape).astype(dtype)


def native_affine(o: Array, W: Array, activation: str = "identity") -> Array:
    n_out, n_in = W.shape[0], W.shape[1] - 1
    code = ACTIVATIONS.index(activation)
    return rows_of(kernels.affine(panels(o), weight_panels(W), n_in, n_out, code), n_out)


def native_hidden_delta(delta: Array, W: Array, activation: str, o: Array) -> Array:
    n_out, n_in = W.shape[0], W.shape[1] - 1
    code, transposed = ACTIVATIONS.index(activation), panels(np.ascontiguousarray(W[:, :-1]))
    stacked = kernels.hidden_delta(panels(delta), transposed, n_out, n_in, code, panels(o))
    return rows_of(stacked, n_in)


def native_weight_gradient(o: Array, delta: Array, minus_inverse_s: float) -> Array:
    """One block, at most 32 by 32: (n_out, n_in + 1)."""
    n_in, n_out = o.shape[1], delta.shape[1]
    block = kernels.weight_gradient(panels(o), panels(delta), n_in, n_out, minus_inverse_s)
    return np.ascontiguousarray(block[0, :, :n_out].T)


@pytest.mark.parametrize("n_out", WIDTHS)
def test_affine_is_exact_on_small_integers(
    isa: str, dtype: str, n_out: int, rng: np.random.Generator
) -> None:
    for rows in HEIGHTS:
        for n_in in LENGTHS[:5] + LENGTHS[6:7]:
            o, W = integers(rng, (rows, n_in), dtype), integers(rng, (n_out, n_in + 1), dtype)
            expected = o @ W[:, :-1].T + W[:, -1]
            np.testing.assert_array_equal(native_affine(o, W), expected)


@pytest.mark.parametrize("n_in", WIDTHS)
def test_hidden_delta_is_exact_on_small_integers(
    isa: str, dtype: str, n_in: int, rng: np.random.Generator
) -> None:
    for rows in HEIGHTS:
        for n_out in (1, 33, 257):
            delta, W = integers(rng, (rows, n_out), dtype), integers(rng, (n_out, n_in + 1), dtype)
            o = integers(rng, (rows, n_in), dtype)
            expected = np.where(o > 0, delta @ W[:, :-1], 0)
            np.testing.assert_array_equal(native_hidden_delta(delta, W, "relu", o), expected)


@pytest.mark.parametrize("n_in", [1, 4, 5, 6, 7, 13, 14, 15, 16, 17, 28, 29, 31, 32])
def test_weight_gradient_is_exact_on_small_integers(
    isa: str, dtype: str, n_in: int, rng: np.random.Generator
) -> None:
    for n_out in (1, 4, 5, 8, 9, 16, 17, 32):
        for rows in LENGTHS:
            o, delta = integers(rng, (rows, n_in), dtype), integers(rng, (rows, n_out), dtype)
            augmented = np.hstack([o, np.ones((rows, 1), dtype)])
            expected = -0.5 * (delta.T @ augmented)
            np.testing.assert_array_equal(native_weight_gradient(o, delta, -0.5), expected)


@pytest.mark.parametrize("activation", ACTIVATIONS[:4])
def test_contractions_have_the_literal_bits(
    isa: str, dtype: str, activation: str, rng: np.random.Generator
) -> None:
    for n_in, n_out, rows in [(1, 1, 1), (33, 17, 15), (257, 5, 7), (600, 40, 9), (16, 32, 300)]:
        o = rng.standard_normal((rows, n_in)).astype(dtype)
        W = rng.standard_normal((n_out, n_in + 1)).astype(dtype)
        delta = rng.standard_normal((rows, n_out)).astype(dtype)
        net = literal.affine(o, W)
        f_of_net = literal.activate(activation, net)
        assert native_affine(o, W).tobytes() == net.tobytes()
        assert native_affine(o, W, activation).tobytes() == f_of_net.tobytes()
        back = literal.hidden_delta(delta, W, activation, o)
        assert native_hidden_delta(delta, W, activation, o).tobytes() == back.tobytes()
        if n_in <= PANEL and n_out <= PANEL:
            dW = literal.weight_gradient(delta, o, W, rows, 0.0)
            n = np.dtype(dtype).type(-1 / rows)
            assert native_weight_gradient(o, delta, n).tobytes() == dW.tobytes()


@pytest.mark.parametrize("k", [1, 31, 33, 255, 256, 257, 476, 512, 513, 768, 784, 1025, 1300])
def test_few_rows_have_the_literal_bits(
    isa: str, dtype: str, k: int, rng: np.random.Generator
) -> None:
    """Up to three rows take their own way: every count of vectors, and of blocks of k."""
    for columns in [1, 4, 5, 8, 9, 16, 17, 31, 32, 33, 48, 63, 65, 100, 129, 145]:
        o = rng.standard_normal((5, k)).astype(dtype)
        W = rng.standard_normal((columns, k + 1)).astype(dtype)
        o_next = rng.standard_normal((5, columns)).astype(dtype)
        forward = literal.activate("relu", literal.affine(o, W))
        W_back = rng.standard_normal((k, columns + 1)).astype(dtype)
        back = literal.hidden_delta(o, W_back, "logistic", o_next)
        for rows in range(1, 6):
            few, few_next = o[:rows].copy(), o_next[:rows].copy()
            assert native_affine(few, W, "relu").tobytes() == forward[:rows].tobytes()
            delta = native_hidden_delta(few, W_back, "logistic", few_next)
            assert delta.tobytes() == back[:rows].tobytes()


@pytest.mark.parametrize("k", [1, 15, 17, 32, 64, 255, 256, 257, 513])
def test_few_columns_have_the_literal_bits(
    isa: str, dtype: str, k: int, rng: np.random.Generator
) -> None:
    """Where rows may lie along the lanes; what is left of them goes through the tile."""
    for columns in [1, 2, 3, 4, 5, 33, 34, 36]:
        o = rng.standard_normal((49, k)).astype(dtype)
        W = rng.standard_normal((columns, k + 1)).astype(dtype)
        o_next = rng.standard_normal((49, columns)).astype(dtype)
        W_back = rng.standard_normal((k, columns + 1)).astype(dtype)
        forward = literal.activate("tanh", literal.affine(o, W))
        back = literal.hidden_delta(o, W_back, "relu", o_next)
        for rows in (4, 8, 15, 16, 17, 20, 33, 49):
            assert native_affine(o[:rows], W, "tanh").tobytes() == forward[:rows].tobytes()
            delta = native_hidden_delta(o[:rows], W_back, "relu", o_next[:rows])
            assert delta.tobytes() == back[:rows].tobytes()


PAIRS = [
    *(
        (f, loss, False)
        for f in (*FUSED, "gaussian")
        for loss in ("half_squared_error", "squared_error")
    ),
    ("softmax", "binary_cross_entropy", False),
    ("softmax", "cross_entropy", False),
    ("softmax", "cross_entropy", True),
    ("logistic", "binary_cross_entropy", False),
    ("logistic", "binary_cross_entropy", True),
    ("threshold", "half_squared_error", True),  # Rosenblatt's rule
    ("identity", "absolute", True),
    ("tanh", "huber(delta=0.75)", True),
    ("relu", "quantile(0.3)", True),
    ("softmax", "log_cosh", True),
    ("identity", "log_cosh", True),
    ("exponential", "poisson", True),
    ("exponential", "gamma", True),
    ("exponential", "tweedie(power=1.3)", True),
    ("exponential", "tweedie(power=3)", True),
    ("identity", "hinge", True),
    ("identity", "squared_hinge", True),
    ("logistic", "focal(gamma=1.7)", True),
    ("softmax", "focal(gamma=2)", True),
    ("softmax", "focal(gamma=0.5)", True),
    ("softmax", "kl_divergence", True),
    ("gaussian", "gaussian_nll", True),
]


def even(activation: str, n_out: int) -> int:
    """As many outputs as that, or one more where they come in pairs."""
    return n_out + n_out % 2 if activation == "gaussian" else n_out


def targets(loss: str, Y: Array, n_out: int) -> Array:
    """Numbers between 0 and 1 as the loss takes them."""
    chosen = losses.read(loss)
    y = Y[:, : chosen.n_targets(n_out)]
    forms = {"sign": np.where(y < 0.5, -1, 1), "positive": y + np.finfo(Y.dtype).tiny}
    return np.ascontiguousarray(forms.get(chosen.targets, y).astype(Y.dtype))


def native_output(
    net: Array, Y: Array, activation: str, loss: str, collapsed: bool
) -> tuple[Array, Array, Array]:
    chosen, n_out = losses.read(loss), net.shape[1]
    codes = ACTIVATIONS.index(activation), LOSSES.index(chosen.name)
    parameter = chosen.parameter(n_out)
    results: tuple[Array, Array, Array] = kernels.output(
        panels(net), panels(Y), n_out, *codes, collapsed, parameter
    )
    return results


def test_losses_are_numbered_as_in_the_core() -> None:
    given = {**losses.read("absolute").core(1), "name": "none"}
    with pytest.raises(ValueError, match=", ".join(LOSSES)):
        _core.Network(
            [1, 1], [("identity", "", [])], given, "float32", "mean", 0.0, 0.0, None, None
        )


@pytest.mark.parametrize(("activation", "loss", "collapsed"), PAIRS)
@pytest.mark.parametrize("n_out", [1, 2, 4, 5, 8, 10, 16, 17, 32, 33, 100])
def test_output_has_the_literal_bits(
    isa: str, dtype: str, n_out: int, activation: str, loss: str, collapsed: bool,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    rows, n_out = 6, even(activation, n_out)
    net = (4 * rng.standard_normal((rows, n_out))).astype(dtype)
    net[0, 0], net[1, -1] = 200, -200  # saturated, and probabilities that are clipped
    Y = targets(loss, rng.random((rows, n_out)).astype(dtype), n_out)
    y_hat, delta, row_loss = native_output(net, Y, activation, loss, collapsed)
    expected_y_hat = literal.activate(activation, net)
    expected_delta = literal.output_delta(loss, activation, Y, expected_y_hat, collapsed, net)
    expected_loss = literal.row_loss(loss, activation, Y, net, expected_y_hat)
    assert same_bits(rows_of(y_hat, n_out), expected_y_hat)
    assert same_bits(rows_of(delta, n_out), expected_delta)
    assert same_bits(row_loss, expected_loss)
    # The next contraction multiplies the padding of delta with zeros: it must hold zeros.
    assert not delta.transpose(1, 0, 2).reshape(rows, -1)[:, n_out:].any()


@pytest.mark.parametrize(("activation", "loss", "collapsed"), PAIRS)
@pytest.mark.parametrize("n_out", [1, 2, 3, 4, 5, 9, 15, 16, 17, 33])
def test_output_of_every_count_of_rows_has_the_literal_bits(
    isa: str, dtype: str, n_out: int, activation: str, loss: str, collapsed: bool,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """Few columns turn their rows along the lanes, from some rows on; zeros keep their signs."""
    n_out = even(activation, n_out)
    for rows in (1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33):
        net = (
            rng.choice([1e-3, 1, 30, 300], (rows, 1)) * rng.standard_normal((rows, n_out))
        ).astype(dtype)
        Y = rng.choice([0.0, -0.0, 1.0, 0.25, 1e-40], (rows, n_out)).astype(dtype)
        net[rng.random(net.shape) < 0.2] = -0.0
        Y[rows // 2] = -0.0
        Y = targets(loss, Y, n_out)
        y_hat, delta, row_loss = native_output(net, Y, activation, loss, collapsed)
        expected_y_hat = literal.activate(activation, net)
        expected_delta = literal.output_delta(loss, activation, Y, expected_y_hat, collapsed, net)
        assert same_bits(rows_of(y_hat, n_out), expected_y_hat)
        assert same_bits(rows_of(delta, n_out), expected_delta)
        expected = literal.row_loss(loss, activation, Y, net, expected_y_hat)
        assert same_bits(row_loss, expected)
        assert not delta.transpose(1, 0, 2).reshape(rows, -1)[:, n_out:].any()


@pytest.mark.parametrize("activation", ["identity", "tanh", "relu", "softmax"])
@pytest.mark.parametrize("n_out", [1, 4, 17, 33])
def test_a_given_loss_takes_its_descent_from_Y(
    isa: str, dtype: str, n_out: int, activation: str, rng: np.random.Generator
) -> None:
    """What a callable loss is made of: y_hat is there, u comes in Y, delta is f' u."""
    y_hat = literal.activate(activation, rng.standard_normal((9, n_out)).astype(dtype))
    u = rng.standard_normal((9, n_out)).astype(dtype)
    codes = ACTIVATIONS.index(activation), LOSSES.index("given")
    same, delta, _ = kernels.output(panels(y_hat), panels(u), n_out, *codes, True)
    assert rows_of(same, n_out).tobytes() == y_hat.tobytes()
    W = np.eye(n_out, n_out + 1, dtype=dtype)
    expected = literal.hidden_delta(u, W, activation, y_hat)
    assert rows_of(delta, n_out).tobytes() == expected.tobytes()
    assert not delta.transpose(1, 0, 2).reshape(9, -1)[:, n_out:].any()


@pytest.mark.parametrize("activation", FUSED)
@pytest.mark.parametrize("n_out", [1, 2, 3, 4, 5, 10, 16, 17, 33])
def test_predictions_of_every_count_of_rows_have_the_literal_bits(
    isa: str, dtype: str, n_out: int, activation: str, rng: np.random.Generator
) -> None:
    if activation == "softmax":
        n_out += 1  # at least 2 units
    mlp = dr.MLP([3, n_out], output=activation, dtype=dtype, seed=0)
    for rows in (1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 300):
        X = (20 * rng.standard_normal((rows, 3))).astype(dtype)
        expected = literal.activate(activation, literal.affine(X, mlp.W[0]))
        assert mlp.predict(X).tobytes() == expected.tobytes()


SPECIAL = [0.0, -0.0, 1e-40, -1e-40, 1e-3, 0.5, 1.0, 87.0, 88.7, 89.0, 104.0, 709.0, 746.0]


@pytest.mark.parametrize(
    "name", ["exp", "log", "log1p_of_unit", "logistic", "tanh", "sin_2pi", "cos_2pi"]
)
def test_elementary_functions_have_the_literal_bits(
    isa: str, dtype: str, name: str, rng: np.random.Generator
) -> None:
    x = rng.uniform(-100, 100, 5000)
    x = np.concatenate([x, x * 1e-3, x * 1e-20, SPECIAL, np.negative(SPECIAL), [np.inf, np.nan]])
    with np.errstate(all="ignore"):
        x = {"log": np.abs(x) + 1e-30, "log1p_of_unit": np.abs(x) % 1}.get(
            name, x % 1 if name.endswith("2pi") else x
        ).astype(dtype)
    native, expected = kernels.elementary(name, x), literal.elementary(name, x)
    differ = (native.view(f"u{native.itemsize}") != expected.view(f"u{native.itemsize}")) & ~(
        np.isnan(native) & np.isnan(expected)
    )
    assert not differ.any(), x[differ][:5]


def test_relu_keeps_nan_and_makes_positive_zero(isa: str, dtype: str) -> None:
    W = np.array([[1.0, 0.0]], dtype)
    net = np.array([[np.nan], [-1.0], [-0.0], [0.0], [2.0]], dtype)
    o = native_affine(net, W, "relu")[:, 0]
    assert np.isnan(o[0])
    np.testing.assert_array_equal(o[1:], [0, 0, 0, 2])
    assert not np.signbit(o[1:]).any()


def test_threshold_fires_from_zero_on_and_keeps_nan(isa: str, dtype: str) -> None:
    """In a hidden layer, as a few outputs, as many, and through the output's loss."""
    tiny = np.finfo(dtype).smallest_subnormal
    net = np.array([[-np.inf], [-2.5], [-tiny], [-0.0], [0.0], [tiny], [2.5], [np.inf]], dtype)
    expected = np.array([0, 0, 0, 1, 1, 1, 1, 1], dtype)
    for columns in (1, 2, 4, 5, 33):
        wide = np.tile(net, columns)
        W = np.eye(columns, columns + 1, dtype=dtype)
        finite = wide[1:-1]  # an infinite net times a weight of 0 is NaN
        fired = native_affine(finite, W, "threshold")
        np.testing.assert_array_equal(fired, np.tile(expected[1:-1, None], columns))
        codes = ACTIVATIONS.index("threshold"), LOSSES.index("half_squared_error")
        Y = np.zeros_like(wide)
        y_hat, delta, loss = kernels.output(panels(wide), panels(Y), columns, *codes, False)
        np.testing.assert_array_equal(rows_of(y_hat, columns), np.tile(expected[:, None], columns))
        np.testing.assert_array_equal(loss, columns * expected / 2)
        assert not delta.any()
    nan = native_affine(np.full((1, 1), np.nan, dtype), np.array([[1, 0]], dtype), "threshold")
    assert np.isnan(nan).all()


def test_underflow_to_negative_zero_becomes_positive(isa: str, dtype: str) -> None:
    """The total starts at +0, so padding with zeros and skipping zeros change no bit."""
    tiny = np.finfo(dtype).tiny
    minus, plus = np.array([[-tiny]], dtype), np.array([[tiny]], dtype)
    W = np.array([[tiny, -0.0]], dtype)  # a bias of -0 keeps the sign of the total
    assert not np.signbit(native_affine(minus, W)).any()
    assert not np.signbit(native_hidden_delta(minus, W, "identity", plus)).any()
    assert np.signbit(native_weight_gradient(plus, minus, -0.5)[0, 0])  # +0 times -1/S
