# SPDX-License-Identifier: BSD-3-Clause
"""The protocol of callbacks. Any object with some of these methods will do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deltarule._quoting import quoted

if TYPE_CHECKING:
    from deltarule.training_loop import Run

METHODS = ("on_fit_begin", "on_epoch_end", "on_batch_end", "on_fit_end")


class Callback:
    """Called along a training: derive from it, or give `fit` any object with some of its methods.

    Each method is given the `Run`: `run.mlp` (its `w` may be read and assigned), `run.trainer`,
    `run.epoch` (finished ones), `run.epochs`, `run.history`, `run.stop(reason)`.

    A class that defines `on_batch_end(run)` as well is called after every step, with `run.batch`
    (1, 2, ... within the epoch) and `run.batch_loss`; then every batch is a call of its own.
    """

    seldom = False  # True: `on_epoch_end` need not be called after every epoch

    def on_fit_begin(self, run: Run) -> None:
        """Before the first epoch, once everything is judged."""

    def on_epoch_end(self, run: Run) -> None:
        """After each epoch, when its entry is in `run.history`."""

    def on_fit_end(self, run: Run) -> None:
        """When all is over, also after an exception; `mlp.w` is what the user will find."""


def checked(callbacks: object) -> tuple[Any, ...]:
    """Return callbacks as a tuple: None, one object or several.

    Parameters
    ----------
    callbacks : object
        As the user gave them.

    Returns
    -------
    tuple

    Raises
    ------
    TypeError
        If something has none of the methods.
    """
    if callbacks is None:
        return ()
    several = isinstance(callbacks, list | tuple)
    given = tuple(callbacks) if several else (callbacks,)  # type: ignore[arg-type]
    for callback in given:
        some = any(callable(getattr(callback, name, None)) for name in METHODS)
        if isinstance(callback, type) or not some:
            hint = "; a class: expected an object of it" if isinstance(callback, type) else ""
            raise TypeError(
                f"callbacks: {quoted(callback)} of type {type(callback).__name__}; expected "
                f"objects with some of {', '.join(METHODS)}{hint}"
            )
    return given


def has(callback: object, method: str) -> bool:
    """Whether it wants to be called there: a method that only `Callback` defines does nothing."""
    own = getattr(callback, method, None)
    return callable(own) and getattr(own, "__func__", own) is not getattr(Callback, method, None)
