# SPDX-License-Identifier: BSD-3-Clause
"""(C1) to (C51): docs/chain_rule.md."""

from itertools import pairwise
from math import cos, cosh, e, exp, log, prod, sin, sinh, tanh

import numpy as np
from differences import Measured, derivative, exact, partial, second_partial

import deltarule as dr
from formulas.registry import formula, slopes, values


def sigma(z):
    return 1 / (1 + np.exp(-z))


@formula("C1", r"f'(g(x)) g'(x)")
def composed():
    for x in (-0.6, 0.4, 0.9):  # sin after x^3
        yield cos(x**3) * 3 * x**2, derivative(lambda v: sin(v**3), x)


@formula("C2", r"2 x e^{x^2}")
def e_of_x_squared():
    for x in (-0.5, 1.0):
        yield 2 * x * exp(x**2), derivative(lambda v: exp(v**2), x)
    yield 5.43656, Measured(2 * e, 5e-6)


@formula("C3", r"f'(g(t(x))) \cdot g'(t(x)) \cdot t'(x)")
def composed_of_three():
    for x in (0.1, 0.5):  # sin after v^2 after 3x - 1
        claimed = cos((3 * x - 1) ** 2) * 2 * (3 * x - 1) * 3
        yield claimed, derivative(lambda v: sin((3 * v - 1) ** 2), x)


@formula("C4", r"\cdot 2 (2 x + 3) \cdot 2 = 4 (2 x + 3) e^{(2 x + 3)^2}")
def e_of_a_square():
    for x in (-1.6, -1.5, -1.0):
        yield (
            4 * (2 * x + 3) * exp((2 * x + 3) ** 2),
            derivative(lambda v: exp((2 * v + 3) ** 2), x),
        )
    yield 10.87313, Measured(4 * e, 5e-6)
    yield 16.30969, Measured(6 * e, 5e-6)  # the slip


@formula("C5", r"\Delta y \approx f'(z) \Delta z \approx f'(z) g'(w) \Delta w")
def increments():
    w, slope = -1.0, 4 * e
    errors = []
    for dw in (1e-2, 1e-3, 1e-4):
        errors.append(abs(exp((2 * (w + dw) + 3) ** 2) - exp((2 * w + 3) ** 2) - slope * dw))
    for larger, smaller in pairwise(errors):  # a tenth of dw: a hundredth
        yield float(80 < larger / smaller < 120), exact(1)


@formula("C6", r"\sum_{z \in \mathrm{downstream}(v)}")
def several_paths():
    v = 0.8  # z = (sin v, v^2, e^v), L = z_1 z_2 + z_3^2
    z = sin(v), v**2, exp(v)
    claimed = z[1] * cos(v) + z[0] * 2 * v + 2 * z[2] * exp(v)
    yield claimed, derivative(lambda t: sin(t) * t**2 + exp(t) ** 2, v)


@formula("C7", r"6 v^2 + 3 v^2 = 9 v^2")
def two_paths():
    for v in (-1.0, 2.0):
        yield 3 * v * 2 * v + v**2 * 3, derivative(lambda t: t**2 * 3 * t, v)
        yield 9 * v**2, derivative(lambda t: 3 * t**3, v)


@formula("C8", r"= \sum_i \frac{\partial}{\partial w} L_i(w)")
def sum_of_slopes():
    xs, w = (0.3, -1.0, 2.0), 0.7
    yield sum(x * cos(w * x) for x in xs), derivative(lambda v: sum(sin(v * x) for x in xs), w)


@formula("C9", r"= - (y - a)")
def half_a_square():
    yield -(1.0 - 0.3), derivative(lambda a: 0.5 * (1.0 - a) ** 2, 0.3)


@formula("C10", r"\frac{1}{1 + e^{-z}} \cdot \frac{e^{-z}}{1 + e^{-z}} = \sigma(z) (1 - \sigma(z))")
def logistic_slope():
    for z in (-2.0, 0.0, 0.7):
        yield 1 / (1 + exp(-z)) * exp(-z) / (1 + exp(-z)), derivative(sigma, z)
        yield sigma(z) * (1 - sigma(z)), derivative(sigma, z)


