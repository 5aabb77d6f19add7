# SPDX-License-Identifier: BSD-3-Clause
"""Converts and judges arrays that users pass: the one place that does.

The core takes exact arrays and raises `Refused` for everything else; only then do the functions
here run, so that the hot call pays nothing for them, and what they return is never refused again.
They raise TypeError for kinds and ValueError for shapes and ranges, as "argument: given; expected
what". Single values of X and Y (not finite, labels out of range) are judged by the core, which
sees them on gather. Scalars are judged in `_arguments.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from deltarule._arguments import as_array, integer, unmasked
from deltarule._modes import in_default_modes
from deltarule._quoting import quoted
from deltarule.given import Given
from deltarule.losses import KINDS
from deltarule.results import Array, Trace

if TYPE_CHECKING:
    from deltarule.architecture import Architecture

MAX_THREADS = 1024
MAX_ROWS = 2**63 - 1  # the core counts in 64 bits
ENTRIES = 2**18  # of X that are copied at a time where Python judges it


def n_threads(value: object) -> int:
    """Return the core's form of `n_threads`, where 0 stands for None, the default."""
    if type(value) is int and 1 <= value <= MAX_THREADS:
        return value  # the ordinary call: 0.2 us are a third of a prediction
    return 0 if value is None else _bounded("n_threads", value, MAX_THREADS)


def batch_size(value: object) -> int:
    """Return the core's form of `batch_size`, where 0 stands for None, all rows."""
    return 0 if value is None else _bounded("batch_size", value, MAX_ROWS)


def epochs(value: object) -> int:
    """Return `epochs` as an int >= 1."""
    return _bounded("epochs", value, MAX_ROWS)


