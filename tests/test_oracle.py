# SPDX-License-Identifier: BSD-3-Clause
"""The oracle is trusted because of this file: differences of its loss, and a network by hand."""

import ast
from math import log
from pathlib import Path

import numpy as np
import pytest
from tolerances import FD_STEP, FD_USEFUL, assert_within, fd_bound, gamma

from deltarule import oracle
from deltarule.activations import TABLE
from deltarule.optimizers import SGD, Adam
from deltarule.oracle.activations import DERIVATIVES, softmax, softmax_delta, softmax_jacobian
from deltarule.oracle.losses import (
    binary_cross_entropy,
    cross_entropy,
    descent,
    logistic_binary_cross_entropy,
    row_loss,
    softmax_cross_entropy,
)
from deltarule.oracle.optimizers import adam, momentum, sgd

# Those of docs/derivation.md; the others: test_activations.py. A threshold has no gradient
# that differences could prove: they are 0 but across its jump.
DIFFERENTIABLE = [name for name, f in TABLE.items() if f.from_output and name != "threshold"]
SQUARES = ("half_squared_error", "squared_error")
PAIRS = [
    *((output, loss) for loss in SQUARES for output in DIFFERENTIABLE),
    ("logistic", "binary_cross_entropy"),
    ("softmax", "binary_cross_entropy"),
    ("softmax", "cross_entropy"),
]
COLLAPSING = [("logistic", "binary_cross_entropy"), ("softmax", "cross_entropy")]
EPS = float(np.finfo(np.float64).eps)
KINK_MARGIN = 16 * FD_STEP  # no step of a difference may carry a net of relu across 0


def problem(hidden, output, loss, **options):
    """A 3-4-3-2 network with its data, where no net of a relu is near its kink."""
    for seed in range(1000):
        rng = np.random.default_rng(seed)
        mlp = oracle.MLP([3, 4, 3, 2], hidden, output, loss, "float64", **options)
        w = rng.normal(0, 0.8, mlp.n_weights)  # biases too
        mlp.w = w + np.copysign(KINK_MARGIN, w) if options.get("l1") else w  # |w| has a kink at 0
        X = rng.normal(0, 1, (4, 3))
        Y = rng.normal(0, 1, (4, 2)) if loss in SQUARES else rng.random((4, 2))
        trace = mlp.forward(X)
        kinked = [
            net for net, f in zip(trace.net[1:], mlp.architecture.activations, strict=True)
            if f == "relu"
        ]  # fmt: skip
        if all(np.min(np.abs(n)) > KINK_MARGIN and np.any(n > 0) for n in kinked):
            return mlp, X, Y
    raise AssertionError("no seed keeps relu away from its kink")


def loss_rounding(mlp, X, Y):
    """What rounding can do to mlp.loss(X, Y): to every net, carried to L by |delta|, and to L_i.

    An L_i is a sum over K of terms of a few operations on y and net (or on a function of net that
    is good to a few units in the last place), none larger than ((1 + |y|) (1 + |net|))^2.
    """
    trace = mlp.forward(X)
    back = mlp.backward(trace, Y)
    S = len(X) if mlp.architecture.reduction == "mean" else 1
    y = np.asarray(Y) if np.ndim(Y) == 2 else np.ones_like(trace.y_hat)
    terms = ((1 + np.abs(y)) * (1 + np.abs(trace.net[-1]))) ** 2
    total = gamma(len(X) * terms.shape[1] + 16) * np.sum(terms) / S
    for k, W in enumerate(mlp.W):
        magnitude = np.abs(trace.o[k]) @ np.abs(W[:, :-1]).T + np.abs(W[:, -1])
        total += gamma(W.shape[1] + 16) * np.sum(np.abs(back.delta[k + 1]) * magnitude) / S
    net = mlp.architecture
    penalty = net.l2 * np.sum(mlp.w**2) + net.l1 * np.sum(np.abs(mlp.w))
    return total + gamma(mlp.n_weights) * penalty


