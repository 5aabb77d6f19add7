# SPDX-License-Identifier: BSD-3-Clause
"""The numbers of docs/depth.md, docs/risk.md and docs/capacity.md.

Seeds are fixed, so every run sees the same numbers; the bounds are four standard errors of what
was measured, so that another seed would pass as well. Counts of XOR's ends are exact.
"""

from typing import Any

import numpy as np
import pytest
from example import load, run
from tolerances import assert_within, gamma

import deltarule as dr

DEVIATIONS = 4.0  # standard errors


@pytest.fixture(scope="module")
def dilution() -> dict[str, Any]:
    return run("dilution")[0]


@pytest.fixture(scope="module")
def xor() -> dict[str, Any]:
    return run("xor_minima")[0]


@pytest.fixture(scope="module")
def risk() -> dict[str, Any]:
    return run("risk")[0]


@pytest.fixture(scope="module")
def depth_width() -> dict[str, Any]:
    return run("depth_width")[0]


@pytest.fixture(scope="module")
def capacity() -> dict[str, Any]:
    pytest.importorskip("scipy")
    return run("capacity")[0]


# Dilution ------------------------------------------------------------------------------------


@pytest.mark.parametrize("f", ["logistic", "tanh", "relu"])
def test_delta_shrinks_by_the_factor_that_the_derivation_predicts(
    dilution: dict[str, Any], f: str
) -> None:
    r = dilution["start"][f]
    assert abs(r["excess"]) <= DEVIATIONS * r["excess_error"]
    assert r["excess_error"] <= 0.03 * r["forecast"] ** 2  # the comparison says something
    # |delta[k]| <= max f' |W[k]|_2 |delta[k+1]|, without exception
    assert r["share_of_bound"] <= 1 + gamma(1000)


def test_a_logistic_layer_divides_the_gradient_by_more_than_four(dilution: dict[str, Any]) -> None:
    start = dilution["start"]
    r = start["logistic"]
    assert r["forecast"] < 1 / 4  # H v = 1 and f' <= 1/4
    assert np.log(r["dW_per_layer"]) + DEVIATIONS * r["dW_per_layer_error"] > np.log(4)
    assert r["first_to_ninth"] < 4.0**-9 * np.exp(DEVIATIONS * 9 * r["dW_per_layer_error"])
    for f in ("tanh", "relu"):  # within 10 % of no loss a layer
        spread = DEVIATIONS * start[f]["dW_per_layer_error"]
        assert abs(np.log(start[f]["dW_per_layer"])) <= spread + np.log(1.1)


def test_dilution_is_not_saturation(dilution: dict[str, Any]) -> None:
    watched = dilution["watched"]["logistic"]
    assert np.max(watched["start"]["saturated"]) == 0
    assert np.max(watched["history"].saturated[-1][:-1]) == 0
    for f in ("logistic", "relu"):  # what fit recorded is what was measured at the end
        history, end = dilution["watched"][f]["history"], dilution["watched"][f]["end"]
        assert_within(history.gradient_norm[-1], end["norm"], gamma(10**4) * end["norm"])
        assert_within(history.saturated[-1][:-1], end["saturated"], gamma(10))


def test_the_signal_is_diluted_in_all_layers_alike(dilution: dict[str, Any]) -> None:
    end = {f: dilution["watched"][f]["end"] for f in ("logistic", "relu")}
    signal, norm = end["logistic"]["signal"], end["logistic"]["norm"]
    assert np.max(signal) < 2 * np.min(signal)
    assert np.max(norm) > 100 * np.min(norm)
    assert np.min(end["relu"]["signal"]) > 3000 * np.max(signal)


def test_deep_logistic_networks_do_not_learn_the_digits(dilution: dict[str, Any]) -> None:
    rows = 3 * 359
    guess = 0.1 + DEVIATIONS * np.sqrt(0.1 * 0.9 / rows)
    accuracy = {f: a.mean(axis=1) for f, a in dilution["accuracy"].items()}
    assert np.all(accuracy["logistic"][2:] < guess)
    assert accuracy["logistic"][0] > 0.8
    assert np.all(accuracy["tanh"] > 0.93)
    assert np.all(accuracy["relu"] > 0.93)


# XOR -----------------------------------------------------------------------------------------


def test_wilson_interval() -> None:
    # p = 1/2: half = z sqrt(1/(4n) + z^2/(4n^2)) / (1 + z^2/n), by hand for n = 10, z = 1.96
    low, high = load("xor_minima").wilson(5, 10)
    z2 = 1.96**2
    half = 1.96 * np.sqrt(0.025 + z2 / 400) / (1 + z2 / 10)
    assert_within([low, high], [0.5 - half, 0.5 + half], gamma(20))
    assert load("xor_minima").wilson(0, 10)[0] == 0.0


