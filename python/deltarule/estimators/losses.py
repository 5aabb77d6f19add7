# SPDX-License-Identifier: BSD-3-Clause
"""The losses that scikit-learn states beside those that the core trains on."""

from __future__ import annotations

from math import inf, log
from typing import Any

import numpy as np
from scipy.special import xlogy

from deltarule.architecture import Architecture
from deltarule.results import Array


def divisor(estimator: Any) -> int:
    """By what the data's part of a stated loss is divided: the outputs, for squared errors."""
    return int(estimator.n_outputs_) if estimator.loss == "squared_error" else 1


def limit_of(net: Architecture) -> float:
    """-log(eps), the most that a row's "log_loss" counts: scikit-learn clips probabilities to eps.

    Gradients know nothing of it, theirs and ours. Of several labels a row, each of which is clipped
    there, none is here.
    """
    clipped = net.loss == "cross_entropy" or (
        net.loss == "binary_cross_entropy" and net.n_outputs == 1
    )
    return -log(np.finfo(net.dtype).eps) if clipped else inf


def constants(estimator: Any, Y: Array) -> Array | None:
    """What a row's stated loss has besides: the terms of y alone, (n,), of "poisson"."""
    if estimator.loss != "poisson":
        return None
    y = Y.reshape(len(Y), -1).astype(np.float64)
    return np.asarray((xlogy(y, y) - y).sum(axis=1))


def penalty_of(mlp: Any, S: float) -> float:
    """l2 / 2 |W|^2 / S, without biases, at the weights as they are."""
    net = mlp.architecture
    if not net.l2 or not S:
        return 0.0
    squares = sum(float(np.vdot(W[:, :-1], W[:, :-1])) for W in net.views(mlp.w))
    return float(0.5 * net.l2 * squares / S)


class Stated:
    """From an epoch's steps to the loss that scikit-learn states.

    The mean over batches of (sum_i s_i L_i / S) / divisor + gamma / S, weighted by their rows.

    Parameters
    ----------
    estimator : BaseMLP
        Its loss.
    Y, sample_weight : array
        Of the rows that train.
    batch_size : int
        Rows in a batch.
    """

    def __init__(
        self, estimator: Any, Y: Array, sample_weight: Array | None, batch_size: int
    ) -> None:
        n = len(Y)
        self.starts = np.arange(0, n, batch_size)
        self.rows = np.diff(self.starts, append=n)
        self.divisor, self.s = divisor(estimator), sample_weight
        self.constants = constants(estimator, Y)

    def __call__(self, order: Array, steps: Array) -> float:
        """Return it of these rows and their steps' (loss, penalty), (n_steps, 2)."""
        if self.s is not None:
            steps = np.nan_to_num(steps)  # nan: a batch without weight
        stated, penalty = steps.T
        if self.divisor > 1:
            stated = (stated - penalty) / self.divisor + penalty
        if self.constants is not None:
            c, S = self.constants[order], self.rows
            if self.s is not None:
                s = self.s[order]
                c, S = c * s, np.add.reduceat(s, self.starts)
            stated = stated + np.add.reduceat(c, self.starts) / np.where(S > 0, S, 1)
        return float(stated @ self.rows / self.rows.sum())
