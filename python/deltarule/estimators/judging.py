# SPDX-License-Identifier: BSD-3-Clause
"""What validation rows say after each epoch: their loss, and a score of which more is better."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.metrics import get_scorer

from deltarule.estimators.losses import constants, divisor, penalty_of
from deltarule.estimators.network import Net
from deltarule.estimators.rows import blocks
from deltarule.training_loop import Run


class Judge:
    """The judge of a fit's validation rows.

    Parameters
    ----------
    estimator : BaseMLP
        Whose they are.
    net : Net
        Its network.
    rows : Shuffled
        Those that train; whether they diverged.
    held_out : Data
        The rows that judge.
    """

    def __init__(self, estimator: Any, net: Net, rows: Any, held_out: Any) -> None:
        self.est, self.net, self.rows, self.data = estimator, net, rows, held_out
        self.constants = constants(estimator, held_out.Y)
        self.score = self._scorer(estimator.metric)

    def __call__(self, run: Run) -> dict[str, Any]:
        """Return the entries of an epoch."""
        loss = self.loss()
        if run.trainer.watches_validation and np.isfinite(loss):
            run.trainer.observe(loss)
        return {"validation_loss": loss, "metrics": {"score": self.score(loss)}}

    def loss(self) -> float:
        """The loss that is stated of these rows, without the penalty."""
        if self.rows.diverged:
            return float("nan")
        X, Y, s = self.data.X, self.data.Y, self.data.sample_weight
        mlp, total, S = self.net.mlp, 0.0, 0.0
        for part, x in blocks(X):
            weights = None if s is None else s[part]
            here = float(len(x) if weights is None else weights.sum())
            if here:
                L = mlp.loss(x, Y[part], self.rows.n_threads, weights)
                total += here * (L - penalty_of(mlp, here))
                S += here
        if not S:
            return float("nan")
        c = self.constants
        return total / S / divisor(self.est) + (0 if c is None else float(np.average(c, weights=s)))

    def _scorer(self, metric: Any) -> Callable[[float], float]:
        if metric is None and self.est._has_score:
            return self._own_score
        if metric is None or metric == "loss":
            return lambda loss: -loss
        scorer = get_scorer(metric) if isinstance(metric, str) else metric
        s = self.data.sample_weight
        told = s is not None and (self.data.weighted or isinstance(metric, str))
        return lambda _: self._by(scorer, {"sample_weight": s} if told else {})

    def _own_score(self, _: float) -> float:
        data, est = self.data, self.est
        if self.rows.diverged:
            y_hat = np.full((data.X.shape[0], est.n_outputs_), np.nan)
        else:
            y_hat = est._outputs_by(self.net.mlp, data.X)
        return float(est._score_of(data.Y, y_hat, data.sample_weight))

    def _by(self, scorer: Any, weights: dict[str, Any]) -> float:
        """A scorer of scikit-learn's form, on the estimator as if it were fitted by now."""
        if self.rows.diverged:
            return float("nan")
        self.net.show(self.est)
        now = copy.copy(self.est)
        now._net = self.net
        now.__dict__.pop("feature_names_in_", None)  # X is an array here
        X = self.data.X.tocsr() if issparse(self.data.X) else self.data.X
        return float(scorer(now, X, self.data.y, **weights))
