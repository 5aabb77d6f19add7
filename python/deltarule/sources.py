# SPDX-License-Identifier: BSD-3-Clause
"""From `fit`'s arguments to the rows that train and those that judge."""

from __future__ import annotations

from typing import Any

import numpy as np

from deltarule import _validate
from deltarule._quoting import quoted
from deltarule.architecture import Architecture
from deltarule.class_weights import classes_of, with_class_weights
from deltarule.held_out import is_fraction, split
from deltarule.protocols import Network, OwnTrainer
from deltarule.results import Array
from deltarule.rows import InMemory, Source

HeldOutRows = tuple[Array, Array, Array | None] | None


def is_stream(X: Any, Y: Any) -> bool:
    """Whether `fit` was given a source of blocks (X, Y).

    Raises
    ------
    TypeError
        If arrays have no targets, or a source has some besides its own.
    """
    if isinstance(X, list | tuple):  # of blocks, or a table
        blocks = bool(X) and all(isinstance(b, tuple) and len(b) in (2, 3) for b in X)
        source = blocks and np.ndim(X[0][0]) == 2
    elif hasattr(X, "__array__") or isinstance(X, str | bytes | dict):
        source = False
    else:
        source = callable(X) or hasattr(X, "__iter__") or hasattr(X, "shards")
    if source and Y is not None and not hasattr(X, "__len__") and not hasattr(X, "__next__"):
        raise TypeError(
            "Y: given beside a source of blocks (X, Y); expected None, and other arguments by name"
        )
    if Y is None and not source:
        raise TypeError(
            f"Y: None, with X of type {type(X).__name__}; expected targets, or as X a source of "
            "blocks (X, Y)"
        )
    return source and Y is None


def of_arrays(
    X: Any, Y: Any, mlp: Network, shuffle: bool, rng: np.random.Generator, validation: Any,
    sample_weight: Any, class_weight: Any, buffer_rows: Any,
) -> tuple[Source, HeldOutRows]:  # fmt: skip
    """The rows of arrays, and those that judge."""
    if buffer_rows is not None:
        raise ValueError(f"buffer_rows: {quoted(buffer_rows)} with arrays; expected None")
    net, kept = mlp.architecture, None
    x, y = _validate.data(X, Y, net)
    s = _validate.sample_weight(sample_weight, len(x))
    if is_fraction(validation):
        rows = _validate.judged_rows(x, y, s, mlp)
        if class_weight is not None:
            classes_of(y, net, rows)  # an error names the row, as the one before
        kept, out = split(float(validation), y, s, net, rng)
        held_out: HeldOutRows = x[out], y[out], None if s is None else s[out]
        x, y, s = x[kept], y[kept], None if s is None else s[kept]
    else:
        held_out = _validate.held_out(validation, net)
    if class_weight is not None:
        s = with_class_weights(class_weight, y, net, s, kept)
    return InMemory(x, y, s, shuffle, rng), held_out


def of_stream(
    X: Any, net: Architecture, trainer: OwnTrainer, shuffle: bool, rng: np.random.Generator,
    buffer_rows: Any, validation: Any, **of_all_rows: Any,
) -> tuple[Source, HeldOutRows]:  # fmt: skip
    """The rows of a source of blocks, and those that judge."""
    from deltarule.streams.stream import Stream  # an import costs some ms

    if is_fraction(validation):
        of_all_rows["validation"] = validation
    for name, value in of_all_rows.items():
        if value is not None:
            hint = {
                "sample_weight": ": blocks are (X, Y, sample_weight)",
                "validation": " or (X, Y)",
            }
            raise ValueError(
                f"{name}: {quoted(value)} with a stream; expected None{hint.get(name, '')}"
            )
    rows = Stream(X, net, trainer.batch_size, shuffle, rng, buffer_rows)
    return rows, _validate.held_out(validation, net)
