# SPDX-License-Identifier: BSD-3-Clause
"""Every loss: slopes by differences, native against oracle and literal, kinks, saturation."""

from __future__ import annotations

import re
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from differences import partial
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tolerances import FD_STEP, FD_USEFUL, FLOOR_DIGITS, gamma, softmax_floor

import deltarule as dr
from deltarule import losses
from deltarule.oracle import literal
from deltarule.oracle.data import targets_as
from deltarule.oracle.losses import delta_of_net, descent, row_loss

Array = NDArray[Any]
EPS = float(np.finfo(np.float64).eps)

# (loss, output, K)
CASES = [
    ("absolute", "identity", 3),
    ("huber(0.5)", "identity", 3),
    ("quantile(0.1, 0.5, 0.9)", "identity", 3),
    ("quantile(0.3)", "tanh", 2),
    ("log_cosh", "identity", 3),
    ("log_cosh", "softmax", 3),
    ("hinge", "identity", 3),
    ("squared_hinge", "identity", 3),
    ("poisson", "exponential", 3),
    ("gamma", "exponential", 3),
    ("tweedie", "exponential", 3),
    ("tweedie(1.1)", "exponential", 2),
    ("tweedie(2.7)", "exponential", 2),
    ("focal", "logistic", 3),
    ("focal(0.5)", "logistic", 1),
    ("focal", "softmax", 3),
    ("focal(0.5)", "softmax", 3),
    ("kl_divergence", "softmax", 3),
    ("gaussian_nll", "gaussian", 6),
    ("cross_entropy(0.1)", "softmax", 3),
    ("binary_cross_entropy(0.2)", "logistic", 3),
    ("binary_cross_entropy(0.2)", "softmax", 3),
]
every_case = pytest.mark.parametrize(("loss", "output", "K"), CASES)


def targets(loss: str, n: int, K: int, seed: int = 0) -> Array:
    rng = np.random.default_rng(seed)
    chosen = losses.read(loss)
    shape = n, chosen.n_targets(K)
    numbers = {
        "finite": rng.normal(size=shape),
        "probability": rng.dirichlet(np.ones(shape[1]) / 2, n) if K > 1 else rng.random(shape),
        "non_negative": rng.poisson(1.0, shape),
        "positive": rng.gamma(2.0, size=shape) + 0.01,
        "sign": rng.choice([-1, 1], shape),
    }
    return np.asarray(numbers[chosen.targets])


def test_every_loss_is_a_case() -> None:
    four = {"half_squared_error", "squared_error", "cross_entropy", "binary_cross_entropy"}
    assert {losses.read(loss).name for loss, _, _ in CASES} | four == set(losses.TABLE)


@every_case
def test_slope_is_the_difference_quotient(loss: str, output: str, K: int) -> None:
    """-dL_i/dz of the oracle, z being y_hat or net, one by one."""
    chosen = losses.read(loss)
    y = targets(loss, 1, K, seed=1).astype(np.float64)
    z = np.random.default_rng(1).uniform(0.35, 0.65, (1, K)) * [
        [1.0, -1.0, 1.0, 0.5, -0.5, 0.25][:K]
    ]
    if chosen.name in ("cross_entropy", "binary_cross_entropy"):
        z = np.abs(z)  # probabilities
    if chosen.targets == "finite" and y.shape == z.shape:  # no step may cross a kink
        distance = np.abs(y - z)
        assert min(distance.min(), np.abs(distance - 0.5).min()) > 8 * FD_STEP
    claimed = delta_of_net(loss, output, y, z)
    slopes = descent(loss, y, z, EPS) if claimed is None else claimed

    def of(v: Array) -> float:
        if chosen.name in ("cross_entropy", "binary_cross_entropy"):
            function = getattr(dr.oracle.losses, chosen.name)
            return float(function(y, v, EPS)[0])
        return float(row_loss(loss, output, y, v, v, EPS)[0])

    for at in np.ndindex(z.shape):
        measured = partial(of, z, at)
        assert measured.bound <= FD_USEFUL * max(1.0, abs(measured.value))
        assert abs(-slopes[at] - measured.value) <= measured.bound


@every_case
def test_gradient_of_a_network(loss: str, output: str, K: int, dtype: str) -> None:
    mlp = dr.MLP([4, 6, K], "tanh", output, loss, dtype, seed=0)
    X = np.random.default_rng(2).normal(size=(8, 4))
    found = dr.check_gradient(mlp, X, targets(loss, 8, K), n_weights=None)
    assert found, found
    oracle = dr.oracle.MLP([4, 6, K], "tanh", output, loss, dtype, seed=0)
    found = dr.check_gradient(oracle, X, targets(loss, 8, K), n_weights=None)
    assert found, found


