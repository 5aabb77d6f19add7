# SPDX-License-Identifier: BSD-3-Clause
"""(C14) to (C24): docs/chain_rule.md, sections 5 and 6, on a logistic network 2-3-2-2."""

from math import prod

import numpy as np
from differences import derivative, exact, partial

import deltarule as dr
from formulas.registry import formula, slopes, values


def sigma(z):
    return 1 / (1 + np.exp(-z))


X, Y = np.array([0.6, -1.2]), np.array([1.0, 0.0])
W = [
    np.array([[0.5, -0.4, 0.1], [-0.3, 0.8, 0.2], [0.7, 0.2, -0.5]]),
    np.array([[0.9, -0.6, 0.4, 0.3], [-0.2, 0.5, 0.7, -0.1]]),
    np.array([[1.1, -0.7, 0.2], [-0.5, 0.6, 0.4]]),
]
ETA = 0.3


def forward(weights=W, shifts=()):
    """o[0] .. o[3], each with its 1; `shifts` maps a layer to what is added to its net."""
    o = [np.append(X, 1.0)]
    for k, w in enumerate(weights, 1):
        o.append(np.append(sigma(w @ o[-1] + dict(shifts).get(k, 0.0)), 1.0))
    return o


def loss(weights=W, shifts=()):
    return 0.5 * float(np.sum((Y - forward(weights, shifts)[-1][:-1]) ** 2))


def loss_of(k):
    """The loss as a function of W[k]."""
    return lambda w: loss([*W[:k], w, *W[k + 1 :]])


def net_slope(k, j):
    """dL/dnet[k]_j by differences."""
    zero = np.zeros(len(W[k - 1]))
    return partial(lambda shift: loss(W, [(k, shift)]), zero, j)


def deltas():
    """By (C18) and (C23)."""
    o = [values[:-1] for values in forward()]
    d = [None, None, None, (Y - o[3]) * o[3] * (1 - o[3])]
    for k in (2, 1):
        d[k] = np.array([
            o[k][j] * (1 - o[k][j]) * sum(d[k + 1][z] * W[k][z, j] for z in range(len(d[k + 1])))
            for j in range(len(o[k]))
        ])  # fmt: skip
    return d


def stepped(k):
    """W[k] after a step of plain gradient descent on the network itself."""
    mlp = dr.MLP([2, 3, 2, 2], "logistic", "logistic", "half_squared_error", "float64")
    mlp.W = W
    dr.Trainer(mlp, dr.SGD(eta=ETA)).epoch([X], [Y])
    return mlp.W[k]


@formula("C14", r"\sigma \left( \sum_{l=1}^{H_m + 1} W^{(m)}_{kl} o^{(m)}_l \right)")
def loss_written_out():
    o = forward()[2]
    nets = [sum(W[2][k, i] * o[i] for i in range(3)) for k in range(2)]
    yield sum((y - sigma(net)) ** 2 for y, net in zip(Y, nets, strict=True)) / 2, exact(loss())


@formula(
    "C15",
    r"\left( y_j - \sigma \left( \sum_{l=1}^{H_m + 1} W^{(m)}_{jl} o^{(m)}_l \right) \right)^2",
)
def one_term_is_left():
    o = forward()[2]
    for j, i in np.ndindex(2, 3):
        one_term = partial(lambda row, j=j: 0.5 * (Y[j] - sigma(row @ o)) ** 2, W[2][j], i)
        whole = partial(loss_of(2), W[2], (j, i))
        yield one_term.value, whole._replace(bound=one_term.bound + whole.bound)


@formula(
    "C16",
    r"\frac{\partial L}{\partial \hat y_j} \cdot \frac{\partial \hat y_j}{\partial \mathrm{net}_j}",
)
def three_factors():
    o, y_hat = forward()[2], forward()[3]
    for j, i in np.ndindex(2, 3):
        factors = [
            derivative(lambda v, j=j: 0.5 * (Y[j] - v) ** 2, y_hat[j]),
            derivative(sigma, W[2][j] @ o),
            partial(lambda row: row @ o, W[2][j], i),
        ]
        whole = partial(loss_of(2), W[2], (j, i))
        bound = whole.bound + sum(f.bound for f in factors)
        yield prod(f.value for f in factors), whole._replace(bound=bound)


