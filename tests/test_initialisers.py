# SPDX-License-Identifier: BSD-3-Clause
"""Initial weights by name: their law, their bits, and what is refused."""

import math
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tolerances import assert_within, gamma

import deltarule as dr
from deltarule import initialisers, oracle
from deltarule.architecture import Architecture
from deltarule.initialisers import initial_weights, orthonormal_columns

ROOT = Path(__file__).parents[1]

# c of the variance c / F, and F of (H_k, H_{k+1}).
LAWS = {
    "glorot": lambda n_in, n_out: 2 / (n_in + n_out),
    "he": lambda n_in, n_out: 2 / n_in,
    "lecun": lambda n_in, n_out: 1 / n_in,
    "ntk": lambda n_in, n_out: 1 / n_in,
}
SHAPES = [(400, 90), (90, 400)]  # in > out, in < out

# A statistic of n independent draws stays within so many of its standard deviations, unless one
# seed in some millions is met; the seeds are fixed.
DEVIATIONS = 5


def matrix(name, n_in, n_out, seed=3, dtype="float64"):
    return dr.MLP([n_in, n_out], seed=seed, init=name, dtype=dtype).W[0]


def normal_distribution(x):
    return np.array([0.5 * (1 + math.erf(v / math.sqrt(2))) for v in x])


def assert_law(sample, distribution):
    """Kolmogorov's distance: sqrt(n) D > 2.7 happens once in a million."""
    x = np.sort(sample.ravel())
    steps = np.arange(len(x) + 1) / len(x)
    F = distribution(x)
    assert max(np.max(F - steps[:-1]), np.max(steps[1:] - F)) <= 2.7 / math.sqrt(len(x))


@pytest.mark.parametrize(("n_in", "n_out"), SHAPES)
@pytest.mark.parametrize("name", ["glorot_uniform", "he_uniform", "lecun_uniform"])
def test_uniform(name, n_in, n_out):
    W = matrix(name, n_in, n_out)
    variance = LAWS[name.partition("_")[0]](n_in, n_out)
    r, w = math.sqrt(3 * variance), W[:, :-1]
    assert W.shape == (n_out, n_in + 1)
    assert not W[:, -1].any()
    assert np.abs(w).max() <= r
    assert np.abs(w).max() >= r * (1 - 20 / w.size)  # but for a share exp(-20) of the seeds
    assert_within(w.mean(), 0, DEVIATIONS * math.sqrt(variance / w.size))
    assert_within(np.mean(w * w), variance, DEVIATIONS * variance * math.sqrt(0.8 / w.size))
    assert_law(w / r, lambda x: (1 + x) / 2)


@pytest.mark.parametrize(("n_in", "n_out"), SHAPES)
@pytest.mark.parametrize("name", ["glorot_normal", "he_normal", "lecun_normal", "ntk"])
def test_normal(name, n_in, n_out):
    W = matrix(name, n_in, n_out)
    variance, w = LAWS[name.partition("_")[0]](n_in, n_out), W[:, :-1]
    assert not W[:, -1].any()
    assert_within(w.mean(), 0, DEVIATIONS * math.sqrt(variance / w.size))
    assert_within(np.mean(w * w), variance, DEVIATIONS * variance * math.sqrt(2 / w.size))
    assert np.abs(w).max() > 3.3 * math.sqrt(variance)  # not truncated at 2, as Keras does
    assert_law(w / math.sqrt(variance), normal_distribution)


@pytest.mark.parametrize(("n_in", "n_out"), [*SHAPES, (7, 1), (1, 7), (64, 64), (65, 65), (1, 1)])
def test_orthogonal(n_in, n_out, dtype):
    W = matrix("orthogonal", n_in, n_out, dtype=dtype)
    w = W[:, :-1].astype(np.float64)
    shorter = w @ w.T if n_out <= n_in else w.T @ w
    n, p = max(n_in, n_out), min(n_in, n_out)
    # p reflections, each off by gamma of its sums; then one rounding of each factor.
    sizes = np.abs(w) @ np.abs(w).T if n_out <= n_in else np.abs(w).T @ np.abs(w)
    bound = 2 * p * gamma(6 * n) + gamma(3, dtype) * sizes
    assert_within(shorter, np.eye(p), bound)
    assert not W[:, -1].any()