@every_case
def test_native_within_bounds_and_literal(loss: str, output: str, K: int, dtype: str) -> None:
    """Every quantity of a pass, on nets that are ordinary, large, and beyond saturation."""
    rng = np.random.default_rng(3)
    X = rng.normal(size=(40, 5))
    for scale in (0.0, 1.0, 20.0):
        mlp = dr.MLP([5, 7, K], "tanh", output, loss, dtype, seed=1)
        mlp.w = scale * mlp.w + 0.1 * rng.normal(size=mlp.n_weights)
        found = dr.compare(mlp, X, targets(loss, 40, K, seed=4))
        assert found, found


@settings(max_examples=80)
@given(
    case=st.sampled_from(CASES), dtype=st.sampled_from(["float32", "float64"]),
    seed=st.integers(0, 2**32 - 1), outputs=st.integers(1, 40), scale=st.sampled_from([0.1, 1, 8]),
)  # fmt: skip
def test_any_width(
    case: tuple[str, str, int], dtype: str, seed: int, outputs: int, scale: float
) -> None:
    loss, output, _ = case
    if len(losses.read(loss).values) > 1:
        outputs = 3
    outputs += outputs % 2 if output in ("gaussian", "softmax") else 0
    mlp = dr.MLP([3, outputs], (), output, loss, dtype, seed=seed)
    X = scale * np.random.default_rng(seed).normal(size=(1 + seed % 35, 3))
    found = dr.compare(mlp, X, targets(loss, len(X), outputs, seed))
    assert found, found


def value_and_slope(
    loss: str, y: float, net: float | tuple[float, float], dtype: str = "float64", module: Any = dr
) -> tuple[float, Any]:
    """L_i and dL_i/dnet of one output (two for a mean and a variance) with this net."""
    nets = np.atleast_1d(net).astype(np.float64)
    mlp = module.MLP([1, len(nets)], (), None, loss, dtype)
    mlp.w = np.column_stack([np.zeros(len(nets)), nets]).ravel()
    back = mlp.backward(mlp.forward([[0.0]]), [[y]])
    slope = -back.delta[1][0]
    return back.loss, slope if len(slope) > 1 else float(slope[0])


KINKS = [
    ("half_squared_error", 1.0, 1.0, 0.0, 0.0),
    ("half_squared_error", 1.0, -1.0, 2.0, -2.0),
    ("squared_error", 1.0, 1.0, 0.0, 0.0),
    ("squared_error", 1.0, -1.0, 4.0, -4.0),
    ("absolute", 1.0, 1.0, 0.0, 0.0),
    ("absolute", 1.0, 1.5, 0.5, 1.0),
    ("huber(0.5)", 1.0, 0.5, 0.125, -0.5),
    ("huber(0.5)", 1.0, 1.5, 0.125, 0.5),
    ("huber(0.5)", 1.0, 0.0, 0.375, -0.5),
    ("huber(0.5)", 1.0, 1.0, 0.0, 0.0),
    ("quantile(0.25)", 1.0, 1.0, 0.0, 0.0),
    ("quantile(0.25)", 1.0, 0.0, 0.25, -0.25),
    ("quantile(0.25)", 1.0, 2.0, 0.75, 0.75),
    ("log_cosh", 1.0, 1.0, 0.0, 0.0),
    ("hinge", 1.0, 1.0, 0.0, 0.0),
    ("hinge", -1.0, -1.0, 0.0, 0.0),
    ("hinge", 1.0, 0.5, 0.5, -1.0),
    ("hinge", -1.0, 0.5, 1.5, 1.0),
    ("squared_hinge", 1.0, 1.0, 0.0, 0.0),
    ("squared_hinge", 1.0, 0.5, 0.25, -1.0),
    ("squared_hinge", -1.0, 0.0, 1.0, 2.0),
]


@pytest.mark.parametrize(("loss", "y", "net", "value", "slope"), KINKS)
def test_values_and_slopes_at_kinks(
    loss: str, y: float, net: float, value: float, slope: float, dtype: str
) -> None:
    assert value_and_slope(loss, y, net, dtype) == (value, slope)
    assert value_and_slope(loss, y, net, dtype, dr.oracle) == (value, slope)


