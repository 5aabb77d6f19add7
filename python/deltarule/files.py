# SPDX-License-Identifier: BSD-3-Clause
"""Networks in safetensors files: W[0], W[1], .. as tensors, the architecture as JSON beside them.

Since schema 3 activations are texts that may hold parameters, and what units learn stands in
tensors alpha.k.

The metadata also says by which schema the file was written and under which version of the numerics
contract, so that a later release knows what it reads. A file is judged whole before anything is
built from it.
"""

from __future__ import annotations

import errno
import os
import re
import reprlib
import stat
from dataclasses import asdict, fields
from os import PathLike
from typing import Any, TypeAlias

import numpy as np

from deltarule import _validate
from deltarule.architecture import Architecture
from deltarule.given import loss_name
from deltarule.mlp import MLP
from deltarule.results import Array

FORMAT = "deltarule"
SCHEMA = 3
NUMERICS_CONTRACT = 1  # raised by a release that changes a bit of any result

Path: TypeAlias = str | bytes | PathLike[Any]


def save(net: Architecture, w: Array, path: Path) -> None:
    """Write a network's weights and architecture.

    Parameters
    ----------
    net : Architecture
        The network.
    w : array, (n_weights,)
        Its weights; rounded to its dtype.
    path : str, bytes or path
        The file, replaced if it is there, with its permissions; what a symlink points to.

    Raises
    ------
    TypeError
        If path is none.
    ValueError
        If the loss is a function, or a weight is not finite in the network's dtype.
    OSError
        If it cannot be written, or something else than a regular file is there.
    """
    import json  # here and below: what training does without is imported when it is needed

    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    given = _text(path)
    if not isinstance(net.loss, str):
        raise ValueError(
            f"save: the loss is the function {loss_name(net.loss)}; expected one with a name"
        )
    target = os.path.realpath(given)
    mode = _regular_mode(given, target)
    with np.errstate(over="ignore"):  # what overflows is refused by name
        weights = _validate.weights(w.astype(net.dtype), "w")
    metadata = {
        "format": FORMAT,
        "schema": str(SCHEMA),
        "numerics_contract": str(NUMERICS_CONTRACT),
        "architecture": json.dumps(asdict(net)),
    }
    # Copies: the tensors of a file may not be views into one buffer.
    tensors = {name: part.copy() for name, part in _parts(net, weights).items()}
    # Beside the target, which it replaces only when it is whole.
    part = os.path.join(os.path.dirname(target), f".deltarule-{os.urandom(8).hex()}")
    try:
        # Made here, for the kernel to give it the permissions of a new file.
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        try:
            mode = stat.S_IMODE(os.stat(part).st_mode) if mode is None else mode
            save_file(tensors, part, metadata)
            os.chmod(part, mode)
            os.replace(part, target)
        except BaseException:
            os.unlink(part)
            raise
    except (OSError, SafetensorError) as error:
        raise OSError(f"path: {given!r} cannot be written ({error})") from None


def load(path: Path) -> MLP:
    """Read a network that `MLP.save` wrote.

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
    ValueError
        If it is no such file, was written by a newer release, or does not hold together.
    """
    path = _text(path)
    if _regular_mode(path, path) is None:
        raise FileNotFoundError(errno.ENOENT, "path: no such file", path)
    metadata, tensors = _read(path)
    if metadata.get("format") != FORMAT:
        raise _damaged(path, f"its format is {metadata.get('format')!r}; expected {FORMAT!r}")
    for name, newest in (("schema", SCHEMA), ("numerics_contract", NUMERICS_CONTRACT)):
        version = metadata.get(name, "")
        if not re.fullmatch("[1-9][0-9]{0,8}", version):
            given = reprlib.repr(version)
            raise _damaged(path, f"its {name} version is {given}; expected a number")
        if int(version) > newest:
            raise _damaged(
                path, f"its {name} version is {version}; expected {newest} at most: "
                "it was written by a newer deltarule"
            )  # fmt: skip
    net = _architecture(path, metadata.get("architecture", ""), int(metadata["schema"]))
    return MLP.from_architecture(net, _weights(path, net, tensors))


def _text(path: object) -> str:
    if not isinstance(path, str | bytes | PathLike):
        given = f"{reprlib.repr(path)} of type {type(path).__name__}"
        raise TypeError(f"path: {given}; expected a str, bytes or path")
    return os.fsdecode(path)


def _regular_mode(path: str, target: str) -> int | None:
    """Permissions of the regular file there; None where nothing is."""
    try:
        mode = os.stat(target).st_mode
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(mode):
        raise OSError(f"path: {path!r} is {_kind(mode)}; expected a regular file")
    return stat.S_IMODE(mode)


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a directory"
    return "a FIFO" if stat.S_ISFIFO(mode) else "a device or socket"


def _read(path: str) -> tuple[dict[str, str], dict[str, Array]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            return file.metadata() or {}, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # no mapping
    except SafetensorError as error:
        raise _damaged(path, f"it is no safetensors file ({error})") from None


def _architecture(path: str, text: str, schema: int) -> Architecture:
    import json

    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _damaged(path, f"its architecture is no JSON ({error})") from None
    expected = {field.name for field in fields(Architecture)}
    if schema < 2:
        expected -= {"l1"}  # which stays at its default, 0
    if not isinstance(values, dict) or set(values) != expected:
        given = sorted(values)[:20] if isinstance(values, dict) else type(values).__name__
        raise _damaged(path, f"its architecture has {given}; expected {sorted(expected)}")
    try:
        return Architecture(**values)
    except (TypeError, ValueError) as error:
        raise _damaged(path, f"its architecture is not valid: {error}") from None


def _weights(path: str, net: Architecture, tensors: dict[str, Array]) -> Array:
    """All weights in one vector; the file's own sizes bound what is allocated here."""
    shapes: dict[str, tuple[int, ...]] = {f"W.{k}": shape for k, shape in enumerate(net.shapes)}
    shapes |= {f"alpha.{k}": (n,) for k, n in enumerate(net.n_alphas) if n}
    if set(tensors) != set(shapes):
        names = list(shapes)[:20]
        raise _damaged(path, f"its tensors are {sorted(tensors)[:20]}; expected {names}")
    for name, shape in shapes.items():
        a = tensors[name]
        if a.shape != shape or a.dtype != np.dtype(net.dtype):
            given, expected = f"{a.shape} of {a.dtype}", f"{shape} of {net.dtype}"
            raise _damaged(path, f"its {name} has shape {given}; expected {expected}")
        if not np.isfinite(a).all():
            raise _damaged(path, f"its {name} holds nan or infinity; expected finite numbers")
    return np.concatenate([tensors[name].ravel() for name in shapes])


def _parts(net: Architecture, w: Array) -> dict[str, Array]:
    """The tensors of a file, in w's order."""
    parts = {f"W.{k}": W for k, W in enumerate(net.views(w))}
    learned = {f"alpha.{k}": alpha for k, alpha in enumerate(net.alphas(w)) if alpha is not None}
    return {**parts, **learned}


def _damaged(path: str, what: str) -> ValueError:
    return ValueError(f"path: {path!r}: {what}")
