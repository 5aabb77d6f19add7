# SPDX-License-Identifier: BSD-3-Clause
"""Trainers in files: the network, the settings, and the state as far as the training has come.

The tensors slot.0, slot.1, ... are what the optimizer keeps of each weight, average the average of
the weights; both in the order of w.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from deltarule._arguments import MOST_COUNTED
from deltarule._modes import in_default_modes
from deltarule._quoting import quoted
from deltarule.dropout import Key
from deltarule.files import container
from deltarule.files.declarations import decoded, encoded
from deltarule.files.errors import Path, damaged, text_of
from deltarule.files.model import network_of, network_parts
from deltarule.results import Array
from deltarule.saved import POWERS
from deltarule.trainer import Trainer

WITH_A_TRAINER = ("trainer", "checkpoint")

# Of a trainer's own arguments, those that a file holds as they are or by name.
DECLARED = ("optimizer", "batch_size", "n_threads", "sparsity", "average", "dropout", "noise")
# Of each kind of file: its sections, and how its tensors' names begin.
PARTS = {
    "trainer": (("architecture", "trainer"), ("W.", "alpha.", "slot.", "average")),
    "checkpoint": (
        ("architecture", "trainer", "fit", "history"),
        ("W.", "alpha.", "slot.", "average", "stop.", "generator.", "start.", "history."),
    ),
}
_STATE = ("epochs", "steps", *POWERS)
_SECTION = {*DECLARED, "key", "state", "moving"}


@in_default_modes
def save(trainer: Trainer, path: Path) -> None:
    """Write a trainer: see `Trainer.save`."""
    text_of(path)  # judged first
    container.write(path, "trainer", *trainer_parts("save", trainer))


@in_default_modes
def load(path: Path) -> Trainer:
    """Read a trainer: see `Trainer.load`."""
    contents = container.read(path, WITH_A_TRAINER)
    check_names(text_of(path), contents)
    return trainer_of(text_of(path), contents.sections, contents.tensors)


def check_names(path: str, contents: container.Contents) -> None:
    """Refuse a file of a trainer, or a checkpoint, with sections or tensors that it has not."""
    sections, tensors = PARTS[contents.kind]
    more = sorted(contents.sections.keys() - {*sections})
    if more:
        raise damaged(path, f"its sections have {quoted(more)}; expected {sections}")
    strange = sorted(name for name in contents.tensors if not name.startswith(tensors))
    if strange:
        raise damaged(path, f"its tensors have {quoted(strange)}; expected {tensors}")


def trainer_parts(what: str, trainer: Trainer) -> tuple[dict[str, Any], dict[str, Array]]:
    """Return the sections and tensors that hold a trainer and its network.

    Parameters
    ----------
    what : str
        Who writes, for messages.
    trainer : Trainer
        Not in the middle of an epoch.

    Raises
    ------
    ValueError
        If the loss, or a schedule, is a function or of a class that a file cannot name.
    RuntimeError
        If the network is being trained.
    """
    of = trainer.__getstate__()  # one epoch's, or RuntimeError
    state = of["state"]
    sections, tensors = network_parts(what, trainer.mlp.architecture, trainer.mlp._snapshot())
    sections["trainer"] = {
        **settings(trainer),
        "key": of["key"],
        "state": {name: state[name] for name in _STATE},
        "moving": _written(of["moving"]),
    }
    tensors |= {f"slot.{s}": slot for s, slot in enumerate(state["slots"])}
    if state.get("average") is not None:
        tensors["average"] = state["average"]
    return sections, tensors


def settings(trainer: Trainer) -> dict[str, Any]:
    """Return what a trainer was told, as JSON.

    Raises
    ------
    ValueError
        As `trainer_parts` does.
    """
    return {name: encoded(name, getattr(trainer, name)) for name in DECLARED}


def trainer_of(path: str, sections: Mapping[str, Any], tensors: Mapping[str, Array]) -> Trainer:
    """Build the trainer that a file holds, and its network.

    Parameters
    ----------
    path : str
        The file, for messages.
    sections, tensors : mapping
        Its contents.

    Raises
    ------
    FileFormatError
        If they do not hold together.
    """
    section = sections.get("trainer")
    if not isinstance(section, dict) or set(section) != _SECTION:
        given = quoted(sorted(section) if isinstance(section, dict) else section)
        raise damaged(path, f"its trainer has {given}; expected {sorted(_SECTION)}")
    check_key(path, key := section["key"])
    mlp = network_of(path, sections, tensors)
    told = {name: decoded(path, name, section[name]) for name in DECLARED}
    try:
        trainer = Trainer(mlp, **told, seed=Key(key or 0))
    except (TypeError, ValueError, OverflowError) as error:
        raise damaged(path, f"its trainer is not valid: {error}") from None
    restore(path, trainer, section, tensors)
    return trainer


def restore(
    path: str, trainer: Trainer, section: Mapping[str, Any], tensors: Mapping[str, Array]
) -> None:
    """Give a trainer of these settings the state that a file holds.

    Parameters
    ----------
    path : str
        The file, for messages.
    trainer : Trainer
        Its settings are the file's; its state is not asked for.
    section : mapping
        The section "trainer".
    tensors : mapping
        The file's.

    Raises
    ------
    FileFormatError
        If the state is none of such a trainer.
    """
    given = section["state"]
    if not isinstance(given, dict) or set(given) != {*_STATE}:
        raise damaged(path, f"its state is {quoted(given)}; expected counts and powers")
    slots = sorted(name for name in tensors if name.startswith("slot."))
    if slots != [f"slot.{s}" for s in range(len(slots))]:
        raise damaged(path, f"its tensors are {slots[:20]}; expected slot.0, slot.1, ...")
    state = {**given, "slots": [tensors[name] for name in slots]}
    if "average" in tensors:
        state["average"] = tensors["average"]
        if not np.isfinite(tensors["average"]).all():
            raise damaged(path, "its average holds nan or infinity; expected finite numbers")
    dtype = np.dtype(trainer.mlp.architecture.dtype)
    for name in [*slots, *(["average"] if "average" in tensors else [])]:
        if tensors[name].dtype != dtype:
            raise damaged(path, f"its {name} is of {tensors[name].dtype}; expected {dtype}")
    for s, name in enumerate(slots):  # a mean of squares may have become infinite
        if np.isnan(tensors[name]).any():
            raise damaged(path, f"its {name} holds nan; expected numbers")
        if s in trainer.optimizer.never_negative and (tensors[name] < 0).any():
            raise damaged(path, f"its {name} holds numbers < 0; expected none")
    moving = _moving_of(path, trainer._moving.state, section["moving"])
    try:
        trainer._set_state(state, moving)
    except (TypeError, ValueError) as error:
        raise damaged(path, f"its state is not one of such a trainer: {error}") from None
    if "average" in tensors and trainer.averaged_w is None:
        raise damaged(path, "it has a tensor average; expected none, for such a trainer has none")


def check_key(path: str, key: object) -> None:
    """Refuse what is no key of dropout's and noise's random numbers."""
    if key is not None and not is_count(key, 2**64):
        raise damaged(path, f"its trainer's key is {quoted(key)}; expected 64 bits or none")


def is_count(value: object, below: int = 2**63) -> bool:
    """Whether it is an integer >= 0 and below something."""
    return type(value) is int and 0 <= value < below


def _written(moving: Mapping[str, Any]) -> dict[str, Any]:
    """What the schedules remember; infinity, which JSON has not, by name."""
    memory = {
        name: one and {key: encoded(key, value) for key, value in one.items()}
        for name, one in moving["memory"].items()
    }
    return {**moving, "memory": memory}


def _moving_of(path: str, fresh: Mapping[str, Any], given: Any) -> dict[str, Any]:
    """The inverse of `_written`, if it is what such schedules remember: numbers by these names."""
    names = fresh["memory"].keys()
    known = (
        isinstance(given, dict)
        and given.keys() == fresh.keys()
        and is_count(given["steps"], MOST_COUNTED)
        and is_count(given["observed"], MOST_COUNTED)
        and given["observed"] <= given["steps"]
        and isinstance(given["memory"], dict)
        and given["memory"].keys() == names
        and isinstance(given["last"], dict)
        and given["last"].keys() <= names
    )
    if not known:
        expected = f"the like of {fresh}, counts < 2**62"
        raise damaged(path, f"its schedules' state is {quoted(given)}; expected {expected}")
    memory = {}
    for name, begin in fresh["memory"].items():
        now = given["memory"][name]
        if type(now) is not type(begin) or (begin and now.keys() != begin.keys()):
            found = quoted(now)
            raise damaged(path, f"its {name} remembers {found}; expected the like of {begin}")
        memory[name] = begin and {k: decoded(path, k, v) for k, v in now.items()}
        for key, like in (begin or {}).items():
            _check_remembered(path, f"{name}.{key}", memory[name][key], like)
    for name, value in given["last"].items():
        _check_remembered(path, f"{name} of the last step", value, 0.0)
    return {**given, "memory": memory}


def _check_remembered(path: str, name: str, value: Any, begin: float) -> None:
    """Refuse what no schedule remembers: a loss is any number, a rate and a count are >= 0."""
    if isinstance(begin, int):
        good = is_count(value, MOST_COUNTED)
    elif math.isinf(begin):  # the best loss
        good = type(value) is float and not math.isnan(value)
    else:
        good = type(value) is float and 0 <= value < math.inf
    if not good:
        found = quoted(value)
        raise damaged(path, f"its schedules remember {found} as {name}; expected numbers")
