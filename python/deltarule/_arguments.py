# SPDX-License-Identifier: BSD-3-Clause
"""Judges single arguments: integers, numbers, names, seeds.

Arrays of samples are judged in `_validate.py`. Every message reads "argument: given; expected
what": TypeError for the wrong kind, ValueError for a value out of range.
"""

from __future__ import annotations

import math
import numbers
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from deltarule._modes import in_default_modes
from deltarule._quoting import quoted
from deltarule._typing import NDArray


def integer(name: str, value: object, minimum: int) -> int:
    """Return `value` as an int that is at least `minimum`.

    Parameters
    ----------
    name : str
        The argument's name, for the message.
    value : object
        Anything with `__index__` (NumPy integers too). A bool is refused: it is never meant.
    minimum : int
        The smallest value allowed.

    Returns
    -------
    int

    Raises
    ------
    TypeError
        If `value` is not an integer.
    ValueError
        If `value < minimum`.
    """
    expected = f"an integer >= {minimum}"
    if isinstance(value, bool):
        raise TypeError(f"{name}: {value}; expected {expected}")
    try:
        result = operator.index(value)  # type: ignore[arg-type]  # refused by the except clause
    except TypeError:
        raise TypeError(
            f"{name}: {quoted(value)} of type {type(value).__name__}; expected {expected}"
        ) from None
    if result < minimum:
        raise ValueError(f"{name}: {quoted(result)}; expected {expected}")
    return result


MOST_COUNTED = 2**62  # what trains counts on in 64 bits


def count(name: str, value: object) -> int:
    """Return `value` as a count that may go on: an int >= 0 and below `MOST_COUNTED`.

    Parameters
    ----------
    name : str
        The argument's name, for the message.
    value : object
        As `integer` takes it.

    Returns
    -------
    int

    Raises
    ------
    TypeError, ValueError
        If it is none.
    """
    result = integer(name, value, 0)
    if result >= MOST_COUNTED:
        raise ValueError(f"{name}: {quoted(result)}; expected an integer >= 0 and < 2**62")
    return result


def number(name: str, value: object, accept: Callable[[float], bool], expected: str) -> float:
    """Return `value` as a finite float for which `accept` holds.

    Parameters
    ----------
    name : str
        The argument's name, for the message.
    value : object
        A real number (NumPy scalars too), not a bool.
    accept : callable
        Says whether a finite value is allowed.
    expected : str
        The same in words, for the message.

    Returns
    -------
    float

    Raises
    ------
    TypeError
        If `value` is not a real number.
    ValueError
        If it is not finite or not accepted.
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(
            f"{name}: {quoted(value)} of type {type(value).__name__}; expected {expected}"
        )
    try:
        result = _rounded(value) if hasattr(value, "dtype") else float(value)
    except OverflowError:  # an int beyond float64
        result = math.inf
    if not math.isfinite(result) or not accept(result):
        raise ValueError(f"{name}: {quoted(value)}; expected {expected}")
    return result


@in_default_modes
def _rounded(value: Any) -> float:
    return float(value)


def choice(name: str, value: object, allowed: Sequence[str]) -> str:
    """Return `value` if it is one of the names `allowed`.

    Parameters
    ----------
    name : str
        The argument's name, for the message.
    value : object
        What was given.
    allowed : sequence of str
        The names to choose from.

    Returns
    -------
    str

    Raises
    ------
    TypeError
        If `value` is not a string.
    ValueError
        If it is none of `allowed`.
    """
    expected = " or ".join(repr(a) for a in allowed)
    if not isinstance(value, str):
        raise TypeError(
            f"{name}: {quoted(value)} of type {type(value).__name__}; expected {expected}"
        )
    if value not in allowed:
        raise ValueError(f"{name}: {value!r}; expected {expected}")
    return str(value)


def generator(seed: Any, name: str = "seed") -> np.random.Generator:
    """Return `default_rng(seed)`, the one source of randomness, with an error that names `seed`.

    Parameters
    ----------
    seed : None, int or anything else that `numpy.random.default_rng` takes
        None draws fresh entropy; an int >= 0 repeats.
    name : str
        The argument's name, for the message.

    Returns
    -------
    numpy.random.Generator

    Raises
    ------
    TypeError, ValueError
        If `default_rng` refuses the seed.
    """
    given = f"{name}: {quoted(seed)}; expected None, an integer >= 0 or a generator"
    if isinstance(seed, bool):
        raise TypeError(given)
    try:
        return np.random.default_rng(seed)
    except TypeError:
        raise TypeError(given) from None
    except ValueError:
        raise ValueError(given) from None


def unmasked(name: str, value: object) -> None:
    """Refuse masked entries, which `numpy.asarray` would turn into what lies beneath the mask.

    Parameters
    ----------
    name : str
        The argument's name, for the message.
    value : object
        Anything; only a masked array is judged.

    Raises
    ------
    ValueError
        If entries are masked.
    """
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        masked = int(np.sum(np.ma.getmaskarray(value)))
        raise ValueError(f"{name}: {masked} masked entries; expected none")


def as_array(name: str, value: object) -> NDArray[Any]:
    """`numpy.asarray`, where whatever a foreign `__array__` raises is a TypeError.

    Parameters
    ----------
    name : str
        The argument's name, for the message.
    value : object
        Anything.

    Returns
    -------
    array

    Raises
    ------
    TypeError
        If it can't be made one.
    ValueError
        If rows differ in length.
    """
    try:
        return np.asarray(value)
    except (ValueError, MemoryError):
        raise
    except Exception as error:
        shown = f"{quoted(value)} of type {type(value).__name__}"
        raise TypeError(f"{name}: {shown}; expected numbers ({error})") from None