def flag(name: str, value: object) -> bool:
    """Return True or False, NumPy's as well."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name}: {_shown(value)}; expected True or False")
    return bool(value)


def data(X: object, Y: object, net: Architecture, where: str = "") -> tuple[Array, Array]:
    """Return X and Y as arrays that the core takes, with as many rows.

    Parameters
    ----------
    X, Y : array_like
        As the user gave them.
    net : Architecture
        Tells the columns and the loss.
    where : str
        Stands before the names X and Y in messages.

    Returns
    -------
    X : array, (n, H_0)
    Y : array, (n, K) or (n,)

    Raises
    ------
    TypeError
        If they hold no real numbers, or labels are no integers.
    ValueError
        If a shape is wrong, or the rows differ in number.
    """
    x = features(X, net, where + "X")
    y = targets(Y, net, where + "Y")
    if len(x) != len(y):
        raise ValueError(
            f"{where}X, {where}Y: shapes {x.shape} and {y.shape}; expected as many rows in both"
        )
    return x, y


def held_out(value: object, net: Architecture) -> tuple[Array, Array, Array | None] | None:
    """Return the arrays of `validation=(X, Y)` or (X, Y, sample_weight), or None."""
    if value is None:
        return None
    if not isinstance(value, tuple | list) or len(value) not in (2, 3):
        raise TypeError(
            f"validation: {_shown(value)}; expected a pair (X, Y), (X, Y, sample_weight), a "
            "fraction (float) or None"
        )
    x, y = data(value[0], value[1], net, "validation ")
    given = value[2] if len(value) == 3 else None
    return x, y, sample_weight(given, len(x), "validation sample_weight")


def sample_weight(value: object, n_rows: int, name: str = "sample_weight") -> Array | None:
    """Return weights as float64 (n,), or None; whether all are >= 0 the core judges."""
    if value is None:
        return None
    s = array(value, name)
    if s.shape != (n_rows,):
        raise ValueError(f"{name}: shape {s.shape}; expected ({n_rows},), a number for each row")
    return exact(s, "float64")


def judged_weights(
    s: Array, dtype: Any, name: str = "sample_weight", rows: Array | None = None
) -> Array:
    """Return s if the core would take it for this dtype: for whoever it does not see.

    rows: as in `judged`.
    """
    limits = np.finfo(dtype)
    row = _first_row(~((s == 0) | ((s >= limits.tiny) & (s <= limits.max))))
    if row is not None:
        raise ValueError(
            f"{name}: row {_named(row, rows)} holds {s[row]}; expected numbers >= 0, finite and 0 "
            f"or normal as {np.dtype(dtype)}"
        )
    if not s.any():
        raise ValueError(f"{name}: 0 for every row; expected some numbers > 0")
    return s


def weighted_rows(
    X: object, Y: object, mlp: Any, weights: object
) -> tuple[Array, Array, Array | None]:
    """Return X and Y as `data` does, and the weights; where there are some, rows that have one.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; where there are weights, also if a value of a row does not.
    """
    x, y = data(X, Y, mlp.architecture)
    s = sample_weight(weights, len(x))
    if s is None:
        return x, y, None
    taken = judged_rows(x, y, s, mlp)
    return x[taken], y[taken], s[taken]


def judged_rows(x: Array, y: Array, s: Array | None, mlp: Any) -> Array:
    """Return the rows that have a weight, if the core would take their values.

    For whoever takes some of them: the core would count in what it is given.
    """
    net, dtype = mlp.architecture, getattr(mlp, "w", mlp).dtype  # an ensemble has no w
    rows = np.arange(len(x)) if s is None else np.flatnonzero(judged_weights(s, net.dtype))
    size = 1 + ENTRIES // x.shape[1]
    for at in range(0, len(rows), size):
        some = rows[at : at + size]
        finite(x[some], "X", dtype, some)
        judged(y[some], net, dtype, some)
    return rows


def features(X: object, net: Architecture, name: str = "X") -> Array:
    """Return X (n, H_0), n >= 1, as an array that the core takes."""
    x = array(X, name)
    n_inputs = net.n_inputs
    if x.ndim != 2 or x.shape[1] != n_inputs:
        hint = (
            f"; for one sample: {name.rpartition(' ')[2]}[None, :]"
            if x.shape == (n_inputs,)
            else ""
        )
        raise ValueError(f"{name}: shape {x.shape}; expected (n, {n_inputs}){hint}")
    if len(x) == 0:
        raise ValueError(f"{name}: shape {x.shape}; expected at least one row")
    return x


def targets(Y: object, net: Architecture, name: str = "Y") -> Array:
    """Return Y (n, columns), or (n,): class labels where the loss takes them, else one column.

    One column may serve all outputs of some losses.
    """
    if net.chosen_loss.name == "given":
        return _given(Y, net, name)  # type: ignore[no-any-return]  # it stands for an array
    y = array(Y, name)
    columns, labelled = net.n_targets, net.takes_labels
    one = columns == 1 or net.chosen_loss.row.broadcast
    expected = f"(n, {columns})"
    if labelled:
        expected = f"integer labels (n,) or targets {expected}"
    elif one:
        expected = f"{expected}, (n, 1) or (n,)" if columns > 1 else "(n, 1) or (n,)"
    if y.ndim == 1 and labelled and y.dtype.kind == "f":
        raise TypeError(
            f"{name}: shape {y.shape} of {y.dtype}; expected {expected} for {net.loss}"
            f" (labels: {name.rpartition(' ')[2]}.astype(int))"
        )
    fits = y.ndim == 2 and (y.shape[1] == columns or (one and y.shape[1] == 1))
    if not fits and not (y.ndim == 1 and (labelled or one)):
        raise ValueError(f"{name}: shape {y.shape}; expected {expected} for {net.loss}")
    if len(y) == 0:
        raise ValueError(f"{name}: shape {y.shape}; expected at least one row")
    return y


def _given(Y: object, net: Architecture, name: str) -> Any:
    """Targets for a loss of the user's: a row for each sample, whatever a row is."""
    if isinstance(Y, Given):
        return Y
    y = array(Y, name)
    if y.ndim == 0 or len(y) == 0:
        raise ValueError(f"{name}: shape {y.shape}; expected (n, ...), at least one row")
    return Given(net.loss, y, net.n_outputs)


def judged(y: Array, net: Architecture, dtype: Any, rows: Array | None = None) -> Array:
    """Return y if the core would take its values, in this dtype: for whoever it does not see.

    An error names the one of `rows`, if they are given.
    """
    if isinstance(y, Given):
        return y.Y
    if y.ndim == 1 and net.takes_labels:
        row = _first_row((y < 0) | (y >= net.n_outputs))
        if row is not None:
            last = net.n_outputs - 1
            named = _named(row, rows)
            raise ValueError(f"Y: row {named} holds label {y[row]}; expected 0 ... {last}")
        return y
    converted = finite(y, "Y", dtype, rows)
    kind = KINDS[net.chosen_loss.targets]
    row = _first_row(~kind.holds(converted))
    if row is not None:
        raise ValueError(
            f"Y: row {_named(row, rows)} holds {kind.given}; expected {kind.expected} for "
            f"{net.loss}"
        )
    return y


