# SPDX-License-Identifier: BSD-3-Clause
"""(G1) to (G7): docs/reference/regularisation.md, on a 3-4-2 network and by sums over the past."""

import numpy as np
from differences import exact

import deltarule as dr
from deltarule import oracle
from deltarule.oracle import limits
from formulas.forward import X, Y
from formulas.registry import formula, slopes, values

RNG = np.random.default_rng(5)
MATRICES = [RNG.normal(size=(4, 4)), RNG.normal(size=(2, 5))]  # bias last
FLAT = np.concatenate([W.ravel() for W in MATRICES])
PAST = RNG.normal(size=(7, 5))  # w after each of seven steps, or epochs


@formula("G1", r"\sum_{k=0}^{m} \sum_{j} \sum_{i \le H_k + 1} \left( g^{(k)}_{ji} \right)^2")
def norm_of_the_gradient():
    claimed = np.sqrt(sum(g**2 for W in MATRICES for row in W for g in row))
    yield claimed, exact(np.linalg.norm(FLAT))
    yield limits.gradient_norm(MATRICES), exact(np.linalg.norm(FLAT))


@formula("G2", r"\min \left( 1, \frac{c}{\lVert g \rVert} \right)")
def clipped_gradient():
    norm = np.linalg.norm(FLAT)
    for c in (norm / 3, norm, 3 * norm):
        claimed = FLAT * min(1, c / norm)
        yield from values(claimed, limits.clip_norm(MATRICES, c))
        yield float(np.linalg.norm(claimed)), exact(min(c, norm))
        yield float(claimed @ FLAT), exact(np.linalg.norm(claimed) * norm)  # the direction stays


@formula("G3", r"\sum_{i \le H_k} \left( W^{(k)}_{ji} \right)^2")
def norms_of_units():
    for W in MATRICES:
        claimed = [np.sqrt(sum(w**2 for w in row[:-1])) for row in W]
        yield from values(claimed, np.linalg.norm(W[:, :-1], axis=1))


@formula("G4", r"\min \left( 1, \frac{c}{q_j} \right)", r"i \le H_k")
def bounded_units():
    for W in MATRICES:
        q = np.linalg.norm(W[:, :-1], axis=1)
        c = float(np.sort(q)[0]) * 1.01  # one unit below it, the others beyond
        claimed = np.column_stack([W[:, :-1] * np.minimum(1, c / q)[:, None], W[:, -1]])
        yield from values(claimed, limits.max_norm(W, c))
        yield from values(np.linalg.norm(claimed[:, :-1], axis=1), np.minimum(q, c))


def averaged(average):
    """What the shares of an average make of PAST, one after the other."""
    a = np.zeros(PAST.shape[1])
    for t, w in enumerate(PAST, 1):
        share = average.step_share(t) or average.epoch_share(t)
        if share is not None:
            a = limits.average(a, w, share)
    return a


@formula("G5", r"(1 - \mathrm{decay}) (w - a)", r"a = w")
def exponential_average():
    decay = 0.75
    a = PAST[0]
    for w in PAST[1:]:
        a = a + (1 - decay) * (w - a)
    weights = [decay ** (7 - t) * (1.0 if t == 1 else 1 - decay) for t in range(1, 8)]
    yield from values(a, weights @ PAST)
    yield from values(a, averaged(dr.EMA(decay)))


@formula("G6", r"\frac{1}{n} (w - a)")
def mean_of_epochs():
    a = np.zeros(5)
    for n, w in enumerate(PAST[2::2], 1):
        a = a + (w - a) / n
    yield from values(a, np.mean(PAST[2::2], axis=0))
    yield from values(a, averaged(dr.SWA(3, 2)))


@formula("G7", r"\left( \sum_{i=1}^{n} s_i L_i + \gamma(w) \right)", r"S = \sum_{i=1}^{n} s_i")
def penalty_over_the_batch():
    s = np.array([(3 * i + 2) % 4 for i in range(len(X))], float)
    sizes = [X.shape[1], 4, Y.shape[1]]
    plain, mlp = (
        oracle.MLP(sizes, "logistic", dtype="float64", seed=3, **options)
        for options in ({"reduction": "sum"}, {"l2": 0.8, "l1": 0.3, "penalty_over": "batch"})
    )
    rows = [plain.loss(X[i : i + 1], Y[i : i + 1]) for i in range(len(X))]
    w = np.concatenate([W[:, :-1].ravel() for W in mlp.W])
    by_hand = (s @ rows + 0.4 * w @ w + 0.3 * np.abs(w).sum()) / s.sum()
    yield mlp.loss(X, Y, sample_weight=s), exact(by_hand)

    def loss(w):
        return oracle.MLP.from_architecture(mlp.architecture, w).loss(X, Y, sample_weight=s)

    yield from slopes(mlp.gradient(X, Y, sample_weight=s), loss, mlp.w)
