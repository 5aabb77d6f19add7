# SPDX-License-Identifier: BSD-3-Clause
"""Every numbered formula of the derivation, the chain rule's page and the reference, evaluated."""

import re
from pathlib import Path

import pytest
from formulas import FORMULAS
from tolerances import FD_USEFUL

DOCS = Path(__file__).parents[1] / "docs"
DISPLAY = re.compile(r"^\$\$\n(.*?)\n\$\$$", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"\\qquad \(([A-Z]?)(\d+)\)$")  # a letter for each group of pages but the first


def displays(page: Path) -> dict[str, str]:
    """The page's displayed formulas by their numbers, as they stand."""
    found = {}
    for display in DISPLAY.findall(page.read_text(encoding="utf-8")):
        match = NUMBER.search(display)
        assert match, f"{page.name}: a formula without a number: {display}"
        found[match[1] + match[2]] = " ".join(display.split())
    return found


# Every formula on these pages has a number, and is evaluated.
PAGES = {
    page.name: displays(page)
    for page in [DOCS / "derivation.md", DOCS / "chain_rule.md", *(DOCS / "reference").glob("*.md")]
}
DISPLAYS = {number: display for page in PAGES.values() for number, display in page.items()}


def test_every_formula_is_evaluated():
    assert set(FORMULAS) == set(DISPLAYS)
    assert len(DISPLAYS) == sum(map(len, PAGES.values())), "a number twice"


@pytest.mark.parametrize("page", PAGES)
def test_displays_are_numbered_in_order(page):
    letters = dict.fromkeys(number.rstrip("0123456789") for number in PAGES[page])
    for letter in letters:
        numbers = [number for number in PAGES[page] if number.rstrip("0123456789") == letter]
        assert numbers == [f"{letter}{i}" for i in range(1, len(numbers) + 1)]


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
