# SPDX-License-Identifier: BSD-3-Clause
"""Rows I: the introduction to deep learning.

Its network here is 2-3-2, logistic, with half the squared error; w[k][i, j] leads from unit i of
layer k - 1 to unit j of layer k, as these slides have it.
"""

from itertools import product
from math import log, log2, nan

import numpy as np
from differences import derivative, exact, partial

from deltarule import construct
from errata.backpropagation import sigma

X, D = np.array([0.6, -1.2]), np.array([1.0, 0.0])
W = [
    np.empty(0),
    np.array([[0.5, -0.3, 0.7], [-0.4, 0.8, 0.2]]),
    np.array([[1.1, -0.5], [-0.7, 0.6], [0.4, 0.9]]),
]
B = [np.empty(0), np.array([0.1, 0.2, -0.5]), np.array([0.2, 0.4])]
SAMPLES, TARGETS = np.array([1.0, 2, 3]), np.array([2.0, 4, 7])


def forward(w=W):
    y, z = [X], [np.empty(0)]
    for k in (1, 2):
        z.append(y[-1] @ w[k] + B[k])
        y.append(sigma(z[-1]))
    return y, z


def div(w=W):
    return 0.5 * float(np.sum((forward(w)[0][2] - D) ** 2))


def slopes():
    """dDiv/dz of both layers."""
    y, _ = forward()
    second = (y[2] - D) * y[2] * (1 - y[2])
    return y, [None, y[1] * (1 - y[1]) * (W[2] @ second), second]


def single_unit_functions():
    """Boolean functions of two inputs that one threshold unit computes."""
    points = list(product((0, 1), repeat=2))
    weights = product(range(-2, 3), range(-2, 3), np.arange(-4.5, 5))
    return {tuple(int(a * p + b * q > t) for p, q in points) for a, b, t in weights}


def one_hidden_functions():
    """The same with two hidden threshold units and a threshold output."""
    f = single_unit_functions()
    outputs = product(f, f, f)
    return {tuple(g[2 * p + q] for p, q in zip(a, b, strict=True)) for a, b, g in outputs}


def half_squares(w):
    return float(np.mean(0.5 * (w * SAMPLES - TARGETS) ** 2))


def i1():
    return len(single_unit_functions()), len(one_hidden_functions()), exact(2**2**2)


def i2():
    n = 10
    t = np.linspace(0, 1, 100 * n + 1)
    chords = np.interp(t, np.arange(n + 1) / n, (np.arange(n + 1) / n) ** 2) - 1 / (8 * n * n)
    return 0.0, 1 / (8 * n * n), exact(np.max(np.abs(t * t - chords)))


def i3():
    inputs, depth = 64, 0
    while inputs > 1:
        inputs, depth = inputs // 2, depth + 1
    return 2, log2(64), exact(depth)


def i4():
    points = list(product((0, 1), repeat=2))
    tables = set(product((0, 1), repeat=len(points)))
    return 2 ** (2**1), 2 ** (2**2), exact(len(tables))


def i5():
    flat = derivative(sigma, 20.0).value < 1e-6
    return int(flat), 0, exact(np.any(np.abs(sigma(np.array([-700.0, 700.0]))) > 10))


def i6():
    far = 1e9

    def by_limit(f):
        return int(max(f(-far), f(far)) > 1)

    def falling(z):
        return min(z, 0.0)

    absolute = int(max(abs(falling(-far)), abs(falling(far))) > 1)
    return by_limit(falling), absolute, exact(by_limit(lambda z: max(z, 0.0)))


def i7():
    own = TARGETS / SAMPLES  # a weight for each sample
    best = SAMPLES @ TARGETS / (SAMPLES @ SAMPLES)
    at = [
        half_squares(v) for v in (1.0, 2.0, 3.0)
    ]  # a parabola: its lowest point from three values
    curvature, rise = at[0] - 2 * at[1] + at[2], (at[2] - at[0]) / 2
    return half_squares(own), half_squares(best), exact(at[1] - rise**2 / (2 * curvature))


def i8():
    looped = 0.0
    for x, d in zip(SAMPLES, TARGETS, strict=True):
        looped += 0.5 * (2 * x - d) ** 2 / 3
    return np.mean(0.5 * (2 * SAMPLES[0] - TARGETS) ** 2), half_squares(2.0), exact(looped)


def i9():
    w = {0: 1.0, 1: 1.0 - 0.1 * 2}  # f = w^2, eta = 0.1
    return w.get(2, nan), abs(w[1] ** 2 - w[0] ** 2), exact(0.36)


def i10():
    slope = derivative(lambda v: v * v, 1.0)
    reference = slope._replace(value=1 - 0.1 * slope.value)
    return 1 - 0.1**2 * 2, 1 - 0.1 * 2, reference


def i11():
    y = np.array([1.0, 2.0])
    path = (np.arange(1000) + 0.5) / 1000
    return y @ y, 0.5 * y @ y, exact(np.mean([(t * y) @ y for t in path]))


