# SPDX-License-Identifier: BSD-3-Clause
"""Fitting in steps: scikit-learn's rules for the core's trainer and its loop over epochs."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from deltarule.estimators.convergence import Bookkeeping, judge_of
from deltarule.estimators.losses import Stated
from deltarule.estimators.network import Net
from deltarule.estimators.rows import Shuffled
from deltarule.estimators.steps import Steps
from deltarule.estimators.threads import allowed
from deltarule.stops import Asked, LastEpoch
from deltarule.training_loop import Run

DIVERGED = (
    "Solver produced non-finite parameter weights. The input data may contain large values and "
    "need to be preprocessed."
)


def fit(estimator: Any, net: Net, data: Any, incremental: bool) -> None:
    """Train the estimator's network: `max_iter` epochs at most, or one if `incremental`."""
    est = estimator
    if est.early_stopping and incremental:
        raise ValueError("partial_fit does not support early_stopping=True")
    n = data.X.shape[0]
    training, judging = data, None
    if est.early_stopping:
        kept, out = _split(est, n, data.stratify)
        training = _taken(data, kept)
        judging = _taken(data, out)
        n = len(kept)
    size = _batch_size(est, n)
    if not incremental or getattr(est, "_optimizer", None) is None:
        est._optimizer = Steps.of(est)
    trainer = est._optimizer.trainer(net.mlp, size, allowed(None))
    rows = Shuffled(
        training.X, training.Y, training.sample_weight,
        est._random_state if est.shuffle else None,
        Stated(est, training.Y, training.sample_weight, size),
    )  # fmt: skip
    books = Bookkeeping(est, n)
    epochs = 1 if incremental else est.max_iter
    run = Run(
        net.mlp, trainer, rows, epochs,
        judges=[] if judging is None else [judge_of(est, rows, judging)],
        stops=[books, Asked(), LastEpoch()],
    )  # fmt: skip
    est.n_iter_ = 0
    try:
        run.go()
    except KeyboardInterrupt:
        warnings.warn("Training interrupted by user.", stacklevel=3)
    if est.early_stopping:
        if est._best_w is not None:
            net.mlp.w = est._best_w
    elif rows.diverged:
        raise ValueError(DIVERGED)
    net.show(est)
    if run.history.stopped_by == "epochs" and not incremental:
        warnings.warn(
            f"Stochastic Optimizer: Maximum iterations ({est.max_iter}) reached and the "
            "optimization hasn't converged yet.", ConvergenceWarning, stacklevel=3,
        )  # fmt: skip


def _split(est: Any, n: int, stratify: Any) -> tuple[Any, Any]:
    """Which rows train and which judge, as scikit-learn draws them."""
    kept, out = train_test_split(
        np.arange(n), random_state=est._random_state, test_size=est.validation_fraction,
        stratify=stratify,
    )  # fmt: skip
    if len(out) < 2:
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' or the size of your "
            "dataset."
        )
    return kept, out


def _taken(data: Any, rows: Any) -> Any:
    s = data.sample_weight
    return data._replace(
        X=data.X[rows], Y=data.Y[rows], sample_weight=None if s is None else s[rows]
    )


def _batch_size(est: Any, n: int) -> int:
    if est.batch_size == "auto":
        return min(200, n)
    if est.batch_size > n:
        warnings.warn(
            "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped",
            stacklevel=4,
        )
    return min(int(est.batch_size), n)
