# SPDX-License-Identifier: BSD-3-Clause
"""A penalty on the outputs o of a hidden layer, equations (41) to (43), and its pull on u (44).

o is float64, (n, H); eps is the clipping distance, equation (35).
"""

from __future__ import annotations

import numpy as np

from deltarule.oracle.activations import Float64
from deltarule.oracle.losses import clip
from deltarule.sparsity import Sparsity


def l1_penalty(o: Float64, weight: float, S: float) -> float:
    """P = weight/S sum_i sum_j |o_ij|  (41)."""
    return weight * float(np.sum(np.abs(o))) / S


def mean_outputs(o: Float64) -> Float64:
    """rho_hat_j = 1/n sum_i o_ij  (42)."""
    return np.asarray(np.mean(o, axis=0))


def kl_penalty(o: Float64, weight: float, rho: float, S: float, eps: float) -> float:
    """P = weight n/S sum_j KL(rho || rho_hat_j)  (43)."""
    c = clip(mean_outputs(o), eps)
    divergence = rho * np.log(rho / c) + (1.0 - rho) * np.log((1.0 - rho) / (1.0 - c))
    return weight * (len(o) / S) * float(np.sum(divergence))


def penalty(sparsity: Sparsity, o: Float64, S: float, eps: float) -> float:
    """P of either kind.

    Parameters
    ----------
    sparsity : Sparsity
        Kind, weight and target.
    o : array, (n, H)
        Outputs of its layer for the rows of a batch.
    S : float
        Number of rows (mean) or 1 (sum).
    eps : float
        Clipping distance.

    Returns
    -------
    float
    """
    if sparsity.kind == "l1":
        return l1_penalty(o, sparsity.weight, S)
    return kl_penalty(o, sparsity.weight, sparsity.target, S, eps)


def pull(sparsity: Sparsity, o: Float64, eps: float) -> Float64:
    """p = -S dP/do, whatever S is: -weight sign(o), or weight (rho - c) / (c (1 - c))  (44).

    Parameters
    ----------
    sparsity : Sparsity
        Kind, weight and target.
    o : array, (n, H)
        Outputs of its layer for the rows of a batch.
    eps : float
        Clipping distance.

    Returns
    -------
    array, (n, H)
    """
    if sparsity.kind == "l1":
        return np.asarray(-sparsity.weight * np.sign(o))
    c = clip(mean_outputs(o), eps)
    return np.broadcast_to(sparsity.weight * (sparsity.target - c) / (c * (1.0 - c)), o.shape)
