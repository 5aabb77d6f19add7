# SPDX-License-Identifier: BSD-3-Clause
"""What a network is before it has weights: sizes, activations, loss, dtype, penalty, scaling.

An `Architecture` has judged every one of its arguments, so that whoever holds one (the native
network, the oracle, a file) need not ask again. Here too: how w is laid out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np

from deltarule import losses
from deltarule._arguments import as_array, choice, integer, number, unmasked
from deltarule._quoting import quoted
from deltarule._typing import ArrayLike, NDArray
from deltarule.activations import NAMES, judge_in, parts, row
from deltarule.activations import activation as activation_text
from deltarule.given import LossFunction

ACTIVATIONS = NAMES
DTYPES = ("float32", "float64")
REDUCTIONS = ("mean", "sum")
PENALTIES_OVER = ("loss", "batch")

# The output activations that each loss accepts; the first is the default.
OUTPUTS = {
    name: ACTIVATIONS if row.outputs == losses.ANY else row.outputs
    for name, row in losses.TABLE.items()
}

MAX_UNITS = 2**31 - 1 - 512  # in a layer: the core counts columns, padding included, in 32 bits

# Offsets into w, in bytes, stay far from the end of a signed 64-bit integer.
MAX_WEIGHT_BYTES = 2**62

Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True)
class Architecture:
    """o[k+1] = f_k(W[k] [o[k]; 1]) for k = 0 .. m, and the loss on the last o  (equations 1-13).

    Parameters
    ----------
    layers : sequence of int
        H_0 (inputs), the sizes of the m hidden layers, K (outputs): m + 2 sizes, each >= 1.
    activations : sequence of str
        f_0 .. f_m, one per weight matrix: the hidden layers', then the output's.
    loss : str or callable
        Name and parameters, as "huber(delta=0.5)": docs/reference/losses.md has the table.
    dtype : str or dtype
        "float32" or "float64", or the same as "f4", "f8", float or NumPy's types: of the weights
        and of the native arithmetic.
    l2 : float
        >= 0; l2 / 2 times the sum of the squared weights, biases excluded, is part of gamma(w).
    reduction : str
        "mean" (S = rows in the batch) or "sum" (S = 1).
    input_shift, input_scale : float or array (H_0,), optional
        o[0] = (x - input_shift) * input_scale. Kept as one float per feature, rounded to dtype.
    l1 : float
        >= 0; so is l1 times the sum of the weights' absolute values, biases excluded.
    penalty_over : str
        "loss": L has gamma(w) in it; "batch": gamma(w) / S, as the sum of the batch's losses  (G7).

    Raises
    ------
    TypeError
        If an argument is of the wrong kind.
    ValueError
        If an argument is out of range, unknown or does not go with another one.
    """

    layers: tuple[int, ...]
    activations: tuple[str, ...]
    loss: Any = "half_squared_error"  # text, or a function
    dtype: str = "float32"
    l2: float = 0.0
    reduction: str = "mean"
    input_shift: tuple[float, ...] | None = None
    input_scale: tuple[float, ...] | None = None
    l1: float = 0.0
    penalty_over: str = "loss"

    def __post_init__(self) -> None:
        def put(name: str, value: object) -> None:  # the one place that writes a frozen field
            object.__setattr__(self, name, value)

        put("dtype", _dtype_name(self.dtype))
        put("layers", _layers(self.layers, np.dtype(self.dtype).itemsize))
        put("activations", _activations(self.activations, self.layers))
        chosen = losses.read(self.loss)
        put("loss", chosen.text)
        chosen.check_outputs(self.n_outputs)
        chosen.judge_in(self.dtype)
        for k, f in enumerate(self.activations):
            judge_in(self._place(k), f, self.dtype)
        last, allowed = self.activations[-1], OUTPUTS.get(chosen.name, NAMES)
        if parts(last).name not in allowed:
            expected = " or ".join(repr(a) for a in allowed)
            raise ValueError(f"output: {last!r}; expected {expected} for loss={self.loss!r}")
        for name in ("l2", "l1"):
            expected = f"a number >= 0, finite as {self.dtype}"
            put(name, number(name, getattr(self, name), self._holds, expected))
        put("reduction", choice("reduction", self.reduction, REDUCTIONS))
        put("penalty_over", choice("penalty_over", self.penalty_over, PENALTIES_OVER))
        put("input_shift", self._per_feature("input_shift", self.input_shift))
        put("input_scale", self._per_feature("input_scale", self.input_scale))
        if self.input_scale is not None and 0.0 in self.input_scale:
            at = self.input_scale.index(0.0)
            raise ValueError(f"input_scale: 0 at feature {at}; expected numbers other than 0")

    @classmethod
    def from_arguments(
        cls,
        layers: Sequence[int],
        activation: str | Sequence[str] = "relu",
        output: str | None = None,
        loss: str | LossFunction = "half_squared_error",
        dtype: Any = "float32",
        l2: float = 0.0,
        reduction: str = "mean",
        input_shift: ArrayLike | None = None,
        input_scale: ArrayLike | None = None,
        l1: float = 0.0,
        penalty_over: str = "loss",
    ) -> Architecture:
        """Build one from the arguments of `MLP`.

        Parameters
        ----------
        layers, loss, dtype, l2, reduction, input_shift, input_scale, l1, penalty_over
            As the class takes them.
        activation : str or sequence of str
            Of all hidden layers, or one name per hidden layer.
        output : str, optional
            The output's activation; None: identity, logistic or softmax, by the loss.

        Returns
        -------
        Architecture

        Raises
        ------
        TypeError, ValueError
            As the class does.
        """
        chosen = losses.read(loss)
        sizes = _sequence("layers", layers, "a sequence of integers")
        if isinstance(activation, str):
            hidden = [activation_text("activation", activation)] * max(0, len(sizes) - 2)
        else:
            expected = "a name, or one per hidden layer"
            hidden = [
                activation_text(f"activation[{k}]", name)
                for k, name in enumerate(_sequence("activation", activation, expected))
            ]
            if len(hidden) != max(0, len(sizes) - 2):
                raise ValueError(
                    f"activation: {len(hidden)} names for the {max(0, len(sizes) - 2)} hidden "
                    f"layers of {quoted(sizes)}; expected {expected}"
                )
        if output is None:
            output = OUTPUTS.get(chosen.name, NAMES)[0]
        last = activation_text("output", output, last=True)
        return cls(
            tuple(sizes), (*hidden, last), chosen.text, dtype, l2, reduction,
            input_shift, input_scale,  # type: ignore[arg-type]  # __post_init__ makes them tuples
            l1, penalty_over,
        )  # fmt: skip

    @property
    def n_hidden_layers(self) -> int:
        """The number m."""
        return len(self.layers) - 2

    @property
    def n_inputs(self) -> int:
        """The number H_0."""
        return self.layers[0]

    @property
    def n_outputs(self) -> int:
        """The number K."""
        return self.layers[-1]

    @property
    def chosen_loss(self) -> losses.Chosen:
        """The loss with its parameters and its row of the table."""
        return losses.read(self.loss)

    @property
    def n_targets(self) -> int:
        """Columns of Y: K, or K/2 where outputs are means and variances."""
        return self.chosen_loss.n_targets(self.n_outputs)

    @property
    def takes_labels(self) -> bool:
        """Whether Y of shape (n,) holds class numbers."""
        return self.chosen_loss.takes_labels(self.n_outputs)

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """(H_{k+1}, H_k + 1) of every W[k]."""
        return tuple((j, i + 1) for i, j in pairwise(self.layers))

    @property
    def n_alphas(self) -> tuple[int, ...]:
        """How many parameters the units of each layer 1 .. m + 1 learn: H_k, or 0 for none."""
        return tuple(
            width if row(f).learned else 0
            for f, width in zip(self.activations, self.layers[1:], strict=True)
        )

    @property
    def n_weights(self) -> int:
        """Length of w."""
        return sum(rows * columns for rows, columns in self.shapes) + sum(self.n_alphas)

    def views(self, w: NDArray[Scalar]) -> tuple[NDArray[Scalar], ...]:
        """Return W[0] .. W[m] as views into a flat vector in w's order; `alphas` follow them.

        Parameters
        ----------
        w : array, (n_weights,), contiguous
            The weights, their gradient, or an optimizer's state.

        Returns
        -------
        tuple of array
            W[k], (H_{k+1}, H_k + 1), writeable if w is.
        """
        parts, start = [], 0
        for rows, columns in self.shapes:
            parts.append(w[start : start + rows * columns].reshape(rows, columns))
            start += rows * columns
        return tuple(parts)

    def alphas(self, w: NDArray[Scalar]) -> tuple[NDArray[Scalar] | None, ...]:
        """Return the learned parameters of the layers 1 .. m + 1 as views into a flat vector.

        Parameters
        ----------
        w : array, (n_weights,), contiguous
            As for `views`.

        Returns
        -------
        tuple of array or None
            alpha[k], (H_{k+1},), behind W[k]; None where units learn none.
        """
        parts_of_w: list[NDArray[Scalar] | None] = []
        start = len(w) - sum(self.n_alphas)
        for count in self.n_alphas:
            parts_of_w.append(w[start : start + count] if count else None)
            start += count
        return tuple(parts_of_w)

    def units(self, w: NDArray[Scalar]) -> tuple[NDArray[Scalar], ...]:
        """Return everything of each unit as a row: its weights, its bias and what it learns.

        Parameters
        ----------
        w : array, (n_weights,), contiguous
            As for `views`.

        Returns
        -------
        tuple of array
            (H_{k+1}, H_k + 1), a view; (H_{k+1}, H_k + 2), a copy, where units learn a parameter.
        """
        return tuple(
            W if alpha is None else np.column_stack([W, alpha])
            for W, alpha in zip(self.views(w), self.alphas(w), strict=True)
        )

    def flatten(
        self, W: object, dtype: Any = None, *, alpha: Sequence[ArrayLike | None] | None
    ) -> NDArray[Any]:
        """Return W[0] .. W[m] and what units learn as one new vector: the inverse of `views`.

        Parameters
        ----------
        W : sequence of array-like
            W[k], (H_{k+1}, H_k + 1).
        dtype : dtype, optional
            None: the network's.
        alpha : sequence or None
            The learned parameters as `alphas` gives them; None: their starts.

        Returns
        -------
        array, (n_weights,)

        Raises
        ------
        TypeError
            If W or alpha is no sequence, or an entry does not hold real numbers.
        ValueError
            If the number of arrays or a shape is wrong.
        """
        matrices = _sequence("W", W, "a sequence of weight matrices")
        if len(matrices) != len(self.shapes):
            raise ValueError(f"W: {len(matrices)} matrices; expected {len(self.shapes)}")
        w = np.empty(self.n_weights, self.dtype if dtype is None else dtype)
        for k, view in enumerate(self.views(w)):
            view[...] = _real_array(f"W[{k}]", matrices[k], view.shape)
        if alpha is None:
            self.start_alphas(w)
        else:
            self.put_alphas(w, alpha)
        return w

    def start_alphas(self, w: NDArray[Any]) -> None:
        """Write into a flat vector what units learn, as the activations' texts say.

        Parameters
        ----------
        w : array, (n_weights,), contiguous
            The weights.
        """
        for view, f in zip(self.alphas(w), self.activations, strict=True):
            if view is not None:
                view[...] = parts(f).values[0]

    def put_alphas(self, w: NDArray[Any], alpha: object) -> None:
        """Write into a flat vector what units learn.

        Parameters
        ----------
        w : array, (n_weights,), contiguous
            The weights.
        alpha : sequence of array-like and None
            As `alphas` gives them.

        Raises
        ------
        TypeError, ValueError
            As `flatten` does.
        """
        views = self.alphas(w)
        given = _sequence("alpha", alpha, "a sequence of arrays and None")
        if len(given) != len(views):
            raise ValueError(f"alpha: {len(given)} entries; expected {len(views)}, one per W[k]")
        for k, view in enumerate(views):
            if view is not None:
                view[...] = _real_array(f"alpha[{k}]", given[k], view.shape)
            elif given[k] is not None:
                f = self.activations[k]
                raise ValueError(f"alpha[{k}]: an array; expected None: {f!r} learns nothing")

    def vector(self, w: object, dtype: Any = None) -> NDArray[Any]:
        """Return `w` as one new contiguous vector.

        Parameters
        ----------
        w : array-like, (n_weights,)
            Real numbers.
        dtype : dtype, optional
            None: the network's.

        Returns
        -------
        array, (n_weights,)

        Raises
        ------
        TypeError
            If it does not hold real numbers.
        ValueError
            If its shape is wrong.
        """
        given = _real_array("w", w, (self.n_weights,))
        return given.astype(self.dtype if dtype is None else dtype, order="C")

    def require_derivatives(self) -> None:
        """Refuse whatever needs delta where a unit has no derivative to send it through (38).

        Raises
        ------
        ValueError
            If a layer's activation is threshold.
        """
        if "threshold" in self.activations:
            at = self._place(self.activations.index("threshold"))
            raise ValueError(
                f"{at}: 'threshold', whose derivative is 0 everywhere but at its jump, where there "
                "is none: delta would be 0 and gradients would teach the network nothing; expected "
                "'logistic', its smooth form, or dr.Perceptron, whose rule trains one layer of "
                "threshold units"
            )

    def _place(self, k: int) -> str:
        """The argument that gave activation k."""
        return "output" if k == self.n_hidden_layers else f"activation[{k}]"

    def _holds(self, value: float) -> bool:
        return 0 <= value <= float(np.finfo(self.dtype).max)

    def _per_feature(self, name: str, value: object) -> tuple[float, ...] | None:
        if value is None:
            return None
        given = _real_array(name, value, (self.n_inputs,), scalar=True)
        with np.errstate(over="ignore"):  # a number beyond float32 becomes inf, refused below
            rounded = np.broadcast_to(given.astype(self.dtype), (self.n_inputs,))
        bad = np.flatnonzero(~np.isfinite(rounded))
        if bad.size:
            raise ValueError(
                f"{name}: {np.broadcast_to(given, rounded.shape)[bad[0]]} at feature {bad[0]}; "
                f"expected numbers, finite as {self.dtype}"
            )
        return tuple(rounded.tolist())  # exact: every T is a Python float


def _dtype_name(dtype: object) -> str:
    if isinstance(dtype, str):
        dtype = {"f4": "float32", "f8": "float64"}.get(dtype, dtype)
    elif dtype is float:
        dtype = "float64"
    elif isinstance(dtype, np.dtype):
        dtype = dtype.name if dtype.isnative else dtype.str
    elif dtype is np.float32 or dtype is np.float64:
        dtype = np.dtype(dtype).name
    return choice("dtype", dtype, DTYPES)


def _sequence(name: str, value: object, expected: str) -> list[Any]:
    if (
        isinstance(value, str | bytes)
        or not isinstance(value, Sequence | np.ndarray)
        or (isinstance(value, np.ndarray) and value.ndim == 0)
    ):
        raise TypeError(
            f"{name}: {quoted(value)} of type {type(value).__name__}; expected {expected}"
        )
    return list(value)


def _layers(layers: object, itemsize: int) -> tuple[int, ...]:
    given = _sequence("layers", layers, "a sequence of integers")
    sizes = tuple(integer(f"layers[{k}]", size, 1) for k, size in enumerate(given))
    if len(sizes) < 2:
        raise ValueError(
            f"layers: {quoted(list(sizes))}; expected at least the input's and output's sizes"
        )
    if max(sizes) > MAX_UNITS:
        raise ValueError(f"layers: {quoted(list(sizes))}; expected sizes <= {MAX_UNITS}")
    n_weights = sum((i + 1) * j for i, j in pairwise(sizes))
    if n_weights * itemsize >= MAX_WEIGHT_BYTES:
        raise ValueError(
            f"layers: {quoted(list(sizes))} need {n_weights} weights of {itemsize} bytes; "
            f"expected less than 2**62 bytes"
        )
    return sizes


def _activations(activations: object, layers: tuple[int, ...]) -> tuple[str, ...]:
    given = _sequence("activations", activations, "one name per weight matrix")
    names = tuple(
        activation_text(f"activations[{k}]", f, last=k == len(given) - 1)
        for k, f in enumerate(given)
    )
    if len(names) != len(layers) - 1:
        raise ValueError(f"activations: {len(names)} names; expected {len(layers) - 1}")
    for k, f in enumerate(names):
        if f == "softmax" and layers[k + 1] < 2:
            raise ValueError(f"layers[{k + 1}]: 1; expected at least 2 units for softmax")
    return names


def _real_array(
    name: str, value: object, shape: tuple[int, ...], scalar: bool = False
) -> NDArray[Any]:
    unmasked(name, value)
    try:
        array = as_array(name, value)
    except ValueError:  # rows of differing lengths
        raise ValueError(f"{name}: a ragged sequence; expected shape {shape}") from None
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{name}: dtype {array.dtype}; expected real numbers")
    if array.shape != shape and not (scalar and array.ndim == 0):
        expected = f"a number or shape {shape}" if scalar else str(shape)
        raise ValueError(f"{name}: shape {array.shape}; expected {expected}")
    return array
