# SPDX-License-Identifier: BSD-3-Clause
"""A learning rate found by trial: a step with each of many, from far too small to too large."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from deltarule import _validate
from deltarule._arguments import generator, integer, number
from deltarule.fitting import Fittable
from deltarule.optimizers import Adam, Optimizer, check_optimizer
from deltarule.schedules import Exponential

DIVERGED = 3  # times |the lowest smoothed loss| above it, and above the first one
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
        Its eta is replaced; None: Adam().
    batch_size : int, optional
        Rows of a step, drawn without repeats until all were taken; None: all rows.
    smallest, largest : float
        0 < smallest < largest.
    n_steps : int
        At least 20.
    beta : float
        How much the loss is smoothed, 0 <= beta < 1.
    seed : None, int or anything else that `numpy.random.default_rng` takes
        Of the order of the rows.

    Returns
    -------
    LearningRates

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit, or the first step's loss is not finite.

    Notes
    -----
    The suggestion is a start, not an optimum: look at the curve, `plot.learning_rates`, and try a
    third of it too.
    """
    if not isinstance(mlp, Fittable):
        raise TypeError(f"mlp: an object of type {type(mlp).__name__}; expected an MLP")
    smallest = number("smallest", smallest, lambda v: v > 0, "a finite number > 0")
    largest = number("largest", largest, lambda v: v > smallest, f"a finite number > {smallest}")
    n_steps, rng = integer("n_steps", n_steps, 20), generator(seed)
    beta = number("beta", beta, lambda v: 0 <= v < 1, "a number >= 0 and < 1")
    rule = check_optimizer(Adam() if optimizer is None else optimizer, mlp.architecture.dtype)
    x, y = _validate.data(X, Y, mlp.architecture)
    rows = _validate.batch_size(batch_size) or len(x)

    # One batch is one epoch of this trainer, and the time is counted in epochs.
    sweep = Exponential(smallest, largest / smallest, n_steps - 1)
    copy = deepcopy(mlp)
    trainer = copy._new_trainer(replace(rule, eta=sweep), None, n_threads)
    seen = _Smoothed(beta)
    etas: list[float] = []
    order = np.empty(0, np.int64)
    stopped_by = "steps"
    for i in range(n_steps):
        if len(order) == 0:
            order = rng.permutation(len(x))
        batch, order = order[:rows], order[rows:]
        try:
            loss = trainer.epoch(x, y, batch)
        except FloatingPointError:
            stopped_by = "divergence"
            break
        etas.append(sweep(float(i)))
        if seen.add(loss):
            stopped_by = "divergence"
            break
    if len(etas) < 3:
        raise ValueError(f"smallest: {smallest}, diverged in step {len(etas) + 1}; expected less")
    return _found(np.array(etas), seen, stopped_by)


class _Smoothed:
    """The running mean of the losses, corrected for its start."""

    def __init__(self, beta: float) -> None:
        self.beta, self.mean, self.power = beta, 0.0, 1.0
        self.losses: list[float] = []
        self.smoothed: list[float] = []

    def add(self, loss: float) -> bool:
        """Take one in; returns whether it has diverged."""
        self.mean = self.beta * self.mean + (1 - self.beta) * loss
        self.power *= self.beta
        self.losses.append(loss)
        self.smoothed.append(self.mean / (1 - self.power))
        lowest = min(self.smoothed)
        bound = max(lowest + DIVERGED * abs(lowest), self.smoothed[0])
        return len(self.losses) > FIRST and self.smoothed[-1] > bound


def _found(etas: NDArray[np.float64], seen: _Smoothed, stopped_by: str) -> LearningRates:
    losses, smoothed = np.array(seen.losses), np.array(seen.smoothed)
    lowest = int(np.argmin(smoothed))
    middle = (losses[:FIRST].mean() + smoothed[lowest]) / 2
    above = np.flatnonzero(smoothed[: lowest + 1] >= middle)
    suggestion = float(etas[above[-1] if above.size else 0])
    return LearningRates(etas, losses, smoothed, suggestion, float(etas[lowest]), stopped_by)