def difference(f, x, h):
    """Fourth-order central difference of f with respect to every element of x."""
    derivative = np.empty(x.shape)
    for at in np.ndindex(x.shape):
        step = np.zeros(x.shape)
        step[at] = h
        near, far = f(x + step) - f(x - step), f(x + 2 * step) - f(x - 2 * step)
        derivative[at] = (8 * near - far) / (12 * h)
    return derivative


def assert_is_derivative(claimed, f, x, f_rounding):
    at_h, at_2h = difference(f, x, FD_STEP), difference(f, x, 2 * FD_STEP)
    bound = fd_bound(at_h, at_2h, x, f_rounding)
    assert np.max(bound) < FD_USEFUL * np.max(np.abs(at_h)), "the bound is too wide to prove much"
    assert_within(claimed, at_h, bound)


def assert_gradients(mlp, X, Y):
    """gradient, dW and dX against differences of the loss; and gradient() against backward()."""
    w, rounding = mlp.w.copy(), loss_rounding(mlp, X, Y)
    back = mlp.backward(mlp.forward(X), Y)
    S = len(X) if mlp.architecture.reduction == "mean" else 1

    def loss_at(v):
        mlp.w = v
        return mlp.loss(X, Y)

    assert_is_derivative(back.gradient, loss_at, w, rounding)
    mlp.w = w
    assert_is_derivative(back.dX / S, lambda x: mlp.loss(x, Y), X, rounding)
    assert np.array_equal(np.concatenate([d.ravel() for d in back.dW]), back.gradient)
    assert np.array_equal(mlp.gradient(X, Y), back.gradient)
    assert back.loss == mlp.loss(X, Y)


@pytest.mark.parametrize(
    ("output", "loss", "collapsed"),
    [(*pair, True) for pair in PAIRS] + [(*pair, False) for pair in COLLAPSING],
)
@pytest.mark.parametrize("hidden", DIFFERENTIABLE)
def test_gradient_is_the_difference_quotient(hidden, output, loss, collapsed):
    assert_gradients(*problem(hidden, output, loss, collapsed=collapsed))


@pytest.mark.parametrize("l1", [0.0, 0.2])
@pytest.mark.parametrize(("output", "loss"), PAIRS)
def test_gradient_with_penalty_sum_and_scaling(output, loss, l1):
    options = {
        "l2": 0.3,
        "l1": l1,
        "reduction": "sum",
        "input_shift": [0.5, -1.0, 0.25],
        "input_scale": [2.0, -0.5, 1.5],
    }
    assert_gradients(*problem(["tanh", "relu"], output, loss, **options))


def test_penalty_by_hand():
    """gamma = 1/2 2 (9 + 4 + 0) + 8 (3 + 2 + 0), its slope 2 w + 8 sign(w); no bias in either."""
    mlp = oracle.MLP([3, 1], dtype="float64", l2=2.0, l1=8.0)
    mlp.W = [[[3.0, -2.0, 0.0, 7.0]]]
    X, Y = np.zeros((2, 3)), np.full((2, 1), 7.0)
    assert mlp.loss(X, Y) == 13 + 40
    assert np.array_equal(mlp.gradient(X, Y), [6 + 8, -4 - 8, 0, 0])


def test_input_scaling():
    mlp = oracle.MLP([3, 2], input_shift=[1.0, 2.0, 3.0], input_scale=0.5)
    rows = np.array([[1.0, 2.0, 3.0], [0.0, 4.0, -1.0]])
    assert np.array_equal(mlp.forward(rows).o[0], [[0, 0, 0], [-0.5, 1, -2]])


@pytest.mark.parametrize("collapsed", [True, False])
def test_gradient_of_labels(collapsed):
    mlp, X, _ = problem("tanh", "softmax", "cross_entropy", collapsed=collapsed, l2=0.1)
    assert_gradients(mlp, X, np.array([1, 0, 0, 1]))


@pytest.mark.parametrize("layers", [[3, 2], [3, 2, 2, 2, 2, 2]])
def test_gradient_at_other_depths(layers):
    rng = np.random.default_rng(3)
    mlp = oracle.MLP(layers, "tanh", dtype="float64", seed=1)
    assert_gradients(mlp, rng.normal(size=(5, 3)), rng.normal(size=(5, 2)))


