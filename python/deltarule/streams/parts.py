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


class Ring:
    """Room for shuffled rows that is used again: fresh pages cost as much as what is written.

    An array may be overwritten once `MOST_PARTS` - 1 others were asked for after it: by then
    whoever reads ahead has seen that it was consumed.
    """

    def __init__(self) -> None:
        self._rooms: list[dict[str, Array]] = [{} for _ in range(MOST_PARTS)]
        self._turn = 0

    def turn(self) -> None:
        """Go on to the next room."""
        self._turn = (self._turn + 1) % MOST_PARTS

    def joined(self, name: str, arrays: list[Array], most: int) -> Array:
        """Return the arrays one after the other, `most` rows or fewer."""
        dtype, columns = np.result_type(*arrays), arrays[0].shape[1:]
        room = self._rooms[self._turn].get(name)
        if room is None or room.dtype != dtype or room.shape != (most, *columns):
            room = self._rooms[self._turn][name] = np.empty((most, *columns), dtype)
        n = sum(len(a) for a in arrays)
        return np.concatenate(arrays, out=room[:n])


class _Pieces:
    """Pieces of blocks that wait for company."""

    def __init__(self, ring: Ring | None = None, most: int = 0) -> None:
        self.pieces: list[tuple[Block, int]] = []
        self.n_rows = 0
        self._ring, self._most = ring, most

    def add(self, block: Block, begin: int, end: int) -> None:
        if end > begin:
            self.pieces.append((block.rows(begin, end), begin))
            self.n_rows += end - begin

    def part(self, first_row: int, order: NDArray[np.int64] | None = None) -> Part:
        """All of them, one after the other; one alone is not copied."""
        blocks = [piece for piece, _ in self.pieces]
        places = [(piece.name, begin, len(piece.X)) for piece, begin in self.pieces]
        weights = [piece.s for piece in blocks if piece.s is not None]
        X, Y = self._joined("X", [b.X for b in blocks]), self._joined("Y", [b.Y for b in blocks])
        s = self._joined("s", weights) if weights else None
        if self._ring is not None:
            self._ring.turn()
        self.pieces, self.n_rows = [], 0
        return Part(X, Y, s, order, first_row, places)

    def _joined(self, name: str, arrays: list[Array]) -> Array:
        if len(arrays) == 1:
            return arrays[0]
        if self._ring is None:
            return np.concatenate(arrays)
        return self._ring.joined(name, arrays, self._most)


def in_order(blocks: Iterable[Block], batch_size: int) -> Iterator[Part]:
    """Yield the rows as they come: whole batches of a block where they lie.

    Only the rows between the last whole batch of one block and the first of the next are copied.
    """
    waiting, row = _Pieces(), 0
    for block in blocks:
        begin = 0
        if waiting.n_rows:
            begin = min(len(block.X), batch_size - waiting.n_rows)
            waiting.add(block, 0, begin)
            if waiting.n_rows == batch_size:
                yield waiting.part(row)
                row += batch_size
        end = begin + (len(block.X) - begin) // batch_size * batch_size
        if end > begin:
            whole = _Pieces()
            whole.add(block, begin, end)
            _read_in(block.X[begin:end])
            yield whole.part(row)
            row += end - begin
        waiting.add(block, end, len(block.X))
    if waiting.n_rows:
        yield waiting.part(row)


def shuffled(
    blocks: Iterable[Block], batch_size: int, buffer_rows: int, rng: np.random.Generator,
    ring: Ring | None = None,
) -> Iterator[Part]:  # fmt: skip
    """Yield buffers of rows, each with an order drawn as `rng.permutation(rows in it)`.

    Every buffer but the last holds `buffer_size(buffer_rows, batch_size)` rows.
    """
    size, row = buffer_size(buffer_rows, batch_size), 0
    buffer = _Pieces(ring, size)
    for block in blocks:
        begin = 0
        while begin < len(block.X):
            end = min(len(block.X), begin + size - buffer.n_rows)
            buffer.add(block, begin, end)
            begin = end
            if buffer.n_rows == size:
                yield buffer.part(row, rng.permutation(size))
                row += size
    if buffer.n_rows:
        yield buffer.part(row, rng.permutation(buffer.n_rows))


def buffer_size(buffer_rows: int, batch_size: int) -> int:
    """Return the largest multiple of batch_size within buffer_rows; one batch at least."""
    return max(buffer_rows // batch_size, 1) * batch_size


def _read_in(X: Array) -> None:
    """Look at every page of a window on a file, so that the disk is waited for here."""
    if X.size and X.flags.c_contiguous:
        X.reshape(-1).view(np.uint8)[::4096].max()