@formula("C17", r"= - (y_j - \hat y_j)", r"= \hat y_j (1 - \hat y_j)", r"= o^{(m)}_i")
def each_factor():
    o, y_hat = forward()[2], forward()[3][:2]
    for j in range(2):
        yield -(Y[j] - y_hat[j]), derivative(lambda v, j=j: 0.5 * (Y[j] - v) ** 2, y_hat[j])
        yield y_hat[j] * (1 - y_hat[j]), derivative(sigma, W[2][j] @ o)
        yield from slopes(o, lambda row: float(row @ o), W[2][j])


@formula("C18", r"(y_j - \hat y_j) \hat y_j (1 - \hat y_j)", r"= - \delta_j o^{(m)}_i")
def output_weights():
    y_hat = forward()[3][:2]
    delta = (Y - y_hat) * y_hat * (1 - y_hat)
    for j in range(2):
        slope = net_slope(3, j)
        yield -delta[j], slope
    yield from slopes(-np.outer(delta, forward()[2]), loss_of(2), W[2])


@formula("C19", r"+ \eta \delta_j o^{(m)}_i")
def output_step():
    yield from values(W[2] + ETA * np.outer(deltas()[3], forward()[2]), stepped(2))


@formula("C20", r"\frac{\partial \mathrm{net}^{(k+1)}_j}{\partial W^{(k)}_{ji}} = o^{(k)}_i")
def through_one_net():
    o = forward()
    for k in (0, 1):
        for j, i in np.ndindex(W[k].shape):
            through = net_slope(k + 1, j)
            direct = partial(loss_of(k), W[k], (j, i))
            yield through.value * o[k][i], direct._replace(bound=direct.bound + 2 * through.bound)


def net_to_net(k, j):
    """dnet[k+2]_z / dnet[k+1]_j of all z, by differences."""
    o = forward()

    def net(z):
        def of(v):
            moved = o[k + 1].copy()
            moved[j] = sigma(v)
            return float(W[k + 1][z] @ moved)

        return of

    at = float(W[k][j] @ o[k])
    return [derivative(net(z), at) for z in range(len(W[k + 1]))]


@formula("C21", r"\sum_{z} \frac{\partial L}{\partial \mathrm{net}^{(k+2)}_z} \cdot")
def all_units_downstream():
    for k in (0, 1):
        for j in range(len(W[k])):
            rates = net_to_net(k, j)
            after = [net_slope(k + 2, z) for z in range(len(rates))]
            claimed = sum(a.value * b.value for a, b in zip(after, rates, strict=True))
            whole = net_slope(k + 1, j)
            bound = whole.bound + sum(m.bound for m in after + rates)
            yield claimed, whole._replace(bound=bound)


@formula("C22", r"W^{(k+1)}_{zj} o^{(k+1)}_j (1 - o^{(k+1)}_j)")
def rate_between_nets():
    o = forward()
    for k in (0, 1):
        for j in range(len(W[k])):
            for z, rate in enumerate(net_to_net(k, j)):
                yield W[k + 1][z, j] * o[k + 1][j] * (1 - o[k + 1][j]), rate


@formula("C23", r"= o^{(k+1)}_j (1 - o^{(k+1)}_j) \sum_z \delta^{(k+2)}_z W^{(k+1)}_{zj}")
def hidden_delta():
    for k in (1, 2):
        for j, delta in enumerate(deltas()[k]):
            slope = net_slope(k, j)
            yield delta, slope._replace(value=-slope.value)


@formula("C24", r"= - \delta^{(k+1)}_j o^{(k)}_i", r"+ \eta \delta^{(k+1)}_j o^{(k)}_i")
def hidden_weights():
    for k in (0, 1):
        rule = np.outer(deltas()[k + 1], forward()[k])
        yield from slopes(-rule, loss_of(k), W[k])
        yield from values(W[k] + ETA * rule, stepped(k))
