# SPDX-License-Identifier: BSD-3-Clause
"""What `fit(record=...)` looks at after each epoch: how much gradient reaches a layer, and why not.

Both are taken at the weights after the epoch, over all rows, by the network's own passes.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from deltarule._arguments import choice
from deltarule._quoting import quoted
from deltarule._typing import ArrayLike
from deltarule.activations import row
from deltarule.chunks import Traced, traces
from deltarule.results import Array

RECORDS = ("gradient_norm", "saturation")

# A unit is saturated where its slope is below this share of the largest that f' takes.
SATURATED = 0.01


class Recorded(Traced, Protocol):
    """What is asked of a network."""

    def gradient(
        self, X: ArrayLike, Y: ArrayLike, n_threads: int | None = None, sample_weight: Any = None, /
    ) -> Array:
        """dL/dw."""


def requested(record: object) -> tuple[str, ...]:
    """Return the names in `record`: None, one name or several.

    Parameters
    ----------
    record : None, str, tuple, list or set
        As the user gave it.

    Returns
    -------
    tuple of str

    Raises
    ------
    TypeError
        If it holds something else than names.
    ValueError
        If a name is unknown.
    """
    if record is None:
        return ()
    if isinstance(record, str):
        return (choice("record", record, RECORDS),)
    if not isinstance(record, tuple | list | set | frozenset):
        raise TypeError(
            f"record: {quoted(record)} of type {type(record).__name__}; expected None, a "
            f"name or a tuple of names: {', '.join(map(repr, RECORDS))}"
        )
    if isinstance(record, set | frozenset):  # whose order changes from process to process
        record = sorted(record, key=str)
    return tuple(choice("record", name, RECORDS) for name in record)


def gradient_norms(
    mlp: Recorded,
    X: Array,
    Y: Array,
    n_threads: int | None = None,
    sample_weight: Array | None = None,
) -> tuple[float, ...]:
    """||dW[k]|| = sqrt(sum_ji dW[k]_ji^2) for k = 0 .. m, the sum in float64.

    Parameters
    ----------
    mlp : MLP or oracle.MLP
        The network.
    X : array, (n, H_0)
        Samples.
    Y : array, (n, K) or (n,)
        Targets.
    n_threads, sample_weight : optional
        As for `gradient`.

    Returns
    -------
    tuple of float, m + 1
        Of dW = gradient(X, Y) (21): with 1/S and the penalty, biases included.
    """
    gradient = mlp.architecture.views(mlp.gradient(X, Y, n_threads, sample_weight))
    with np.errstate(over="ignore"):  # diverged weights
        return tuple(float(np.sqrt(np.sum(dW.astype(np.float64) ** 2))) for dW in gradient)


def saturation(mlp: Traced, X: Array, n_threads: int | None = None) -> tuple[float, ...]:
    """Share of pairs (sample, unit) whose slope is below 1 % of the largest, by layer.

    Parameters
    ----------
    mlp : MLP or oracle.MLP
        The network.
    X : array, (n, H_0)
        Samples.
    n_threads : int, optional
        As for `forward`.

    Returns
    -------
    tuple of float, m + 1
        Of layers 1 .. m + 1: how many of the n H_k pairs `saturated` finds, divided by n H_k.
    """
    net = mlp.architecture
    alpha = net.alphas(mlp._snapshot())
    counts = [0] * len(net.activations)
    for _, trace in traces(mlp, X, n_threads):
        for k, f in enumerate(net.activations):
            found = saturated(f, trace.o[k + 1], trace.net[k + 1], alpha[k])
            counts[k] += int(np.count_nonzero(found))
    return tuple(
        count / (len(X) * width) for count, width in zip(counts, net.layers[1:], strict=True)
    )


def saturated(
    activation: str, o: Array, net: Array | None = None, alpha: Array | None = None
) -> Array:
    """|f'(net)| < 1 % of the activation's largest slope, with f' a function of o  (18), or of net.

    logistic: o (1 - o) < 1 % of 1/4; tanh: 1 - o^2 < 1 %; relu: o = 0; identity: never; threshold,
    whose slope is 0: always. Softmax saturates row by row: all units of a sample are saturated if
    its largest probability p is above 1/2 with p (1 - p) < 1 % of 1/4, that is p > 0.99749; then
    every entry of the Jacobian (23) is below 1 % of 1/4, the largest that one can be. (One small
    probability alone says nothing: among many classes all are small.)

    Parameters
    ----------
    activation : str
        The name of f.
    o : array, (n, H)
        Its outputs.
    net : array, (n, H), optional
        Its nets, where f' comes from them.
    alpha : array, (H,), optional
        What its units have learned.

    Returns
    -------
    array of bool, (n, H)
    """
    from deltarule.oracle.activations import logistic_derivative, slope

    o = o.astype(np.float64)
    limit = SATURATED * row(activation).largest_slope
    if activation == "softmax":
        p = np.max(o, axis=1, keepdims=True)
        return np.broadcast_to((p > 0.5) & (logistic_derivative(p) < limit), o.shape)
    sums = None if net is None else net.astype(np.float64)
    return np.asarray(np.abs(slope(activation, sums, o, alpha)) < limit)
