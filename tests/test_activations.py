# SPDX-License-Identifier: BSD-3-Clause
"""The activations whose derivative comes from net: values, slopes, gradients, what units learn.

docs/reference/activations.md holds their formulas, (A1) to (A16).
"""

from __future__ import annotations

import copy
import pickle
from math import erfc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tolerances import FD_STEP, FD_USEFUL, assert_within, fd_bound, gamma

import deltarule as dr
from deltarule import _core
from deltarule.activations import TABLE, activation, kernel, kinks, row
from deltarule.compare import same_bits
from deltarule.jacobian import jacobian
from deltarule.oracle import literal
from deltarule.oracle.functions import of_net

kernels = _core.kernels
PANEL = 32
inf, nan = np.inf, np.nan

CODES = list(TABLE)  # as the core counts them
NAMES = [name for name, f in TABLE.items() if not f.from_output]
TEXTS = [
    *NAMES, "leaky_relu(slope=0.2)", "prelu(slope=-0.5)", "elu(alpha=0.3)", "blend(mish)",
    "blend(selu, alpha=-0.5)", "blend(relu, alpha=0.25)",
]  # fmt: skip
LEARNED = ["prelu", "blend", "blend(gelu, alpha=0.5)"]


def native(
    text: str, net: np.ndarray, alpha: np.ndarray | None = None, keep: bool = True
) -> list[np.ndarray]:
    """o, f' and do/dalpha of every net by the kernels."""
    n, columns = net.shape
    name, inner, parameters = kernel(activation("", text))
    padded = np.full((n, -(-columns // PANEL) * PANEL), nan, net.dtype)
    padded[:, :columns] = net
    stacked = np.ascontiguousarray(padded.reshape(n, -1, PANEL).transpose(1, 0, 2))
    start = np.full(columns, parameters[0] if parameters else 0, net.dtype)
    of_units = np.zeros(stacked.shape[0] * PANEL, net.dtype)
    of_units[:columns] = start if alpha is None else alpha
    codes = CODES.index(name), CODES.index(inner or name)
    found = kernels.activate(stacked, columns, *codes, of_units, keep)
    return [np.ascontiguousarray(a.transpose(1, 0, 2).reshape(n, -1)[:, :columns]) for a in found]


# --- kernels


@pytest.mark.parametrize("text", TEXTS)
def test_tiles_have_the_literal_bits(
    isa: str, dtype: str, text: str, rng: np.random.Generator
) -> None:
    learned = row(activation("", text)).learned
    for n, columns in [(1, 1), (7, 3), (3, 33), (40, 17), (17, 64)]:
        net = rng.choice([1e-6, 0.5, 3, 40, 1e4], (n, 1)) * rng.standard_normal((n, columns))
        net = net.astype(dtype)
        net[rng.random(net.shape) < 0.1] = -0.0
        net[rng.random(net.shape) < 0.05] = nan
        alpha = rng.standard_normal(columns).astype(dtype) if learned else None
        expected = literal.parts(activation("", text), net, alpha)
        found = native(text, net, alpha)
        for value, other in zip(found[: 3 if learned else 2], expected, strict=False):
            assert same_bits(value, other)
        assert same_bits(native(text, net, alpha, keep=False)[0], expected[0])


@pytest.mark.parametrize("name", [name for name in NAMES if TABLE[name].kinks])
def test_slopes_jump_at_kinks(name: str) -> None:
    """Just beside each, f' or its own slope is another one than across it."""
    h = 2.0**-20
    for kink in kinks(name):
        f = of_net(name, kink + h * np.array([[-2.0], [-1.0], [1.0], [2.0]]))[1][:, 0]
        assert abs(f[2] - f[1]) > 0.1 or abs((f[3] - f[2]) - (f[1] - f[0])) > 0.1 * h


@pytest.mark.parametrize("name", ["identity", "logistic", "tanh", "relu"])
def test_slopes_that_are_asked_for_have_the_literal_bits(
    isa: str, dtype: str, name: str, rng: np.random.Generator
) -> None:
    """f' could come from o; whoever wants it beside o gets what (18) makes of u = 1."""
    net = (5 * rng.standard_normal((21, 37))).astype(dtype)
    o, slope, _ = native(name, net)
    expected = literal.parts(name, net)
    assert same_bits(o, literal.activate(name, net))
    assert same_bits(o, expected[0])
    assert same_bits(slope, expected[1])


@pytest.mark.parametrize("name", ["identity", "logistic", "tanh", "relu", "softmax", "silu"])
def test_times_derivative_has_the_literal_bits(
    isa: str, dtype: str, name: str, rng: np.random.Generator
) -> None:
    for n, columns in [(1, 2), (5, 33), (9, 64)]:
        net = rng.standard_normal((n, columns)).astype(dtype)
        u = rng.standard_normal((n, columns)).astype(dtype)
        o = literal.activate(name, net)
        if row(name).from_output:
            y = np.zeros_like(u)  # hidden_delta through W = identity
            W = np.eye(columns, columns + 1, dtype=dtype)
            expected = literal.hidden_delta(u + y, W, name, o)
            slope = None
        else:
            slope = literal.parts(name, net)[1]
            expected = u * slope
        shape = (n, -(-columns // PANEL), PANEL)

        def stacked(a: np.ndarray, fill: float, shape: Any = shape) -> np.ndarray:
            padded = np.full((shape[0], shape[1] * PANEL), fill, a.dtype)
            padded[:, : a.shape[1]] = a
            return np.ascontiguousarray(padded.reshape(shape).transpose(1, 0, 2))

        found = kernels.times_derivative(
            stacked(u, 0), stacked(o, nan), None if slope is None else stacked(slope, nan),
            columns, CODES.index(name),
        )  # fmt: skip
        delta = found.transpose(1, 0, 2).reshape(n, -1)
        assert same_bits(np.ascontiguousarray(delta[:, :columns]), expected)
        assert not delta[:, columns:].any(), "the padding must hold zeros"


# --- values and slopes

KINKS_AND_ENDS: dict[str, list[tuple[float, float, float]]] = {
    # net, f, f'
    "leaky_relu(slope=0.25)": [(0, 0, 0.25), (1e30, 1e30, 1), (-1e30, -2.5e29, 0.25)],
    "prelu(slope=0.25)": [(0, 0, 0.25), (1e30, 1e30, 1), (-1e30, -2.5e29, 0.25)],
    "elu(alpha=2)": [(0, 0, 2), (1e30, 1e30, 1), (-1e30, -2, 0)],
    "selu": [(0, 0, 1.7580993408473766), (-1e30, -1.7580993408473766, 0)],
    "gelu": [(0, 0, 0.5), (1e30, 1e30, 1), (-1e30, 0, 0)],
    "gelu_tanh": [(0, 0, 0.5), (1e30, 1e30, 1), (-1e30, 0, 0)],
    "silu": [(0, 0, 0.5), (1e30, 1e30, 1), (-1e30, 0, 0)],
    "mish": [(0, 0, 0.6), (1e30, 1e30, 1), (-1e30, 0, 0)],
    "softplus": [(0, 0.6931471805599453, 0.5), (1e30, 1e30, 1), (-1e30, 0, 0)],
    "softsign": [(0, 0, 1), (1e30, 1, 1e-60), (-1e30, -1, 1e-60)],
    "hard_tanh": [(1, 1, 0), (-1, -1, 0), (0, 0, 1), (1e30, 1, 0), (-1e30, -1, 0)],
    "hard_logistic": [(3, 1, 0), (-3, 0, 0), (0, 0.5, 1 / 6), (1e30, 1, 0), (-1e30, 0, 0)],
    "exponential": [(0, 1, 1), (-1e30, 0, 0)],
    "blend(tanh, alpha=0.5)": [(0, 0, 1), (1e30, 5e29, 0.5), (-1e30, -5e29, 0.5)],
}


@pytest.mark.parametrize("text", KINKS_AND_ENDS)
def test_values_at_kinks_and_at_saturation(dtype: str, text: str) -> None:
    """As docs/reference/activations.md gives them."""
    assert {activation("", t).partition("(")[0] for t in KINKS_AND_ENDS} == set(NAMES)
    for net, o, slope in KINKS_AND_ENDS[text]:
        found = native(text, np.array([[net]], dtype))
        with np.errstate(all="ignore"):
            by_oracle = of_net(activation("", text), np.array([[net]], np.float64))
        for value, expected in zip(found, (o, slope), strict=False):
            tolerance = gamma(8, dtype) * max(abs(expected), float(np.finfo(dtype).tiny))
            assert_within(value, [[expected]], tolerance)
        assert_within(by_oracle.o, [[o]], gamma(8) * abs(o))
        assert_within(by_oracle.slope, [[slope]], gamma(8) * abs(slope))


@pytest.mark.parametrize("text", TEXTS)
def test_nan_stays_nan(dtype: str, text: str) -> None:
    assert np.isnan(native(text, np.full((2, 3), nan, dtype))[0]).all()


FINITE = st.floats(-(2.0**100), 2.0**100, width=32)


@given(st.lists(FINITE, min_size=2, max_size=40), st.sampled_from(NAMES))
def test_properties(nets: list[float], name: str) -> None:
    """Finite, inside the range, monotone where f' has one sign; f' inside its bounds."""
    net = np.sort(np.array(nets))[:, None]
    if name == "exponential":
        net = np.clip(net, -700, 700)
    o, slope, _ = native(name, net)
    assert np.isfinite(o).all()
    assert np.isfinite(slope).all()
    largest = row(activation("", name)).largest_slope
    if name != "exponential":
        assert np.all(np.abs(slope) <= largest * (1 + gamma(64)))
    if name in ("gelu", "gelu_tanh", "silu", "mish"):
        assert o.min() >= -0.31
        assert np.all(o <= np.maximum(net, 0))
    else:
        assert np.all(slope >= 0)
        near = gamma(64) * (np.abs(o[1:, 0]) + np.abs(o[:-1, 0])) + 1e-300
        assert np.all(np.diff(o[:, 0]) >= -near), "monotone"
    low, high = {
        "elu": (-1, inf), "selu": (-1.7580993408473766, inf), "softplus": (0, inf),
        "softsign": (-1, 1), "hard_tanh": (-1, 1), "hard_logistic": (0, 1), "exponential": (0, inf),
    }.get(name, (-inf, inf))  # fmt: skip
    assert low <= o.min()
    assert o.max() <= high


# --- gradients against differences


def difference(f: Any, x: np.ndarray, h: float) -> np.ndarray:
    derivative = np.empty(x.shape)
    for at in np.ndindex(x.shape):
        step = np.zeros(x.shape)
        step[at] = h
        near, far = f(x + step) - f(x - step), f(x + 2 * step) - f(x - 2 * step)
        derivative[at] = (8 * near - far) / (12 * h)
    return derivative


def assert_is_derivative(claimed: np.ndarray, f: Any, x: np.ndarray, rounding: float) -> None:
    at_h, at_2h = difference(f, x, FD_STEP), difference(f, x, 2 * FD_STEP)
    bound = fd_bound(at_h, at_2h, x, rounding)
    assert np.max(bound) < FD_USEFUL * np.max(np.abs(at_h)), "the bound is too wide to prove much"
    assert_within(claimed, at_h, bound)


def problem(text: str, module: Any, **options: Any) -> tuple[Any, np.ndarray, np.ndarray]:
    """A 3-4-2 network, this activation throughout, no net near a place where f is not smooth."""
    for seed in range(1000):
        rng = np.random.default_rng(seed)
        mlp = module.MLP([3, 4, 2], text, text, dtype="float64", **options)
        mlp.w = rng.normal(0, 0.6, mlp.n_weights)  # biases and learned parameters too
        X, Y = rng.normal(0, 1, (4, 3)), rng.normal(0, 1, (4, 2))
        trace = mlp.forward(X)
        nets = np.concatenate([n.ravel() for n in trace.net[1:]])
        if all(np.min(np.abs(nets - at)) > 20 * FD_STEP for at in kinks(activation("", text))):
            return mlp, X, Y
    raise AssertionError("no seed keeps the nets away from the kinks")


MODULES = pytest.mark.parametrize("module", [dr, dr.oracle], ids=["native", "oracle"])


@MODULES
@pytest.mark.parametrize("text", TEXTS)
def test_gradient_is_the_difference_quotient(text: str, module: Any) -> None:
    """Of every weight, learned parameter and input: hidden and output layer at once."""
    for options in ({}, {"l2": 0.3, "reduction": "sum"}):
        mlp, X, Y = problem(text, module, **options)
        w, rounding = mlp.w.copy(), gamma(400) * (1 + 4 * mlp.loss(X, Y))
        back = mlp.backward(mlp.forward(X), Y)

        def loss_at(v: np.ndarray, mlp: Any = mlp, X: Any = X, Y: Any = Y) -> float:
            mlp.w = v
            return float(mlp.loss(X, Y))

        assert_is_derivative(back.gradient, loss_at, w, rounding)
        mlp.w = w
        S = 1 if options else len(X)
        loss_of = lambda x, mlp=mlp, Y=Y: float(mlp.loss(x, Y))  # noqa: E731
        assert_is_derivative(back.dX / S, loss_of, X, rounding)
        assert same_bits(np.asarray(mlp.gradient(X, Y)), np.asarray(back.gradient))


@MODULES
@pytest.mark.parametrize("text", TEXTS)
def test_jacobian_is_what_backward_multiplies_by(text: str, module: Any) -> None:
    """u times the Jacobian is delta, at every layer, and -dX."""
    mlp, X, Y = problem(text, module)
    back = mlp.backward(mlp.forward(X), Y)
    u = Y - mlp.predict(X)
    for wrt, expected in [("X", -back.dX), (1, back.delta[1]), (2, back.delta[2])]:
        J = jacobian(mlp, X, wrt)
        reach = np.einsum("nk,nkh->nh", np.abs(u), np.abs(J))
        assert_within(np.einsum("nk,nkh->nh", u, J), expected, gamma(200) * (reach + 1))


@pytest.mark.parametrize("text", TEXTS)
def test_compare_and_check_gradient_agree(text: str, dtype: str) -> None:
    """Oracle within its bounds, literal reference bit by bit, differences of the loss."""
    mlp = dr.MLP([5, 17, 9, 3], text, text, dtype=dtype, seed=1, l2=0.01)
    rng = np.random.default_rng(0)
    X, Y = 0.5 * rng.normal(size=(40, 5)), rng.normal(size=(40, 3))
    assert dr.compare(mlp, X, Y), text
    check = dr.check_gradient(mlp, X, Y, n_weights=20)
    assert check, check
    assert (
        all(
            layer.shape[1] == columns + (text in LEARNED)
            for layer, (_, columns) in zip(check.layers, mlp.architecture.shapes, strict=True)
        )
        or text not in LEARNED
    )


def test_compare_tells_a_wrong_gradient_of_what_is_learned() -> None:
    mlp, X, Y = problem("prelu", dr)
    right = dr.check_gradient(mlp, X, Y)
    assert right
    assert right.layers[0].shape == (4, 5)
    wrong = dr.oracle.MLP.from_architecture(mlp.architecture, mlp.w)
    true = wrong.gradient

    def half(*arguments: Any) -> Any:
        g = true(*arguments)
        g[-6:] *= 0.5
        return g

    wrong.gradient = half  # type: ignore[method-assign]
    assert not dr.check_gradient(wrong, X, Y)


# --- what units learn


@pytest.mark.parametrize("text", LEARNED)
@MODULES
def test_alpha_stands_behind_the_weights(text: str, module: Any) -> None:
    mlp = module.MLP([3, 4, 2], [text], "identity", dtype="float64", seed=0)
    start = kernel(activation("", text))[2][0]
    assert mlp.n_weights == 4 * 4 + 2 * 5 + 4
    assert mlp.alpha[1] is None
    np.testing.assert_array_equal(mlp.alpha[0], np.full(4, start))
    w = np.arange(float(mlp.n_weights))
    mlp.w = w
    np.testing.assert_array_equal(mlp.alpha[0], w[-4:])
    np.testing.assert_array_equal(mlp.W[1].ravel(), w[16:26])
    mlp.W = [np.zeros((4, 4)), np.ones((2, 5))]
    np.testing.assert_array_equal(mlp.alpha[0], w[-4:], "assigning W leaves alpha")
    assert not mlp.alpha[0].flags.writeable


def test_penalties_and_decay_leave_alpha_alone() -> None:
    X, Y = np.zeros((4, 3)), np.zeros((4, 2))
    for optimizer in (dr.SGD(0.1, weight_decay=0.5), dr.SGD(0.1)):
        mlp = dr.MLP([3, 4, 2], "prelu", dtype="float64", seed=0, l2=0.5, l1=0.5)
        mlp.W = [np.zeros((4, 4)), np.zeros((2, 5))]  # no gradient but that of the penalty
        dr.Trainer(mlp, optimizer, batch_size=2).epoch(X, Y)
        np.testing.assert_array_equal(mlp.alpha[0], np.full(4, 0.25))


def test_prelu_learns_the_slope_of_its_teacher() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 1))
    Y = np.where(X > 0, X, 0.6 * X)
    mlp = dr.MLP([1, 1, 1], "prelu", dtype="float64")
    mlp.w = [1, 0, 1, 0, 0.1]
    mlp.fit(X, Y, epochs=300, optimizer=dr.SGD(0.3, momentum=0.9), batch_size=None)
    np.testing.assert_allclose(mlp.alpha[0], 0.6, atol=1e-4)


def test_sample_weights_reach_alpha() -> None:
    """A row of weight 2 is the row twice, in what units learn too."""
    mlp, X, Y = problem("prelu", dr)
    twice = mlp.gradient(np.vstack([X, X[:1]]), np.vstack([Y, Y[:1]]))
    weighted = mlp.gradient(X, Y, sample_weight=[2, 1, 1, 1])
    assert_within(weighted, twice, gamma(200) * (1 + np.abs(twice)))


def test_networks_that_learn_parameters_are_saved_copied_and_shown(tmp_path: Path) -> None:
    mlp = dr.MLP([3, 4, 4, 2], ["prelu(slope=0.1)", "blend(mish)"], "gelu", seed=0)
    mlp.w = np.random.default_rng(0).normal(size=mlp.n_weights)
    path = tmp_path / "net.safetensors"
    mlp.save(path)
    for other in (dr.load(path), pickle.loads(pickle.dumps(mlp)), copy.copy(mlp)):
        assert other.architecture == mlp.architecture
        assert same_bits(np.asarray(other.w), np.asarray(mlp.w))
    assert mlp.architecture.activations == ("prelu(slope=0.1)", "blend(mish, alpha=1.0)", "gelu")
    assert "alpha[0]  4" in mlp.summary()
    assert f"{mlp.n_weights:,}" in mlp.summary()
    assert repr(mlp).startswith("MLP([3, 4, 4, 2], activation=['prelu(slope=0.1)', 'blend(mish")
    assert eval(repr(mlp), vars(dr)).architecture == mlp.architecture


def test_trainer_s_state_holds_alpha() -> None:
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(40, 3)), rng.normal(size=(40, 2))
    one, two = (dr.MLP([3, 5, 2], "prelu", seed=0) for _ in range(2))
    whole, halves = dr.Trainer(one, dr.Adam(0.01)), dr.Trainer(two, dr.Adam(0.01))
    for _ in range(4):
        whole.epoch(X, Y)
    for _ in range(2):
        halves.epoch(X, Y)
    halves = pickle.loads(pickle.dumps(halves))
    for _ in range(2):
        halves.epoch(X, Y)
    assert same_bits(np.asarray(one.w), np.asarray(halves.mlp.w))
    assert not np.allclose(one.alpha[0], 0.25)


# --- errors


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("swish", ValueError, "activation: 'swish'; expected one of identity, logistic"),
        ("relu(0.1)", ValueError, "'0.1' too many.*; expected relu with no parameters"),
        ("leaky_relu(slope=-1)", ValueError, r"slope = -1.0 where a number in \[0, 1\] is wanted"),
        ("elu(alpha=0)", ValueError, "alpha = 0.0 where a finite number > 0 is wanted"),
        ("elu(beta=1)", ValueError, "'beta' unknown"),
        ("prelu(slope=inf)", ValueError, "slope = inf where a finite number is wanted"),
        ("blend(softmax)", ValueError, "'softmax' is none of tanh, logistic"),
        ("blend(leaky_relu)", ValueError, "'leaky_relu' is none of tanh"),
        ("leaky_relu(x)", ValueError, "'x' is no number"),
        (3, TypeError, "activation: 3 of type int; expected"),
    ],
)
def test_refused(text: Any, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        dr.MLP([3, 4, 2], text)


def test_backward_takes_the_slopes_from_the_trace_s_nets() -> None:
    """Not from o, which here is another network's."""
    mlp, X, Y = problem("mish", dr)
    trace = mlp.forward(X)
    moved = dr.Trace(trace.net, (trace.o[0], trace.o[1] + 1, trace.o[2]), trace.y_hat)
    before, after = mlp.backward(trace, Y), mlp.backward(moved, Y)
    assert same_bits(before.delta[1], after.delta[1])
    assert not np.array_equal(before.dW[1], after.dW[1])


# --- PyTorch

FIXTURE = Path(__file__).parent / "fixtures" / "activations.npz"


def test_values_and_derivatives_are_pytorch_s() -> None:
    """Recorded by fixtures/record_activations.py; at kinks PyTorch takes the same side."""
    with np.load(FIXTURE) as recorded:
        net = recorded["net"][:, None]
        names = [key.removesuffix(" o") for key in recorded.files if key.endswith(" o")]
        assert {activation("", name).partition("(")[0] for name in names} == set(NAMES)
        for name in names:
            o, slope, influence = native(name, net)
            # Of its hardsigmoid PyTorch's derivative is 1/6 as float32.
            dtype = "float32" if name == "hard_logistic" else "float64"
            for mine, theirs in ((o, recorded[f"{name} o"]), (slope, recorded[f"{name} slope"])):
                # exp overflows; so does PyTorch's softplus at 1000
                inside = np.isfinite(mine[:, 0]) & np.isfinite(theirs)
                assert np.count_nonzero(inside) >= len(net) - 1
                scale = 1 + np.abs(theirs[:, None])
                assert_within(mine[inside], theirs[inside, None], gamma(64, dtype) * scale[inside])
            if name.startswith("prelu"):
                dalpha = np.sum(np.cos(net) * influence)
                bound = gamma(200) * np.sum(np.abs(net))
                assert_within(dalpha, recorded["prelu dalpha"][0], bound)


def test_gelu_keeps_its_digits_in_the_lower_tail() -> None:
    """Against erfc in float64: the rounding of net^2 would cost net^2/2 roundings."""
    net = -np.linspace(6, 12.5, 200, dtype=np.float32)[:, None]
    truth = [float(x) / 2 * erfc(-float(x) / 2**0.5) for x in net[:, 0]]
    o = native("gelu", net)[0][:, 0]
    assert_within(o, truth, gamma(16, "float32") * np.abs(truth))


def test_alpha_is_assigned_as_w_is(dtype: str) -> None:
    """A whole sequence, None where units learn nothing; what does not fit changes nothing."""
    X = np.random.default_rng(0).normal(size=(5, 3))
    for MLP in (dr.MLP, dr.oracle.MLP):
        mlp = MLP([3, 4, 2, 2], ["prelu", "tanh"], "blend(relu)", dtype=dtype, seed=0)
        W = [matrix.copy() for matrix in mlp.W]
        mlp.alpha = [[0.1, 0.2, 0.3, -0.4], None, np.array([2.0, 0.5])]
        for k, expected in ((0, [0.1, 0.2, 0.3, -0.4]), (2, [2.0, 0.5])):
            given = np.array(expected, dtype if MLP is dr.MLP else "float64")
            assert mlp.alpha[k].tobytes() == given.tobytes()
        assert all(a.tobytes() == b.tobytes() for a, b in zip(mlp.W, W, strict=True))
        twin = MLP.from_architecture(mlp.architecture, mlp.w)
        assert mlp.predict(X).tobytes() == twin.predict(X).tobytes()
        w = mlp.w.copy()
        good = [0.0] * 4
        for alpha, error, message in (
            (None, TypeError, "alpha: None of type NoneType; expected a sequence of arrays"),
            ([good, None], ValueError, "alpha: 2 entries; expected 3"),
            ([[0.0] * 3, None, [0, 0]], ValueError, "alpha[0]: shape (3,); expected (4,)"),
            ([0.5, None, [0, 0]], ValueError, "alpha[0]: shape (); expected (4,)"),
            ([good, [1.0, 1.0], [0, 0]], ValueError, "alpha[1]: an array; expected None: 'tanh'"),
            ([good, None, None], TypeError, "alpha[2]: dtype object; expected real numbers"),
            ([good, None, [np.nan, 0]], ValueError, "alpha: 1 of"),
        ):
            with pytest.raises(error) as raised:
                mlp.alpha = alpha
            assert message in str(raised.value)
            assert mlp.w.tobytes() == w.tobytes()
