# SPDX-License-Identifier: BSD-3-Clause
"""States of NumPy's random generators in files: whole numbers as JSON, arrays as tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from deltarule._quoting import quoted
from deltarule.files.errors import damaged
from deltarule.results import Array

KINDS = ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64")

# NumPy takes these as they come, and reads its arrays there.
_MOST = {"pos": 624, "buffer_pos": 4, "has_uint32": 1, "uinteger": 2**32 - 1}


def generator_parts(name: str, rng: np.random.Generator) -> tuple[dict[str, Any], dict[str, Array]]:
    """Return the section and the tensors that hold a generator's state.

    Parameters
    ----------
    name : str
        Of the tensors: name.key, ...
    rng : numpy.random.Generator
        It is left as it is.

    Raises
    ------
    ValueError
        If it is none of NumPy's own.
    """
    bits = rng.bit_generator
    if type(bits).__name__ not in KINDS or type(bits).__module__.split(".")[0] != "numpy":
        raise ValueError(
            f"seed: a generator of {type(bits).__name__}; expected one of {', '.join(KINDS)}, "
            "whose state a file can hold"
        )
    tensors: dict[str, Array] = {}

    def written(value: Any, key: str) -> Any:
        if isinstance(value, Mapping):
            return {k: written(one, k) for k, one in value.items()}
        if isinstance(value, np.ndarray):
            tensors[f"{name}.{key}"] = value.copy()
            return {"tensor": f"{name}.{key}"}
        return value if isinstance(value, str) else int(value)

    return written(bits.state, "state"), tensors


def set_generator(
    path: str, rng: np.random.Generator, section: Any, tensors: Mapping[str, Array]
) -> None:
    """Give a generator the state that a file holds.

    Parameters
    ----------
    path : str
        The file, for messages.
    rng : numpy.random.Generator
        Of the same kind.
    section, tensors
        As `generator_parts` returned them.

    Raises
    ------
    ValueError
        If it is of another kind.
    FileFormatError
        If the state is none of its kind; it is left as it is.
    """
    own = rng.bit_generator.state
    kind = section.get("bit_generator") if isinstance(section, dict) else None
    if kind in KINDS and kind != own["bit_generator"]:
        raise ValueError(
            f"seed: a generator of {own['bit_generator']}; expected {kind}, as {path!r} has it"
        )

    def read(value: Any, like: Any, key: str) -> Any:
        if isinstance(like, Mapping):
            if isinstance(value, dict) and value.keys() == like.keys():
                return {k: read(value[k], one, k) for k, one in like.items()}
        elif isinstance(like, np.ndarray):
            at = value.get("tensor") if isinstance(value, dict) else None
            a = tensors.get(at) if isinstance(at, str) else None
            if a is not None and (a.shape, a.dtype) == (like.shape, like.dtype):
                return a.copy()
        elif isinstance(like, str):
            if value == like:
                return value
        elif type(value) is int and 0 <= value <= _MOST.get(key, 2**128 - 1):
            return value
        raise damaged(path, f"its generator's {key} is {quoted(value)}; expected a state")

    state = read(section, own, "state")
    if found := stuck(state):
        raise damaged(path, f"its generator's {found}")
    rng.bit_generator.state = state


def stuck(state: Mapping[str, Any]) -> str | None:
    """Say why a bit generator of this state would give the same few numbers for ever.

    NumPy draws again until a number fits, and so might never end. With an odd increment PCG64
    and PCG64DXSM pass through all their states, MT19937 through all but zero; Philox and SFC64
    count.

    Parameters
    ----------
    state : mapping
        As NumPy's bit generators give it.

    Returns
    -------
    str or None
        "inc is ...; expected ...". None: it would not.
    """
    of = state["state"]
    if "inc" in of and of["inc"] % 2 == 0:
        return f"inc is {quoted(of['inc'])}; expected an odd number"
    # Of the first word only the highest bit is used to make others.
    if state["bit_generator"] == "MT19937" and not (of["key"][0] >> 31 or of["key"][1:].any()):
        return "key is 0 in every bit that counts; expected some other"
    return None
