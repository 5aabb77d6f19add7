# SPDX-License-Identifier: BSD-3-Clause
"""Fails the n-th allocation of the core, for every n, in small calls of all kinds (small_calls.py).

Everything the core allocates goes through `operator new`; tests/native/allocations.cpp, compiled
here and preloaded, stands in its place, so that nothing of it is in a wheel. After each failure:
a MemoryError, the object as before the call; the call made again gives the bits of one that met no
failure; and when the object is gone, so is every block.

usage: python scripts/fail_allocations.py [PATTERN]   (a regular expression; none: every call)
"""

from __future__ import annotations

import ctypes
import gc
import os
import pickle
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from deltarule import _core

SOURCE = Path(__file__).parents[1] / "tests" / "native" / "allocations.cpp"
HOOK = "ALLOCATIONS_HOOK"
# The C library's that pybind11 uses: it copies names of functions while the module is imported.
ALLOWED = {"free", "strdup"}


def other_allocators() -> set[str]:
    """Return what the core allocates by, besides operator new and Python."""
    told = ["nm", "-D", "--undefined-only", _core.__file__]
    names = subprocess.run(told, check=True, capture_output=True, text=True).stdout.split()
    plain = {name.split("@")[0] for name in names}
    pattern = r"(aligned_|m|c|re|v|pv|posix_mem)?(alloc|align|memalign)|free|strn?dup|s?brk|mmap"
    return {name for name in plain if re.fullmatch(pattern, name)}


def bits(thing: Any) -> bytes:
    """Return all that can be seen of an object."""
    return pickle.dumps(thing)


class Sweep:
    """Failures of one call, and what was wrong with them."""

    def __init__(self, hook: ctypes.CDLL, make: Any, do: Any) -> None:
        self.hook, self.make, self.do = hook, make, do
        self.wrong: list[str] = []
        thing = make()
        self.result, self.after = bits(do(thing)), bits(thing)

    def run(self) -> int:
        """Return how many allocations the call makes: each has failed once."""
        live = 0
        for nth in range(1, 100_000):
            met = self.fail(nth)
            gc.collect()
            now = self.hook.allocations_live()
            if nth > 2 and now != live:  # some memory is kept by the process from its first use on
                self.wrong.append(f"{nth}: {now - live} blocks are left")
            live = now
            if not met:
                return nth - 1
        raise AssertionError("no end of allocations")

    def fail(self, nth: int) -> bool:
        """Fail it; return whether there was one."""
        thing = self.make()
        before = bits(thing)
        self.hook.allocations_fail(nth)
        error = ""
        try:
            self.do(thing)
        except BaseException as raised:
            error = f"{type(raised).__name__}: {raised}"
        met = self.hook.allocations_fail(0) <= 0
        if not met:
            return False
        if not error.startswith("MemoryError"):
            self.wrong.append(f"{nth}: {error or 'no error'}")
        if error and bits(thing) != before:
            self.wrong.append(f"{nth}: the object is another")
        if error and (bits(self.do(thing)), bits(thing)) != (self.result, self.after):
            self.wrong.append(f"{nth}: the call made again gives other bits")
        return True


def sweep_all(hook: ctypes.CDLL, pattern: str) -> int:
    """Print what each call met; return 1 if anything was wrong."""
    from small_calls import small_calls

    calls = failures = bad = 0
    with tempfile.TemporaryDirectory() as folder:
        for what, make, do in small_calls(Path(folder)):
            if not re.search(pattern, what):
                continue
            print(what, end=": ", flush=True)  # should the process end here, its name is told
            sweep = Sweep(hook, make, do)
            count = sweep.run()
            calls, failures, bad = calls + 1, failures + count, bad + len(sweep.wrong)
            print(count, *sweep.wrong[:5], sep="\n    " if sweep.wrong else "")
    print(f"fail_allocations: {failures} allocations of {calls} calls failed, {bad} wrong")
    return int(bad > 0 or not failures)


def main() -> int:
    """Compile the hook and begin anew under it; then sweep."""
    pattern = sys.argv[1] if len(sys.argv) > 1 else ""
    if HOOK in os.environ:
        return sweep_all(ctypes.CDLL(os.environ[HOOK]), pattern)
    if other := other_allocators() - ALLOWED:
        print(f"fail_allocations: the core allocates by {', '.join(sorted(other))} too")
        return 1
    compiler = os.environ.get("CXX") or shutil.which("g++") or "c++"
    with tempfile.TemporaryDirectory() as folder:
        hook = str(Path(folder) / "hook.so")
        flags = ["-std=c++20", "-O1", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror"]
        subprocess.run([compiler, *flags, str(SOURCE), "-o", hook], check=True)
        environment = {**os.environ, "LD_PRELOAD": hook, HOOK: hook}
        told = [sys.executable, __file__, pattern]
        return subprocess.run(told, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
