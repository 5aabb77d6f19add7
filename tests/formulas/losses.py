# SPDX-License-Identifier: BSD-3-Clause
"""(L1) to (L17): docs/reference/losses.md, one row of three outputs."""

from math import cosh, exp, log, pi, tanh

import numpy as np
from differences import exact

import deltarule as dr
from deltarule import losses
from formulas.forward import softmax
from formulas.registry import formula, slopes, values

TARGET, SIGNS = np.array([0.8, -1.3, 0.1]), np.array([1.0, -1.0, 1.0])
COUNTS, SHARES = np.array([2.0, 0.5, 4.0]), np.array([0.2, 0.5, 0.3])
NET = np.array([0.4, 1.1, -0.6])
Q, GAMMA = (0.1, 0.5, 0.9), 1.7


def of_core(loss, net, y, output=None):
    """L_i and delta of the native network with this net."""
    mlp = dr.MLP([1, len(net)], (), output, loss, "float64")
    mlp.w = np.column_stack([np.zeros(len(net)), net]).ravel()
    back = mlp.backward(mlp.forward([[0.0]]), y[None])
    return back.loss, back.delta[1][0]


def of_loss(loss, f, u, net, y, output=None):
    """A written loss and its u or delta: against differences of it, and against the core."""
    value, delta = of_core(loss, net, y, output)
    yield f(net), exact(value)
    yield from slopes(-np.asarray(u), f, net)
    yield from values(u, delta)


@formula("L1", r"\sum_j |d_j|", r"u_j = \mathrm{sign}(d_j)")
def absolute():
    d = TARGET - NET
    yield from of_loss("absolute", lambda p: np.sum(np.abs(TARGET - p)), np.sign(d), NET, TARGET)


@formula("L2", r"c_j \left( |d_j| - \tfrac{1}{2} c_j \right)", r"c_j = \min(|d_j|, \Delta)")
def huber():
    def f(p):
        d = np.abs(TARGET - p)
        c = np.minimum(d, 0.5)
        return float(np.sum(c * (d - c / 2)))

    d = TARGET - NET
    u = np.sign(d) * np.minimum(np.abs(d), 0.5)
    yield from of_loss("huber(0.5)", f, u, NET, TARGET)
    near = np.array([0.6, -1.1, 0.0])  # all inside: half the squares
    yield f(near), exact(np.sum((TARGET - near) ** 2) / 2)


@formula("L3", r"\max(q_j d_j, (q_j - 1) d_j)", r"u_j = q_j - [d_j < 0]")
def quantile():
    q = np.array(Q)

    def f(p):
        d = TARGET - p
        return float(np.sum(np.maximum(q * d, (q - 1) * d)))

    u = q - (TARGET < NET)
    yield from of_loss(f"quantile{Q}", f, u, NET, TARGET)


@formula("L4", r"\log \cosh d_j", r"\frac{2 t_j^2}{1 - t_j^2}", r"u_j = \tanh d_j")
def log_cosh():
    def f(p):
        return sum(log(cosh(d)) for d in TARGET - p)

    yield from of_loss("log_cosh", f, [tanh(d) for d in TARGET - NET], NET, TARGET)
    t = np.tanh(np.abs(TARGET - NET) / 2)
    yield float(np.sum(np.log(1 + 2 * t**2 / (1 - t**2)))), exact(f(NET))


@formula("L5", r"\max(0, 1 - y_j \hat y_j)", r"y_j \ [y_j \hat y_j < 1]")
def hinge():
    def f(p):
        return sum(max(0.0, 1 - y * v) for y, v in zip(SIGNS, p, strict=True))

    net = np.array([0.4, -1.7, -0.6])
    yield from of_loss("hinge", f, SIGNS * (SIGNS * net < 1), net, SIGNS)


@formula("L6", r"\max(0, 1 - y_j \hat y_j)^2", r"u_j = 2 y_j \max(0, 1 - y_j \hat y_j)")
def squared_hinge():
    def f(p):
        return sum(max(0.0, 1 - y * v) ** 2 for y, v in zip(SIGNS, p, strict=True))

    net = np.array([0.4, -1.7, -0.6])
    yield from of_loss("squared_hinge", f, 2 * SIGNS * np.maximum(0, 1 - SIGNS * net), net, SIGNS)


@formula("L7", r"\hat y_j - y_j \ \mathrm{net}_j", r"\delta_j = y_j - \hat y_j")
def poisson():
    def f(net):
        return sum(exp(v) - y * v for y, v in zip(COUNTS, net, strict=True))

    yield from of_loss("poisson", f, COUNTS - np.exp(NET), NET, COUNTS)


@formula("L8", r"\mathrm{net}_j + y_j / \hat y_j", r"\delta_j = y_j / \hat y_j - 1")
def gamma():
    def f(net):
        return sum(v + y / exp(v) for y, v in zip(COUNTS, net, strict=True))

    yield from of_loss("gamma", f, COUNTS / np.exp(NET) - 1, NET, COUNTS)


@formula(
    "L9",
    r"\frac{y_j \hat y_j^{1-p}}{p - 1} + \frac{\hat y_j^{2-p}}{2 - p}",
    r"y_j \hat y_j^{1-p} - \hat y_j^{2-p}",
)
def tweedie():
    for p in (1.3, 2.6):

        def f(net, p=p):
            y_hat = np.exp(net)
            return np.sum(COUNTS * y_hat ** (1 - p) / (p - 1) + y_hat ** (2 - p) / (2 - p))

        delta = COUNTS * np.exp(NET) ** (1 - p) - np.exp(NET) ** (2 - p)
        yield from of_loss(f"tweedie({p})", f, delta, NET, COUNTS)


