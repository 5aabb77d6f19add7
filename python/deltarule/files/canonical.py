# SPDX-License-Identifier: BSD-3-Clause
"""The one way to write down what a file holds, so that equal contents are equal bytes.

A file is the safetensors format: eight bytes that hold the header's length, the header, the
tensors one after another. Of the many headers that say the same one is ours: JSON in ASCII without
spaces, the keys sorted, tensors by the size of their numbers and then by name, spaces up to a
multiple of 8.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from deltarule._typing import NDArray

# safetensors' names of what a tensor may hold.
DTYPES = {
    "F64": "<f8", "I64": "<i8", "U64": "<u8", "F32": "<f4", "I32": "<i4", "U32": "<u4",
    "U8": "|u1", "BOOL": "|b1",
}  # fmt: skip
_NAMES = {np.dtype(code): name for name, code in DTYPES.items()}

KEY = "deltarule"  # the only key of the header's metadata
NO_DIGEST = "0" * 64

Tensors = Mapping[str, NDArray[Any]]


def text(value: object) -> str:
    """Return a value as JSON, in the one way.

    Raises
    ------
    TypeError, ValueError
        If it holds what JSON does not: objects, NaN, infinity.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def ordered(tensors: Tensors) -> dict[str, NDArray[Any]]:
    """Return the tensors in the file's order, contiguous and little-endian."""
    names = sorted(tensors, key=lambda name: (-tensors[name].dtype.itemsize, name))
    return {
        name: np.asarray(tensors[name], tensors[name].dtype.newbyteorder("<"), order="C")
        for name in names
    }


def bytes_of(a: NDArray[Any]) -> memoryview:
    """Return the bytes of a contiguous array, without a copy."""
    return a.reshape(-1).view(np.uint8).data


def header(manifest: Mapping[str, Any], tensors: Tensors) -> bytes:
    """Return the file's beginning, the eight bytes of its length included.

    Parameters
    ----------
    manifest : mapping
        What the metadata's one key holds, as JSON.
    tensors : mapping
        In the file's order: `ordered`.

    Raises
    ------
    TypeError, ValueError
        If the manifest is no JSON, or a tensor's dtype has no name.
    """
    entries: dict[str, Any] = {"__metadata__": {KEY: text(manifest)}}
    end = 0
    for name, a in tensors.items():
        if a.dtype not in _NAMES:
            raise ValueError(f"{name}: an array of {a.dtype}; expected one of {[*DTYPES]}")
        begin, end = end, end + a.nbytes
        entries[name] = {
            "dtype": _NAMES[a.dtype], "shape": list(a.shape), "data_offsets": [begin, end],
        }  # fmt: skip
    written = text(entries).encode("ascii")
    written += b" " * (-len(written) % 8)
    return len(written).to_bytes(8, "little") + written


def digest(manifest: Mapping[str, Any], tensors: Tensors) -> str:
    """Return the SHA-256 of the file as it would be with `NO_DIGEST` for this number.

    Parameters
    ----------
    manifest, tensors : mapping
        As `header` takes them.
    """
    found = hashlib.sha256(header({**manifest, "sha256": NO_DIGEST}, tensors))
    for a in tensors.values():
        found.update(bytes_of(a))
    return found.hexdigest()
