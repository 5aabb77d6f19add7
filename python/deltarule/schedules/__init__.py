# SPDX-License-Identifier: BSD-3-Clause
"""Numbers of a training that move while it runs: learning rate, momentum, rates of dropout.

A schedule stands where a number would: `dr.SGD(eta=dr.schedules.Cosine(0.1))`. It is a declaration
and a function of the time t, in epochs since the training began; a trainer asks it for one number
per step (`moving`), before the epoch's first. Every value is made of float64 operations that round
once (`elementary`), so it has the same bits on every machine.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from deltarule.schedules.base import Schedule

if TYPE_CHECKING:
    from deltarule.schedules.cycles import Cosine, CosLog4, FlatCosine, OneCycle
    from deltarule.schedules.decays import Exponential, InverseScaling, Linear, Step
    from deltarule.schedules.functions import OfEpoch, OfStep
    from deltarule.schedules.plateau import Plateau
    from deltarule.schedules.warm_up import WarmUp

__all__ = [
    "CosLog4",
    "Cosine",
    "Exponential",
    "FlatCosine",
    "InverseScaling",
    "Linear",
    "OfEpoch",
    "OfStep",
    "OneCycle",
    "Plateau",
    "Schedule",
    "Step",
    "WarmUp",
]

# Imported when first used: a training with constant numbers does without them.
_HOMES = {
    "CosLog4": "cycles",
    "Cosine": "cycles",
    "Exponential": "decays",
    "FlatCosine": "cycles",
    "InverseScaling": "decays",
    "Linear": "decays",
    "OfEpoch": "functions",
    "OfStep": "functions",
    "OneCycle": "cycles",
    "Plateau": "plateau",
    "Step": "decays",
    "WarmUp": "warm_up",
}


def __getattr__(name: str) -> object:
    if name in _HOMES:
        value = getattr(import_module(f"deltarule.schedules.{_HOMES[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
