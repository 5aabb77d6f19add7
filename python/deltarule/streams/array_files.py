# SPDX-License-Identifier: BSD-3-Clause
"""Rows of .npy files, of which only a few are in memory at a time."""

from __future__ import annotations

import math
import mmap
import os
import sys
from collections.abc import Iterator, Sequence
from os import PathLike
from typing import Any

import numpy as np

from deltarule._arguments import integer
from deltarule._quoting import quoted
from deltarule.files.replacing import regular_mode
from deltarule.results import Array

Path = str | PathLike[str]

BLOCK_BYTES = 2**21  # of X: smaller reads cost more than they are worth
RUN_BYTES = 2**25  # of X in order: each run is a call of the trainer
WINDOW_BYTES = 2**23  # fewer are read: to map them costs as much as the copy
MOST_DIMENSIONS = 32  # of an array, in every release of NumPy
MADV_POPULATE_READ = 22  # of Linux 5.14


class ArrayFiles:
    """A stream over arrays in .npy files: `fit(ArrayFiles("X.npy", "Y.npy"))`.

    Each shard is a run of `block_rows` rows of a file, read when its turn comes. A file must
    not be changed meanwhile: on Linux reads of 8 MiB or more are mappings, and a file cut short
    while such rows train ends the process (SIGBUS).

    Parameters
    ----------
    X : path, array or sequence of them
        Rows (n, H_0). Several follow one another; arrays may be memory maps.
    Y : path, array or sequence of them
        Targets of each, with as many rows.
    sample_weight : path, array or sequence of them, optional
        Weights (n,) of each.
    block_rows : int, optional
        Rows of a shard; None: as many as make 2 MiB of X.

    Attributes
    ----------
    n_rows : int
        Of all files.
    shards : list
        Re-iterables of one block each, with a `name`.

    Raises
    ------
    TypeError, ValueError
        If a file is no .npy file of numbers in C order, numbers of rows differ or an argument does
        not fit.
    OSError
        If a file cannot be read, or is no regular one.
    """

    def __init__(
        self,
        X: Path | Array | Sequence[Path | Array],
        Y: Path | Array | Sequence[Path | Array],
        sample_weight: Path | Array | Sequence[Path | Array] | None = None,
        block_rows: int | None = None,
    ) -> None:
        given = None if block_rows is None else integer("block_rows", block_rows, 1)
        columns = {"X": _opened("X", X), "Y": _opened("Y", Y)}
        if sample_weight is not None:
            columns["sample_weight"] = _opened("sample_weight", sample_weight)
        if len({len(files) for files in columns.values()}) > 1:
            counts = ", ".join(f"{len(files)} of {name}" for name, files in columns.items())
            raise ValueError(f"X, Y: {counts}; expected as many files of each")
        self._block_rows, self._groups = given, list(zip(*columns.values(), strict=True))
        for files in self._groups:
            if len({file.n_rows for file in files}) > 1:
                shapes = ", ".join(f"{file.name} {file.shape}" for file in files)
                raise ValueError(f"X, Y: {shapes}; expected as many rows")
        self.shards = self._cut(BLOCK_BYTES, 1)
        self.n_rows = sum(shard.end - shard.begin for shard in self.shards)

    def runs(self, batch_size: int) -> list[Rows]:
        """The same rows in order, cut for training so: whole batches of some 32 MiB of X.

        With `block_rows` given they are the shards.
        """
        return self.shards if self._block_rows else self._cut(RUN_BYTES, batch_size)

    def _cut(self, most: int, multiple: int) -> list[Rows]:
        found = []
        for files in self._groups:
            rows = most // max(files[0].row_bytes, 1)
            size = self._block_rows or max(rows // multiple, 1) * multiple
            for begin in range(0, files[0].n_rows, size):
                found.append(Rows(files, begin, min(begin + size, files[0].n_rows)))
        return found

    def __iter__(self) -> Iterator[tuple[Array, ...]]:
        for shard in self.shards:
            yield from shard

    def __repr__(self) -> str:
        return f"ArrayFiles({self.n_rows} rows in {len(self.shards)} shards)"


class Rows:
    """One shard: rows `begin` to `end` of files that belong together."""

    lasting = True  # nobody writes over its blocks: they need no copy

    def __init__(self, files: Sequence[File], begin: int, end: int) -> None:
        self._files, self.begin, self.end = files, begin, end

    @property
    def name(self) -> str:
        """Which rows of which file."""
        return f"{self._files[0].name} from row {self.begin}"

    def __iter__(self) -> Iterator[tuple[Array, ...]]:
        yield tuple(file.rows(self.begin, self.end) for file in self._files)


class File:
    """One .npy file, or an array in its place."""

    def __init__(self, argument: str, given: Path | Array) -> None:
        self._array: Array | None = None
        if isinstance(given, np.ndarray):
            self.name, self._array = argument, given
            self.shape, self._dtype = given.shape, given.dtype
        else:
            self.name = self._path = os.fspath(given)
            self.shape, self._dtype, self._offset = _header(argument, self._path)
        if not self.shape:
            raise ValueError(f"{argument}: {self.name} of shape (); expected rows")
        if 0 in self.shape[1:]:  # no bytes of a file would bound how many there are
            raise ValueError(f"{argument}: {self.name} of shape {self.shape}; expected numbers")
        self.n_rows = self.shape[0]
        self.row_bytes = self._dtype.itemsize * math.prod(self.shape[1:])

    def rows(self, begin: int, end: int) -> Array:
        """These rows, read now."""
        if self._array is not None:
            return self._array[begin:end]
        shape = (end - begin, *self.shape[1:])
        at, count = self._offset + begin * self.row_bytes, math.prod(shape)
        window = _window(self._path, self._dtype, count, at)
        if window is not None:
            return window.reshape(shape)
        found = np.fromfile(self._path, self._dtype, count, offset=at)
        if found.size < count:
            raise ValueError(f"{self.name}: it ends before row {end}; it was longer when opened")
        return found.reshape(shape)


def _opened(argument: str, given: Any) -> list[File]:
    several = isinstance(given, list | tuple)
    if several and not given:
        raise ValueError(f"{argument}: no files; expected one or more")
    for one in given if several else [given]:
        if not isinstance(one, str | PathLike | np.ndarray):
            raise TypeError(
                f"{argument}: {quoted(one)} of type {type(one).__name__}; expected a path, "
                "an array or several of them"
            )
    return [File(argument, one) for one in (given if several else [given])]


def _window(path: str, dtype: np.dtype[Any], count: int, at: int) -> Array | None:
    """These numbers where the system has them: a copy would keep a core from those who train.

    None where that cannot be, or fails: whoever reads them then hears why.
    """
    size = count * dtype.itemsize
    if sys.platform != "linux" or at % dtype.itemsize or size < WINDOW_BYTES:
        return None
    before = at % mmap.ALLOCATIONGRANULARITY
    try:
        with open(path, "rb") as file:
            window = mmap.mmap(
                file.fileno(), before + size, offset=at - before, access=mmap.ACCESS_READ
            )
        window.madvise(MADV_POPULATE_READ)  # a disk that fails is an error here, no signal later
    except (OSError, ValueError):
        return None
    return np.frombuffer(window, dtype, count, before)


def _header(argument: str, path: str) -> tuple[tuple[int, ...], np.dtype[Any], int]:
    """Shape, dtype and where the numbers begin; nothing in the file is ever executed."""
    regular_mode(path, path)  # opening a FIFO would wait for ever
    with open(path, "rb") as file:
        try:
            version = np.lib.format.read_magic(file)
            read = {
                (1, 0): np.lib.format.read_array_header_1_0,
                (2, 0): np.lib.format.read_array_header_2_0,
                (3, 0): np.lib.format.read_array_header_2_0,  # differs in names of fields alone
            }[version]
            shape, fortran, dtype = read(file)
            sizes = all(type(n) is int and 0 <= n < 2**63 for n in shape)
            if not sizes or len(shape) > MOST_DIMENSIONS:  # whose digits might be too many to show
                expected = f"at most {MOST_DIMENSIONS} sizes from 0 to 2**63 - 1"
                raise ValueError(f"a shape of other numbers; expected {expected}")
        except OSError:
            raise
        except Exception as error:  # NumPy parses Python: TokenError, RecursionError, ...
            raise ValueError(f"{argument}: {path} is no .npy file: {error!r}") from None
        offset, size = file.tell(), os.fstat(file.fileno()).st_size
    if dtype.kind not in "biuf":
        raise TypeError(f"{argument}: {path} holds {dtype}; expected real numbers")
    if fortran and len(shape) > 1:
        raise ValueError(
            f"{argument}: {path} is in Fortran order, in which rows do not lie together; expected "
            "C order (numpy.ascontiguousarray)"
        )
    needed = offset + dtype.itemsize * math.prod(shape)
    if size < needed:
        raise ValueError(f"{argument}: {path} has {size} bytes; expected {needed} for {shape}")
    return shape, dtype, offset
