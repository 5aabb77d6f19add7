# SPDX-License-Identifier: BSD-3-Clause
"""A fit of an estimator in one file: written along the way, and gone on from.

A file of deltarule's own form (docs/reference/files.md): numbers, texts and arrays, no code.
"""

from __future__ import annotations

import os
import re
import zlib
from typing import Any

import numpy as np
from scipy.sparse import issparse

from deltarule._arguments import MOST_COUNTED
from deltarule._quoting import quoted
from deltarule.files import container, generators
from deltarule.files.errors import damaged, text_of
from deltarule.files.replacing import check_place
from deltarule.results import Array
from deltarule.training_loop import Run

KIND = "estimator"
# Fitted attributes that are numbers or lists of them.
NUMBERS = (
    "n_iter_", "t_", "loss_", "loss_curve_", "best_loss_", "validation_scores_",
    "validation_loss_curve_", "best_validation_score_", "_no_improvement_count", "_best_w",
)  # fmt: skip
STATE = (
    *NUMBERS,
    "w", "optimizer", "eta", "order", "split", "random", "seconds", "losses", "times", "speeds",
    "validation", "metrics", "data",
)  # fmt: skip
# Parameters that a resumed fit may have otherwise.
FREE = {
    "max_iter", "verbose", "n_jobs", "max_seconds", "callbacks", "progress", "checkpoint", "every",
    "resume", "random_state", "tol", "n_iter_no_change",
}  # fmt: skip
# Of the counts in it the largest: NumPy takes its generators' as they come, and reads there.
MOST = {**generators._MOST, "has_gauss": 1}
MOST |= dict.fromkeys((*NUMBERS[:2], NUMBERS[8], "epochs", "steps", "observed"), MOST_COUNTED - 1)


def keeper_of(estimator: Any, data: Any, incremental: bool) -> Keeper | None:
    """Return what keeps an estimator's fit of these rows, where that is asked for."""
    path, resume = estimator.checkpoint, estimator.resume
    if incremental or (path is None and resume in (None, False)):
        return None
    path = None if path is None else text_of(path, "checkpoint")
    if path is not None:
        check_place(path)
    if resume is True:
        if path is None:
            raise ValueError("resume: True without a checkpoint; expected checkpoint=path")
        return Keeper(estimator, data, path, path if os.path.exists(path) else None)
    return Keeper(estimator, data, path, text_of(resume, "resume") if resume else None)


