# SPDX-License-Identifier: BSD-3-Clause
"""A learning rate found by trial: a step with each of many, from far too small to too large."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, is_dataclass, replace
from math import inf, isfinite
from typing import Any

import numpy as np

from deltarule import _validate
from deltarule._arguments import generator, integer, number
from deltarule._modes import in_default_modes
from deltarule._typing import ArrayLike, NDArray
from deltarule.architecture import Architecture
from deltarule.class_weights import with_class_weights
from deltarule.dropout import Dropout, Rate
from deltarule.fitting import Fittable
from deltarule.optimizers import Optimizer, Rule, check_optimizer, or_adam
from deltarule.schedules import Exponential, Schedule
from deltarule.schedules.base import Clock, schedules_of

DIVERGED = 3  # times |the lowest smoothed loss| above it, and above the first one
LONG = 2.0**60  # epochs, of schedules that have no length
FIRST = 10  # steps whose mean is the loss without training; none of them counts as diverged


@dataclass(frozen=True)
class LearningRates:
    """What `find_learning_rate` saw.

    Attributes
    ----------
    etas : array, (n,)
        The learning rate of each step taken.
    losses : array, (n,)
        The batch's loss before each.
    smoothed : array, (n,)
        Their running mean: m <- beta m + (1 - beta) loss, divided by 1 - beta^n.
    suggestion : float
        The last eta before the minimum of `smoothed` where it is still above the middle between
        that minimum and the mean of the first ten losses. (The steepest fall is where noise is.)
    lowest : float
        The eta of that minimum: training with it is at the edge of divergence.
    stopped_by : str
        "divergence" or "steps".
    """

    etas: NDArray[np.float64]
    losses: NDArray[np.float64]
    smoothed: NDArray[np.float64]
    suggestion: float
    lowest: float
    stopped_by: str


@in_default_modes
def find_learning_rate(
    mlp: Fittable,
    X: ArrayLike,
    Y: ArrayLike,
    optimizer: Optimizer | None = None,
    batch_size: int | None = 32,
    smallest: float = 1e-6,
    largest: float = 10.0,
    n_steps: int = 200,
    beta: float = 0.9,
    seed: Any = None,
    n_threads: int | None = None,
    sample_weight: ArrayLike | None = None,
    class_weight: str | Mapping[Any, float] | None = None,
    dropout: Dropout | Rate | None = None,
    noise: Rate | None = None,
) -> LearningRates:
    """Train a copy of the network while eta grows from step to step, and see where the loss falls.

    eta_i = smallest (largest / smallest)^(i / (n_steps - 1)), i = 0, 1, ...  (S11). It ends with
    the last one, or once the smoothed loss is above its first value and four times its lowest, or
    not finite. The network itself is left as it is.

    Parameters
    ----------
    mlp : MLP or oracle.MLP
        The network.
    X, Y, n_threads
        As `MLP.fit` takes them.
    optimizer : Rule, optional
        Its eta is replaced; None: Adam(). Not Rprop, whose steps eta only begins.
    batch_size : int, optional
        Rows of a step, drawn without repeats until all were taken; None: all rows.
    smallest, largest : float
        0 < smallest < largest, both > 0 and finite in the network's dtype.
    n_steps : int
        At least 20.
    beta : float
        How much the loss is smoothed, 0 <= beta < 1.
    seed : None, int or anything else that `numpy.random.default_rng` takes
        Of the order of the rows, and of dropout and noise.
    sample_weight, class_weight, dropout, noise
        As `MLP.fit` takes them. Rows of weight 0 are not drawn.

    Returns
    -------
    LearningRates

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit, the loss is not finite before the first step, or the steps
        diverge at once.

    Notes
    -----
    Other numbers that move, of the optimizer, dropout or noise, stand still at what they are at
    t = 0: the search has no epochs in which they could move. An average of the weights would change
    no loss, so there is none to ask for.

    The suggestion is a start, not an optimum: look at the curve, `plot.learning_rates`, and try a
    third of it too.
    """
    if not isinstance(mlp, Fittable):
        raise TypeError(f"mlp: an object of type {type(mlp).__name__}; expected an MLP")
    smallest = number("smallest", smallest, lambda v: v > 0, "a finite number > 0")
    largest = number("largest", largest, lambda v: v > smallest, f"a finite number > {smallest}")
    n_steps, rng = integer("n_steps", n_steps, 20), generator(seed)
    beta = number("beta", beta, lambda v: 0 <= v < 1, "a number >= 0 and < 1")
    net = mlp.architecture
    rule = _searchable(or_adam(optimizer), smallest)
    for name, eta in (("smallest", smallest), ("largest", largest)):
        _judge_eta(name, eta, rule, net)
    if not isfinite(largest / smallest):
        raise ValueError(f"smallest: {smallest}, largest: {largest}; expected a finite quotient")
    x, y = _validate.data(X, Y, net)
    weights = _validate.sample_weight(sample_weight, len(x))
    if class_weight is not None:
        weights = with_class_weights(class_weight, y, net, weights)
    taken = _taken(weights, len(x), net.dtype)
    rows = _validate.batch_size(batch_size) or len(taken)

    # One batch is one epoch of this trainer, and the time is counted in epochs.
    sweep = Exponential(smallest, largest / smallest, n_steps - 1)
    copy = deepcopy(mlp)
    trainer = copy._new_trainer(
        replace(rule, eta=sweep), None, n_threads, seed=seed,
        dropout=_still(dropout), noise=_still(noise),
    )  # fmt: skip
    seen = _Smoothed(beta)
    etas: list[float] = []
    order = np.empty(0, np.int64)
    stopped_by = "steps"
    for i in range(n_steps):
        if len(order) == 0:
            order = taken[rng.permutation(len(taken))]
        batch, order = order[:rows], order[rows:]
        try:
            loss = trainer.epoch(x, y, batch, weights)
        except FloatingPointError:
            if i == 0:
                _judge_start(mlp, x, y, batch, weights)
            stopped_by = "divergence"
            break
        etas.append(sweep(float(i)))
        if seen.add(loss):
            stopped_by = "divergence"
            break
    if len(etas) < 3:
        raise ValueError(f"smallest: {smallest}, diverged in step {len(etas) + 1}; expected less")
    return _found(np.array(etas), seen, stopped_by)


def _searchable(optimizer: Any, eta: float) -> Any:
    """Return the rule with this eta and the rest as in its first step; what is none as it is."""
    if not isinstance(optimizer, Rule):
        return optimizer  # refused below
    if "eta" not in optimizer.moving:
        raise ValueError(
            f"optimizer: {optimizer!r}; expected a rule whose steps eta scales: "
            f"{type(optimizer).__name__} finds their sizes itself"
        )
    return _still(replace(optimizer, eta=eta))


def _still(declaration: Any) -> Any:
    """Return an optimizer, Dropout, rate or None with every schedule replaced by what it begins."""
    if isinstance(declaration, Schedule):
        return _first("noise", declaration)
    if not is_dataclass(declaration) or isinstance(declaration, type):
        return declaration
    still: dict[str, Any] = {}
    for name, value in schedules_of(declaration).items():
        still[name] = _first(name, value)
    hidden = getattr(declaration, "hidden", None)
    if isinstance(hidden, tuple):
        still["hidden"] = tuple(_still(p) for p in hidden)
    return replace(declaration, **still) if still else declaration


def _first(name: str, schedule: Schedule) -> float:
    """Return its value in the first step; how long it will last changes nothing there."""
    whole = schedule.lasting(LONG)
    clock = Clock(name, 0, 0, 1)
    return float(whole.of_steps(clock.t, clock, whole.begin())[0])


def _judge_eta(name: str, eta: float, optimizer: Any, net: Architecture) -> None:
    with np.errstate(over="ignore", under="ignore"):
        rounded = np.dtype(net.dtype).type(eta)
    if rounded == 0 or not np.isfinite(rounded):
        raise ValueError(f"{name}: {eta} is {rounded} as {net.dtype}; expected it > 0, finite")
    rule = replace(optimizer, eta=eta) if isinstance(optimizer, Rule) else optimizer
    check_optimizer(rule, net.dtype, len(net.activations))


def _taken(weights: NDArray[np.float64] | None, n: int, dtype: str) -> NDArray[np.int64]:
    """Return the rows that count."""
    if weights is None:
        return np.arange(n)
    return np.flatnonzero(_validate.judged_weights(weights, dtype) > 0)


def _judge_start(mlp: Fittable, X: Any, Y: Any, batch: Any, weights: Any) -> None:
    """Say so if the loss is not finite even without a step."""
    of_batch = np.zeros(len(X))
    of_batch[batch] = 1 if weights is None else weights[batch]
    loss = mlp.loss(X, Y, None, of_batch)
    if not isfinite(loss):
        raise ValueError(
            f"X, Y: the loss of the first batch is {loss} before any step; expected a finite one: "
            "smaller weights or standardised inputs"
        )


class _Smoothed:
    """The running mean of the losses, corrected for its start."""

    def __init__(self, beta: float) -> None:
        self.beta, self.mean, self.power, self.lowest = beta, 0.0, 1.0, inf
        self.losses: list[float] = []
        self.smoothed: list[float] = []

    def add(self, loss: float) -> bool:
        """Take one in; returns whether it has diverged."""
        self.mean = self.beta * self.mean + (1 - self.beta) * loss
        self.power *= self.beta
        self.losses.append(loss)
        self.smoothed.append(self.mean / (1 - self.power))
        self.lowest = min(self.lowest, self.smoothed[-1])
        bound = max(self.lowest + DIVERGED * abs(self.lowest), self.smoothed[0])
        return len(self.losses) > FIRST and self.smoothed[-1] > bound


def _found(etas: NDArray[np.float64], seen: _Smoothed, stopped_by: str) -> LearningRates:
    losses, smoothed = np.array(seen.losses), np.array(seen.smoothed)
    lowest = int(np.argmin(smoothed))
    middle = (losses[:FIRST].mean() + smoothed[lowest]) / 2
    above = np.flatnonzero(smoothed[: lowest + 1] >= middle)
    suggestion = float(etas[above[-1] if above.size else 0])
    return LearningRates(etas, losses, smoothed, suggestion, float(etas[lowest]), stopped_by)
