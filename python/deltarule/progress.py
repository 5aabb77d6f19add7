# SPDX-License-Identifier: BSD-3-Clause
"""The live line of a training: one line on standard error, drawn by rich where it is installed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from time import monotonic
from typing import Any, TextIO, cast

from deltarule.history import History

Show = Callable[[History, float], None]  # what is there, and the seconds that are left
Draw = Callable[[int, Callable[[], str]], None]

REFRESH_SECONDS = 0.1  # an epoch may take far less, and a terminal is slow


@contextmanager
def progress_line(enabled: bool, epochs: int) -> Iterator[Show]:
    """Yield a function to call with the history after each epoch.

    Parameters
    ----------
    enabled : bool
        False: the function does nothing.
    epochs : int
        How many there will be.

    Yields
    ------
    callable
    """
    with counting_line(enabled, epochs) as draw:
        yield lambda history, left: draw(len(history), lambda: text(history, left))


@contextmanager
def counting_line(enabled: bool, epochs: int) -> Iterator[Draw]:
    """Yield a function to call with the number of finished epochs and what makes the text.

    Parameters
    ----------
    enabled : bool
        False: the function does nothing.
    epochs : int
        How many there will be.

    Yields
    ------
    callable
    """
    stream = audience() if enabled else None
    if stream is None:
        yield lambda done, say: None
    elif find_spec("rich") is not None and stream.isatty():
        with _rich(epochs, stream) as draw:
            yield draw
    else:
        line = _PlainLine(epochs, stream)
        try:
            yield line.show
        finally:
            line.close()


def audience() -> TextIO | None:
    """Return standard error, as a stream that never fails; None where the process has none."""
    stream: TextIO | None = sys.stderr
    if stream is None or getattr(stream, "closed", False):
        return None
    return cast(TextIO, Safe(stream))


class Safe:
    """A stream that loses what the one behind it cannot write: no training ends by its progress."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write, or lose it: nobody reads any more, or the stream was closed."""
        with suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush, if that can be."""
        with suppress(OSError, ValueError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def text(history: History, left: float) -> str:
    """Return losses, metrics and speed of the last epoch and the time left in one line."""
    parts = [f"loss {history.loss[-1]:.6g}"]
    if history.validation_loss:
        parts.append(f"validation {history.validation_loss[-1]:.6g}")
    parts += [f"{name} {values[-1]:.6g}" for name, values in history.metrics.items()]
    if 0 < left < float("inf"):
        parts.append(f"{duration(left)} left")
    parts.append(f"{history.samples_per_second[-1]:,.0f} samples/s")
    return "  ".join(parts)


def duration(seconds: float) -> str:
    """Return 0:07, 12:30, 3:04:05."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class _PlainLine:
    """Redraws its line with a carriage return; where no terminal looks on, writes the last only."""

    def __init__(self, epochs: int, stream: TextIO) -> None:
        self._epochs = epochs
        self._stream = stream
        self._live = stream.isatty()
        self._last = ""
        self._width = 0
        self._drawn_at = -REFRESH_SECONDS

    def show(self, done: int, say: Callable[[], str]) -> None:
        self._last = f"epoch {done}/{self._epochs}  {say()}"
        if self._live and monotonic() - self._drawn_at >= REFRESH_SECONDS:
            self._draw("\r")
            self._drawn_at = monotonic()

    def close(self) -> None:
        if self._last:
            self._draw("\r" if self._live else "", end="\n")

    def _draw(self, start: str, end: str = "") -> None:
        # Padded to the widest so far: a shorter line leaves no rest of a longer one.
        self._width = max(self._width, len(self._last))
        line = self._last.ljust(self._width) if self._live else self._last
        self._stream.write(f"{start}{line}{end}")
        self._stream.flush()


@contextmanager
def _rich(epochs: int, stream: TextIO) -> Iterator[Draw]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (
        TextColumn("epoch"),
        MofNCompleteColumn(),
        BarColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=Console(file=stream)) as bar:
        task = bar.add_task("", total=epochs)
        yield lambda done, say: bar.update(task, completed=done, description=say())
