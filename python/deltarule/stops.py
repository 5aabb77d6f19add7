# SPDX-License-Identifier: BSD-3-Clause
"""The rules that end a training, at work: each is shown every epoch and asked before the next."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from deltarule.entries import last_score
from deltarule.results import Array
from deltarule.stopping import EarlyStopping

if TYPE_CHECKING:
    from deltarule.training_loop import Run


class Stop(ABC):
    """A rule that may end a training between epochs."""

    reason = ""  # what `History.stopped_by` says
    name = ""  # of its state in a checkpoint
    kept: ClassVar[Mapping[str, str]] = {}  # what that state has: "count", "number", "text", ...
    seldom = True  # whether it may be asked after several epochs

    def look(self, run: Run) -> None:  # noqa: B027  # most have nothing to note
        """Take note of an epoch that is in the history."""

    @abstractmethod
    def holds(self, run: Run) -> bool:
        """Whether to go no further."""

    @property
    def state(self) -> dict[str, Any]:
        """What a resumed training must be told: numbers and arrays."""
        return {}

    @state.setter
    def state(self, state: dict[str, Any]) -> None:
        del state  # most remember nothing


def gains(value: float, best: float | None, greater: bool, by: float = 0.0) -> bool:
    """Whether a score is better by more than `by`; nan never is, any number beats none."""
    if math.isnan(value) or best is None:
        return not math.isnan(value)
    return value - best > by if greater else best - value > by


class SmallChange(Stop):
    """|f(w_t) - f(w_{t-1})| <= epsilon, f being the epoch's loss."""

    reason = "stop_tol"

    def __init__(self, tolerance: float) -> None:
        self.tolerance = tolerance

    def holds(self, run: Run) -> bool:
        """Whether the last two losses differ by no more."""
        return run.history.change() <= self.tolerance


class NoImprovement(Stop):
    """What `EarlyStopping` declares, at work: the best so far, and how long ago."""

    reason = name = "early_stopping"
    kept: ClassVar[Mapping[str, str]] = {
        "best": "number", "best_epoch": "count", "best_w": "weights", "mark": "number",
        "wait": "count",
    }  # fmt: skip
    seldom = False

    def __init__(self, rule: EarlyStopping) -> None:
        self.rule = rule
        self.best: float | None = None
        self.best_epoch: int | None = None
        self.best_w: Array | None = None
        self._mark: float | None = None  # the score that the last improvement left
        self._wait = 0

    def look(self, run: Run) -> None:
        """Compare the last epoch's score, and keep its weights if they are the best."""
        value = last_score(run.history, self.rule.name)
        if self._gains(value, self._mark, self.rule.min_improvement):
            self._mark, self._wait = value, 0
        else:
            self._wait += 1
        ties = self.rule.restore == "last_best" and value == self.best
        if ties or self._gains(value, self.best, 0.0):
            self.best, self.best_epoch = value, run.epoch
            if self.rule.restore is not None:
                self.best_w = run.mlp._snapshot()
        run.history.best_epoch = self.best_epoch

    def holds(self, run: Run) -> bool:
        """Whether patience is at its end."""
        return self._wait >= self.rule.patience

    def restore(self, run: Run) -> None:
        """Give the network its best weights, if they are wanted and there are any."""
        if self.best_w is not None:
            run.mlp.w = self.best_w

    @property
    def state(self) -> dict[str, Any]:
        """Best score, epoch and weights, and the wait."""
        return {
            "best": self.best, "best_epoch": self.best_epoch, "best_w": self.best_w,
            "mark": self._mark, "wait": self._wait,
        }  # fmt: skip

    @state.setter
    def state(self, state: dict[str, Any]) -> None:
        self.best, self.best_epoch = state["best"], state["best_epoch"]
        self.best_w, self._mark, self._wait = state["best_w"], state["mark"], state["wait"]

    def _gains(self, value: float, best: float | None, by: float) -> bool:
        return gains(value, best, bool(self.rule.greater_is_better), by)


class Asked(Stop):
    """`run.stop(reason)` was called: no further epoch, also when the training is resumed.

    Only one that is resumed with more epochs than it had then goes on.
    """

    name = "asked"
    kept: ClassVar[Mapping[str, str]] = {"reason": "text", "epochs": "count"}

    def __init__(self) -> None:
        self.reason, self._epochs = "", 0

    def ask(self, run: Run, reason: str) -> None:
        """Take the reason of the first who asked."""
        if not self.holds(run):
            self.reason, self._epochs = reason, run.epochs

    def holds(self, run: Run) -> bool:
        """Whether it was."""
        return bool(self.reason) and run.epochs <= self._epochs

    @property
    def state(self) -> dict[str, Any]:
        """The reason, and how many epochs there might have been; nothing while nobody asked."""
        return {"reason": self.reason, "epochs": self._epochs} if self.reason else {}

    @state.setter
    def state(self, state: dict[str, Any]) -> None:
        self.reason, self._epochs = state["reason"], state["epochs"]


class Budget(Stop):
    """So many seconds since the training began are over; those before a resumption count.

    One epoch there is in any case: without any, weights that were never trained would come out.
    """

    reason = "max_seconds"

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def holds(self, run: Run) -> bool:
        """Whether they are."""
        return run.epoch > 0 and run.seconds >= self.seconds


class LastEpoch(Stop):
    """As many epochs as were asked for."""

    reason = "epochs"

    def holds(self, run: Run) -> bool:
        """Whether they are finished."""
        return run.epoch >= run.epochs
