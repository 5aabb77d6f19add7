# SPDX-License-Identifier: BSD-3-Clause
"""Every numbered formula of the derivation and of the chain rule's page, evaluated."""

import re
from pathlib import Path

import pytest
from formulas import FORMULAS
from tolerances import FD_USEFUL

DOCS = Path(__file__).parents[1] / "docs"
DISPLAYS = {
    match[1]: " ".join(display.split())
    for page in ("derivation.md", "chain_rule.md")
    for display in re.findall(
        r"^\$\$\n(.*?)\n\$\$$", (DOCS / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    if (match := re.search(r"\\qquad \((C?\d+)\)$", display))
}


def test_every_formula_is_evaluated():
    assert set(FORMULAS) == set(DISPLAYS)


def test_displays_are_numbered_in_order():
    numbers = [n for n in DISPLAYS if n.startswith("C")]
    assert numbers == [f"C{i}" for i in range(1, len(numbers) + 1)]
    for page in ("derivation.md", "chain_rule.md"):
        lines = (DOCS / page).read_text(encoding="utf-8").splitlines()
        numbered = [n for n in DISPLAYS if n.startswith("C") == (page == "chain_rule.md")]
        assert lines.count("$$") == 2 * len(numbered)


@pytest.mark.parametrize("number", FORMULAS)
def test_formula_holds(number):
    n = 0
    for n, (claimed, reference) in enumerate(FORMULAS[number].evaluate(), 1):
        assert reference.bound <= FD_USEFUL * max(1.0, abs(reference.value)), "proves little"
        assert abs(claimed - reference.value) <= reference.bound, f"pair {n}"
    assert n > 0


@pytest.mark.parametrize("number", FORMULAS)
def test_formula_stands_on_the_page(number):
    for part in FORMULAS[number].must_contain:
        assert part in DISPLAYS[number]
    assert FORMULAS[number].must_contain