@formula("C11", r"1 - \tanh(z)^2")
def tanh_slope():
    for z in (-1.0, 0.2):
        yield (cosh(z) ** 2 - sinh(z) ** 2) / cosh(z) ** 2, derivative(tanh, z)
        yield 1 - tanh(z) ** 2, derivative(tanh, z)


@formula("C12", r"= x_j")
def weighted_sum_slope():
    x = np.array([1.0, -0.5, 2.0])
    yield from slopes(x, lambda theta: float(x @ theta), [0.3, 0.1, -2.0])


@formula("C13", r"= - \frac{1}{1 - a}")
def log_of_a_complement():
    yield -1 / (1 - 0.3), derivative(lambda a: log(1 - a), 0.3)


# Sections 5 and 6: logistic units, 2-3-2-2, half the squared error.

X, Y = np.array([0.6, -1.2]), np.array([1.0, 0.0])
W = [
    np.array([[0.5, -0.4, 0.1], [-0.3, 0.8, 0.2], [0.7, 0.2, -0.5]]),
    np.array([[0.9, -0.6, 0.4, 0.3], [-0.2, 0.5, 0.7, -0.1]]),
    np.array([[1.1, -0.7, 0.2], [-0.5, 0.6, 0.4]]),
]
ETA = 0.3


def forward(weights=W, shifts=()):
    """o[0] .. o[3], each with its 1; `shifts` maps a layer to what is added to its net."""
    o = [np.append(X, 1.0)]
    for k, w in enumerate(weights, 1):
        o.append(np.append(sigma(w @ o[-1] + dict(shifts).get(k, 0.0)), 1.0))
    return o


def loss(weights=W, shifts=()):
    return 0.5 * float(np.sum((Y - forward(weights, shifts)[-1][:-1]) ** 2))


def loss_of(k):
    """The loss as a function of W[k]."""
    return lambda w: loss([*W[:k], w, *W[k + 1 :]])


def net_slope(k, j):
    """dL/dnet[k]_j by differences."""
    zero = np.zeros(len(W[k - 1]))
    return partial(lambda shift: loss(W, [(k, shift)]), zero, j)


def deltas():
    """By (C18) and (C23)."""
    o = [values[:-1] for values in forward()]
    d = [None, None, None, (Y - o[3]) * o[3] * (1 - o[3])]
    for k in (2, 1):
        d[k] = np.array([
            o[k][j] * (1 - o[k][j]) * sum(d[k + 1][z] * W[k][z, j] for z in range(len(d[k + 1])))
            for j in range(len(o[k]))
        ])  # fmt: skip
    return d


def stepped(k):
    """W[k] after a step of plain gradient descent on the network itself."""
    mlp = dr.MLP([2, 3, 2, 2], "logistic", "logistic", "half_squared_error", "float64")
    mlp.W = W
    dr.Trainer(mlp, dr.SGD(eta=ETA)).epoch([X], [Y])
    return mlp.W[k]


@formula("C14", r"\sigma \left( \sum_{l=1}^{H_m + 1} W^{(m)}_{kl} o^{(m)}_l \right)")
def loss_written_out():
    o = forward()[2]
    nets = [sum(W[2][k, i] * o[i] for i in range(3)) for k in range(2)]
    yield sum((y - sigma(net)) ** 2 for y, net in zip(Y, nets, strict=True)) / 2, exact(loss())


@formula(
    "C15",
    r"\left( y_j - \sigma \left( \sum_{l=1}^{H_m + 1} W^{(m)}_{jl} o^{(m)}_l \right) \right)^2",
)
def one_term_is_left():
    o = forward()[2]
    for j, i in np.ndindex(2, 3):
        one_term = partial(lambda row, j=j: 0.5 * (Y[j] - sigma(row @ o)) ** 2, W[2][j], i)
        whole = partial(loss_of(2), W[2], (j, i))
        yield one_term.value, whole._replace(bound=one_term.bound + whole.bound)


@formula(
    "C16",
    r"\frac{\partial L}{\partial \hat y_j} \cdot \frac{\partial \hat y_j}{\partial \mathrm{net}_j}",
)
def three_factors():
    o, y_hat = forward()[2], forward()[3]
    for j, i in np.ndindex(2, 3):
        factors = [
            derivative(lambda v, j=j: 0.5 * (Y[j] - v) ** 2, y_hat[j]),
            derivative(sigma, W[2][j] @ o),
            partial(lambda row: row @ o, W[2][j], i),
        ]
        whole = partial(loss_of(2), W[2], (j, i))
        bound = whole.bound + sum(f.bound for f in factors)
        yield prod(f.value for f in factors), whole._replace(bound=bound)


