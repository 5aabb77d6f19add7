# SPDX-License-Identifier: BSD-3-Clause
"""What is wrong with a file, as an exception."""

from __future__ import annotations

import os
from os import PathLike
from typing import Any, TypeAlias

from deltarule._quoting import quoted

Path: TypeAlias = str | bytes | PathLike[Any]


class FileFormatError(ValueError):
    """A file is not what it should be: damaged, of another kind, or of a newer release.

    The message names the file, what was found in it and what was expected.
    """


def damaged(path: str, what: str) -> FileFormatError:
    """Return the error that says what is wrong with the file at `path`."""
    return FileFormatError(f"path: {path!r}: {what}")


def text_of(path: object, name: str = "path") -> str:
    """Return a path as text.

    Parameters
    ----------
    path : object
        What was given.
    name : str
        The argument's, for the message.

    Raises
    ------
    TypeError
        If it is no str, bytes or path.
    """
    if not isinstance(path, str | bytes | PathLike):
        given = f"{quoted(path)} of type {type(path).__name__}"
        raise TypeError(f"{name}: {given}; expected a str, bytes or path")
    return os.fsdecode(path)
