# SPDX-License-Identifier: BSD-3-Clause
"""Native values against two witnesses: the oracle within bounds, the literal loops bit for bit.

The oracle's equations are evaluated layer by layer on the native values that enter them, so that
each bound speaks of one equation; the literal reference runs on its own from X and w.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from deltarule import _validate
from deltarule._modes import in_default_modes
from deltarule._typing import ArrayLike, NDArray
from deltarule.given import loss_name
from deltarule.info import align
from deltarule.mlp import MLP

if TYPE_CHECKING:
    from deltarule.results import Array, Backward, Trace

Float64 = NDArray[np.float64]


@dataclass(frozen=True)
class Quantity:
    """One array of the derivation, compared.

    Attributes
    ----------
    name : str
        "net[k]", "o[k]", "delta[k]", "dW[k]", "dalpha[k]", "dX" or "loss".
    shape : tuple of int
        Its shape.
    deviation : float
        Largest distance from the oracle.
    share : float
        Largest distance as a share of its own bound; rounding explains no more than 1.
    equal : bool
        Whether all bits are the literal reference's (NaN equals NaN).
    """

    name: str
    shape: tuple[int, ...]
    deviation: float
    share: float
    equal: bool

    def __bool__(self) -> bool:
        return self.share <= 1.0 and self.equal


@dataclass(frozen=True, repr=False)
class Comparison:
    """What `compare` found: true if every quantity holds, and printed as a table.

    Attributes
    ----------
    quantities : tuple of Quantity
        In the order in which they are computed.
    """

    quantities: tuple[Quantity, ...]

    def __bool__(self) -> bool:
        return all(self.quantities)

    def __repr__(self) -> str:
        rows = [("", "shape", "deviation", "of its bound", "literal", "")]
        for q in self.quantities:
            shape = " x ".join(map(str, q.shape))
            bits = "equal" if q.equal else "differs"
            verdict = "" if q else "FAILS"
            rows.append((q.name, shape, f"{q.deviation:.2e}", f"{q.share:.4f}", bits, verdict))
        failed = sum(not q for q in self.quantities)
        last = f"{failed} of {len(self.quantities)} fail" if failed else "all hold"
        return "\n".join([*align(rows, "<<>><<"), last])


@in_default_modes
def compare(
    mlp: MLP,
    X: ArrayLike,
    Y: ArrayLike,
    n_threads: int | None = None,
    sample_weight: ArrayLike | None = None,
) -> Comparison:
    """Compare every native quantity with the oracle and with the literal reference.

    Parameters
    ----------
    mlp : MLP
        The network.
    X : array-like, (n, H_0)
        Samples: a few hundred, since the literal reference is made of plain loops.
    Y : array-like, (n, K) or (n,)
        Targets, as `MLP.backward` takes them.
    n_threads : int, optional
        Of the native computation. None: as many as pay.
    sample_weight : array-like, (n,), optional
        As `MLP.backward` takes it; rows of weight 0 are left out of everything.

    Returns
    -------
    Comparison
        For net, o, delta and dW of each layer, for dX and the loss: the deviation from the
        oracle's equation, evaluated in float64 on the native values that enter it, as a share of
        a rigorous bound; and whether the bits are the literal reference's.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit.
    """
    if not isinstance(mlp, MLP):
        raise TypeError(f"mlp: an object of type {type(mlp).__name__}; expected an MLP")
    if not isinstance(mlp.architecture.loss, str):
        name = loss_name(mlp.architecture.loss)
        raise ValueError(f"compare: the loss is the function {name}; expected one with a name")
    x, y, s = _validate.weighted_rows(X, Y, mlp, sample_weight)
    trace = mlp.forward(x, n_threads)
    back = mlp.backward(trace, y, n_threads, s)
    native = _quantities(trace, back)
    literal = _quantities(*_literal(mlp, x, y, s))
    found = []
    with np.errstate(all="ignore"):  # a diverged network compares inf and nan, without warnings
        for name, expected, bound in _expectations(mlp, x, y, s, trace, back):
            deviation, share = _measure(native[name], expected, bound)
            equal = same_bits(native[name], literal[name])
            found.append(Quantity(name, native[name].shape, deviation, share, equal))
    return Comparison(tuple(found))


def _quantities(trace: Trace, back: Backward) -> dict[str, Array]:
    """All arrays of a forward and a backward pass, by name."""
    named: dict[str, Any] = {"dX": back.dX, "loss": np.float64(back.loss)}
    by_layer = {
        "net": trace.net, "o": trace.o, "delta": back.delta, "dW": back.dW, "dalpha": back.dalpha
    }  # fmt: skip
    for name, arrays in by_layer.items():
        named |= {f"{name}[{k}]": a for k, a in enumerate(arrays) if a is not None}
    return {name: np.asarray(a) for name, a in named.items()}


def _expectations(
    mlp: MLP, X: Array, Y: Array, sample_weight: Array | None, trace: Trace, back: Backward
) -> Iterator[tuple[str, Float64, Float64]]:
    """Yield name, oracle's value and bound of each quantity, in order of computation."""
    from deltarule.bounds import Bounds
    from deltarule.oracle import activations, losses, network
    from deltarule.oracle.data import float_features, targets_as

    net, bounds = mlp.architecture, Bounds(mlp.architecture.dtype)
    f, eps, m = net.activations, network.eps(net), net.n_hidden_layers
    shift, scale = network.scaling(net)
    weight = np.ones(len(X)) if sample_weight is None else sample_weight.astype(net.dtype)
    s = _float64(weight)[:, None]
    n = float(np.sum(s))
    S, penalties = network.reduction_size(net, n), network.penalty_factors(net, n)
    x = float_features(X, net).astype(net.dtype).astype(np.float64)
    given = _validate.judged(_validate.targets(Y, net), net, net.dtype)
    y = targets_as(given, net, net.dtype).astype(np.float64)
    W = [_float64(a) for a in mlp.W]
    alpha = [None if a is None else _float64(a) for a in mlp.alpha]
    sums = [_float64(a) for a in trace.net]
    o = [_float64(a) for a in trace.o]
    delta = [_float64(a) for a in back.delta]

    value = network.gather(x, shift, scale)
    yield "o[0]", value, bounds.gather(value, (shift is not None) + (scale is not None))
    for k in range(m + 1):
        yield f"net[{k + 1}]", network.affine(o[k], W[k]), bounds.net(o[k], W[k])
        value = activations.activate(f[k], sums[k + 1], alpha[k])
        yield f"o[{k + 1}]", value, bounds.activation(f[k], sums[k + 1], value, alpha[k])
    last, y_hat, output = sums[-1], o[-1], f[-1]
    value = network.output_delta(net.loss, output, y, y_hat, eps, True, last, alpha[m])
    bound = bounds.output_delta(net.loss, output, y, y_hat, eps, last, alpha[m])
    yield f"delta[{m + 1}]", value, bound
    arriving, off = {}, {}  # u, where units learn
    if alpha[m] is not None:
        arriving[m] = losses.descent(net.loss, y, y_hat, eps)
        off[m] = bounds.descent(net.loss, output, y, y_hat, arriving[m])
    for k in range(m, 0, -1):
        arriving[k - 1] = network.arriving(delta[k + 1], W[k])
        off[k - 1] = bounds.arriving(delta[k + 1], W[k])
        above = delta[k + 1], W[k], f[k - 1], o[k]
        value = network.hidden_delta(*above, None, None, sums[k], alpha[k - 1])
        yield f"delta[{k}]", value, bounds.hidden_delta(*above, sums[k], alpha[k - 1])
    for k in range(m + 1):
        weighted = s * delta[k + 1], o[k], W[k], S, *penalties
        value = network.weight_gradient(*weighted)
        bound = bounds.weight_gradient(*weighted, sample_weight is not None)
        yield f"dW[{k}]", value, bound
    for k, learned in enumerate(alpha):
        if learned is not None:
            by = f[k], sums[k + 1], learned, s * arriving[k]
            bound = bounds.alpha_gradient(*by, s * off[k], S)
            yield f"dalpha[{k}]", network.alpha_gradient(*by, S), bound
    value = network.input_gradient(delta[1], W[0], scale)
    yield "dX", value, bounds.input_gradient(delta[1], W[0], scale)
    rows = s[:, 0] * losses.row_loss(net.loss, output, y, last, y_hat, eps)
    value = np.asarray(losses.batch_loss(rows, S, losses.penalty(W, *penalties)))
    each = s[:, 0] * bounds.loss(net.loss, output, y, last, y_hat, eps)
    yield "loss", value, bounds.batch_loss(rows, each, S) + bounds.penalty(W, *penalties)