def test_orthogonal_with_a_gain():
    plain, twice = matrix("orthogonal", 20, 30), matrix("orthogonal(gain=2)", 20, 30)
    assert np.array_equal(2 * plain, twice)
    assert np.array_equal(matrix("orthogonal(1.0)", 20, 30), plain)


def test_orthogonal_matrices_are_uniform():
    """Of 2 x 2 matrices all angles are equally likely, rotations and reflections too."""
    rng = np.random.default_rng(0)
    drawn = np.array([orthonormal_columns(rng, 2, 2) for _ in range(2000)])
    angles = np.arctan2(drawn[:, 1, 0], drawn[:, 0, 0])
    assert_law(angles, lambda x: 0.5 + x / (2 * math.pi))
    rotations = np.linalg.det(drawn) > 0
    assert_within(rotations.sum(), 1000, DEVIATIONS * math.sqrt(2000) / 2)
    assert_law(angles[rotations], lambda x: 0.5 + x / (2 * math.pi))
    tall = np.array([orthonormal_columns(rng, 5, 2)[:, 1] for _ in range(2000)])
    assert_within(tall.mean(axis=0), np.zeros(5), DEVIATIONS * math.sqrt(1 / 5 / 2000))


@given(n=st.integers(1, 9), less=st.integers(0, 8), seed=st.integers(0, 99))
def test_orthogonal_bits_are_those_of_plain_loops(n, less, seed):
    p = max(1, n - less)
    rng, block = np.random.default_rng(seed), initialisers.BLOCK
    vectors = [rng.standard_normal(n - k).tolist() for k in range(p)]
    Q = [[0.0] * p for _ in range(n)]
    for k, v in enumerate(vectors):
        squares = 0.0
        for x in v:
            squares += x * x
        Q[k][k] = -1.0 if v[0] > 0 else 1.0
        v[0] -= Q[k][k] * math.sqrt(squares)
    for k in range(p - 1, -1, -1):
        v, squares = vectors[k], 0.0
        for x in v:
            squares += x * x
        for j in range(p):
            product = 0.0
            for i in range(len(v)):
                product += v[i] * Q[k + i][j]
            for i in range(len(v)):
                Q[k + i][j] -= v[i] * (2 / squares * product)
    try:
        for initialisers.BLOCK in (1, 2, 64):  # how many columns at a time changes nothing
            assert np.array_equal(orthonormal_columns(np.random.default_rng(seed), n, p), Q)
    finally:
        initialisers.BLOCK = block


@pytest.mark.parametrize(("text", "value"), [("zeros", 0.0), ("constant(0.1)", 0.1),
                                             ("constant(value=-3)", -3.0)])  # fmt: skip
def test_constants(text, value, dtype):
    W = matrix(text, 5, 4, dtype=dtype)
    assert np.all(W[:, :-1] == np.dtype(dtype).type(value))
    assert not W[:, -1].any()


@pytest.mark.parametrize("name", initialisers.INITIALISERS)
def test_seeds_and_dtypes(name):
    text = f"{name}(0.3)" if name == "constant" else name
    layers, init = [30, 40, 20], text

    def weights(seed, **options):
        return dr.MLP(layers, seed=seed, init=init, **options).w

    assert np.array_equal(weights(1), weights(1))
    assert np.array_equal(weights(1), weights(1, dtype="float64").astype(np.float32))
    drawn = name not in ("zeros", "constant")
    assert np.array_equal(weights(1), weights(2)) != drawn
    assert np.array_equal(oracle.MLP(layers, seed=1, init=init).w, weights(1))


