# SPDX-License-Identifier: BSD-3-Clause
"""The optimizers as declarations: which update rule, with which numbers."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, TypeAlias

from deltarule.optimizers.check import check_batch_size, check_optimizer, or_adam
from deltarule.optimizers.rule import Rule
from deltarule.optimizers.state import initial_slots

if TYPE_CHECKING:
    from deltarule.optimizers.adam import Adam, AdamW, NAdam
    from deltarule.optimizers.scaled import Adadelta, AdaGrad, RMSProp
    from deltarule.optimizers.sgd import SGD
    from deltarule.optimizers.signs import Lion, Rprop

    OPTIMIZERS: dict[str, type[Rule]]

__all__ = [
    "OPTIMIZERS",
    "SGD",
    "AdaGrad",
    "Adadelta",
    "Adam",
    "AdamW",
    "Lion",
    "NAdam",
    "Optimizer",
    "RMSProp",
    "Rprop",
    "Rule",
    "check_batch_size",
    "check_optimizer",
    "initial_slots",
    "or_adam",
]

Optimizer: TypeAlias = Rule

# Each rule's module: it is imported when its first rule is used.
_HOMES = {
    "SGD": "sgd",
    "Adam": "adam",
    "AdamW": "adam",
    "NAdam": "adam",
    "AdaGrad": "scaled",
    "RMSProp": "scaled",
    "Adadelta": "scaled",
    "Lion": "signs",
    "Rprop": "signs",
}


def __getattr__(name: str) -> object:
    if name in _HOMES:
        value = getattr(import_module(f"deltarule.optimizers.{_HOMES[name]}"), name)
    elif name == "OPTIMIZERS":  # all of them, by the name that a pickle holds
        value = {rule: getattr(import_module(__name__), rule) for rule in _HOMES}
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
