# SPDX-License-Identifier: BSD-3-Clause
"""Which update rule an estimator's solver is, and the state that it keeps from fit to fit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from deltarule import optimizers
from deltarule.dropout import lasting as dropout_lasting
from deltarule.mlp import MLP
from deltarule.optimizers import Rule
from deltarule.schedules.base import Clock, Float64, Schedule, lasting
from deltarule.trainer import Trainer

# The solvers by name, and their rules'.
NAMED = {
    "sgd": "SGD", "adam": "Adam", "adamw": "AdamW", "nadam": "NAdam", "adagrad": "AdaGrad",
    "rmsprop": "RMSProp", "adadelta": "Adadelta", "lion": "Lion", "rprop": "Rprop",
}  # fmt: skip

# Of an estimator's parameters: what a rule is made of.
ASKED = (
    "solver", "learning_rate", "learning_rate_init", "momentum", "nesterovs_momentum", "beta_1",
    "beta_2", "epsilon",
)  # fmt: skip


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
    estimator : BaseMLP
        Whose solver it is.
    """

    def __init__(self, estimator: Any) -> None:
        self.form, self.rule = _rule(estimator)
        self._asked = [getattr(estimator, name) for name in ASKED]
        self._state: tuple[Any, Any] | None = None
        self._seed: int | None = None  # of dropout and noise
        self._trainer: Trainer | None = None
        self._given: tuple[Any, ...] = ()

    def asked(self, estimator: Any) -> Steps:
        """Return these, or where other ones are asked for, those with the state that fits them."""
        if self._asked == [getattr(estimator, name) for name in ASKED]:
            return self
        new = Steps(estimator)
        old, rule = self.rule, new.rule
        if type(old) is type(rule) and old.slots == rule.slots and type(old.eta) is type(rule.eta):
            new._state, new._seed = self.state, self._seed
        return new

    @property
    def learning_rate(self) -> float:
        """As it is now."""
        eta: Any = self.rule.eta
        if isinstance(eta, Schedule) and not isinstance(eta, Held):
            last = None if self._trainer is None else self._trainer.eta
            return float("nan") if last is None else last
        return float(eta.now if isinstance(eta, Held) else eta)

    @learning_rate.setter
    def learning_rate(self, eta: float) -> None:
        if isinstance(self.rule.eta, Held):
            self.rule.eta.now = eta

    def trainer(self, estimator: Any, mlp: MLP, batch_size: int, n_threads: Any) -> Trainer:
        """Return a trainer of this network that goes on from the state."""
        est = estimator
        given = (mlp, batch_size, n_threads, est.dropout, est.noise)
        if self._trainer is not None and _alike(given, self._given):
            return self._trainer
        unpickled = self._trainer is None and self._seed is not None
        self.release()
        if est.dropout is None and est.noise is None:
            self._seed = None
        elif not unpickled:
            self._seed = int(est._random_state.randint(2**31 - 1))
        self._trainer = Trainer(
            mlp, self.rule, None if self.rule.full_batch else batch_size, n_threads,
            seed=self._seed,
            dropout=dropout_lasting(est.dropout, est.max_iter),
            noise=dropout_lasting(est.noise, est.max_iter),
        )  # fmt: skip
        self._given = given
        if self._state is not None:
            self._trainer._set_state(*self._state)
        return self._trainer

    @property
    def state(self) -> Any:
        """The optimizer's and its schedules', or None before there are any."""
        if self._trainer is not None:
            self._state = self._trainer.state, self._trainer._moving.state
        return self._state

    @state.setter
    def state(self, state: Any) -> None:
        self._state = state
        if self._trainer is not None and state is not None:
            self._trainer._set_state(*state)

    def release(self) -> None:
        """Give up the native trainer; its state is what remains."""
        self._state, self._trainer, self._given = self.state, None, ()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_state": self.state, "_trainer": None, "_given": ()}


def _rule(est: Any) -> tuple[str, Rule]:
    """How the learning rate moves between epochs, and the rule."""
    if isinstance(est.solver, Rule):
        return "constant", lasting(est.solver, est.max_iter)
    eta: Any = float(est.learning_rate_init)
    form = "constant"
    if isinstance(est.learning_rate, Schedule):
        eta = est.learning_rate
    elif est.learning_rate != "constant" and est.solver not in ("adam", "rprop"):
        form, eta = est.learning_rate, Held(eta)
    kind: Any = getattr(optimizers, NAMED[est.solver])
    if est.solver == "sgd":
        # A momentum of 1 keeps every step; the rule itself takes only what forgets.
        most = 1 - float(np.finfo(est.__dict__["coefs_"][0].dtype).epsneg)
        rule = kind(
            eta, min(float(est.momentum), most), nesterov=bool(est.nesterovs_momentum),
            eta_in_velocity=True,
        )  # fmt: skip
    elif est.solver in ("adam", "adamw", "nadam"):
        rule = kind(eta, est.beta_1, est.beta_2, est.epsilon)
        if est.solver != "nadam":  # eps before the bias correction, as scikit-learn has it
            rule = replace(rule, eps_inside=True)
    else:
        rule = kind(eta)
    return form, lasting(rule, est.max_iter)


def _alike(some: tuple[Any, ...], others: tuple[Any, ...]) -> bool:
    return some[0] is others[0] and some[1:] == others[1:]
