# SPDX-License-Identifier: BSD-3-Clause
"""The weights of the best epoch so far, kept in memory or in a file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from deltarule import _validate
from deltarule.callbacks.base import Callback
from deltarule.entries import last_score, scores
from deltarule.metrics import greater_is_better as known
from deltarule.results import Array
from deltarule.stops import gains

if TYPE_CHECKING:
    from deltarule.training_loop import Run


class BestWeights(Callback):
    """Keeps the weights of the epoch with the best score: the first of equal ones.

    Of a training that is resumed, the weights before are those in the file, if there is one, and
    scores and epochs those of the history; else what is kept is the best of the part after.

    Parameters
    ----------
    metric : str
        "loss": of the validation data, or, where there are none, the training's. Or one of the
        names of `fit(metrics=...)`.
    greater_is_better : bool, optional
        None: known of the metrics that have names.
    path : str, bytes or path, optional
        A model file that is written at every gain, as `MLP.save` writes it.
    restore : bool
        Whether the network has the best weights in the end, if no exception ends the training.

    Attributes
    ----------
    w : array, (n_weights,), or None
        The best weights.
    score, epoch : float, int, or None
        Theirs.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; after the first epoch, if the history has no such metric; as a
        training is resumed, if the file holds another network.
    """

    def __init__(
        self, metric: str = "loss", greater_is_better: bool | None = None,
        path: str | bytes | os.PathLike[Any] | None = None, restore: bool = False,
    ) -> None:  # fmt: skip
        if not isinstance(metric, str):
            raise TypeError(f"metric: {metric!r} of type {type(metric).__name__}; expected a name")
        self.metric, self.greater_is_better = metric, known(metric, greater_is_better)
        self.path = None if path is None else os.fspath(path)
        self.restore = _validate.flag("restore", restore)
        self.w: Array | None = None
        self.score: float | None = None
        self.epoch: int | None = None

    def on_fit_begin(self, run: Run) -> None:
        """Find out what a training that is resumed had as its best, if its file is there."""
        if not run.epoch or self.score is not None:
            return
        if self.path is None or not os.path.exists(self.path):
            return
        from deltarule.files import load  # an import costs some ms

        w = load(self.path).w
        if w.shape != run.mlp.w.shape:
            raise ValueError(
                f"path: {self.path!r} holds {w.size} weights; expected {run.mlp.w.size}, of the "
                "training that is resumed"
            )
        self.w = w
        for epoch, score in enumerate(scores(run.history, self.metric), 1):
            if gains(score, self.score, self.greater_is_better):
                self.score, self.epoch = score, epoch

    def on_epoch_end(self, run: Run) -> None:
        """Keep the weights if they are the best."""
        score = last_score(run.history, self.metric)
        if not gains(score, self.score, self.greater_is_better):
            return
        self.w, self.score, self.epoch = run.mlp.w.copy(), score, run.epoch
        if self.path is not None:
            run.mlp.save(self.path)

    def on_fit_end(self, run: Run) -> None:
        """Restore them, if that is wanted."""
        if self.restore and self.w is not None and run.history.stopped_by is not None:
            run.mlp.w = self.w
