# SPDX-License-Identifier: BSD-3-Clause
"""(E1), (E2): docs/reference/many.md, number by number."""

import numpy as np

import deltarule as dr
from formulas.registry import formula, values

X = np.random.default_rng(0).normal(size=(5, 3))
M = 4


def members(outputs, **options):
    return [dr.MLP([3, 4, outputs], dtype="float64", seed=m, **options) for m in range(M)]


@formula("E1", r"\frac{1}{M} \sum_{m=1}^{M} \hat y^{(m)}")
def mean_of_outputs():
    mlps = members(2)
    claimed = [sum(y) / M for y in zip(*(mlp.predict(X).ravel() for mlp in mlps), strict=True)]
    yield from values(claimed, dr.Ensemble(mlps).predict(X).ravel())


@formula("E2", r"v^{(m)} + (\mu^{(m)} - \mu)^2")
def mixture():
    mlps = members(2, loss="gaussian_nll")
    outputs = [mlp.predict(X) for mlp in mlps]
    found = dr.Ensemble(mlps).predict(X)
    for i in range(len(X)):
        mu = sum(o[i, 0] for o in outputs) / M
        v = sum(o[i, 1] + (o[i, 0] - mu) ** 2 for o in outputs) / M
        yield from values([mu, v], found[i])