@in_default_modes
def finite(a: Array, name: str, dtype: Any, rows: Array | None = None) -> Array:
    """Return the array in this dtype, if all its numbers are finite there; rows: as in `judged`."""
    with np.errstate(over="ignore"):
        converted = a.astype(dtype)
    row = _first_row(~np.isfinite(converted))
    if row is not None:
        raise ValueError(
            f"{name}: row {_named(row, rows)} holds nan or infinity (as {np.dtype(dtype)}); "
            "expected finite numbers"
        )
    return converted


def _named(row: int, rows: Array | None) -> int:
    return row if rows is None else int(rows[row])


def _first_row(bad: Array) -> int | None:
    rows = np.flatnonzero(bad.reshape(len(bad), -1).any(axis=1))
    return int(rows[0]) if rows.size else None


@in_default_modes
def array(value: object, name: str) -> Array:
    """Return a plain ndarray of bool, integers, float16, float32 or float64.

    Takes whatever `numpy.asarray` takes: lists, data frames, memory maps, matrices. Objects become
    int64 if all are integers (labels), else float64.

    Parameters
    ----------
    value : array_like
        As the user gave it.
    name : str
        The argument's name, for messages.

    Returns
    -------
    array
        The same memory where possible.

    Raises
    ------
    TypeError
        If it holds strings, dates, complex numbers or other things that are no real numbers.
    ValueError
        If entries are masked, or rows differ in length.
    """
    unmasked(name, value)
    try:
        a = as_array(name, value)
    except ValueError as error:
        raise ValueError(f"{name}: rows of differing lengths; expected a table ({error})") from None
    if a.dtype.kind == "O":
        a = _from_objects(a, value, name)
    if a.dtype.kind not in "biuf":
        raise TypeError(f"{name}: dtype {a.dtype}; expected real numbers")
    if a.dtype.kind == "f" and a.dtype.itemsize > 8:
        with np.errstate(over="ignore"):  # the core reports an infinity, with its row
            return a.astype(np.float64)
    return a


