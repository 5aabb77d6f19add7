# SPDX-License-Identifier: BSD-3-Clause
"""Arrow tables as CSV and Parquet files, which are there whole or not at all."""

from __future__ import annotations

import os
from typing import Any

from deltarule.files.replacing import replace
from deltarule.table.arrow import pa
from deltarule.table.reading import SEPARATORS, kind_of_file

CODECS = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}


def write(table: Any, path: str | os.PathLike[str], delimiter: str | None = None) -> None:
    """Write a table; the end of the name says in which format.

    Parameters
    ----------
    table : pyarrow.Table
        What to write.
    path : str or path
        The file, replaced if it is there, once the new one is whole.
    delimiter : str, optional
        Of a CSV file; None: a comma, in .tsv a tab.

    Raises
    ------
    ValueError
        If the name ends in nothing known.
    OSError
        If it cannot be written.
    """
    target = os.fspath(path)
    kind = kind_of_file(target)
    sink = pa.BufferOutputStream()
    if kind == ".parquet":
        from pyarrow import parquet

        parquet.write_table(table, sink)
    elif codec := CODECS.get(os.path.splitext(target.lower())[1]):
        with pa.CompressedOutputStream(sink, codec) as stream:
            write_csv(table, stream, delimiter or SEPARATORS[kind])
    else:
        write_csv(table, sink, delimiter or SEPARATORS[kind])
    replace(target, [sink.getvalue()])


def write_csv(table: Any, stream: Any, delimiter: str = ",") -> None:
    """Write a table as CSV into an open stream of bytes.

    Parameters
    ----------
    table : pyarrow.Table
        What to write.
    stream : binary file or pyarrow stream
        Where to.
    delimiter : str
        Between the values.
    """
    from pyarrow import csv

    csv.write_csv(table, stream, csv.WriteOptions(delimiter=delimiter))
