# SPDX-License-Identifier: BSD-3-Clause
"""Checkpoints of a `fit`: the trainer and all that the loop remembers, in one file.

A training that was killed and goes on from its checkpoint ends with the bits of one that was not.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from deltarule._arguments import integer
from deltarule.files import container, fits, replacing
from deltarule.files.errors import damaged, text_of
from deltarule.files.generators import generator_parts, set_generator
from deltarule.files.histories import history_of, history_parts
from deltarule.files.model import network_of
from deltarule.files.training import check_names, restore, trainer_parts
from deltarule.trainer import Trainer

if TYPE_CHECKING:
    from deltarule.rows import Source
    from deltarule.sources import HeldOutRows
    from deltarule.stopping import EarlyStopping
    from deltarule.training_loop import Run


def asked(checkpoint: Any, every: object, resume: Any) -> Checkpoints | None:
    """Return what writes and reads a fit's checkpoints; None where nothing is asked for.

    Parameters
    ----------
    checkpoint, every, resume
        As `fit` takes them.

    Raises
    ------
    TypeError, ValueError
        If one is of the wrong kind, or there is nothing to resume from.
    OSError
        If no file can be written there.
    """
    steps = integer("every", every, 1)
    path = None if checkpoint is None else text_of(checkpoint, "checkpoint")
    if path is not None:
        replacing.check_place(path)
    if resume is None or resume is False:
        return None if path is None else Checkpoints(path, steps, None)
    if resume is not True:
        return Checkpoints(path, steps, text_of(resume, "resume"))
    if path is None:
        raise ValueError("resume: True without a checkpoint; expected checkpoint=path beside it")
    return Checkpoints(path, steps, path if os.path.exists(path) else None)


class Checkpoints:
    """Keeps a training in a file, and brings it back to where it was.

    Parameters
    ----------
    path : str or None
        Where to write.
    every : int
        After how many epochs; and at the end.
    resume : str or None
        From where to go on.
    """

    def __init__(self, path: str | None, every: int, resume: str | None) -> None:
        self._path, self._every, self._from = path, every, resume
        self._contents: container.Contents | None = None
        self._told: dict[str, Any] = {}

    @property
    def every(self) -> int:
        """After how many epochs."""
        return self._every

    def open(self, trainer: object, rng: np.random.Generator, seed: object) -> None:
        """Before anything is drawn: read what is resumed, and take its randomness.

        Parameters
        ----------
        trainer : Trainer
            Of this fit, new.
        rng : numpy.random.Generator
            Of this fit, made of `seed`; without a seed, or of a generator, it begins as the file's.
        seed : object
            As it was given.

        Raises
        ------
        ValueError
            If this fit is not the one that the file holds, or cannot be kept; FileFormatError if
            the file does not hold together.
        """
        if not isinstance(trainer, Trainer):
            raise ValueError("checkpoint: of a training by the oracle; expected one of an MLP")
        self._trainer, self._rng = trainer, rng
        if self._from is not None:
            self._contents = container.read(self._from, ("checkpoint",))
            sections, tensors = self._contents.sections, self._contents.tensors
            check_names(self._from, self._contents)
            network_of(self._from, sections, tensors)  # for its errors
            fits.check_same(
                self._from, fits.of_trainer(trainer), fits.of_file(self._from, sections)
            )
            begin = sections["fit"]["start"]
            if seed is None or isinstance(seed, np.random.Generator | np.random.BitGenerator):
                set_generator(self._from, rng, begin, tensors)
            else:
                fits.check_seed(self._from, rng, begin, tensors, seed)
            trainer._set_key(sections["trainer"]["key"])
        self._start = generator_parts("start", rng)

    def expect(
        self, rows: Source, held_out: HeldOutRows, metrics: Iterable[str], record: Iterable[str],
        stopping: EarlyStopping | None, class_weight: str | Mapping[Any, float] | None = None,
    ) -> None:  # fmt: skip
        """Take note of what a resumed fit must have too, and refuse one that has not.

        Parameters
        ----------
        rows, held_out
            That train and that judge.
        metrics, record : iterable of str
            Their names.
        stopping, class_weight
            As `fit` takes them.

        Raises
        ------
        ValueError
            If something differs from the checkpoint that is resumed.
        """
        self._told = fits.told(rows, held_out, metrics, record, stopping, class_weight)
        if self._contents is not None and self._from is not None:
            then = self._contents.sections["fit"]["told"]
            fits.check_same(self._from, fits.comparable(self._told, then), then)

    def begin(self, run: Run) -> None:
        """Before the first epoch: refuse what no file can hold; bring the run to where it was."""
        trainer_parts("checkpoint", self._trainer)
        if self._contents is None or self._from is None:
            return
        path, sections, tensors = self._from, self._contents.sections, self._contents.tensors
        of = sections["fit"]
        if of["epoch"] > run.epochs:
            raise ValueError(
                f"epochs: {run.epochs}; expected at least {of['epoch']}, which the checkpoint "
                f"{path!r} has finished"
            )
        history = history_of(path, sections["history"], tensors)
        history.stopped_by = None
        states = fits.states_of_stops(path, run, of["stops"], tensors)
        w = network_of(path, sections, tensors).w
        restore(path, self._trainer, sections["trainer"], tensors)
        if not of["epoch"] == len(history) == self._trainer.n_epochs:
            raise damaged(
                path, f"it has {of['epoch']} epochs, {len(history)} in its history and "
                f"{self._trainer.n_epochs} in its trainer; expected as many"
            )  # fmt: skip
        set_generator(path, self._rng, of["generator"], tensors)
        for rule, state in states:
            rule.state = state
        run.mlp.w = w
        run.history, run.epoch, run.seconds_before = history, of["epoch"], of["seconds"]
        self._contents = None  # its arrays are in use now

    def epoch_end(self, run: Run) -> None:
        """After an epoch, its callbacks included."""
        if run.epoch % self._every == 0:
            self._write(run)

    def end(self, run: Run) -> None:
        """When the last epoch is over: its file says why."""
        self._write(run)

    def _write(self, run: Run) -> None:
        if self._path is None:
            return
        sections, tensors = trainer_parts("checkpoint", self._trainer)
        stops, of_stops = fits.parts_of_stops(run)
        generator, of_generator = generator_parts("generator", self._rng)
        sections["history"], of_history = history_parts(run.history)
        sections["fit"] = {
            "epoch": run.epoch, "seconds": run.seconds, "told": self._told, "stops": stops,
            "generator": generator, "start": self._start[0],
        }  # fmt: skip
        tensors |= {**of_stops, **of_generator, **of_history, **self._start[1]}
        container.write(self._path, "checkpoint", sections, tensors)
