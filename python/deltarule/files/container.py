# SPDX-License-Identifier: BSD-3-Clause
"""One file for everything that is kept: JSON sections and named arrays, in safetensors.

The header's metadata holds one text, `deltarule`: the format's name, the schema's version, the
numerics contract's, the release, the kind of thing, the sections, and a SHA-256 of all the rest. A
file is read only if its bytes are what `write` would make of its contents (`canonical`), so that
nothing in it changes silently, and it is judged whole before anything is built from it. Files of
the schemas 1 to 3 have no digest; `old_schemas` reads them.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import IO, Any

import numpy as np

from deltarule._modes import in_default_modes
from deltarule._quoting import quoted
from deltarule._typing import NDArray
from deltarule.files import canonical, old_schemas
from deltarule.files.errors import Path, damaged, text_of
from deltarule.files.judging import (
    FORMAT,
    KINDS,
    NUMERICS_CONTRACT,
    SCHEMA,
    check_kind,
    check_version,
    parsed,
)
from deltarule.files.replacing import regular_mode, replace

_MOST_HEADER = 100_000_000  # bytes, safetensors' own limit
_MANIFEST = {
    "deltarule", "format", "kind", "numerics_contract", "schema", "sections", "sha256",
}  # fmt: skip


@dataclass(frozen=True)
class Contents:
    """What a file holds.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    sections : dict
        JSON values by name.
    tensors : dict of array
        By name; read-only.
    versions : dict
        "schema", "numerics_contract" (numbers) and "deltarule" (text, None before schema 4).
    """

    kind: str
    sections: dict[str, Any]
    tensors: dict[str, NDArray[Any]]
    versions: dict[str, Any]


@in_default_modes
def write(
    path: Path, kind: str, sections: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]
) -> None:
    """Write a file, which is there whole or not at all.

    Parameters
    ----------
    path : str, bytes or path
        The file, replaced if it is there, with its permissions; what a symlink points to.
    kind : str
        One of `KINDS`.
    sections : mapping
        JSON values by name: without NaN and infinity, which belong into arrays.
    tensors : mapping of array
        By name, of letters, digits, ".", "_" and "-"; float32, float64, integers or bool.

    Raises
    ------
    TypeError, ValueError
        If path is none, or a section or tensor cannot be written.
    OSError
        If it cannot be written, or something else than a regular file is there; the old file is
        as it was.
    """
    import deltarule  # which imports this

    given = text_of(path)
    if kind not in KINDS:
        raise ValueError(f"kind: {kind!r}; expected one of {[*KINDS]}")
    for name in tensors:
        if not re.fullmatch(r"[A-Za-z0-9._-]+", name) or name == "__metadata__":
            raise ValueError(
                f"tensors: {name!r}; expected a name of letters, digits, '.', '_', '-'"
            )
    arrays = canonical.ordered(tensors)
    manifest = {
        "format": FORMAT, "schema": SCHEMA, "numerics_contract": NUMERICS_CONTRACT,
        "deltarule": deltarule.__version__, "kind": kind, "sections": dict(sections),
    }  # fmt: skip
    manifest["sha256"] = canonical.digest(manifest, arrays)
    parts: list[bytes | memoryview] = [canonical.header(manifest, arrays)]
    replace(given, parts + [canonical.bytes_of(a) for a in arrays.values()])


@in_default_modes
def read(path: Path, kinds: Collection[str] = tuple(KINDS)) -> Contents:
    """Read a file, all of which is judged before it is returned.

    Parameters
    ----------
    path : str, bytes or path
        The file.
    kinds : collection of str
        What it may hold.

    Returns
    -------
    Contents

    Raises
    ------
    TypeError
        If path is none.
    FileNotFoundError, OSError
        If it cannot be read.
    FileFormatError
        If it is no such file, is damaged, was written by a newer release or holds something else.
    """
    given = text_of(path)
    if regular_mode(given, given) is None:
        raise FileNotFoundError(errno.ENOENT, "path: no such file", given)
    with open(given, "rb") as file:
        header = _header(given, file)
        values = parsed(given, "header", header[8:])
        metadata = _metadata(given, values)
        if canonical.KEY not in metadata:
            old_schemas.check(given, metadata)
        rest = _size_of_tensors(given, values, os.fstat(file.fileno()).st_size - len(header))
        found = header + file.read(rest)
    tensors = _tensors(given, found)
    if canonical.KEY not in metadata:
        return Contents(*old_schemas.contents(given, metadata, tensors, kinds))
    return _judged(given, found, len(header), metadata[canonical.KEY], tensors, kinds)


def _header(path: str, file: IO[bytes]) -> bytes:
    """The file's beginning, judged against its size before as much is read."""
    size = os.fstat(file.fileno()).st_size
    first = file.read(8)
    if len(first) < 8:
        raise damaged(path, f"it has {size} bytes; expected a safetensors file, which has more")
    length = int.from_bytes(first, "little")
    if length > min(size - 8, _MOST_HEADER):
        raise damaged(
            path, f"its first bytes say that a header of {length} bytes follows, in a file of "
            f"{size}; it is damaged, or no safetensors file"
        )  # fmt: skip
    return first + file.read(length)