def _from_objects(a: Array, value: object, name: str) -> Array:
    """Numbers that stand in an array of objects, as int64 if all are such integers, or float64."""
    if a.ndim == 0:
        hint = " (a sparse matrix: .toarray())" if hasattr(value, "toarray") else ""
        raise TypeError(f"{name}: {_shown(value)}; expected a table of numbers{hint}")
    for position, item in enumerate(a.flat):
        # NumPy would make None into nan and read "1.5" as a number: both hide a mistake.
        if item is None or isinstance(item, str | bytes | complex | np.complexfloating):
            row = position * len(a) // a.size
            raise TypeError(f"{name}: row {row} holds {_shown(item)}; expected real numbers")
    try:
        whole = all(
            isinstance(item, int | np.integer) and -(2**63) <= item < 2**63 for item in a.flat
        )
        return a.astype(np.int64 if whole else np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise TypeError(f"{name}: objects; expected real numbers ({error})") from None


def order(value: object, n_rows: int) -> Array:
    """Return row indices as int64; whether they lie in 0 ... n-1 the core judges."""
    unmasked("order", value)
    try:
        a = as_array("order", value)
    except ValueError:  # rows of differing lengths
        raise ValueError("order: a ragged sequence; expected a sequence of row indices") from None
    if a.ndim == 0 and a.dtype.kind == "O":  # an iterator, a set: no order of its own
        raise TypeError(f"order: {_shown(value)}; expected a sequence of row indices")
    if a.ndim != 1 or a.size == 0:
        raise ValueError(f"order: shape {a.shape}; expected a sequence of row indices, not empty")
    if a.dtype.kind == "b":
        raise TypeError("order: a mask (bool); expected indices: numpy.flatnonzero(mask)")
    if a.dtype.kind == "O":  # no integers, or beyond 64 bits
        for position, index in enumerate(a):
            if isinstance(index, int | np.integer) and not 0 <= index < n_rows:
                _outside(position, index, n_rows)
            integer(f"order[{position}]", index, 0)
    elif a.dtype.kind not in "iu":
        raise TypeError(f"order: dtype {a.dtype}; expected integers")
    elif a.dtype.kind == "u" and int(a.max()) >= n_rows:  # before uint64 wraps around
        position = int(np.argmax(a >= n_rows))
        _outside(position, a[position], n_rows)
    return exact(a, "int64")


def output(out: object, shape: tuple[int, ...], dtype: str, name: str = "out") -> Array:
    """Return `out`, or a view of it, if predictions can be written into it."""
    exact = np.dtype(dtype)
    if type(out) is not np.ndarray:
        raise TypeError(f"{name}: {_shown(out)}; expected an ndarray of {exact} or None")
    if out.dtype != exact:
        raise TypeError(f"{name}: dtype {out.dtype.str}; expected {exact.str}")
    if out.shape != shape:
        raise ValueError(f"{name}: shape {out.shape}; expected {shape}")
    flags = out.flags
    if not (flags.c_contiguous and flags.aligned):
        raise ValueError(f"{name}: strides {out.strides}; expected a C-contiguous array")
    if not flags.writeable:
        raise ValueError(f"{name}: a read-only array; expected a writable one")
    return out.view(exact)


def step_losses(out: object, n_rows: int, batch_size: int | None) -> Array | None:
    """Return the array that an epoch of so many rows writes the losses of its steps into."""
    if out is None:
        return None
    return output(out, (-(-n_rows // (batch_size or n_rows)), 2), "float64", "step_losses")


def apart(X: object, out: object) -> Any:
    """Return X, copied if it may share memory with `out`, which is written while X is read."""
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out: {_shown(out)}; expected an ndarray or None")
    x = X if isinstance(X, np.ndarray) else array(X, "X")
    return x.copy() if np.may_share_memory(x, out) else x


def trace(value: object, layers: Sequence[int], dtype: str) -> tuple[list[Array], list[Array]]:
    """Return net (layers 1 ...) and o (layers 0 ...) of a Trace that fits the network."""
    if not isinstance(value, Trace):
        raise TypeError(f"trace: {_shown(value)}; expected the Trace that forward returns")
    if len(value.o) != len(layers) or len(value.net) != len(layers):
        raise ValueError(f"trace: {len(value.o)} layers; expected {len(layers)}")
    n = len(np.atleast_1d(value.o[0]))
    shapes = [(n, width) for width in layers]
    net = [_layer(a, f"net[{k + 1}]", shapes[k + 1], dtype) for k, a in enumerate(value.net[1:])]
    o = [_layer(a, f"o[{k}]", shapes[k], dtype) for k, a in enumerate(value.o)]
    return net, o


def _layer(value: object, name: str, shape: tuple[int, int], dtype: str) -> Array:
    if not isinstance(value, np.ndarray):
        raise TypeError(f"trace: {name} is {_shown(value)}; expected an array of {dtype}")
    if value.dtype != np.dtype(dtype):
        raise TypeError(f"trace: {name} is of {value.dtype}; expected {dtype}")
    if value.shape != shape or shape[0] == 0:
        raise ValueError(f"trace: {name} has shape {value.shape}; expected {shape}")
    return exact(value, dtype)


def weights(w: Array, name: str) -> Array:
    """Return weights that `Architecture` has brought to shape and dtype, if all are finite."""
    bad = np.flatnonzero(~np.isfinite(w))
    if bad.size:
        raise ValueError(
            f"{name}: {bad.size} of {w.size} are nan or infinity as {w.dtype}, the first at "
            f"{bad[0]} of the flat vector; expected finite numbers"
        )
    return w


@in_default_modes
def exact(a: Array, dtype: str) -> Array:
    """Aligned, C-contiguous and of this dtype: copied only if it is not yet."""
    return np.require(np.asarray(a), np.dtype(dtype), ["C", "A"])


def _bounded(name: str, value: object, maximum: int) -> int:
    result = integer(name, value, 1)
    if result > maximum:
        raise ValueError(f"{name}: {quoted(result)}; expected an integer <= {maximum}")
    return result


def _outside(position: int, index: Any, n_rows: int) -> NoReturn:
    raise ValueError(
        f"order: row {quoted(int(index))} at position {position}; expected 0 ... {n_rows - 1}"
    )


def _shown(value: object) -> str:
    """What was given, short, for messages."""
    return f"{quoted(value)} of type {type(value).__name__}"
