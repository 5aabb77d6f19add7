# SPDX-License-Identifier: BSD-3-Clause
"""One step of any optimizer, by the oracle's formulas or by the literal reference's.

Both have the same functions with the same arguments. What they share here is which of them a rule
calls, with which numbers, and the clock that these come from: running products in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from deltarule._typing import DTypeLike, NDArray
from deltarule.architecture import Architecture
from deltarule.averaging import Averaging
from deltarule.optimizers import Optimizer, initial_slots

Array = NDArray[Any]


@dataclass
class State:
    """What an optimizer remembers: numbers of each weight, in w's order, and its clock."""

    slots: list[Array]
    epochs: int = 0
    steps: int = 0
    beta_1_power: float = 1.0
    beta_2_power: float = 1.0
    mu_power: float = 1.0
    mu_product: float = 1.0
    average: Array | None = None

    @classmethod
    def start(cls, rule: Optimizer, net: Architecture, dtype: DTypeLike = np.float64) -> State:
        """Return the state before the first step."""
        return cls(initial_slots(rule, net, dtype))

    def tick(self, rule: Any) -> None:
        """Begin the next step."""
        self.steps += 1
        self.beta_1_power *= getattr(rule, "beta_1", 0.0)
        self.beta_2_power *= getattr(rule, "beta_2", 0.0)
        if rule.kernel == "nadam":
            self.mu_power *= rule.mu_decay
            self.mu_product *= rule.beta_1 * (1 - 0.5 * self.mu_power)

    def step(
        self,
        formulas: Any,
        rule: Any,
        net: Architecture,
        w: Array,
        g: Array,
        now: Mapping[str, float],
    ) -> Array:
        """Take one step, layer by layer; returns the new w.

        Parameters
        ----------
        formulas : module
            `oracle.optimizers` or `oracle.literal`.
        rule : Rule
            The optimizer.
        net : Architecture
            Whose layers w holds.
        w, g : array, (n_weights,)
            Weights and gradient.
        now : dict
            Numbers of this step that move, by name; the others are the rule's.

        Returns
        -------
        array, (n_weights,)
        """
        self.tick(rule)
        eta, mu, decay = (
            now.get(name, getattr(rule, name, 0.0)) for name in ("eta", "momentum", "weight_decay")
        )
        if rule.clip_value is not None:
            g = formulas.clipped(g, rule.clip_value)
        if rule.clip_norm is not None:
            g = _clipped(formulas, net, g, rule.clip_norm)
        new = np.array(w)
        end = 0
        layers = list(enumerate(net.views(w)))
        learned = [(k, alpha) for k, alpha in enumerate(net.alphas(w)) if alpha is not None]
        for k, W in layers + learned:
            part = slice(end, end := end + W.size)
            eta_k, w_k = eta * rule.eta_factor(k), w[part]
            if decay and W.ndim == 2:  # learned parameters decay no more than biases do
                w_k = formulas.decayed(W, eta_k * decay).ravel()
            numbers = ARGUMENTS[rule.kernel](Call(rule, self, eta_k, mu, rule.eta_factor(k)))
            formula = getattr(formulas, rule.kernel)
            results = formula(w_k, g[part], *(slot[part] for slot in self.slots), *numbers)
            new[part], *kept = results if self.slots else (results,)
            for slot, value in zip(self.slots, kept, strict=True):
                slot[part] = value
        if rule.max_norm is not None:
            for k, W in enumerate(net.views(new)):
                if rule.eta_factor(k):  # a layer that takes no steps is left alone
                    W[...] = formulas.max_norm(W.copy(), rule.max_norm)
        return new

    def enter_step(self, formulas: Any, average: Averaging | None, w: Array) -> None:
        """Let w enter the average that is kept, if it counts after this step."""
        if average is not None:
            self._enter(formulas, w, average.step_share(self.steps))

    def enter_epoch(self, formulas: Any, average: Averaging | None, w: Array) -> None:
        """Let w enter the average that is kept, if it counts after this epoch."""
        if average is not None:
            self._enter(formulas, w, average.epoch_share(self.epochs))

    def _enter(self, formulas: Any, w: Array, share: float | None) -> None:
        if share is not None:
            before = np.zeros_like(w) if self.average is None else self.average
            self.average = formulas.average(before, w, share)


def _clipped(formulas: Any, net: Architecture, g: Array, most: float) -> Array:
    """g with its norm bounded, unit by unit: weights, bias, what it learns."""
    units = net.units(g)
    flat, clipped = formulas.clip_norm(units, most), np.empty_like(g)
    for unit, dW, alpha in zip(units, net.views(clipped), net.alphas(clipped), strict=True):
        part, flat = flat[: unit.size].reshape(unit.shape), flat[unit.size :]
        dW[...] = part[:, : dW.shape[1]]
        if alpha is not None:
            alpha[...] = part[:, -1]
    return clipped


@dataclass(frozen=True)
class Call:
    """The numbers of one step for one layer."""

    rule: Any
    t: State
    eta: float
    mu: float
    factor: float


def _adam(c: Call) -> tuple[float, ...]:
    r = c.rule
    return c.eta, r.beta_1, r.beta_2, r.eps, c.t.beta_1_power, c.t.beta_2_power, r.eps_inside


def _nadam(c: Call) -> tuple[float, ...]:
    r, t = c.rule, c.t
    mu, mu_next = (r.beta_1 * (1 - 0.5 * power) for power in (t.mu_power, t.mu_power * r.mu_decay))
    return c.eta, r.beta_1, r.beta_2, r.eps, t.beta_2_power, mu, mu_next, t.mu_product


def _rprop(c: Call) -> tuple[float, ...]:
    r = c.rule
    return r.shrink, r.grow, r.least * c.factor, r.most * c.factor


# The numbers that each kernel's formula takes after w, g and its slots; it returns w and its slots.
ARGUMENTS: dict[str, Callable[[Call], tuple[float, ...]]] = {
    "sgd": lambda c: (c.eta,),
    "momentum": lambda c: (c.eta, c.mu),
    "nesterov": lambda c: (c.eta, c.mu, c.rule.eta_in_velocity),
    "velocity": lambda c: (c.eta, c.mu),
    "adam": _adam,
    "amsgrad": _adam,
    "nadam": _nadam,
    "adagrad": lambda c: (c.eta, c.rule.eps),
    "rmsprop": lambda c: (c.eta, c.rule.beta, c.rule.eps),
    "rmsprop_momentum": lambda c: (c.eta, c.rule.beta, c.rule.eps, c.mu),
    "rmsprop_centered": lambda c: (c.eta, c.rule.beta, c.rule.eps, c.mu),
    "adadelta": lambda c: (c.eta, c.rule.beta, c.rule.eps),
    "lion": lambda c: (c.eta, c.rule.beta_1, c.rule.beta_2),
    "rprop": _rprop,
}