@formula("C17", r"= - (y_j - \hat y_j)", r"= \hat y_j (1 - \hat y_j)", r"= o^{(m)}_i")
def each_factor():
    o, y_hat = forward()[2], forward()[3][:2]
    for j in range(2):
        yield -(Y[j] - y_hat[j]), derivative(lambda v, j=j: 0.5 * (Y[j] - v) ** 2, y_hat[j])
        yield y_hat[j] * (1 - y_hat[j]), derivative(sigma, W[2][j] @ o)
        yield from slopes(o, lambda row: float(row @ o), W[2][j])


@formula("C18", r"(y_j - \hat y_j) \hat y_j (1 - \hat y_j)", r"= - \delta_j o^{(m)}_i")
def output_weights():
    y_hat = forward()[3][:2]
    delta = (Y - y_hat) * y_hat * (1 - y_hat)
    for j in range(2):
        slope = net_slope(3, j)
        yield -delta[j], slope
    yield from slopes(-np.outer(delta, forward()[2]), loss_of(2), W[2])


@formula("C19", r"+ \eta \delta_j o^{(m)}_i")
def output_step():
    yield from values(W[2] + ETA * np.outer(deltas()[3], forward()[2]), stepped(2))


@formula("C20", r"\frac{\partial \mathrm{net}^{(k+1)}_j}{\partial W^{(k)}_{ji}} = o^{(k)}_i")
def through_one_net():
    o = forward()
    for k in (0, 1):
        for j, i in np.ndindex(W[k].shape):
            through = net_slope(k + 1, j)
            direct = partial(loss_of(k), W[k], (j, i))
            yield through.value * o[k][i], direct._replace(bound=direct.bound + 2 * through.bound)


def net_to_net(k, j):
    """dnet[k+2]_z / dnet[k+1]_j of all z, by differences."""
    o = forward()

    def net(z):
        def of(v):
            moved = o[k + 1].copy()
            moved[j] = sigma(v)
            return float(W[k + 1][z] @ moved)

        return of

    at = float(W[k][j] @ o[k])
    return [derivative(net(z), at) for z in range(len(W[k + 1]))]


@formula("C21", r"\sum_{z} \frac{\partial L}{\partial \mathrm{net}^{(k+2)}_z} \cdot")
def all_units_downstream():
    for k in (0, 1):
        for j in range(len(W[k])):
            rates = net_to_net(k, j)
            after = [net_slope(k + 2, z) for z in range(len(rates))]
            claimed = sum(a.value * b.value for a, b in zip(after, rates, strict=True))
            whole = net_slope(k + 1, j)
            bound = whole.bound + sum(m.bound for m in after + rates)
            yield claimed, whole._replace(bound=bound)


@formula("C22", r"W^{(k+1)}_{zj} o^{(k+1)}_j (1 - o^{(k+1)}_j)")
def rate_between_nets():
    o = forward()
    for k in (0, 1):
        for j in range(len(W[k])):
            for z, rate in enumerate(net_to_net(k, j)):
                yield W[k + 1][z, j] * o[k + 1][j] * (1 - o[k + 1][j]), rate


@formula("C23", r"= o^{(k+1)}_j (1 - o^{(k+1)}_j) \sum_z \delta^{(k+2)}_z W^{(k+1)}_{zj}")
def hidden_delta():
    for k in (1, 2):
        for j, delta in enumerate(deltas()[k]):
            slope = net_slope(k, j)
            yield delta, slope._replace(value=-slope.value)


@formula("C24", r"= - \delta^{(k+1)}_j o^{(k)}_i", r"+ \eta \delta^{(k+1)}_j o^{(k)}_i")
def hidden_weights():
    for k in (0, 1):
        rule = np.outer(deltas()[k + 1], forward()[k])
        yield from slopes(-rule, loss_of(k), W[k])
        yield from values(W[k] + ETA * rule, stepped(k))


# Section 7: four users, three movies, x_0 = 1.

