# SPDX-License-Identifier: BSD-3-Clause
"""Many networks side by side: a thread for each core, a model on each, longest first."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from queue import Empty, SimpleQueue
from time import perf_counter
from typing import Any

from deltarule import _core, _validate
from deltarule._arguments import integer
from deltarule._modes import in_default_modes
from deltarule.history import History
from deltarule.mlp import MLP
from deltarule.notes import tell
from deltarule.per_model import networks, of_models
from deltarule.progress import counting_line, duration
from deltarule.training import fit_run
from deltarule.training_loop import Run, alone

LOOK_SECONDS = 0.1  # between two looks at how far all are


class Job:
    """One model's training.

    Parameters
    ----------
    run : Run
        Ready to go.

    Attributes
    ----------
    run
        As given.
    error : BaseException or None
        What ended it, if it failed.
    over : bool
        Whether it has ended.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.error: BaseException | None = None
        self.over = False
        rows = getattr(run.rows, "X", ())
        self.work = run.epochs * run.mlp.architecture.n_weights * max(1, len(rows))

    @property
    def done(self) -> int:
        """Epochs that need no waiting for."""
        return self.run.epochs if self.over else self.run.epoch

    def go(self, flag: _core.StopFlag, ended: SimpleQueue[Job]) -> None:
        """Train in the calling thread, until the flag is raised."""
        try:
            with flag:
                self.run.go_on()
        except BaseException as error:
            self.error = error
        self.over = True
        ended.put(self)


@in_default_modes
def fit_many(
    mlps: Iterable[MLP],
    X: Any,
    Y: Any = None,
    *,
    n_jobs: int | None = None,
    progress: bool = False,
    **arguments: Any,
) -> list[History]:
    """Train networks side by side, each as its own `fit` would, bit for bit.

    Parameters
    ----------
    mlps : iterable of MLP
        The networks, all different objects.
    X, Y
        As `MLP.fit` takes them, for all; `dr.each([...])`: one for each.
    n_jobs : int, optional
        How many train at once, each on one thread. None: as many as there are cores.
    progress : bool
        Whether to show one live line for all, with rich if that is installed.
    **arguments
        Any other argument of `MLP.fit` but `n_threads`. A list is one value for each model, except
        where `fit` itself takes lists, `validation`, `sample_weight`, `record`, `metrics` and
        `callbacks`: there `dr.each([...])` is.

    Returns
    -------
    list of History
        In the order of the networks.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit, before any network is trained; a note says of which model.
    RuntimeError
        If a network is being trained already.
    KeyboardInterrupt
        On Ctrl-C, within 0.2 s: all stop, each with the weights of its last finished epoch. Its
        attribute `histories` has the epochs so far.
    Exception
        Whatever training a network raises, when all others are finished: the error of the first
        one that failed. A note says which, and the attributes `histories` (of all) and `failures`
        (a dict of errors by number) what there is.

    Notes
    -----
    `max_seconds` counts from the moment that a network's own training begins. Callbacks are called
    in the threads of their models.
    """
    models = networks(mlps)
    jobs_wanted = None if n_jobs is None else integer("n_jobs", n_jobs, 1)
    progress = _validate.flag("progress", progress)
    with ExitStack() as all_alone:
        for mlp in models:
            all_alone.enter_context(alone(mlp))
        return _fit_all(models, X, Y, arguments, jobs_wanted, progress)


def _fit_all(
    models: list[MLP], X: Any, Y: Any, arguments: dict[str, Any], n_jobs: int | None, progress: bool
) -> list[History]:
    """As `fit_many`, of networks that nobody else trains."""
    jobs = []
    for i, own in enumerate(of_models(len(models), X, Y, arguments)):
        try:
            jobs.append(Job(fit_run(models[i], progress=False, **own)))
        except Exception as error:
            tell(error, f"fit_many: an argument of model {i}")
            raise
    threads = min(n_jobs or _core.default_threads(), len(jobs))
    try:
        _run_all(jobs, threads, progress)
    except BaseException as raised:
        fault = _signal_s(raised)
        note = "fit_many: each network has the weights of its last finished epoch"
        tell(fault, note, histories=_histories(jobs))
        raise fault from fault.__cause__
    _raise_first(jobs)
    return _histories(jobs)


def _run_all(jobs: list[Job], threads: int, progress: bool) -> None:
    """Train all; what goes wrong in one stays with it, and what goes wrong here stops them."""
    flag = _core.StopFlag()
    ended: SimpleQueue[Job] = SimpleQueue()  # in C: `wait` loses its locks to a handler that raises
    pool = ThreadPoolExecutor(threads, "fit_many")
    try:
        longest_first = sorted(jobs, key=lambda job: -job.work)
        for job in longest_first:
            pool.submit(job.go, flag, ended)
        began = perf_counter()
        with counting_line(progress, sum(job.run.epochs for job in jobs)) as draw:
            while not all(job.over for job in jobs):
                with suppress(Empty):  # with a time-out, for without one Windows hears no Ctrl-C
                    ended.get(timeout=LOOK_SECONDS)
                draw(sum(job.done for job in jobs), lambda: _text(jobs, perf_counter() - began))
    except BaseException:
        flag.set()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _signal_s(error: BaseException) -> BaseException:
    """Return what a signal's handler raised where `threading` then lacks a lock, else the error."""
    came = error.__context__
    lost = isinstance(error, RuntimeError) and "release un" in str(error)
    return came if lost and came is not None else error


def _histories(jobs: list[Job]) -> list[History]:
    return [job.run.history for job in jobs]


def _text(jobs: list[Job], seconds: float) -> str:
    """Say how many are over, the lowest loss, of validation data where there is some, time left."""
    over, failed = sum(job.over for job in jobs), sum(job.error is not None for job in jobs)
    parts = [f"models {over}/{len(jobs)}"] + ([f"{failed} failed"] if failed else [])
    histories = [job.run.history for job in jobs]
    for name, column in (("validation", "validation_loss"), ("loss", "loss")):
        losses = {i: getattr(h, column)[-1] for i, h in enumerate(histories) if getattr(h, column)}
        if losses:
            best = min(losses, key=lambda i: losses[i])
            parts.append(f"lowest {name} {losses[best]:.6g} (model {best})")
            break
    share = sum(job.work * job.done / job.run.epochs for job in jobs) / sum(j.work for j in jobs)
    if over < len(jobs) and share > 0:
        parts.append(f"{duration(seconds * (1 - share) / share)} left")
    return "  ".join(parts)


def _raise_first(jobs: list[Job]) -> None:
    failures = {i: job.error for i, job in enumerate(jobs) if job.error is not None}
    if not failures:
        return
    number, first = next(iter(failures.items()))
    for i, error in failures.items():
        if i != number:
            tell(first, f"fit_many: model {i} failed, too: {type(error).__name__}: {error}")
    note = (
        f"fit_many: this is model {number}'s; {len(jobs) - len(failures)} of {len(jobs)} finished"
    )
    tell(first, note, histories=_histories(jobs), failures=failures)
    raise first
