# SPDX-License-Identifier: BSD-3-Clause
"""Any Boolean function as a network of threshold units, from its table or its expression."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from deltarule import _validate
from deltarule._arguments import choice, integer
from deltarule._quoting import quoted
from deltarule._typing import ArrayLike, NDArray
from deltarule.construct.expression import parse
from deltarule.construct.gates import all_row, any_row
from deltarule.construct.network import network
from deltarule.mlp import MLP
from deltarule.results import Array

FORMS = ("dnf", "cnf", "layers")
MAX_INPUTS = 20  # a table of 2^20 rows

Table: TypeAlias = NDArray[np.bool_]


def boolean(
    function: str | ArrayLike | Mapping[Any, Any],
    variables: Sequence[str] | None = None,
    form: str = "dnf",
    dtype: str = "float64",
) -> MLP:
    """y = function(x) for every x in {0, 1}^n.

    Parameters
    ----------
    function : str, array-like (2^n,) or mapping
        An expression of names, 0, 1, parentheses and ! & ^ | (also ~ ¬ ∧ ⊕ ∨); or its values in
        counting order, the first input the highest bit (n = 2: 00, 01, 10, 11); or a mapping
        of all tuples of n bits to values.
    variables : sequence of str, optional
        The inputs' order, for an expression. None: its names, sorted.
    form : str
        "dnf": one hidden layer, an AND unit per row of the table that is 1, and an OR. "cnf": an
        OR unit per row that is 0, and an AND. "layers": the expression as it is written, gate by
        gate, as many layers as it is deep.
    dtype : str
        "float32" or "float64"; both are exact here.

    Returns
    -------
    MLP
        Threshold units, hidden and output; layers [n, .., 1].

    Raises
    ------
    TypeError, ValueError
        If it is no Boolean function of 1 to 20 inputs, or the form needs an expression.
    """
    form = choice("form", form, FORMS)
    if isinstance(function, str):
        circuit, root, names = parse(function, _names(variables))
        if form == "layers":
            return network(circuit.layers(root), dtype=dtype)
        if len(names) > MAX_INPUTS:
            raise ValueError(
                f"form: {form!r} for {len(names)} inputs; expected at most {MAX_INPUTS}"
            )
        table = circuit.evaluate(root, _rows(len(names)))
    else:
        if form == "layers":
            raise ValueError("form: 'layers' for a table; expected 'dnf' or 'cnf'")
        if variables is not None:
            raise ValueError("variables: given with a table; expected None")
        table = _table(function)
    return network(dnf(table) if form == "dnf" else cnf(table), dtype=dtype)


def all_inputs(n: int) -> Array:
    """Return all rows of a truth table, in counting order: the first input is the highest bit.

    Parameters
    ----------
    n : int
        1 to 20.

    Returns
    -------
    array, (2^n, n)
        0.0 and 1.0.

    Raises
    ------
    TypeError, ValueError
        If n is none of these.
    """
    if integer("n", n, 1) > MAX_INPUTS:
        raise ValueError(f"n: {quoted(n)}; expected an integer <= {MAX_INPUTS}")
    return _rows(n).astype(np.float64)


def dnf(table: Table) -> list[Array]:
    """W of a hidden unit per true row, which fires for that row alone, and an OR of them.

    Without a true row one unit that never fires stands for them.
    """
    rows = _rows(table.size.bit_length() - 1)[table]
    signs = np.where(rows, 1, -1)
    hidden = [all_row(sign) for sign in signs] or [any_row(np.zeros(rows.shape[1]))]
    return [np.array(hidden), any_row(np.ones(len(hidden)))[None, :]]


def cnf(table: Table) -> list[Array]:
    """W of a hidden unit per false row, silent for that row alone, and an AND of them."""
    rows = _rows(table.size.bit_length() - 1)[~table]
    signs = np.where(rows, -1, 1)
    hidden = [any_row(sign) for sign in signs] or [all_row(np.zeros(rows.shape[1]))]
    return [np.array(hidden), all_row(np.ones(len(hidden)))[None, :]]


def _rows(n: int) -> Table:
    numbers = np.arange(2**n)[:, None]
    bits: Table = (numbers >> np.arange(n - 1, -1, -1)) & 1 == 1
    return bits


def _names(variables: Sequence[str] | None) -> Sequence[str] | None:
    if variables is None:
        return None
    given: object = variables
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise TypeError(f"variables: {variables!r}; expected a sequence of names")
    for name in given:
        if not isinstance(name, str) or not name.isidentifier():
            raise ValueError(f"variables: {name!r}; expected names")
    if len(set(variables)) < len(variables):
        raise ValueError(f"variables: {list(variables)}; expected each name once")
    return variables


def _table(function: ArrayLike | Mapping[Any, Any]) -> Table:
    if isinstance(function, Mapping):
        function = _from_mapping(function)
    values = _validate.array(function, "function")
    n = values.size.bit_length() - 1
    if values.ndim != 1 or values.size != 2**n or not 1 <= n <= MAX_INPUTS:
        raise ValueError(
            f"function: shape {values.shape}; expected 2^n values, 1 <= n <= {MAX_INPUTS}"
        )
    if not np.isin(values, (0, 1)).all():
        bad = values[~np.isin(values, (0, 1))][0]
        raise ValueError(f"function: {bad} among the values; expected 0 and 1")
    table: Table = values == 1
    return table


def _from_mapping(function: Mapping[Any, Any]) -> list[Any]:
    keys = [key if isinstance(key, tuple) else (key,) for key in function]
    n = len(keys[0]) if keys else 0
    expected = f"all {2**n} tuples of {n} bits" if n else "all tuples of n bits"
    if not 1 <= n <= MAX_INPUTS or len(keys) != 2**n:
        raise ValueError(f"function: a mapping of {len(keys)} keys; expected {expected}")
    values = dict(zip(keys, function.values(), strict=True))
    try:
        return [values[tuple(row)] for row in _rows(n).astype(int).tolist()]
    except KeyError as missing:
        raise ValueError(f"function: no value for {missing}; expected {expected}") from None
