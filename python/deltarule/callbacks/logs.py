# SPDX-License-Identifier: BSD-3-Clause
"""Logs of a training: a file that has a line more after every epoch."""

from __future__ import annotations

import csv
import json
import math
import os
import re
from abc import abstractmethod
from collections.abc import Iterable
from io import StringIO
from typing import IO, TYPE_CHECKING, Any

from deltarule._arguments import integer
from deltarule.callbacks.base import Callback
from deltarule.entries import entry
from deltarule.files.replacing import regular_mode
from deltarule.records import gradient_norms

if TYPE_CHECKING:
    from deltarule.training_loop import Run


class _Log(Callback):
    """Opens its file as the training begins, writes and flushes line by line, closes it."""

    def __init__(self, path: str | bytes | os.PathLike[Any]) -> None:
        self.path = os.fspath(path)
        self._file: IO[str] | None = None

    def on_fit_begin(self, run: Run) -> None:
        """Begin the file anew; epochs of a training that is resumed are written again."""
        self._open("w")
        for i in range(run.epoch):
            self._add(entry(run.history, i), first=i == 0)

    def on_epoch_end(self, run: Run) -> None:
        """Add the epoch."""
        self._add(entry(run.history, -1), first=run.epoch == 1)

    def on_fit_end(self, run: Run) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def _open(self, mode: str) -> None:
        _mode(self.path)
        self._file = open(self.path, mode, encoding="utf-8", newline="")  # noqa: SIM115  # closed at the end

    def _add(self, row: dict[str, float], first: bool) -> None:
        if self._file is not None:
            self._file.write(self._lines(row, first))
            self._file.flush()

    @abstractmethod
    def _lines(self, row: dict[str, float], first: bool) -> str:
        """The row as text."""


class CSVLog(_Log):
    """A CSV file: a header, then one row per epoch with all that its history has.

    Parameters
    ----------
    path : str, bytes or path
        The file; it is written anew.

    Raises
    ------
    TypeError
        If path is none.
    OSError
        As the training begins, if the file cannot be written, or is no regular one.
    """

    def _lines(self, row: dict[str, float], first: bool) -> str:
        return csv_line(row.keys()) * first + csv_line(row.values())


class JSONLinesLog(_Log):
    """One JSON object per line and epoch, all that its history has; null: not finite.

    Parameters
    ----------
    path : str, bytes or path
        The file; it is written anew.

    Raises
    ------
    TypeError
        If path is none.
    OSError
        As the training begins, if the file cannot be written, or is no regular one.
    """

    def _lines(self, row: dict[str, float], first: bool) -> str:
        finite = {name: value if math.isfinite(value) else None for name, value in row.items()}
        return json.dumps(finite) + "\n"


class GradientNormLog(_Log):
    """A CSV file of the norm of dW[k], k = 0 .. m, over all rows that train, as `record` takes it.

    Each is nearly the work of an epoch: `fit(record="gradient_norm")` has it in the history.

    Parameters
    ----------
    path : str, bytes or path
        The file; it is written anew, and added to by a training that is resumed, once the rows
        after its checkpoint are out.
    every : int
        After every so many epochs.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; as the training begins, if its rows are not in memory.
    OSError
        As the training begins, if the file cannot be written, or is no regular one.
    """

    def __init__(self, path: str | bytes | os.PathLike[Any], every: int = 1) -> None:
        super().__init__(path)
        self.every = integer("every", every, 1)
        self._begun = False

    def on_fit_begin(self, run: Run) -> None:
        """Open the file; epochs that a resumed training repeats are taken out of it."""
        if not hasattr(run.rows, "X"):
            raise ValueError("GradientNormLog: a stream of rows; expected arrays")
        kept = _size_of_rows(self.path, run.epoch) if run.epoch else 0
        self._begun = kept > 0
        if self._begun:
            os.truncate(self.path, kept)
        self._open("a" if self._begun else "w")

    def on_epoch_end(self, run: Run) -> None:
        """Add the epoch's norms, if it is one of those."""
        if run.epoch % self.every:
            return
        rows: Any = run.rows
        norms = gradient_norms(run.mlp, rows.X, rows.Y, None, rows.sample_weight)
        row = {"epoch": run.epoch} | {f"gradient_norm[{k}]": v for k, v in enumerate(norms)}
        self._add(row, first=not self._begun)
        self._begun = True

    def _lines(self, row: dict[str, float], first: bool) -> str:
        return csv_line(row.keys()) * first + csv_line(row.values())


def _size_of_rows(path: str | bytes, epochs: int) -> int:
    """Return how many bytes hold the header and the rows up to an epoch; 0: it is no such file."""
    size = 0
    if _mode(path) is None:
        return size
    with open(path, "rb") as file:
        for line in file:
            known = re.fullmatch(rb"(?:epoch|(\d{1,18})),.*\n", line)
            if not known or (known[1] is None) != (size == 0) or int(known[1] or 0) > epochs:
                break
            size += len(line)
    return size


def _mode(path: str | bytes) -> int | None:
    """None where nothing is; anything but a file is refused: a FIFO waits for its reader."""
    name = os.fsdecode(path)
    return regular_mode(name, name)


def csv_line(values: Iterable[Any]) -> str:
    """Return one line of CSV, numbers in as many digits as bring them back."""
    line = StringIO()
    csv.writer(line, lineterminator="\n").writerow(values)
    return line.getvalue()
