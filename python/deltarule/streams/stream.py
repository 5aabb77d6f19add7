# SPDX-License-Identifier: BSD-3-Clause
"""A training's rows from a source of blocks, one epoch at a time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from threading import Event
from time import perf_counter
from typing import Any

import numpy as np

from deltarule._arguments import integer
from deltarule._quoting import quoted
from deltarule.architecture import Architecture
from deltarule.epoch_in_parts import EpochInParts
from deltarule.rows import Passed
from deltarule.streams.array_files import ArrayFiles
from deltarule.streams.blocks import Block, alike, blocks_of
from deltarule.streams.parts import Part, Ring, buffer_size, in_order, shuffled
from deltarule.streams.reader import ReadAhead

BUFFER_BYTES = 2**25  # of X in the network's dtype
JOINED_BYTES = 2**23  # of small blocks in order: a call for a few ms of work costs as much


class Stream:
    """Rows of a source, as they stand or shuffled.

    Shuffled: each epoch draws `seed = rng.integers(2**63)`, and with `own =
    numpy.random.default_rng(seed)` first the order of the shards, `own.permutation(len(shards))`,
    if the source has some, then one permutation for each buffer of rows.

    Parameters
    ----------
    source : iterable or callable
        Of, or returning, blocks of rows.
    net : Architecture
        What the rows must suit.
    batch_size : int
        Rows in a batch.
    shuffle : bool
        Whether each epoch draws a new order.
    rng : numpy.random.Generator
        Draws a seed for each epoch.
    buffer_rows : int, optional
        Rows that are shuffled with each other; None: as many as make 32 MiB in the network's
        dtype.

    Raises
    ------
    TypeError, ValueError
        If the source can be iterated only once, or an argument is out of range.
    """

    def __init__(
        self, source: Any, net: Architecture, batch_size: int | None, shuffle: bool,
        rng: np.random.Generator, buffer_rows: int | None = None,
    ) -> None:  # fmt: skip
        if batch_size is None:
            raise ValueError("batch_size: None; expected a number of rows, for a stream")
        if hasattr(source, "__next__"):
            raise TypeError(
                f"X: {quoted(source)}, an iterator that can be iterated only once; expected "
                "a source that begins anew in each epoch: a generator function (without the call), "
                "a list of blocks or an object with __iter__"
            )
        _judge_shards(source)
        if buffer_rows is not None and not shuffle:
            raise ValueError(f"buffer_rows: {buffer_rows!r} with shuffle=False; expected None")
        self.source, self.shuffle, self.rng = source, shuffle, rng
        row_bytes = net.n_inputs * np.dtype(net.dtype).itemsize
        usual = max(BUFFER_BYTES // row_bytes, 1)
        self.buffer_rows = usual if buffer_rows is None else integer("buffer_rows", buffer_rows, 1)
        rows = self.buffer_rows if shuffle else JOINED_BYTES // row_bytes
        self._ring = Ring(buffer_size(rows, batch_size))
        self.n_rows: int | None = getattr(source, "n_rows", None)
        self._net, self._batch_size = net, batch_size
        self._finished = 0

    def train(self, trainer: Any, at_most: int) -> list[Passed]:
        """Train one epoch."""
        return self._pass(trainer, _take, visible=False)

    def train_by_batches(self, trainer: Any, after: Callable[[float], None]) -> list[Passed]:
        """Train one epoch, each batch in a call of its own; `after` is given its loss."""

        def take(epoch: EpochInParts, part: Part) -> None:
            for batch in part.batches(self._batch_size):
                after(_take(epoch, batch))

        return self._pass(trainer, take, visible=True)

    def _pass(
        self, trainer: Any, take: Callable[[EpochInParts, Part], object], visible: bool
    ) -> list[Passed]:
        seed = int(self.rng.integers(2**63)) if self.shuffle else None
        start = perf_counter()
        if trainer._moving and self.n_rows is None:
            self.n_rows = sum(len(block.X) for block in self._blocks(None))
        over = Event()
        with (
            ReadAhead(self._parts(seed, over), over) as parts,
            trainer.in_parts(self.n_rows if trainer._moving else None, visible) as epoch,
        ):
            for part in parts:
                take(epoch, part)
            self._judge_rows(epoch.n_rows)
        self.n_rows = epoch.n_rows
        self._finished += 1
        return [Passed(epoch.loss, perf_counter() - start, epoch.n_rows, trainer.eta)]

    def _parts(self, seed: int | None, over: Event) -> Iterator[Part]:
        if seed is None:
            return in_order(_until(over, self._blocks(None)), self._batch_size, self._ring)
        own = np.random.default_rng(seed)
        blocks = _until(over, self._blocks(own))
        return shuffled(blocks, own, self._ring)

    def _blocks(self, rng: np.random.Generator | None) -> Iterator[Block]:
        first: Block | None = None
        for block in self._all_blocks(rng):
            first = first or block
            alike(block, first)
            yield block

    def _all_blocks(self, rng: np.random.Generator | None) -> Iterator[Block]:
        shards = getattr(self.source, "shards", None)
        if rng is None and isinstance(self.source, ArrayFiles):
            shards = self.source.runs(self._batch_size)
        if shards is None:
            yield from blocks_of(self.source, "", self._net)
            return
        for number in range(len(shards)) if rng is None else rng.permutation(len(shards)):
            shard = shards[int(number)]
            name = getattr(shard, "name", f"shard {number}")
            yield from blocks_of(shard, f"{name}, ", self._net)

    def _judge_rows(self, n_rows: int) -> None:
        """Raise if there are none, or fewer than in the epoch before: a part was used up."""
        if self._finished and n_rows < (self.n_rows or 0):
            raise ValueError(
                f"X: {n_rows or 'no'} rows in epoch {self._finished + 1}, {self.n_rows} in the one "
                "before; expected a source that begins anew in each epoch"
            )
        if not n_rows:
            raise ValueError("X: a source of no rows; expected blocks (X, Y)")


def _until(over: Event, blocks: Iterator[Block]) -> Iterator[Block]:
    """The blocks until nobody wants them: a buffer may take minutes to fill."""
    for block in blocks:
        if over.is_set():
            return
        yield block


def _judge_shards(source: Any) -> None:
    """Raise if the source's shards are no sequence, or there are iterators among them."""
    shards = getattr(source, "shards", None)
    if shards is None:
        return
    if not hasattr(shards, "__len__") or not hasattr(shards, "__getitem__"):
        raise TypeError(f"X: shards {quoted(shards)}; expected a sequence of sources")
    if isinstance(shards, list | tuple):  # another sequence may open a shard at each access
        for number, shard in enumerate(shards):
            if hasattr(shard, "__next__"):
                raise TypeError(
                    f"X: shard {number}, {quoted(shard)}, is an iterator that can be "
                    "iterated only once; expected sources that begin anew in each epoch"
                )


def _take(epoch: EpochInParts, part: Part) -> float:
    try:
        return epoch.part(part.X, part.Y, part.order, part.s, part.first_row)
    except ValueError as error:
        raise _named(error, part) from None


def _named(error: ValueError, part: Part) -> ValueError:
    """The core's message about a row, with the block that this row came in."""
    found = re.match(r"(X|Y|sample_weight): row (\d+) ", str(error))
    if found is None:
        return error
    block, row = part.place(int(found[2]))
    return ValueError(f"{block}: {found[1]}: row {row} {str(error)[found.end() :]}")
