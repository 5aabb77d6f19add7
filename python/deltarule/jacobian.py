# SPDX-License-Identifier: BSD-3-Clause
"""How each output moves with each input, or with each net: the chain rule without a loss.

`backward` carries one number per unit, delta, because the loss is one number. Here a whole row of
derivatives per output goes back, by the same two steps: through f' (17), or the softmax Jacobian
(23), and through W (20).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, cast

import numpy as np

from deltarule import _validate
from deltarule._arguments import integer
from deltarule._modes import in_default_modes
from deltarule._quoting import quoted
from deltarule._typing import ArrayLike, NDArray
from deltarule.architecture import Architecture
from deltarule.chunks import traces
from deltarule.fitting import Fittable
from deltarule.results import Trace

if TYPE_CHECKING:
    from deltarule import oracle
    from deltarule.mlp import MLP

AnyMLP: TypeAlias = "MLP | oracle.MLP"
Float64: TypeAlias = NDArray[np.float64]

# A jump has no derivative that could be passed on; everywhere else its slope is 0.
NOT_DIFFERENTIABLE = ("threshold",)


@in_default_modes
def jacobian(
    mlp: AnyMLP, X: ArrayLike, wrt: str | int = "X", n_threads: int | None = None
) -> Float64:
    """dy_hat_j / dX_i, or dy_hat_j / dnet[k]_i, for every sample.

    Parameters
    ----------
    mlp : MLP or oracle.MLP
        The network.
    X : array-like, (n, H_0)
        Samples.
    wrt : "X" or int
        With respect to what: "X", the inputs as they were given (input_shift and input_scale are
        part of the network), or a layer k = 1 .. m + 1, whose net[k] is meant.
    n_threads : int, optional
        Of the forward pass. None: as many as pay.

    Returns
    -------
    array of float64, (n, K, H_k)
        Entry [s, j, i] of sample s, output j and input or unit i; H_k = H_0 for "X". Computed in
        float64 from what `forward` returns.

    Raises
    ------
    TypeError
        If mlp is no network, wrt neither "X" nor an integer, or X holds no real numbers.
    ValueError
        If X or wrt does not fit, or a threshold unit lies on the way.

    Notes
    -----
    At the output J = diag(f'(net[m+1])) for a scalar activation, the Jacobian (23) for softmax:
    y_hat_i (1 - y_hat_i) on the diagonal, -y_hat_j y_hat_i beside it. Then, layer by layer,
    J <- J W[k] without its bias column, and J <- J f'(net[k]). relu's f' at 0 is 0  (18).

    What `backward` returns is this with a loss in front: delta[k] = u J and dX = -u J for the
    u = -dL_i/dy_hat of (16).
    """
    net = check_network(mlp).architecture
    first = _layer(wrt, net)
    differentiable(net, first)
    x = _validate.finite(_validate.features(X, net), "X", net.dtype)
    w = mlp._snapshot().astype(np.float64)
    J = np.empty((len(x), net.n_outputs, net.layers[first]))
    for rows, trace in traces(mlp, x, n_threads):
        J[rows] = _backward(net, w, trace, first)
    return J


def differentiable(net: Architecture, first: int = 0) -> None:
    """Refuse networks with a threshold unit behind layer `first`.

    Parameters
    ----------
    net : Architecture
        The network without its weights.
    first : int
        Derivatives with respect to net[first]; 0: to X and the weights.

    Raises
    ------
    ValueError
        If there is one.
    """
    for k in range(max(first, 1), len(net.layers)):
        if (f := net.activations[k - 1]) in NOT_DIFFERENTIABLE:
            raise ValueError(
                f"mlp: layer {k} has activation {f!r}, which jumps at net = 0 and is flat "
                f"elsewhere; expected activations that have a derivative"
            )


def check_network(mlp: object) -> AnyMLP:
    """Return mlp if it is a network, native or the oracle's.

    Parameters
    ----------
    mlp : object
        What was given.

    Returns
    -------
    MLP or oracle.MLP

    Raises
    ------
    TypeError
        If it is none.
    """
    if not isinstance(mlp, Fittable):
        raise TypeError(
            f"mlp: an object of type {type(mlp).__name__}; expected an MLP or oracle.MLP"
        )
    return cast("AnyMLP", mlp)


def _layer(wrt: object, net: Architecture) -> int:
    """0 for X, else the k of net[k]."""
    last = len(net.layers) - 1
    if isinstance(wrt, str):
        if wrt != "X":
            raise ValueError(f"wrt: {quoted(wrt)}; expected 'X' or a layer 1 .. {last}")
        return 0
    k = integer("wrt", wrt, 1)
    if k > last:
        raise ValueError(
            f"wrt: {quoted(k)}; expected 'X' or a layer 1 .. {last}, whose net is meant"
        )
    return k


def _backward(net: Architecture, w: Float64, trace: Trace, first: int) -> Float64:
    """Return the Jacobian of these rows: dy_hat/dnet[first], or dy_hat/dX for 0."""
    from deltarule.oracle.network import scaling

    m, W, alpha = net.n_hidden_layers, net.views(w), net.alphas(w)
    n, K = trace.y_hat.shape
    J = np.broadcast_to(np.eye(K), (n, K, K))  # dy_hat / do[m+1]
    for k in range(m + 1, 0, -1):
        sums, o = (a[k].astype(np.float64) for a in (trace.net, trace.o))  # type: ignore[union-attr]
        J = _through_activation(net.activations[k - 1], sums, o, alpha[k - 1], J)
        if k == first:
            return J
        J = J @ W[k - 1][:, :-1]  # dy_hat / do[k-1]
    scale = scaling(net)[1]
    return J if scale is None else J * scale


def _through_activation(
    activation: str, net: Float64, o: Float64, alpha: Float64 | None, J: Float64
) -> Float64:
    """dy_hat/dnet from dy_hat/do: each output's row times f', or times the Jacobian (24)."""
    from deltarule.oracle.activations import slope

    if activation == "softmax":  # symmetric, so that (24) serves the rows without forming it
        along = np.sum(J * o[:, None, :], axis=2, keepdims=True)
        return np.asarray(o[:, None, :] * (J - along))
    return np.asarray(J * slope(activation, net, o, alpha)[:, None, :])
