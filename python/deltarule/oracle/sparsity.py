# SPDX-License-Identifier: BSD-3-Clause
"""A penalty on the outputs o of a hidden layer, equations (41) to (43), and its pull on u (44).

o is float64, (n, H); eps is the clipping distance, equation (35).
"""

from __future__ import annotations

import numpy as np

from deltarule.oracle.activations import Float64
from deltarule.oracle.losses import clip
from deltarule.sparsity import Sparsity


def l1_penalty(o: Float64, weight: float, S: float, s: Float64 | None = None) -> float:
    """P = weight/S sum_i s_i sum_j |o_ij|  (41)."""
    rows = np.sum(np.abs(o), axis=1)
    return weight * float(np.sum(rows if s is None else s * rows)) / S


def mean_outputs(o: Float64, s: Float64 | None = None) -> Float64:
    """rho_hat_j = 1/n sum_i o_ij  (42), with weights sum_i s_i o_ij / sum_i s_i  (W3)."""
    return np.asarray(np.average(o, axis=0, weights=s))


def kl_penalty(
    o: Float64, weight: float, rho: float, S: float, eps: float, s: Float64 | None = None
) -> float:
    """P = weight n/S sum_j KL(rho || rho_hat_j), n the sum of the weights  (43)."""
    c = clip(mean_outputs(o, s), eps)
    divergence = rho * np.log(rho / c) + (1.0 - rho) * np.log((1.0 - rho) / (1.0 - c))
    n = len(o) if s is None else float(np.sum(s))
    return weight * (n / S) * float(np.sum(divergence))


def penalty(
    sparsity: Sparsity, o: Float64, S: float, eps: float, s: Float64 | None = None
) -> float:
    """P of either kind.

    Parameters
    ----------
    sparsity : Sparsity
        Kind, weight and target.
    o : array, (n, H)
        Outputs of its layer for the rows of a batch.
    S : float
        Number of rows, or sum of their weights (mean), or 1 (sum).
    eps : float
        Clipping distance.
    s : array, (n,), optional
        Weights of the rows.

    Returns
    -------
    float
    """
    if sparsity.kind == "l1":
        return l1_penalty(o, sparsity.weight, S, s)
    return kl_penalty(o, sparsity.weight, sparsity.target, S, eps, s)


def pull(sparsity: Sparsity, o: Float64, eps: float, s: Float64 | None = None) -> Float64:
    """p = -S dP/do, whatever S is: -weight sign(o), or weight (rho - c) / (c (1 - c))  (44).

    Parameters
    ----------
    sparsity : Sparsity
        Kind, weight and target.
    o : array, (n, H)
        Outputs of its layer for the rows of a batch.
    eps : float
        Clipping distance.
    s : array, (n,), optional
        Weights of the rows: of their mean alone, the pull itself carries none.

    Returns
    -------
    array, (n, H)
    """
    if sparsity.kind == "l1":
        return np.asarray(-sparsity.weight * np.sign(o))
    c = clip(mean_outputs(o, s), eps)
    return np.broadcast_to(sparsity.weight * (sparsity.target - c) / (c * (1.0 - c)), o.shape)
