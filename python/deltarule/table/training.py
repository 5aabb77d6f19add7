# SPDX-License-Identifier: BSD-3-Clause
"""From a table and its settings to a trained network: the steps of `TableModel.fit`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from deltarule import losses
from deltarule._typing import NDArray
from deltarule.architecture import Architecture
from deltarule.held_out import split
from deltarule.history import History
from deltarule.mlp import MLP
from deltarule.stopping import EarlyStopping
from deltarule.table.arrow import pa
from deltarule.table.encoder import Encoder
from deltarule.table.notes import RowError, note, rows, some
from deltarule.table.settings import LOSSES, Settings
from deltarule.table.target import Classes, Quantity, Target, task_of
from deltarule.table.values import kind, numbers, plain

DEFAULT_LOSS = {"classification": "cross_entropy", "regression": "half_squared_error"}


@dataclass(frozen=True)
class Rows:
    """Rows of a table that have a target.

    Attributes
    ----------
    table : pyarrow.Table
        All their columns.
    target : pyarrow.ChunkedArray
        Without gaps.
    places : array of int
        Which rows of the table that was given these are.
    of : str
        "valid: " where that is the table to stop early by.
    """

    table: Any
    target: Any
    places: NDArray[np.int64]
    of: str = ""

    def take(self, chosen: Any) -> Rows:
        """Return some of them."""
        names = self.table.column_names
        table = pa.table({name: _taken(self.table.column(name), chosen) for name in names})
        return Rows(table, _taken(self.target, chosen), self.places[chosen], self.of)

    @contextmanager
    def numbered(self) -> Iterator[None]:
        """Let errors within name rows of the table that was given."""
        try:
            yield
        except RowError as error:
            raise error.at(int(self.places[error.row]), self.of) from None


def _taken(column: Any, chosen: Any) -> Any:
    """Rows of a column; nulls of a type of which pyarrow takes none, which is no feature's."""
    with suppress(pa.ArrowNotImplementedError):
        return column.take(chosen)
    with suppress(pa.ArrowNotImplementedError):
        return plain(column).take(chosen)
    return pa.chunked_array([pa.nulls(len(chosen), column.type)])


def with_target(table: Any, name: str, of: str = "") -> Rows:
    """Return the rows whose target has a value; says how many have none.

    Parameters
    ----------
    table : pyarrow.Table
        The table.
    name : str
        The target's.
    of : str
        As in `Rows`.

    Returns
    -------
    Rows

    Raises
    ------
    ValueError
        If there is no such column, or no row has a value.
    """
    if name not in table.column_names:
        has = some(table.column_names, 8)
        raise ValueError(f"{of}target: no column {name!r}; expected one of {has}")
    column = plain(table.column(name))
    known = column.is_valid().to_numpy()
    given = Rows(table, column, np.arange(len(column)), of)
    if str(column.type) in ("float", "double", "halffloat"):
        with given.numbered():
            known &= ~np.isnan(numbers(name, column))
    if not known.any():
        raise ValueError(f"{of}target {name!r}: no row has a value; expected some")
    if known.all():
        return given
    note(f"{of}target {name!r}: {rows(int((~known).sum()))} without a value left out")
    return given.take(np.flatnonzero(known))


def learn_target(name: str, column: Any, settings: Settings) -> Target:
    """Learn what the target is, by the task that is asked for or that it looks like.

    Parameters
    ----------
    name : str
        The target's.
    column : pyarrow.ChunkedArray
        Without gaps.
    settings : Settings
        Task and loss.

    Returns
    -------
    Classes or Quantity

    Raises
    ------
    ValueError
        If the column is of neither kind, or the loss or the metric is of the other.
    """
    task = task_of(name, column) if settings.task == "auto" else settings.task
    loss = losses.read(settings.loss or DEFAULT_LOSS[task])
    if loss.name not in LOSSES[task]:
        expected = ", ".join(LOSSES[task])
        raise ValueError(f"loss: {loss.text!r} for a {task}; expected one of {expected}")
    if task == "classification":
        if settings.metric not in ("loss", "accuracy"):
            raise ValueError(f"metric: {settings.metric!r}; expected loss or accuracy for classes")
        return Classes.learn(name, column)
    if settings.metric == "accuracy" or settings.class_weight is not None:
        what = "metric: 'accuracy'" if settings.metric == "accuracy" else "class_weight"
        raise ValueError(f"{what} for a regression; expected a classification")
    if kind(name, column) not in ("number", "boolean"):
        given = f"values of type {column.type}"
        raise ValueError(f"target {name!r}: {given}; expected numbers for a regression")
    _judge(name, column, loss)
    return Quantity.learn(name, column, standardise=loss.row.outputs == losses.ANY)


