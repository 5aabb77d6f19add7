# SPDX-License-Identifier: BSD-3-Clause
"""What a column becomes: a `Number` or a `Category`, learnt from the training rows.

Each turns a column into its features, some columns of X, and says their names. What it learnt is
plain values, so that a file holds it as JSON. To add a kind of column: a class with these methods
and its line in `KINDS`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from deltarule.results import Array
from deltarule.table.arrow import pa, pc
from deltarule.table.notes import RowError, note, rows, some
from deltarule.table.values import (
    IN_DAYS,
    SECONDS_OF_A_DAY,
    are,
    are_texts,
    kind,
    numbers,
    plain,
    require,
    texts,
)

HOLDS = ("number", "boolean", *IN_DAYS)


@dataclass(frozen=True)
class Number:
    """x - median, 0 where there is no value; then 1 where there is none, if training had gaps.

    Relative to the median in float64: what is large beside its spread (years, times) keeps its
    digits in float32.

    Attributes
    ----------
    name : str
        The column's.
    holds : str
        "number", "boolean" (0 and 1), or as `values.IN_DAYS` has them.
    median : float
        Of the training rows that have a value.
    gaps : bool
        Whether training rows had none.
    """

    name: str
    holds: str
    median: float
    gaps: bool
    what: ClassVar[str] = "number"

    def __post_init__(self) -> None:
        require(are_texts(self.name) and are(bool, self.gaps) and are(float, self.median), self)
        require(self.holds in HOLDS and math.isfinite(self.median), self)
        in_seconds = abs(self.median) * SECONDS_OF_A_DAY
        require(self.holds not in IN_DAYS or in_seconds < 2**63, self)  # as Arrow and NumPy count

    @classmethod
    def learn(cls, name: str, column: Any) -> Number | None:
        """Return it; None where the column is constant and so says nothing."""
        x = numbers(name, column)
        known = x[~np.isnan(x)]
        gaps = len(known) < len(x)
        if not len(known) or (not gaps and (known == known[0]).all()):
            return None
        return cls(name, kind(name, column), float(np.median(known)), gaps)

    @property
    def features(self) -> list[str]:
        """Names of its columns of X."""
        return [self.name, f"{self.name} missing"][: 1 + self.gaps]

    @property
    def csv_type(self) -> Any:
        """What CSV is to be read as; None where that is inferred."""
        return {"number": pa.float64(), "boolean": pa.bool_()}.get(self.holds)

    def __str__(self) -> str:
        middle = f"{self.median:g}"
        if self.holds == "days":  # since 1970
            middle = str(np.datetime64(math.floor(self.median), "D"))
        elif self.holds == "times":
            middle = str(np.datetime64(round(self.median * SECONDS_OF_A_DAY), "s"))[11:]
        elif self.holds == "durations":
            middle += " days"
        return f"{self.holds}, median {middle}" + ", gaps" * self.gaps

    def fill(self, X: Array, column: Any, strict: bool = False) -> None:
        """Write its columns of X."""
        column = plain(column)
        given = kind(self.name, column)
        mixed = given != self.holds and (given in IN_DAYS or self.holds in IN_DAYS)
        if mixed and given not in ("nothing", "text"):
            expected = IN_DAYS.get(self.holds, "numbers")
            raise ValueError(
                f"column {self.name!r}: values of type {column.type}; expected {expected}, as in "
                "training"
            )
        x = numbers(self.name, column)
        missing = np.isnan(x)
        if missing.any() and not self.gaps:
            unexpected(
                f"column {self.name!r}: {rows(int(missing.sum()))} without a value, which training "
                "never had; the median stands in",
                strict,
            )
        with np.errstate(over="ignore"):
            X[:, 0] = np.where(missing, 0.0, x - self.median)
        large = np.flatnonzero(~np.isfinite(X[:, 0]))
        if large.size:
            row = int(large[0])
            holds = f"holds {x[row]:g}; expected numbers that {X.dtype} holds"
            raise RowError(f"column {self.name!r}", row, holds)
        if self.gaps:
            X[:, 1] = missing


@dataclass(frozen=True)
class Category:
    """1 in the place of the row's text, 0 elsewhere; a place of its own for none, if there were.

    Attributes
    ----------
    name : str
        The column's.
    categories : tuple of str
        The texts of the training rows, in order.
    gaps : bool
        Whether training rows had none.
    """

    name: str
    categories: tuple[str, ...]
    gaps: bool
    what: ClassVar[str] = "category"

    def __post_init__(self) -> None:
        require(are_texts(self.name, *self.categories) and are(bool, self.gaps), self)
        require(len(set(self.categories)) == len(self.categories) > 0, self)

    @classmethod
    def learn(cls, name: str, column: Any, most: int) -> Category | None:
        """Return it; None where the column is constant and so says nothing."""
        values = texts(name, column)
        found = sorted(pc.unique(values.drop_null()).to_pylist())
        gaps = values.null_count > 0
        if len(found) + gaps < 2 or not found:
            return None
        if len(found) > most:
            raise ValueError(
                f"column {name!r}: {len(found)} different texts in {rows(len(values))}, such as "
                f"{some(found, 2)}; expected at most {most} (leave the column out: drop; or allow "
                "more: max_categories)"
            )
        return cls(name, tuple(found), gaps)

    @property
    def features(self) -> list[str]:
        """Names of its columns of X."""
        names = [f"{self.name}={value}" for value in self.categories]
        return names + [f"{self.name} missing"] * self.gaps

    @property
    def csv_type(self) -> Any:
        """What CSV is to be read as."""
        return pa.string()

    def __str__(self) -> str:
        values = some(list(self.categories), 4)
        many = "category" if len(self.categories) == 1 else "categories"
        return f"{len(self.categories)} {many}: {values}" + ", gaps" * self.gaps

    def fill(self, X: Array, column: Any, strict: bool = False) -> None:
        """Write its columns of X."""
        values = texts(self.name, plain(column))
        codes = pc.index_in(values, value_set=pa.array(self.categories, pa.string()))
        known = codes.is_valid().to_numpy()
        missing = values.is_null().to_numpy()
        X[:] = 0
        at = np.flatnonzero(known)
        X[at, codes.drop_null().to_numpy()] = 1
        if self.gaps:
            X[missing, -1] = 1
        elif missing.any():
            unexpected(
                f"column {self.name!r}: {rows(int(missing.sum()))} without a value, which training "
                "never had; taken as none of its categories",
                strict,
            )
        unseen = ~known & ~missing
        if unseen.any():
            others = sorted(pc.unique(values.filter(pa.array(unseen))).to_pylist())
            unexpected(
                f"column {self.name!r}: {rows(int(unseen.sum()))} with {some(others, 3)}, which "
                "training never saw; taken as none of its categories",
                strict,
            )


Column = Number | Category
KINDS: dict[str, type[Number] | type[Category]] = {c.what: c for c in (Number, Category)}


def learn(name: str, column: Any, as_category: bool, most: int) -> Column | None:
    """Learn what a column becomes.

    Parameters
    ----------
    name : str
        The column's.
    column : pyarrow.ChunkedArray
        Its training rows.
    as_category : bool
        Whether numbers are categories too.
    most : int
        How many categories there may be.

    Returns
    -------
    Number, Category or None
        None: all its values are equal, or there are none.

    Raises
    ------
    ValueError
        If it is of a type that can't be a feature, or has too many categories.
    """
    column = plain(column)
    holds = kind(name, column)
    if holds == "nothing":
        return None
    if as_category or holds == "text":
        return Category.learn(name, column, most)
    return Number.learn(name, column)


def unexpected(what: str, strict: bool) -> None:
    """Say what training never saw: a warning, or an error if that is asked for."""
    if strict:
        raise ValueError(what.split(";")[0])
    note(what)
