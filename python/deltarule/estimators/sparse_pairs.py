# SPDX-License-Identifier: BSD-3-Clause
"""An autoencoder over the rows of a sparse matrix, a few batches of which are dense at a time."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import numpy as np

from deltarule.autoencoder import Autoencoder, corrupt
from deltarule.estimators.rows import BYTES, blocks, dense
from deltarule.held_out import split
from deltarule.results import Array
from deltarule.rows import Passed
from deltarule.stopping import EarlyStopping
from deltarule.stops import Asked, LastEpoch, NoImprovement
from deltarule.training_loop import Run


def loss(network: Autoencoder, X: Any, s: Array | None, n_threads: int | None) -> float:
    """L of a sparse matrix's rows as their own targets: the mean over its blocks."""
    losses, weights = [], []
    for rows, x in blocks(X):
        part = None if s is None else s[rows]
        weight = len(x) if part is None else part.sum()
        if weight > 0:
            losses.append(network.loss(x, n_threads, part))
            weights.append(weight)
    return float(np.average(losses, weights=weights))


class SparsePairs:
    """Where a training's pairs (corrupted x, x) come from.

    Parameters
    ----------
    X : CSR matrix, (n, H_0)
        Samples.
    sample_weight : array, (n,), or None
        Of each row.
    shuffle : bool
        Whether each epoch draws an order.
    noise, masking : float
        As `corrupt` takes them.
    rng : numpy.random.Generator
        Draws the orders, and each block's corruption.
    """

    def __init__(
        self, X: Any, sample_weight: Array | None, shuffle: bool, noise: float, masking: float,
        rng: np.random.Generator,
    ) -> None:  # fmt: skip
        self.X, self.sample_weight, self.shuffle = X, sample_weight, shuffle
        self.noise, self.masking, self.rng = noise, masking, rng

    def train(self, trainer: Any, at_most: int) -> list[Passed]:
        """Train one epoch."""
        (n, columns), size = self.X.shape, trainer.batch_size
        size *= max(1, BYTES // (8 * columns * size))  # whole batches
        order = self.rng.permutation(n) if self.shuffle else np.arange(n)
        start = perf_counter()
        with trainer.in_parts(n_rows=n) as epoch:
            for at in range(0, n, size):
                rows = order[at : at + size]
                clean = dense(self.X, rows)
                given = clean
                if self.noise or self.masking:
                    given = corrupt(clean, self.noise, self.masking, self.rng)
                s = None if self.sample_weight is None else self.sample_weight[rows]
                epoch.part(given, clean, None, s)
        return [Passed(epoch.loss, perf_counter() - start, n, trainer.eta)]


def training(
    network: Autoencoder, trainer: Any, pairs: SparsePairs, epochs: int, held_out: float | None,
    stopping: EarlyStopping, callbacks: list[Any], n_threads: int | None,
) -> Run:  # fmt: skip
    """Return a training of the network over these pairs, ready to go.

    Parameters
    ----------
    network : Autoencoder
        Trained.
    trainer : Trainer
        Of its network.
    pairs : SparsePairs
        All rows.
    epochs : int
        At most so many.
    held_out : float or None
        The share of the rows that judges, drawn by the pairs' generator as `MLP.fit` draws it.
    stopping : EarlyStopping
        When to stop.
    callbacks : list
        As `MLP.fit` takes them.
    n_threads : int or None
        Of the validation loss.
    """
    judges = []
    if held_out is not None:
        X, s, net = pairs.X, pairs.sample_weight, network.mlp.architecture
        none = np.full(X.shape[0], 0.5)  # targets that are no classes
        kept, out = split(held_out, none, s, net, pairs.rng)
        s_out = None if s is None else s[out]
        pairs.X, pairs.sample_weight = X[kept], None if s is None else s[kept]
        judges = [lambda run: {"validation_loss": loss(network, X[out], s_out, n_threads)}]
    rule = NoImprovement(stopping)
    return Run(
        network.mlp, trainer, pairs, epochs,  # type: ignore[arg-type]  # no callback by batch
        judges=judges, stops=[rule, Asked(), LastEpoch()], callbacks=callbacks,
        finish=[rule.restore],
    )  # fmt: skip
