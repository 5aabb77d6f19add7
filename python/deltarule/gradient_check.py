# SPDX-License-Identifier: BSD-3-Clause
"""Is the gradient the derivative of the loss? Differences of the loss know nothing of formulas.

The difference and its bound. D_1 = (L(w+h) - L(w-h)) / 2h and D_2, the same with 2h, give
D = (4 D_1 - D_2) / 3, whose error is of order h^4. |D - D_1|, the error of D_1, of order h^2, is
taken as bound of D's; to it comes what rounding does to the four losses and to w +- h. A weight
moves by h = STEPS[0] at most and its nets by no more, so that raw inputs need no other step.

relu has no derivative at 0 and the l1 penalty none at w = 0. A difference across such a kink
belongs to neither side: where a unit is active at w + 2h or w - 2h for other samples than at w,
smaller steps are tried, and the weight is skipped if they straddle the kink too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from deltarule import _validate
from deltarule._arguments import generator, integer, number
from deltarule.architecture import Architecture
from deltarule.chunks import traces
from deltarule.fitting import Fittable
from deltarule.gradient_result import GradientCheck, LayerCheck
from deltarule.jacobian import check_network, differentiable
from deltarule.results import Array

Float64 = NDArray[np.float64]

STEPS = (2.0**-10, 2.0**-14, 2.0**-18)
KINKED = ("relu",)
UNIT_ROUNDOFF = 2.0**-53


def check_gradient(
    mlp: Fittable,
    X: ArrayLike,
    Y: ArrayLike,
    n_weights: int | None = 100,
    seed: int | None = 0,
    tolerance: float = 1e-6,
    n_threads: int | None = None,
) -> GradientCheck:
    """dL/dW[k]_ji against (4 D_1 - D_2) / 3, D_s = (L(w + sh) - L(w - sh)) / 2sh, in float64.

    Parameters
    ----------
    mlp : MLP or oracle.MLP
        The network; its weights are not touched. The formula of a float32 network is checked on
        a float64 network with the same weights; how far its own gradient is off is reported.
    X : array-like, (n, H_0)
        Samples: a few dozen show as much as many, faster, and straddle fewer kinks of relu.
    Y : array-like, (n, K) or (n,)
        Targets.
    n_weights : int, optional
        So many weights of each layer are drawn, biases among them, where it has more. None: all.
    seed : None, int or anything else that `numpy.random.default_rng` takes
        Of the draw.
    tolerance : float
        The largest relative error that is still right.
    n_threads : int, optional
        Of the losses. None: as many as pay.

    Returns
    -------
    GradientCheck
        `ok`, and for each layer the worst relative error and where it is; prints as a table.
        An error is relative to the larger of gradient and difference, but a difference is not
        trusted beyond its own error bound: |g - D| / max(|g|, |D|, bound / tolerance).

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit, a layer is of threshold units, or the loss is not finite.

    Notes
    -----
    Each weight takes four losses, and two forward passes more in a network with relu. Softmax
    with binary cross-entropy clips probabilities (35): where it does, the loss is flat and the
    gradient is not, by definition, and the check says so.
    """
    net = check_network(mlp).architecture
    differentiable(net)
    if n_weights is not None:
        n_weights = integer("n_weights", n_weights, 1)
    rng = generator(seed)
    tolerance = number("tolerance", tolerance, lambda value: 0 < value < 1, "a number in (0, 1)")
    x, y = _validate.data(X, Y, net)
    own = mlp.gradient(x, y, n_threads)
    double = net.dtype == "float64"
    witness = _Witness(mlp, x, y, n_threads)
    claimed = own if double else witness.mlp.gradient(x, y, n_threads)
    layers = []
    start = 0
    for k, shape in enumerate(net.shapes):
        size = shape[0] * shape[1]
        part = slice(start, start + size)
        drawn = np.arange(size)
        if n_weights is not None and n_weights < size:
            drawn = np.sort(rng.choice(size, n_weights, replace=False))
        found = [(int(at), witness.difference(k, start + int(at))) for at in drawn]
        deviation = None if double else _deviation(own[part], claimed[part])
        layers.append(_judge(k, shape, claimed[part], found, tolerance, deviation))
        start += size
    return GradientCheck(tuple(layers), tolerance, STEPS[0], len(x), net.dtype)


class _Witness:
    """A float64 network with the same weights, whose loss is differenced."""

    def __init__(self, mlp: Fittable, x: Array, y: Array, n_threads: int | None) -> None:
        net = replace(mlp.architecture, dtype="float64")
        self.w = mlp._snapshot().astype(np.float64)
        self.mlp = _double(mlp, net, self.w)
        self.x, self.y, self.n_threads = x, y, n_threads
        at_w = self.mlp.loss(x, y, n_threads)
        if not np.isfinite(at_w):
            raise ValueError(f"mlp: the loss is {at_w}; expected weights with a finite loss")
        self.kinked = [k + 1 for k, f in enumerate(net.activations) if f in KINKED]
        self.active = self._activity() if self.kinked else []
        self.rounding, self.largest = _magnitudes(self.mlp, self.w, x, y, n_threads)

    def difference(self, k: int, at: int) -> tuple[float, float] | None:
        """D and its error bound for weight `at` of w, in W[k]; None across a kink."""
        w = self.w[at]
        columns = self.mlp.architecture.shapes[k][1]
        i = (at - sum(a * b for a, b in self.mlp.architecture.shapes[:k])) % columns
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
        self.mlp.w = moved  # type: ignore[attr-defined]  # MLP and oracle.MLP have it

    def _loss(self, at: int, by: float) -> float:
        self._move(at, by)
        return self.mlp.loss(self.x, self.y, self.n_threads)

    def _straddles(self, at: int, reach: float, penalised: bool) -> bool:
        if penalised and getattr(self.mlp.architecture, "l1", 0) and abs(self.w[at]) <= reach:
            return True
        for by in (reach, -reach) if self.kinked else ():
            self._move(at, by)
            for now, then in zip(self._activities(), self.active, strict=True):
                if not np.array_equal(now, then):
                    return True
        return False

    def _activities(self) -> Iterator[Array]:
        """Which units of a kinked layer are active, for which samples; chunk by chunk."""
        for _, trace in traces(self.mlp, self.x, self.n_threads):
            for k in self.kinked:
                yield trace.o[k] > 0

    def _activity(self) -> list[Array]:
        return list(self._activities())


def _double(mlp: Fittable, net: Architecture, w: Float64) -> Fittable:
    """The same class, so that it is its formula that is checked."""
    copy: Fittable = type(mlp).from_architecture(net, w)  # type: ignore[attr-defined]
    if hasattr(mlp, "collapsed"):
        copy.collapsed = mlp.collapsed  # type: ignore[attr-defined]  # the oracle's choice of path
    return copy


def _magnitudes(
    mlp: Fittable, w: Float64, x: Array, y: Array, n_threads: int | None
) -> tuple[float, list[Float64]]:
    """What rounding can do to L, and max over the samples of |[o[k], 1]_i| for each k.

    A net is off by gamma_{H+16} times the sum of its terms' magnitudes, which |delta| carries to
    L. An L_i adds K terms of a few operations on y and net, none larger than
    ((1 + |y|) (1 + |net|))^2; L adds n of them; gamma adds n_weights squares.
    """
    from deltarule.oracle.data import float_targets
    from deltarule.oracle.network import reduction_size

    net = mlp.architecture
    targets = float_targets(y, net)
    W = net.views(np.abs(w))
    S = reduction_size(net, len(x))
    largest = [np.ones(columns) for _, columns in net.shapes]
    total = 0.0
    for rows, trace in traces(mlp, x, n_threads):
        delta = mlp.backward(trace, targets[rows], n_threads).delta  # type: ignore[attr-defined]
        last = trace.net[-1]
        assert last is not None  # only net[0] is
        terms = ((1 + np.abs(targets[rows])) * (1 + np.abs(last))) ** 2
        total += _gamma(len(x) + net.n_outputs + 16) * float(np.sum(terms)) / S
        for k, matrix in enumerate(W):
            o = np.abs(trace.o[k])
            np.maximum(largest[k][:-1], np.max(o, axis=0), out=largest[k][:-1])
            terms = np.abs(delta[k + 1]) * (o @ matrix[:, :-1].T + matrix[:, -1])
            total += _gamma(matrix.shape[1] + 16) * float(np.sum(terms)) / S
    penalty = net.l2 * float(np.sum(w**2)) + getattr(net, "l1", 0.0) * float(np.sum(np.abs(w)))
    return total + _gamma(len(w)) * penalty, largest


def _judge(
    k: int,
    shape: tuple[int, int],
    claimed: Array,
    found: list[tuple[int, tuple[float, float] | None]],
    tolerance: float,
    deviation: float | None,
) -> LayerCheck:
    """Compare one layer's gradient with its differences."""
    checked = [(at, *result) for at, result in found if result is not None]
    skipped = len(found) - len(checked)
    if not checked:
        return LayerCheck(k, shape, 0, skipped, 0.0, None, 0.0, 0.0, 0.0, deviation)
    places, differences, bounds = (np.array(column) for column in zip(*checked, strict=True))
    gradient = claimed[places]
    scale = np.maximum(np.maximum(np.abs(gradient), np.abs(differences)), bounds / tolerance)
    with np.errstate(all="ignore"):
        errors = np.abs(gradient - differences) / scale
    errors = np.where(np.isnan(errors), np.inf, errors)
    worst = int(np.argmax(errors))
    j, i = divmod(int(places[worst]), shape[1])
    largest = float(np.max(np.abs(differences)))
    return LayerCheck(
        k, shape, len(checked), skipped, float(errors[worst]), (k, j, i),
        float(gradient[worst]), float(differences[worst]),
        float(np.max(bounds)) / largest if largest else 0.0, deviation,
    )  # fmt: skip


def _deviation(own: Array, claimed: Array) -> float:
    """The largest distance of the float32 gradient, relative to the layer's largest element."""
    largest = float(np.max(np.abs(claimed)))
    distance = float(np.max(np.abs(own - claimed)))
    return distance / largest if largest else distance


def _gamma(k: int) -> float:
    """Higham's: k roundings change a sum by at most this share of its terms' magnitudes."""
    return k * UNIT_ROUNDOFF / (1 - k * UNIT_ROUNDOFF)