def test_one_name_per_weight_matrix():
    layers = [6, 5, 4, 3]
    mlp = dr.MLP(layers, seed=0, init=["orthogonal", None, "constant(2)"])
    rng = np.random.default_rng(0)
    Q = orthonormal_columns(rng, 6, 5)
    r = math.sqrt(6 / 5)  # relu: He
    expected = [Q.T, rng.uniform(-r, r, (4, 5)), np.full((3, 4), 2.0)]
    for W, w in zip(mlp.W, expected, strict=True):
        assert np.array_equal(W[:, :-1], w.astype(np.float32))
    same = dr.MLP(layers, seed=0, init=("orthogonal(gain=1)", "he_uniform", "constant(2.0)"))
    assert np.array_equal(mlp.w, same.w)


def test_defaults_are_as_before():
    layers = [6, 5, 4, 3]
    plain = dr.MLP(layers, ["tanh", "relu"], seed=5, dtype="float64")
    named = dr.MLP(layers, ["tanh", "relu"], seed=5, dtype="float64",
                   init=["glorot_uniform", "he_uniform", "glorot_uniform"])  # fmt: skip
    rng = np.random.default_rng(5)
    limits = [math.sqrt(6 / (6 + 5)), math.sqrt(6 / 5), math.sqrt(6 / (4 + 3))]
    for W, w, r in zip(plain.W, named.W, limits, strict=True):
        assert np.array_equal(W, w)
        assert np.array_equal(W[:, :-1], rng.uniform(-r, r, (W.shape[0], W.shape[1] - 1)))
    assert initialisers.default_initialiser("leaky_relu(slope=0.2)") == "he_uniform"
    assert initialisers.default_initialiser("selu") == "lecun_normal"
    assert initialisers.default_initialiser("blend(mish, alpha=1.0)") == "he_uniform"


# f of one number, written down once more.
ACTIVATIONS = {
    "identity": lambda x: x,
    "tanh": math.tanh,
    "relu": lambda x: max(x, 0.0),
    "elu": lambda x: x if x > 0 else math.expm1(x),
    "selu": lambda x: 1.0507009873554805 * (x if x > 0 else 1.6732632423543772 * math.expm1(x)),
    "gelu": lambda x: x * 0.5 * (1 + math.erf(x / math.sqrt(2))),
    "silu": lambda x: x / (1 + math.exp(-x)),
    "mish": lambda x: x * math.tanh(math.log1p(math.exp(x))),
}


def test_gains_of_the_page():
    """1 / E[f(z)^2] and its root, by quadrature on both sides of the kink, to the digits shown."""
    page = (ROOT / "docs/reference/initialisation.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| (\w+)(?:\(.*?\))? \| ([\d.]+) \| ([\d.]+) \| `(\w+)`", page, re.MULTILINE
    )
    assert {name for name, *_ in rows} == set(ACTIVATIONS)
    nodes, weights = np.polynomial.legendre.leggauss(60)
    for name, c, gain, default in rows:
        f, square = ACTIVATIONS[name], 0.0
        for a in range(-12, 12):  # normal numbers beyond 12 don't show in any digit
            for x, weight in zip(a + (nodes + 1) / 2, weights / 2, strict=True):
                square += weight * f(x) ** 2 * math.exp(-x * x / 2) / math.sqrt(2 * math.pi)
        assert f"{1 / square:.4g}" == c, name
        assert f"{math.sqrt(1 / square):.4g}" == gain, name
        assert initialisers.default_initialiser(name) == default


def test_arrays_are_taken_as_they_are():
    mlp = dr.MLP([3, 2], seed=0)
    W = np.arange(8.0).reshape(2, 4)
    mlp.W = [W]
    assert np.array_equal(mlp.W[0], W)
    again = dr.MLP.from_architecture(mlp.architecture, np.arange(8))
    assert np.array_equal(again.w, mlp.w)