USERS = np.array([[1.0, 1, 0, 1], [1, 1, 1, 0], [1, 0, 0, 1], [1, 0, 1, 0]])
LIKES = np.array([1.0, 0, 1, 1])
THETA = np.array([0.3, -0.5, 0.8, 0.2])


def log_likelihood(theta):
    p = sigma(USERS @ theta)
    return float(np.sum(LIKES * np.log(p) + (1 - LIKES) * np.log(1 - p)))


@formula("C25", r"1 - \sigma(\theta^T x) = 1 - \hat y")
def probabilities():
    unit = dr.MLP([3, 1], output="logistic", dtype="float64")
    unit.w = np.roll(THETA, -1)  # the bias last
    yield from values(sigma(USERS @ THETA), unit.predict(USERS[:, 1:])[:, 0])
    odds = np.exp(USERS @ THETA)  # P(Y = 0) is the other part of 1
    yield from values(1 - sigma(USERS @ THETA), 1 / (1 + odds))


@formula("C26", r"\hat y^{y} (1 - \hat y)^{1 - y}")
def both_in_one():
    for p in (0.2, 0.9):
        yield p**1 * (1 - p) ** 0, exact(p)
        yield p**0 * (1 - p) ** 1, exact(1 - p)


@formula("C27", r"\prod_{i=1}^{n}")
def likelihood():
    p = sigma(USERS @ THETA)
    product = prod(float(q**y * (1 - q) ** (1 - y)) for q, y in zip(p, LIKES, strict=True))
    picked = [q if y else 1 - q for q, y in zip(p, LIKES, strict=True)]
    yield product, exact(np.prod(picked))


@formula("C28", r"y^{(i)} \log \hat y^{(i)} + (1 - y^{(i)}) \log (1 - \hat y^{(i)})")
def log_of_the_likelihood():
    p = sigma(USERS @ THETA)
    picked = [q if y else 1 - q for q, y in zip(p, LIKES, strict=True)]
    yield log_likelihood(THETA), exact(log(np.prod(picked)))


@formula(
    "C29", r"\frac{y}{\hat y} - \frac{1 - y}{1 - \hat y} = \frac{y - \hat y}{\hat y (1 - \hat y)}"
)
def slope_at_the_output():
    for y, p in ((0, 0.8), (1, 0.3)):
        reference = derivative(lambda q, y=y: y * log(q) + (1 - y) * log(1 - q), p)
        yield y / p - (1 - y) / (1 - p), reference
        yield (y - p) / (p * (1 - p)), reference


@formula("C30", r"= \hat y (1 - \hat y) x_j")
def slope_of_the_prediction():
    x = USERS[1]
    p = float(sigma(x @ THETA))
    yield from slopes(p * (1 - p) * x, lambda t: float(sigma(x @ t)), THETA)


@formula("C31", r"= (y - \hat y) x_j")
def one_sample():
    for x, y in zip(USERS, LIKES, strict=True):

        def ll(t, x=x, y=y):
            return float(y * np.log(sigma(x @ t)) + (1 - y) * np.log(1 - sigma(x @ t)))

        yield from slopes((y - sigma(x @ THETA)) * x, ll, THETA)


@formula("C32", r"\left( y^{(i)} - \sigma(\theta^T x^{(i)}) \right) x^{(i)}_j", r"\theta_j + \eta")
def all_samples():
    ascent = (LIKES - sigma(USERS @ THETA)) @ USERS
    yield from slopes(ascent, log_likelihood, THETA)
    unit = dr.MLP([3, 1], output="logistic", loss="binary_cross_entropy", dtype="float64",
                  reduction="sum")  # fmt: skip
    unit.w = np.roll(THETA, -1)
    dr.Trainer(unit, dr.SGD(eta=ETA)).epoch(USERS[:, 1:], LIKES)
    yield from values(THETA + ETA * ascent, np.roll(unit.w, 1))


@formula("C33", r"= - \sum_{i=1}^{n} \hat y^{(i)} (1 - \hat y^{(i)}) x^{(i)}_j x^{(i)}_l")
def curvature():
    p = sigma(USERS @ THETA)
    hessian = -(USERS.T * (p * (1 - p))) @ USERS
    for j, k in np.ndindex(4, 4):
        yield hessian[j, k], second_partial(log_likelihood, THETA, j, k)


