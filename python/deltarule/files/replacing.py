# SPDX-License-Identifier: BSD-3-Clause
"""A file is there whole, as it was before, or not at all, whatever happens while it is written."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable


def replace(path: str, parts: Iterable[bytes | memoryview]) -> None:
    """Write a file beside its place, and put it there when all of it is on the disk.

    Parameters
    ----------
    path : str
        The file, replaced if it is there, with its permissions; what a symlink points to.
    parts : iterable of bytes-like
        What it shall hold, one after another.

    Raises
    ------
    OSError
        If it cannot be written, or something else than a regular file is there; what was there
        before is as it was, and nothing is left beside it.
    """
    target = os.path.realpath(path)
    mode = regular_mode(path, target)
    folder = os.path.dirname(target)
    beside = os.path.join(folder, f".deltarule-{os.urandom(8).hex()}")
    try:
        # Opened so that the kernel gives it the permissions of a new file.
        file = os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o666)
        try:
            try:
                for part in parts:
                    _write(file, memoryview(part))
                if mode is not None:
                    os.fchmod(file, mode)
                os.fsync(file)
            finally:
                os.close(file)
            os.replace(beside, target)
        except BaseException:
            os.unlink(beside)
            raise
        _sync_folder(folder)
    except OSError as error:
        refusal = OSError(f"path: {path!r} cannot be written ({error})")
        refusal.errno = error.errno
        raise refusal from None


def regular_mode(path: str, target: str) -> int | None:
    """Return the permissions of the regular file at `target`; None where nothing is.

    Raises
    ------
    OSError
        If something else is there; it names `path`.
    """
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


def _write(file: int, part: memoryview) -> None:
    while part:  # a write may take less than it was given
        part = part[os.write(file, part) :]


def _sync_folder(folder: str) -> None:
    """Put the file's new name on the disk too."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system that has no such call
            raise
    finally:
        os.close(opened)