class Keeper:
    """Keeps a fit in a file, and brings it back to where it was.

    Parameters
    ----------
    estimator : BaseMLP
        That is fitted.
    data : Data
        All its rows.
    path : str or None
        Where to write.
    resume : str or None
        From where to go on.
    """

    def __init__(self, estimator: Any, data: Any, path: str | None, resume: str | None) -> None:
        self.est, self.path, self.resume = estimator, path, resume
        self.rows: Any = None
        self.books: Any = None
        self._data = _marks(estimator, data)
        self._split: tuple[Array, Array] | None = None
        self._read = None if resume is None else self._contents(resume)

    @property
    def every(self) -> int:
        """After how many epochs."""
        return int(self.est.every)

    def split(self, kept: Array, out: Array) -> tuple[Array, Array]:
        """Return which rows train and which judge: those that were drawn, or the file's."""
        if self._read is not None and self._read["split"] is not None:
            self._judge("split", (kept, out))
            kept, out = self._read["split"]
        self._split = kept, out
        return kept, out

    def begin(self, run: Run) -> None:
        """Before the first epoch: bring the fit to where it was."""
        if self._read is None:
            return
        est, state, own = self.est, self._read, self._state(run)
        n = state["n_iter_"]
        for name in STATE[:-1]:
            self._judge(name, 0.0 if name == "loss_" and n else own[name])
        if found := generators.stuck(state["random"]):
            raise damaged(str(self.resume), f"its random generator's {found}")
        lists = [v for v in (*state.values(), *state["metrics"].values()) if isinstance(v, list)]
        if len(state["losses"]) != n or not {*map(len, lists)} <= {0, n}:
            raise damaged(str(self.resume), f"its lists are not of {n} epochs each")
        try:
            est._optimizer.state = state["optimizer"]  # judges it
            est._random_state.set_state(state["random"])
        except (TypeError, ValueError, OverflowError) as error:
            raise damaged(str(self.resume), f"its fit is none of this kind: {error}") from None
        run.mlp.w = state["w"]
        for name in NUMBERS:
            setattr(est, name, state[name])
        if state["eta"] is not None:
            est._optimizer.learning_rate = state["eta"]
        self.rows.order = state["order"]
        run.epoch, run.seconds_before = n, state["seconds"]
        history = run.history
        history.loss, history.seconds = state["losses"], state["times"]
        history.samples_per_second = state["speeds"]
        history.validation_loss, history.metrics = state["validation"], state["metrics"]
        self.books.resume()
        self._read = None

    def epoch_end(self, run: Run) -> None:
        """After an epoch."""
        if run.epoch % self.every == 0:
            self._write(run)

    def end(self, run: Run) -> None:
        """When the last epoch is over."""
        self._write(run)

    def _write(self, run: Run) -> None:
        if self.path is None:
            return
        state = self._state(run) | {"parameters": self._parameters(), "data": self._data}
        tensors: dict[str, Array] = {}
        container.write(self.path, KIND, {"fit": _written(state, tensors)}, tensors)

    def _state(self, run: Run) -> dict[str, Any]:
        est, history = self.est, run.history
        moving = est._optimizer.form != "constant"
        return {name: getattr(est, name, None) for name in NUMBERS} | {
            "w": run.mlp._snapshot(), "optimizer": est._optimizer.state,
            "eta": est._optimizer.learning_rate if moving else None, "order": self.rows.order,
            "split": self._split, "random": est._random_state.get_state(legacy=False),
            "seconds": run.seconds, "losses": history.loss, "times": history.seconds,
            "speeds": history.samples_per_second, "validation": history.validation_loss,
            "metrics": history.metrics,
        }  # fmt: skip

    def _judge(self, name: str, own: Any) -> None:
        """Refuse what is not of the kind that a new fit has there."""
        given: Any = self._read and self._read[name]
        good = _like(given, own, name)
        if good and own is not None and name in ("order", "split"):  # each row once
            rows = [np.sort(np.concatenate(x if name == "split" else (x,))) for x in (given, own)]
            good = np.array_equal(rows[0], rows[1])
        if not good:
            raise damaged(
                str(self.resume), f"its {name} is {quoted(given)}; expected the like of "
                f"{quoted(own)}"
            )  # fmt: skip

    def _parameters(self) -> dict[str, str]:
        given = self.est.get_params(deep=False)
        given["hidden_layer_sizes"] = self.est._hidden()
        return {name: _told(value) for name, value in given.items() if name not in FREE}

    def _contents(self, path: str) -> dict[str, Any]:
        found = container.read(path, (KIND,))
        try:
            of = found.sections["fit"]["dict"]
            if strange := {*STATE, "parameters"} ^ of.keys():
                raise KeyError(quoted(sorted(strange)))
            state: dict[str, Any] = _read({"dict": of}, dict(found.tensors))
            theirs, data = dict(state["parameters"]), dict(state["data"])
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
            raise damaged(path, f"it does not hold together: {error!r}") from None
        for name, value in self._parameters().items():
            if theirs.get(name) != value:
                raise ValueError(
                    f"{name}: {value}; expected {theirs.get(name)}, as the checkpoint {path!r} has"
                )
        for name, mark in self._data.items():
            if data.get(name) != mark:
                raise ValueError(
                    f"{name}: other rows than those of the checkpoint {path!r}; expected the same"
                )
        return state