def exact(loss: str, y: float, net: Any) -> tuple[list[Decimal], Decimal]:
    """L_i and dL_i/dnet in 60 digits."""
    chosen = losses.read(loss)
    d = [Decimal(float(n)) for n in np.atleast_1d(net)]
    t, one = Decimal(y), Decimal(1)
    n = d[0]
    if chosen.name == "poisson":
        return [n.exp() - t], n.exp() - t * n
    if chosen.name == "gamma":
        return [one - t * (-n).exp()], n + t * (-n).exp()
    if chosen.name == "tweedie":
        p = Decimal(chosen.values[0])
        a, b = t * ((one - p) * n).exp(), ((2 - p) * n).exp()
        return [b - a], a / (p - 1) + b / (2 - p)
    if chosen.name == "log_cosh":
        e = (t - n).exp()
        return [-(e - 1 / e) / (e + 1 / e)], ((e + 1 / e) / 2).ln()
    if chosen.name == "gaussian_nll":
        s, r = d[1], t - n
        square = r * r * (-s).exp()
        return [-r * (-s).exp(), (one - square) / 2], (s + square) / 2
    p, q = one / (one + (-n).exp()), one / (one + n.exp())
    if chosen.name == "binary_cross_entropy":
        t = t * (one - Decimal(chosen.values[0])) + Decimal(chosen.values[0]) / 2
        return [p - t], -t * p.ln() - (one - t) * q.ln()
    g = Decimal(chosen.values[0])
    wrong, right = (g * q.ln()).exp(), (g * p.ln()).exp()
    slope = (one - t) * right * (p - g * q * q.ln()) - t * wrong * (q - g * p * p.ln())
    return [slope], -t * wrong * p.ln() - (one - t) * right * q.ln()


SATURATED = [
    *(("poisson", y, n) for y in (0.0, 3.0, 1e30) for n in (-3e4, -200.0, -1.0, 0.0, 80.0)),
    *(("gamma", y, n) for y in (1e-37, 1.0, 1e30) for n in (-80.0, -1.0, 100.0, 3e4)),
    ("gamma", 1e-37, -150.0),
    *(("tweedie", y, n) for y in (0.0, 1e-37, 1.0, 1e30) for n in (-60.0, 0.0, 120.0)),
    ("tweedie", 0.0, -3e4), ("tweedie(1.9)", 1e-37, -90.0), ("tweedie(3)", 1e-37, -60.0),
    *(("log_cosh", y, n) for y in (0.0, 1e-4, 3e4) for n in (0.0, -1e-3, 1.25, 3e4)),
    *((f"binary_cross_entropy({e})", y, n) for e in (0, 0.25) for y in (0.0, 0.5, 1.0)
      for n in (-3e4, -30.0, 0.0, 5.0, 3e4)),
    *(("focal", y, n) for y in (0.0, 0.3, 1.0) for n in (-3e4, -30.0, -1e-3, 0.0, 5.0, 200.0, 3e4)),
    *(("focal(0.5)", y, n) for y in (0.0, 0.5, 1.0) for n in (-3e4, -50.0, 2.0, 200.0)),
    *(("focal(0)", y, n) for y in (0.0, 1.0) for n in (-3e4, 3e4)),
    *(("gaussian_nll", 1.5, (1.5, s)) for s in (-3e4, -400.0, -200.0, 0.0, 200.0, 3e4)),
    *(("gaussian_nll", 1.5, (1.0, s)) for s in (-80.0, -1.0, 90.0, 3e4)),
    ("gaussian_nll", 0.0, (1e-30, -100.0)), ("gaussian_nll", 1e15, (0.0, 120.0)),
]  # fmt: skip


@pytest.mark.parametrize(("loss", "y", "net"), SATURATED)
def test_finite_where_the_truth_is(loss: str, y: float, net: Any, dtype: str) -> None:
    """Against 60 digits, far into both tails: numbers that the type holds come out."""
    y, nets = float(np.dtype(dtype).type(y)), np.atleast_1d(net).astype(dtype).astype(float)
    value, slope = value_and_slope(loss, y, tuple(nets), dtype)
    with localcontext() as context:
        context.prec = 60
        context.Emin, context.Emax = -(10**8), 10**8
        slopes, expected = exact(loss, y, tuple(nets))
    huge, tiny = (float(x) for x in (np.finfo(dtype).max, np.finfo(dtype).tiny))
    # A net of n is an exponent that rounds to n u: so many roundings of e^n.
    relative = gamma(64 + 8 * int(max(1.0, *np.minimum(np.abs(nets), 400.0))), dtype)
    size = 1 + abs(float(nets[-1])) * (1 + abs(y)) if loss == "poisson" else 0.0
    pairs = [(value, expected), *zip(np.atleast_1d(slope), slopes, strict=True)]
    for native, truth in pairs:
        if abs(truth) > Decimal(huge):
            assert np.isinf(native)
        else:
            scale = max(abs(float(truth)), size if truth is expected else 0.0)
            error = abs(Decimal(float(native)) - truth)
            allowance = relative * (scale + 1.0) + tiny
            assert error <= Decimal(allowance), (native, truth)


