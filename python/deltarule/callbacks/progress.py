# SPDX-License-Identifier: BSD-3-Clause
"""The live line of a training as a callback."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from deltarule import _validate
from deltarule.callbacks.base import Callback
from deltarule.progress import Show, audience, progress_line

if TYPE_CHECKING:
    from deltarule.training_loop import Run


class Progress(Callback):
    """A live line: epochs, losses, the last metric, samples per second, time left.

    Parameters
    ----------
    always : bool
        Also where standard error is no terminal: then only the last state is written, as one line.

    Raises
    ------
    TypeError
        If always is neither True nor False.
    """

    seldom = True

    def __init__(self, always: bool = False) -> None:
        self._always = _validate.flag("always", always)
        self._stack = ExitStack()
        self._show: Show | None = None
        self._start = 0, 0.0  # epochs, seconds: of a training that was resumed, not 0

    def on_fit_begin(self, run: Run) -> None:
        """Open the line."""
        self._start = run.epoch, run.seconds
        stream = audience()
        watched = stream is not None and stream.isatty()
        line = progress_line(self._always or watched, run.epochs)
        self._show = self._stack.enter_context(line)

    def on_epoch_end(self, run: Run) -> None:
        """Redraw it."""
        if self._show is not None:
            each = (run.seconds - self._start[1]) / (run.epoch - self._start[0])
            self._show(run.history, each * (run.epochs - run.epoch))

    def on_fit_end(self, run: Run) -> None:
        """Close it."""
        self._stack.close()
