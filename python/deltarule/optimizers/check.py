# SPDX-License-Identifier: BSD-3-Clause
"""Whether an optimizer fits the network that it shall train."""

from __future__ import annotations

from typing import Any

import numpy as np

from deltarule._quoting import quoted
from deltarule.optimizers.rule import Rule

# What must not become 0, or infinity, in the network's dtype.
_KEPT = ("eta", "eps", "least", "most", "clip_value", "clip_norm", "max_norm")

# What may be 0 there, but not infinity.
_FINITE = ("start", "weight_decay")

# What must not become 1.
_BELOW_1 = ("momentum", "beta", "beta_1", "beta_2", "shrink")


def or_adam(optimizer: object) -> Any:
    """Return what was given as `optimizer=`, or Adam() for None."""
    if optimizer is not None:
        return optimizer
    from deltarule.optimizers.adam import Adam  # an import of a ms, which other rules don't need

    return Adam()


def check_optimizer(optimizer: object, dtype: str, n_layers: int | None = None) -> Rule:
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
        0/0; if a start or weight decay becomes infinity; if a momentum or beta becomes 1, so that
        nothing fades, or a factor of Rprop's, so that no step changes; or if there are more or
        fewer eta_factors than layers.
    """
    if not isinstance(optimizer, Rule):
        raise TypeError(
            f"optimizer: {quoted(optimizer)} of type {type(optimizer).__name__}; expected SGD or "
            "Adam, or another of deltarule's"
        )
    numbers = optimizer.parameters
    for name in _KEPT:
        _check_kept(name, numbers.get(name, 1.0), dtype)
    for name in _FINITE:
        _check_kept(name, numbers.get(name, 0.0), dtype, -1, "finite")
    _check_kept("grow", numbers.get("grow", 2.0), dtype, 1, "> 1, finite")
    for name in _BELOW_1:
        if np.dtype(dtype).type(numbers.get(name, 0.0)) == 1:
            raise ValueError(f"{name}: {numbers[name]!r} is 1 as {dtype}; expected it < 1")
    if optimizer.eta_factors is None:
        return optimizer
    for k, factor in enumerate(optimizer.eta_factors):
        if factor:
            _check_kept(f"eta_factors[{k}] * eta", factor * numbers.get("eta", 1.0), dtype)
    given = len(optimizer.eta_factors)
    if n_layers is not None and given != n_layers:
        raise ValueError(f"eta_factors: {given} numbers; expected {n_layers}, one per layer")
    return optimizer


def check_batch_size(optimizer: Rule, batch_size: int | None) -> None:
    """Refuse minibatches to a rule that needs the gradient of all rows.

    Parameters
    ----------
    optimizer : Rule
        The rule.
    batch_size : int or None
        Rows in a batch; None: all rows.

    Raises
    ------
    ValueError
        If there are minibatches and the rule takes none.
    """
    if optimizer.full_batch and batch_size is not None:
        raise ValueError(
            f"batch_size: {batch_size}; expected None: {type(optimizer).__name__} compares "
            f"gradients of all rows"
        )


def _check_kept(
    name: str, value: float, dtype: str, above: float = 0, expected: str = "> 0, finite"
) -> None:
    with np.errstate(over="ignore", under="ignore"):
        rounded = np.dtype(dtype).type(value)
    if not above < rounded < np.inf:
        raise ValueError(f"{name}: {value!r} is {rounded} as {dtype}; expected it {expected}")
