# SPDX-License-Identifier: BSD-3-Clause
"""A loss of one's own: a function of a batch's y_hat and Y, called in Python batch by batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from deltarule import _core
from deltarule._quoting import quoted
from deltarule.losses import ANY, Chosen, Loss
from deltarule.results import Array
from deltarule.specification import Specification

# (y_hat (n, K), Y of these rows) -> (L_i (n,), dL_i/dy_hat (n, K))
LossFunction = Callable[[Array, Array], tuple[Any, Any]]


def loss_name(loss: str | LossFunction) -> str:
    """Its text; of a function its name."""
    return loss if isinstance(loss, str) else getattr(loss, "__name__", repr(loss))


class GivenLoss(Chosen):
    """What surrounds a loss that is a function: any output, any Y with a row for each sample.

    Parameters
    ----------
    function : callable
        The user's.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(Specification("given", {}))
        object.__setattr__(self, "function", function)

    @property
    def row(self) -> Loss:
        """As of the table."""
        return Loss(ANY, in_kernel=False)

    @property
    def text(self) -> Any:
        """The function itself: it has no text."""
        return self.function  # type: ignore[attr-defined]  # of a frozen dataclass


class Given:
    """Targets together with the function that makes a loss of them: what stands for Y inside.

    Parameters
    ----------
    function : callable
        The user's.
    Y : array, (n, ...)
        Targets, as they were given.
    n_outputs : int
        K.

    Attributes
    ----------
    function, Y
        As given.
    """

    def __init__(self, function: LossFunction, Y: Array, n_outputs: int) -> None:
        self.function, self.Y, self._n_outputs = function, Y, n_outputs

    def __len__(self) -> int:
        return len(self.Y)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of Y."""
        return self.Y.shape

    def __getitem__(self, rows: Any) -> Given:
        return Given(self.function, self.Y[rows], self._n_outputs)

    def __call__(self, y_hat: Array, rows: Any = slice(None)) -> tuple[Array, Array]:
        """L_i and dL_i/dy_hat of these rows, in y_hat's dtype  (W6).

        Parameters
        ----------
        y_hat : array, (n, K)
            Predictions of the rows.
        rows : slice or array of int
            Which rows of Y.

        Returns
        -------
        losses : array, (n,)
        derivative : array, (n, K)

        Raises
        ------
        TypeError, ValueError
            If the function returns something else.
        FloatingPointError
            If it returns a number that is not finite.
        """
        shown = self.Y[rows].view()
        shown.flags.writeable = False  # the caller's own memory, where rows are a slice
        with _core.FloatEnvironment():  # modes that it sets are gone when it returns
            result = self.function(y_hat, shown)
        return self.judged(result, y_hat)

    def judged(self, result: object, y_hat: Array) -> tuple[Array, Array]:
        """Return what the function returned as two exact arrays, if that is what it is."""
        n = len(y_hat)
        expected = f"(losses, derivative) of shapes ({n},) and {y_hat.shape}"
        if not isinstance(result, tuple | list) or len(result) != 2:
            raise TypeError(f"{self._name}: returned {_shown(result)}; expected {expected}")
        shapes = ((n,), y_hat.shape)
        pairs = zip(("losses", "derivative"), result, shapes, strict=True)
        losses, derivative = (self._array(*pair, y_hat.dtype, expected) for pair in pairs)
        return losses, derivative

    def _array(
        self, name: str, value: object, shape: tuple[int, ...], dtype: Any, expected: str
    ) -> Array:
        try:
            a = np.asarray(value)
        except ValueError:
            raise ValueError(f"{self._name}: {name} are ragged; expected {expected}") from None
        if a.dtype.kind not in "biuf":
            raise TypeError(f"{self._name}: {name} are of {a.dtype}; expected real numbers")
        if a.shape != shape:
            raise ValueError(f"{self._name}: {name} of shape {a.shape}; expected {expected}")
        with np.errstate(over="ignore"):
            a = np.require(a, dtype, ["C", "A"])
        if not np.isfinite(a).all():
            row = np.flatnonzero(~np.isfinite(a.reshape(len(a), -1)).all(axis=1))[0]
            raise FloatingPointError(
                f"{self._name}: row {row} of its {name} for this batch holds nan or infinity (as "
                f"{a.dtype}); expected finite numbers"
            )
        return np.asarray(a)

    @property
    def _name(self) -> str:
        return f"loss {loss_name(self.function)}"


def _shown(value: object) -> str:
    return f"{quoted(value)} of type {type(value).__name__}"
