# SPDX-License-Identifier: BSD-3-Clause
"""Arrow columns as NumPy arrays: numbers with NaN where there is none, texts, whole numbers."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, NoReturn

import numpy as np

from deltarule.results import Array
from deltarule.table.arrow import pa, pc
from deltarule.table.notes import RowError

SECONDS_OF_A_DAY = 86400
IN_DAYS = {"days": "dates", "times": "times of day", "durations": "durations"}  # by kind
PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def are(of: type, *values: object) -> bool:
    """Whether all values are of a type, exactly."""
    return all(type(value) is of for value in values)


def are_texts(*values: object) -> bool:
    """Whether all values are texts of UTF-8, which Arrow and terminals take."""
    for value in values:
        if type(value) is not str:
            return False
        try:
            value.encode()
        except UnicodeEncodeError:  # half of a pair of surrogates, which JSON can hold
            return False
    return True


def require(holds: bool, what: object) -> None:
    """Refuse what a file holds if it is not what training would have learnt."""
    if not holds:
        raise ValueError(f"{what!r}; expected what training learns")


def plain(column: Any) -> Any:
    """Return an Arrow column without the encodings that change no value.

    Parameters
    ----------
    column : pyarrow.ChunkedArray
        Of any type.

    Returns
    -------
    pyarrow.ChunkedArray
        Dictionaries and runs decoded, texts of type string.
    """
    if str(column.type).startswith("run_end"):
        with suppress(pa.ArrowNotImplementedError):
            column = pc.run_end_decode(column)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_large_string(column.type) or str(column.type) == "string_view":
        column = column.cast(pa.string())
    return column


def kind(name: str, column: Any) -> str:
    """Say what a plain column holds.

    Parameters
    ----------
    name : str
        The column's, for the message.
    column : pyarrow.ChunkedArray
        As `plain` returns it.

    Returns
    -------
    str
        "nothing", "text", "boolean", "number" (whole ones included), "days" (dates, with or
        without a time), "times" (of day) or "durations".

    Raises
    ------
    ValueError
        If it is none of these.
    """
    of = column.type
    if pa.types.is_null(of):
        return "nothing"
    if pa.types.is_string(of):
        return "text"
    if pa.types.is_boolean(of):
        return "boolean"
    if pa.types.is_integer(of) or pa.types.is_floating(of) or pa.types.is_decimal(of):
        return "number"
    if _units_of_a_day(of):
        if pa.types.is_time(of):
            return "times"
        return "durations" if pa.types.is_duration(of) else "days"
    what = "bytes that are no UTF-8 text" if pa.types.is_binary(of) else f"values of type {of}"
    raise ValueError(
        f"column {name!r}: {what}; expected numbers, texts, booleans, dates or times "
        "(leave the column out: drop)"
    )


def numbers(name: str, column: Any) -> Array:
    """Return a plain column of numbers, booleans, dates or times in float64.

    Parameters
    ----------
    name : str
        The column's, for the message.
    column : pyarrow.ChunkedArray
        As `plain` returns it.

    Returns
    -------
    array, (n,)
        NaN where there is no value; dates and times in days.

    Raises
    ------
    ValueError
        If a value is infinite, or the column holds texts.
    """
    holds = kind(name, column)
    if holds == "nothing":
        return np.full(len(column), np.nan)
    if holds == "text":
        _refuse_text(name, column)
    if holds in IN_DAYS:
        whole = pa.int32() if column.type.bit_width == 32 else pa.int64()
        column = pc.divide(_float(column.cast(whole)), float(_units_of_a_day(column.type)))
    x: Array = _float(column).to_numpy().astype(np.float64)
    infinite = np.flatnonzero(np.isinf(x))
    if infinite.size:
        row = int(infinite[0])
        holds = f"holds {x[row]}; expected finite numbers, or no value"
        raise RowError(f"column {name!r}", row, holds)
    return x


def texts(name: str, column: Any) -> Any:
    """Return a plain column as texts.

    Parameters
    ----------
    name : str
        The column's, for the message.
    column : pyarrow.ChunkedArray
        As `plain` returns it: texts, booleans or whole numbers, whatever their type.

    Returns
    -------
    pyarrow.ChunkedArray of string
        With nulls where there is no value.

    Raises
    ------
    ValueError
        If the column holds something else.
    """
    holds = kind(name, column)
    if holds in IN_DAYS or pa.types.is_decimal(column.type):
        raise ValueError(
            f"column {name!r}: values of type {column.type}; expected texts or whole numbers"
        )
    if pa.types.is_floating(column.type):
        column = pa.chunked_array([whole_numbers(name, column)])
    return column.cast(pa.string())


def whole_numbers(name: str, column: Any) -> Any:
    """Return a column of floats that are whole as int64, nulls for NaN.

    Parameters
    ----------
    name : str
        The column's, for the message.
    column : pyarrow.ChunkedArray
        Floats.

    Returns
    -------
    pyarrow.Array of int64

    Raises
    ------
    ValueError
        If one is not whole.
    """
    x = numbers(name, column)
    missing = np.isnan(x)
    bad = np.flatnonzero(~missing & ((x != np.round(x)) | (np.abs(x) > 2**53)))
    if bad.size:
        row = int(bad[0])
        holds = f"holds {x[row]}; expected texts or whole numbers"
        raise RowError(f"column {name!r}", row, holds)
    return pa.array(np.where(missing, 0, x).astype(np.int64), mask=missing)


def _float(column: Any) -> Any:
    """Cast to float64; integers beyond 2^53 are rounded."""
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    if pa.types.is_float16(column.type):
        column = column.cast(pa.float32())
    return column.cast(pa.float64(), safe=False)


def _units_of_a_day(of: Any) -> int:
    """How many of a date's or time's units a day has; 0 of other types."""
    if pa.types.is_date32(of):
        return 1
    if pa.types.is_date64(of):
        return SECONDS_OF_A_DAY * PER_SECOND["ms"]
    if pa.types.is_timestamp(of) or pa.types.is_time(of) or pa.types.is_duration(of):
        return SECONDS_OF_A_DAY * PER_SECOND[of.unit]
    return 0


def _refuse_text(name: str, column: Any) -> NoReturn:
    row = int(np.argmax(column.is_valid().to_numpy()))
    holds = f"holds the text {column[row].as_py()!r}; expected numbers, as in training"
    raise RowError(f"column {name!r}", row, holds)