def test_labels_are_one_hot_targets():
    mlp, X, _ = problem("logistic", "softmax", "cross_entropy")
    labels = np.array([1, 0, 0, 1])
    for kind in (labels, labels.astype(np.int8), labels.astype(np.uint64), labels.astype(bool)):
        by_label, by_row = (mlp.backward(mlp.forward(X), Y) for Y in (kind, np.eye(2)[labels]))
        assert by_label.loss == by_row.loss
        assert np.array_equal(by_label.gradient, by_row.gradient)


@pytest.mark.parametrize("hidden", DIFFERENTIABLE)
@pytest.mark.parametrize(("output", "loss"), COLLAPSING)
def test_general_path_equals_collapsed(hidden, output, loss):
    mlp, X, Y = problem(hidden, output, loss)
    trace = mlp.forward(X)
    collapsed = mlp.backward(trace, Y)
    mlp.collapsed = False
    general = mlp.backward(trace, Y)
    y_hat = trace.y_hat
    # Both are y_j - y_hat_j t; the general path divides by y_hat and multiplies again: a few
    # roundings of terms that are no larger than |y_j| + y_hat_j t (t = 1 for logistic).
    t = np.sum(Y, axis=1, keepdims=True) if output == "softmax" else 1.0
    bound = gamma(12) * (np.abs(Y) + y_hat * t)
    assert_within(general.delta[-1], collapsed.delta[-1], bound)
    assert general.loss == collapsed.loss
    # One layer on: the difference that arrives, and the roundings of the contraction and of f'.
    weights = np.abs(mlp.W[2][:, :-1])
    reached = bound @ weights + gamma(16) * (np.abs(collapsed.delta[-1]) @ weights)
    if hidden == "softmax":  # o_l (u_l - sum_j u_j o_j), where every o <= 1
        reached += np.sum(reached, axis=1, keepdims=True)
    assert_within(general.delta[2], collapsed.delta[2], reached)


@pytest.mark.parametrize(
    "activation", [name for name in DERIVATIVES if name not in ("threshold", "gaussian")]
)
def test_derivative_from_the_output(activation):
    net = np.array([-2.5, -0.75, 0.5, 1.25, 3.0])  # away from 0, relu's kink
    f = oracle.activations.ACTIVATIONS[activation]
    claimed = DERIVATIVES[activation](f(net))
    assert_is_derivative(
        np.diag(claimed).sum(axis=0), lambda x: float(np.sum(f(x))), net, gamma(16) * 5 * 3.0
    )


def test_softmax_jacobian():
    net = np.array([[0.3, -1.2, 2.0, 0.1]])
    J = softmax_jacobian(softmax(net))[0]
    for j in range(4):
        assert_is_derivative(J[j], lambda x, j=j: softmax(x[None])[0, j], net[0], gamma(32))
    assert_within(J, J.T, 0.0)
    assert_within(J.sum(axis=0), np.zeros(4), gamma(8))  # y_hat always sums to 1


def test_softmax_delta_is_the_jacobian_product():
    rng = np.random.default_rng(0)
    o, u = softmax(rng.normal(size=(6, 5))), rng.normal(size=(6, 5))
    product = np.einsum("njl,nj->nl", softmax_jacobian(o), u)
    magnitude = o * (np.abs(u) + np.sum(o * np.abs(u), axis=1, keepdims=True))
    assert_within(softmax_delta(o, u), product, gamma(16) * magnitude)


@pytest.mark.parametrize(("output", "loss"), PAIRS)
def test_descent_of_each_loss(output, loss):
    rng = np.random.default_rng(1)
    y, y_hat = rng.random((1, 4)), rng.uniform(0.2, 0.8, (1, 4))
    if loss in SQUARES:
        y_hat -= 1.5

    def of_y_hat(p):
        forms = {"binary_cross_entropy": binary_cross_entropy, "cross_entropy": cross_entropy}
        if loss in forms:
            return float(forms[loss](y, p, EPS)[0])
        return float(row_loss(loss, output, y, p, p, EPS)[0])

    # |log p| < 2 and every other factor < 4.
    assert_is_derivative(-descent(loss, y, y_hat, EPS), of_y_hat, y_hat, gamma(16) * 4 * 4.0)


