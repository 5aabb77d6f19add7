# SPDX-License-Identifier: BSD-3-Clause
"""A table's columns together: from raw tables to X."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from deltarule.results import Array
from deltarule.table.columns import KINDS, Column, learn
from deltarule.table.notes import some
from deltarule.table.values import are_texts, require


@dataclass(frozen=True)
class Encoder:
    """What became of each column of the training table.

    Attributes
    ----------
    columns : tuple of Number or Category
        Those that became features, in the order of the table.
    constant : tuple of str
        Those that did not: all their values were equal, or they had none.
    """

    columns: tuple[Column, ...]
    constant: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = [column.name for column in self.columns]
        require(are_texts(*self.constant) and len({*names}) == len(names), self)

    @classmethod
    def learn(
        cls, table: Any, leave_out: Collection[str], as_category: Collection[str], most: int
    ) -> Encoder:
        """Learn from the training rows.

        Parameters
        ----------
        table : pyarrow.Table
            The training rows.
        leave_out : collection of str
            Columns that are no features.
        as_category : collection of str
            Columns whose numbers are categories.
        most : int
            How many categories a column may have.

        Returns
        -------
        Encoder

        Raises
        ------
        ValueError
            If a column can't be a feature, or no column says anything.
        """
        columns, constant = [], []
        for name in table.column_names:
            if name in leave_out:
                continue
            column = learn(name, table.column(name), name in as_category, most)
            if column is None:
                constant.append(name)
            else:
                columns.append(column)
        if not columns:
            raise ValueError("table: no column besides the target varies; expected some features")
        return cls(tuple(columns), tuple(constant))

    @property
    def features(self) -> list[str]:
        """Names of the columns of X."""
        return [feature for column in self.columns for feature in column.features]

    @property
    def csv_types(self) -> dict[str, Any]:
        """What CSV is to be read as, by column."""
        types = {column.name: column.csv_type for column in self.columns}
        return {name: of for name, of in types.items() if of is not None}

    def X(self, table: Any, dtype: str, strict: bool = False) -> Array:
        """Return the features of a raw table.

        Parameters
        ----------
        table : pyarrow.Table
            With all columns that became features, in any order; others are not looked at.
        dtype : str
            Of X.
        strict : bool
            Whether what training never saw is an error.

        Returns
        -------
        array, (n, H_0)

        Raises
        ------
        ValueError
            If a column is missing or does not hold what it held in training.
        """
        missing = [c.name for c in self.columns if c.name not in table.column_names]
        if missing:
            raise ValueError(f"table: no column {some(missing)}; expected all that training had")
        X = np.empty((table.num_rows, len(self.features)), dtype)
        start = 0
        for column in self.columns:
            end = start + len(column.features)
            column.fill(X[:, start:end], table.column(column.name), strict)
            start = end
        return X

    def standard(self, X: Array) -> tuple[Array, Array]:
        """Return what standardises X: shift and scale of the numbers, 0 and 1 of the others.

        Parameters
        ----------
        X : array, (n, H_0)
            Of the training rows.

        Returns
        -------
        shift, scale : array of float64, (H_0,)
            For the network's `input_shift` and `input_scale`.

        Raises
        ------
        ValueError
            If a column's spread is beyond the dtype.
        """
        shift, scale = np.zeros(X.shape[1]), np.ones(X.shape[1])
        limits = np.finfo(X.dtype)
        start = 0
        for column in self.columns:
            if column.what == "number":
                shift[start], spread = mean_and_deviation(X[:, start])
                alike = spread == 0 and column.gaps  # one value, or none
                if not alike and not limits.tiny < spread < 1 / limits.tiny:
                    raise ValueError(
                        f"column {column.name!r}: standard deviation {spread:g}; expected numbers "
                        f"that {X.dtype} can standardise: other units, or dtype float64"
                    )
                scale[start] = 1 / spread if spread else 1.0
            start += len(column.features)
        return shift, scale

    def state(self) -> dict[str, Any]:
        """What a file holds: plain values."""
        columns = [{"kind": column.what, **asdict(column)} for column in self.columns]
        return {"columns": columns, "constant": list(self.constant)}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Encoder:
        """Build one from `state()`; whatever doesn't fit is some kind of exception."""
        columns = []
        for values in state["columns"]:
            fields = {key: value for key, value in values.items() if key != "kind"}
            if "categories" in fields:
                fields["categories"] = tuple(fields["categories"])
            columns.append(KINDS[values["kind"]](**fields))
        return cls(tuple(columns), tuple(state["constant"]))


def mean_and_deviation(x: Array) -> tuple[float, float]:
    """Mean and standard deviation, added one after the other: the same bits on every machine.

    NumPy's own sums run along vector lanes, in an order that depends on the CPU.
    """
    x = np.asarray(x, np.float64)
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused by name
        mean = float(np.cumsum(x)[-1]) / len(x)
        square = float(np.cumsum((x - mean) ** 2)[-1]) / len(x)
    return mean, float(np.sqrt(square))