@formula("C34", r"\left( v^T x^{(i)} \right)^2 \le 0")
def concave():
    p = sigma(USERS @ THETA)
    hessian = -(USERS.T * (p * (1 - p))) @ USERS
    for v in np.random.default_rng(0).normal(size=(20, 4)):
        claimed = -float(np.sum(p * (1 - p) * (USERS @ v) ** 2))
        yield claimed, exact(v @ hessian @ v)
        yield float(claimed <= 0), exact(1)


# Section 8: x, two logistic hidden units, one output; x_0 = h_0 = 1.

INPUT = np.array([1.0, 0.5, -1.5])
TO_HIDDEN = np.array([[0.1, -0.4], [0.7, 0.3], [-0.2, 0.6]])  # theta_ij, j = 1, 2
TO_OUTPUT = np.array([0.2, -0.9, 1.3])
TARGET = 0.0


def chain(to_hidden=TO_HIDDEN, to_output=TO_OUTPUT):
    h = np.append(1.0, sigma(INPUT @ to_hidden))
    return h, float(sigma(h @ to_output))


def chain_log_likelihood(to_hidden=TO_HIDDEN, to_output=TO_OUTPUT):
    p = chain(to_hidden, to_output)[1]
    return TARGET * log(p) + (1 - TARGET) * log(1 - p)


@formula(
    "C35", r"\sum_{i=0}^{m_x} x_i \theta^{(h)}_{ij}", r"\sum_{j=0}^{m_h} h_j \theta^{(\hat y)}_j"
)
def chain_forward():
    mlp = dr.MLP([2, 2, 1], "logistic", "logistic", dtype="float64")
    mlp.W = [np.roll(TO_HIDDEN.T, -1, axis=1), np.roll(TO_OUTPUT, -1)[None]]
    trace = mlp.forward(INPUT[None, 1:])
    h = [1.0] + [
        1 / (1 + exp(-sum(INPUT[i] * TO_HIDDEN[i, j] for i in range(3)))) for j in range(2)
    ]
    yield from values(h[1:], trace.o[1][0])
    yield 1 / (1 + exp(-sum(h[j] * TO_OUTPUT[j] for j in range(3)))), exact(trace.y_hat[0, 0])


@formula("C36", r"= (y - \hat y) h_j")
def chain_output():
    h, p = chain()
    written_out = (TARGET / p - (1 - TARGET) / (1 - p)) * p * (1 - p) * h
    for claimed in (written_out, (TARGET - p) * h):
        yield from slopes(claimed, lambda t: chain_log_likelihood(to_output=t), TO_OUTPUT)


@formula("C37", r"= \hat y (1 - \hat y) \theta^{(\hat y)}_j", r"= h_j (1 - h_j) x_i")
def chain_factors():
    h, p = chain()
    yield from slopes(p * (1 - p) * TO_OUTPUT, lambda v: float(sigma(v @ TO_OUTPUT)), h)
    for j in (0, 1):
        claimed = h[j + 1] * (1 - h[j + 1]) * INPUT
        yield from slopes(claimed, lambda t: float(sigma(INPUT @ t)), TO_HIDDEN[:, j])


@formula("C38", r"(y - \hat y) \theta^{(\hat y)}_j h_j (1 - h_j) x_i")
def chain_hidden():
    h, p = chain()
    claimed = (TARGET - p) * np.outer(INPUT, TO_OUTPUT[1:] * h[1:] * (1 - h[1:]))
    yield from slopes(claimed, chain_log_likelihood, TO_HIDDEN)


# Section 9: two hidden layers of tanh units, linear output, squared error.

Z_IN, Z_TARGET = np.array([0.6, -1.2]), 0.5
W_1, B_1 = np.array([[0.5, -0.4], [-0.3, 0.8], [0.2, 0.1]]), np.array([0.1, 0.2, -0.3])
W_2, B_2 = np.array([[0.9, -0.6, 0.3], [-0.2, 0.7, 0.4]]), np.array([0.3, -0.1])
THETA_3, C_3 = np.array([1.1, -0.7]), 0.2


def two_layers(w_1=W_1, b_1=B_1, w_2=W_2, theta=THETA_3, c=C_3):
    z_1 = w_1 @ Z_IN + b_1
    z_2 = w_2 @ np.tanh(z_1) + B_2
    return z_1, np.tanh(z_1), z_2, np.tanh(z_2), float(theta @ np.tanh(z_2) + c)