def _float64(a: Array | None) -> Float64:
    return np.zeros(0) if a is None else a.astype(np.float64)


def _measure(native: Array, expected: Float64, bound: Float64) -> tuple[float, float]:
    """The largest distance, and the largest share of its own bound."""
    distance = np.abs(native.astype(np.float64) - expected)
    share = distance / bound
    # Overflow leaves no bound (inf, or nan where a factor is 0); there the bits alone are judged.
    same = (native == expected) | (np.isnan(native) & np.isnan(expected)) | ~(bound < np.inf)
    distance, share = np.where(same, 0.0, distance), np.where(same, 0.0, share)
    share = np.where(np.isnan(share), np.inf, share)  # nan on one side only
    return float(np.max(distance)), float(np.max(share))


def same_bits(a: Array, b: Array) -> bool:
    """Whether two arrays are equal bit for bit, where NaN equals NaN and -0 is not +0."""
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    integer = f"u{a.dtype.itemsize}"
    equal = np.ascontiguousarray(a).view(integer) == np.ascontiguousarray(b).view(integer)
    return bool(np.all(equal | (np.isnan(a) & np.isnan(b))))


def _literal(mlp: MLP, x: Array, y: Array, s: Array | None) -> tuple[Trace, Backward]:
    """Both passes of the literal reference, from X and w alone."""
    from deltarule.oracle import literal

    reference = literal.MLP(mlp.architecture, mlp.w)
    trace = reference.forward(x)
    return trace, reference.backward(trace, y, None, s)
