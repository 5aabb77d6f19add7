# SPDX-License-Identifier: BSD-3-Clause
"""(C1) to (C13): docs/chain_rule.md."""

from itertools import pairwise
from math import cos, cosh, e, exp, log, sin, sinh, tanh

import numpy as np
from differences import Measured, derivative, exact

from formulas.registry import formula, slopes


def sigma(z):
    return 1 / (1 + np.exp(-z))


@formula("C1", r"f'(g(x)) g'(x)")
def composed():
    for x in (-0.6, 0.4, 0.9):  # sin after x^3
        yield cos(x**3) * 3 * x**2, derivative(lambda v: sin(v**3), x)


@formula("C2", r"2 x e^{x^2}")
def e_of_x_squared():
    for x in (-0.5, 1.0):
        yield 2 * x * exp(x**2), derivative(lambda v: exp(v**2), x)
    yield 5.43656, Measured(2 * e, 5e-6)


@formula("C3", r"f'(g(t(x))) \cdot g'(t(x)) \cdot t'(x)")
def composed_of_three():
    for x in (0.1, 0.5):  # sin after v^2 after 3x - 1
        claimed = cos((3 * x - 1) ** 2) * 2 * (3 * x - 1) * 3
        yield claimed, derivative(lambda v: sin((3 * v - 1) ** 2), x)


@formula("C4", r"\cdot 2 (2 x + 3) \cdot 2 = 4 (2 x + 3) e^{(2 x + 3)^2}")
def e_of_a_square():
    for x in (-1.6, -1.5, -1.0):
        yield (
            4 * (2 * x + 3) * exp((2 * x + 3) ** 2),
            derivative(lambda v: exp((2 * v + 3) ** 2), x),
        )
    yield 10.87313, Measured(4 * e, 5e-6)
    yield 16.30969, Measured(6 * e, 5e-6)  # the slip


@formula("C5", r"\Delta y \approx f'(z) \Delta z \approx f'(z) g'(w) \Delta w")
def increments():
    w, slope = -1.0, 4 * e
    errors = []
    for dw in (1e-2, 1e-3, 1e-4):
        errors.append(abs(exp((2 * (w + dw) + 3) ** 2) - exp((2 * w + 3) ** 2) - slope * dw))
    for larger, smaller in pairwise(errors):  # a tenth of dw: a hundredth
        yield float(80 < larger / smaller < 120), exact(1)


@formula("C6", r"\sum_{z \in \mathrm{downstream}(v)}")
def several_paths():
    v = 0.8  # z = (sin v, v^2, e^v), L = z_1 z_2 + z_3^2
    z = sin(v), v**2, exp(v)
    claimed = z[1] * cos(v) + z[0] * 2 * v + 2 * z[2] * exp(v)
    yield claimed, derivative(lambda t: sin(t) * t**2 + exp(t) ** 2, v)


@formula("C7", r"6 v^2 + 3 v^2 = 9 v^2")
def two_paths():
    for v in (-1.0, 2.0):
        yield 3 * v * 2 * v + v**2 * 3, derivative(lambda t: t**2 * 3 * t, v)
        yield 9 * v**2, derivative(lambda t: 3 * t**3, v)


@formula("C8", r"= \sum_i \frac{\partial}{\partial w} L_i(w)")
def sum_of_slopes():
    xs, w = (0.3, -1.0, 2.0), 0.7
    yield sum(x * cos(w * x) for x in xs), derivative(lambda v: sum(sin(v * x) for x in xs), w)


@formula("C9", r"= - (y - a)")
def half_a_square():
    yield -(1.0 - 0.3), derivative(lambda a: 0.5 * (1.0 - a) ** 2, 0.3)


@formula("C10", r"\frac{1}{1 + e^{-z}} \cdot \frac{e^{-z}}{1 + e^{-z}} = \sigma(z) (1 - \sigma(z))")
def logistic_slope():
    for z in (-2.0, 0.0, 0.7):
        yield 1 / (1 + exp(-z)) * exp(-z) / (1 + exp(-z)), derivative(sigma, z)
        yield sigma(z) * (1 - sigma(z)), derivative(sigma, z)


@formula("C11", r"1 - \tanh(z)^2")
def tanh_slope():
    for z in (-1.0, 0.2):
        yield (cosh(z) ** 2 - sinh(z) ** 2) / cosh(z) ** 2, derivative(tanh, z)
        yield 1 - tanh(z) ** 2, derivative(tanh, z)


@formula("C12", r"= x_j")
def weighted_sum_slope():
    x = np.array([1.0, -0.5, 2.0])
    yield from slopes(x, lambda theta: float(x @ theta), [0.3, 0.1, -2.0])


@formula("C13", r"= - \frac{1}{1 - a}")
def log_of_a_complement():
    yield -1 / (1 - 0.3), derivative(lambda a: log(1 - a), 0.3)
