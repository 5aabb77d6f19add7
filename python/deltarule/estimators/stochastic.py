# SPDX-License-Identifier: BSD-3-Clause
"""Fitting in steps: scikit-learn's rules for the core's trainer and its loop over epochs."""

from __future__ import annotations

import sys
import warnings
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from deltarule import callbacks
from deltarule.estimators.checkpoints import keeper_of
from deltarule.estimators.convergence import Bookkeeping
from deltarule.estimators.judging import Judge
from deltarule.estimators.losses import Stated
from deltarule.estimators.network import Net
from deltarule.estimators.rows import Shuffled
from deltarule.estimators.steps import Steps
from deltarule.estimators.threads import allowed
from deltarule.stops import Asked, Budget, LastEpoch, Stop
from deltarule.training_loop import Run

DIVERGED = (
    "Solver produced non-finite parameter weights. The input data may contain large values and "
    "need to be preprocessed."
)


def fit(estimator: Any, net: Net, data: Any, held_out: Any, incremental: bool) -> None:
    """Train the estimator's network: `max_iter` epochs at most, or one if `incremental`."""
    est = estimator
    if est.early_stopping and incremental and held_out is None:
        raise ValueError("partial_fit does not support early_stopping=True")
    keeper = keeper_of(est, data, incremental)
    if est.early_stopping and held_out is None:
        data, held_out = _split(est, data, keeper)
    n, threads = data.X.shape[0], allowed(est.n_jobs)
    size = _batch_size(est, n)
    kept = incremental or (est.keep_optimizer and est.warm_start)
    if not kept or getattr(est, "_optimizer", None) is None:
        est._optimizer = Steps(est)
    elif not incremental:
        est._optimizer = est._optimizer.asked(est)
    trainer = est._optimizer.trainer(est, net.mlp, size, threads)
    rows = Shuffled(
        data.X, data.Y, data.sample_weight, est._random_state if est.shuffle else None,
        Stated(est, data.Y, data.sample_weight, trainer.batch_size or n), threads,
    )  # fmt: skip
    if held_out is not None and est.validation_scores_ is None:
        est.validation_scores_, est.best_validation_score_ = [], -np.inf
    if held_out is not None and est.validation_loss_curve_ is None:
        est.validation_loss_curve_ = []
    books = Bookkeeping(est, n, held_out is not None)
    stops: list[Stop] = [books, Asked(), LastEpoch()]
    if est.max_seconds is not None:
        stops.insert(2, Budget(float(est.max_seconds)))
    if keeper is not None:
        keeper.rows, keeper.books = rows, books
    run = Run(
        net.mlp, trainer, rows, 1 if incremental else est.max_iter,
        judges=[] if held_out is None else [Judge(est, net, rows, held_out)],
        stops=stops, callbacks=_callers(est, rows, data), checkpoint=keeper,
    )  # fmt: skip
    est.n_iter_ = 0
    try:
        run.go()
    except KeyboardInterrupt:
        warn("Training interrupted by user.")
    finally:
        est._begun = rows.begun
        net.show(est)
    over = est.early_stopping and (books.over or not incremental)
    if over and est._best_w is not None:
        net.take(est, est._best_w)
    elif rows.diverged:
        raise ValueError(DIVERGED)
    if run.history.stopped_by == "epochs" and not incremental:
        warn(
            f"Stochastic Optimizer: Maximum iterations ({est.max_iter}) reached and the "
            "optimization hasn't converged yet.", ConvergenceWarning,
        )  # fmt: skip


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the user's line in the name of scikit-learn's module, which filters may know."""
    frame = sys._getframe(1)
    while frame.f_back and frame.f_globals["__name__"].partition(".")[0] in (
        "deltarule",
        "sklearn",
    ):
        frame = frame.f_back
    warnings.warn_explicit(
        message, category, frame.f_code.co_filename, frame.f_lineno,
        "sklearn.neural_network._multilayer_perceptron",
        frame.f_globals.setdefault("__warningregistry__", {}),
    )  # fmt: skip


def _callers(est: Any, rows: Shuffled, data: Any) -> list[Any]:
    found = list(callbacks.base.checked(est.callbacks))
    if est._callback_bridge is not None:
        found.append(est._callback_bridge.steps(rows, data))
    if est.progress:
        found.append(callbacks.Progress(True))
    return found


def _split(est: Any, data: Any, keeper: Any) -> tuple[Any, Any]:
    """The rows that train and those that judge, as scikit-learn draws them."""
    kept, out = train_test_split(
        np.arange(data.X.shape[0]), random_state=est._random_state,
        test_size=est.validation_fraction, stratify=data.stratify,
    )  # fmt: skip
    if keeper is not None:
        kept, out = keeper.split(kept, out)
    if len(out) < 2:
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' or the size of your "
            "dataset."
        )
    kept, out = data.taken(kept), data.taken(out)
    if out.sample_weight is not None and not out.sample_weight.any():
        raise ValueError("Sample weights must contain at least one non-zero number.")
    return kept, out


def _batch_size(est: Any, n: int) -> int:
    if est.batch_size == "auto":
        return min(200, n)
    if est.batch_size > n:
        warn("Got `batch_size` less than 1 or larger than sample size. It is going to be clipped")
    return min(int(est.batch_size), n)
