# SPDX-License-Identifier: BSD-3-Clause
"""Prints, for every damaged file of the tests, what `deltarule.load` says: a table in Markdown.

usage: python scripts/refused_files.py
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import deltarule as dr

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from damaged_files import DAMAGES

WIDEST = 150


def refusal(path: Path) -> str:
    """Return what is said of the file, without its name."""
    try:
        dr.load(path)
    except dr.FileFormatError as error:
        said = str(error).removeprefix(f"path: {str(path)!r}: ")
        return said if len(said) <= WIDEST else said[: WIDEST - 4] + " ..."
    return "NOT REFUSED"


def main() -> int:
    """Print it."""
    print("| what was done | what `dr.load` says |\n|---|---|")
    said = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net"
        for case in DAMAGES:
            case.damage(path)
            said.append(refusal(path))
            cell = said[-1].replace("|", "\\|").replace("`", "'").replace("\n", " ")
            print(f"| {case.what} | `{cell}` |")
    return int("NOT REFUSED" in said)


if __name__ == "__main__":
    sys.exit(main())
