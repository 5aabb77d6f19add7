# SPDX-License-Identifier: BSD-3-Clause
"""Where the time of a training goes: `PhaseTimer` opens the clock built into the trainer."""

from __future__ import annotations

from types import TracebackType

import numpy as np
import numpy.typing as npt

from deltarule.trainer import Trainer


class PhaseTimer:
    """Seconds per phase and thread of the epochs that run inside the `with` block.

    The phases of docs/performance.md: start (panels are packed, threads called), gather, forward,
    output, backward, weights (gradient and update), wait (for the other threads), finish (w is
    written back). Each thread's seconds add up to the time that the core spent in `epoch`.

    Parameters
    ----------
    trainer : Trainer
        Its other epochs are not timed, and cost nothing more. One timer at a time.

    Attributes
    ----------
    seconds : dict of str to array (n_threads,)
        Since the block was entered; empty before.

    Notes
    -----
    The weights do not depend on it by a single bit. A change of phase costs one look at the clock,
    nine of them a step.

    Examples
    --------
    >>> import deltarule as dr
    >>> from deltarule.digits import load_digits
    >>> trainer = dr.Trainer(dr.MLP([64, 32, 10], loss="cross_entropy"), n_threads=1)
    >>> with PhaseTimer(trainer) as timer:
    ...     loss = trainer.epoch(*load_digits())
    >>> max(timer.seconds, key=lambda phase: timer.seconds[phase].sum())  # doctest: +SKIP
    'weights'
    """

    def __init__(self, trainer: Trainer) -> None:
        self._core = trainer._trainer
        self._last: dict[str, npt.NDArray[np.float64]] = {}

    def __enter__(self) -> PhaseTimer:
        self._core.time_phases(True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._last = self.seconds
        self._core.time_phases(False)

    @property
    def seconds(self) -> dict[str, npt.NDArray[np.float64]]:
        """Per phase, of each thread."""
        return self._core.phase_seconds or self._last