def _judge(name: str, column: Any, loss: losses.Chosen) -> None:
    """Refuse values of a target that a loss does not take."""
    y = numbers(name, column)
    holds, _, expected = losses.KINDS[loss.targets]
    bad = np.flatnonzero(~holds(y))
    if bad.size:
        row = int(bad[0])
        given = f"holds {y[row]:g}; expected {expected} for loss {loss.text!r}"
        raise RowError(f"target {name!r}", row, given)


def _targets(given: Rows, target: Target, net: Architecture) -> NDArray[Any]:
    """What the network learns of these rows; an error names the table's own."""
    with given.numbered():
        Y = target.Y(given.target)
        if isinstance(target, Quantity):
            _judge(target.name, given.target, net.chosen_loss)
            with np.errstate(over="ignore"):
                bad = np.flatnonzero(~np.isfinite(Y.astype(net.dtype)))
            if bad.size:
                row = int(bad[0])
                holds = f"holds {target.raw(given.target)[row]:g}; expected what {net.dtype} holds"
                raise RowError(f"target {target.name!r}", row, holds)
    return Y


def parted(given: Rows, target: Target, settings: Settings) -> tuple[Rows, Rows | None]:
    """Set rows aside to judge the training by: a share of each class, drawn by the seed.

    Parameters
    ----------
    given : Rows
        All there are.
    target : Classes or Quantity
        What their target is.
    settings : Settings
        Share and seed.

    Returns
    -------
    training, held_out : Rows
        None where none are wanted.
    """
    if settings.holdout == 0:
        return given, None
    loss = DEFAULT_LOSS[target.task]
    net = Architecture.from_arguments([1, target.n_outputs], loss=loss)  # says what Y holds
    rng = np.random.default_rng(settings.seed)
    try:
        first, second = split(settings.holdout, target.Y(given.target), None, net, rng)
    except ValueError:
        raise ValueError(
            f"holdout: {settings.holdout:g} of {rows(len(given.target))}; expected two rows of one "
            "class at least, or holdout 0"
        ) from None
    return given.take(first), given.take(second)


def train(
    encoder: Encoder,
    target: Target,
    training: Rows,
    held_out: Rows | None,
    settings: Settings,
    callbacks: Any = (),
) -> tuple[MLP, History]:
    """Train a network on the rows.

    Parameters
    ----------
    encoder : Encoder
        What the columns become.
    target : Classes or Quantity
        What the target becomes.
    training : Rows
        To train on.
    held_out : Rows, optional
        To stop early by; None: all epochs.
    settings : Settings
        All the rest.
    callbacks : sequence
        As `MLP.fit` takes them.

    Returns
    -------
    MLP
        With the weights of the best epoch.
    History
    """
    with training.numbered():
        X = encoder.X(training.table, settings.dtype)
    shift, scale = encoder.standard(X)
    mlp = MLP(
        [X.shape[1], *settings.hidden, target.n_outputs], settings.activation,
        output="softmax" if isinstance(target, Classes) else None,
        loss=settings.loss or DEFAULT_LOSS[target.task], dtype=settings.dtype, seed=settings.seed,
        l2=settings.l2, input_shift=shift, input_scale=scale,
    )  # fmt: skip
    validation = stopping = None
    if held_out is not None:
        with held_out.numbered():
            X_held_out = encoder.X(held_out.table, settings.dtype)
        validation = (X_held_out, _targets(held_out, target, mlp.architecture))
        stopping = EarlyStopping(settings.metric, settings.patience)
    history = mlp.fit(
        X, _targets(training, target, mlp.architecture), settings.rule(), settings.batch_size,
        settings.epochs,
        seed=settings.seed, n_threads=settings.threads, validation=validation,
        class_weight=settings.class_weight, dropout=settings.dropout or None,
        stopping=stopping, max_seconds=settings.max_seconds, callbacks=callbacks,
    )  # fmt: skip
    return mlp, history
