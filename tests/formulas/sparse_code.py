# SPDX-License-Identifier: BSD-3-Clause
"""(41) to (45): docs/derivation.md, section 14, on a 3-4-2 network with a logistic code."""

import numpy as np
from differences import exact

from formulas.forward import X, Y, logistic
from formulas.registry import formula, slopes, values

RNG = np.random.default_rng(11)
TO_CODE, TO_OUTPUT = RNG.normal(size=(4, 4)), RNG.normal(size=(2, 5))  # bias last
BETA, RHO = 0.7, 0.05
REDUCTIONS = (len(X), 1)  # S


def l1(o, S):
    return BETA / S * sum(abs(v) for row in o for v in row)


def divergence(rho_hat):
    return RHO * np.log(RHO / rho_hat) + (1 - RHO) * np.log((1 - RHO) / (1 - rho_hat))


def kl(o, S):
    return BETA * len(o) / S * float(np.sum(divergence(np.mean(o, axis=0))))


def code(shift=0.0):
    return logistic(np.column_stack([X, np.ones(len(X))]) @ TO_CODE.T + shift)


def loss(penalty, S, shift):
    """L with the penalty, as a function of what is added to the nets of the code."""
    o = code(shift)
    y_hat = np.column_stack([o, np.ones(len(o))]) @ TO_OUTPUT.T
    return float(np.sum((Y - y_hat) ** 2) / 2 / S + penalty(o, S))


def pulls(o):
    """(44) of both kinds."""
    rho_hat = np.mean(o, axis=0)
    to_target = BETA * (RHO - rho_hat) / (rho_hat * (1 - rho_hat))
    return {l1: -BETA * np.sign(o), kl: np.broadcast_to(to_target, o.shape)}


@formula("41", r"\frac{\beta}{S} \sum_{i=1}^{n} \sum_{j=1}^{H_k} \lvert o_{ij} \rvert")
def l1_of_the_code():
    o = code() - 0.5
    for S in REDUCTIONS:
        yield l1(o, S), exact(BETA * np.linalg.norm(o.ravel(), 1) / S)


@formula("42", r"\frac{1}{n} \sum_{i=1}^{n} o_{ij}")
def mean_outputs():
    yield from values(sum(code()[i] for i in range(len(X))) / len(X), np.mean(code(), axis=0))


@formula("43", r"\beta \frac{n}{S}", r"\rho \log \frac{\rho}{\hat\rho_j} + (1 - \rho) \log")
def kl_of_the_means():
    q = np.mean(code(), axis=0)
    for S in REDUCTIONS:  # cross-entropy of two coins less the entropy of the first
        cross = -RHO * np.log(q) - (1 - RHO) * np.log(1 - q)
        entropy = -RHO * np.log(RHO) - (1 - RHO) * np.log(1 - RHO)
        yield kl(code(), S), exact(BETA * len(X) / S * np.sum(cross - entropy))
    yield divergence(RHO), exact(0)


@formula(
    "44", r"- \beta \mathrm{sign}(o_{ij})", r"\frac{\rho - \hat\rho_j}{\hat\rho_j (1 - \hat\rho_j)}"
)
def pull():
    o = code()
    for penalty, p in pulls(o).items():
        for S in REDUCTIONS:
            yield from slopes(-p / S, lambda a, f=penalty, S=S: float(f(a, S)), o)


@formula("45", r"\sum_{l} \delta^{(k+1)}_{il} W^{(k)}_{lj} + p_{ij}")
def delta_of_the_code():
    o = code()
    at_output = Y - np.column_stack([o, np.ones(len(o))]) @ TO_OUTPUT.T
    for penalty, p in pulls(o).items():
        delta = o * (1 - o) * (at_output @ TO_OUTPUT[:, :-1] + p)
        for S in REDUCTIONS:
            yield from slopes(
                -delta / S, lambda shift, f=penalty, S=S: loss(f, S, shift), np.zeros(o.shape)
            )