def test_losses_from_net_equal_their_definitions():
    rng = np.random.default_rng(2)
    y, net = rng.random((8, 3)), rng.normal(0, 3, (8, 3))
    # Terms: at most 2 |net| + log 3 each, a few roundings, and 1 / y_hat never enters: log is
    # relative to its argument, whose own error of a few roundings becomes an absolute one.
    bound = gamma(32) * np.sum(1 + 2 * np.abs(net), axis=1)
    near_one = gamma(8) * np.sum(np.exp(np.abs(net)), axis=1)  # log(1 - y_hat) where y_hat -> 1
    assert_within(
        logistic_binary_cross_entropy(y, net),
        binary_cross_entropy(y, oracle.activations.logistic(net), EPS),
        bound + near_one,
    )
    assert_within(softmax_cross_entropy(y, net), cross_entropy(y, softmax(net), EPS), 3 * bound)


def test_extremes_stay_finite():
    net = np.array([[-1000.0, 0.0, 1000.0]])
    assert np.array_equal(oracle.activations.logistic(net), [[0.0, 0.5, 1.0]])
    assert np.array_equal(softmax(net), [[0.0, 0.0, 1.0]])
    assert np.array_equal(oracle.activations.tanh(net), [[-1.0, 0.0, 1.0]])
    wrong = np.array([[1.0, 0.0, 0.0]])
    assert softmax_cross_entropy(wrong, net)[0] == 2000.0
    assert logistic_binary_cross_entropy(wrong, net)[0] == 2000.0 + np.log1p(1.0)
    saturated = np.array([[0.0, 1.0, 0.5]])
    assert np.isfinite(binary_cross_entropy(wrong, saturated, EPS)).all()
    assert np.isfinite(descent("binary_cross_entropy", wrong, saturated, EPS)).all()
    assert np.isfinite(descent("cross_entropy", wrong, saturated, EPS)).all()
    relu = oracle.activations.relu(np.array([[np.nan, -1.0, -0.0, 2.0]]))
    assert np.isnan(relu[0, 0])
    assert np.array_equal(relu[0, 1:], [0.0, 0.0, 2.0])
    assert not np.signbit(relu[0, 1:]).any()


def test_threshold_fires_where_net_is_at_least_zero():
    net = np.array([[-np.inf, -1.0, -5e-324, -0.0, 0.0, 5e-324, 2.0, np.inf]])
    threshold = oracle.activations.threshold
    assert np.array_equal(threshold(net), [[0, 0, 0, 1, 1, 1, 1, 1]])
    assert np.isnan(threshold(np.array([[np.nan]]))).all()


def test_threshold_has_no_slope_but_at_its_jump():
    net = np.array([-3.0, -1.0, 1.0, 3.0])
    f = oracle.activations.threshold
    assert not difference(lambda x: float(np.sum(f(x))), net, FD_STEP).any()
    assert not DERIVATIVES["threshold"](f(net)).any()
    steps = [0.1**k for k in range(1, 12)]
    slopes = [(f(np.zeros(1)) - f(np.full(1, -h)))[0] / h for h in steps]
    assert slopes == [1 / h for h in steps]  # beyond every number