def log1p(x: Decimal) -> Decimal:
    """log(1 + x) where 1 + x would lose x."""
    return x - x * x / 2 + x * x * x / 3 if abs(x) < Decimal("1e-20") else (1 + x).ln()


def exact_softmax(loss: str, y: Array, nets: Array) -> tuple[Decimal, list[Decimal]]:
    """L_i and dL_i/dnet in 60 digits, no probability rounded to 1."""
    chosen = losses.read(loss)
    t = [Decimal(float(v)) for v in y]
    d = [Decimal(float(n)) - Decimal(float(max(nets))) for n in nets]
    e = [v.exp() for v in d]
    others = [sum(e[:j] + e[j + 1 :], Decimal(0)) for j in range(len(e))]
    s = sum(e, Decimal(0))
    rest = [o / s for o in others]
    minus_log = [log1p(o / v) for o, v in zip(others, e, strict=True)]
    if chosen.name == "cross_entropy":
        e_c = Decimal(chosen.values[0])
        a = t = [v * (1 - e_c) + e_c / len(t) for v in t]
        terms = [v * r for v, r in zip(t, minus_log, strict=True)]
    elif chosen.name == "kl_divergence":
        a = t
        terms = [v * (v.ln() + r) if v else v for v, r in zip(t, minus_log, strict=True)]
    else:
        g = Decimal(chosen.values[0])
        power = [q**g for q in rest]
        terms = [v * q * r for v, q, r in zip(t, power, minus_log, strict=True)]
        a = [
            v * (q + g * q / w * (o / s) * r)
            for v, q, w, o, r in zip(t, power, rest, e, minus_log, strict=True)
        ]
    slopes = []
    for j in range(len(a)):
        pulled = sum(a[:j] + a[j + 1 :], Decimal(0)) * e[j] / s
        slopes.append(pulled - a[j] * rest[j])
    return sum(terms, Decimal(0)), slopes


FAR = {"float32": -70.0, "float64": -690.0}
ENDS = [
    (0.0, 0.0), (0.5, 0.0), (3.0, 0.0), (14.5, 0.0), (36.5, 0.0, 0.0), (75.5, 57.7, 42.8),
    (20.0, 0.0, -20.0), (0.0, 9.0, 9.0), (80.0, 0.0, 0.0), (0.0, 87.0), (200.0, 0.0, 1.0),
    (-30.0, 0.0, 0.25), (3e4, 0.0, 3.0),
]  # fmt: skip


@pytest.mark.parametrize(
    "loss",
    [
        "focal(2)",
        "focal(0.5)",
        "focal(0.1)",
        "focal(0)",
        "focal(7)",
        "kl_divergence",
        "cross_entropy",
        "cross_entropy(0.125)",
    ],
)
@pytest.mark.parametrize("nets", ENDS, ids=str)
def test_softmax_at_its_ends(loss: str, nets: tuple[float, ...], dtype: str) -> None:
    """One class far above the others, against 60 digits: every digit, of terms that count."""
    K, z = len(nets), np.array(nets, dtype)
    mlp = dr.MLP([1, K], (), "softmax", loss, dtype)
    mlp.w = np.column_stack([np.zeros(K), z]).ravel()
    tiny, spread = float(np.finfo(dtype).tiny), min(float(z.max() - z.min()), 400.0)
    g = max(1.0, *losses.read(loss).values, 0.0)
    # A net below the largest by n is an exponent that rounds to n u, and a power of it g of those.
    relative = Decimal(gamma(64 + 8 * int(g * (2 + spread)), dtype))
    # A term that counts as 0 is missing in each sum, and times a logarithm or a power of it.
    missing = Decimal(K * (1 + g * (2 + spread)) * softmax_floor(dtype))
    if z.max() - z.min() <= -FAR[dtype]:
        missing = Decimal(0)
    for y in (*np.eye(K), np.full(K, 1 / K), np.full(K, 0.75)):
        y = y.astype(dtype)
        back = mlp.backward(mlp.forward([[0.0]]), y[None])
        with localcontext() as context:
            context.prec, context.Emin, context.Emax = 60, -(10**8), 10**8
            value, slopes = exact_softmax(loss, y, z)
            # Terms of both signs, whose sum loses what cancels; cross-entropy is y - y_hat.
            mixed = 0 < y[0] < 1 or "cross_entropy" in loss
            pairs = [(back.loss, value), *zip(-back.delta[1][0], slopes, strict=True)]
            for native, truth in pairs:
                size = abs(truth) + (1 if mixed else 0)
                error = abs(Decimal(float(native)) - truth)
                assert error <= relative * size + Decimal(64 * tiny) + missing, (native, truth)


