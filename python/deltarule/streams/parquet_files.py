# SPDX-License-Identifier: BSD-3-Clause
"""Rows of Parquet files or another Arrow dataset, through pyarrow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from os import PathLike, fspath
from typing import Any

import numpy as np

from deltarule._arguments import integer
from deltarule._quoting import quoted
from deltarule.results import Array

BLOCK_ROWS = 8192


class ParquetFiles:
    """A stream over chosen columns of Parquet files; it needs pyarrow.

    Each shard is a row group of a file (or a fragment of another dataset), read in blocks of at
    most `block_rows` rows. A missing value becomes NaN, which training refuses by block and row;
    in one column of integers as target it is a ValueError that names the row.

    Parameters
    ----------
    paths : path, sequence of paths or pyarrow.dataset.Dataset
        Files or folders; or a dataset, which may be of another format.
    features : sequence of str
        The columns of X, in this order.
    target : str or sequence of str
        The column of Y, (n,): labels where it holds integers and the loss takes them; or several,
        (n, K).
    weight : str, optional
        The column of sample weights.
    block_rows : int
        The most rows in a block.

    Attributes
    ----------
    n_rows : int
        Of all files.
    shards : list
        Re-iterables of blocks, with a `name`.

    Raises
    ------
    ImportError
        If there is no pyarrow.
    TypeError, ValueError
        If a column is missing or holds no numbers, or an argument does not fit.
    OSError
        If a file cannot be read.
    """

    def __init__(
        self,
        paths: Any,
        features: Sequence[str],
        target: str | Sequence[str],
        weight: str | None = None,
        block_rows: int = BLOCK_ROWS,
    ) -> None:
        dataset = _dataset(paths)
        size = integer("block_rows", block_rows, 1)
        x = _Columns("features", _names("features", features), dataset.schema)
        one = isinstance(target, str)
        names = [target] if isinstance(target, str) else _names("target", target)
        y = _Columns("target", names, dataset.schema, one)
        chosen = [x, y]
        if weight is not None:
            chosen.append(_Columns("weight", [weight], dataset.schema, one=True))
        self.shards = [
            Fragment(part, number, chosen, size, dataset.schema)
            for fragment in dataset.get_fragments()
            for number, part in enumerate(_row_groups(fragment))
        ]
        self.n_rows: int = dataset.count_rows()

    def __iter__(self) -> Iterator[tuple[Array, ...]]:
        for shard in self.shards:
            yield from shard

    def __repr__(self) -> str:
        return f"ParquetFiles({self.n_rows} rows in {len(self.shards)} shards)"


class Fragment:
    """One shard: a row group, or a fragment that has none."""

    lasting = True  # nobody writes over its blocks: they need no copy

    def __init__(
        self, fragment: Any, number: int, columns: list[_Columns], size: int, schema: Any
    ) -> None:
        self._fragment, self._columns, self._size = fragment, columns, size
        self._schema = schema
        self.name = f"{getattr(fragment, 'path', 'fragment')} row group {number}"

    def __iter__(self) -> Iterator[tuple[Array, ...]]:
        names = list(dict.fromkeys(name for columns in self._columns for name in columns.names))
        batches = self._fragment.to_batches(
            schema=self._schema, columns=names, batch_size=self._size, use_threads=False,
            batch_readahead=1, fragment_readahead=1,
        )  # fmt: skip
        row = 0
        for batch in batches:
            for columns in self._columns:
                columns.judge(batch, f"{self.name}, row", row)
            yield tuple(columns.of(batch) for columns in self._columns)
            row += len(batch)


class _Columns:
    """Columns that make one array, whose dtype holds all of their types."""

    def __init__(self, argument: str, names: list[str], schema: Any, one: bool = False) -> None:
        import pyarrow.types as types

        self.argument, self.names, self._one = argument, names, one
        dtypes = []
        for name in names:
            if name not in schema.names:
                raise ValueError(
                    f"{argument}: no column {name!r}; expected some of {', '.join(schema.names)}"
                )
            kind = schema.field(name).type
            if not (types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)):
                raise TypeError(f"{argument}: column {name!r} of {kind}; expected real numbers")
            dtypes.append(np.dtype(kind.to_pandas_dtype()))
        self._dtype = np.result_type(*dtypes)

    def judge(self, batch: Any, where: str, first_row: int) -> None:
        """Raise where one column of integers that may be labels has a gap: NaN is none of them."""
        column = batch.column(self.names[0])
        if (
            self.argument == "target"
            and self._one
            and self._dtype.kind != "f"
            and column.null_count
        ):
            row = first_row + int(np.argmax(column.is_null().to_numpy(zero_copy_only=False)))
            raise ValueError(
                f"{where} {row}: target {self.names[0]!r} is missing; expected a number"
            )

    def of(self, batch: Any) -> Array:
        """The array of one batch of rows."""
        columns = [batch.column(name).to_numpy(zero_copy_only=False) for name in self.names]
        columns = [np.asarray(c, float) if c.dtype == object else c for c in columns]  # gaps
        dtype = np.result_type(self._dtype, *columns)
        if self._one:
            only: Array = columns[0].astype(dtype, copy=False)
            return only
        rows = np.empty((len(batch), len(columns)), dtype)
        for j, column in enumerate(columns):
            rows[:, j] = column
        return rows


def _dataset(paths: Any) -> Any:
    try:
        import pyarrow.dataset
    except ImportError:
        raise ImportError("ParquetFiles needs pyarrow: pip install deltarule[tables]") from None
    if isinstance(paths, pyarrow.dataset.Dataset):
        return paths
    several = isinstance(paths, list | tuple)
    if several and not paths:
        raise ValueError("paths: no files; expected one or more")
    for path in paths if several else [paths]:
        if not isinstance(path, str | PathLike):
            raise TypeError(f"paths: {quoted(path)} of type {type(path).__name__}; expected paths")
    given = [fspath(path) for path in paths] if several else fspath(paths)
    return pyarrow.dataset.dataset(given, format="parquet")


def _names(argument: str, given: Any) -> list[str]:
    if isinstance(given, str) or not all(isinstance(name, str) for name in given):
        raise TypeError(f"{argument}: {quoted(given)}; expected a sequence of column names")
    names = list(given)
    if not names:
        raise ValueError(f"{argument}: no columns; expected one or more")
    return names


def _row_groups(fragment: Any) -> list[Any]:
    split = getattr(fragment, "split_by_row_group", None)
    return [fragment] if split is None else list(split())
