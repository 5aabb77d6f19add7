# SPDX-License-Identifier: BSD-3-Clause
"""Networks in files: W.0, W.1, ..., alpha.k as tensors, the architecture as a section.

Every kind of file that holds one network has it in this form, so that `load` reads them all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

import numpy as np

from deltarule import _validate
from deltarule._modes import in_default_modes
from deltarule._quoting import quoted
from deltarule.architecture import Architecture
from deltarule.files import container
from deltarule.files.errors import Path, damaged, text_of
from deltarule.given import loss_name
from deltarule.history import History
from deltarule.mlp import MLP
from deltarule.results import Array

LATER = ("penalty_over",)
WITH_A_NETWORK = ("model", "trainer", "checkpoint", "table_model")


@in_default_modes
def save(net: Architecture, w: Array, path: Path, history: History | None = None) -> None:
    """Write a network, and how it was trained if that is given: see `MLP.save`."""
    from deltarule.files.histories import history_parts

    text_of(path)  # judged first
    sections, tensors = network_parts("save", net, w)
    if history is not None:
        if not isinstance(history, History):
            given = f"{quoted(history)} of type {type(history).__name__}"
            raise TypeError(f"history: {given}; expected a History or None")
        section, columns = history_parts(history)
        sections["history"] = section
        tensors |= columns
    container.write(path, "model", sections, tensors)


@in_default_modes
def load(path: Path) -> MLP:
    """Read a network that `MLP.save` wrote; of a trainer, checkpoint or table's model, its network.

    Parameters
    ----------
    path : str, bytes or path
        The file.

    Returns
    -------
    MLP

    Raises
    ------
    TypeError
        If path is none.
    FileNotFoundError, OSError
        If it cannot be read.
    FileFormatError
        If it is no such file, is damaged, was written by a newer release, or does not hold
        together.

    Notes
    -----
    Nothing in a file is executed. All of it is judged before anything is built: sizes, names,
    shapes, values and, since schema 4, its SHA-256.
    """
    contents = container.read(path, WITH_A_NETWORK)
    if contents.kind == "model":
        strange = [n for n in contents.tensors if not n.startswith(("W.", "alpha.", "history."))]
        if strange:
            given = quoted(sorted(strange))
            raise damaged(text_of(path), f"its tensors have {given}; expected W.k and alpha.k")
    return network_of(text_of(path), contents.sections, contents.tensors)


def network_parts(
    what: str, net: Architecture, w: Array, prefix: str = ""
) -> tuple[dict[str, Any], dict[str, Array]]:
    """Return the sections and tensors that hold a network.

    Parameters
    ----------
    what : str
        Who writes, for messages.
    net : Architecture
        The network.
    w : array, (n_weights,)
        Its weights; rounded to its dtype.
    prefix : str
        Before the tensors' names, where a file holds several networks.

    Raises
    ------
    ValueError
        If the loss is a function, or a weight is not finite in the network's dtype.
    """
    if not isinstance(net.loss, str):
        raise ValueError(
            f"{what}: the loss is the function {loss_name(net.loss)}; expected one with a name"
        )
    with np.errstate(over="ignore"):  # what overflows is refused by name
        weights = _validate.weights(w.astype(net.dtype), "w")
    return {"architecture": section_of(net)}, parts(net, weights, prefix + "W.", prefix + "alpha.")


def section_of(net: Architecture) -> dict[str, Any]:
    """Return an architecture as JSON; what came later stands in it where it is not the default."""
    section = asdict(net)
    for name in LATER:
        if section[name] == getattr(Architecture, name):
            del section[name]
    return section


def network_of(
    path: str, sections: Mapping[str, Any], tensors: Mapping[str, Array], prefix: str = ""
) -> MLP:
    """Build the network that a file holds, once it is judged.

    Parameters
    ----------
    path : str
        The file, for messages.
    sections, tensors : mapping
        Its contents; tensors of other names are left alone in files of today.
    prefix : str
        As `network_parts` takes it.

    Raises
    ------
    FileFormatError
        If architecture or tensors do not hold together.
    """
    net = architecture_of(path, sections.get("architecture"))
    weights = vector(path, net, tensors, prefix + "W.", prefix + "alpha.")
    return MLP.from_architecture(net, weights)


def architecture_of(path: str, values: object) -> Architecture:
    """Build an architecture from its JSON.

    Raises
    ------
    FileFormatError
        If it is none.
    """
    expected = {field.name for field in fields(Architecture)} - {*LATER}
    if isinstance(values, dict):  # a default is not written
        expected |= {n for n in LATER if n in values and values[n] != getattr(Architecture, n)}
    if not isinstance(values, dict) or set(values) != expected:
        given = sorted(values)[:20] if isinstance(values, dict) else type(values).__name__
        raise damaged(path, f"its architecture has {given}; expected {sorted(expected)}")
    try:
        return Architecture(**values)
    except (TypeError, ValueError) as error:
        raise damaged(path, f"its architecture is not valid: {error}") from None


def parts(net: Architecture, w: Array, name: str, alpha: str) -> dict[str, Array]:
    """Return a vector in w's order as tensors name + k, and alpha + k of what units learn."""
    tensors = {f"{name}{k}": W for k, W in enumerate(net.views(w))}
    learned = {f"{alpha}{k}": a for k, a in enumerate(net.alphas(w)) if a is not None}
    return {**tensors, **learned}


def vector(
    path: str, net: Architecture, tensors: Mapping[str, Array], name: str, alpha: str
) -> Array:
    """Return the vector of which `parts` made tensors; their sizes bound what is allocated here.

    Raises
    ------
    FileFormatError
        If one is missing or left over, or has another shape or dtype, NaN or infinity.
    """
    shapes: dict[str, tuple[int, ...]] = {f"{name}{k}": s for k, s in enumerate(net.shapes)}
    shapes |= {f"{alpha}{k}": (n,) for k, n in enumerate(net.n_alphas) if n}
    given = {key for key in tensors if key.startswith((name, alpha))}
    if given != set(shapes):
        names = list(shapes)[:20]
        raise damaged(path, f"its tensors are {sorted(given)[:20]}; expected {names}")
    for key, shape in shapes.items():
        a = tensors[key]
        if a.shape != shape or a.dtype != np.dtype(net.dtype):
            found, expected = f"{a.shape} of {a.dtype}", f"{shape} of {net.dtype}"
            raise damaged(path, f"its {key} has shape {found}; expected {expected}")
        if not np.isfinite(a).all():
            raise damaged(path, f"its {key} holds nan or infinity; expected finite numbers")
    return np.concatenate([tensors[key].ravel() for key in shapes])
