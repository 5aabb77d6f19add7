# SPDX-License-Identifier: BSD-3-Clause
"""Differences of the loss by one weight, each with a bound of its own error, in float64.

D_1 = (L(w+h) - L(w-h)) / 2h and D_2, the same with 2h, give D = (4 D_1 - D_2) / 3, whose error is
of order h^4. |D - D_1|, the error of D_1, of order h^2, stands as bound for it; to that comes what
rounding does to the four losses and to w +- h. h is STEPS[0], divided by the largest |o| that the
weight meets if that is above 1: nets move by little, whatever the scale of the inputs.

relu has no derivative at 0, others have none at kinks of their own, and the l1 penalty none at
w = 0. A difference across such a kink belongs to neither side: where a net lies on another side of
it at w + 2h or w - 2h than at w, smaller steps are tried, and there is no difference if they
straddle the kink too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from deltarule.activations import kinks
from deltarule.architecture import Architecture
from deltarule.chunks import traces
from deltarule.jacobian import AnyMLP, Float64
from deltarule.results import Array

STEPS = (2.0**-10, 2.0**-14, 2.0**-18)
UNIT_ROUNDOFF = 2.0**-53


class Differences:
    """A float64 network with the same weights, whose loss is differenced.

    Parameters
    ----------
    mlp : MLP or oracle.MLP
        The network; it is copied.
    x : array, (n, H_0)
        Samples, judged.
    y : array, (n, K) or (n,)
        Targets, judged.
    n_threads : int, optional
        Of the losses.
    s : array, (n,), optional
        Weights of the samples, > 0, judged.

    Attributes
    ----------
    mlp : MLP or oracle.MLP
        The copy.

    Raises
    ------
    ValueError
        If the loss is not finite.
    """

    def __init__(
        self, mlp: AnyMLP, x: Array, y: Array, n_threads: int | None, s: Array | None = None
    ) -> None:
        net = replace(mlp.architecture, dtype="float64")
        self.w = mlp._snapshot().astype(np.float64)
        self.mlp = _double(mlp, net, self.w)
        self.x, self.rows, self.n_threads = x, (x, y, n_threads, s), n_threads
        at_w = self.mlp.loss(*self.rows)
        if not np.isfinite(at_w):
            raise ValueError(f"mlp: the loss is {at_w}; expected weights with a finite loss")
        self.kinked = {k: at for k, f in enumerate(net.activations, 1) if (at := kinks(f))}
        self.active = list(self._activities()) if self.kinked else []
        self.rounding, self.largest = _magnitudes(self.mlp, self.w, *self.rows)

    def by(self, k: int, j: int, i: int) -> tuple[float, float] | None:
        """D and its error bound for W[k][j, i], or for alpha[k][j] in the column after the bias.

        Parameters
        ----------
        k, j, i : int
            Which weight.

        Returns
        -------
        (float, float), optional
            None: every step straddles a kink.
        """
        shapes = self.mlp.architecture.shapes
        columns = shapes[k][1]
        at = sum(a * b for a, b in shapes[:k]) + j * columns + i
        if i == columns:
            net = self.mlp.architecture
            at = len(self.w) - sum(net.n_alphas[k:]) + j
        w = self.w[at]
        shift = 2.0 ** -np.ceil(np.log2(max(1.0, self.largest[k][i])))
        for step in STEPS:
            h = step * shift
            if not self._straddles(at, 2 * h, penalised=i < columns - 1):
                break
        else:
            return None
        near = (self._loss(at, h) - self._loss(at, -h)) / (2 * h)
        far = (self._loss(at, 2 * h) - self._loss(at, -2 * h)) / (4 * h)
        value = (4 * near - far) / 3
        argument = UNIT_ROUNDOFF * abs(w) / h * abs(near)  # w +- h is rounded as well
        return value, abs(value - near) + 1.5 * (self.rounding / h + argument)

    def _move(self, at: int, by: float) -> None:
        moved = self.w.copy()
        moved[at] += by
        self.mlp.w = moved

    def _loss(self, at: int, by: float) -> float:
        self._move(at, by)
        return self.mlp.loss(*self.rows)

    def _straddles(self, at: int, reach: float, penalised: bool) -> bool:
        l1 = self.mlp.architecture.l1
        if penalised and l1 > 0 and abs(self.w[at]) <= reach:
            return True
        for by in (reach, -reach) if self.kinked else ():
            self._move(at, by)
            for now, then in zip(self._activities(), self.active, strict=True):
                if not np.array_equal(now, then):
                    return True
        return False

    def _activities(self) -> Iterator[Array]:
        """On which side of its kinks each net of a kinked layer lies; chunk by chunk."""
        for _, trace in traces(self.mlp, self.x, self.n_threads):
            for k, places in self.kinked.items():
                yield _array(trace.net[k])[..., None] > places


def _double(mlp: AnyMLP, net: Architecture, w: Float64) -> AnyMLP:
    """A network of the same class, so that it is its formula that is checked."""
    from deltarule import oracle

    copy = type(mlp).from_architecture(net, w)
    if isinstance(mlp, oracle.MLP) and isinstance(copy, oracle.MLP):
        copy.collapsed = mlp.collapsed
    return copy


def _magnitudes(
    mlp: AnyMLP, w: Float64, x: Array, y: Array, n_threads: int | None, s: Array | None
) -> tuple[float, list[Float64]]:
    """What rounding can do to L, and max over the samples of |[o[k], 1]_i| for each k.

    For what units learn, behind the bias: the largest |net[k + 1]|, which bounds its influence.

    A net is off by gamma_{H+16} times the sum of its terms' magnitudes, which |delta| carries to
    L. An L_i adds K terms of a few operations on y and net, none larger than
    ((1 + |y|) (1 + |net|))^2; L adds n of them, times their weights; gamma adds n_weights squares.
    """
    from deltarule.given import Given
    from deltarule.oracle.data import float_targets
    from deltarule.oracle.network import penalty_factors, reduction_size

    net = mlp.architecture
    targets: Any = float_targets(y, net)
    W = net.views(np.abs(w))
    weight = np.ones(len(x)) if s is None else s
    S = reduction_size(net, float(np.sum(weight)))
    largest = [np.ones(columns + 1) for _, columns in net.shapes]
    total = 0.0
    for rows, trace in traces(mlp, x, n_threads):
        delta, shares = mlp.backward(trace, y[rows], n_threads).delta, weight[rows, None] / S
        if isinstance(targets, Given):
            y_size = np.abs(targets[rows](trace.y_hat)[0])[:, None]
        else:
            y_size = np.abs(np.tile(targets[rows], net.chosen_loss.row.columns))
        terms = ((1 + y_size) * (1 + np.abs(_array(trace.net[-1])))) ** 2
        terms += np.abs(_array(delta[-1]))  # of an exponential of net, which both hold
        total += _gamma(len(x) + net.n_outputs + 16) * float(np.sum(terms * shares))
        for k, matrix in enumerate(W):
            o = np.abs(trace.o[k])
            np.maximum(largest[k][:-2], np.max(o, axis=0), out=largest[k][:-2])
            largest[k][-1] = max(largest[k][-1], np.max(np.abs(_array(trace.net[k + 1]))))
            terms = np.abs(_array(delta[k + 1])) * (o @ matrix[:, :-1].T + matrix[:, -1])
            total += _gamma(matrix.shape[1] + 16) * float(np.sum(terms * shares))
    l2, l1 = penalty_factors(net, float(np.sum(weight)))
    penalty = l2 * float(np.sum(w**2)) + l1 * float(np.sum(np.abs(w)))
    return total + _gamma(len(w)) * penalty, largest


def _array(a: Array | None) -> Array:
    assert a is not None  # only those of the input are
    return a


def _gamma(k: int) -> float:
    """Higham's: k roundings change a sum by at most this share of its terms' magnitudes."""
    return k * UNIT_ROUNDOFF / (1 - k * UNIT_ROUNDOFF)
