# SPDX-License-Identifier: BSD-3-Clause
"""Bounds on norms and averages of weights: (G1) to (G6) in docs/reference/regularisation.md.

Vectors are float64, in the order of w.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from deltarule.oracle.activations import Float64


def gradient_norm(dW: Sequence[Float64]) -> float:
    """The Euclidean norm of all of the gradient, dW[k] layer by layer  (G1)."""
    return float(np.sqrt(sum(np.sum(dW_k * dW_k) for dW_k in dW)))


def clip_norm(dW: Sequence[Float64], most: float) -> Float64:
    """g min(1, most / |g|), (n_weights,); NaN where |g| is not finite  (G2)."""
    g = np.concatenate([dW_k.ravel() for dW_k in dW])
    norm = gradient_norm(dW)
    return g if norm <= most else g * (most / norm + (norm - norm))


def max_norm(W: Float64, most: float) -> Float64:
    """Each row of W, (H_{k+1}, H_k + 1), scaled to a norm <= most; biases stay  (G3), (G4).

    NaN where a row's norm is not finite.
    """
    with np.errstate(over="ignore"):
        norms = np.sqrt(np.sum(W[:, :-1] ** 2, axis=1, keepdims=True))
    beyond = norms > most
    factor = np.where(beyond, most / np.where(beyond, norms, 1.0), 1.0)
    factor[np.isinf(norms)] = np.nan
    return np.hstack([W[:, :-1] * factor, W[:, -1:]])


def average(a: Float64, w: Float64, share: float) -> Float64:
    """a + share (w - a)  (G5), (G6)."""
    return a + share * (w - a)
