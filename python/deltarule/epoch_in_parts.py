# SPDX-License-Identifier: BSD-3-Clause
"""An epoch whose rows come in parts: of a source larger than memory, or a batch at a time."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any

from deltarule import _core, _validate
from deltarule._arguments import integer
from deltarule._typing import ArrayLike

if TYPE_CHECKING:
    from deltarule.oracle.trainer import Trainer as OracleTrainer
    from deltarule.trainer import Trainer


class EpochInParts:
    """What `Trainer.in_parts` returns: a context in which `part` takes rows.

    Attributes
    ----------
    n_rows : int
        Rows so far.
    loss : float
        Of the epoch, as `Trainer.epoch` returns it; there when the context has ended.
    """

    def __init__(
        self, trainer: Trainer | OracleTrainer, core: Any, n_rows: int | None, visible: bool
    ) -> None:
        self._trainer, self._core, self._visible = trainer, core, visible
        self._expected = None if n_rows is None else integer("n_rows", n_rows, 1)
        if trainer._moving and n_rows is None:
            raise ValueError("n_rows: None; expected the epoch's number of rows, for schedules")
        self.n_rows = 0

    def __enter__(self) -> EpochInParts:
        trainer = self._trainer
        self._numbers = None
        if self._expected is not None:
            self._numbers = trainer._moving.numbers(
                trainer.n_epochs, self._expected, trainer.batch_size
            )
        self._core.begin_epoch(self._visible)
        trainer._in_parts = True
        return self

    def part(
        self,
        X: ArrayLike,
        Y: ArrayLike,
        order: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        first_row: int | None = None,
    ) -> float:
        """Take whole batches of rows; the last part may end with a short one.

        Parameters
        ----------
        X, Y, order, sample_weight
            As `Trainer.epoch` takes them.
        first_row : int, optional
            The number of X's first row among the epoch's, which dropout and noise draw by. None:
            the rows so far; or 0 where there is an order, for then X is all that there is.

        Returns
        -------
        float
            Loss of the last batch, before its update; NaN if all rows have weight 0.

        Raises
        ------
        TypeError, ValueError, FloatingPointError, KeyboardInterrupt
            As `Trainer.epoch` does; then the epoch is abandoned.
        RuntimeError
            If the part before ended with a short batch.
        """
        first = (self.n_rows if order is None else 0) if first_row is None else first_row
        try:
            return self._part(X, Y, order, sample_weight, first)
        except _core.Refused:
            pass  # what is raised below shall not be chained to this
        net = self._trainer.mlp.architecture
        x, y = _validate.data(X, Y, net)
        rows = None if order is None else _validate.order(order, len(x))
        return self._part(x, y, rows, _validate.sample_weight(sample_weight, len(x)), first)

    def _part(self, X: Any, Y: Any, order: Any, sample_weight: Any, first_row: int) -> float:
        if not hasattr(X, "__len__") or (order is not None and not hasattr(order, "__len__")):
            raise _core.Refused("X")
        count = len(X if order is None else order)
        if self._expected is not None and self.n_rows + count > self._expected:
            raise ValueError(
                f"n_rows: {self._expected}; the parts hold {self.n_rows + count} or more"
            )
        numbers = None
        if self._numbers is not None:
            size = self._trainer.batch_size or self.n_rows + count
            steps = slice(self.n_rows // size, -(-(self.n_rows + count) // size))
            numbers = {name: values[steps] for name, values in self._numbers.items()}
        loss: float = self._core.part(X, Y, order, sample_weight, numbers, first_row)
        self.n_rows += count
        return loss

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self._end()
        finally:
            self.abandon()  # where it has not ended

    def abandon(self) -> None:
        """End the epoch, if it is open: weights and state are those from before it.

        Leaving the context does so after any error. Ctrl-C in the very instant in which it is left
        may prevent that; then this does it.
        """
        self._core.abandon_epoch()
        self._trainer._in_parts = False

    def _end(self) -> None:
        if self._expected is not None and self.n_rows != self._expected:
            raise ValueError(f"n_rows: {self._expected}; the parts hold {self.n_rows}")
        self.loss = float(self._core.end_epoch())
        self._trainer._moving.finish(self._numbers, self.loss)
