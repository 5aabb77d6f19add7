# SPDX-License-Identifier: BSD-3-Clause
"""When a fit is over, as scikit-learn counts: after each epoch its attributes are brought up."""

from __future__ import annotations

from typing import Any

import numpy as np

from deltarule.stops import Stop
from deltarule.training_loop import Run

SLOWEST = 1e-6  # a learning rate that "adaptive" divides no further


class Bookkeeping(Stop):
    """Losses, scores and counts of an estimator; ends its fit when they no longer improve.

    Parameters
    ----------
    estimator : BaseMLP
        Whose attributes are kept.
    n : int
        Rows that train.
    judged : bool
        Whether there are validation rows.
    """

    reason = "tol"
    seldom = False

    def __init__(self, estimator: Any, n: int, judged: bool) -> None:
        self.est, self.n, self.judged = estimator, n, judged
        self.over = False

    def resume(self) -> None:
        """Whether the fit that goes on was over already."""
        est, steps = self.est, self.est._optimizer
        slow = steps.form != "adaptive" or steps.learning_rate <= SLOWEST
        self.over = slow and est._no_improvement_count > est.n_iter_no_change

    def holds(self, run: Run) -> bool:
        """Whether nothing has improved for too long."""
        return self.over

    def look(self, run: Run) -> None:
        """Take note of the last epoch."""
        est = self.est
        est.n_iter_ = run.epoch
        est.loss_ = np.float64(run.history.loss[-1])
        est.t_ += self.n
        est.loss_curve_.append(float(est.loss_))
        if est.verbose:
            print(f"Iteration {est.n_iter_}, loss = {est.loss_:.8f}")
        if self.judged:
            self._note_score(run)
        if not est.early_stopping:
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
        est.validation_loss_curve_.append(run.history.validation_loss[-1])
        if est.verbose:
            print(f"Validation score: {score:f}")
        if est.early_stopping:
            waits = score < est.best_validation_score_ + est.tol
            est._no_improvement_count = est._no_improvement_count + 1 if waits else 0
        if score > est.best_validation_score_:
            est.best_validation_score_ = score
            if est.early_stopping:
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
