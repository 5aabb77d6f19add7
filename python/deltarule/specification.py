# SPDX-License-Identifier: BSD-3-Clause
"""Activations and losses by name, with their parameters: "leaky_relu(slope=0.2)".

A specification is text, so that architectures, files and messages hold it as it is. It has one
canonical form, with every parameter by name: "leaky_relu" and "leaky_relu(0.01)" are both
"leaky_relu(slope=0.01)".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NoReturn

import numpy as np

from deltarule._quoting import quoted


@dataclass(frozen=True)
class Parameter:
    """What a parameter may be.

    Parameters
    ----------
    default : float or tuple of float
        Where none is given; a tuple where there may be several.
    holds : callable
        Whether one number will do.
    expected : str
        The range in words, for messages.
    origin : float
        A network's arithmetic has the number as its distance from here, formed before it is
        rounded.
    """

    default: float | tuple[float, ...]
    holds: Callable[[float], bool]
    expected: str
    origin: float = 0.0


# The parameters of each name in their order. One that takes several numbers is alone.
Family = Mapping[str, Mapping[str, Parameter]]


@dataclass(frozen=True)
class Specification:
    """A name and its parameters; `str` gives the canonical text.

    Parameters
    ----------
    name : str
        Of the activation or loss.
    parameters : dict
        A number, or a tuple of numbers, by name.
    inner : str, optional
        The name that it is made of: "tanh" in "blend(tanh)".
    """

    name: str
    parameters: Mapping[str, float | tuple[float, ...]]
    inner: str | None = None

    @property
    def values(self) -> tuple[float, ...]:
        """All numbers in order."""
        numbers: list[float] = []
        for value in self.parameters.values():
            numbers.extend(value if isinstance(value, tuple) else (value,))
        return tuple(numbers)

    def __str__(self) -> str:
        parts = [] if self.inner is None else [self.inner]
        for key, value in self.parameters.items():
            if isinstance(value, tuple):
                parts.extend(repr(number) for number in value)
            else:
                parts.append(f"{key}={value!r}")
        return f"{self.name}({', '.join(parts)})" if parts else self.name


def judge_rounded(
    argument: str, of: Specification, parameters: Mapping[str, Parameter], dtype: str
) -> None:
    """Refuse parameters that leave their range when they are rounded to the network's dtype.

    Parameters
    ----------
    argument : str
        Name of the argument, for messages.
    of : Specification
        Parameters that are in their range as they stand.
    parameters : mapping
        What they may be.
    dtype : str
        "float32" or "float64".

    Raises
    ------
    ValueError
        If one does.
    """
    exact = np.dtype(dtype).type
    for key, value in of.parameters.items():
        known = parameters[key]
        for number in value if isinstance(value, tuple) else (value,):
            with np.errstate(over="ignore"):
                rounded = known.origin + float(exact(number - known.origin))
            if not known.holds(rounded):
                raise ValueError(
                    f"{argument}: {str(of)!r}: {key} = {number!r} is {rounded!r} as {dtype}, where "
                    f"{known.expected} is wanted"
                )


def name_and_rest(text: str) -> re.Match[str] | None:
    """Match "name" or "name(rest)"; stripped first, so that its time is linear in the text."""
    return re.fullmatch(r"(\w+)\s*(?:\((.*)\))?", text.strip())


def specification(
    argument: str, value: object, family: Family, inner: Mapping[str, tuple[str, ...]] | None = None
) -> Specification:
    """Read one.

    Parameters
    ----------
    argument : str
        Name of the argument, for messages.
    value : object
        What was given: "name", "name(0.2)" or "name(parameter=0.2)".
    family : mapping
        The names and their parameters.
    inner : mapping, optional
        For each name that is made of another one, which that may be; the first is the default.

    Returns
    -------
    Specification

    Raises
    ------
    TypeError
        If value is no string.
    ValueError
        If a name is unknown, or a parameter unknown, given twice, no number or out of its range.
    """
    if not isinstance(value, str):
        raise TypeError(
            f"{argument}: {quoted(value)} of type {type(value).__name__}; expected a string"
        )
    match = name_and_rest(value)
    if match is None or match[1] not in family:
        expected = ", ".join(family)
        raise ValueError(f"{argument}: {value!r}; expected one of {expected}")
    name, known = match[1], family[match[1]]
    given = [part.strip() for part in match[2].split(",")] if (match[2] or "").strip() else []

    def refuse(what: str) -> NoReturn:
        names = ", ".join(known) or "no parameters"
        raise ValueError(f"{argument}: {value!r}: {what}; expected {name} with {names}")

    of = None
    allowed = (inner or {}).get(name)
    if allowed is not None:
        of = allowed[0]
        if given and re.fullmatch(r"[A-Za-z_]\w*", given[0]):
            of = given.pop(0)
            if of not in allowed:
                refuse(f"{of!r} is none of {', '.join(allowed)}")
    several = len(known) == 1 and isinstance(next(iter(known.values())).default, tuple)
    found: dict[str, list[float]] = {}
    for position, part in enumerate(given):
        key, equals, text = part.rpartition("=")
        key = key.strip()
        if not equals:
            if several:
                key = next(iter(known))
            elif position < len(known) and len(found) == position:
                key = list(known)[position]
            else:
                refuse(f"{part!r} too many, or after one by name")
        if key not in known:
            refuse(f"{key!r} unknown")
        if key in found and not several:
            refuse(f"{key!r} given twice")
        try:
            number = float(text)
        except ValueError:
            refuse(f"{text.strip()!r} is no number")
        if not known[key].holds(number):
            refuse(f"{key} = {number!r} where {known[key].expected} is wanted")
        found.setdefault(key, []).append(number)
    parameters: dict[str, float | tuple[float, ...]] = {}
    for key, parameter in known.items():
        if key not in found:
            parameters[key] = parameter.default
        else:
            parameters[key] = tuple(found[key]) if several else found[key][0]
    return Specification(name, parameters, of)
