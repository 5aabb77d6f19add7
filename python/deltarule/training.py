# SPDX-License-Identifier: BSD-3-Clause
"""`fit`: judges what it was given and puts the parts of a training together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from deltarule import _validate, judges, stops
from deltarule import callbacks as ready
from deltarule._arguments import generator, integer, number
from deltarule._quoting import quoted
from deltarule._typing import ArrayLike
from deltarule.averaging import Averaging, check_start
from deltarule.callbacks import base
from deltarule.dropout import Dropout, Rate
from deltarule.dropout import lasting as dropouts_lasting
from deltarule.evaluation import checked
from deltarule.held_out import HeldOut
from deltarule.metrics import Metric
from deltarule.optimizers import Optimizer
from deltarule.protocols import Network, OwnTrainer
from deltarule.records import requested
from deltarule.rows import InMemory, Source
from deltarule.schedules.base import lasting
from deltarule.sources import HeldOutRows, is_stream, of_arrays, of_stream
from deltarule.stopping import EarlyStopping
from deltarule.training_loop import Judge, Run

if TYPE_CHECKING:
    from deltarule.checkpointing import Checkpoints
    from deltarule.fitting import Fittable


def fit_run(
    mlp: Fittable, X: Any, Y: Any, *, optimizer: Optimizer | None, batch_size: int | None,
    epochs: int, seed: Any, n_threads: int | None, average: Averaging | None,
    dropout: Dropout | Rate | None, noise: Rate | None, **others: Any,
) -> Run:  # fmt: skip
    """Return `Fittable.fit` with these arguments, judged and ready to go."""
    epochs = _validate.epochs(epochs)
    trainer = mlp._new_trainer(
        lasting(optimizer, epochs), batch_size, n_threads, average=average, seed=seed,
        dropout=dropouts_lasting(dropout, epochs), noise=dropouts_lasting(noise, epochs),
    )  # fmt: skip
    check_start(average, epochs)
    return prepared(
        mlp, trainer, X, Y, epochs, seed=seed, n_threads=n_threads, average=average, **others
    )  # fmt: skip


def prepared(
    mlp: Network,
    trainer: OwnTrainer,
    X: ArrayLike,
    Y: ArrayLike | None,
    epochs: int,
    *,
    shuffle: bool = True,
    seed: Any = None,
    n_threads: int | None = None,
    validation: Any = None,
    metrics: Any = (),
    progress: bool = False,
    stop_tol: float | None = None,
    stopping: EarlyStopping | None = None,
    max_seconds: float | None = None,
    record: str | Collection[str] | None = None,
    average: Averaging | None = None,
    sample_weight: ArrayLike | None = None,
    class_weight: str | Mapping[Any, float] | None = None,
    callbacks: Any = (),
    checkpoint: Any = None,
    every: int = 1,
    resume: Any = None,
    buffer_rows: int | None = None,
) -> Run:
    """Return a training of some epochs by a new trainer, judged and ready to go."""
    net = mlp.architecture
    epochs, shuffle = _validate.epochs(epochs), _validate.flag("shuffle", shuffle)
    progress, rng = _validate.flag("progress", progress), generator(seed)
    keeper = _keeper(checkpoint, every, resume)
    if keeper is not None:
        keeper.open(trainer, rng, seed)
    rules = _rules(stop_tol, stopping, max_seconds, average)
    records = requested(record)
    if is_stream(X, Y):
        rows, held_out = of_stream(
            X, net, trainer, shuffle, rng, buffer_rows, validation,
            sample_weight=sample_weight, class_weight=class_weight, record=record,
        )  # fmt: skip
    else:
        rows, held_out = of_arrays(
            X, Y, mlp, shuffle, rng, validation, sample_weight, class_weight, buffer_rows
        )  # fmt: skip
    if keeper is not None:
        keeper.expect(
            rows, held_out, judges.requested(metrics, net), records, stopping, class_weight
        )
    return Run(
        mlp, trainer, rows, epochs,
        judges=[
            *_judges_of(mlp, trainer, held_out, metrics, stopping, n_threads),
            *_recorders(records, rows, n_threads),
        ],
        stops=rules,
        callbacks=[*_callers(callbacks, trainer), *([ready.Progress(True)] if progress else [])],
        checkpoint=keeper, finish=_finish(rules, average),
    )  # fmt: skip


def _keeper(checkpoint: Any, every: int, resume: Any) -> Checkpoints | None:
    every = integer("every", every, 1)
    if checkpoint is None and every != 1 and resume is not True:
        raise ValueError(
            f"every: {quoted(every)} without a checkpoint; expected checkpoint=path beside it"
        )
    if checkpoint is None and (resume is None or resume is False):
        return None
    from deltarule.checkpointing import asked  # an import costs some ms

    return asked(checkpoint, every, resume)


def _callers(callbacks: Any, trainer: OwnTrainer) -> tuple[Any, ...]:
    """The callbacks, where the trainer can take batch by batch if one wants that."""
    given = base.checked(callbacks)
    by_batch = [callback for callback in given if base.has(callback, "on_batch_end")]
    if by_batch and not hasattr(trainer, "in_parts"):
        raise ValueError(
            f"callbacks: {quoted(by_batch[0])} has on_batch_end; expected none that has, for "
            "inputs that are corrupted"
        )
    return given


def _recorders(records: tuple[str, ...], rows: Source, n_threads: int | None) -> list[Judge]:
    if not records or not isinstance(rows, InMemory):
        return []
    return [judges.of_records(records, rows.X, rows.Y, rows.sample_weight, n_threads)]


def _rules(
    stop_tol: float | None,
    stopping: EarlyStopping | None,
    max_seconds: float | None,
    average: Averaging | None,
) -> list[stops.Stop]:
    """The rules that may end it, in the order in which they are asked."""
    rules: list[stops.Stop] = []
    if stop_tol is not None:
        known = number("stop_tol", stop_tol, lambda value: value >= 0, "a number >= 0 or None")
        rules.append(stops.SmallChange(known))
    if stopping is not None:
        if not isinstance(stopping, EarlyStopping):
            raise TypeError(
                f"stopping: {quoted(stopping)} of type {type(stopping).__name__}; expected "
                "EarlyStopping(...) or None"
            )
        if average is not None and stopping.restore is not None:
            raise ValueError(
                f"stopping: restore={stopping.restore!r} with average={average!r}; expected "
                "restore=None, for the weights in the end are the average"
            )
        rules.append(stops.NoImprovement(stopping))
    rules.append(stops.Asked())
    if max_seconds is not None:
        known = number("max_seconds", max_seconds, lambda value: value > 0, "a number > 0 or None")
        rules.append(stops.Budget(known))
    return [*rules, stops.LastEpoch()]


def _judges_of(
    mlp: Network,
    trainer: OwnTrainer,
    given: HeldOutRows,
    metrics: Any,
    stopping: EarlyStopping | None,
    n_threads: int | None,
) -> list[Judge]:
    """What looks at the validation data."""
    wanted = judges.requested(metrics, mlp.architecture)
    if stopping is not None and stopping.metric != "loss":
        metric: str | Metric = checked(stopping.metric, mlp.architecture)
        if wanted.setdefault(stopping.name, metric) is not metric:
            raise ValueError(
                f"stopping: another metric named {stopping.name!r} than in metrics; expected "
                "different names"
            )
    if given is None:
        expected = "expected (X, Y) or a fraction, for"
        if trainer.watches_validation:
            why = "a schedule that watches the validation loss"
            raise ValueError(f"validation: None; {expected} {why}")
        if wanted:
            raise ValueError(f"validation: None; {expected} the metrics {', '.join(wanted)}")
        return []
    held_out = HeldOut(mlp, *given, n_threads)
    found = [judges.of_validation(held_out)]
    if wanted:
        found.append(judges.of_metrics(held_out, wanted))
    return found


def _finish(
    rules: list[stops.Stop], average: Averaging | None
) -> list[Callable[[Run], None]]:  # fmt: skip
    """What gives the network its weights in the end."""
    found = [rule.restore for rule in rules if isinstance(rule, stops.NoImprovement)]
    return [*found, _take_average] if average is not None else list(found)


def _take_average(run: Run) -> None:
    if run.trainer.averaged_w is not None:
        run.mlp.w = run.trainer.averaged_w
