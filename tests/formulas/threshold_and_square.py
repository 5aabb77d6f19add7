# SPDX-License-Identifier: BSD-3-Clause
"""(37) to (40): docs/derivation.md, sections 12 and 13."""

import numpy as np
from differences import derivative, exact

import deltarule as dr
from deltarule import oracle
from formulas.forward import FUNCTIONS, NET, SLOPES, TARGET, logistic, softmax
from formulas.registry import formula, same_bits, slopes, values


def threshold(net):
    return float(net >= 0)


@formula("37", r"\left[ \mathrm{net} \ge 0 \right]")
def fires_from_zero_on():
    nets = np.array([-2.0, -1e-300, -0.0, 0.0, 1e-300, 3.0])
    unit = dr.MLP([1, 1], output="threshold", dtype="float64")
    unit.w = [1.0, 0.0]
    yield from same_bits([threshold(v) for v in nets], unit.predict(nets[:, None])[:, 0])
    yield from same_bits([threshold(v) for v in nets], oracle.activations.threshold(nets))


@formula(
    "38",
    r"f'(\mathrm{net}) = 0 \quad (\mathrm{net} \ne 0)",
    r"\lim_{h \to 0^+} \frac{1}{h} = \infty",
)
def no_slope_but_at_the_jump():
    for net in (-1.0, 0.5):
        yield 0.0, derivative(threshold, net)
    for h in (0.5, 2.0**-10, 2.0**-40):
        yield 1 / h, exact((threshold(0.0) - threshold(-h)) / h)


def squared_error(y, y_hat):
    return float(sum((a - b) ** 2 for a, b in zip(y, y_hat, strict=True)))


@formula("39", r"\sum_{j=1}^{K} (y_j - \hat y_j)^2")
def squared_distance():
    y_hat = logistic(NET)
    yield squared_error(TARGET, y_hat), exact(np.linalg.norm(TARGET - y_hat) ** 2)
    core = dr.MLP([1, 3], output="logistic", loss="squared_error", dtype="float64")
    core.w = np.column_stack([np.zeros(3), NET]).ravel()  # nets from the biases alone
    yield squared_error(TARGET, y_hat), exact(core.loss([[0.0]], TARGET[None]))


@formula("40", r"u_j = 2 (y_j - \hat y_j)", r"\delta_j = 2 (y_j - \hat y_j) f'(\mathrm{net}_j)")
def twice_the_difference():
    y_hat = logistic(NET)
    u = 2 * (TARGET - y_hat)
    yield from slopes(-u, lambda p: squared_error(TARGET, p), y_hat)
    delta = [a * SLOPES["logistic"](o) for a, o in zip(u, y_hat, strict=True)]

    def of_net(net):
        return squared_error(TARGET, [FUNCTIONS["logistic"](v) for v in net])

    yield from slopes(np.negative(delta), of_net, NET)
    core = dr.MLP([1, 3], output="logistic", loss="squared_error", dtype="float64")
    core.w = np.column_stack([np.zeros(3), NET]).ravel()
    back = core.backward(core.forward([[0.0]]), TARGET[None])
    yield from values(delta, back.delta[1][0])
    o = softmax(NET)  # (24) with the same u
    u = 2 * (TARGET - o)
    yield from slopes(-o * (u - u @ o), lambda v: squared_error(TARGET, softmax(v)), NET)
