# SPDX-License-Identifier: BSD-3-Clause
"""Small calls of all kinds: an object made, and what is done with it.

Each gives the same bits whenever it is made anew.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import deltarule as dr

Call = tuple[str, Callable[[], Any], Callable[[Any], Any]]  # what; make; do

rng = np.random.default_rng(0)
X, Y = rng.standard_normal((90, 9)), rng.random((90, 3))
more_X, more_Y = rng.standard_normal((1300, 9)), rng.random((1300, 3))
weights = rng.random(90)


def squares(Y: Any, y_hat: Any) -> tuple[Any, Any]:
    """Return a loss of the user's and its derivative."""
    return ((y_hat - Y) ** 2).sum(1) / 2, y_hat - Y


def network(layers: tuple[int, ...] = (9, 40, 3), **given: Any) -> dr.MLP:
    """Return a small one."""
    return dr.MLP(list(layers), given.pop("activations", "tanh"), seed=1, **given)


def trainer(*, epochs: int = 1, of: dr.MLP | None = None, **given: Any) -> dr.Trainer:
    """Return a trainer that has state to lose."""
    made = dr.Trainer(of or network(l2=1e-3), **given)
    for _ in range(epochs):
        made.epoch(X, Y)
    return made


def in_parts(made: dr.Trainer) -> float:
    """Take an epoch in two parts."""
    core = made._trainer
    core.begin_epoch()
    try:
        core.part(X[:64], Y[:64])
        core.part(X[64:], Y[64:])
        return float(core.end_epoch())
    finally:
        core.abandon_epoch()


def refused(made: dr.Trainer) -> str:
    """Return what is said of a NaN."""
    bad = X.copy()
    bad[33, 4] = np.nan
    try:
        made.epoch(bad, Y)
    except ValueError as error:
        return str(error)
    raise AssertionError("not refused")


def epochs() -> Iterator[Call]:
    """Yield epochs by weights, by rows, by blocks, and with whatever a training may hold."""
    rules = {
        "SGD": dr.SGD(0.01),
        "momentum": dr.SGD(0.01, momentum=0.9),
        "Adam": dr.Adam(),
        "bounds": dr.Adam(clip_norm=0.1, max_norm=0.4),
    }
    for name, rule in rules.items():
        for threads in (1, 2):
            for batch in (1, 16, None):

                def make(
                    rule: Any = rule, batch: Any = batch, threads: int = threads
                ) -> dr.Trainer:
                    return trainer(optimizer=rule, batch_size=batch, n_threads=threads)

                what = f"Trainer.epoch: {name}, batches of {batch}, {threads} threads"
                yield what, make, lambda made: made.epoch(X, Y)
    others: dict[str, dict[str, Any]] = {
        "means of a code": {"sparsity": dr.Sparsity(1, "kl", 0.3, 0.1)},
        "average": {"average": dr.EMA(0.9)},
        "dropout, noise": {"dropout": 0.2, "noise": 0.1, "seed": 3},
        "a schedule": {"optimizer": dr.Adam(dr.schedules.Cosine(1e-2, 1e-3, over=10))},
        "a loss in Python": {"of": {"loss": squares, "activations": ["logistic"]}},
    }
    for name, given in others.items():

        def other(given: dict[str, Any] = given) -> dr.Trainer:
            of = network(**given.get("of", {"activations": ["logistic"]}))
            return trainer(epochs=0, **{**given, "of": of, "batch_size": 16, "n_threads": 2})

        yield f"Trainer.epoch: {name}", other, lambda made: made.epoch(X, Y)
    yield (
        "Trainer.epoch: blocks of rows",
        lambda: trainer(epochs=0, batch_size=None, n_threads=2),
        lambda made: made.epoch(more_X, more_Y),
    )
    yield (
        "Trainer.epoch: weights of rows",
        lambda: trainer(batch_size=16),
        lambda made: made.epoch(X, Y, sample_weight=weights),
    )
    yield (
        "Trainer.epoch: fewer threads than before",
        lambda: trainer(of=network((9, 300, 300, 3)), batch_size=64, n_threads=2),
        lambda made: made.epoch(X[:1], Y[:1]),
    )
    yield "Trainer.epoch: a refused row", lambda: trainer(batch_size=16), refused
    yield "an epoch in parts", lambda: trainer(batch_size=16), in_parts


def others(folder: Path) -> Iterator[Call]:
    """Yield the rest."""
    yield "MLP.fit", network, lambda mlp: mlp.fit(X, Y, epochs=1, batch_size=16, seed=1).loss
    yield "MLP.predict", network, lambda mlp: mlp.predict(X)
    yield (
        "MLP.predict, 2 threads",
        lambda: network((9, 300, 3)),
        lambda mlp: mlp.predict(more_X, n_threads=2),
    )
    yield "MLP.evaluate", network, lambda mlp: mlp.evaluate(X, Y)
    yield "MLP.gradient", lambda: network(l2=0.1), lambda mlp: mlp.gradient(X, Y)
    yield "MLP.forward and backward", network, lambda mlp: mlp.backward(mlp.forward(X), Y).gradient
    yield (
        "MLP and Trainer made",
        lambda: None,
        lambda _: trainer(epochs=0, of=network(activations=["prelu"], loss="cross_entropy")),
    )
    yield (
        "copies",
        lambda: trainer(batch_size=16),
        lambda made: pickle.dumps(pickle.loads(pickle.dumps(made))),
    )
    path = folder / "trainer"
    trainer(average=dr.EMA(0.9)).save(path)
    yield "load", lambda: None, lambda _: dr.load(path)
    yield "Trainer.load", lambda: None, lambda _: dr.Trainer.load(path)
    yield "Trainer.save", lambda: trainer(batch_size=16), lambda made: made.save(folder / "saved")


def small_calls(folder: Path) -> Iterator[Call]:
    """Yield them all; those of files use this folder."""
    yield from others(folder)
    yield from epochs()
