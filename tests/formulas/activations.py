# SPDX-License-Identifier: BSD-3-Clause
"""(A1) to (A15): docs/reference/activations.md against the oracle, f' by differences."""

import math
from math import erfc, exp, log, pi, sqrt, tanh

import numpy as np
from differences import derivative, exact

import deltarule as dr
from deltarule.oracle.functions import of_net
from formulas.registry import formula, slopes

NETS = (-2.5, -0.75, 0.5, 1.25, 4.0)  # away from every kink


def logistic(net):
    return 1 / (1 + exp(-net))


def phi(net):
    return exp(-(net**2) / 2) / sqrt(2 * pi)


def pairs(text, f, f_prime):
    """f and f' as the page has them: with the oracle's f, and a difference of it."""
    for net in NETS:
        yield f(net), exact(of_net(text, np.array([[net]])).o[0, 0])
        yield f_prime(net), derivative(lambda x: of_net(text, np.array([[x]])).o[0, 0], net)


def influences(text, claimed):
    """do/dalpha as the page has it: with a difference by alpha."""
    for net in NETS:
        yield (
            claimed(net),
            derivative(
                lambda a, net=net: of_net(text, np.array([[net]]), np.array([a])).o[0, 0], 0.3
            ),
        )


def elu(net, a):
    return net if net > 0 else a * (exp(net) - 1)


def elu_slope(net, a):
    return 1 if net > 0 else a * exp(net)


@formula("A1", r"f = a \ \mathrm{net} \quad (\mathrm{net} \le 0)", r"f' = a")
def leaky_relu():
    return pairs(
        "leaky_relu(slope=0.2)", lambda x: x if x > 0 else 0.2 * x, lambda x: 1 if x > 0 else 0.2
    )


@formula("A2", r"\min(\mathrm{net}, 0)")
def prelu():
    return influences("prelu(slope=0.25)", lambda net: min(net, 0))


@formula("A3", r"f = a (e^{\mathrm{net}} - 1)", r"f' = a e^{\mathrm{net}}")
def exponential_linear():
    return pairs("elu(alpha=0.7)", lambda x: elu(x, 0.7), lambda x: elu_slope(x, 0.7))


@formula("A4", r"1.0507009873554805 \ \mathrm{elu}", r"a = 1.6732632423543772")
def selu():
    a, size = 1.6732632423543772, 1.0507009873554805
    return pairs("selu", lambda x: size * elu(x, a), lambda x: size * elu_slope(x, a))


@formula("A5", r"\mathrm{net} \ \Phi(\mathrm{net})", r"\mathrm{net} \ \varphi(\mathrm{net})")
def gelu():
    def share(net):
        return erfc(-net / sqrt(2)) / 2

    return pairs("gelu", lambda x: x * share(x), lambda x: share(x) + x * phi(x))


@formula("A6", r"\frac{\mathrm{net}}{2} (1 + \tanh z)", r"0.044715 \ \mathrm{net}^3")
def gelu_tanh():
    for net in NETS:
        z = sqrt(2 / pi) * (net + 0.044715 * net**3)
        yield net / 2 * (1 + tanh(z)), exact(of_net("gelu_tanh", np.array([[net]])).o[0, 0])


@formula("A7", r"f = \mathrm{net} \ s", r"s + \mathrm{net} \ s (1 - s)")
def silu():
    s = logistic
    return pairs("silu", lambda x: x * s(x), lambda x: s(x) + x * s(x) * (1 - s(x)))


@formula("A8", r"h = \tanh \log(1 + e^{\mathrm{net}})", r"h + \mathrm{net} (1 - h^2) s")
def mish():
    def h(net):
        return tanh(log(1 + exp(net)))

    return pairs("mish", lambda x: x * h(x), lambda x: h(x) + x * (1 - h(x) ** 2) * logistic(x))


@formula("A9", r"f = \log(1 + e^{\mathrm{net}})", r"f' = s")
def softplus():
    return pairs("softplus", lambda x: log(1 + exp(x)), logistic)


@formula("A10", r"\frac{\mathrm{net}}{1 + \lvert \mathrm{net} \rvert}")
def softsign():
    return pairs("softsign", lambda x: x / (1 + abs(x)), lambda x: 1 / (1 + abs(x)) ** 2)


@formula("A11", r"\min(\max(\mathrm{net}, -1), 1)", r"[ \lvert \mathrm{net} \rvert < 1 ]")
def hard_tanh():
    return pairs("hard_tanh", lambda x: min(max(x, -1), 1), lambda x: float(abs(x) < 1))


@formula("A12", r"(\mathrm{net} + 3) / 6, 0), 1)", r"[ \lvert \mathrm{net} \rvert < 3 ] / 6")
def hard_logistic():
    return pairs("hard_logistic", lambda x: min(max((x + 3) / 6, 0), 1), lambda x: (abs(x) < 3) / 6)


@formula("A13", r"f = f' = e^{\mathrm{net}}")
def exponential():
    for net in NETS[:4]:  # of exp(4) the difference's own bound says little
        yield math.exp(net), exact(of_net("exponential", np.array([[net]])).o[0, 0])
        yield math.exp(net), exact(of_net("exponential", np.array([[net]])).slope[0, 0])


@formula(
    "A14", r"\mathrm{net} + \alpha (g - \mathrm{net})", r"1 + \alpha (g' - 1)", r"g - \mathrm{net}"
)
def blend():
    yield from pairs(
        "blend(tanh, alpha=0.4)",
        lambda x: x + 0.4 * (tanh(x) - x),
        lambda x: 1 + 0.4 * (1 - tanh(x) ** 2 - 1),
    )
    yield from influences("blend(tanh, alpha=0.4)", lambda net: tanh(net) - net)


@formula("A15", r"s_i u_{ij} \frac{\partial o_{ij}}{\partial \alpha_j}")
def of_what_is_learned():
    """The hidden layer of a network, by differences of its loss."""
    mlp = dr.oracle.MLP([2, 3, 1], "prelu", dtype="float64", seed=1)
    rng = np.random.default_rng(0)
    X, Y, s = rng.normal(size=(4, 2)), rng.normal(size=(4, 1)), np.array([1.0, 2.0, 0.5, 1.0])
    trace = mlp.forward(X)
    u = (Y - trace.y_hat) @ mlp.W[1][:, :-1]
    claimed = -(s[:, None] * u * np.minimum(trace.net[1], 0)).sum(axis=0) / s.sum()
    w = mlp.w.copy()

    def loss(alpha):
        mlp.w = np.concatenate([w[:-3], alpha])
        return mlp.loss(X, Y, sample_weight=s)

    yield from slopes(claimed, loss, w[-3:])
