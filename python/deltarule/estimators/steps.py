# SPDX-License-Identifier: BSD-3-Clause
"""Which update rule an estimator's solver is, and the state that it keeps from fit to fit."""

from __future__ import annotations

from typing import Any

import numpy as np

from deltarule.mlp import MLP
from deltarule.optimizers import Rule
from deltarule.optimizers.adam import Adam
from deltarule.optimizers.sgd import SGD
from deltarule.schedules.base import Clock, Float64, Schedule
from deltarule.trainer import Trainer


class Held(Schedule):
    """A learning rate that stands still until it is told another one, between epochs."""

    def __init__(self, now: float) -> None:
        self.now = now

    def value(self, t: Float64) -> Float64:
        """Return it for each time."""
        return np.full_like(t, self.now)

    @property
    def of_time(self) -> bool:
        """It is not: who holds it changes it."""
        return False

    def of_steps(self, t: Float64, clock: Clock, memory: Any) -> Float64:
        """Return it for each step."""
        return self.value(t)


class Steps:
    """Rule and state of an optimizer: numbers and arrays, and a native trainer while it is in use.

    Parameters
    ----------
    rule : Rule
        The update rule.
    form : str
        scikit-learn's `learning_rate`: "constant", "invscaling" or "adaptive".
    """

    def __init__(self, rule: Rule, form: str) -> None:
        self.rule, self.form = rule, form
        self._state: tuple[Any, Any] | None = None
        self._trainer: Trainer | None = None

    @classmethod
    def of(cls, estimator: Any) -> Steps:
        """Return those of an estimator's parameters, before the first step."""
        est = estimator
        eta = float(est.learning_rate_init)
        if est.solver == "adam":
            rule: Rule = Adam(eta, est.beta_1, est.beta_2, est.epsilon, eps_inside=True)
            return cls(rule, "constant")
        form = est.learning_rate
        return cls(
            SGD(
                eta if form == "constant" else Held(eta), est.momentum,
                nesterov=bool(est.nesterovs_momentum), eta_in_velocity=True,
            ),
            form,
        )  # fmt: skip

    @property
    def learning_rate(self) -> float:
        """As it is now."""
        eta: Any = self.rule.eta
        return float(eta.now if isinstance(eta, Held) else eta)

    @learning_rate.setter
    def learning_rate(self, eta: float) -> None:
        assert isinstance(self.rule.eta, Held)
        self.rule.eta.now = eta

    def trainer(self, mlp: MLP, batch_size: int, n_threads: int | None) -> Trainer:
        """Return a trainer of this network that goes on from the state."""
        known, wanted = self._trainer, (batch_size, n_threads)
        if known and known.mlp is mlp and (known.batch_size, known.n_threads) == wanted:
            return known
        self._release()
        self._trainer = Trainer(mlp, self.rule, batch_size, n_threads)
        if self._state is not None:
            self._trainer._set_state(*self._state)
        return self._trainer

    def _release(self) -> None:
        """Give up the native trainer; its state is what remains."""
        if self._trainer is not None:
            self._state = self._trainer.state, self._trainer._moving.state
            self._trainer = None

    def __getstate__(self) -> dict[str, Any]:
        if self._trainer is not None:
            self._state = self._trainer.state, self._trainer._moving.state
        return {**self.__dict__, "_trainer": None}
