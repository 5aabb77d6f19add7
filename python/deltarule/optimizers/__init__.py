# SPDX-License-Identifier: BSD-3-Clause
"""The optimizers as declarations: which update rule, with which numbers."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from deltarule.optimizers.adam import Adam
from deltarule.optimizers.rule import Rule
from deltarule.optimizers.sgd import SGD

__all__ = ["OPTIMIZERS", "SGD", "Adam", "Optimizer", "Rule", "check_optimizer"]

Optimizer: TypeAlias = Rule

OPTIMIZERS: dict[str, type[Rule]] = {rule.__name__: rule for rule in (SGD, Adam)}


def check_optimizer(optimizer: object, dtype: str, n_layers: int | None = None) -> Optimizer:
    """Return `optimizer` if it is one and if its numbers survive rounding to `dtype`.

    Parameters
    ----------
    optimizer : object
        What was given as `optimizer=`.
    dtype : str
        "float32" or "float64".
    n_layers : int, optional
        Weight matrices of the network, where they are known.

    Returns
    -------
    Rule

    Raises
    ------
    TypeError
        If it is no optimizer.
    ValueError
        If eta, eps or a bound becomes 0 or infinity in `dtype`: the network would stand still, or
        0/0; or if there are more or fewer eta_factors than layers.
    """
    if not isinstance(optimizer, Rule):
        raise TypeError(
            f"optimizer: {optimizer!r} of type {type(optimizer).__name__}; expected "
            + " or ".join(OPTIMIZERS)
        )
    for name in ("eta", "eps", "clip_value", "clip_norm", "max_norm"):
        value = optimizer.parameters.get(name, 1.0)
        with np.errstate(over="ignore"):
            rounded = np.dtype(dtype).type(value)
        if rounded == 0 or not np.isfinite(rounded):
            raise ValueError(f"{name}: {value!r} is {rounded} as {dtype}; expected it > 0, finite")
    given = optimizer.eta_factors
    if n_layers is not None and given is not None and len(given) != n_layers:
        raise ValueError(f"eta_factors: {len(given)} numbers; expected {n_layers}, one per layer")
    return optimizer
