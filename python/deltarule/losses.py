# SPDX-License-Identifier: BSD-3-Clause
"""The table of losses: one row each, with whatever Python must know of it.

What a loss computes stands in the kernels (`csrc/kernels/losses.inl.hpp`), the oracle and the
literal reference; here is what surrounds it: parameters, the outputs it goes with, what Y holds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from deltarule.specification import Parameter, Specification, judge_rounded, specification

ANY = ("identity", "any other")  # every output activation will do, this one by default


class Kind(NamedTuple):
    """What the numbers in Y must be, besides finite."""

    holds: Callable[[Any], Any]
    given: str
    expected: str


KINDS = {
    "finite": Kind(lambda y: y == y, "nan or infinity", "finite numbers"),
    "probability": Kind(lambda y: (y >= 0) & (y <= 1), "a value outside [0, 1]", "probabilities"),
    "non_negative": Kind(lambda y: y >= 0, "a value below 0", "numbers >= 0"),
    "positive": Kind(lambda y: y > 0, "a value that is not above 0", "numbers > 0"),
    "sign": Kind(lambda y: (y == -1) | (y == 1), "a value other than -1 and 1", "-1 or 1"),
}


@dataclass(frozen=True)
class Loss:
    """A row of the table.

    Parameters
    ----------
    outputs : tuple of str
        The output activations that go with it, the default first; `ANY`: all.
    targets : str or callable
        Which of `KINDS` the numbers in Y are; a function of the parameters.
    parameters : dict
        As `specification` reads them.
    labels : bool
        Whether Y may hold class numbers, (n,), where there are several outputs.
    smooths : str
        "classes", "halves": label_smoothing takes e of each target and gives each of the K classes,
        or of the two values, an equal share of it.
    one_against_rest : bool
        Whether a label stands for 1 and -1 rather than for 1 and 0.
    columns : int
        Outputs for each column of Y.
    broadcast : bool
        Whether one column of Y may serve all outputs.
    cut : float
        From where on a single output says class 1.
    classes : bool
        Whether outputs may speak of classes, the largest of several for one.
    in_kernel : bool
        Whether the parameters are the kernels' (else they are used up on the way to it).
    """

    outputs: tuple[str, ...]
    targets: str | Callable[[tuple[float, ...]], str] = "finite"
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    labels: bool = False
    smooths: str = ""
    one_against_rest: bool = False
    columns: int = 1
    broadcast: bool = False
    cut: float = 0.5
    classes: bool = True
    in_kernel: bool = True


def _positive(value: float) -> bool:
    return 0 < value < float("inf")


_DELTA = {"delta": Parameter(1.0, _positive, "a number > 0")}
_Q = {"q": Parameter((0.5,), lambda q: 0 < q < 1, "a number between 0 and 1")}
# Beyond these limits powers of ordinary numbers leave float32.
_GAMMA = {"gamma": Parameter(2.0, lambda g: 0 <= g <= 100, "a number in [0, 100]")}
_POWER = {
    "power": Parameter(
        1.5, lambda p: 1 < p <= 100 and p != 2,
        "a number > 1, at most 100, other than 2 (poisson is 1, gamma is 2)", origin=1.0,
    )
}  # fmt: skip
_SMOOTHING = {"label_smoothing": Parameter(0.0, lambda e: 0 <= e < 1, "0 <= e < 1")}

# In the order of the core's enum (csrc/kernels/table.hpp).
TABLE: dict[str, Loss] = {
    "half_squared_error": Loss(ANY),
    "binary_cross_entropy": Loss(
        ("logistic", "softmax"), "probability", _SMOOTHING, smooths="halves", in_kernel=False
    ),
    "cross_entropy": Loss(
        ("softmax",), "probability", _SMOOTHING, labels=True, smooths="classes", in_kernel=False
    ),
    "squared_error": Loss(ANY),
    "absolute": Loss(ANY),
    "huber": Loss(ANY, parameters=_DELTA),
    "quantile": Loss(ANY, parameters=_Q, broadcast=True, classes=False),
    "log_cosh": Loss(ANY),
    "poisson": Loss(("exponential",), "non_negative"),
    "gamma": Loss(("exponential",), "positive"),
    "tweedie": Loss(
        ("exponential",), lambda p: "non_negative" if p[0] < 2 else "positive", _POWER
    ),
    "hinge": Loss(("identity",), "sign", labels=True, one_against_rest=True, cut=0.0),
    "squared_hinge": Loss(("identity",), "sign", labels=True, one_against_rest=True, cut=0.0),
    "focal": Loss(("logistic", "softmax"), "probability", _GAMMA, labels=True),
    "kl_divergence": Loss(("softmax",), "probability"),
    "gaussian_nll": Loss(("gaussian",), columns=2, classes=False),
}  # fmt: skip

PARAMETERS = {name: row.parameters for name, row in TABLE.items()}


@dataclass(frozen=True)
class Chosen:
    """A loss with its parameters.

    Parameters
    ----------
    specification : Specification
        Name and parameters.
    """

    specification: Specification

    @property
    def name(self) -> str:
        """Without parameters."""
        return self.specification.name

    @property
    def values(self) -> tuple[float, ...]:
        """The parameters' numbers."""
        return self.specification.values

    @property
    def row(self) -> Loss:
        """Of the table."""
        return TABLE[self.name]

    @property
    def text(self) -> str:
        """The canonical text; of a label_smoothing of 0, which is none, nothing is said."""
        return self.name if self.row.smooths and not self.values[0] else str(self.specification)

    @property
    def targets(self) -> str:
        """Which of `KINDS` Y holds."""
        kind = self.row.targets
        return kind if isinstance(kind, str) else kind(self.values)

    def takes_labels(self, n_outputs: int) -> bool:
        """Whether Y of shape (n,) holds class numbers."""
        return self.row.labels and n_outputs > 1

    def n_targets(self, n_outputs: int) -> int:
        """Columns of Y."""
        return n_outputs // self.row.columns

    def core(self, n_outputs: int) -> dict[str, Any]:
        """What the core must know of it."""
        return {
            "name": self.name,
            "parameter": self.parameter(n_outputs),
            "targets": self.targets,
            "columns": self.n_targets(n_outputs),
            "labels": self.takes_labels(n_outputs),
            "broadcast": self.row.broadcast,
            "standard": self.standard(False, n_outputs),
            "label_standard": self.standard(True, n_outputs),
        }

    def parameter(self, n_outputs: int) -> list[float]:
        """What the kernel takes, one number per output; empty where it takes none."""
        origins = (p.origin for p in self.row.parameters.values())
        values = [v - next(origins, 0.0) for v in self.values] if self.row.in_kernel else []
        return values * n_outputs if len(values) == 1 else values

    def standard(self, labels: bool, n_outputs: int) -> tuple[float, float]:
        """(shift, scale) of a target, or of a label's 1 and 0, on its way: (y - shift) scale."""
        if self.row.smooths and self.values[0]:
            e = self.values[0]
            share = e / (n_outputs if self.row.smooths == "classes" else 2)
            return -share / (1.0 - e), 1.0 - e
        if labels and self.row.one_against_rest:
            return 0.5, 2.0
        return 0.0, 1.0

    def standardised(self, y: Any, labels: bool, n_outputs: int) -> Any:
        """Targets as the loss takes them, in the dtype of y; a label comes as a row of 1 and 0."""
        shift, scale = self.standard(labels, n_outputs)
        if (shift, scale) == (0.0, 1.0):
            return y
        return (y - y.dtype.type(shift)) * y.dtype.type(scale)

    def compared(self, Y: Any, y_hat: Any) -> tuple[Any, Any]:
        """Y and the part of y_hat that speaks of the same, for metrics."""
        n_outputs = y_hat.shape[1]
        if self.row.columns > 1:
            return Y, y_hat[:, : self.n_targets(n_outputs)]
        one = Y.ndim == 1 or Y.shape[1] == 1
        if self.row.broadcast and one and n_outputs > 1:
            return np.broadcast_to(Y.reshape(-1, 1), y_hat.shape), y_hat
        return Y, y_hat

    def judge_in(self, dtype: str) -> None:
        """Refuse parameters that leave their range in this dtype: a ValueError."""
        judge_rounded("loss", self.specification, self.row.parameters, dtype)

    def check_outputs(self, n_outputs: int) -> None:
        """Refuse a number of outputs that does not fit.

        Parameters
        ----------
        n_outputs : int
            K.

        Raises
        ------
        ValueError
            If it does not.
        """
        if n_outputs % self.row.columns:
            raise ValueError(
                f"layers: {n_outputs} outputs; expected an even number for loss={self.text!r}, a "
                "mean and a variance for each column of Y"
            )
        if len(self.values) > 1 and len(self.values) != n_outputs:
            raise ValueError(
                f"loss: {self.text!r} for {n_outputs} outputs; expected one number, or one per "
                "output"
            )


def read(text: object) -> Chosen:
    """Return the loss of this text.

    Parameters
    ----------
    text : str or callable
        "name", "name(0.2)" or "name(parameter=0.2)", or a loss of the user's.

    Returns
    -------
    Chosen

    Raises
    ------
    TypeError, ValueError
        As `specification` does.
    """
    if callable(text):
        from deltarule.given import GivenLoss  # which needs this module

        return GivenLoss(text)
    return _read(text) if isinstance(text, str) else _read.__wrapped__(text)


@lru_cache(maxsize=256)
def _read(text: object) -> Chosen:
    return Chosen(specification("loss", text, PARAMETERS))
