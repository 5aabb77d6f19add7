# SPDX-License-Identifier: BSD-3-Clause
"""Layers without a non-linearity are one layer."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce

import numpy as np

from deltarule._modes import in_default_modes
from deltarule.mlp import MLP
from deltarule.results import Array


@in_default_modes
def collapse(mlp: MLP) -> MLP:
    """W = W[m] .. W[1] W[0], each with a row [0 .. 0 1] below that hands the bias' 1 on.

    Parameters
    ----------
    mlp : MLP
        Its hidden layers are all "identity"; the output may have any activation.

    Returns
    -------
    MLP
        Layers [H_0, K] with the same output, loss, dtype, reduction and input scaling. It computes
        the same function, equal to rounding; the product of the weights is taken in float64. Its
        l1 and l2 are 0, as a penalty on other weights is another penalty.

    Raises
    ------
    TypeError
        If it is no MLP.
    ValueError
        If a hidden layer is not linear.
    """
    if not isinstance(mlp, MLP):
        raise TypeError(f"mlp: {type(mlp).__name__}; expected an MLP")
    net = mlp.architecture
    for k, activation in enumerate(net.activations[:-1]):
        if activation != "identity":
            raise ValueError(
                f"mlp: hidden layer {k + 1} is {activation!r}; expected 'identity', since no "
                "single linear map equals a non-linear layer"
            )
    ends = (net.n_inputs, net.n_outputs)
    one = replace(net, layers=ends, activations=net.activations[-1:], l1=0, l2=0)
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused by name
        W = reduce(lambda inner, outer: outer @ inner, map(_augmented, mlp.W))[:-1]
        return MLP.from_architecture(one, one.flatten([W], alpha=None))


def _augmented(W: Array) -> Array:
    """[W; 0 .. 0 1] in float64."""
    last = np.zeros((1, W.shape[1]))
    last[0, -1] = 1
    return np.vstack([W.astype(np.float64), last])
