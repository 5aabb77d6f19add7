# SPDX-License-Identifier: BSD-3-Clause
"""The activations by name: what Python must know of each. Formulas: the core, and the oracle.

An activation is named by a text such as "leaky_relu(slope=0.2)" or "blend(mish)", see
`deltarule.specification`. Adding one is a row here, beside its formulas.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from deltarule.specification import Parameter, Specification, judge_rounded, specification


@dataclass(frozen=True)
class Activation:
    """A row of the table.

    Parameters
    ----------
    parameters : dict of str to Parameter
        At most one.
    learned : bool
        Whether each unit has a parameter of its own, which is trained; the one given is its start.
    of : tuple of str
        The activations that it may be made of; the first is the default.
    from_output : bool
        Whether f' is a function of o; else it is one of net.
    kinks : tuple of float
        Nets where f' or f'' jumps, which differences may not straddle.
    largest_slope : float
        The largest |f'|, or what it nears; where it grows without bound, 1.
    init : str
        How the weights into it start where nothing is asked for. He: about half of a signal's
        square is passed on, as relu does. SELU's fixed point is that of weights of variance 1 / H.
    """

    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    learned: bool = False
    of: tuple[str, ...] = ()
    from_output: bool = False
    kinks: tuple[float, ...] = ()
    largest_slope: float = 1.0
    init: str = "glorot_uniform"


def _number(default: float) -> Parameter:
    return Parameter(default, lambda value: abs(value) < float("inf"), "a finite number")


_SLOPE = Parameter(0.01, lambda value: 0 <= value <= 1, "a number in [0, 1]")
_POSITIVE = Parameter(1.0, lambda value: 0 < value < float("inf"), "a finite number > 0")

HE = "he_uniform"

TABLE: dict[str, Activation] = {
    "identity": Activation(from_output=True),
    "logistic": Activation(from_output=True, largest_slope=0.25),
    "tanh": Activation(from_output=True),
    "relu": Activation(from_output=True, kinks=(0.0,), init=HE),
    "softmax": Activation(from_output=True, largest_slope=0.25),
    "threshold": Activation(from_output=True),
    "leaky_relu": Activation({"slope": _SLOPE}, kinks=(0.0,), init=HE),
    "prelu": Activation({"slope": _number(0.25)}, learned=True, kinks=(0.0,), init=HE),
    "elu": Activation({"alpha": _POSITIVE}, kinks=(0.0,), init=HE),
    "selu": Activation(kinks=(0.0,), largest_slope=1.7580993408473766, init="lecun_normal"),
    "gelu": Activation(largest_slope=1.1289041451147937, init=HE),
    "gelu_tanh": Activation(largest_slope=1.1289, init=HE),
    "silu": Activation(largest_slope=1.0998393194985, init=HE),
    "mish": Activation(largest_slope=1.0884, init=HE),
    "softplus": Activation(),
    "softsign": Activation(kinks=(0.0,)),
    "hard_tanh": Activation(kinks=(-1.0, 1.0)),
    "hard_logistic": Activation(kinks=(-3.0, 3.0), largest_slope=1 / 6),
    "exponential": Activation(),
}
TABLE["blend"] = Activation(
    {"alpha": _number(1.0)},
    learned=True,
    of=(
        "tanh",
        *(
            name
            for name, row in TABLE.items()
            if not row.parameters and name not in ("identity", "softmax", "threshold", "tanh")
        ),
    ),
)

NAMES = tuple(TABLE)
# Of the output layer alone: means, then variances (docs/reference/losses.md).
LAST = {"gaussian": Activation(from_output=True)}
_ROWS = {**TABLE, **LAST}
_FAMILY = {name: row.parameters for name, row in _ROWS.items()}
_HIDDEN = {name: _FAMILY[name] for name in NAMES}
_INNER = {name: row.of for name, row in TABLE.items() if row.of}


def activation(argument: str, value: object, last: bool = False) -> str:
    """Return the canonical text of an activation.

    Parameters
    ----------
    argument : str
        Name of the argument, for messages.
    value : str
        What was given.
    last : bool
        Whether it is the output layer's.

    Returns
    -------
    str

    Raises
    ------
    TypeError
        If it is no string.
    ValueError
        If a name is unknown, or a parameter unknown or out of its range.
    """
    return str(specification(argument, value, _FAMILY if last else _HIDDEN, _INNER))


@lru_cache
def parts(text: str) -> Specification:
    """Name, inner name and parameters of a canonical text."""
    return specification("activation", text, _FAMILY, _INNER)


def judge_in(argument: str, text: str, dtype: str) -> None:
    """Refuse a canonical text whose parameter leaves its range in this dtype: a ValueError."""
    spec = parts(text)
    judge_rounded(argument, spec, _FAMILY[spec.name], dtype)


def row(text: str) -> Activation:
    """Return the table's row of a canonical text."""
    return _ROWS[parts(text).name]


def kinks(text: str) -> tuple[float, ...]:
    """Nets where f' or f'' jumps, those of what f is made of included."""
    spec = parts(text)
    return _ROWS[spec.inner or spec.name].kinks


def kernel(text: str) -> tuple[str, str, list[float]]:
    """Return what the core takes: the name, that of what it is made of or "", its parameters."""
    spec = parts(text)
    return spec.name, spec.inner or "", list(spec.values)