def i12():
    y, _ = forward()
    right = W[2][:, 0] @ y[1] + B[2][0]
    return W[2][0, 0] * y[1][0] + B[2][0], right, exact(log(y[2][0] / (1 - y[2][0])))


def i13():
    y, _ = forward()
    right = W[2][:, 1] @ y[1] + B[2][1]
    return W[2][0, 1] * y[1][0] + B[2][1], right, exact(log(y[2][1] / (1 - y[2][1])))


def i14():
    y, d = slopes()
    reference = partial(lambda w: div([W[0], w, W[2]]), W[1], (0, 1))
    return y[1][0] * d[1][1], y[0][0] * d[1][1], reference


def i15():
    last = 2

    def layers_reached(lowest):
        return len([k + 1 for k in range(last - 1, lowest - 1, -1)])

    moved = [
        partial(lambda w, k=k: div([w if q == k else W[q] for q in range(3)]), W[k], (0, 0))
        for k in (1, 2)
    ]
    return layers_reached(1), layers_reached(0), exact(sum(m.value != 0 for m in moved))


# Perhaps slips of the transcription, or of wording.


def i16():
    rng = np.random.default_rng(0)
    corners = 1e-3 * np.array([[1, 0.7], [-1, -0.7], [1, -0.7], [-1, 0.7]])
    worst = 0.0
    for _ in range(200):  # lines through the crossing, or away from it
        normals, v = rng.integers(-9, 10, (20, 2)), rng.integers(-9, 10, 20)
        offsets = rng.integers(-1, 2, 20)
        s = ((corners @ normals.T + offsets > 0) * v).sum(axis=1)
        on_corner = np.any(corners @ normals.T + offsets == 0)
        worst = worst if on_corner else max(worst, abs(s[0] + s[1] - s[2] - s[3]))
    return 1.0, 0.0, exact(worst)


def i17():
    def shattered(points):
        weights = product(range(-2, 3), range(-2, 3), np.arange(-4.5, 5))
        labels = {tuple(a * p + b * q > t for p, q in points) for a, b, t in weights}
        return len(labels) == 2 ** len(points)

    square = [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert not shattered(square)
    return 2 * 10 + 10 + 10 + 1, 2 + 1, exact(3 if shattered(square[:3]) else 0)


def i18():
    sums = [sum(x) for x in product((0, 1), repeat=3)]
    return 4, 3, exact(min(b for b in range(10) if not any(s > b for s in sums)))


def i19():
    by_power = constant = 1.0
    for t in range(1, 51):
        by_power -= 0.1**t * by_power
        constant -= 0.1 * constant
    return by_power, constant, exact(0.9**50)


def i20():
    def f(w):
        return w**4 - 2 * w**2 + 0.5 * w

    w = 1.0
    for _ in range(2000):
        w -= 0.02 * (4 * w**3 - 4 * w + 0.5)
    left = -1.0
    for _ in range(50):  # Newton's method from the other side
        left -= (4 * left**3 - 4 * left + 0.5) / (12 * left**2 - 4)
    return f(w), min(f(r.real) for r in np.roots([4, 0, -4, 0.5])), exact(f(left))


def i21():
    y, w, b = np.array([1.0, 2.0]), np.array([0.5, -1.0]), 0.3
    return w @ y, w @ y + b, exact(w[0] * y[0] + w[1] * y[1] + b)


def i22():
    def divergence(y):
        return 0.5 * (1 + y * y)

    return divergence(2.0) / 2.0, 2.0, derivative(divergence, 2.0)


def i23():
    return 2 * 3 * 0.1, 2 * 3 * 0.1 + 0.1**2, exact(3.1**2 - 3**2)


def i24():
    def softmax(z):
        return np.exp(z) / np.exp(z).sum()

    z, d = np.array([1.0, 0.0, -1.0]), np.array([1.0, 0.0, 0.0])

    def of(v):
        return 0.5 * float(np.sum((softmax(v) - d) ** 2))

    o = softmax(z)
    right = o[1] * ((o - d)[1] - (o - d) @ o)
    return nan, right, partial(of, z, 1)


def i25():
    def step(x, threshold):
        return int(x >= threshold)

    return 1, -1, exact(step(1.5, 2) - step(1.5, 1))


def i26():
    points = list(product((0, 1), repeat=2))
    at_least = sum(a + b >= 2 for a, b in points)
    return sum(a + b > 2 for a, b in points), at_least, exact(sum(a and b for a, b in points))


def i27():
    heights = np.linspace(0, 1, 1001)  # of the pulse that holds a rational and an irrational point
    return 0.0, 0.5, exact(np.min(np.maximum(np.abs(1 - heights), np.abs(heights))))


def i28():
    at = np.arange(1, 9)
    return 2, len([16, 40, 1]), exact(len(construct.checkerboard(at, at).W))


def i29():
    nodes, weights = np.polynomial.legendre.leggauss(3)  # exact up to the fifth power
    x = (nodes + 1) / 2
    return nan, (1 / 3 - 1 / 2 + 1 / 5) / 2, exact(weights / 2 @ (0.5 * (x - x**2) ** 2))
