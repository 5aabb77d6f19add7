# SPDX-License-Identifier: BSD-3-Clause
"""Bounds on norms and averages of weights: (G1) to (G6) in docs/reference/regularisation.md.

Vectors are float64, in the order of w.
"""

from __future__ import annotations

import numpy as np

from deltarule.oracle.activations import Float64


def gradient_norm(g: Float64) -> float:
    """The Euclidean norm of all of the gradient  (G1)."""
    return float(np.sqrt(np.sum(g * g)))


def clip_norm(g: Float64, most: float) -> Float64:
    """g min(1, most / |g|)  (G2)."""
    norm = gradient_norm(g)
    return g if norm <= most else g * (most / norm)


def max_norm(W: Float64, most: float) -> Float64:
    """Each row of W, (H_{k+1}, H_k + 1), scaled to a norm <= most; biases stay  (G3), (G4)."""
    norms = np.sqrt(np.sum(W[:, :-1] ** 2, axis=1, keepdims=True))
    beyond = norms > most
    factor = np.where(beyond, most / np.where(beyond, norms, 1.0), 1.0)
    return np.hstack([W[:, :-1] * factor, W[:, -1:]])


def average(a: Float64, w: Float64, share: float) -> Float64:
    """a + share (w - a)  (G5), (G6)."""
    return a + share * (w - a)
