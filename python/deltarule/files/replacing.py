# SPDX-License-Identifier: BSD-3-Clause
"""A file is there whole, as it was before, or not at all, whatever happens while it is written.

It is written under another name, `.deltarule-` and 16 digits, and locked meanwhile: one that nobody
holds is of a process that was killed, and `check_place` removes it.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

if sys.platform != "win32":
    import fcntl

# There nobody removes or renames a file while it is open: as good as a lock.
_OPEN_FILES_STAY = sys.platform == "win32"
_WRITE = os.O_WRONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


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
    ValueError
        If path names no file.
    OSError
        If it cannot be written, or something else than a regular file is there; what was there
        before is as it was, and nothing is left beside it.
    """
    target = _target(path)
    mode = regular_mode(path, target)
    folder = os.path.dirname(target)
    with _naming(path):
        file, beside = _beside(folder)
        try:
            try:
                for part in parts:
                    _write(file, memoryview(part))
                if mode is not None and sys.platform != "win32":
                    os.fchmod(file, mode)
                os.fsync(file)
                if not _OPEN_FILES_STAY:
                    os.replace(beside, target)
            finally:
                os.close(file)
            if _OPEN_FILES_STAY:
                os.replace(beside, target)
        except BaseException:
            with suppress(FileNotFoundError):  # it is in its place: closing failed
                os.unlink(beside)
            raise
        _sync_folder(folder)


def check_place(path: str) -> None:
    """Refuse a place where `replace` would fail, before there is anything to write; tidy it up.

    Parameters
    ----------
    path : str
        As `replace` takes it.

    Raises
    ------
    ValueError
        If path names no file.
    OSError
        If something else than a regular file is there, or the folder is none or not writable.
    """
    target = _target(path)
    regular_mode(path, target)
    folder = os.path.dirname(target)
    with _naming(path):
        file, beside = _beside(folder)
        if not _OPEN_FILES_STAY:
            os.unlink(beside)
        os.close(file)
        if _OPEN_FILES_STAY:
            os.unlink(beside)
        for name in os.listdir(folder):
            if re.fullmatch(r"\.deltarule-[0-9a-f]{16}", name):
                _remove_if_left(os.path.join(folder, name))


def _target(path: str) -> str:
    """Where the file is to be: judged as a name, symlinks followed."""
    if not path:
        raise ValueError("path: ''; expected the name of a file")
    if "\0" in path:
        raise ValueError(f"path: {path!r}; expected no NUL in it")
    if path.endswith(os.sep):
        raise ValueError(f"path: {path!r} names a folder; expected the name of a file")
    return os.path.realpath(path)


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
    except OSError as error:  # a folder that is not to be looked into
        raise _named(path, "read", error) from None
    if not stat.S_ISREG(mode):
        refusal = IsADirectoryError if stat.S_ISDIR(mode) else OSError
        refused = refusal(f"path: {path!r} is {_kind(mode)}; expected a regular file")
        refused.errno = errno.EISDIR if stat.S_ISDIR(mode) else errno.EINVAL
        raise refused
    return stat.S_IMODE(mode)


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a directory"
    return "a FIFO" if stat.S_ISFIFO(mode) else "a device or socket"


@contextmanager
def _naming(path: str) -> Iterator[None]:
    """Let what goes wrong name the file that was asked for."""
    try:
        yield
    except OSError as error:
        raise _named(path, "written", error) from None


def _named(path: str, what: str, error: OSError) -> OSError:
    kind = type(OSError(error.errno, ""))  # PermissionError and its like have their own
    named = kind(f"path: {path!r} cannot be {what} ({error})")
    named.errno = error.errno
    return named


def _beside(folder: str) -> tuple[int, str]:
    """Open a new file, locked; the kernel gives it the permissions of a new one."""
    while True:
        path = os.path.join(folder, f".deltarule-{os.urandom(8).hex()}")
        file = None
        try:
            file = os.open(path, os.O_CREAT | os.O_EXCL | _WRITE, 0o666)
            if sys.platform != "win32":
                with suppress(OSError):  # a file system without locks
                    fcntl.flock(file, fcntl.LOCK_EX)
            if _OPEN_FILES_STAY or os.fstat(file).st_nlink:
                return file, path
        except BaseException:  # a signal's handler raises as soon as the file is open, too
            if file is not None:
                os.close(file)
            with suppress(OSError):
                os.unlink(path)
            raise
        os.close(file)  # taken for a file that was left, before it was locked


def _remove_if_left(path: str) -> None:
    """Remove a file that nobody is writing."""
    with suppress(OSError):  # it is gone, locked or another user's
        file = None if _OPEN_FILES_STAY else os.open(path, _WRITE)
        try:
            if sys.platform != "win32" and file is not None:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(path)
        finally:
            if file is not None:
                os.close(file)


def _write(file: int, part: memoryview) -> None:
    while part:  # a write may take less than it was given
        part = part[os.write(file, part) :]


def _sync_folder(folder: str) -> None:
    """Put the file's new name on the disk too."""
    if sys.platform != "win32":
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(opened)
        except OSError as error:
            if error.errno != errno.EINVAL:  # a file system that has no such call
                raise
        finally:
            os.close(opened)
