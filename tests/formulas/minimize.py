# SPDX-License-Identifier: BSD-3-Clause
"""(M1) to (M3): docs/reference/minimize.md, what holds at the points that SciPy's methods reach."""

from itertools import pairwise

import numpy as np

import deltarule as dr
from formulas.registry import formula, same_bits


def problem():
    rng = np.random.default_rng(7)
    X = rng.normal(size=(60, 3))
    return dr.MLP([3, 4, 1], "tanh", seed=0, dtype="float64", l2=0.01), X, np.sin(X[:, 0])


def reached(method, **options):
    """Every point, its loss and its gradient."""
    mlp, X, y = problem()
    points = [(mlp.w.copy(), *mlp.loss_and_gradient(X, y))]

    def note(history):
        points.append((mlp.w.copy(), *mlp.loss_and_gradient(X, y)))

    found = dr.minimize(mlp, X, y, method, callback=note, **options)
    return found, points


@formula("M1", r"\max_i \left\lvert", r"\le \mathrm{tol}")
def stops_by_the_gradient():
    for method in ("L-BFGS-B", "CG"):
        found, points = reached(method, tol=1e-3)
        norms = [float(np.abs(gradient).max()) for _, _, gradient in points]
        yield from same_bits([norm <= 1e-3 for norm in norms[:-1]], np.zeros(len(norms) - 1))
        yield from same_bits([norms[-1] <= 1e-3, found.success], [1, 1])
        yield from same_bits(norms, found.history.gradient_norm)


@formula("M2", r"L_t - L_{t+1} \le \mathrm{ftol} \max", r"\lvert L_{t+1} \rvert , 1")
def stops_by_the_loss():
    ftol = 1e-4
    _, points = reached("L-BFGS-B", tol=0, options={"ftol": ftol})
    falls = [
        before - after <= ftol * max(abs(before), abs(after), 1)
        for (_, before, _), (_, after, _) in pairwise(points)
    ]
    yield from same_bits(falls, [False] * (len(falls) - 1) + [True])


@formula("M3", r"c_1 \alpha p^T \nabla L(w)", r"\le c_2 \lvert p^T \nabla L(w) \rvert")
def conditions_of_wolfe():
    for method, c_1, c_2 in (("L-BFGS-B", 1e-3, 0.9), ("CG", 1e-4, 0.4)):
        _, points = reached(method, tol=1e-4)
        for (w, before, slope), (v, after, slope_after) in pairwise(points):
            step = v - w  # alpha p
            lower = after <= before + c_1 * step @ slope
            flatter = abs(step @ slope_after) <= c_2 * abs(step @ slope)
            yield from same_bits([lower, flatter, step @ slope < 0], [1, 1, 1])
