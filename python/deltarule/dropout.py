# SPDX-License-Identifier: BSD-3-Clause
"""Dropout and noise as declarations: a trainer draws the masks and the noise.

Equations (D1) to (D6) in docs/reference/regularisation.md.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from deltarule._arguments import generator
from deltarule._typing import NDArray
from deltarule.architecture import Architecture
from deltarule.schedules import Schedule
from deltarule.schedules.base import lasting as of_fields
from deltarule.schedules.base import number_or_schedule

WORDS = 2.0**32  # a rate is a share of them
EXPECTED = "a number >= 0 and < 1"

Rate: TypeAlias = float | Schedule


@dataclass(frozen=True)
class Dropout:
    """Switches units off at random in training: o <- o mask / (1 - p)  (D1).

    Each unit of each sample is off with probability p, anew in every epoch, and what stays is
    scaled so that the mean of every output is as without. Losses, gradients and predictions that
    are asked of the network drop nothing.

    Parameters
    ----------
    hidden : float, Schedule or sequence of these
        p of the hidden layers, 0 <= p < 1: one for all, or one for each. Multiples of 2^-32; others
        are rounded to them.
    input : float or Schedule
        p of the features.

    Raises
    ------
    TypeError
        If a rate is neither a number nor a Schedule.
    ValueError
        If a rate is out of its range. A trainer raises it too, if the network has another number of
        hidden layers.
    """

    hidden: Rate | Sequence[Rate] = 0.5
    input: Rate = 0.0

    def __post_init__(self) -> None:
        hidden: Rate | tuple[Rate, ...]
        given: Any = self.hidden
        if isinstance(given, np.ndarray) and given.ndim:
            given = list(given)
        if isinstance(given, Sequence) and not isinstance(given, str):
            hidden = tuple(_rate(f"hidden[{k}]", p) for k, p in enumerate(given))
        else:
            hidden = _rate("hidden", given)
        object.__setattr__(self, "hidden", hidden)
        object.__setattr__(self, "input", _rate("input", self.input))

    def rates(self, n_hidden_layers: int) -> tuple[Rate, ...]:
        """Return p of the layers 0 ... m.

        Parameters
        ----------
        n_hidden_layers : int
            m of the network.

        Returns
        -------
        tuple of float or Schedule, of length m + 1
        """
        hidden = self.hidden
        each = hidden if isinstance(hidden, tuple) else (hidden,) * n_hidden_layers
        return (self.input, *each)


@dataclass(frozen=True)
class RandomStep:
    """What a step of a training draws: all that its random numbers depend on.

    Parameters
    ----------
    key : int
        Of the training, 64 bits.
    epoch : int
        Epochs finished before it.
    rows : array of int64
        The numbers of its rows in X.
    rates : tuple of float
        p of the layers 0 ... m.
    noise : float
        Standard deviation of what is added to the features.
    """

    key: int
    epoch: int
    rows: NDArray[np.int64]
    rates: tuple[float, ...]
    noise: float = 0.0


@dataclass(frozen=True)
class Draws:
    """What a training draws: rates of the layers 0 ... m, noise, and the key of it all.

    Parameters
    ----------
    key : int
        64 bits.
    rates : tuple of float or Schedule
        p of each layer.
    noise : float or Schedule
        Standard deviation.
    """

    key: int
    rates: tuple[Rate, ...]
    noise: Rate

    @property
    def schedules(self) -> dict[str, Schedule]:
        """Those of its numbers that move, by name: "noise", "dropout_0", "dropout_1", ..."""
        numbers = {"noise": self.noise, **{f"dropout_{k}": p for k, p in enumerate(self.rates)}}
        return {name: value for name, value in numbers.items() if isinstance(value, Schedule)}

    @property
    def settings(self) -> tuple[int, list[float], float]:
        """What the core takes; 0 for a number that moves."""
        return self.key, [_constant(p) for p in self.rates], _constant(self.noise)

    def step(self, epoch: int, rows: NDArray[np.int64], now: dict[str, float]) -> RandomStep:
        """Return what a step draws, with the numbers that move as they are in it.

        Parameters
        ----------
        epoch : int
            Finished epochs.
        rows : array of int64
            Numbers of the step's rows.
        now : dict of float
            As `schedules.moving.step_of` gives it.

        Returns
        -------
        RandomStep
        """
        _, constants, noise = self.settings
        rates = tuple(now.get(f"dropout_{k}", p) for k, p in enumerate(constants))
        return RandomStep(self.key, epoch, rows, rates, now.get("noise", noise))


class Key(int):
    """Stands for a seed: the key itself, as a pickle has it."""


def draws_of(dropout: Dropout | None, noise: Rate, seed: Any, net: Architecture) -> Draws | None:
    """Return what a training draws; None where nothing is asked for.

    Parameters
    ----------
    dropout : Dropout, optional
        As `check_dropout` returns it.
    noise : float or Schedule
        As `check_noise` does.
    seed : None, Key or anything that `numpy.random.default_rng` takes
        Of the key.
    net : Architecture
        The network that is to be trained.

    Returns
    -------
    Draws or None

    Raises
    ------
    TypeError, ValueError
        If the seed is not one.
    """
    if dropout is None and noise == 0:
        if seed is not None and not isinstance(seed, Key):
            generator(seed)
        return None
    key = int(seed) if isinstance(seed, Key) else key_of(seed)
    m = net.n_hidden_layers
    rates = (0.0,) * (m + 1) if dropout is None else dropout.rates(m)
    return Draws(key, rates, noise)


def lasting(number: Any, epochs: float) -> Any:
    """Return a rate, noise or Dropout whose schedules without a length of their own last so long.

    Parameters
    ----------
    number : Dropout, float, Schedule or None
        As `fit` takes it; anything else comes back as it is.
    epochs : float
        Of the training.
    """
    return number.lasting(epochs) if isinstance(number, Schedule) else of_fields(number, epochs)


def check_dropout(dropout: object, net: Architecture) -> Dropout | None:
    """Return `dropout` if it goes with the network; a number stands for `Dropout(number)`.

    Parameters
    ----------
    dropout : object
        What was given as `dropout=`.
    net : Architecture
        The network that is to be trained.

    Returns
    -------
    Dropout or None

    Raises
    ------
    TypeError
        If it is no Dropout, rate or None.
    ValueError
        If a rate is out of range, or there are more or fewer rates than hidden layers.
    """
    if dropout is None:
        return None
    if not isinstance(dropout, Dropout):
        dropout = Dropout(_rate("dropout", dropout, "a Dropout, " + EXPECTED + ", or a Schedule"))
    m = net.n_hidden_layers
    if isinstance(dropout.hidden, tuple) and len(dropout.hidden) != m:
        raise ValueError(
            f"dropout: {len(dropout.hidden)} rates for the hidden layers; expected {m}, one for "
            f"each, or a single rate"
        )
    if m == 0 and dropout.input == 0 and dropout.hidden not in (0, ()):
        raise ValueError("dropout: no hidden layer; expected Dropout(hidden=0, input=...)")
    return dropout


def check_noise(noise: object, net: Architecture) -> Rate:
    """Return the standard deviation of the noise, None as 0.

    Parameters
    ----------
    noise : object
        What was given as `noise=`.
    net : Architecture
        The network that is to be trained.

    Returns
    -------
    float or Schedule

    Raises
    ------
    TypeError
        If it is no number, Schedule or None.
    ValueError
        If it is negative or not finite in the network's dtype.
    """
    if noise is None:
        return 0.0
    largest, expected = float(np.finfo(net.dtype).max), f"a finite {net.dtype} >= 0"
    return number_or_schedule("noise", noise, lambda s: 0 <= s <= largest, expected)


def key_of(seed: Any) -> int:
    """Return the 64-bit key of the masks and the noise that a seed stands for.

    It is a hash of what `default_rng(seed)` would draw next; that generator stays as it is, so that
    shuffles from the same seed do not change.

    Parameters
    ----------
    seed : None, int or anything else that `numpy.random.default_rng` takes
        As `fit` and `Trainer` take it.

    Returns
    -------
    int
    """
    drawn = copy.deepcopy(generator(seed)).integers(0, 2**32, 4)
    sequence = np.random.SeedSequence([int(word) for word in drawn], spawn_key=(2**32 - 1,))
    return int(sequence.generate_state(1, np.uint64)[0])


def _rate(name: str, value: object, expected: str = EXPECTED + ", or a Schedule") -> Rate:
    return number_or_schedule(
        name, value, lambda p: 0 <= p < 1 and round(p * WORDS) < WORDS, expected
    )


def _constant(number: Rate) -> float:
    return 0.0 if isinstance(number, Schedule) else number
