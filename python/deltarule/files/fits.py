# SPDX-License-Identifier: BSD-3-Clause
"""What a checkpoint holds beside the trainer, and whether a fit is the one that it holds."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from deltarule._quoting import quoted
from deltarule.files import canonical
from deltarule.files.declarations import decoded, encoded
from deltarule.files.errors import damaged
from deltarule.files.generators import generator_parts
from deltarule.files.model import section_of
from deltarule.files.training import DECLARED, check_key, is_count, settings
from deltarule.results import Array
from deltarule.rows import InMemory
from deltarule.stops import Stop
from deltarule.trainer import Trainer

if TYPE_CHECKING:
    from deltarule.rows import Source
    from deltarule.sources import HeldOutRows
    from deltarule.stopping import EarlyStopping
    from deltarule.training_loop import Run

FREE = ("n_threads",)  # changes no bit

_FIT = {"epoch", "generator", "seconds", "start", "stops", "told"}


def of_trainer(trainer: Trainer) -> dict[str, Any]:
    """Return what a resumed fit's network and trainer must be, as JSON."""
    told = {"architecture": section_of(trainer.mlp.architecture), **settings(trainer)}
    return {name: value for name, value in told.items() if name not in FREE}


def told(
    rows: Source, held_out: HeldOutRows, metrics: Iterable[str], record: Iterable[str],
    stopping: EarlyStopping | None, class_weight: str | Mapping[Any, float] | None,
) -> dict[str, Any]:  # fmt: skip
    """Return what a resumed fit must have been told else, as JSON: see `Checkpoints.expect`."""
    of_arrays = rows if isinstance(rows, InMemory) else None
    weights = of_arrays is not None and of_arrays.sample_weight is not None
    return {
        **({"class_weight": _of_classes(class_weight)} if weights else {}),
        "stream": of_arrays is None,
        "rows": len(of_arrays.X) if of_arrays else getattr(rows, "n_rows", None),
        "shuffle": getattr(rows, "shuffle", None),
        "buffer_rows": getattr(rows, "buffer_rows", None),
        "weights": weights,
        "validation": None if held_out is None else len(held_out[0]),
        "metrics": [*metrics],
        "record": [*record],
        "stopping": None if stopping is None else _of_stopping(stopping),
    }