@pytest.mark.parametrize("rows", [1, 40])
def test_softmax_terms_far_below_the_largest_are_0(rows: int, isa: str, dtype: str) -> None:
    """From D of (8) on: no output or delta is subnormal, nor its product with numbers near 1."""
    far = np.dtype(dtype).type(FAR[dtype])
    nets = np.array([0, far, np.nextafter(far, -np.inf), 1.2 * far, 1.4 * far, 9 * far], dtype)
    mlp = dr.MLP([1, 6], (), "softmax", "cross_entropy", dtype)
    mlp.w = np.column_stack([nets, np.zeros(6)]).ravel()
    X, labels = np.ones((rows, 1)), np.eye(6, dtype=dtype)
    forward = mlp.forward(X)
    y_hat = forward.y_hat[0]
    assert list(y_hat > 0) == [True, True, False, False, False, False]
    assert y_hat[1] >= 1e6 * np.finfo(dtype).tiny
    assert y_hat[1] / softmax_floor(dtype) == pytest.approx(1, rel=FLOOR_DIGITS)
    assert (
        mlp.predict(X).tobytes() == forward.y_hat.tobytes() == np.tile(y_hat, (rows, 1)).tobytes()
    )
    assert y_hat.tobytes() == literal.activate("softmax", nets[None])[0].tobytes()
    right = mlp.backward(forward, np.tile(labels[0], (rows, 1))).delta[1]
    wrong = mlp.backward(forward, np.tile(labels[-1], (rows, 1))).delta[1]
    assert right.tolist() == rows * [[0, -y_hat[1], 0, 0, 0, 0]]
    assert wrong.tolist() == rows * [[-1, -y_hat[1], 0, 0, 0, 1]]


def test_the_limit_of_tweedie_far_below() -> None:
    """power > 2, net -> -inf: both powers overflow, the loss goes up."""
    for dtype, net in (("float32", -100.0), ("float64", -800.0)):
        assert value_and_slope("tweedie(3)", 1.0, net, dtype) == (np.inf, -np.inf)
        assert value_and_slope("tweedie(2.5)", 1.0, 2 * net, dtype) == (np.inf, -np.inf)


@pytest.mark.parametrize("d", [2.0**-7, 2.0**-12, 2.0**-30])
def test_log_cosh_keeps_its_digits_near_0(d: float, dtype: str) -> None:
    """d^2/2 - d^4/12 + d^6/45, where the usual form would leave log 2's rounding."""
    truth = d**2 / 2 - d**4 / 12 + d**6 / 45
    for sign in (1, -1):
        value, slope = value_and_slope("log_cosh", 0.0, sign * d, dtype)
        assert abs(value - truth) <= gamma(64, dtype) * truth
        assert abs(slope - sign * np.tanh(d)) <= gamma(16, dtype) * d


@pytest.mark.parametrize("power", [1.0000000001, 1.001, 1.9999, 2.0001])
def test_tweedie_near_its_ends(power: float, dtype: str) -> None:
    """p - 1 and 2 - p are formed before they are rounded: slopes keep their digits."""
    for y, net in ((0.5, 3.0), (2.0, -5.0), (7.0, 4.0)):
        z = float(np.dtype(dtype).type(net))
        _, slope = value_and_slope(f"tweedie({power})", y, z, dtype)
        truth = np.exp((2 - power) * z) - y * np.exp((1 - power) * z)
        assert abs(slope - truth) <= gamma(64, dtype) * (np.exp((2 - power) * z) + y + abs(truth))


@pytest.mark.parametrize("K", [2, 3, 10, 40])
@pytest.mark.parametrize("loss", ["cross_entropy", "cross_entropy(0.1)", "hinge", "squared_hinge",
                                  "focal"])  # fmt: skip
def test_labels_are_rows_of_targets(loss: str, K: int, dtype: str) -> None:
    rng = np.random.default_rng(0)
    X, labels = rng.normal(size=(30, 4)), rng.integers(0, K, 30)
    mlp = dr.MLP([4, 5, K], "tanh", None, loss, dtype, seed=0)
    rows = np.eye(K)[labels]
    rows = 2 * rows - 1 if "hinge" in loss else rows
    by_label, by_row = (mlp.backward(mlp.forward(X), Y) for Y in (labels, rows))
    assert by_label.loss == by_row.loss
    assert by_label.gradient.tobytes() == by_row.gradient.tobytes()
    for Y in (labels, rows):
        found = dr.compare(mlp, X, Y)
        assert found, found


