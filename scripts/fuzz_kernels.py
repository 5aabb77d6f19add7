# SPDX-License-Identifier: BSD-3-Clause
"""All instruction sets and the literal reference train the same network: part of fuzz_api.py."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
from fuzz_draws import fitting, network, values

import deltarule as dr
from deltarule import _core, losses
from deltarule.oracle import literal


def data_of(draw: random.Random, mlp: dr.MLP) -> tuple[Any, Any]:
    """X and targets that fit the loss; now and then with what is to be refused."""
    net, n = mlp.architecture, draw.randint(1, 40)
    X = np.asarray(np.random.default_rng(draw.getrandbits(32)).normal(size=(n, mlp.layers[0])))
    X = (X * draw.choice((1, 1, 1, 1, 10, 1e-42, 1e-310, 1e15))).astype(mlp.dtype)
    if draw.random() < 0.1:
        X = values(draw, X.shape, mlp.dtype)
    if net.takes_labels and draw.random() < 0.5:
        Y = np.random.default_rng(draw.getrandbits(32)).integers(0, mlp.layers[-1], n)
    else:
        Y = fitting(draw, net.chosen_loss.targets, (n, net.n_targets), mlp.dtype)
    if draw.random() < 0.04:
        Y.reshape(-1)[draw.randrange(Y.size)] = draw.choice((-2, 99, 3) if Y.ndim == 1 else BROKEN)
    return X, Y


BROKEN = (-2.0, 3.0, 0.5, np.nan, np.inf, 1e38)


def not_taken(mlp: dr.MLP, X: Any, Y: Any) -> Any:
    """The rows whose numbers this network's loss does not take; by NumPy alone."""
    good = np.isfinite(X).all(axis=1)
    if Y.ndim == 1:
        good &= (Y >= 0) & (mlp.layers[-1] > Y)
    else:
        kind = losses.KINDS[mlp.architecture.chosen_loss.targets]
        good &= (np.isfinite(Y) & kind.holds(Y)).all(axis=1)
    return np.flatnonzero(~good)


def kernels_agree(draw: random.Random) -> str:
    """No bit differs, nor who refuses or diverges; says what came of it."""
    start = network(draw)
    X, Y = data_of(draw, start)
    rules = (dr.SGD(0.1), dr.SGD(0.1, momentum=0.9), dr.Adam(), dr.RMSProp(), dr.Lion())
    rule = draw.choice((*rules, *rules, *rules, dr.SGD(1e30)))
    batch, results, before = draw.choice((None, 1, 7)), {}, _core.isa()
    said = f"{start!r}, {rule}, {batch}"
    try:
        for isa in _core.available_isas():
            _core.select_isa(isa)
            for threads in (1, 2):
                mlp = dr.MLP.from_architecture(start.architecture, start.w)
                found = epochs_of(dr.Trainer(mlp, rule, batch, threads), X, Y)
                y_hat = mlp.predict(np.nan_to_num(X, posinf=1, neginf=-1)).tobytes()
                results[isa, threads] = repr(found), mlp.w.tobytes(), y_hat
    finally:
        _core.select_isa(before)
    if len(set(results.values())) != 1:
        raise AssertionError(f"{said}: sets or threads differ")
    bad = not_taken(start, X, Y)
    if isinstance(found[-1], ValueError):
        if not any(f"row {row} " in f"{found[-1]}" for row in bad):
            raise AssertionError(f"{said}: {found[-1]}, but these rows are to be refused: {bad}")
        return "refused"
    if bad.size:  # only a batch before theirs can have ended it
        before_it = bad[0] - bad[0] % (batch or len(X))
        X, Y = X[:before_it], Y[:before_it]
        if not before_it or not isinstance(found[0], FloatingPointError):
            raise AssertionError(f"{said}: {found}, but there are rows to be refused")
    reference = literal.MLP(start.architecture, start.w, start.dtype)
    plain_loops, order = literal.Trainer(reference, rule, batch), np.arange(len(X))
    for epoch, loss in enumerate(found):
        w = reference.w
        expected = plain_loops.epoch(X, Y, order)
        if isinstance(loss, FloatingPointError):
            if np.isfinite(expected) and np.isfinite(reference.w).all():
                raise AssertionError(f"{said}: epoch {epoch} diverges, but not the literal")
            reference.w = w  # the core keeps those of the last finished epoch
        elif expected != loss:
            raise AssertionError(f"{said}: another loss than the literal")
    if np.asarray(reference.w).tobytes() != next(iter(results.values()))[1]:
        raise AssertionError(f"{said}: other weights than the literal")
    return "diverges" if isinstance(found[-1], FloatingPointError) else "trained"


def epochs_of(trainer: dr.Trainer, X: Any, Y: Any) -> list[Any]:
    """The losses of two epochs, the last one an error if it was refused or diverged."""
    found: list[Any] = []
    for _ in range(2):
        try:
            found.append(trainer.epoch(X, Y))
        except (FloatingPointError, ValueError) as error:
            return [*found, error]
    return found
