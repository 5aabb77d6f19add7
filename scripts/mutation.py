# SPDX-License-Identifier: BSD-3-Clause
"""Small changes, and how many of them tests notice: for mutate_native.py and mutate_python.py."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
LONGEST = 600  # seconds of tests


@dataclass(frozen=True)
class Mutant:
    """One change: columns [begin, end) of a line of a file, and what stands there instead."""

    path: Path
    line: int  # from 1
    begin: int
    end: int
    text: str

    def applied(self, source: str) -> str:
        """Return the source with it."""
        lines = source.split("\n")
        line = lines[self.line - 1]
        lines[self.line - 1] = line[: self.begin] + self.text + line[self.end :]
        return "\n".join(lines)

    def told(self, source: str) -> str:
        """Return the place and both lines."""
        before, after = (text.split("\n")[self.line - 1] for text in (source, self.applied(source)))
        return f"{self.path}:{self.line}\n    - {before.strip()}\n    + {after.strip()}"


def sample(mutants: list[Mutant], count: int, seed: int) -> list[Mutant]:
    """Return some of them, each as likely."""
    return random.Random(seed).sample(mutants, min(count, len(mutants)))


def copy_of_tree(to: Path) -> Path:
    """Copy what builds and tests need, so that this checkout stays as it is."""
    import deltarule

    left = shutil.ignore_patterns(".git", "build", "dist", "site", ".*_cache", "__pycache__")
    shutil.copytree(ROOT, to, ignore=left, dirs_exist_ok=True)
    installed = Path(deltarule.__file__).parent
    for module in installed.rglob("*.so"):  # where the package is a wheel's
        shutil.copy(module, to / "python" / "deltarule" / module.relative_to(installed))
    return to


def passes(tree: Path, tests: list[str], told: bool = False) -> bool:
    """Whether these tests do, the first failure or ten minutes being enough; `told` prints it."""
    environment = {**os.environ, "PYTHONPATH": str(tree / "python")}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    try:
        done = subprocess.run(
            command, cwd=tree, env=environment, capture_output=True, timeout=LONGEST, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    if told and done.returncode:
        print(done.stdout.decode()[-3000:])
    return done.returncode == 0


def report(mutants: list[Mutant], tree: Path, judge: Callable[[Mutant], str], aim: float) -> int:
    """Judge each ("killed", "survived", or why it is none), print survivors; 1 below the aim."""
    counts: dict[str, int] = {}
    began = time.monotonic()
    for mutant in mutants:
        path = tree / mutant.path
        source = path.read_text()
        path.write_text(mutant.applied(source))
        try:
            verdict = judge(mutant)
        finally:
            path.write_text(source)
        counts[verdict] = counts.get(verdict, 0) + 1
        print(f"{verdict}: {mutant.told(source)}", flush=True)
    killed, survived = counts.get("killed", 0), counts.get("survived", 0)
    share = killed / max(killed + survived, 1)
    minutes = (time.monotonic() - began) / 60
    print(f"mutation: {counts}, {share:.0%} of {killed + survived} killed, {minutes:.0f} minutes")
    return int(share < aim)
