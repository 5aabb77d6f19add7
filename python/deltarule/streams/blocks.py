# SPDX-License-Identifier: BSD-3-Clause
"""Blocks of rows as a source yields them: judged, counted and named."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from deltarule import _validate
from deltarule._quoting import quoted
from deltarule.architecture import Architecture
from deltarule.given import Given
from deltarule.notes import tell
from deltarule.results import Array


class Block(NamedTuple):
    """Rows that lie together."""

    name: str  # for messages
    X: Array
    Y: Array
    s: Array | None
    lasting: bool  # whether nobody writes over it once the source is asked for the next one

    def rows(self, begin: int, end: int) -> Block:
        """Some of them; `name` stays that of the whole."""
        s = None if self.s is None else self.s[begin:end]
        return Block(self.name, self.X[begin:end], self.Y[begin:end], s, self.lasting)

    def kept(self) -> Block:
        """The same rows, copied where the source might write over them."""
        if self.lasting:
            return self
        s = None if self.s is None else _kept(self.s)
        return Block(self.name, _kept(self.X), _kept(self.Y), s, True)


def blocks_of(source: Any, name: str, net: Architecture) -> Iterator[Block]:
    """Yield what a source gives, judged; blocks without rows are left out.

    Parameters
    ----------
    source : iterable or callable
        Of, or returning, (X, Y) or (X, Y, sample_weight).
    name : str
        Stands before a block's number in messages.
    net : Architecture
        What the rows must suit.

    Raises
    ------
    TypeError, ValueError
        If a block does not fit the network.
    """
    lasting = isinstance(source, list | tuple) or getattr(source, "lasting", False)
    iterator = _iterator(source, name)
    try:
        for number, given in enumerate(_given(iterator, name)):
            block = _judged(given, f"{name}block {number}", net, lasting)
            if block is not None:
                yield block
    finally:
        close = getattr(iterator, "close", None)
        if close is not None:
            close()


def _iterator(source: Any, name: str) -> Iterator[Any]:
    given = source() if callable(source) else source
    if not hasattr(given, "__iter__") and not hasattr(given, "__getitem__"):
        what = "a function that returned " if callable(source) else ""
        raise TypeError(f"X: {name}{what}{quoted(given)}; expected blocks (X, Y) to iterate")
    return iter(given)


def _given(iterator: Iterator[Any], name: str) -> Iterator[Any]:
    """What the source gives; what it raises says at which block."""
    number = 0
    while True:
        try:
            given = next(iterator)
        except StopIteration:
            return
        except BaseException as error:
            tell(error, f"fit: the source failed where {name}block {number} was to come")
            raise
        yield given
        number += 1


def _judged(given: Any, name: str, net: Architecture, lasting: bool) -> Block | None:
    if not isinstance(given, tuple | list) or len(given) not in (2, 3):
        raise TypeError(
            f"{name}: {quoted(given)} of type {type(given).__name__}; expected (X, Y) or "
            "(X, Y, sample_weight)"
        )
    if _empty(given[0]) and _empty(given[1]):
        return None
    x, y = _validate.data(given[0], given[1], net, f"{name}: ")
    weights = given[2] if len(given) == 3 else None
    s = _validate.sample_weight(weights, len(x), f"{name}: sample_weight")
    if isinstance(y, Given):  # the trainer makes it anew of the rows it takes at once
        y = y.Y
    elif y.ndim == 1 and net.takes_labels:
        y = _labels(y, s, net, name)
    return Block(name, x, y, s, lasting)


def _labels(y: Array, s: Array | None, net: Architecture, name: str) -> Array:
    """The labels as int64, the same in all blocks; the core judges those that it holds."""
    if y.dtype.kind == "u" and y.dtype.itemsize == 8:
        beyond = (y > np.iinfo(np.int64).max) & (True if s is None else s != 0)
        if beyond.any():
            row = int(np.argmax(beyond))
            expected = f"0 ... {net.n_outputs - 1}"
            raise ValueError(f"{name}: Y: row {row} holds label {y[row]}; expected {expected}")
    return y.astype("int64", copy=False)


def _kept(array: Array) -> Array:
    """The array, copied if anybody could write to it."""
    owner: Any = array
    while isinstance(owner, np.ndarray):
        if owner.flags.writeable:
            return array.copy()
        owner = owner.base
    return array


def _empty(rows: Any) -> bool:
    try:
        return len(rows) == 0
    except TypeError:
        return False


def alike(block: Block, first: Block) -> None:
    """Raise if blocks could not be parts of one array."""
    if block.Y.shape[1:] != first.Y.shape[1:]:
        raise ValueError(
            f"{block.name}: Y: shape {block.Y.shape}; expected (n, ...) as in {first.name}, "
            f"{first.Y.shape}"
        )
    if (block.s is None) != (first.s is None):
        have = "no sample_weight" if block.s is None else "a sample_weight"
        raise ValueError(f"{block.name}: {have}; expected the same as in {first.name}")
