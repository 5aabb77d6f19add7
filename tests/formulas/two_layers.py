# SPDX-License-Identifier: BSD-3-Clause
"""(C39) to (C43): docs/chain_rule.md, section 9, on tanh layers of 3 and 2 units."""

from math import tanh

import numpy as np
from differences import derivative, exact

import deltarule as dr
from formulas.registry import formula, slopes, values

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
