# SPDX-License-Identifier: BSD-3-Clause
"""The loop over epochs: train, judge, note, show, ask whether to go on.

Callbacks get its `Run`. It knows nothing of where rows come from, what is looked at after an epoch,
what may end it or what is written: those are parts that `training.prepared` puts together.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from time import perf_counter
from typing import Any, Protocol

from deltarule import _core
from deltarule.callbacks.base import has
from deltarule.history import History
from deltarule.notes import tell
from deltarule.protocols import Network, OwnTrainer
from deltarule.rows import Leave, Passed, Source
from deltarule.stops import Asked, Budget, SmallChange, Stop

SECONDS_ALONE = 0.05  # in native code before Ctrl-C, progress and the time budget are looked at

# After an epoch: what to put into its entry of the history, as arguments of `History.append`.
Judge = Callable[["Run"], dict[str, Any]]


def alone(one: object) -> _core.Alone:
    """Return a context in which `one` is trained in here: a RuntimeError if another call does."""
    return _core.Alone(os.getpid(), id(one), type(one).__name__)


class Checkpoint(Protocol):
    """Keeps a training on disk."""

    @property
    def every(self) -> int:
        """After how many epochs it has to look."""

    def begin(self, run: Run) -> None:
        """Before the first epoch: refuse what cannot be kept; bring the run to where it was."""

    def epoch_end(self, run: Run) -> None:
        """After an epoch, its callbacks included."""

    def end(self, run: Run) -> None:
        """When the last epoch is over, before weights are restored; not after an exception."""


class Run:
    """One training on its way: what callbacks are given.

    Attributes
    ----------
    mlp : MLP or oracle.MLP
        Its weights may be read and assigned between epochs; the trainer goes on from them.
    trainer : Trainer or oracle.Trainer
        Holds the optimizer's state.
    rows : Source
        Where the rows come from.
    epochs : int
        How many there may be.
    epoch : int
        How many are finished.
    history : History
        Of these.
    batch, batch_loss : int, float
        In `on_batch_end`: the step within the epoch, from 1, and its loss.
    """

    def __init__(
        self, mlp: Network, trainer: OwnTrainer, rows: Source, epochs: int, *,
        judges: Sequence[Judge] = (), stops: Sequence[Stop] = (), callbacks: Sequence[Any] = (),
        checkpoint: Checkpoint | None = None, finish: Sequence[Callable[[Run], None]] = (),
    ) -> None:  # fmt: skip
        self.mlp, self.trainer, self.rows, self.epochs = mlp, trainer, rows, epochs
        self.epoch = 0
        self.history = History()
        self.batch, self.batch_loss = 0, float("nan")
        self.seconds_before = 0.0  # of a training that this one resumes
        self.stops = tuple(stops)
        self._looking = [rule for rule in stops if not rule.seldom]
        self._asked = next((rule for rule in stops if isinstance(rule, Asked)), Asked())
        self._judges, self._checkpoint, self._finish = judges, checkpoint, finish
        self._callbacks = {
            method: [getattr(callback, method) for callback in callbacks if has(callback, method)]
            for method in ("on_fit_begin", "on_epoch_end", "on_batch_end", "on_fit_end")
        }
        # Whether epochs may pass without anything in Python between them.
        self._looks_seldom = (
            not judges and all(rule.seldom for rule in self.stops)
            and not self._callbacks["on_batch_end"]
            and all(
                getattr(callback, "seldom", False)
                for callback in callbacks if has(callback, "on_epoch_end")
            )
        )  # fmt: skip
        self._began = perf_counter()

    @property
    def seconds(self) -> float:
        """Since the training began, those before a resumption included."""
        return self.seconds_before + perf_counter() - self._began

    def stop(self, reason: str = "callback") -> None:
        """Ask for no further epoch; `history.stopped_by` is the reason unless a rule has one first.

        Parameters
        ----------
        reason : str
            Anything but "".

        Raises
        ------
        TypeError, ValueError
            If it is no such text.
        """
        if not isinstance(reason, str):
            raise TypeError(f"reason: {reason!r} of type {type(reason).__name__}; expected a str")
        if not reason:
            raise ValueError("reason: ''; expected some text")
        self._asked.ask(self, reason)

    def go(self) -> History:
        """Run to the end and return the history."""
        with alone(self.mlp):
            return self.go_on()

    def go_on(self) -> History:
        """Do so for a caller that is `alone` with the network, since before it drew anything."""
        self._began = perf_counter()
        failed: BaseException | None = None
        try:
            if self._checkpoint is not None:
                self._checkpoint.begin(self)
            self._call("on_fit_begin")
            while (reason := self._why_stop()) is None:
                self._advance()
            self.history.stopped_by = reason
            if self._checkpoint is not None:
                self._checkpoint.end(self)
            for bring in self._finish:
                bring(self)
        except BaseException as error:
            failed = error
            self._explain(error)
            raise
        finally:
            self._farewell(failed)
        return self.history

    def _why_stop(self) -> str | None:
        """The reason of the first rule that holds."""
        for rule in self.stops:
            if rule.holds(self):
                return rule.reason
        return None

    def _advance(self) -> None:
        if self._looks_seldom and hasattr(self.rows, "train_alone"):
            self._advance_alone(self.rows.train_alone)
        else:
            for passed in self._passing():
                self._note(passed)
        self._call("on_epoch_end")
        if self._checkpoint is not None:
            self._checkpoint.epoch_end(self)

    def _advance_alone(self, train: Any) -> None:
        """Some epochs of which only losses and times are to be noted."""
        several, failed = train(self.trainer, self._leave())
        self.history.extend(*several)
        self.epoch += len(several.losses)
        if failed is not None:
            raise failed

    def _passing(self) -> Iterable[Passed]:
        if not self._callbacks["on_batch_end"]:
            return self.rows.train(self.trainer, 1)
        self.batch = 0
        return self.rows.train_by_batches(self.trainer, self._after_batch)

    def _note(self, passed: Passed) -> None:
        entries: dict[str, Any] = {}
        for judge in self._judges:
            entries |= judge(self)
        self.history.append(
            passed.loss, passed.seconds, passed.n_rows, eta=passed.eta, **entries
        )  # fmt: skip
        self.epoch += 1
        for rule in self._looking:
            rule.look(self)

    def _after_batch(self, loss: float) -> None:
        self.batch, self.batch_loss = self.batch + 1, loss
        self._call("on_batch_end")

    def _leave(self) -> Leave:
        """How far the rows may go before anything here has to look."""
        epochs = self.epochs - self.epoch
        if self._checkpoint is not None:
            epochs = min(epochs, self._checkpoint.every - self.epoch % self._checkpoint.every)
        tolerance = min((s.tolerance for s in self.stops if isinstance(s, SmallChange)), default=-1)
        before = self.history.loss[-1] if self.history.loss else float("inf")
        left = [rule.seconds - self.seconds for rule in self.stops if isinstance(rule, Budget)]
        return Leave(epochs, min([SECONDS_ALONE, *left]), tolerance, before)

    def _call(self, method: str) -> None:
        for call in self._callbacks[method]:
            call(self)

    def _explain(self, error: BaseException) -> None:
        """Tell with the error what there is: every one that leaves after an epoch says so."""
        self.history.cut(self.epoch)  # Ctrl-C may have come between two of its lists
        tell(error, history=self.history)
        trained = self.trainer.n_epochs
        if trained or isinstance(error, KeyboardInterrupt | FloatingPointError):
            # One more than the history has where the epoch could not be judged.
            held = "losses so far" if trained == self.epoch else f"{self.epoch} before it"
            tell(
                error,
                f"fit: the weights are those after epoch {trained} of {self.epochs}; the "
                f"exception's attribute `history` holds the {held}",
            )

    def _farewell(self, failed: BaseException | None) -> None:
        """Call every `on_fit_end`, whatever the others do; the first error leaves."""
        first = failed
        for call in self._callbacks["on_fit_end"]:
            try:
                call(self)
            except BaseException as error:
                if first is None:
                    first = error
                    self._explain(error)
                else:
                    tell(first, f"fit: then on_fit_end of a callback failed: {error!r}")
        if failed is None and first is not None:
            raise first
