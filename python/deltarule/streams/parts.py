# SPDX-License-Identifier: BSD-3-Clause
"""From blocks of any size to parts of whole batches: as they come, or shuffled in a buffer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from deltarule._typing import NDArray
from deltarule.results import Array
from deltarule.streams.blocks import Block
from deltarule.streams.reader import MOST_PARTS


class Part(NamedTuple):
    """Rows that the trainer takes in one call."""

    X: Array
    Y: Array
    s: Array | None
    order: NDArray[np.int64] | None
    first_row: int  # of the epoch, counted as the source gave them
    places: list[tuple[str, int, int]]  # of its rows: block, first row there, how many

    def batches(self, batch_size: int) -> Iterator[Part]:
        """The same rows, a batch at a time."""
        order = np.arange(len(self.X)) if self.order is None else self.order
        for at in range(0, len(order), batch_size):
            yield self._replace(order=order[at : at + batch_size])

    def place(self, row: int) -> tuple[str, int]:
        """Return the block, and the row within it, that a row of X came from."""
        for name, first, count in self.places:
            if row < count:
                return name, first + row
            row -= count
        raise IndexError(row)


class Room:
    """Rows of several blocks, copied one after the other while they lie in the cache.

    Parameters
    ----------
    most : int
        Rows that there is room for.

    Attributes
    ----------
    most
        As given.
    n_rows : int
        So far.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._arrays: dict[str, Array] = {}
        self.clear()

    def clear(self) -> None:
        """Forget the rows."""
        self.n_rows, self._weighted = 0, False
        self._places: list[tuple[str, int, int]] = []

    def add(self, block: Block, begin: int, end: int) -> None:
        """Copy rows of a block."""
        rows = block.rows(begin, end)
        for name, values in (("X", rows.X), ("Y", rows.Y), ("s", rows.s)):
            if values is not None:
                self._room(name, values)[self.n_rows : self.n_rows + len(values)] = values
        self._places.append((block.name, begin, end - begin))
        self.n_rows += end - begin
        self._weighted = rows.s is not None

    def _room(self, name: str, values: Array) -> Array:
        room = self._arrays.get(name)
        filled = None if room is None else room[: self.n_rows]
        others = filled.dtype if filled is not None and self.n_rows else values.dtype
        dtype = np.promote_types(values.dtype, others)
        if room is None or room.dtype != dtype or room.shape[1:] != values.shape[1:]:
            room = self._arrays[name] = np.empty((self.most, *values.shape[1:]), dtype)
            if self.n_rows:
                room[: self.n_rows] = filled
        return room

    def part(self, first_row: int, order: NDArray[np.int64] | None = None) -> Part:
        """Return all of them."""
        X, Y = (self._arrays[name][: self.n_rows] for name in "XY")
        s = self._arrays["s"][: self.n_rows] if self._weighted else None
        return Part(X, Y, s, order, first_row, self._places)


class Ring:
    """Rooms that are used again and again: fresh pages cost as much as what is written.

    One may be overwritten once `MOST_PARTS` - 1 others were asked for after it: by then whoever
    reads ahead has seen that it was consumed.

    Parameters
    ----------
    rows : int
        Of each.

    Attributes
    ----------
    rows
        As given.
    """

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self._rooms = [Room(rows) for _ in range(MOST_PARTS)]
        self._turn = 0

    def next(self) -> Room:
        """Return an empty one."""
        self._turn = (self._turn + 1) % MOST_PARTS
        room = self._rooms[self._turn]
        room.clear()
        return room


def in_order(blocks: Iterable[Block], batch_size: int, ring: Ring) -> Iterator[Part]:
    """Yield the rows as they come: whole batches of a block that fills a room where they lie.

    Smaller blocks are joined, and so are the rows between the last whole batch of one block and the
    first of the next.
    """
    room, row = ring.next(), 0
    for block in blocks:
        begin, n = 0, len(block.X)
        if n >= ring.rows:
            if room.n_rows:
                begin = -room.n_rows % batch_size
                room.add(block, 0, begin)
                yield room.part(row)
                row, room = row + room.n_rows, ring.next()
            end = begin + (n - begin) // batch_size * batch_size
            if end > begin:
                yield _alone(block, begin, end, row)
            row, begin = row + end - begin, end
        while begin < n:
            end = min(n, begin + ring.rows - room.n_rows)
            room.add(block, begin, end)
            begin = end
            if room.n_rows == ring.rows:
                yield room.part(row)
                row, room = row + ring.rows, ring.next()
    if room.n_rows:
        yield room.part(row)


def shuffled(blocks: Iterable[Block], rng: np.random.Generator, ring: Ring) -> Iterator[Part]:
    """Yield buffers of rows, each with an order drawn as `rng.permutation(rows in it)`.

    Every buffer but the last holds `ring.rows`.
    """
    room, row = ring.next(), 0
    for block in blocks:
        begin = 0
        while begin < len(block.X):
            end = min(len(block.X), begin + ring.rows - room.n_rows)
            if end - begin == ring.rows:
                yield _alone(block, begin, end, row, rng.permutation(ring.rows))
                row += ring.rows
            else:
                room.add(block, begin, end)
                if room.n_rows == ring.rows:
                    yield room.part(row, rng.permutation(ring.rows))
                    row, room = row + ring.rows, ring.next()
            begin = end
    if room.n_rows:
        yield room.part(row, rng.permutation(room.n_rows))


def buffer_size(buffer_rows: int, batch_size: int) -> int:
    """Return the largest multiple of batch_size within buffer_rows; one batch at least."""
    return max(buffer_rows // batch_size, 1) * batch_size


def _alone(
    block: Block, begin: int, end: int, row: int, order: NDArray[np.int64] | None = None
) -> Part:
    """Rows of one block, which are copied only if they must be."""
    rows = block.rows(begin, end).kept()
    _read_in(rows.X)
    return Part(rows.X, rows.Y, rows.s, order, row, [(block.name, begin, end - begin)])


def _read_in(X: Array) -> None:
    """Look at every page of a window on a file, so that the disk is waited for here."""
    if X.size and X.flags.c_contiguous:
        X.reshape(-1).view(np.uint8)[::4096].max()
