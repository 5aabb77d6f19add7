# SPDX-License-Identifier: BSD-3-Clause
"""(W1) to (W6): docs/reference/weights.md, on a 3-4-2 network and on rows written s_i times."""

import numpy as np
from differences import exact

import deltarule as dr
from deltarule import oracle
from deltarule.class_weights import with_class_weights
from formulas.forward import X, Y
from formulas.registry import formula, slopes, values

S = np.array([(3 * i + 2) % 4 for i in range(len(X))], float)  # 2 1 0 3 ..
AGAIN = np.repeat(np.arange(len(X)), S.astype(int))
REDUCTIONS = ("mean", "sum")


def network(reduction, **options):
    sizes = [X.shape[1], 4, Y.shape[1]]
    return oracle.MLP(sizes, "logistic", dtype="float64", seed=3, reduction=reduction, **options)


@formula("W1", r"\frac{1}{S} \sum_{i=1}^{n} s_i L_i", r"S = \sum_{i=1}^{n} s_i")
def weighted_loss():
    for reduction in REDUCTIONS:
        mlp = network(reduction, l2=0.1)
        rows = [oracle.MLP.loss(network("sum"), X[i : i + 1], Y[i : i + 1]) for i in range(len(X))]
        W = np.concatenate([matrix[:, :-1].ravel() for matrix in mlp.W])
        by_hand = S @ rows / (S.sum() if reduction == "mean" else 1) + 0.05 * W @ W
        yield mlp.loss(X, Y, sample_weight=S), exact(by_hand)
        yield mlp.loss(X, Y, sample_weight=S), exact(mlp.loss(X[AGAIN], Y[AGAIN]))


@formula("W2", r"\left( s \odot \delta^{(k+1)} \right)^T \begin{bmatrix} o^{(k)} & 1 \end{bmatrix}")
def weighted_gradient():
    for reduction in REDUCTIONS:
        mlp = network(reduction)
        trace = mlp.forward(X)
        back = mlp.backward(trace, Y, sample_weight=S)
        total = S.sum() if reduction == "mean" else 1.0
        for k, (dW, o) in enumerate(zip(back.dW, trace.o[:-1], strict=True)):
            augmented = np.column_stack([o, np.ones(len(o))])
            by_hand = -(S[:, None] * back.delta[k + 1]).T @ augmented / total
            yield from values(dW, by_hand)

        def loss(w, mlp=mlp):
            moved = oracle.MLP.from_architecture(mlp.architecture, w)
            return moved.loss(X, Y, sample_weight=S)

        yield from slopes(back.gradient, loss, mlp.w)


@formula("W3", r"\frac{\sum_i s_i o_{ij}}{\sum_i s_i}", r"n = \sum_i s_i")
def weighted_means():
    o = network("mean").forward(X).o[1]
    yield from values(oracle.network.sparse.mean_outputs(o, S), np.mean(o[AGAIN], axis=0))
    for total in (S.sum(), 1.0):
        claimed = oracle.network.sparse.kl_penalty(o, 0.7, 0.05, total, 1e-16, S)
        yield claimed, exact(oracle.network.sparse.kl_penalty(o[AGAIN], 0.7, 0.05, total, 1e-16))


@formula("W4", r"\frac{\sum_{\mathrm{batches\ } b} n_b L_b}{\sum_{\mathrm{batches\ } b} n_b}")
def loss_of_an_epoch():
    for reduction in REDUCTIONS:
        mlp = network(reduction)
        trainer = oracle.Trainer(mlp, dr.SGD(1e-3), batch_size=2)
        steps = oracle.Trainer(network(reduction), dr.SGD(1e-3), batch_size=None)
        losses, shares = [], []
        for at in range(0, len(X), 2):
            rows = [i for i in range(at, min(at + 2, len(X))) if S[i]]
            if rows:
                losses.append(steps.epoch(X, Y, rows, S))
                shares.append(S[rows].sum())
        yield trainer.epoch(X, Y, None, S), exact(np.average(losses, weights=shares))


@formula("W5", r"\frac{n}{C n_c}", r"n_c = \sum_{i \in c} s_i")
def balanced_classes():
    net = dr.MLP([3, 4], loss="cross_entropy").architecture
    classes = np.array([0, 3, 3, 1, 3, 1, 3, 3])
    for s in (np.ones(8), np.array([1.0, 2, 0, 3, 1, 1, 0.5, 2])):
        weights = with_class_weights("balanced", classes, net, s)
        for c in (0, 1, 3):
            yield weights[classes == c].sum(), exact(s.sum() / 3)


def quartic(y_hat, Y):
    d = y_hat - Y
    return np.sum(d**4, axis=1) / 4, d**3


@formula("W6", r"u_{ij} = - D_{ij} = - \frac{\partial L_i}{\partial \hat y_{ij}}")
def given_loss():
    sizes = [X.shape[1], 4, Y.shape[1]]
    for output in ("identity", "logistic", "softmax"):
        mlp = dr.MLP(sizes, "tanh", output, quartic, dtype="float64", seed=3)
        for i in range(len(X)):
            y_hat = mlp.predict(X[i : i + 1])
            claimed = quartic(y_hat, Y[i : i + 1])[1]
            yield from slopes(claimed, lambda o, i=i: float(quartic(o, Y[i : i + 1])[0][0]), y_hat)

        def loss(w, net=mlp.architecture):
            return dr.MLP.from_architecture(net, w).loss(X, Y)

        yield from slopes(mlp.gradient(X, Y), loss, mlp.w)