def comparable(now: dict[str, Any], then: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a fit is told without what older files do not tell."""
    return now if "class_weight" in then else {k: v for k, v in now.items() if k != "class_weight"}


def _of_classes(class_weight: str | Mapping[Any, float] | None) -> Any:
    """As it is, or by the classes' names; one of weight 1 may be left out."""
    if class_weight is None or isinstance(class_weight, str):
        return class_weight
    return {str(int(name)): float(s) for name, s in class_weight.items() if s != 1}


def _of_stopping(rule: EarlyStopping) -> dict[str, Any]:
    """Its fields as they are; the metric, whatever object it may be, by its name."""
    of = {field.name: getattr(rule, field.name) for field in fields(rule)}
    return {**of, "metric": rule.name}


def of_file(path: str, sections: Mapping[str, Any]) -> dict[str, Any]:
    """Return the same of a checkpoint, once its sections are known to be there.

    Raises
    ------
    FileFormatError
        If one is not.
    """
    trainer, of, history = (sections.get(name) for name in ("trainer", "fit", "history"))
    if not isinstance(trainer, dict) or not trainer.keys() >= {*DECLARED, "key", "state", "moving"}:
        raise damaged(path, f"its trainer is {quoted(trainer)}; expected its settings")
    check_key(path, trainer["key"])
    if not isinstance(of, dict) or of.keys() != _FIT or not isinstance(history, dict):
        given = quoted(sorted(of) if isinstance(of, dict) else of)
        raise damaged(path, f"its fit has {given}; expected {sorted(_FIT)}")
    for name, kind in (("epoch", int), ("seconds", float), ("told", dict), ("stops", dict)):
        good = type(of[name]) is kind and (kind is dict or of[name] >= 0)
        if not good:
            raise damaged(path, f"its {name} is {quoted(of[name])}; expected {kind.__name__}")
    told = {name: trainer[name] for name in DECLARED if name not in FREE}
    return {"architecture": sections["architecture"], **told}


def check_same(path: str, now: Mapping[str, Any], then: Mapping[str, Any]) -> None:
    """Refuse a fit that is not the one of the checkpoint.

    Parameters
    ----------
    path : str
        The checkpoint.
    now, then : mapping
        What each was told, as JSON.

    Raises
    ------
    ValueError
        If they differ; the message names the first difference.
    """
    for name, given, expected in _differences("", json.loads(canonical.text(now)), then):
        hint = ": a schedule without over= lasts as long as its fit" * name.endswith(".over")
        raise ValueError(
            f"{name}: {_shown(given)}; expected {_shown(expected)}, with which the checkpoint "
            f"{path!r} was written{hint}"
        )


def _shown(value: Any) -> str:
    declared = isinstance(value, dict) and "type" in value
    return f"{value['type']}(...)" if declared else quoted(value)


def _differences(name: str, now: Any, then: Any) -> Iterator[tuple[str, Any, Any]]:
    of_a_kind = isinstance(now, dict) and isinstance(then, dict) and now.keys() == then.keys()
    if of_a_kind and now.get("type") == then.get("type"):
        for key, value in now.items():
            yield from _differences(f"{name}.{key}" if name else key, value, then[key])
    elif now != then or type(now) is not type(then):
        yield name or "fit", now, then


def check_seed(
    path: str, rng: np.random.Generator, begin: Any, tensors: Mapping[str, Array], seed: object
) -> None:
    """Refuse a seed that is not the one of the checkpoint.

    Raises
    ------
    ValueError
        If the generator does not begin where the file's did.
    """
    section, arrays = generator_parts("start", rng)
    same = all(np.array_equal(a, tensors.get(name, ())) for name, a in arrays.items())
    if section != begin or not same:
        raise ValueError(
            f"seed: {quoted(seed)}; expected the one with which the checkpoint {path!r} was written"
        )


def parts_of_stops(run: Run) -> tuple[dict[str, Any], dict[str, Array]]:
    """Return the section and the tensors that hold what a run's rules to stop remember."""
    section: dict[str, Any] = {}
    tensors: dict[str, Array] = {}
    for rule in run.stops:
        if not rule.state:
            continue
        section[rule.name] = of = {}
        for key, value in rule.state.items():
            if isinstance(value, np.ndarray):
                name = f"stop.{rule.name}.{key}"
                of[key], tensors[name] = {"tensor": name}, value
            else:
                of[key] = encoded(key, value)
    return section, tensors


def states_of_stops(
    path: str, run: Run, section: Mapping[str, Any], tensors: Mapping[str, Array]
) -> list[tuple[Stop, dict[str, Any]]]:
    """Return each rule of which there is a state, with that.

    Raises
    ------
    FileFormatError
        If one is not what such a rule remembers, or one is missing.
    """
    rules = {rule.name: rule for rule in run.stops if rule.kept}
    needed = {name for name, rule in rules.items() if rule.state}
    if not needed <= section.keys() <= rules.keys():
        raise damaged(path, f"its rules to stop are {quoted(sorted(section))}")
    states = []
    for name, given in section.items():
        kept = rules[name].kept
        if not isinstance(given, dict) or given.keys() != kept.keys():
            raise damaged(path, f"its {name} has {quoted(given)}; expected {sorted(kept)}")
        state = {
            key: _remembered(path, run, f"{name}.{key}", kept[key], value, tensors)
            for key, value in given.items()
        }
        states.append((rules[name], state))
    return states


def _remembered(
    path: str, run: Run, name: str, kind: str, value: Any, tensors: Mapping[str, Array]
) -> Any:
    """What a rule remembers, if it is of its kind; a wait, a reason and an end there must be."""
    if value is None and not name.endswith((".wait", ".reason", ".epochs")):
        return None
    if kind == "weights":
        return _weights(path, run, value, tensors)
    if kind == "number" and isinstance(value, dict):
        value = decoded(path, name, value)
    good = {
        "text": type(value) is str and value != "",
        "count": is_count(value),
        "number": type(value) is float and not math.isnan(value),
    }
    if not good[kind]:
        raise damaged(path, f"its {name} is {quoted(value)}; expected a {kind}")
    return value


def _weights(path: str, run: Run, value: Any, tensors: Mapping[str, Array]) -> Array:
    net = run.mlp.architecture
    name = value.get("tensor") if isinstance(value, dict) and len(value) == 1 else None
    a = tensors.get(name) if isinstance(name, str) else None
    if a is None or (a.shape, a.dtype) != ((net.n_weights,), np.dtype(net.dtype)):
        raise damaged(path, f"it has no weights {quoted(value)}")
    if not np.isfinite(a).all():
        raise damaged(path, f"its {name} holds nan or infinity")
    return a.copy()
