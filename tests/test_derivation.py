# SPDX-License-Identifier: BSD-3-Clause
"""docs/derivation.md against the code: what its tables name exists, its numbers are in order."""

import ast
import re
from functools import reduce
from pathlib import Path

import pytest

import deltarule.oracle

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "derivation.md").read_text(encoding="utf-8")
# | (n) | oracle | kernel | test |
ROWS = re.findall(r"^\| \((\d+)\) \|([^|\n]*)\|([^|\n]*)\|([^|\n]*)\|$", TEXT, re.MULTILINE)
DISPLAYS = re.findall(r"^\$\$\n(.*?)\n\$\$$", TEXT, re.MULTILINE | re.DOTALL)


def names(cells):
    return sorted({name for cell in cells for name in re.findall(r"`([^`]+)`", cell)})


def sources(folder, *patterns):
    paths = [path for pattern in patterns for path in sorted((ROOT / folder).rglob(pattern))]
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)


def test_equations_are_numbered_and_listed_in_order():
    numbers = [int(re.search(r"\\qquad \((\d+)\)$", display)[1]) for display in DISPLAYS]
    assert numbers == list(range(1, len(numbers) + 1))
    assert sorted(int(number) for number, *_ in ROWS) == numbers


@pytest.mark.parametrize("name", names(row[1] for row in ROWS))
def test_oracle_function_exists(name):
    module = deltarule if name.startswith("deltarule.") else deltarule.oracle
    assert callable(reduce(getattr, name.removeprefix("deltarule.").split("."), module))


@pytest.mark.parametrize("name", names(row[2] for row in ROWS))
def test_kernel_exists(name):
    code = re.sub(r"//.*", "", sources("csrc", "*.hpp", "*.cpp"))
    assert re.search(rf"\b{name}\b *[({{<]", code), f"csrc has no {name}"


@pytest.mark.parametrize("name", names(row[3] for row in ROWS))
def test_test_exists(name):
    assert re.search(rf"^def {name}\(", sources("tests", "test_*.py"), re.MULTILINE)


def test_renders_on_github():
    # A backslash before punctuation is Markdown's escape; these macros GitHub refuses.
    assert not any(re.search(r"\\[^a-zA-Z\s]", display.replace("\\ ", "")) for display in DISPLAYS)
    assert not re.search(r"\\(operatorname|mbox|phantom|def|newcommand)\b", TEXT)


def test_equation_numbers_in_the_oracle_exist():
    cited = set()
    for path in (ROOT / "python" / "deltarule" / "oracle").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                cited |= set(re.findall(r"\((\d+)\)", ast.get_docstring(node) or ""))
    assert cited
    assert cited <= {number for number, *_ in ROWS}
