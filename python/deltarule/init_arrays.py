# SPDX-License-Identifier: BSD-3-Clause
"""Arrays in the place of an initialiser's name: all weights at once, or those of one layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from deltarule import _validate
from deltarule.architecture import Architecture
from deltarule.results import Array


def is_array(value: object) -> bool:
    """Return whether it is to be read as numbers: no name, and no single number."""
    numbers = isinstance(value, Sequence) and not isinstance(value, str | bytes)
    return numbers or hasattr(value, "__array__")


def all_weights(value: Any, net: Architecture) -> Array:
    """Return w, (n_weights,): what units learn is part of it.

    Raises
    ------
    TypeError, ValueError
        If it holds no numbers, or not so many, or some that are not finite in the dtype.
    """
    w = _validate.array(value, "init")
    if w.shape != (net.n_weights,):
        expected = f"({net.n_weights},), all weights, or a list with one item per weight matrix"
        raise ValueError(f"init: shape {w.shape}; expected {expected}")
    return _validate.finite(w, "init", net.dtype)


def of_layer(value: Any, k: int, net: Architecture) -> Array:
    """Return W[k], (H_{k+1}, H_k + 1), bias last, or without its bias.

    Raises
    ------
    TypeError, ValueError
        As `all_weights`.
    """
    name, n_in, n_out = f"init[{k}]", net.layers[k], net.layers[k + 1]
    W = _validate.array(value, name)
    if W.shape not in ((n_out, n_in), (n_out, n_in + 1)):
        expected = f"({n_out}, {n_in + 1}), bias last, or ({n_out}, {n_in}) without"
        raise ValueError(f"{name}: shape {W.shape}; expected {expected}")
    return _validate.finite(W, name, net.dtype)
