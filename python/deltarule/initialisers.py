# SPDX-License-Identifier: BSD-3-Clause
"""How the weights of each layer start: by name, one row per initialiser  (I1) to (I4).

Everything is drawn in float64 from one generator, layer by layer, and then rounded to the network's
dtype. Biases start at 0. Every operation is NumPy's elementwise arithmetic in a fixed order, so
that a seed gives the same bits on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from deltarule._arguments import generator
from deltarule._quoting import quoted
from deltarule._typing import NDArray
from deltarule.activations import parts, row
from deltarule.architecture import Architecture
from deltarule.specification import Parameter, Specification, specification

Float64: TypeAlias = NDArray[np.float64]
Fan: TypeAlias = Callable[[int, int], int]  # of H_{k+1}, H_k
# (generator, H_{k+1}, H_k, the parameters' values) -> W[k] without its bias column
# in quotes: numpy.random takes 10 ms to import
Draw: TypeAlias = "Callable[[np.random.Generator, int, int, Sequence[float]], Float64]"

# Columns of an orthogonal matrix that are reflected at a time: with 1000 rows they stay in L2.
BLOCK = 64


@dataclass(frozen=True)
class Initialiser:
    """A row of the table: how a matrix is drawn, and the parameters that its text may hold."""

    draw: Draw
    parameters: Mapping[str, Parameter] = field(default_factory=dict)


def _uniform(gain: int, fan: Fan) -> Initialiser:
    """W_ji ~ U(-r, r) with r = sqrt(3 gain / fan), which has the variance gain / fan  (I1)."""

    def draw(rng: np.random.Generator, n_out: int, n_in: int, values: Sequence[float]) -> Float64:
        r = math.sqrt(3 * gain / fan(n_out, n_in))
        return rng.uniform(-r, r, (n_out, n_in))

    return Initialiser(draw)


def _normal(gain: int, fan: Fan) -> Initialiser:
    """W_ji ~ N(0, gain / fan), not truncated  (I2)."""

    def draw(rng: np.random.Generator, n_out: int, n_in: int, values: Sequence[float]) -> Float64:
        return rng.standard_normal((n_out, n_in)) * math.sqrt(gain / fan(n_out, n_in))

    return Initialiser(draw)


def _inputs(n_out: int, n_in: int) -> int:
    return n_in


def _both(n_out: int, n_in: int) -> int:
    return n_in + n_out


def _orthogonal(
    rng: np.random.Generator, n_out: int, n_in: int, values: Sequence[float]
) -> Float64:
    """gain Q, or gain Q^T where there are more inputs than units: the shorter side orthonormal."""
    Q = orthonormal_columns(rng, max(n_out, n_in), min(n_out, n_in))
    return values[0] * (Q if n_out >= n_in else Q.T)


def _constant(rng: np.random.Generator, n_out: int, n_in: int, values: Sequence[float]) -> Float64:
    return np.full((n_out, n_in), values[0] if values else 0.0)


_GAIN = Parameter(1.0, lambda v: math.isfinite(v) and v > 0, "a finite number > 0")
_VALUE = Parameter(math.nan, math.isfinite, "a finite number")  # nan: there is no default

INITIALISERS: Mapping[str, Initialiser] = {
    "glorot_uniform": _uniform(2, _both),
    "glorot_normal": _normal(2, _both),
    "he_uniform": _uniform(2, _inputs),
    "he_normal": _normal(2, _inputs),
    "lecun_uniform": _uniform(1, _inputs),
    "lecun_normal": _normal(1, _inputs),
    "ntk": _normal(1, _inputs),
    "orthogonal": Initialiser(_orthogonal, {"gain": _GAIN}),
    "zeros": Initialiser(_constant),
    "constant": Initialiser(_constant, {"value": _VALUE}),
}


def initial_weights(architecture: Architecture, seed: Any = None, init: Any = None) -> NDArray[Any]:
    """W[k] as `init` says, bias 0; by default uniform, He or Glorot  (equation 32).

    Parameters that units learn start as the activation's text says.

    Drawn in float64, layer by layer, then rounded to the dtype.

    Parameters
    ----------
    architecture : Architecture
        The sizes, activations and dtype.
    seed : None, int or anything else that `numpy.random.default_rng` takes
        The same int gives the same weights.
    init : str, array or sequence of str or array, optional
        As `MLP` takes it.

    Returns
    -------
    array, (n_weights,)

    Raises
    ------
    TypeError, ValueError
        If the seed or init is none.
    """
    if hasattr(init, "__array__"):
        from deltarule.init_arrays import all_weights

        generator(seed)  # judged as ever
        return all_weights(init, architecture)
    chosen = initialisers(init, architecture)
    rng = generator(seed)
    w = np.zeros(architecture.n_weights, architecture.dtype)
    for matrix, of in zip(architecture.views(w), chosen, strict=True):
        if isinstance(of, np.ndarray):
            matrix[:, : of.shape[1]] = of
            continue
        n_out, n_in = matrix.shape[0], matrix.shape[1] - 1
        matrix[:, :-1] = INITIALISERS[of.name].draw(rng, n_out, n_in, of.values)
    architecture.start_alphas(w)
    return w


def initialisers(
    init: object, architecture: Architecture
) -> tuple[Specification | NDArray[Any], ...]:
    """Return the initialiser of every W[k].

    Parameters
    ----------
    init : None, str or sequence of None, str or array
        For all layers, or one per weight matrix; None stands for the activation's default, an array
        for itself.
    architecture : Architecture
        Of the network.

    Returns
    -------
    tuple of Specification or array

    Raises
    ------
    TypeError
        If it is of another kind.
    ValueError
        If a name or parameter is unknown or out of range, or their number is not that of the
        weight matrices.
    """
    defaults = [default_initialiser(f) for f in architecture.activations]
    if init is None or isinstance(init, str):
        return tuple(
            _one("init", name if init is None else init, architecture.dtype) for name in defaults
        )
    from deltarule.init_arrays import is_array, of_layer

    expected = "a name, or one or an array per weight matrix"
    if not isinstance(init, Sequence) or isinstance(init, bytes):
        given = f"{quoted(init)} of type {type(init).__name__}"
        raise TypeError(f"init: {given}; expected {expected}")
    if len(init) != len(defaults):
        raise ValueError(
            f"init: {len(init)} names or arrays for the {len(defaults)} weight matrices of "
            f"{quoted(list(architecture.layers))}; expected {expected}"
        )
    return tuple(
        of_layer(value, k, architecture)
        if is_array(value)
        else _one(f"init[{k}]", default if value is None else value, architecture.dtype)
        for k, (value, default) in enumerate(zip(init, defaults, strict=True))
    )


def default_initialiser(activation: str) -> str:
    """Return what a layer with this activation starts from where nothing is asked for.

    Parameters
    ----------
    activation : str
        Its text; parameters don't matter, and a blend starts as what it is made of.

    Returns
    -------
    str
    """
    spec = parts(activation)
    return row(spec.inner or spec.name).init


def orthonormal_columns(rng: np.random.Generator, n: int, p: int) -> Float64:
    """Q (n, p), p <= n, Q^T Q = I, uniform among all such matrices  (I3), (I4).

    Q = H_1 H_2 .. H_p [D; 0]: H_k = I - 2 v v^T / (v^T v) is Householder's reflection that brings
    a normal vector of length n - k + 1 to +-|x| e_1, and D holds the signs (Stewart 1980). That is
    the Q of a normal matrix' QR decomposition with a positive diagonal of R, without decomposing
    one, and without a sum whose order would be a library's.

    Parameters
    ----------
    rng : Generator
        Draws n, n - 1, .., n - p + 1 normal numbers.
    n, p : int
        Rows and columns, 1 <= p <= n.

    Returns
    -------
    array of float64, (n, p)
    """
    reflections, signs = [], np.ones(n)
    for k in range(p):
        x = rng.standard_normal(n - k)
        length = math.sqrt(_sum_of_squares(x))
        signs[k] = -1.0 if x[0] > 0 else 1.0
        x[0] -= signs[k] * length  # of opposite signs: nothing cancels. H x = signs[k] |x| e_1
        reflections.append((x, 2 / _sum_of_squares(x)))
    Q = np.zeros((n, p))
    np.fill_diagonal(Q, signs)
    for left in range(0, p, BLOCK):
        block = Q[:, left : left + BLOCK].copy()
        # Columns beyond the k-th have zeros in their first k rows until H_k comes.
        for k in range(left + block.shape[1] - 1, -1, -1):
            _reflect(block[k:], *reflections[k])
        Q[:, left : left + BLOCK] = block
    return Q


def _reflect(A: Float64, v: Float64, scale: float) -> None:
    """A <- A - scale v (v^T A); sums along the first axis add row by row."""
    if A.shape[1] == 1:  # one column would be summed in another order
        products = np.add.accumulate(v * A[:, 0])[-1:]
    else:
        products = np.add.reduce(v[:, None] * A, axis=0)
    A -= v[:, None] * (scale * products)


def _sum_of_squares(x: Float64) -> float:
    return float(np.add.accumulate(x * x)[-1])  # term by term


def _one(argument: str, value: object, dtype: str) -> Specification:
    found = specification(argument, value, _FAMILY)
    for parameter, number in zip(found.parameters, found.values, strict=True):
        with np.errstate(over="ignore", under="ignore"):
            rounded = np.dtype(dtype).type(number)
        if not np.isfinite(rounded) or (number and not rounded):
            kept = f"not 0 as {dtype}" if np.isfinite(rounded) else f"finite as {dtype}"
            expected = f"{found.name}({parameter}) with a number that is {kept}"
            raise ValueError(f"{argument}: {value!r}; expected {expected}")
    return found


_FAMILY = {name: row.parameters for name, row in INITIALISERS.items()}
