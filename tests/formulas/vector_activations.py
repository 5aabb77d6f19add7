# SPDX-License-Identifier: BSD-3-Clause
"""(C44) to (C51): docs/chain_rule.md, sections 10 to 12."""

from math import exp, log

import numpy as np
from differences import exact, partial

from formulas.registry import formula, slopes
from formulas.two_layers import B_1, W_1, Z_IN, two_layers

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