def squared(**changed):
    return (two_layers(**changed)[-1] - Z_TARGET) ** 2


def back():
    """dL/dy_hat, dL/dh2, dL/dh1 by (C40) to (C42)."""
    _, _, z_2, _, y_hat = two_layers()
    at_output = 2 * (y_hat - Z_TARGET)
    at_second = THETA_3 * at_output
    at_first = np.array([
        sum((1 - np.tanh(z_2[j]) ** 2) * W_2[j, i] * at_second[j] for j in range(2))
        for i in range(3)
    ])  # fmt: skip
    return at_output, at_second, at_first


def as_network():
    mlp = dr.MLP([2, 3, 2, 1], "tanh", "identity", dtype="float64")
    biased = [(W_1, B_1), (W_2, B_2), (THETA_3[None], np.array([C_3]))]
    mlp.W = [np.column_stack(pair) for pair in biased]
    return mlp.forward(Z_IN[None])


@formula(
    "C39", r"\sum_i w^{(1)}_{ji} x_i + b^{(1)}_j", r"\sum_i w^{(2)}_{ji} h^{(1)}_i + b^{(2)}_j"
)
def two_layers_forward():
    trace = as_network()
    z_1 = [sum(W_1[j, i] * Z_IN[i] for i in range(2)) + B_1[j] for j in range(3)]
    z_2 = [sum(W_2[j, i] * tanh(z_1[i]) for i in range(3)) + B_2[j] for j in range(2)]
    yield from values(z_1, trace.net[1][0])
    yield from values(z_2, trace.net[2][0])
    yield from values([tanh(z) for z in z_2], trace.o[2][0])


@formula("C40", r"= 2 (\hat y - y)")
def squared_error():
    h, y_hat = two_layers()[3:]
    yield sum(THETA_3 * h) + C_3, exact(as_network().y_hat[0, 0])
    yield 2 * (y_hat - Z_TARGET), derivative(lambda v: (v - Z_TARGET) ** 2, y_hat)


@formula(
    "C41",
    r"h^{(2)}_j \frac{\partial L}{\partial \hat y}",
    r"\theta_j \frac{\partial L}{\partial \hat y}",
)
def at_the_output():
    h = two_layers()[3]
    at_output, at_second, _ = back()
    yield from slopes(h * at_output, lambda t: squared(theta=t), THETA_3)
    yield at_output, derivative(lambda c: squared(c=c), C_3)
    yield from slopes(at_second, lambda v: (THETA_3 @ v + C_3 - Z_TARGET) ** 2, h)


@formula("C42", r"f'(z^{(2)}_j) h^{(1)}_i", r"\sum_j f'(z^{(2)}_j) w^{(2)}_{ji}")
def at_the_second_layer():
    _, h_1, z_2, _, _ = two_layers()
    _, at_second, at_first = back()
    claimed = np.outer((1 - np.tanh(z_2) ** 2) * at_second, h_1)
    yield from slopes(claimed, lambda w: squared(w_2=w), W_2)

    def from_first(h):
        return float((THETA_3 @ np.tanh(W_2 @ h + B_2) + C_3 - Z_TARGET) ** 2)

    yield from slopes(at_first, from_first, h_1)


@formula("C43", r"f'(z^{(1)}_j) x_i \frac{\partial L}{\partial h^{(1)}_j}", r"\partial b^{(1)}_j")
def at_the_first_layer():
    at_net = (1 - np.tanh(two_layers()[0]) ** 2) * back()[2]
    yield from slopes(np.outer(at_net, Z_IN), lambda w: squared(w_1=w), W_1)
    yield from slopes(at_net, lambda b: squared(b_1=b), B_1)


# Sections 10 and 11: softmax.

NET = np.array([0.4, -1.0, 0.9])
ONE_HOT = np.array([0.0, 1.0, 0.0])


def softmax(net):
    return np.exp(net) / np.exp(net).sum()


@formula("C44", r"\frac{d o_l}{d \mathrm{net}_l} \cdot \frac{\partial L}{\partial o_l}")
def scalar_activation():
    claimed = (1 - np.tanh(NET) ** 2) * (np.tanh(NET) - ONE_HOT)
    yield from slopes(claimed, lambda v: float(0.5 * np.sum((np.tanh(v) - ONE_HOT) ** 2)), NET)


