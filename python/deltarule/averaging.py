# SPDX-License-Identifier: BSD-3-Clause
"""Averages of the weights over a training, as declarations: a trainer computes them.

Equations (G5) and (G6) in docs/reference/regularisation.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from deltarule._arguments import integer, number
from deltarule._quoting import quoted


@dataclass(frozen=True)
class EMA:
    """a <- a + (1 - decay) (w - a) after every step; a is w after the first  (G5).

    Parameters
    ----------
    decay : float
        How much of a is kept, 0 < decay < 1: it averages over about 1 / (1 - decay) steps.

    Raises
    ------
    TypeError
        If decay is not a number.
    ValueError
        If it is out of its range.
    """

    decay: float = 0.999

    def __post_init__(self) -> None:
        decay = number("decay", self.decay, lambda v: 0 < v < 1, "a number > 0 and < 1")
        object.__setattr__(self, "decay", decay)

    @property
    def native(self) -> tuple[str, float, int, int]:
        """What the core takes: kind, decay, start, every."""
        return "ema", self.decay, 1, 1

    def step_share(self, step: int) -> float | None:
        """Return the share of w after this step, 1, 2, ..., of the training."""
        return 1.0 if step == 1 else 1.0 - self.decay

    def epoch_share(self, epoch: int) -> float | None:
        """Return the share of w after this epoch: None, it takes no part."""
        return None


@dataclass(frozen=True)
class SWA:
    """The mean of the weights after epochs start, start + every, ...  (G6).

    Parameters
    ----------
    start : int
        The first epoch that counts, >= 1: epochs are counted from 1.
    every : int
        Epochs from one that counts to the next, >= 1.

    Raises
    ------
    TypeError
        If an argument is not an integer.
    ValueError
        If an argument is out of its range.
    """

    start: int = 1
    every: int = 1

    def __post_init__(self) -> None:
        for name in ("start", "every"):
            value = integer(name, getattr(self, name), 1)
            if value >= 2**63:
                raise ValueError(f"{name}: {quoted(value)}; expected an integer < 2**63")
            object.__setattr__(self, name, value)

    @property
    def native(self) -> tuple[str, float, int, int]:
        """What the core takes: kind, decay, start, every."""
        return "swa", 0.0, self.start, self.every

    def step_share(self, step: int) -> float | None:
        """Return the share of w after this step: None, it takes no part."""
        return None

    def epoch_share(self, epoch: int) -> float | None:
        """Return 1 / n if this epoch, 1, 2, ..., is the n-th that counts, else None."""
        n, rest = divmod(epoch - self.start, self.every)
        return 1.0 / (n + 1) if n >= 0 and rest == 0 else None


Averaging: TypeAlias = EMA | SWA


def check_average(average: object, dtype: str) -> Averaging | None:
    """Return `average` if it is None or one of the two.

    Parameters
    ----------
    average : object
        What was given as `average=`.
    dtype : str
        "float32" or "float64".

    Returns
    -------
    EMA, SWA or None

    Raises
    ------
    TypeError
        If it is something else.
    ValueError
        If 1 - decay vanishes in `dtype`: the average would never move.
    """
    if average is None:
        return None
    if not isinstance(average, EMA | SWA):
        raise TypeError(
            f"average: {quoted(average)} of type {type(average).__name__}; expected EMA, SWA or "
            "None"
        )
    if isinstance(average, EMA) and np.dtype(dtype).type(1.0 - average.decay) == 0:
        raise ValueError(f"decay: 1 - {average.decay!r} is 0 as {dtype}; expected it > 0")
    return average


def has_begun(average: Averaging | None, steps: int, epochs: int) -> bool:
    """Return whether weights have entered it after so many steps and epochs.

    Parameters
    ----------
    average : EMA, SWA or None
        As a trainer has it.
    steps, epochs : int
        Of the training so far.

    Returns
    -------
    bool
    """
    return epochs >= average.start if isinstance(average, SWA) else bool(average and steps)


def check_start(average: Averaging | None, epochs: int) -> None:
    """Refuse a fit that ends before its average begins.

    Parameters
    ----------
    average : EMA, SWA or None
        As a trainer has accepted it.
    epochs : int
        How many the fit may take.

    Raises
    ------
    ValueError
        If `average.start > epochs`.
    """
    if isinstance(average, SWA) and average.start > epochs:
        raise ValueError(f"average: start {average.start}; expected it <= epochs, {epochs}")