@pytest.mark.parametrize(
    ("loss", "output", "share"),
    [("cross_entropy", "softmax", 1 / 3), ("binary_cross_entropy", "logistic", 1 / 2)],
)
def test_label_smoothing_is_a_change_of_targets(loss: str, output: str, share: float) -> None:
    rng = np.random.default_rng(1)
    X, Y, e = rng.normal(size=(20, 4)), rng.integers(0, 2, (20, 3)).astype(float), 0.25
    smooth = dr.MLP([4, 5, 3], "tanh", output, f"{loss}({e})", "float64", seed=0)
    plain = dr.MLP([4, 5, 3], "tanh", output, loss, "float64", seed=0)
    moved = (1 - e) * Y + e * share
    assert abs(smooth.loss(X, Y) - plain.loss(X, moved)) <= gamma(64) * 30
    difference = smooth.gradient(X, Y) - plain.gradient(X, moved)
    assert np.max(np.abs(difference)) <= gamma(256) * 30


def test_one_column_serves_all_quantiles(dtype: str) -> None:
    rng = np.random.default_rng(2)
    X, y = rng.normal(size=(50, 3)), rng.normal(size=50)
    results = []
    for Y in (y, y[:, None], np.repeat(y[:, None], 3, axis=1), np.asfortranarray(y[:, None])):
        mlp = dr.MLP([3, 4, 3], "tanh", None, "quantile(0.1, 0.5, 0.9)", dtype, seed=0)
        history = mlp.fit(X, Y, epochs=3, seed=0, validation=(X, Y))
        error = mlp.evaluate(X, Y, "mean_absolute_error")
        results.append((mlp.w.tobytes(), tuple(history.loss), mlp.loss(X, Y), error))
    assert len(set(results)) == 1


def test_quantiles_are_learned() -> None:
    """Biases alone, a falling step: they end between the order statistics around q n."""
    rng = np.random.default_rng(3)
    y = rng.gamma(2.0, size=400)
    q = (0.1, 0.5, 0.9)
    mlp = dr.MLP([1, 3], (), None, f"quantile({q[0]}, {q[1]}, {q[2]})", "float64", seed=0)
    mlp.w = np.zeros(6)
    for k in range(11):
        mlp.fit(np.zeros((400, 1)), y, dr.SGD(2.0**-k), batch_size=None, epochs=60, shuffle=False)
    at_least = [np.mean(y <= found + 2.0**-10) for found in mlp.w[1::2]]
    at_most = [np.mean(y < found - 2.0**-10) for found in mlp.w[1::2]]
    assert all(low <= want <= high for low, want, high in zip(at_most, q, at_least, strict=True))


def test_multi_label_is_one_logistic_regression_per_label() -> None:
    """K logistic outputs with binary cross-entropy: K problems side by side."""
    rng = np.random.default_rng(4)
    X, Y = rng.normal(size=(30, 5)), rng.integers(0, 2, (30, 4))
    together = dr.MLP([5, 4], (), None, "binary_cross_entropy", "float64", seed=0)
    total = 0.0
    for j in range(4):
        alone = dr.MLP([5, 1], (), None, "binary_cross_entropy", "float64")
        alone.w = together.W[0][j]
        total += alone.loss(X, Y[:, j])
        gradient = together.backward(together.forward(X), Y).dW[0][j]
        assert gradient.tobytes() == alone.gradient(X, Y[:, j]).tobytes()
    assert abs(together.loss(X, Y) - total) <= gamma(200) * total


def test_gaussian_learns_mean_and_variance() -> None:
    """From biases alone: the sample's mean and its variance, where the loss has its minimum."""
    rng = np.random.default_rng(5)
    y = 3.0 + 0.5 * rng.normal(size=(500, 2)) * [1.0, 4.0]
    mlp = dr.MLP([1, 4], (), None, "gaussian_nll", "float64")
    mlp.w = np.zeros(8)
    mlp.fit(np.zeros((500, 1)), y, dr.Adam(0.05), batch_size=None, epochs=1500)
    mean, variance = np.split(mlp.predict([[0.0]])[0], 2)
    assert np.max(np.abs(mean - y.mean(axis=0))) < FD_USEFUL * 10
    assert np.max(np.abs(variance / y.var(axis=0) - 1)) < FD_USEFUL * 10
    assert mlp.evaluate(np.zeros((500, 1)), y, "mean_squared_error") > 0


def test_hinge_decides_at_zero() -> None:
    rng = np.random.default_rng(6)
    X = rng.normal(size=(200, 2))
    side = X[:, 0] + X[:, 1] > 0
    mlp = dr.MLP([2, 1], (), None, "squared_hinge", seed=0)
    mlp.fit(X, np.where(side, 1, -1), dr.Adam(0.05), epochs=40, seed=0)
    assert mlp.evaluate(X, np.where(side, 1, -1), "accuracy") > 0.97
    assert np.mean(mlp.predict_labels(X) == side) > 0.97
    several = dr.MLP([2, 2], (), None, "hinge", seed=0)
    several.fit(X, side.astype(int), dr.Adam(0.05), epochs=40, seed=0)
    assert several.evaluate(X, side.astype(int), "accuracy") > 0.97