def test_curvatures_of_a_linear_unit() -> None:
    xor = load("xor_minima")
    mlp = dr.MLP([2, 1], output="identity", dtype="float64", seed=0)
    x = np.column_stack([xor.X, np.ones(4)])
    h = 2.0**-13  # the loss is quadratic: differences err by rounding only
    assert_within(
        xor.curvatures(mlp, h), np.linalg.eigvalsh(x.T @ x / 4), 3 * gamma(40) * 4 / (2 * h)
    )


def test_how_often_xor_gets_stuck(xor: dict[str, Any]) -> None:
    cases = xor["cases"]
    assert {name: case["stuck"] for name, case in cases.items()} == {
        "2-2-1 logistic": 212,
        "2-2-1 tanh": 80,
        "2-2-1 relu": 153,
        "2-4-1 logistic": 0,
    }
    assert cases["2-2-1 logistic"]["traps"] == {"1/16": 201, "1/12": 11, "1/8": 0}
    # Fewer units get stuck more often, beyond the statistics of the starts.
    assert cases["2-2-1 logistic"]["interval"][0] > cases["2-4-1 logistic"]["interval"][1]


def test_a_logistic_trap_is_a_minimum_at_infinity(xor: dict[str, Any]) -> None:
    a, factor = xor["anatomy"], load("xor_minima").FACTOR
    assert len(a["excess_fell"]) == 201
    assert np.min(a["excess_fell"]) > factor  # at least as fast as 1 / steps, and no end to it
    assert np.max(a["gradient_fell"]) < 1
    assert np.min(a["weights_grew"]) > np.log(factor)
    assert np.min(a["e_min"]) > 0  # curved upwards in every direction
    assert np.max(a["e_min"]) < 1e-3 * np.min(a["e_max"])
    assert np.min(a["newton"]) > 10  # yet the bottom is far away, as seen from there
    assert a["logistic_minima"] == 0
    assert a["returned"] == a["kicked"] == 60


def test_the_higher_logistic_trap_is_a_saddle(xor: dict[str, Any]) -> None:
    a = xor["anatomy"]
    assert a["twelfth_saddles"] == a["twelfth"] == 11


def test_relu_has_true_local_minima(xor: dict[str, Any]) -> None:
    a = xor["anatomy"]
    assert (a["relu_flat"], a["relu_flat_silent"], a["relu_minima"]) == (45, 17, 27)
    assert a["relu_falls_at_kink"] == a["relu_falls"] == 18


def test_constant_outputs_cost_the_traps() -> None:
    y = np.array([0.0, 1, 1, 0])
    for loss, together in ((1 / 16, [2, 3]), (1 / 12, [1, 2, 3]), (1 / 8, [0, 1, 2, 3])):
        y_hat = y.copy()
        y_hat[together] = np.mean(y[together])
        assert_within(np.sum((y - y_hat) ** 2) / 8, loss, gamma(20))


# Risk ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_exact_risk_is_the_integral(seed: int) -> None:
    risk = load("risk")
    mlp = dr.MLP([1, 8, 1], "relu", "identity", dtype="float64", seed=seed)
    hidden, last = (W.copy() for W in mlp.W)
    hidden[:, 1] = -hidden[:, 0] * np.linspace(-0.2, 1.1, 8)  # kinks outside, too
    mlp.W = [hidden, last]
    n = 2**18
    x = (np.arange(n)[:, None] + 0.5) / n
    e2 = (risk.target(x) - mlp.predict(x)) ** 2
    s2 = risk.NOISE**2
    mean = np.mean(e2 + s2) / 2
    square = np.mean(e2**2 + 6 * e2 * s2 + 3 * s2**2) / 4
    # The midpoint rule is off by h^2 / 24 times the second derivative, plus kinks of order h^2.
    slope = 3 + np.sum(np.abs(hidden[:, 0] * last[0, :-1]))
    largest = np.sqrt(np.max(e2)) + slope
    bound = largest**4 * 20 / n**2
    exact_mean, exact_sigma = risk.exact_risk(mlp)
    assert_within(exact_mean, mean, bound + gamma(50) * mean)
    assert_within(exact_sigma**2, square - mean**2, 100 * (bound + gamma(50)))


def test_empirical_risk_converges_as_one_over_root_n(risk: dict[str, Any]) -> None:
    c = risk["convergence"]
    assert abs(c["slope"] + 0.5) <= DEVIATIONS * c["slope_error"]
    assert c["slope_error"] < 0.01
    predicted = c["sigma"] / np.sqrt(load("risk").SIZES)
    assert_within(c["rms"], predicted, DEVIATIONS * c["rms"] * c["rms_relative_error"])
    assert abs(c["bias"]) <= DEVIATIONS * c["bias_error"]
    p, n = 0.95, c["of"]
    assert abs(c["inside"] - p * n) <= DEVIATIONS * np.sqrt(n * p * (1 - p))


