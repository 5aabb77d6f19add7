# SPDX-License-Identifier: BSD-3-Clause
"""The target column: classes to choose from, or a number to come close to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from deltarule._typing import NDArray
from deltarule.metrics import labels
from deltarule.results import Array
from deltarule.table.arrow import pa, pc
from deltarule.table.encoder import mean_and_deviation
from deltarule.table.notes import RowError, some
from deltarule.table.values import (
    IN_DAYS,
    are,
    are_texts,
    kind,
    numbers,
    plain,
    require,
    texts,
    whole_numbers,
)

MOST_CLASSES = 20  # different whole numbers that are taken as classes
ROWS_PER_CLASS = 5  # on average, at least
TYPES = {"text": pa.string(), "boolean": pa.bool_(), "number": pa.int64()}


@dataclass(frozen=True)
class Classes:
    """Labels 0 .. K-1 in the order of the values.

    Attributes
    ----------
    name : str
        The column's.
    holds : str
        "text", "boolean" or "number": whole ones.
    values : tuple of str, bool or int
        The classes, in order.
    """

    name: str
    holds: str
    values: tuple[Any, ...]
    task: ClassVar[str] = "classification"

    def __post_init__(self) -> None:
        require(are_texts(self.name) and self.holds in TYPES, self)
        good = {"text": are_texts, "boolean": _are_booleans, "number": _are_int64}[self.holds]
        require(good(*self.values), self)
        require(len(set(self.values)) == len(self.values) > 1, self)

    @classmethod
    def learn(cls, name: str, column: Any) -> Classes:
        """Learn the classes of a column without gaps."""
        holds = kind(name, column)
        if holds in IN_DAYS:
            raise ValueError(f"target {name!r}: values of type {column.type}; expected classes")
        found = sorted(pc.unique(_typed(name, column, holds)).to_pylist())
        if len(found) < 2:
            raise ValueError(f"target {name!r}: every row holds {found[0]!r}; expected two classes")
        return cls(name, holds, tuple(found))

    @property
    def csv_type(self) -> Any:
        """What CSV is to be read as."""
        return TYPES[self.holds]

    @property
    def n_outputs(self) -> int:
        """The number K."""
        return len(self.values)

    def Y(self, column: Any) -> NDArray[np.int64]:
        """Return the labels of a column without gaps."""
        column = _typed(self.name, plain(column), self.holds)
        codes = pc.index_in(column, value_set=pa.array(self.values, TYPES[self.holds]))
        if codes.null_count:
            row = int(np.argmax(codes.is_null().to_numpy()))
            given, expected = column[row].as_py(), some(list(self.values))
            holds = f"holds {given!r}; expected one of {expected}, as in training"
            raise RowError(f"target {self.name!r}", row, holds)
        labels: NDArray[np.int64] = codes.to_numpy().astype(np.int64)
        return labels

    def predictions(self, y_hat: Array) -> dict[str, Any]:
        """Return the columns that `predict` gives: the class, and the probability of each."""
        chosen = pa.array(self.values, TYPES[self.holds]).take(pa.array(labels(y_hat)))
        columns = {f"predicted_{self.name}": chosen}
        for k, value in enumerate(self.values):
            columns[f"probability_{_text(value)}"] = pa.array(y_hat[:, k])
        return columns

    def __str__(self) -> str:
        return f"{len(self.values)} classes: {some([_text(v) for v in self.values], 10)}"


@dataclass(frozen=True)
class Quantity:
    """y, of which the network learns (y - shift) / scale.

    Attributes
    ----------
    name : str
        The column's.
    shift, scale : float
        Mean and standard deviation of the table's rows, or 0 and 1 where the loss needs y itself.
    """

    name: str
    shift: float
    scale: float
    task: ClassVar[str] = "regression"

    def __post_init__(self) -> None:
        require(are_texts(self.name) and are(float, self.shift, self.scale), self)
        require(bool(np.isfinite([self.shift, self.scale]).all()), self)
        require(self.scale > 0, self)

    @classmethod
    def learn(cls, name: str, column: Any, standardise: bool) -> Quantity:
        """Learn the scale of a column without gaps."""
        y = numbers(name, column)
        if (y == y[0]).all():
            raise ValueError(f"target {name!r}: every row holds {y[0]:g}; expected some variety")
        shift, scale = mean_and_deviation(y) if standardise else (0.0, 1.0)
        if not (np.isfinite(shift) and np.isfinite(scale) and scale > 0):
            raise ValueError(f"target {name!r}: its numbers leave float64 in their mean or squares")
        return cls(name, shift, scale)

    @property
    def csv_type(self) -> Any:
        """What CSV is to be read as."""
        return pa.float64()

    @property
    def n_outputs(self) -> int:
        """The number K."""
        return 1

    def Y(self, column: Any) -> Array:
        """Return what the network learns, for a column without gaps."""
        return (self.raw(column) - self.shift) / self.scale

    def raw(self, column: Any) -> Array:
        """Return y of a column without gaps."""
        return numbers(self.name, plain(column))

    def values(self, y_hat: Array) -> Array:
        """Return predictions in the units of the column."""
        return y_hat[:, 0].astype(np.float64) * self.scale + self.shift

    def predictions(self, y_hat: Array) -> dict[str, Any]:
        """Return the column that `predict` gives."""
        return {f"predicted_{self.name}": pa.array(self.values(y_hat))}

    def __str__(self) -> str:
        return f"number, learnt as (y - {self.shift:g}) / {self.scale:g}"


Target = Classes | Quantity


def task_of(name: str, column: Any) -> str:
    """Decide what a target column asks for.

    Parameters
    ----------
    name : str
        The column's.
    column : pyarrow.ChunkedArray
        Without gaps.

    Returns
    -------
    str
        "classification" for texts, booleans, and whole numbers of at most 20 different values, each
        in 5 rows on average; else "regression".
    """
    holds = kind(name, column)
    if holds in ("text", "boolean"):
        return "classification"
    if holds != "number":
        raise ValueError(
            f"target {name!r}: values of type {column.type}; expected numbers, texts or booleans"
        )
    y = np.unique(numbers(name, column))
    few = len(y) <= MOST_CLASSES and ROWS_PER_CLASS * len(y) <= len(column)
    return "classification" if few and (y == np.round(y)).all() else "regression"


def _typed(name: str, column: Any, holds: str) -> Any:
    """The column as texts, booleans or int64."""
    if kind(name, column) == holds == "boolean":
        return column
    if holds == "number" and kind(name, column) == "number":
        if pa.types.is_integer(column.type):
            return column.cast(pa.int64())
        return pa.chunked_array([whole_numbers(name, column)])
    if holds == "text":
        return texts(name, column)
    given = f"values of type {column.type}"
    expected = {"number": "whole numbers", "boolean": "booleans"}[holds]
    raise ValueError(f"target {name!r}: {given}; expected {expected}, as in training")


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _are_booleans(*values: object) -> bool:
    return are(bool, *values)


def _are_int64(*values: Any) -> bool:
    return are(int, *values) and all(-(2**63) <= value < 2**63 for value in values)