# A 2-2-1 network by hand, logistic throughout: logistic(ln 3) = 3/(3+1) = 3/4, logistic(0) = 1/2,
# logistic(-ln 3) = 1/4, so that everything after the first net is a fraction.
LN3 = log(3)
W0 = np.array([[LN3, 0.0, 0.0], [LN3, -LN3, LN3]])  # columns: x_1, x_2, bias
W1 = np.array([[4.0, -4.0, -1.0]])
X = np.array([[1.0, 2.0], [0.0, 2.0]])
Y = np.array([1.0, 0.0])
#   sample 1: net[1] = (ln 3,  ln 3 - 2 ln 3 + ln 3 = 0)    o[1] = (3/4, 1/2)
#   sample 2: net[1] = (0,     0 - 2 ln 3 + ln 3 = -ln 3)   o[1] = (1/2, 1/4)
O1 = np.array([[3 / 4, 1 / 2], [1 / 2, 1 / 4]])
#   sample 1: net[2] = 4 3/4 - 4 1/2 - 1 = 0   y_hat = 1/2
#   sample 2: net[2] = 4 1/2 - 4 1/4 - 1 = 0   y_hat = 1/2
# Half squared error: L_1 = 1/2 (1 - 1/2)^2 = 1/8,  L_2 = 1/2 (0 - 1/2)^2 = 1/8,  L = 1/8.
#   delta[2] = (y - y_hat) y_hat (1 - y_hat) = (1/2)(1/4) = 1/8 and (-1/2)(1/4) = -1/8
DELTA2 = np.array([[1 / 8], [-1 / 8]])
#   delta[1] = o (1 - o) (delta[2] W[1]), W[1] without its bias = (4, -4):
#   sample 1: (3/16 4/8, 1/4 (-4/8)) = (3/32, -1/8)
#   sample 2: (1/4 (-4/8), 3/16 4/8) = (-1/8, 3/32)
DELTA1 = np.array([[3 / 32, -1 / 8], [-1 / 8, 3 / 32]])
# dW[k] = -1/2 sum over the samples of delta[k+1] [o[k], 1]:
#   dW[1] = -1/2 (1/8 3/4 - 1/8 1/2, 1/8 1/2 - 1/8 1/4, 1/8 - 1/8) = (-1/64, -1/64, 0)
#   dW[0], row 1: -1/2 (3/32 1 - 1/8 0, 3/32 2 - 1/8 2, 3/32 - 1/8) = (-3/64, 1/32, 1/64)
#   dW[0], row 2: -1/2 (-1/8 1 + 3/32 0, -1/8 2 + 3/32 2, -1/8 + 3/32) = (1/16, 1/32, 1/64)
DW1 = np.array([[-1 / 64, -1 / 64, 0.0]])
DW0 = np.array([[-3 / 64, 1 / 32, 1 / 64], [1 / 16, 1 / 32, 1 / 64]])
# dX = -delta[1] W[0] without bias:
#   sample 1: -(3/32 ln 3 - 1/8 ln 3, 3/32 0 + 1/8 ln 3) = (ln 3 / 32, -ln 3 / 8)
#   sample 2: -(-1/8 ln 3 + 3/32 ln 3, -1/8 0 - 3/32 ln 3) = (ln 3 / 32, 3 ln 3 / 32)
DX = np.array([[LN3 / 32, -LN3 / 8], [LN3 / 32, 3 * LN3 / 32]])
# Every quantity is below 8 and a dozen roundings away from exact ones.
BY_HAND = gamma(16) * 8


def by_hand(loss="half_squared_error"):
    mlp = oracle.MLP([2, 2, 1], "logistic", "logistic", loss, "float64")
    mlp.W = [W0, W1]
    return mlp


def test_forward_by_hand():
    trace = by_hand().forward(X)
    assert trace.net[0] is None
    assert_within(trace.net[1], [[LN3, 0.0], [0.0, -LN3]], BY_HAND)
    assert_within(trace.o[1], O1, BY_HAND)
    assert_within(trace.net[2], [[0.0], [0.0]], BY_HAND)
    assert_within(trace.y_hat, [[0.5], [0.5]], BY_HAND)
    assert np.array_equal(trace.o[0], X)
    assert trace.y_hat is trace.o[2]


@pytest.mark.parametrize(
    ("loss", "expected", "factor"),
    # Binary cross-entropy collapses: delta[2] = y - y_hat = 1/2 and -1/2, four times the above, and
    # with it everything behind; L = -log(1/2) = ln 2.
    [("half_squared_error", 1 / 8, 1), ("binary_cross_entropy", log(2), 4)],
)
def test_backward_by_hand(loss, expected, factor):
    mlp = by_hand(loss)
    back = mlp.backward(mlp.forward(X), Y)
    assert back.delta[0] is None
    assert_within(back.loss, expected, BY_HAND)
    assert_within(back.delta[2], factor * DELTA2, BY_HAND)
    assert_within(back.delta[1], factor * DELTA1, BY_HAND)
    assert_within(back.dW[1], factor * DW1, BY_HAND)
    assert_within(back.dW[0], factor * DW0, BY_HAND)
    assert_within(back.dX, factor * DX, BY_HAND)


