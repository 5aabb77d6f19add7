# SPDX-License-Identifier: BSD-3-Clause
"""CSV and Parquet files as Arrow tables; what is wrong with a file is said with its path."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping
from os import PathLike
from typing import Any

from deltarule._quoting import quoted
from deltarule.table.arrow import pa

SEPARATORS = {".csv": ",", ".tsv": "\t"}
COMPRESSED = (".gz", ".bz2", ".zst")
PARQUET = (".parquet", ".pq")
UTF16 = (b"\xff\xfe", b"\xfe\xff")  # its first bytes, in both orders
EXPECTED_TEXT = "; expected UTF-8"
EXPECTED = ".csv or .tsv (also .gz, .bz2, .zst), .parquet or .pq"


def read(source: Any, types: Mapping[str, Any] | None = None, delimiter: str | None = None) -> Any:
    """Return a table as a `pyarrow.Table`.

    Parameters
    ----------
    source : path, pyarrow.Table or anything that `pyarrow.table` takes
        The path of a CSV or Parquet file, told by the end of its name; or the table itself: Arrow,
        pandas, polars, a dict of arrays.
    types : mapping of str to pyarrow.DataType, optional
        Types of columns that CSV is read with; those of the others are inferred from all their
        values.
    delimiter : str, optional
        What separates the values of a CSV file; None: a comma, in .tsv a tab.

    Returns
    -------
    pyarrow.Table

    Raises
    ------
    TypeError
        If source is no table.
    FileNotFoundError, OSError
        If the file cannot be read.
    ValueError
        If it is no such file, has no rows, or two columns have one name.
    """
    if delimiter is not None and len(delimiter.encode()) != 1:
        raise ValueError(f"delimiter: {delimiter!r}; expected one ASCII character")
    if isinstance(source, str | PathLike):
        path = os.fspath(source)
        table = _from_file(str(path), types or {}, delimiter)
        named = repr(path)
    else:
        table, named = _from_memory(source), "table"
    twice = [name for name, count in Counter(table.column_names).items() if count > 1]
    if twice:
        raise ValueError(f"{named}: {twice[0]!r} names two columns; expected different names")
    if table.num_rows == 0:
        raise ValueError(f"{named}: no rows; expected some")
    return table


def kind_of_file(path: str) -> str:
    """Return what the end of the name says: ".csv", ".tsv" or ".parquet".

    Parameters
    ----------
    path : str
        Of a file, that need not be there.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If it says nothing known.
    """
    stem, end = os.path.splitext(path.lower())
    if end in PARQUET:
        return ".parquet"
    if end in COMPRESSED:
        end = os.path.splitext(stem)[1]
    if end not in SEPARATORS:
        raise ValueError(f"{path!r}: the end of its name; expected {EXPECTED}")
    return end


def _from_memory(source: Any) -> Any:
    try:
        return _without_index(source if isinstance(source, pa.Table) else pa.table(source))
    except (TypeError, ValueError, OverflowError, pa.ArrowException) as error:
        given = f"{quoted(source)} of type {type(source).__name__}"
        raise TypeError(
            f"table: {given}; expected the path of a file, or a table that pyarrow takes ({error})"
        ) from None


def _from_file(path: str, types: Mapping[str, Any], delimiter: str | None) -> Any:
    kind = kind_of_file(path)
    if os.path.isdir(path):
        raise IsADirectoryError(f"{path!r} is a directory; expected a file")
    try:
        if kind == ".parquet":
            return _parquet(path)
        table = _csv(path, types, delimiter or SEPARATORS[kind])
        _ = table.column_names  # which are decoded only now
        if delimiter is None:
            _judge_names(path, table.column_names, SEPARATORS[kind])
        return table
    except FileNotFoundError:
        raise FileNotFoundError(f"{path!r}: no such file") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"{path!r}: {error}{_not_utf16(path) or EXPECTED_TEXT}") from None
    except pa.ArrowException as error:
        raise ValueError(f"{path!r}: {error}") from None


def _judge_names(path: str, names: list[str], separator: str) -> None:
    """Refuse one column whose name looks like the names of several."""
    if len(names) != 1:
        return
    if others := [c for c in ",;\t|" if c != separator and c in names[0]]:
        raise ValueError(
            f"{path!r}: one column, {names[0]!r}; expected values separated by {separator!r}, or "
            f"delimiter {others[0]!r} (--delimiter) to be given"
        )


def _not_utf16(path: str) -> str:
    """What to add to a message if that is what the file begins like."""
    if not os.path.isfile(path):  # a pipe, that has been read
        return ""
    with open(path, "rb") as file:
        return f"{EXPECTED_TEXT}, not UTF-16" if file.read(2) in UTF16 else ""


def _parquet(path: str) -> Any:
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        return _without_index(file.read())


def _without_index(table: Any) -> Any:
    """Drop what pandas makes of its row numbers, a column: no feature of anything."""
    index = [name for name in table.column_names if re.fullmatch(r"__index_level_\d+__", name)]
    return table.drop_columns(index) if index else table


def _csv(path: str, types: Mapping[str, Any], delimiter: str) -> Any:
    try:
        return _read_csv(path, types, delimiter)
    except pa.ArrowInvalid as error:
        said = _with_row(error, path, types, delimiter)
        found = re.fullmatch(r"(?:In CSV column #(\d+): )?(?:Row #(\d+): )?(.*)", said, re.DOTALL)
        assert found is not None  # all of it may be the last group
        column = f"column {_names(path, delimiter)[int(found[1])]!r}: " if found[1] else ""
        row = f"row {int(found[2]) - 2}: " if found[2] else ""  # its first is the line of names
        hint = _not_utf16(path)
        if not hint and "Expected 1 columns" in said:
            hint = f"; is {delimiter!r} its delimiter (--delimiter)?"
        raise ValueError(f"{path!r}: {column}{row}{found[3]}{hint}") from None


def _read_csv(path: str, types: Mapping[str, Any], delimiter: str, threads: bool = True) -> Any:
    from pyarrow import csv as arrow_csv

    return arrow_csv.read_csv(
        path,
        read_options=arrow_csv.ReadOptions(use_threads=threads),
        parse_options=arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict(types), strings_can_be_null=True
        ),
    )


def _with_row(error: Exception, path: str, types: Mapping[str, Any], delimiter: str) -> str:
    """What is wrong with the file: pyarrow counts rows only where it reads with one thread."""
    if os.path.isfile(path):  # no pipe, that has been read
        try:
            _read_csv(path, types, delimiter, threads=False)
        except pa.ArrowInvalid as again:
            error = again
    return str(error).replace("CSV parse error: Row #", "Row #")


def _names(path: str, delimiter: str) -> list[str]:
    """The names of the columns, for messages: pyarrow's have their numbers."""
    from pyarrow import csv as arrow_csv

    options = arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
    with arrow_csv.open_csv(path, parse_options=options) as reader:
        names: list[str] = reader.schema.names
    return names
