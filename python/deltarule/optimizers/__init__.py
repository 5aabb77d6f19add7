# SPDX-License-Identifier: BSD-3-Clause
"""The optimizers as declarations: which update rule, with which numbers."""

from __future__ import annotations

from typing import TypeAlias

from deltarule.optimizers.adam import Adam, AdamW, NAdam
from deltarule.optimizers.check import check_batch_size, check_optimizer
from deltarule.optimizers.rule import Rule
from deltarule.optimizers.scaled import Adadelta, AdaGrad, RMSProp
from deltarule.optimizers.sgd import SGD
from deltarule.optimizers.signs import Lion, Rprop
from deltarule.optimizers.state import initial_slots

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
]

Optimizer: TypeAlias = Rule

# By the name that a pickle holds.
OPTIMIZERS: dict[str, type[Rule]] = {
    rule.__name__: rule
    for rule in (SGD, Adam, AdamW, NAdam, AdaGrad, RMSProp, Adadelta, Lion, Rprop)
}
