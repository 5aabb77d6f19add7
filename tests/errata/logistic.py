# SPDX-License-Identifier: BSD-3-Clause
"""Rows L: from logistic regression to deep learning.

Four users, three movies, x_0 = 1; and a network with two logistic hidden units.
"""

from math import cos, exp, log, sin, sqrt

import numpy as np
from differences import derivative, exact, partial, second_partial

from errata.backpropagation import sigma

X = np.array([[1.0, 1, 0, 1], [1, 1, 1, 0], [1, 0, 0, 1], [1, 0, 1, 0]])
Y = np.array([1.0, 0, 1, 1])
THETA = np.array([0.3, -0.5, 0.8, 0.2])

# theta_ij leads from input i to hidden unit j; h_0 = 1 is nobody's output, so column 0 is unused.
x = np.array([1.0, 0.5, -1.5])
HIDDEN = np.array([[9.9, 0.1, -0.4], [9.9, 0.7, 0.3], [9.9, -0.2, 0.6]])
OUTPUT = np.array([0.2, -0.9, 1.3])


def log_likelihood(theta):
    p = sigma(X @ theta)
    return float(np.sum(Y * np.log(p) + (1 - Y) * np.log(1 - p)))


def forward(hidden=HIDDEN, output=OUTPUT):
    h = sigma(x @ hidden)
    h[0] = 1.0
    return h, float(sigma(h @ output))


def network_log_likelihood(hidden=HIDDEN, output=OUTPUT):
    return log(forward(hidden, output)[1])  # y = 1


def l1():
    p = sigma(X @ THETA)
    curvature = float(np.sum(p * (1 - p) * X[:, 1] ** 2))
    return curvature, -curvature, second_partial(log_likelihood, THETA, 1, 1)


def l2():
    y, p = 0, 0.8
    printed, right = y / p + (1 - y) / (1 - p), y / p - (1 - y) / (1 - p)
    return printed, right, derivative(lambda q: y * log(q) + (1 - y) * log(1 - q), p)


def l3():
    n = len(Y)
    return len(range(n + 1)), len(range(1, n + 1)), exact(X.shape[0])


def l4():
    terms = THETA * X[1]
    p = float(sigma(THETA @ X[1]))
    return terms[1:].sum(), terms.sum(), exact(log(p / (1 - p)))


def l5():
    h, p = forward()
    rate = (1 - p) * OUTPUT[2] * h[2] * (1 - h[2])
    return rate * x[2], rate * x[1], partial(network_log_likelihood, HIDDEN, (1, 2))


def l6():
    h, p = forward()
    slope = (1 - p) * h[1]
    return slope, -slope, partial(lambda o: -network_log_likelihood(output=o), OUTPUT, 1)


# Perhaps slips of the transcription, or of wording.


def l7():
    return 40 * 20, 41 * 20, exact(sum(1 for j in range(1, 21) for i in range(41)))


def l8():
    return 20, 21, exact(sum(1 for j in range(21)))


def l9():
    return len(set("cabc")), len(set("abcd")), exact(len({2, 20, 40, 800}))


def l10():
    h = sigma(HIDDEN @ x)
    h[0] = 1.0
    net = OUTPUT[0]
    for j in (1, 2):
        net += OUTPUT[j] / (1 + exp(-sum(x[i] * HIDDEN[i, j] for i in range(3))))
    return float(sigma(h @ OUTPUT)), forward()[1], exact(1 / (1 + exp(-net)))


def l11():
    h, p = forward()
    without = h[1] * OUTPUT[1] + h[2] * OUTPUT[2]
    return sigma(without + 0.5 * OUTPUT[0]), p, exact(1 / (1 + exp(-without - OUTPUT[0])))


def l12():
    at = 0.5
    return cos(at), cos(at**2) * 2 * at, derivative(lambda v: sin(v * v), at)


def l13():
    at = 1.0
    right = sum(i * 2 * at for i in (1, 2, 3))
    return 3 * 2 * at, right, derivative(lambda v: sum(i * v * v for i in (1, 2, 3)), at)


def l14():
    theta = 5.0  # data x = 1, y = 1 and x = -1, y = 0
    right = 2 * (1 - sigma(theta))
    return 0.0, right, derivative(lambda t: -2 * log(1 + exp(-t)), theta)


def l15():
    # N(0, 1) against N(0, 4): log densities cross where 3 x^2 / 8 = log 2
    crossings = [s * sqrt(8 * log(2) / 3) for s in (-1, 1)]
    t = np.linspace(-5, 5, 100000)
    sign = np.sign(-t * t / 2 + t * t / 8 + np.log(2))
    return 1, len(crossings), exact(np.sum(sign[1:] != sign[:-1]))


def l16():
    users, likes = [(1, 0, 1), (1, 1, 0), (0, 0, 1)], [1, 0, 1]
    same = [y for user, y in zip(users, likes, strict=True) if user == users[0]]
    return sum(likes) / 3, 1.0, exact(sum(same) / len(same))