def test_more_labelled_digits_fewer_errors(risk: dict[str, Any]) -> None:
    d = risk["digits"]
    accuracy = d["accuracy"].mean(axis=1)
    assert np.all(np.diff(accuracy) > 0)
    assert np.all(np.diff(d["loss"].mean(axis=1)) < 0)
    assert d["slope"] + DEVIATIONS * d["slope_error"] < -0.5
    # The empirical risk of its own minimiser is no estimate of the risk: always too low.
    assert np.all(d["training"] < d["loss"])
    rows = d["accuracy"].shape[1] * 500
    assert abs(accuracy[-1] - 0.97) <= DEVIATIONS * np.sqrt(0.97 * 0.03 / rows)


# Depth against width -------------------------------------------------------------------------


def test_deep_and_shallow_sawtooth_are_equal(depth_width: dict[str, Any]) -> None:
    for row in depth_width["exact"]["rows"]:
        assert row["equal"], row
        assert row["deep"] == 6 * row["k"] + 1
        assert row["shallow"] == 3 * 2 ** row["k"] + 1


def test_fewest_wrong_is_a_lower_bound(rng: np.random.Generator) -> None:
    dw = load("depth_width")
    for k, h in ((3, 2), (3, 4), (4, 3)):
        x = np.arange(2**k + 1)[:, None] / 2.0**k
        high = dw.sawtooth(x, k) > 0.5
        fewest = len(x)
        for seed in range(300):
            mlp = dr.MLP([1, h, 1], "relu", "identity", dtype="float64", seed=seed)
            kinks = rng.uniform(0, 1, h)
            mlp.W = [
                np.column_stack([np.ones(h), -kinks]),
                np.append(rng.normal(0, 1, h) * 2**k, rng.normal(0.5, 1))[None, :],
            ]
            fewest = min(fewest, int(np.sum((mlp.predict(x) > 0.5) != high)))
        assert fewest >= dw.fewest_wrong(k, h)


def test_shallow_training_stays_above_the_bound(depth_width: dict[str, Any]) -> None:
    s = depth_width["sawtooth"]
    assert s["constructed_wrong"] == 0
    assert s["at_least"] == 11
    assert min(s["shallow"]["wrong"]) >= s["at_least"]
    # Being expressible is not being found: gradient descent misses the deep solution too.
    assert min(s["deep"]["wrong"]) > 0
    assert s["shallow"]["weights"] == s["deep"]["weights"] == 31


def test_two_hidden_layers_need_fewer_weights(depth_width: dict[str, Any]) -> None:
    one, two = (depth_width["radial"][m] for m in ("1", "2"))
    a, b = one["error"], two["error"]
    assert np.all(np.diff(np.median(a, axis=1)) < 0)
    assert np.all(np.median(b, axis=1) < np.median(a, axis=1))
    # With 151 to 161 weights and more, every start with two layers beats every one with one.
    assert np.all(np.max(b[2:], axis=1) < np.min(a[2:], axis=1))
    assert all(abs(v / w - 1) < 0.11 for v, w in zip(one["weights"], two["weights"], strict=True))


# Capacity ------------------------------------------------------------------------------------


def test_a_perceptron_in_the_plane_shatters_three_points(capacity: dict[str, Any]) -> None:
    s = capacity["shattering"]
    assert set(s["three"]) == {8}
    assert set(s["four"]) == {14}
    assert s["three_in_line"] == 6


def test_dichotomies_are_covers(capacity: dict[str, Any]) -> None:
    for n, N, found, cover in capacity["counting"]:
        assert found == cover, (n, N)
        assert (found == 2**N) == (n + 1 >= N)  # the VC dimension is n + 1


def test_cover_obeys_its_recurrence() -> None:
    cover = module_with_scipy().cover
    for n in range(1, 8):
        for N in range(1, 20):
            assert cover(N + 1, n) == cover(N, n) + cover(N, n - 1)


def module_with_scipy() -> Any:
    pytest.importorskip("scipy")
    return load("capacity")


def test_random_labels_are_separable_as_often_as_cover_says(capacity: dict[str, Any]) -> None:
    r, draws = capacity["random_labels"], load("capacity").DRAWS
    p = r["cover"]
    error = np.sqrt(p * (1 - p) / draws)
    assert_within(r["hits"] / draws, p, DEVIATIONS * error + 1 / draws)


def test_memorised_labels_grow_with_the_weights(capacity: dict[str, Any]) -> None:
    m = capacity["memorised"]
    points = [row["load"] * row["weights"] for row in m.values()]
    assert np.all(np.diff(points) > 0)
    for row in m.values():
        assert row["share"][0] >= 0.5
        assert row["share"][-1] == 0.0