@pytest.mark.parametrize("make", [dr.MLP, oracle.MLP])
@pytest.mark.parametrize("kind", [np.array, list, np.float16])
def test_arrays_in_the_place_of_names(make, kind, dtype):
    """Of one layer, with bias and without; of all; names beside them draw as if they were alone."""
    sizes, W = [3, 4, 2], np.arange(20.0).reshape(4, 5) / 8
    for_first = W[:, :4] if kind is np.float16 else W[:, :4].tolist()
    mlp = make(sizes, seed=5, dtype=dtype, init=[for_first, "he_normal"])
    assert np.array_equal(mlp.W[0], W[:, :4])
    alone = np.random.default_rng(5).standard_normal((2, 4)) * math.sqrt(2 / 4)
    assert np.array_equal(mlp.W[1], np.c_[alone, [0, 0]].astype(dtype))
    without = make(sizes, dtype=dtype, init=(None, kind(W[:2, :4])))
    assert np.array_equal(without.W[1], np.c_[W[:2, :4], [0, 0]])
    assert np.array_equal(make(sizes, dtype=dtype, init=[None, kind(W[:2])]).W[1], W[:2])
    w = np.arange(26.0) / 4
    assert np.array_equal(make(sizes, dtype=dtype, init=w).w, w)
    assert make(sizes, dtype=dtype, init=w).w is not w


def test_an_array_of_all_holds_what_units_learn():
    mlp = dr.MLP([2, 3, 1], "prelu", seed=0)
    assert np.array_equal(dr.MLP([2, 3, 1], "prelu", init=2 * mlp.w).alpha[0], 2 * mlp.alpha[0])
    layers = dr.MLP([2, 3, 1], "prelu", init=[np.ones((3, 2)), "zeros"])
    assert np.array_equal(layers.alpha[0], mlp.alpha[0])


@pytest.mark.parametrize("make", [dr.MLP, oracle.MLP])
@pytest.mark.parametrize(
    ("init", "error", "message"),
    [
        ("he", ValueError, r"init: 'he'; expected one of glorot_uniform, .*constant"),
        (3, TypeError, r"init: 3 of type int; expected a name, or one or an array per"),
        (b"he", TypeError, r"init: b'he' of type bytes; expected a name"),
        (
            ["zeros"],
            ValueError,
            r"init: 1 names or arrays for the 2 weight matrices of \[3, 4, 2\]",
        ),
        (["zeros", 1.0], TypeError, r"init\[1\]: 1.0 of type float; expected a string"),
        (["zeros", "xavier"], ValueError, r"init\[1\]: 'xavier'; expected one of"),
        ("orthogonal(gain=0)", ValueError, r"init: .*gain = 0.0 where a finite number > 0"),
        ("orthogonal(1, 2)", ValueError, r"init: .*'2' too many"),
        ("constant", ValueError, r"init: 'constant'; expected constant\(value\) with a number"),
        ("constant(inf)", ValueError, r"init: .*value = inf where a finite number"),
        ("constant(1e39)", ValueError, r"init: .*a number that is finite as float32"),
        ("constant(1e-50)", ValueError, r"init: 'constant.*a number that is not 0 as float32"),
        ("orthogonal(gain=1e-46)", ValueError, r"init: .*\(gain\) with .* not 0 as float32"),
        (np.ones(25), ValueError, r"init: shape \(25,\); expected \(26,\), all weights, or a list"),
        (np.ones((4, 4)), ValueError, r"init: shape \(4, 4\); expected \(26,\)"),
        (np.full(26, 1e39), ValueError, r"init: row 0 holds nan or infinity \(as float32\)"),
        (
            [np.ones((3, 4)), None],
            ValueError,
            r"init\[0\]: shape \(3, 4\); expected \(4, 4\), bias",
        ),
        ([None, [[1, np.nan] * 2] * 2], ValueError, r"init\[1\]: row 0 holds nan"),
        ([None, [["a"] * 4] * 2], TypeError, r"init\[1\]: dtype"),
        (np.array(["a"] * 26), TypeError, r"init: dtype"),
        ("zeros(1)", ValueError, r"init: 'zeros\(1\)'.*no parameters"),
    ],
)
def test_refused(make, init, error, message):
    with pytest.raises(error, match=message):
        make([3, 4, 2], init=init)


def test_nothing_is_drawn_before_init_is_judged():
    rng = np.random.default_rng(0)
    net = Architecture((3, 2), ("identity",))
    with pytest.raises(ValueError, match="init"):
        initial_weights(net, rng, "he")
    assert rng.random() == np.random.default_rng(0).random()
