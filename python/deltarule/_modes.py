# SPDX-License-Identifier: BSD-3-Clause
"""What is computed in Python is computed in IEEE's default modes, too, whatever the caller has set.

The core sees to its own kernels. Weights that are drawn, numbers of schedules, conversions and the
numbers in a file's JSON come from NumPy and Python, which round as the calling thread is told to:
entry points that reach them are wrapped here, and the caller finds its modes again.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import getattr_static
from types import FunctionType
from typing import ParamSpec, TypeVar

from deltarule import _core

P = ParamSpec("P")
R = TypeVar("R")


def in_default_modes(call: Callable[P, R]) -> Callable[P, R]:
    """Return `call` so that it rounds to nearest, keeps subnormals, and changes no modes."""

    @wraps(call)
    def wrapped(*given: P.args, **named: P.kwargs) -> R:
        with _core.FloatEnvironment():
            return call(*given, **named)

    return wrapped


def all_in_default_modes(kind: type[R]) -> type[R]:
    """Do that with a class's public methods, those that it inherits too; but not `get_...`."""
    for name in dir(kind):
        call = getattr_static(kind, name)
        if isinstance(call, FunctionType) and not name.startswith(("_", "get_", "set_")):
            setattr(kind, name, in_default_modes(call))
    return kind
