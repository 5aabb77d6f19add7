# SPDX-License-Identifier: BSD-3-Clause
"""Weights of classes as weights of rows: what `fit(class_weight=...)` multiplies s_i by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from deltarule import _validate
from deltarule._arguments import number
from deltarule._quoting import quoted
from deltarule._typing import NDArray
from deltarule.architecture import Architecture
from deltarule.given import Given
from deltarule.results import Array

PAIRS = ({0.0, 1.0}, {-1.0, 1.0})  # what the targets of a single output may be as classes


class Classes(NamedTuple):
    """The class of each row, and which there may be."""

    of_rows: NDArray[np.int64]
    known: tuple[int, ...] | range


def with_class_weights(
    class_weight: object,
    y: Array,
    net: Architecture,
    sample_weight: Array | None,
    names: Array | None = None,
) -> Array:
    """s_i times the weight of row i's class; "balanced": n / (C n_c)  (W5).

    Parameters
    ----------
    class_weight : "balanced" or mapping of class to number
        A class that a mapping leaves out has weight 1.
    y : array, (n, K) or (n,)
        Targets, as `_validate.targets` returns them.
    net : Architecture
        Tells K and the dtype.
    sample_weight : array, (n,), or None
        s_i; None: 1 each. Rows of weight 0 count for nothing, and are of no class.
    names : array of int, (n,), optional
        What an error calls each row; None: 0 ... n-1.

    Returns
    -------
    array of float64, (n,)

    Raises
    ------
    TypeError
        If class_weight is neither, or a weight no number.
    ValueError
        If a sample weight is negative or not finite, targets are no classes, a class is unknown, or
        its weight negative or not finite; if a product is none that the network's dtype takes.
    """
    expected = "'balanced', a dict of class to number or None"
    if not isinstance(class_weight, str | Mapping):
        raise TypeError(
            f"class_weight: {quoted(class_weight)} of type {type(class_weight).__name__}; "
            f"expected {expected}"
        )
    if isinstance(class_weight, str) and class_weight != "balanced":
        raise ValueError(f"class_weight: {class_weight!r}; expected {expected}")
    product, name = np.ones(len(y)), "class_weight"
    if sample_weight is not None:
        product, name = (
            _validate.judged_weights(sample_weight, net.dtype).copy(),
            "sample_weight times class_weight",
        )
    rows = np.flatnonzero(product)
    classes = classes_of(y, net, rows)
    s = product[rows]
    if isinstance(class_weight, Mapping):
        product[rows] = s * _by_class(class_weight, classes)
    else:
        product[rows] = s * _balanced(classes.of_rows, s)
    return _validate.judged_weights(product, net.dtype, name, names)


def classes_of(y: Array, net: Architecture, rows: NDArray[np.int64]) -> Classes:
    """The class of each row: its label, the place of its 1, or the value of a single target.

    Parameters
    ----------
    y : array, (n, K) or (n,)
        Targets.
    net : Architecture
        Tells K.
    rows : array of int64
        The rows that count.

    Returns
    -------
    Classes
        Of these rows.

    Raises
    ------
    ValueError
        If a row is of no one class.
    """
    own, K = isinstance(y, Given), net.n_outputs
    if isinstance(y, Given):
        y = y.Y
    if y.ndim == 1 and K > 1 and (own or net.takes_labels):
        return _labels(y, K, rows)
    if y.ndim == 1 or y.shape[1:] == (1,):
        return _two_values(y.reshape(-1), rows)
    if y.shape != (len(y), K):
        raise ValueError(
            f"class_weight: Y of shape {y.shape}; expected {'labels (n,) or ' if K > 1 else ''}"
            f"rows (n, {K})"
        )
    given = y[rows]
    bad = np.flatnonzero(
        ((given != 0) & (given != 1)).any(axis=1) | ((given == 1).sum(axis=1) != 1)
    )
    if bad.size:
        row = rows[bad[0]]
        raise ValueError(
            f"class_weight: row {row} of Y is {quoted(y[row].tolist())}; expected labels or "
            "one-hot rows"
        )
    return Classes(np.asarray(np.argmax(given, axis=1), np.int64), range(K))


def _labels(y: Array, K: int, rows: NDArray[np.int64]) -> Classes:
    if y.dtype.kind == "f":
        raise ValueError(f"class_weight: Y of {y.dtype}; expected integer labels or one-hot rows")
    bad = np.flatnonzero((y[rows] < 0) | (y[rows] >= K))
    if bad.size:
        row = rows[bad[0]]
        raise ValueError(f"Y: row {row} holds label {y[row]}; expected 0 ... {K - 1}")
    return Classes(y[rows].astype(np.int64), range(K))


def _two_values(y: Array, rows: NDArray[np.int64]) -> Classes:
    values = y[rows].astype(np.float64)
    if not any(set(np.unique(values)) <= pair for pair in PAIRS):
        odd = np.flatnonzero(~np.isin(values, (-1.0, 0.0, 1.0)))
        row = rows[odd[0] if odd.size else 0]
        raise ValueError(
            f"class_weight: row {row} of Y holds {y[row]}; expected two classes, 0 and 1 or -1 "
            "and 1"
        )
    return Classes(values.astype(np.int64), (-1, 0, 1))


def _balanced(classes: NDArray[np.int64], s: Array) -> Array:
    """n / (C n_c) of each row."""
    _, places = np.unique(classes, return_inverse=True)
    counts = np.bincount(places, weights=s)
    return np.asarray((counts.sum() / (len(counts) * counts))[places])


def _by_class(weights: Mapping[Any, Any], classes: Classes) -> Array:
    factors = np.ones(len(classes.of_rows))
    for name, value in weights.items():
        if name not in classes.known:
            known = classes.known
            expected = f"0 ... {len(known) - 1}" if isinstance(known, range) else "-1, 0 or 1"
            raise ValueError(f"class_weight: class {quoted(name)}; expected {expected}")
        label = f"class_weight[{name!r}]"
        factor = number(label, value, lambda v: v >= 0, "a finite number >= 0")
        factors[classes.of_rows == name] = factor
    return factors
