# SPDX-License-Identifier: BSD-3-Clause
"""A number that falls where the loss does not."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np

from deltarule._arguments import choice, integer
from deltarule.schedules.base import Clock, Float64, Schedule


@dataclass(frozen=True)
class Plateau(Schedule):
    """max(factor value, lowest) after more than `patience` epochs in a row without a gain  (S10).

    An epoch gains if its loss is below best - tolerance |best| (`relative`) or best - tolerance;
    best is the loss of the last epoch that gained.

    Parameters
    ----------
    start : float
        Until the first fall; >= 0.
    factor : float
        0 < factor < 1.
    patience : int
        Epochs without a gain that are let pass, >= 0.
    tolerance : float
        At least 0.
    relative : bool
        Whether the tolerance is a share of the best loss.
    cooldown : int
        Epochs after a fall that do not count, >= 0.
    lowest : float
        It never falls below; >= 0.
    watch : str
        "loss", the epoch's own, or "validation_loss": `fit` takes it of its validation data, and
        without `fit` `Trainer.observe` is to be told.
    every_gain : bool
        scikit-learn's rule: best is the lowest loss so far, though it may be lower by less than the
        tolerance; and an epoch gains whose loss is just at the bound.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of its range.
    """

    start: float
    factor: float = 0.1
    patience: int = 10
    tolerance: float = 1e-4
    relative: bool = True
    cooldown: int = 0
    lowest: float = 0.0
    watch: str = "loss"
    every_gain: bool = False

    def __post_init__(self) -> None:
        self._judge_heights("start", "tolerance", "lowest")
        self._judge("factor", lambda v: 0 < v < 1, "a number > 0 and < 1")
        for name in ("patience", "cooldown"):
            object.__setattr__(self, name, integer(name, getattr(self, name), 0))
        for name in ("relative", "every_gain"):
            value = getattr(self, name)
            if not isinstance(value, bool | np.bool_):
                raise TypeError(f"{name}: {value!r}; expected True or False")
            object.__setattr__(self, name, bool(value))
        object.__setattr__(self, "watch", choice("watch", self.watch, ("loss", "validation_loss")))

    @classmethod
    def adaptive(
        cls,
        start: float,
        tolerance: float = 1e-4,
        patience: int = 10,
        watch: str = "loss",
    ) -> Plateau:
        """Return scikit-learn's learning_rate="adaptive" of its MLP: a fifth of it each time.

        Parameters
        ----------
        start : float
            `learning_rate_init`.
        tolerance, patience : float, int
            `tol`, `n_iter_no_change`. (`SGDClassifier` falls one epoch earlier: patience - 1.)
        watch : str
            As the class takes it; scikit-learn's early stopping watches a score instead.

        Returns
        -------
        Plateau

        Raises
        ------
        TypeError, ValueError
            As the class does.

        Notes
        -----
        scikit-learn stops the training where the rate would fall from 1e-6 or less.
        """
        return cls(start, 0.2, patience, tolerance, relative=False, watch=watch, every_gain=True)

    def value(self, t: Float64) -> Float64:
        """Return its values at the times t while it was told nothing: start."""
        return np.full_like(t, self.start)

    @property
    def of_time(self) -> bool:
        """No: it depends on what it was told."""
        return False

    @property
    def watches(self) -> str | None:
        """What it must be told after each epoch."""
        return self.watch

    def begin(self) -> dict[str, float]:
        """Return what it remembers before the first epoch."""
        return {"value": self.start, "best": inf, "bad": 0, "rest": 0, "told": 0}

    def told(self, memory: dict[str, float], loss: float) -> dict[str, float]:
        """Return what it remembers once it was told an epoch's loss."""
        value, best, bad, rest, count = (
            memory[name] for name in ("value", "best", "bad", "rest", "told")
        )
        bound = best - self.tolerance * (abs(best) if self.relative and best < inf else 1)
        gains = loss <= bound if self.every_gain else loss < bound
        if gains or (self.every_gain and loss < best):
            best = loss
        bad = 0 if gains else bad + 1
        if rest > 0:
            rest, bad = rest - 1, 0
        if bad > self.patience:
            value, rest, bad = max(self.factor * value, self.lowest), self.cooldown, 0
        return {"value": value, "best": best, "bad": bad, "rest": rest, "told": count + 1}

    def of_steps(self, t: Float64, clock: Clock, memory: Any) -> Float64:
        """Return one number for each step of the epoch that begins: the same."""
        if memory["told"] < clock.epoch:
            raise ValueError(
                f"{clock.name}: told {memory['told']} validation losses after {clock.epoch} "
                f"epochs; expected Trainer.observe(validation_loss) after each, for {self!r}"
            )
        return np.full_like(t, memory["value"])
