# SPDX-License-Identifier: BSD-3-Clause
"""What a saved trainer holds, judged: it may be damaged, or of another version."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, TypeVar

from deltarule import _validate
from deltarule._arguments import count, integer, number
from deltarule.averaging import Averaging, has_begun
from deltarule.optimizers import OPTIMIZERS, Rule
from deltarule.results import Array

Made = TypeVar("Made")

POWERS = ("beta_1_power", "beta_2_power", "mu_power", "mu_product")


def part(state: Mapping[str, Any], name: str) -> Any:
    """Return the entry of this name, or refuse a state without it."""
    if name not in state:
        raise ValueError(f"state: no {name!r}; expected what a Trainer gives to pickle")
    return state[name]


def made(name: str, kind: Callable[..., Made], numbers: Mapping[str, Any]) -> Made:
    """Return kind(**numbers), where fields that it does not take are named."""
    try:
        return kind(**numbers)
    except TypeError as error:
        raise ValueError(f"state: {name}: {error}; expected the fields of a Trainer's") from None


def saved_rule(rule: Rule) -> Any:
    """Return its name and fields, which outlive its module; of a class of the user's it itself."""
    kind = type(rule)
    if OPTIMIZERS.get(kind.__name__) is not kind:
        return rule
    return {"name": kind.__name__, **{f.name: getattr(rule, f.name) for f in fields(rule)}}


def rule_of(saved: Any) -> Rule:
    """Return an optimizer from its name and fields; of a class of the user's it is itself."""
    if isinstance(saved, Rule):
        return saved
    numbers = dict(saved)
    name = numbers.pop("name", None)
    if name not in OPTIMIZERS:
        expected = ", ".join(OPTIMIZERS)
        raise ValueError(f"state: an optimizer of the name {name!r}; expected one of {expected}")
    return made(f"optimizer {name}", OPTIMIZERS[name], numbers)


def key_of(saved: Any) -> int:
    """Return the key of a training's random numbers; 0 stands for none."""
    key = integer("state: key", saved or 0, 0)
    if key >= 2**64:
        raise ValueError(f"state: key {key}; expected it < 2**64")
    return key


def native(
    state: Mapping[str, Any], n_slots: int, n_weights: int, dtype: str, average: Averaging | None
) -> dict[str, Any]:
    """Return an optimizer's state as the core takes it.

    Parameters
    ----------
    state : dict
        As `Trainer.state` gives it.
    n_slots, n_weights : int
        How many slots, and of which length.
    dtype : str
        Of the slots.
    average : EMA, SWA or None
        Of the trainer.

    Returns
    -------
    dict

    Raises
    ------
    TypeError, ValueError
        If something is missing, or of the wrong kind, shape or range; the message says what.
    """
    slots = list(part(state, "slots"))
    if len(slots) != n_slots:
        raise ValueError(f"state: {len(slots)} slots; expected {n_slots}")
    result: dict[str, Any] = {
        "slots": [_vector(f"slots[{s}]", a, n_weights, dtype) for s, a in enumerate(slots)],
        **{name: count(f"state: {name}", part(state, name)) for name in ("epochs", "steps")},
        **{name: _power(name, state[name]) for name in POWERS if name in state},
    }
    if has_begun(average, result["steps"], result["epochs"]):
        result["average"] = _vector("average", part(state, "average"), n_weights, dtype)
    return result


def _vector(name: str, value: object, n: int, dtype: str) -> Array:
    a = _validate.array(value, f"state: {name}")
    if a.shape != (n,):
        raise ValueError(f"state: {name}: shape {a.shape}; expected ({n},)")
    return _validate.exact(a, dtype)


def _power(name: str, value: object) -> float:
    return number(f"state: {name}", value, lambda v: 0 <= v <= 1, "a number >= 0 and <= 1")
