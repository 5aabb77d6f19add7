# SPDX-License-Identifier: BSD-3-Clause
"""Rows that judge a training and take no part in it: given ones, or a fraction set aside."""

from __future__ import annotations

from typing import Any

import numpy as np

from deltarule._arguments import number
from deltarule._typing import NDArray
from deltarule.architecture import Architecture
from deltarule.class_weights import classes_of
from deltarule.evaluation import score, taken
from deltarule.given import Given
from deltarule.metrics import Metric
from deltarule.protocols import Network
from deltarule.results import Array


class HeldOut:
    """Validation data, converted once; every value is judged before there is any training.

    Parameters
    ----------
    mlp : MLP or oracle.MLP
        The network.
    X, Y : array, (n, H_0), (n, K) or (n,)
        As `_validate.data` returns them.
    sample_weight : array, (n,), optional
        Of its rows.
    n_threads : int, optional
        Of its predictions.

    Raises
    ------
    ValueError
        If a row holds a bad value.
    """

    def __init__(
        self, mlp: Network, X: Array, Y: Array, sample_weight: Array | None, n_threads: int | None
    ) -> None:
        self.X, self.Y, self.sample_weight = X, Y, sample_weight
        self._mlp, self._n_threads = mlp, n_threads
        try:
            self.loss()
        except ValueError as error:
            raise ValueError(f"validation {error}") from None

    def loss(self) -> float:
        """L of these rows at the weights as they are."""
        return self._mlp.loss(self.X, self.Y, self._n_threads, self.sample_weight)

    def scores(self, metrics: dict[str, str | Metric]) -> dict[str, float]:
        """Return each metric of these rows at the weights as they are, from one prediction."""
        net = self._mlp.architecture
        x, y, s = taken(self.X, self.Y, self.sample_weight, net)
        y_hat = self._mlp.predict(x, self._n_threads)
        y = y.Y if isinstance(y, Given) else y  # judged already, for the loss
        return {name: score(metric, net, y, y_hat, s) for name, metric in metrics.items()}


def is_fraction(validation: object) -> bool:
    """Whether a share of the training rows is meant."""
    if not isinstance(validation, float | np.floating):
        return False
    number("validation", validation, lambda v: 0 < v < 1, "a pair (X, Y) or a fraction > 0 and < 1")
    return True


def split(
    fraction: float, y: Array, s: Array | None, net: Architecture, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows that train and the rows held out, both in the order they stand in.

    Of n rows of weight > 0, round(fraction n) are held out, at least one. Where targets are
    classes each class gives its share of them, rounded so that the sum holds (the largest
    remainders round up, the first class of equals first), and keeps at least one row in training.
    Drawn class by class: the first of `rng.permutation(n_c)`; else of `rng.permutation(n)`.

    Parameters
    ----------
    fraction : float
        Of the rows, above 0 and below 1.
    y : array, (n, K) or (n,)
        Targets.
    s : array, (n,), or None
        Weights of the rows; those of weight 0 stay in training, which leaves them out.
    net : Architecture
        Tells what targets are.
    rng : numpy.random.Generator
        Draws them.

    Returns
    -------
    training, held_out : array of int64

    Raises
    ------
    ValueError
        If there are not two rows to part, of one class where there are classes.
    """
    rows = np.arange(len(y)) if s is None else np.flatnonzero(s > 0)
    if len(rows) < 2:
        raise ValueError(f"validation: {fraction!r} of {len(rows)} rows; expected at least 2 rows")
    chosen = []
    groups = _groups(y, rows, net)
    for group, count in zip(groups, _counts(groups, fraction), strict=True):
        chosen.append(group[rng.permutation(len(group))[:count]])
    held_out = np.sort(np.concatenate(chosen))
    if not held_out.size:
        raise ValueError(
            f"validation: {fraction!r} of {len(rows)} rows of {len(groups)} classes; expected a "
            "class of at least 2 rows"
        )
    training = np.ones(len(y), bool)
    training[held_out] = False
    return np.flatnonzero(training), held_out


def _groups(y: Any, rows: NDArray[np.int64], net: Architecture) -> list[NDArray[np.int64]]:
    """The rows of each class, or all of them where targets are no classes."""
    try:
        classes = classes_of(y, net, rows).of_rows
    except (ValueError, TypeError):
        return [rows]
    return [rows[classes == one] for one in np.unique(classes)]


def _counts(groups: list[NDArray[np.int64]], fraction: float) -> list[int]:
    sizes = np.array([len(group) for group in groups])
    exact = fraction * sizes
    most = sizes - 1 if len(groups) > 1 else np.maximum(sizes - 1, 1)
    counts = np.minimum(np.floor(exact).astype(int), most)
    wanted = min(max(1, round(fraction * int(sizes.sum()))), max(int(most.sum()), 1))
    for place in np.argsort(-(exact - np.floor(exact)), kind="stable"):
        if counts.sum() < wanted and counts[place] < most[place]:
            counts[place] += 1
    return [int(count) for count in counts]