def tails(net):
    """-log(1 - y_hat) and -log y_hat of a logistic output."""
    return np.log(1 + np.exp(net)), np.log(1 + np.exp(-net))


def focal_row(net):
    y_hat, (s, t) = 1 / (1 + np.exp(-net)), tails(net)
    return float(np.sum(SHARES * (1 - y_hat) ** GAMMA * t + (1 - SHARES) * y_hat**GAMMA * s))


@formula("L10", r"y_j (1 - \hat y_j)^\gamma t_j + (1 - y_j) \ \hat y_j^\gamma s_j")
def focal():
    yield focal_row(NET), exact(of_core(f"focal({GAMMA})", NET, SHARES)[0])
    s, t = tails(NET)
    value, _ = of_core("binary_cross_entropy", NET, SHARES)
    yield float(np.sum(SHARES * t + (1 - SHARES) * s)), exact(value)
    yield value, exact(of_core("focal(0)", NET, SHARES)[0])


@formula("L11", r"1 - \hat y_j + \gamma \hat y_j t_j", r"\hat y_j + \gamma (1 - \hat y_j) s_j")
def focal_delta():
    p, (s, t) = 1 / (1 + np.exp(-NET)), tails(NET)
    delta = SHARES * (1 - p) ** GAMMA * (1 - p + GAMMA * p * t)
    delta = delta - (1 - SHARES) * p**GAMMA * (p + GAMMA * (1 - p) * s)
    yield from of_loss(f"focal({GAMMA})", focal_row, delta, NET, SHARES)


@formula("L12", r"-\sum_j y_j (1 - \hat y_j)^\gamma \log \hat y_j", r"a_j - \hat y_j \sum_l a_l")
def focal_softmax():
    def f(net):
        p = softmax(net)
        return float(-np.sum(SHARES * (1 - p) ** GAMMA * np.log(p)))

    p = softmax(NET)
    a = SHARES * ((1 - p) ** GAMMA - GAMMA * (1 - p) ** (GAMMA - 1) * p * np.log(p))
    yield from of_loss(f"focal({GAMMA})", f, a - p * np.sum(a), NET, SHARES, "softmax")


@formula("L13", r"y_j \log \frac{y_j}{\hat y_j}", r"y_j - \hat y_j \sum_l y_l")
def kl_divergence():
    for y in (SHARES, np.array([0.6, 0.0, 0.9])):

        def f(net, y=y):
            p = softmax(net)
            return sum(a * log(a / b) for a, b in zip(y, p, strict=True) if a)

        yield from of_loss("kl_divergence", f, y - softmax(NET) * np.sum(y), NET, y)


MEAN, LOG_VARIANCE = np.array([0.4, 1.1]), np.array([-0.6, 0.9])
MEASURED_Y = np.array([0.8, -1.3])


@formula("L15", r"s_j + r_j^2", r"r_j = (y_j - \mu_j) \ e^{-s_j / 2}")
def gaussian():
    r = (MEASURED_Y - MEAN) * np.exp(-LOG_VARIANCE / 2)
    claimed = float(np.sum(LOG_VARIANCE + r**2) / 2)
    yield claimed, exact(of_core("gaussian_nll", np.append(MEAN, LOG_VARIANCE), MEASURED_Y)[0])
    density = np.exp(-(r**2) / 2) / np.sqrt(2 * pi * np.exp(LOG_VARIANCE))
    yield claimed + log(2 * pi), exact(-np.sum(np.log(density)))  # half a log(2 pi) for each column


@formula("L16", r"r_j e^{-s_j / 2}", r"\tfrac{1}{2} \left( r_j^2 - 1 \right)")
def gaussian_delta():
    def f(net):
        r = (MEASURED_Y - net[:2]) * np.exp(-net[2:] / 2)
        return float(np.sum(net[2:] + r**2) / 2)

    r = (MEASURED_Y - MEAN) * np.exp(-LOG_VARIANCE / 2)
    delta = np.append(r * np.exp(-LOG_VARIANCE / 2), (r**2 - 1) / 2)
    yield from of_loss("gaussian_nll", f, delta, np.append(MEAN, LOG_VARIANCE), MEASURED_Y)


@formula("L14", r"(1 - e) \ y_j + \frac{e}{C}")
def label_smoothing():
    e, y = 0.2, np.array([0.0, 1.0, 0.0])
    moved = (1 - e) * y + e / 3
    yield from values(moved, losses.read(f"cross_entropy({e})").standardised(y, False, 3))
    for loss, C in (("cross_entropy", 3), ("binary_cross_entropy", 2)):
        value, delta = of_core(f"{loss}({e})", NET, y)
        plain, expected = of_core(loss, NET, (1 - e) * y + e / C)
        yield value, exact(plain)
        yield from values(delta, expected)


@formula("L17", r"1 - \hat y_j = r / s", r"\log(1 + r)", r"a_j (1 - \hat y_j) - \hat y_j")
def softmax_near_one():
    net = np.array([0.3, 2.9, -0.6])  # the second above 1/2
    e = np.exp(net - 2.9)
    p, s, r = softmax(net), np.sum(e), e[0] + e[2]
    yield r / s, exact(1 - p[1])
    yield log(1 + r), exact(-log(p[1]))
    rest = np.array([1 - p[0], r / s, 1 - p[2]])
    minus_log = np.array([-log(p[0]), log(1 + r), -log(p[2])])
    for loss, a in (
        (f"focal({GAMMA})", SHARES * rest**GAMMA * (1 + GAMMA * p * minus_log / rest)),
        ("kl_divergence", SHARES),
    ):
        delta = a - p * np.sum(a)
        delta[1] = a[1] * (r / s) - p[1] * (a[0] + a[2])
        yield from values(delta, of_core(loss, net, SHARES, "softmax")[1])
