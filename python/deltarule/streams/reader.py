# SPDX-License-Identifier: BSD-3-Clause
"""A thread that reads ahead of whoever consumes."""

from __future__ import annotations

from collections.abc import Iterator
from queue import Empty, Full, Queue
from threading import Event, Thread
from types import TracebackType
from typing import Any, Generic, TypeVar

from deltarule._core import StopFlag

T = TypeVar("T")

MOST_PARTS = 3  # in memory: one is worked on, one waits, one is in the making
PATIENCE = 0.05  # seconds between looks at whether the other side is still there
FAREWELL = 0.1  # seconds that the end waits for a source that is at work


class _End:
    """Nothing comes any more: the source has ended, or failed."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


class ReadAhead(Generic[T]):
    """Iterates in a thread of its own.

    With the item that is worked on, the one that waits and the one that is being made, `MOST_PARTS`
    are in memory. It is a context: at its end the thread ends and closes the iterator, in the
    source's own time if that is at work for longer than 0.1 s.

    Parameters
    ----------
    items : iterator
        Iterated only there; what it raises is raised here.
    over : threading.Event, optional
        Set at the context's end, for items that are long in the making.
    """

    def __init__(self, items: Iterator[T], over: Event | None = None) -> None:
        self._items = items
        self._queue: Queue[T | _End] = Queue(MOST_PARTS - 2)
        self._over = Event() if over is None else over
        self._thread = Thread(target=self._read, name="deltarule-reader", daemon=True)

    def __enter__(self) -> ReadAhead[T]:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join(FAREWELL)

    def __iter__(self) -> Iterator[T]:
        while True:
            item = self._next()
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item
            del item  # before the next is waited for: memory is counted in items

    def _next(self) -> T | _End:
        while True:
            try:
                return self._queue.get(timeout=PATIENCE)
            except Empty:
                StopFlag.check()
                if not self._thread.is_alive() and self._queue.empty():
                    raise RuntimeError("the reading thread has ended without a word") from None

    def _read(self) -> None:
        error: BaseException | None = None
        try:
            for item in self._items:
                if not self._put(item):
                    break
                del item
        except BaseException as raised:  # whatever it is, it is the consumer's
            error = raised
        finally:
            close: Any = getattr(self._items, "close", None)
            try:
                if close is not None:
                    close()
            except BaseException as raised:
                error = error or raised
            self._put(_End(error))

    def _put(self, item: T | _End) -> bool:
        while not self._over.is_set():
            try:
                self._queue.put(item, timeout=PATIENCE)
            except Full:
                continue
            return True
        return False