BAD = [
    ("poisson", 1, -1.0, "a value below 0; expected numbers >= 0 for poisson"),
    ("tweedie", 1, -1e-300, "a value below 0; expected numbers >= 0 for tweedie"),
    ("gamma", 1, 0.0, "a value that is not above 0; expected numbers > 0 for gamma"),
    ("tweedie(2.5)", 1, 0.0, "a value that is not above 0; expected numbers > 0 for tweedie"),
    ("hinge", 1, 0.0, "a value other than -1 and 1; expected -1 or 1 for hinge"),
    ("squared_hinge", 2, 0.5, "a value other than -1 and 1; expected -1 or 1 for squared_hinge"),
    ("hinge", 1, 2.0, "a value other than -1 and 1; expected -1 or 1 for hinge"),
    ("focal", 1, 1.5, r"a value outside \[0, 1\]; expected probabilities for focal"),
    ("kl_divergence", 2, -0.5, r"a value outside \[0, 1\]; expected probabilities for kl_div"),
    ("absolute", 1, np.inf, "nan or infinity"),
]  # fmt: skip


@pytest.mark.parametrize(("loss", "K", "value", "message"), BAD)
def test_bad_targets_are_named(loss: str, K: int, value: float, message: str) -> None:
    X, Y = np.zeros((5, 2)), np.ones((5, K))
    Y[3, K - 1] = value
    for MLP in (dr.MLP, dr.oracle.MLP):
        mlp = MLP([2, K], (), None, loss, "float64", seed=0)
        for call in (mlp.loss, mlp.gradient, mlp.fit):
            with pytest.raises(ValueError, match=f"^Y: row 3 holds {message}"):
                call(X, Y)


