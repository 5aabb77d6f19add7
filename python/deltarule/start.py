# SPDX-License-Identifier: BSD-3-Clause
"""Starts that look at the network or at data: `ntk_factors` (I5), (I6); `unit_variance`."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import numpy as np

from deltarule import _validate
from deltarule._arguments import choice
from deltarule._modes import in_default_modes
from deltarule._typing import ArrayLike
from deltarule.chunks import traces
from deltarule.fitting import Fittable
from deltarule.results import Array

if TYPE_CHECKING:
    from deltarule.mlp import MLP
    from deltarule.oracle.mlp import MLP as Oracle

# A net whose variance is below this share of its mean square is constant but for roundings:
# they leave about (1e-7)^2 in float32.
CONSTANT = {"float32": 1e-12, "float64": 1e-28}


@in_default_modes
def ntk_factors(mlp: MLP | Oracle) -> tuple[float, ...]:
    """1 / H_k of every W[k], for SGD's `eta_factors`: training as the NTK parametrisation's  (I6).

    With init="ntk" and SGD(eta, momentum, eta_factors=ntk_factors(mlp)) the weights stay
    V[k] / sqrt(H_k), where V[k] are those of a network with net[k+1] = V[k] [o[k]; 1] / sqrt(H_k),
    V_ji ~ N(0, 1), that SGD(eta, momentum) trains.

    Parameters
    ----------
    mlp : MLP or oracle.MLP
        The network.

    Returns
    -------
    tuple of float

    Raises
    ------
    TypeError
        If mlp is no network.
    """
    _network(mlp)
    return tuple(1 / inputs for inputs in mlp.layers[:-1])


@in_default_modes
def unit_variance(
    mlp: MLP | Oracle,
    X: ArrayLike,
    by: str = "layer",
    zero_mean: bool = False,
    n_threads: int | None = None,
) -> None:
    """Scale W[0], then W[1], .. so that every layer's net has variance 1 over the rows  (I7), (I8).

    Parameters
    ----------
    mlp : MLP or oracle.MLP
        The network; its weights are replaced once all layers are done.
    X : array-like, (n, H_0)
        Samples that stand for the data; at least two rows.
    by : str
        "layer": one factor for each W[k], so that the mean of its units' variances is 1.
        "unit": one factor for each row of W[k], so that each unit's variance is 1.
    zero_mean : bool
        Whether to choose the biases so that each unit's net has mean 0 over the rows; else they are
        scaled with their W[k].
    n_threads : int, optional
        As for `MLP.forward`.

    Raises
    ------
    TypeError
        If an argument is of the wrong kind.
    ValueError
        If X does not fit or has one row, or a net is the same for all rows, so that no factor gives
        it a variance; the message names layer and unit. The weights are unchanged then.
    FloatingPointError
        If a net is not finite.
    RuntimeError
        If the network is being trained.
    """
    _network(mlp)
    by = choice("by", by, ("layer", "unit"))
    zero_mean = _validate.flag("zero_mean", zero_mean)
    _validate.n_threads(n_threads)
    x = _validate.features(X, mlp.architecture)
    if len(x) < 2:
        raise ValueError(f"X: shape {x.shape}; expected at least two rows, for a variance")
    trial = copy.copy(mlp)
    w = mlp.w.astype(np.float64)
    for k, W in enumerate(mlp.architecture.views(w)):
        mean, variance = _moments(trial, x, k + 1, n_threads)
        constant = variance <= CONSTANT[mlp.dtype] * mean**2
        if constant.any() if by == "unit" else constant.all():
            unit = int(np.argmax(constant))
            raise ValueError(
                f"X: net[{k + 1}] of unit {unit} has mean {mean[unit]:.6g}, variance "
                f"{variance[unit]:.6g} over {len(x)} rows; expected rows and weights by which it "
                "varies, beyond roundings and underflow"
            )
        if zero_mean:
            W[:, -1] -= mean
        W /= np.sqrt(variance if by == "unit" else np.mean(variance))[..., None]
        trial.w = w
    mlp.w = w


def _moments(mlp: MLP | Oracle, X: Array, layer: int, n_threads: int | None) -> tuple[Array, Array]:
    """Mean and variance of every unit's net over the rows, in float64.

    Chunks are combined by Chan's formula, which cancels nothing.
    """
    n, mean, squares = 0, np.zeros(mlp.layers[layer]), np.zeros(mlp.layers[layer])
    for _, trace in traces(mlp, X, n_threads):
        net = trace.net[layer]
        assert net is not None  # only net[0] is
        net, m = net.astype(np.float64), len(net)
        with np.errstate(over="ignore", invalid="ignore"):
            here = net.mean(axis=0)
            apart = here - mean
            squares += ((net - here) ** 2).sum(axis=0) + apart**2 * (n * m / (n + m))
            mean += apart * (m / (n + m))
        n += m
    if not np.isfinite(squares).all():
        raise FloatingPointError(f"net[{layer}] leaves float64; expected smaller weights or X")
    return mean, squares / n


def _network(mlp: object) -> None:
    if not isinstance(mlp, Fittable):
        raise TypeError(f"mlp: an object of type {type(mlp).__name__}; expected an MLP")