@formula("C45", r"\sum_j \frac{\partial o_j}{\partial \mathrm{net}_l} \cdot")
def vector_activation():
    jacobian = [[partial(lambda v, j=j: softmax(v)[j], NET, k) for k in range(3)] for j in range(3)]
    slope = softmax(NET) - ONE_HOT
    for k in range(3):
        claimed = sum(jacobian[j][k].value * slope[j] for j in range(3))
        whole = partial(lambda v: float(0.5 * np.sum((softmax(v) - ONE_HOT) ** 2)), NET, k)
        bound = whole.bound + sum(jacobian[j][k].bound for j in range(3))
        yield claimed, whole._replace(bound=bound)


@formula("C46", r"= o_l (1 - o_l)", r"= - o_j o_l")
def softmax_slopes():
    o, s = softmax(NET), np.exp(NET).sum()
    for j, k in np.ndindex(3, 3):
        reference = partial(lambda v, j=j: softmax(v)[j], NET, k)
        if j == k:
            yield (exp(NET[k]) * s - exp(NET[k]) ** 2) / s**2, reference
            yield o[k] * (1 - o[k]), reference
        else:
            yield -exp(NET[j]) * exp(NET[k]) / s**2, reference
            yield -o[j] * o[k], reference


@formula("C47", r"- \sum_i y_i h_i + \left( \sum_i y_i \right) \log \sum_k e^{h_k}")
def cross_entropy_written_out():
    y = np.array([0.5, 2.0, 0.25])  # these needn't sum to 1
    yield -y @ NET + y.sum() * log(np.exp(NET).sum()), exact(-y @ np.log(softmax(NET)))


@formula("C48", r"\log \sum_k e^{h_k} - \sum_k y_k h_k", r"= p_j - y_j")
def cross_entropy_slope():
    def of(h):
        return float(log(np.exp(h).sum()) - ONE_HOT @ h)

    yield of(NET), exact(-ONE_HOT @ np.log(softmax(NET)))
    yield from slopes(softmax(NET) - ONE_HOT, of, NET)


@formula("C49", r"f'(\mathrm{net}_j) x_i (p_j - y_j)", r"= f'(\mathrm{net}_j) (p_j - y_j)")
def cross_entropy_weights():
    y = np.array([0.0, 1.0, 0.0])

    def of(w, b):
        return float(-y @ np.log(softmax(np.tanh(w @ Z_IN + b))))

    net = W_1 @ Z_IN + B_1
    at_net = (1 - np.tanh(net) ** 2) * (softmax(np.tanh(net)) - y)
    yield from slopes(np.outer(at_net, Z_IN), lambda w: of(w, B_1), W_1)
    yield from slopes(at_net, lambda b: of(W_1, b), B_1)


# Section 12.


@formula("C50", r"\nabla_x L = \nabla_h L \nabla_x h")
def row_times_jacobian():
    slope_h = two_layers()[1]  # L = |h|^2 / 2

    def h(x):
        return np.tanh(W_1 @ x + B_1)

    for i in range(2):
        column = [partial(lambda x, j=j: h(x)[j], Z_IN, i) for j in range(3)]
        claimed = sum(s * c.value for s, c in zip(slope_h, column, strict=True))
        whole = partial(lambda x: float(0.5 * np.sum(h(x) ** 2)), Z_IN, i)
        yield claimed, whole._replace(bound=whole.bound + sum(c.bound for c in column))


@formula("C51", r"f'(\mathrm{net}_j) W_{ji}", r"(\nabla_h L)_j f'(\mathrm{net}_j) x_i")
def a_layer():
    net = W_1 @ Z_IN + B_1
    rate = 1 - np.tanh(net) ** 2
    for j in range(3):
        yield from slopes(rate[j] * W_1[j], lambda x, j=j: np.tanh(W_1 @ x + B_1)[j], Z_IN)
    claimed = np.outer(np.tanh(net) * rate, Z_IN)
    yield from slopes(claimed, lambda w: float(0.5 * np.sum(np.tanh(w @ Z_IN + B_1) ** 2)), W_1)
