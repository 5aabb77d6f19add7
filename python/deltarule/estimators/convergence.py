# SPDX-License-Identifier: BSD-3-Clause
"""When a fit is over, as scikit-learn counts: after each epoch its attributes are brought up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from deltarule.stops import Stop
from deltarule.training_loop import Run

SLOWEST = 1e-6  # a learning rate that "adaptive" divides no further


def judge_of(estimator: Any, rows: Any, held_out: Any) -> Callable[[Run], dict[str, Any]]:
    """Return the judge of the validation rows: their score at the weights as they are."""

    def judge(run: Run) -> dict[str, Any]:
        if rows.diverged:
            y_hat = np.full((held_out.X.shape[0], estimator.n_outputs_), np.nan)
        else:
            y_hat = estimator._outputs_by(run.mlp, held_out.X)
        score = estimator._score_of(held_out.Y, y_hat, held_out.sample_weight)
        return {"metrics": {"score": score}}

    return judge


class Bookkeeping(Stop):
    """Losses, scores and counts of an estimator; ends its fit when they no longer improve.

    Parameters
    ----------
    estimator : BaseMLP
        Whose attributes are kept.
    n : int
        Rows that train.
    """

    reason = "tol"
    seldom = False

    def __init__(self, estimator: Any, n: int) -> None:
        self.est, self.n = estimator, n
        self.over = False

    def holds(self, run: Run) -> bool:
        """Whether nothing has improved for too long."""
        return self.over

    def look(self, run: Run) -> None:
        """Take note of the last epoch."""
        est = self.est
        est.n_iter_ = run.epoch
        est.loss_ = run.history.loss[-1]
        est.t_ += self.n
        est.loss_curve_.append(est.loss_)
        if est.verbose:
            print(f"Iteration {est.n_iter_}, loss = {est.loss_:.8f}")
        if est.early_stopping:
            self._note_score(run)
        else:
            self._note_loss()
        steps = est._optimizer
        if steps.form == "invscaling":
            steps.learning_rate = est.learning_rate_init / (est.t_ + 1) ** est.power_t
        if est._no_improvement_count > est.n_iter_no_change:
            self._no_better()

    def _note_loss(self) -> None:
        est = self.est
        waits = est.loss_ > est.best_loss_ - est.tol
        est._no_improvement_count = est._no_improvement_count + 1 if waits else 0
        if est.loss_ < est.best_loss_:
            est.best_loss_ = est.loss_

    def _note_score(self, run: Run) -> None:
        est, score = self.est, run.history.metrics["score"][-1]
        est.validation_scores_.append(score)
        if est.verbose:
            print(f"Validation score: {score:f}")
        waits = score < est.best_validation_score_ + est.tol
        est._no_improvement_count = est._no_improvement_count + 1 if waits else 0
        if score > est.best_validation_score_:
            est.best_validation_score_ = score
            est._best_w = run.mlp._snapshot()

    def _no_better(self) -> None:
        est, steps = self.est, self.est._optimizer
        what = "Validation score" if est.early_stopping else "Training loss"
        told = (
            f"{what} did not improve more than tol={est.tol:f} for {est.n_iter_no_change} "
            "consecutive epochs."
        )
        if steps.form != "adaptive":
            self.over, told = True, f"{told} Stopping."
        elif steps.learning_rate <= SLOWEST:
            self.over, told = True, f"{told} Learning rate too small. Stopping."
        else:
            steps.learning_rate /= 5.0
            est._no_improvement_count = 0
            told = f"{told} Setting learning rate to {steps.learning_rate:f}"
        if est.verbose:
            print(told)
