# SPDX-License-Identifier: BSD-3-Clause
"""(C25) to (C38): docs/chain_rule.md, sections 7 and 8."""

from math import exp, log, prod

import numpy as np
from differences import derivative, exact, second_partial

import deltarule as dr
from formulas.registry import formula, slopes, values


def sigma(z):
    return 1 / (1 + np.exp(-z))


# Section 7: four users, three movies, x_0 = 1.

USERS = np.array([[1.0, 1, 0, 1], [1, 1, 1, 0], [1, 0, 0, 1], [1, 0, 1, 0]])
LIKES = np.array([1.0, 0, 1, 1])
THETA = np.array([0.3, -0.5, 0.8, 0.2])
ETA = 0.3


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
