# SPDX-License-Identifier: BSD-3-Clause
"""Rows B: the handwritten notes on backpropagation.

Their network here is 2-3-2-2 (m = 2), logistic, with half the squared error and the bias last.
"""

from math import e, exp, log, nan

import numpy as np
from differences import derivative, exact, partial

X = np.array([0.6, -1.2])
Y = np.array([1.0, 0.0])
W = [
    np.array([[0.5, -0.4, 0.1], [-0.3, 0.8, 0.2], [0.7, 0.2, -0.5]]),
    np.array([[0.9, -0.6, 0.4, 0.3], [-0.2, 0.5, 0.7, -0.1]]),
    np.array([[1.1, -0.7, 0.2], [-0.5, 0.6, 0.4]]),
]


def sigma(z):
    return 1 / (1 + np.exp(-z))


def with_one(o):
    return np.append(o, 1.0)


def forward(weights=W):
    o = [X]
    for w in weights:
        o.append(sigma(w @ with_one(o[-1])))
    return o


def loss(weights=W):
    return 0.5 * float(np.sum((Y - forward(weights)[-1]) ** 2))


def slope(k, j, i):
    """dL/dW[k]_ji by differences."""
    return partial(lambda w: loss([*W[:k], w, *W[k + 1 :]]), W[k], (j, i))


def deltas():
    """delta[k] = -dL/dnet[k] for k = 1, 2, 3."""
    o = forward()
    d = [None, None, None, (Y - o[3]) * o[3] * (1 - o[3])]
    for k in (2, 1):
        d[k] = o[k] * (1 - o[k]) * (d[k + 1] @ W[k][:, :-1])
    return o, d


def minus(measured):
    return measured._replace(value=-measured.value)


def b1():
    return 6 * e, 4 * e, derivative(lambda x: exp((2 * x + 3) ** 2), -1.0)


def b2():
    return len(X), len(forward()[1]), exact(W[0].shape[0])


def b3():
    H_1, H_2 = 3, 2
    return H_2 + 1, H_1 + 1, exact(W[1].shape[1])


def b4():
    o = X
    for w in W:
        o = sigma(w[:, :-1] @ o)
    looped = list(X)
    for w in W:
        nets = [sum(a * b for a, b in zip(row, [*looped, 1.0], strict=True)) for row in w]
        looped = [1 / (1 + exp(-net)) for net in nets]
    return o[0], forward()[-1][0], exact(looped[0])


def b5():
    difference = np.array([[1.0, 2.0, 3.0], [0.0, 1.0, -1.0]])  # 2 rows, 3 outputs
    n, K = difference.shape
    loss_to = [0.5 * np.sum(difference[:, :top] ** 2) for top in (n, K)]
    return *loss_to, exact(0.5 * np.linalg.norm(difference) ** 2)


def b6():
    o, y_hat = with_one(forward()[2]), forward()[3][0]
    terms = W[2][0] * o
    return terms[:2].sum(), terms.sum(), exact(log(y_hat / (1 - y_hat)))


def b7():
    o = forward()[3]
    return -(Y[1] - o[0]), -(Y[0] - o[0]), derivative(lambda v: 0.5 * (Y[0] - v) ** 2, o[0])


def b8():
    o, d = deltas()
    bracket = sum(d[3][z] * W[2][z, 0] for z in range(2)) * o[2][0] * (1 - o[2][0])
    return bracket * o[1][1], -bracket * o[1][1], slope(1, 0, 1)


def b9():
    o, d = deltas()
    return -d[2][0] * o[1][0], -d[2][0] * o[1][1], slope(1, 0, 1)


def b10():
    o, d = deltas()
    back = d[3] @ W[2][:, 0]
    printed = o[1][1] * d[2][0] * (1 - o[2][0]) * back
    return printed, o[1][1] * o[2][0] * (1 - o[2][0]) * back, minus(slope(1, 0, 1))


# Perhaps slips of the transcription, or of wording.


def b11():
    return len(X), len(with_one(X)), exact(W[0].shape[1])


def b12():
    squares = np.ones(12)
    return 0.5 * squares[:10].sum(), 0.5 * squares.sum(), exact(0.5 * squares @ squares)


def b13():
    sizes = [3, 4, 5, 2, 6, 2]  # m = 4
    shapes = [(sizes[k + 1], sizes[k] + 1) for k in range(5)]
    return sizes[4 - 2] + 1, sizes[4 - 3] + 1, exact(shapes[4 - 3][1])


def b14():
    rows = np.array([[1.0, 0], [1, 1], [1, 3]])
    y = np.array([1.0, 2, 2])
    x = rows.T  # x as a column per sample: x^T x is 3 x 3, of rank 2, and has no inverse
    assert np.linalg.matrix_rank(x.T @ x) == 2
    right = np.linalg.inv(rows.T @ rows) @ rows.T @ y
    return nan, right[1], exact(np.linalg.lstsq(rows, y, rcond=None)[0][1])


def b15():
    _, d = deltas()
    through_bias = slope(1, 0, 3)
    return through_bias.value, d[2][0], minus(through_bias)


def b16():
    sizes = [2, 3, 2, 2]
    right = sum((sizes[k] + 1) * sizes[k + 1] for k in range(3))
    return W[0].size + W[1].size + 1, right, exact(np.concatenate([w.ravel() for w in W]).size)


def b17():
    looped = 0.0
    for y, y_hat in zip(Y, forward()[-1], strict=True):
        looped += (y - y_hat) ** 2 / 2
    return nan, loss(), exact(looped)


def b18():
    rows = list(range(150))
    batches = [rows[i : i + 3] for i in range(0, len(rows), 3)]
    return 1, 150 / 3, exact(len(batches))


def b19():
    _, d = deltas()
    return d[1][1], d[2][0], minus(slope(1, 0, 3))
