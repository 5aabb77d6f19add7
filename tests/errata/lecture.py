# SPDX-License-Identifier: BSD-3-Clause
"""Rows N: the lecture on neural networks.

Its network here has two hidden layers of two tanh units, a linear output and the squared error.
"""

from math import exp, log

import numpy as np
from differences import derivative, exact, partial

import deltarule as dr
from errata.backpropagation import sigma
from errata.introduction import one_hidden_functions, single_unit_functions

X, Y = np.array([0.6, -1.2]), 0.5
W1, B1 = np.array([[0.5, -0.4], [-0.3, 0.8]]), np.array([0.1, 0.2])
W2, B2 = np.array([[0.9, -0.6], [-0.2, 0.7]]), np.array([0.3, -0.1])
THETA, C = np.array([1.1, -0.7]), 0.2
Y_CLASS = np.array([0.0, 1.0])


def slope_of_tanh(z):
    return 1 - np.tanh(z) ** 2


def forward(w2=W2):
    z1 = W1 @ X + B1
    z2 = w2 @ np.tanh(z1) + B2
    return z1, np.tanh(z1), z2, np.tanh(z2), THETA @ np.tanh(z2) + C


def loss_from_first(h1):
    return float((THETA @ np.tanh(W2 @ h1 + B2) + C - Y) ** 2)


def cross_entropy(w=W1, b=B1):
    h = np.tanh(w @ X + b)
    return float(np.log(np.sum(np.exp(h))) - Y_CLASS @ h)


def cross_entropy_parts():
    z = W1 @ X + B1
    p = np.exp(np.tanh(z)) / np.exp(np.tanh(z)).sum()
    return z, p - Y_CLASS


def n1():
    theta, h, y = 1.1, 0.4, 0.5
    slope = 2 * (theta * h - y)
    return slope, slope * theta, derivative(lambda v: (theta * v - y) ** 2, h)


def n2():
    _, h1, z2, _, y_hat = forward()
    slope = 2 * (y_hat - Y)
    right = (slope_of_tanh(z2) * THETA * slope) @ W2[:, 0]
    return THETA[0] * slope, right, partial(loss_from_first, h1, 0)


def n3():
    _, _, z2, h2, y_hat = forward()
    at_second = 2 * (y_hat - Y) * THETA
    at_first = W2.T @ (slope_of_tanh(z2) * at_second)
    printed = np.sum(slope_of_tanh(z2[0]) * W2[0] * at_first)
    return printed, at_second[0], partial(lambda h: float((THETA @ h + C - Y) ** 2), h2, 0)


def n4():
    _, h1, z2, _, y_hat = forward()
    slope = slope_of_tanh(z2) * h1[0] * 2 * (y_hat - Y) * THETA
    return slope[0], slope[1], partial(lambda w: float((forward(w)[-1] - Y) ** 2), W2, (1, 0))


def n5():
    z, u = cross_entropy_parts()
    return u[0], slope_of_tanh(z[0]) * u[0], partial(lambda b: cross_entropy(b=b), B1, 0)


def n6():
    z, u = cross_entropy_parts()
    right = slope_of_tanh(z[0]) * X[1] * u[0]
    return slope_of_tanh(X[1]) * u[0], right, partial(cross_entropy, W1, (0, 1))


def n7():
    z, u = cross_entropy_parts()
    summed_over_units = W1[:, 1].sum() * X[1] + B1[0]
    printed = slope_of_tanh(summed_over_units) * X[1] * u[0]
    return printed, slope_of_tanh(z[0]) * X[1] * u[0], partial(cross_entropy, W1, (0, 1))


def n8():
    return sigma(sigma(2.0)), sigma(2.0), exact(exp(2) / (1 + exp(2)))


# Wording.


def n9():
    def correct(functions):
        return max(sum(a == b for a, b in zip(f, (0, 1, 1, 0), strict=True)) for f in functions)

    return correct(single_unit_functions()), correct(one_hidden_functions()), exact(4)


def n10():
    h = np.tanh(W1 @ X + B1)
    log_sum = float(np.log(np.exp(h).sum()))
    looped = 0.0
    for value in h:  # y = (1, 1)
        looped -= log(exp(value) / sum(exp(v) for v in h))
    return log_sum - h.sum(), 2 * log_sum - h.sum(), exact(looped)


def n11():
    return 1, 3, exact(dr.MLP([3, 2], output="softmax").W[0][0, :-1].size)