def _size_of_tensors(path: str, values: dict[str, Any], size: int) -> int:
    """Where the last tensor ends, judged against what follows the header before it is read."""
    ends = [0]
    for name, entry in values.items():
        if name != "__metadata__":
            offsets = entry.get("data_offsets") if isinstance(entry, dict) else None
            ends.append(offsets[-1] if isinstance(offsets, list) and offsets else -1)
    known = all(type(end) is int and end >= 0 for end in ends)
    if not known or max(ends) != size:
        said = f"end after {quoted(max(ends))} bytes" if known else "have no places"
        raise damaged(
            path, f"it is no safetensors file (its tensors {said}, where {size} bytes are)"
        )  # fmt: skip
    return size


def _metadata(path: str, values: Any) -> dict[str, str]:
    metadata = values.get("__metadata__", {}) if isinstance(values, dict) else None
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise damaged(path, "its header holds no metadata; expected a safetensors file")
    return metadata


def _tensors(path: str, found: bytes) -> dict[str, NDArray[Any]]:
    """The arrays, once safetensors has judged names, sizes and places."""
    from safetensors import SafetensorError, deserialize

    try:
        entries = deserialize(found)  # type: ignore[no-untyped-call]
    except SafetensorError as error:
        raise damaged(path, f"it is no safetensors file ({error})") from None
    tensors: dict[str, NDArray[Any]] = {}
    for name, entry in entries:
        if entry["dtype"] not in canonical.DTYPES:
            expected = ", ".join(canonical.DTYPES)
            raise damaged(path, f"its {name} is of {entry['dtype']}; expected one of {expected}")
        a = np.frombuffer(entry["data"], canonical.DTYPES[entry["dtype"]])
        try:
            a = a.reshape(entry["shape"])
        except (OverflowError, ValueError):  # rows without numbers may be any number of rows
            given = quoted(entry["shape"])
            expected = "one that an array of NumPy's can have"
            raise damaged(
                path, f"its {name} is of the shape {given}; expected {expected}"
            ) from None  # fmt: skip
        a.flags.writeable = False
        tensors[name] = a
    return tensors


def _judged(
    path: str,
    found: bytes,
    begin: int,
    json_text: str,
    tensors: dict[str, NDArray[Any]],
    kinds: Collection[str],
) -> Contents:
    manifest = parsed(path, "manifest", json_text)
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise damaged(path, f"its manifest is none of {FORMAT!r}")
    # Versions first: what a newer release writes may well look different.
    check_version(path, "schema", manifest.get("schema"), SCHEMA)
    check_version(path, "numerics_contract", manifest.get("numerics_contract"), NUMERICS_CONTRACT)
    if set(manifest) != _MANIFEST or manifest["schema"] != SCHEMA:
        given = quoted(sorted(manifest))
        raise damaged(path, f"its manifest has {given}; expected {sorted(_MANIFEST)}")
    arrays = canonical.ordered(tensors)
    try:
        expected, digest = canonical.header(manifest, arrays), canonical.digest(manifest, arrays)
    except (ValueError, RecursionError) as error:  # NaN, which json reads
        raise damaged(path, f"its header is not as deltarule writes it: {error}") from None
    if found[:begin] != expected:
        raise damaged(path, "its header is not as deltarule writes it; it was changed")
    if manifest["sha256"] != digest:
        said = f"{str(manifest['sha256'])[:12]}..., as it says itself"
        raise damaged(path, f"its SHA-256 is {digest[:12]}...; expected {said}: it was changed")
    kind, sections = manifest["kind"], manifest["sections"]
    if not isinstance(kind, str) or kind not in KINDS:
        raise damaged(path, f"its kind is {quoted(kind)}; expected one of {[*KINDS]}")
    if not isinstance(sections, dict):
        raise damaged(path, f"its sections are {quoted(sections)}; expected them by name")
    check_kind(path, kind, kinds)
    versions = {name: manifest[name] for name in ("schema", "numerics_contract", "deltarule")}
    return Contents(kind, sections, tensors, versions)
