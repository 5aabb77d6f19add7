# SPDX-License-Identifier: BSD-3-Clause
"""Is the gradient the derivative of the loss? Differences of the loss know nothing of formulas."""

from __future__ import annotations

import numpy as np

from deltarule import _validate
from deltarule._arguments import generator, integer, number
from deltarule._modes import in_default_modes
from deltarule._typing import ArrayLike
from deltarule.differences import STEPS, Differences
from deltarule.gradient_result import GradientCheck, LayerCheck
from deltarule.jacobian import AnyMLP, check_network, differentiable
from deltarule.results import Array


@in_default_modes
def check_gradient(
    mlp: AnyMLP,
    X: ArrayLike,
    Y: ArrayLike,
    n_weights: int | None = 100,
    seed: int | None = 0,
    tolerance: float = 1e-6,
    n_threads: int | None = None,
    sample_weight: ArrayLike | None = None,
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
    sample_weight : array-like, (n,), optional
        As `MLP.loss` takes it.

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
    Each weight takes four losses, and two forward passes more where an activation has a kink, as
    relu has. What a unit learns (`MLP.alpha`) is checked as a weight in a column after the bias.
    Softmax with binary cross-entropy clips probabilities (35): where it does, the loss is flat and
    the gradient is not, by definition, and the check says so.
    """
    net = check_network(mlp).architecture
    differentiable(net)
    if n_weights is not None:
        n_weights = integer("n_weights", n_weights, 1)
    rng = generator(seed)
    tolerance = number("tolerance", tolerance, lambda value: 0 < value < 1, "a number in (0, 1)")
    x, y, s = _validate.weighted_rows(X, Y, mlp, sample_weight)
    own = net.units(mlp.gradient(x, y, n_threads, s))
    single = net.dtype == "float32"
    differences = Differences(mlp, x, y, n_threads, s)
    claimed = net.units(differences.mlp.gradient(x, y, n_threads, s)) if single else own
    layers = []
    for k, dW in enumerate(claimed):
        places = np.arange(dW.size)
        if n_weights is not None and n_weights < dW.size:
            places = np.sort(rng.choice(dW.size, n_weights, replace=False))
        found = [
            (j, i, differences.by(k, j, i))
            for j, i in zip(
                *(axis.tolist() for axis in np.unravel_index(places, dW.shape)), strict=True
            )
        ]
        deviation = _deviation(own[k], dW) if single else None
        layers.append(_judge(k, dW, found, tolerance, deviation))
    return GradientCheck(tuple(layers), tolerance, STEPS[0], len(x), net.dtype)


def _judge(
    k: int,
    dW: Array,
    found: list[tuple[int, int, tuple[float, float] | None]],
    tolerance: float,
    deviation: float | None,
) -> LayerCheck:
    """Compare one layer's gradient with its differences."""
    checked = [(j, i, *result) for j, i, result in found if result is not None]
    skipped = len(found) - len(checked)
    if not checked:
        return LayerCheck(k, dW.shape, 0, skipped, 0.0, None, 0.0, 0.0, 0.0, deviation)
    j, i, differences, bounds = (np.array(column) for column in zip(*checked, strict=True))
    gradient = dW[j, i]
    scale = np.maximum(np.maximum(np.abs(gradient), np.abs(differences)), bounds / tolerance)
    with np.errstate(all="ignore"):
        errors = np.abs(gradient - differences) / scale
    errors = np.where(np.isnan(errors), np.inf, errors)  # nothing that is nan is right
    worst = int(np.argmax(errors))
    largest = float(np.max(np.abs(differences)))
    return LayerCheck(
        k, dW.shape, len(checked), skipped,
        float(errors[worst]), (k, int(j[worst]), int(i[worst])),
        float(gradient[worst]), float(differences[worst]),
        float(np.max(bounds)) / largest if largest else 0.0, deviation,
    )  # fmt: skip


def _deviation(own: Array, claimed: Array) -> float:
    """The largest distance of the float32 gradient, relative to the layer's largest element."""
    largest = float(np.max(np.abs(claimed)))
    distance = float(np.max(np.abs(own - claimed)))
    return distance / largest if largest else distance