def _told(value: Any) -> str:
    """A setting in words that are the same in every process."""
    if value in (np.float32, np.float64) and isinstance(value, type):
        value = np.dtype(value).name
    value = value.item() if isinstance(value, np.generic) else value
    return re.sub(r" at 0x[0-9A-Fa-f]+", "", repr(value))


def _marks(est: Any, data: Any) -> dict[str, int]:
    """What tells these rows from others."""
    X, s = data.X, data.sample_weight
    parts = (X.data, X.indices, X.indptr) if issparse(X) else (X,)
    marks = {"X": parts, "y": (data.Y,), "sample_weight": () if s is None else (s,)}
    found = dict.fromkeys(marks, 0)
    for name, arrays in marks.items():
        for each in arrays:
            found[name] = zlib.crc32(np.ascontiguousarray(each).data, found[name])
    classes = [str(label) for label in getattr(est, "classes_", ())]
    found["y"] = zlib.crc32(repr(classes).encode(), found["y"])
    return found


def _written(value: Any, tensors: dict[str, Array]) -> Any:
    """Return a tree of plain values as JSON; arrays go to the tensors, numbers of their own too."""
    if isinstance(value, dict):
        return {"dict": {str(key): _written(one, tensors) for key, one in value.items()}}
    if isinstance(value, tuple):
        return {"tuple": [_written(one, tensors) for one in value]}
    if value is None or isinstance(value, bool | int | str):
        return value
    kind = "list" if isinstance(value, list) and _floats(value) else "tensor"
    if isinstance(value, float | np.floating):
        kind = "float"
    elif isinstance(value, list) and kind == "tensor":
        return [_written(one, tensors) for one in value]
    name = f"t{len(tensors)}"
    tensors[name] = np.array(value, np.float64) if kind != "tensor" else np.asarray(value)
    return {kind: name}


def _like(given: Any, own: Any, name: str) -> bool:
    """Whether a value is of the kind of another, which stood in its place as a fit began."""
    if isinstance(own, dict) and isinstance(given, dict):
        if not own:  # it is filled as the fit goes
            return all(_like(v, [] if name == "metrics" else 0.0, "") for v in given.values())
        return given.keys() == own.keys() and all(_like(given[k], own[k], k) for k in own)
    if type(given) is type(own) and isinstance(own, list | tuple) and own:
        return len(given) == len(own) and all(map(_like, given, own, [name] * len(own)))
    if isinstance(own, list):
        return isinstance(given, list) and _floats(given)
    if isinstance(own, np.ndarray):
        if not isinstance(given, np.ndarray) or (given.shape, given.dtype) != (
            own.shape,
            own.dtype,
        ):
            return False
        return not np.isnan(given).any() if name == "slots" else bool(np.isfinite(given).all())
    if name in MOST:
        return type(given) is int and 0 <= given <= MOST[name]
    if isinstance(own, int | float):
        return type(given) in (int, float)
    return type(given) is type(own) and bool(given == own)


def _floats(value: list[Any]) -> bool:
    return all(isinstance(one, float) for one in value)


def _read(value: Any, left: dict[str, Array]) -> Any:
    """The inverse of `_written`; each array is taken out, for one named often would grow."""
    if isinstance(value, list):
        return [_read(one, left) for one in value]
    if not isinstance(value, dict):
        return value
    ((kind, inner),) = value.items()
    if kind == "dict":
        return {key: _read(one, left) for key, one in inner.items()}
    if kind == "tuple":
        return tuple(_read(one, left) for one in inner)
    found = left.pop(inner)
    if kind == "tensor":
        return found.copy()
    if found.ndim != {"list": 1, "float": 0}[kind]:  # rows without numbers take no bytes
        raise ValueError(f"{inner} of {found.ndim} dimensions; expected a {kind}")
    return float(found) if kind == "float" else found.tolist()
