# SPDX-License-Identifier: BSD-3-Clause
"""The updates, equations (29) to (31): plain functions that return the new vectors.

w, the gradient g and the slots v and m are float64, (n_weights,).
"""

from __future__ import annotations

import numpy as np

from deltarule.oracle.activations import Float64
from deltarule.oracle.limits import average as average
from deltarule.oracle.limits import clip_norm as clip_norm
from deltarule.oracle.limits import max_norm as max_norm


def clipped(g: Float64, most: float) -> Float64:
    """Every element of g brought into [-most, most]."""
    return np.clip(g, -most, most)


def decayed(W: Float64, share: float) -> Float64:
    """W - share W, (out, in + 1), the bias column left as it is."""
    kept = W.copy()
    kept[:, :-1] -= share * W[:, :-1]
    return kept


def sgd(w: Float64, g: Float64, eta: float) -> Float64:
    """w <- w - eta g  (29)."""
    return w - eta * g


def momentum(w: Float64, g: Float64, v: Float64, eta: float, mu: float) -> tuple[Float64, Float64]:
    """v <- mu v + g,  w <- w - eta v  (30); returns w, v."""
    v = mu * v + g
    return w - eta * v, v


def adam(
    w: Float64,
    g: Float64,
    m: Float64,
    v: Float64,
    eta: float,
    beta_1: float,
    beta_2: float,
    eps: float,
    beta_1_power: float,
    beta_2_power: float,
) -> tuple[Float64, Float64, Float64]:
    """w <- w - eta m_hat / (sqrt(v_hat) + eps)  (31); returns w, m, v.

    m <- beta_1 m + (1 - beta_1) g,    m_hat = m / (1 - beta_1^t)
    v <- beta_2 v + (1 - beta_2) g^2,  v_hat = v / (1 - beta_2^t)

    Parameters
    ----------
    w, g, m, v : array, (n_weights,)
        Weights, gradient, running means of g and of g^2.
    eta, beta_1, beta_2, eps : float
        As in `deltarule.Adam`.
    beta_1_power, beta_2_power : float
        beta^t of this step t = 1, 2, ..: running float64 products.

    Returns
    -------
    w, m, v : array, (n_weights,)
    """
    m = beta_1 * m + (1.0 - beta_1) * g
    v = beta_2 * v + (1.0 - beta_2) * g * g
    m_hat = m / (1.0 - beta_1_power)
    v_hat = v / (1.0 - beta_2_power)
    return w - eta * m_hat / (np.sqrt(v_hat) + eps), m, v
