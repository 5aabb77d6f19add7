# SPDX-License-Identifier: BSD-3-Clause
"""A file is there whole, as it was before, or not at all, whatever happens while it is written.

It is written under another name, `.deltarule-` and 16 digits, and locked meanwhile: one that nobody
holds is of a process that was killed, and `check_place` removes it.

A signal's handler may raise between any two steps of Python. So what is open is held by an object
that closes when nobody holds it any more: a finally would come too late for the step before it.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from io import FileIO

if sys.platform != "win32":
    import fcntl

# There nobody removes or renames a file while it is open: as good as a lock.
_OPEN_FILES_STAY = sys.platform == "win32"


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
            for part in parts:
                _write(file.fileno(), memoryview(part))
            if mode is not None and sys.platform != "win32":
                os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
            if _OPEN_FILES_STAY:
                file.close()
            os.replace(beside, target)
            file.close()
        except BaseException:
            _discard(file, beside)
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
        try:
            if _OPEN_FILES_STAY:
                file.close()
            os.unlink(beside)
            file.close()
        except BaseException:
            _discard(file, beside)
            raise
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


def _beside(folder: str) -> tuple[FileIO, str]:
    """Open a new file, locked; the kernel gives it the permissions of a new one."""
    while True:
        path = os.path.join(folder, f".deltarule-{os.urandom(8).hex()}")
        file = None
        try:
            file = open(path, "xb", buffering=0)  # noqa: SIM115  # the caller's
            if sys.platform != "win32":
                with suppress(OSError):  # a file system without locks
                    fcntl.flock(file, fcntl.LOCK_EX)
            if _OPEN_FILES_STAY or os.fstat(file.fileno()).st_nlink:
                return file, path
            file.close()  # taken for a file that was left, before it was locked
        except BaseException:  # a signal's handler raises as soon as the file is open, too
            _discard(file, path)
            raise


def _discard(file: FileIO | None, path: str) -> None:
    """Close and remove it, as far as it is not yet."""
    with suppress(OSError):
        if file is not None:
            file.close()
    with suppress(OSError):
        os.unlink(path)


def _remove_if_left(path: str) -> None:
    """Remove a file that nobody is writing."""
    with suppress(OSError):  # it is gone, locked or another user's
        if sys.platform == "win32":
            os.unlink(path)
        else:
            with open(path, "r+b", buffering=0) as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.unlink(path)


def _write(file: int, part: memoryview) -> None:
    while part:  # a write may take less than it was given
        part = part[os.write(file, part) :]


def _sync_folder(folder: str) -> None:
    """Put the file's new name on the disk too."""
    if sys.platform == "win32":
        return
    # Objects that close hold no folders. But no handler runs within `map`: what is open is in
    # `opened` at once, and what is closed no longer in `left`.
    opened: list[int] = []
    left = iter(opened)
    try:
        opened.extend(map(os.open, [folder], [os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC]))
        os.fsync(opened[0])
        list(map(os.close, left))
    except BaseException as error:
        list(map(os.close, left))
        if not isinstance(error, OSError) or error.errno != errno.EINVAL:
            raise  # EINVAL: a file system that has no such call
