# SPDX-License-Identifier: BSD-3-Clause
"""Parity of n bits in three ways: what depth saves, and what threshold units save without it."""

from __future__ import annotations

import numpy as np

from deltarule._arguments import choice, integer
from deltarule._quoting import quoted
from deltarule.construct.boolean import MAX_INPUTS, all_inputs, dnf
from deltarule.construct.circuit import Circuit
from deltarule.construct.network import network
from deltarule.mlp import MLP
from deltarule.results import Array

FORMS = ("dnf", "one_layer", "tree")


def parity(n: int, form: str = "tree", dtype: str = "float64") -> MLP:
    """y = x_1 XOR x_2 XOR .. XOR x_n.

    Parameters
    ----------
    n : int
        Inputs; at most 20 for "dnf", else 2^16.
    form : str
        "dnf": one hidden layer of 2^(n-1) ANDs, one for each row with an odd number of ones.
        "one_layer": one hidden layer of n units; unit k fires where at least k inputs are 1, and
        the output adds them with signs + - + ..
        "tree": pairs of pairs; 3 units for each of the n - 1 XORs in 2 ceil(log2 n) layers, and
        for n that is no power of two at most 2 more per level, which hand an odd one on.
    dtype : str
        "float32" or "float64"; both are exact here.

    Returns
    -------
    MLP
        Threshold units, hidden and output; layers [n, .., 1].

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of range.
    """
    n, form = integer("n", n, 1), choice("form", form, FORMS)
    most = MAX_INPUTS if form == "dnf" else 2**16
    if n > most:
        raise ValueError(f"n: {quoted(n)}; expected an integer <= {most} for {form!r}")
    if form == "dnf":
        return network(dnf(all_inputs(n).sum(axis=1) % 2 == 1), dtype=dtype)
    return network(_one_layer(n) if form == "one_layer" else _tree(n), dtype=dtype)


def _one_layer(n: int) -> list[Array]:
    """With s ones among the inputs the first s units fire: + - + .. is 1 if s is odd, else 0."""
    thresholds = np.arange(1.0, n + 1)
    hidden = np.hstack([np.ones((n, n)), -thresholds[:, None]])
    return [hidden, np.append(np.where(thresholds % 2 == 1, 1.0, -1.0), -1.0)[None, :]]


def _tree(n: int) -> list[Array]:
    circuit = Circuit(n)
    level = list(circuit.inputs)
    while len(level) > 1:
        odd = level[2 * (len(level) // 2) :]
        level = [circuit.xor(a, b) for a, b in zip(level[::2], level[1::2], strict=False)] + odd
    return circuit.layers(level[0])
