# SPDX-License-Identifier: BSD-3-Clause
"""Weights of classes as weights of rows: what `fit(class_weight=...)` multiplies s_i by."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deltarule import _validate
from deltarule._arguments import number
from deltarule.architecture import Architecture
from deltarule.given import Given
from deltarule.results import Array

PAIRS = ({0.0, 1.0}, {-1.0, 1.0})  # what the targets of a single output may be as classes


def with_class_weights(
    class_weight: object, y: Array, net: Architecture, sample_weight: Array | None
) -> Array:
    """s_i times the weight of row i's class; "balanced": n / (C n_c)  (W5).

    Parameters
    ----------
    class_weight : "balanced" or mapping of class to number
        A class that a mapping leaves out has weight 1.
    y : array, (n, K) or (n,)
        Targets, as `_validate.targets` returns them.
    net : Architecture
        Tells K.
    sample_weight : array, (n,), or None
        s_i; None: 1 each. Rows of weight 0 count for nothing.

    Returns
    -------
    array of float64, (n,)

    Raises
    ------
    TypeError
        If class_weight is neither, or a weight no number.
    ValueError
        If targets are no classes, a class is unknown, or a weight negative or not finite.
    """
    classes = classes_of(y, net)
    s = np.ones(len(y)) if sample_weight is None else sample_weight
    if isinstance(class_weight, Mapping):
        return s * _by_class(class_weight, classes, net)
    expected = "'balanced', a dict of class to number or None"
    if not isinstance(class_weight, str):
        raise TypeError(
            f"class_weight: {reprlib.repr(class_weight)} of type {type(class_weight).__name__}; "
            f"expected {expected}"
        )
    if class_weight != "balanced":
        raise ValueError(f"class_weight: {class_weight!r}; expected {expected}")
    return s * _balanced(classes, s)


def classes_of(y: Array, net: Architecture) -> NDArray[np.int64]:
    """The class of each row: its label, the place of its 1, or the value of a single target.

    Parameters
    ----------
    y : array, (n, K) or (n,)
        Targets.
    net : Architecture
        Tells K.

    Returns
    -------
    array of int64, (n,)

    Raises
    ------
    ValueError
        If a row is of no one class.
    """
    if isinstance(y, Given):
        y = y.Y
    if net.n_outputs == 1:
        values = y.reshape(len(y)).astype(np.float64)
        if not any(set(np.unique(values)) <= pair for pair in PAIRS):
            row = int(np.flatnonzero(~np.isin(values, (-1.0, 0.0, 1.0)))[:1].sum())
            raise ValueError(
                f"class_weight: row {row} of Y holds {y.reshape(len(y))[row]}; expected two "
                "classes, 0 and 1 or -1 and 1"
            )
        return values.astype(np.int64)
    if y.ndim == 1 and y.dtype.kind == "f":
        raise ValueError(f"class_weight: Y of {y.dtype}; expected integer labels or one-hot rows")
    if y.ndim == 1:
        return _validate.judged(y, net, net.dtype).astype(np.int64)
    bad = np.flatnonzero(((y != 0) & (y != 1)).any(axis=1) | ((y == 1).sum(axis=1) != 1))
    if bad.size:
        raise ValueError(
            f"class_weight: row {bad[0]} of Y is {reprlib.repr(y[bad[0]].tolist())}; expected "
            "labels or one-hot rows"
        )
    return np.asarray(np.argmax(y, axis=1), np.int64)


def _balanced(classes: NDArray[np.int64], s: Array) -> Array:
    """n / (C n_c) of each row, over rows of weight > 0."""
    values, places = np.unique(classes, return_inverse=True)
    counts = np.bincount(places, weights=s, minlength=len(values))
    there = counts > 0
    factors = np.divide(counts.sum(), there.sum() * counts, out=np.zeros(len(values)), where=there)
    return np.asarray(factors[places])


def _by_class(weights: Mapping[Any, Any], classes: NDArray[np.int64], net: Architecture) -> Array:
    known = range(net.n_outputs) if net.n_outputs > 1 else (-1, 0, 1)
    factors = np.ones(len(classes))
    for name, value in weights.items():
        if isinstance(name, bool) or name not in known:
            expected = f"0 ... {net.n_outputs - 1}" if net.n_outputs > 1 else "-1, 0 or 1"
            raise ValueError(f"class_weight: class {name!r}; expected {expected}")
        label = f"class_weight[{name!r}]"
        factors[classes == name] = number(label, value, lambda v: v >= 0, "a finite number >= 0")
    return factors