# With eta = 1/2: w - g/2.
SGD_STEP = [W0 - DW0 / 2, W1 - DW1 / 2]
# Adam's first step: m_hat = g and v_hat = g^2, so w - eta g / (|g| + eps). With eps = 1/64:
#   |g| = 3/64 -> 3/4,  1/64 -> 1/2,  1/32 -> 2/3,  1/16 -> 4/5,  0 -> 0; times eta = 1/8.
ADAM_STEP = [
    W0 - np.array([[-3 / 4, 2 / 3, 1 / 2], [4 / 5, 2 / 3, 1 / 2]]) / 8,
    W1 - np.array([[-1 / 2, -1 / 2, 0.0]]) / 8,
]


@pytest.mark.parametrize(
    ("optimizer", "expected"),
    [
        (SGD(eta=1 / 2), SGD_STEP),
        (SGD(eta=1 / 2, momentum=1 / 2), SGD_STEP),  # from rest v = g
        (Adam(eta=1 / 8, beta_1=1 / 2, beta_2=3 / 4, eps=1 / 64), ADAM_STEP),
    ],
)
def test_one_step_by_hand(optimizer, expected):
    mlp = by_hand()
    assert_within(oracle.Trainer(mlp, optimizer, None).epoch(X, Y), 1 / 8, BY_HAND)
    # The bias of the output has g = 0 by hand and, here, a rounding r of it: Adam makes it
    # eta r / (r + eps), which is 64 eta r more than the others' error.
    for W, by_hand_W in zip(mlp.W, expected, strict=True):
        assert_within(W, by_hand_W, 64 * BY_HAND)


def test_sgd_by_hand():
    # (1, 1) - 1/2 (1/2, -1/4) = (3/4, 9/8)
    assert np.array_equal(sgd(np.ones(2), np.array([0.5, -0.25]), 0.5), [0.75, 1.125])


def test_momentum_by_hand():
    # v = 1/2 (1/4, 1/2) + (1/2, -1/4) = (5/8, 0);  w = (1, 1) - 1/2 (5/8, 0) = (11/16, 1)
    w, v = momentum(np.ones(2), np.array([0.5, -0.25]), np.array([0.25, 0.5]), 0.5, 0.5)
    assert np.array_equal(v, [0.625, 0.0])
    assert np.array_equal(w, [0.6875, 1.0])


def test_two_steps_of_adam_by_hand():
    # eta = 1, beta_1 = 1/2, beta_2 = 3/4, eps = 1, from w = 0.
    # g = 1:    m = 1/2, v = 1/4;  m_hat = (1/2)/(1/2) = 1, v_hat = (1/4)/(1/4) = 1
    #           w = 0 - 1/(1 + 1) = -1/2
    # g = -5/2: m = 1/4 - 5/4 = -1,  v = 3/16 + 25/16 = 7/4
    #           m_hat = -1/(3/4) = -4/3,  v_hat = (7/4)/(7/16) = 4
    #           w = -1/2 + (4/3)/(2 + 1) = -1/18
    w = m = v = np.zeros(1)
    w, m, v = adam(w, np.ones(1), m, v, 1.0, 0.5, 0.75, 1.0, 0.5, 0.75)
    assert np.array_equal([w, m, v], [[-0.5], [0.5], [0.25]])
    w, m, v = adam(w, np.array([-2.5]), m, v, 1.0, 0.5, 0.75, 1.0, 0.25, 0.5625)
    assert np.array_equal([m, v], [[-1.0], [1.75]])
    assert_within(w, [-1 / 18], gamma(8))


def test_imports_no_core():
    for path in Path(oracle.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in getattr(node, "names", [])] + [getattr(node, "module", "")]
            assert not any("_core" in (name or "") for name in names), path.name
