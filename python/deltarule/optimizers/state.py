# SPDX-License-Identifier: BSD-3-Clause
"""Where the state of an optimizer starts."""

from __future__ import annotations

from typing import Any

import numpy as np

from deltarule._typing import DTypeLike, NDArray
from deltarule.architecture import Architecture
from deltarule.optimizers.rule import Rule


def initial_slots(
    rule: Rule, net: Architecture, dtype: DTypeLike | None = None
) -> list[NDArray[Any]]:
    """Return the numbers that `rule` keeps of each weight, before the first step.

    Parameters
    ----------
    rule : Rule
        The optimizer.
    net : Architecture
        The network that it trains.
    dtype : dtype, optional
        None: the network's.

    Returns
    -------
    list of array, (n_weights,)
    """
    slots = [np.full(net.n_weights, start, dtype or net.dtype) for start in rule.slots]
    for s, slot in enumerate(slots):
        for of_layer in (net.views(slot), net.alphas(slot)):
            for k, values in enumerate(of_layer):
                if values is not None:
                    values[...] = rule.slots_of(k)[s]
    return slots
