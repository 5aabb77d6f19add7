# SPDX-License-Identifier: BSD-3-Clause
"""The loss of outputs that no network computed: of an ensemble's mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from deltarule.architecture import Architecture
from deltarule.oracle.activations import Float64
from deltarule.oracle.data import float_targets, float_weights
from deltarule.oracle.losses import batch_loss, clip, row_loss
from deltarule.oracle.network import eps, reduction_size
from deltarule.results import Array


def _logit(p: Float64, e: float) -> Float64:
    c = clip(p, e)
    return np.asarray(np.log(c) - np.log1p(-c))


def _gaussian(o: Float64, e: float) -> Float64:
    del e
    mu, v = np.split(o, 2, axis=1)
    return np.concatenate([mu, np.log(v)], axis=1)


# net of an output, for losses that are taken from net; of others net is never looked at.
NET_OF: dict[str, Callable[[Float64, float], Float64]] = {
    "softmax": lambda p, e: np.asarray(np.log(clip(p, e))),
    "logistic": _logit,
    "exponential": lambda o, e: np.asarray(np.log(o)),
    "gaussian": _gaussian,
}


def loss_of_outputs(net: Architecture, Y: Any, y_hat: Array, sample_weight: object = None) -> float:
    """(1/S) sum_i s_i L_i of given outputs, in float64.

    Parameters
    ----------
    net : Architecture
        Tells the loss.
    Y : array, (n, columns) or (n,)
        Targets, as `_validate.data` returns them.
    y_hat : array, (n, K)
        Outputs.
    sample_weight : array-like, (n,), optional
        s_i >= 0; None: 1 each.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        If Y or the weights do not fit.
    """
    s = float_weights(sample_weight, len(y_hat), net)
    rows = np.ones(len(y_hat), bool) if s is None else s > 0
    y, o = float_targets(Y[rows], net), y_hat[rows]
    output = net.activations[-1]
    with np.errstate(all="ignore"):
        wide = o.astype(np.float64)
        z = NET_OF[output](wide, eps(net)) if output in NET_OF else wide
        losses = row_loss(net.loss, output, y, z, wide, eps(net))
    if s is None:
        return batch_loss(losses, reduction_size(net, len(y_hat)), 0.0)
    S = reduction_size(net, float(np.sum(s)))
    return batch_loss(s[rows] * losses, S, 0.0)