@pytest.mark.parametrize(
    ("loss", "K", "message"),
    [
        ("huber(0)", 1, r"loss: 'huber\(0\)': delta = 0.0 where a number > 0 is wanted"),
        ("huber(nan)", 1, "delta = nan"),
        ("quantile(0.1, 1.0)", 2, "q = 1.0 where a number between 0 and 1"),
        ("quantile(0.1, 0.5)", 3, r"loss: 'quantile\(0.1, 0.5\)' for 3 outputs; expected one"),
        ("tweedie(2)", 1, "power = 2.0 where a number > 1, at most 100, other"),
        ("focal(-1)", 1, r"gamma = -1.0 where a number in \[0, 100\]"),
        ("cross_entropy(1)", 2, "label_smoothing = 1.0 where 0 <= e < 1"),
        ("gaussian_nll", 3, "layers: 3 outputs; expected an even number"),
        ("hubris", 1, "loss: 'hubris'; expected one of half_squared_error, binary_cross_entropy"),
        ("absolute(2)", 1, "loss: 'absolute\\(2\\)': '2' too many"),
    ],
)
def test_bad_losses_are_named(loss: str, K: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dr.MLP([2, K], loss=loss)


@pytest.mark.parametrize(
    ("what", "text", "message"),
    [
        ("loss", "huber(1e-300)", "loss: 'huber(delta=1e-300)': delta = 1e-300 is 0.0 as float32"),
        ("loss", "huber(1e39)", "delta = 1e+39 is inf as float32, where a number > 0 is wanted"),
        ("loss", "quantile(1e-60)", "q = 1e-60 is 0.0 as float32"),
        ("loss", "quantile(0.99999999999)", "q = 0.99999999999 is 1.0 as float32"),
        ("loss", "quantile(0.5, 1e-60)", "q = 1e-60 is 0.0 as float32"),
        ("loss", "tweedie(2.0000000001)", "power = 2.0000000001 is 2.0 as float32, where a number"),
        ("loss", "tweedie(1.9999999999)", "power = 1.9999999999 is 2.0 as float32, where a number"),
        ("activation", "elu(1e39)", "activation[0]: 'elu(alpha=1e+39)': alpha = 1e+39 is inf as"),
        ("activation", "elu(1e-60)", "alpha = 1e-60 is 0.0 as float32, where a finite number > 0"),
        ("activation", "prelu(1e300)", "activation[0]: 'prelu(slope=1e+300)': slope = 1e+300 is"),
        ("activation", "blend(relu, 1e39)", "alpha = 1e+39 is inf as float32, where a finite num"),
        ("output", "prelu(1e39)", "output: 'prelu(slope=1e+39)': slope = 1e+39 is inf as float32"),
    ],
)
def test_parameters_are_judged_as_rounded(what: str, text: str, message: str) -> None:
    """The range holds for the numbers that the network computes with."""
    K = 2 if "0.5, 1e" in text else 1
    for MLP in (dr.MLP, dr.oracle.MLP):
        with pytest.raises(ValueError, match=re.escape(message)):
            MLP([2, 3, K], dtype="float32", **{what: text})
        assert MLP([2, 3, K], dtype="float64", **{what: text})


@pytest.mark.parametrize("loss", ["tweedie(1000)", "focal(1e39)", "focal(101)", "tweedie(1)"])
def test_limits_of_powers(loss: str) -> None:
    with pytest.raises(ValueError, match=r"where a number .*100.* is wanted"):
        dr.MLP([2, 1], loss=loss, dtype="float64")
    X, Y = np.random.default_rng(0).normal(size=(20, 2)), np.ones(20)
    for largest in ("tweedie(100)", "focal(100)"):
        mlp = dr.MLP([2, 1], loss=largest, seed=0)
        mlp.w = mlp.w / 16
        loss_there, gradient = mlp.loss_and_gradient(X, Y)
        assert np.isfinite(loss_there)
        assert np.isfinite(gradient).all()


@pytest.mark.parametrize(
    ("loss", "K", "Y"), [("quantile(0.1, 0.9)", 2, np.arange(6.0)), ("gaussian_nll", 4, None)]
)
def test_outputs_that_are_no_classes(loss: str, K: int, Y: Array | None) -> None:
    """The largest of several quantiles, or of means and variances, is nobody's label."""
    X = np.zeros((6, 2))
    Y = np.eye(2)[[0, 1] * 3] if Y is None else Y
    for MLP in (dr.MLP, dr.oracle.MLP):
        mlp = MLP([2, K], loss=loss, seed=0)
        with pytest.raises(ValueError, match=r"^predict_labels: the outputs of loss='.*no classes"):
            mlp.predict_labels(X)
        with pytest.raises(ValueError, match=r"^accuracy: the outputs of loss='.*no classes"):
            mlp.evaluate(X, Y, "accuracy")


def test_text_is_canonical() -> None:
    texts = {"huber": "huber(delta=1.0)", "quantile(.1,.9)": "quantile(0.1, 0.9)",
             "cross_entropy(0)": "cross_entropy", "focal( 3 )": "focal(gamma=3.0)",
             "cross_entropy(0.1)": "cross_entropy(label_smoothing=0.1)"}  # fmt: skip
    for given_text, text in texts.items():
        K = 1 if "huber" in text or "focal" in text else 2
        assert dr.MLP([2, K], loss=given_text).architecture.loss == text
        assert losses.read(text).text == text
    with pytest.raises(TypeError, match="loss: 3 of type int"):
        dr.MLP([2, 1], loss=3)  # type: ignore[arg-type]


def test_a_network_with_parameters_is_saved(tmp_path: Any) -> None:
    mlp = dr.MLP([2, 3], loss="quantile(0.1, 0.5, 0.9)", seed=0)
    mlp.save(tmp_path / "quantiles.safetensors")
    assert dr.load(tmp_path / "quantiles.safetensors").architecture == mlp.architecture


def test_every_loss_has_a_peer() -> None:
    recorded = {losses.read(key.split()[0]).name for key in {key.split("/")[0] for key in PEERS}}
    assert recorded == set(losses.TABLE)


PEERS = np.load(Path(__file__).parent / "fixtures" / "losses.npz")


@pytest.mark.parametrize("name", sorted({key.split("/")[0] for key in PEERS}))
def test_values_and_gradients_of_peers(name: str) -> None:
    """torch, scikit-learn and optax on a grid (tests/fixtures), native and oracle."""
    y, z, value, gradient = (PEERS[f"{name}/{part}"] for part in ("y", "z", "value", "gradient"))
    loss = name.split()[0]
    output = "softmax" if " softmax " in name else None
    mlp = dr.MLP([z.shape[1], z.shape[1]], (), output, loss, "float64", reduction="sum")
    output = mlp.architecture.activations[-1]
    mlp.W = [np.eye(z.shape[1], z.shape[1] + 1)]
    back = mlp.backward(mlp.forward(z), y)
    # Peers write the same function in other ways, which lose what cancels: of terms this large.
    size = 1 + np.abs(y).max() * (1 + np.abs(z).max()) + np.abs(value).max()
    bound = gamma(64) * size
    assert np.max(np.abs(-back.delta[1] - gradient)) <= bound
    rows = row_loss(mlp.architecture.loss, output, _smoothed(mlp, y), z, mlp.predict(z), EPS)
    assert np.max(np.abs(rows - value)) <= bound
    assert abs(back.loss - np.sum(value)) <= len(value) * bound


def _smoothed(mlp: dr.MLP, y: Array) -> Array:
    return targets_as(y, mlp.architecture, np.float64)
