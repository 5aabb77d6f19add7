# SPDX-License-Identifier: BSD-3-Clause
"""The updates, (29) to (31) and (O1) to (O12): plain functions that return the new vectors.

w, the gradient g and the slots v and m are float64, (n_weights,).
"""

from __future__ import annotations

import math

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


def nesterov(
    w: Float64, g: Float64, v: Float64, eta: float, mu: float, eta_in_velocity: bool = False
) -> tuple[Float64, Float64]:
    """v <- mu v + g,  w <- w - eta (mu v + g)  (O1); returns w, v.

    With eta in v: v <- mu v + eta g,  w <- w - (mu v + eta g).
    """
    if eta_in_velocity:
        v = mu * v + eta * g
        return w - (mu * v + eta * g), v
    v = mu * v + g
    return w - eta * (mu * v + g), v


def velocity(w: Float64, g: Float64, v: Float64, eta: float, mu: float) -> tuple[Float64, Float64]:
    """v <- mu v + eta g,  w <- w - v  (O2); returns w, v."""
    v = mu * v + eta * g
    return w - v, v


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
    eps_inside: bool = False,
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
    eps_inside : bool
        Whether eps is added to sqrt(v), before the correction  (O3).

    Returns
    -------
    w, m, v : array, (n_weights,)
    """
    m = beta_1 * m + (1.0 - beta_1) * g
    v = beta_2 * v + (1.0 - beta_2) * g * g
    return w - eta * _adam_step(m, v, eps, beta_1_power, beta_2_power, eps_inside), m, v


def amsgrad(
    w: Float64,
    g: Float64,
    m: Float64,
    v: Float64,
    h: Float64,
    eta: float,
    beta_1: float,
    beta_2: float,
    eps: float,
    beta_1_power: float,
    beta_2_power: float,
    eps_inside: bool = False,
) -> tuple[Float64, Float64, Float64, Float64]:
    """Adam with h <- max(h, v) under the root  (O4); returns w, m, v, h."""
    m = beta_1 * m + (1.0 - beta_1) * g
    v = beta_2 * v + (1.0 - beta_2) * g * g
    h = np.maximum(h, v)
    return w - eta * _adam_step(m, h, eps, beta_1_power, beta_2_power, eps_inside), m, v, h


def _adam_step(
    m: Float64,
    v: Float64,
    eps: float,
    beta_1_power: float,
    beta_2_power: float,
    eps_inside: bool,
) -> Float64:
    m_hat = m / (1.0 - beta_1_power)
    if eps_inside:
        return m_hat * math.sqrt(1.0 - beta_2_power) / (np.sqrt(v) + eps)
    return m_hat / (np.sqrt(v / (1.0 - beta_2_power)) + eps)


def nadam(
    w: Float64,
    g: Float64,
    m: Float64,
    v: Float64,
    eta: float,
    beta_1: float,
    beta_2: float,
    eps: float,
    beta_2_power: float,
    mu: float,
    mu_next: float,
    mu_product: float,
) -> tuple[Float64, Float64, Float64]:
    """w <- w - eta (mu' m / (1 - P mu') + (1 - mu) g / (1 - P)) / (sqrt(v_hat) + eps)  (O5).

    mu and mu' are those of this step and the next, P the product of all mu up to this step; m and v
    as in Adam. Returns w, m, v.
    """
    m = beta_1 * m + (1.0 - beta_1) * g
    v = beta_2 * v + (1.0 - beta_2) * g * g
    ahead = mu_next * m / (1.0 - mu_product * mu_next) + (1.0 - mu) * g / (1.0 - mu_product)
    return w - eta * ahead / (np.sqrt(v / (1.0 - beta_2_power)) + eps), m, v


def adagrad(w: Float64, g: Float64, q: Float64, eta: float, eps: float) -> tuple[Float64, Float64]:
    """q <- q + g^2,  w <- w - eta g / (sqrt(q) + eps)  (O6); returns w, q."""
    q = q + g * g
    return w - eta * g / (np.sqrt(q) + eps), q


def rmsprop(
    w: Float64, g: Float64, v: Float64, eta: float, beta: float, eps: float
) -> tuple[Float64, Float64]:
    """v <- beta v + (1 - beta) g^2,  w <- w - eta g / (sqrt(v) + eps)  (O7); returns w, v."""
    v = beta * v + (1.0 - beta) * g * g
    return w - eta * g / (np.sqrt(v) + eps), v


def rmsprop_momentum(
    w: Float64, g: Float64, v: Float64, b: Float64, eta: float, beta: float, eps: float, mu: float
) -> tuple[Float64, Float64, Float64]:
    """b <- mu b + g / (sqrt(v) + eps),  w <- w - eta b  (O8), v as in (O7); returns w, v, b."""
    v = beta * v + (1.0 - beta) * g * g
    b = mu * b + g / (np.sqrt(v) + eps)
    return w - eta * b, v, b


def rmsprop_centered(
    w: Float64,
    g: Float64,
    v: Float64,
    b: Float64,
    a: Float64,
    eta: float,
    beta: float,
    eps: float,
    mu: float,
) -> tuple[Float64, Float64, Float64, Float64]:
    """(O8) with max(v - a^2, 0) under the root, a <- beta a + (1 - beta) g  (O9).

    Returns w, v, b, a.
    """
    v = beta * v + (1.0 - beta) * g * g
    a = beta * a + (1.0 - beta) * g
    b = mu * b + g / (np.sqrt(np.maximum(v - a * a, 0.0)) + eps)
    return w - eta * b, v, b, a


def adadelta(
    w: Float64, g: Float64, v: Float64, a: Float64, eta: float, beta: float, eps: float
) -> tuple[Float64, Float64, Float64]:
    """d = sqrt(a + eps) / sqrt(v + eps) g,  w <- w - eta d  (O10); returns w, v, a.

    v <- beta v + (1 - beta) g^2 beforehand, a <- beta a + (1 - beta) d^2 afterwards.
    """
    v = beta * v + (1.0 - beta) * g * g
    d = np.sqrt(a + eps) / np.sqrt(v + eps) * g
    return w - eta * d, v, beta * a + (1.0 - beta) * d * d


def lion(
    w: Float64, g: Float64, m: Float64, eta: float, beta_1: float, beta_2: float
) -> tuple[Float64, Float64]:
    """w <- w - eta sign(beta_1 m + (1 - beta_1) g),  m <- beta_2 m + (1 - beta_2) g  (O11)."""
    direction = np.sign(beta_1 * m + (1.0 - beta_1) * g)
    return w - eta * direction, beta_2 * m + (1.0 - beta_2) * g


def rprop(
    w: Float64,
    g: Float64,
    p: Float64,
    s: Float64,
    shrink: float,
    grow: float,
    least: float,
    most: float,
) -> tuple[Float64, Float64, Float64]:
    """s <- s times grow, 1 or shrink by the sign of g p, w <- w - s sign(p)  (O12).

    s stays in [least, most]; p, the gradient of the step before, becomes g beforehand, or 0 where
    the sign has turned.
    Returns w, p, s.
    """
    turn = np.sign(g) * np.sign(p)
    s = np.clip(s * np.where(turn > 0, grow, np.where(turn < 0, shrink, 1.0)), least, most)
    p = np.where(turn < 0, 0.0, g)
    return w - s * np.sign(p), p, s
