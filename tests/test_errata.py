# SPDX-License-Identifier: BSD-3-Clause
"""docs/errata.md: each printed formula misses a reference, each right one meets it."""

import re
from math import isnan
from pathlib import Path

import pytest
from errata import ROWS
from tolerances import FD_USEFUL

PAGE = (Path(__file__).parents[1] / "docs" / "errata.md").read_text(encoding="utf-8")
# | row | line | printed | right | number | by the printed | by the right |
LINES = [line for line in PAGE.splitlines() if re.match(r"\| [BILN]\d+ \|", line)]
CELLS = {cells[0]: cells for line in LINES if (cells := line.strip("| ").split(" | "))}


def shown(number):
    return "—" if isnan(number) else f"{float(number):.6g}"


def test_every_row_is_computed_and_every_computation_has_its_row():
    assert len(LINES) == len(CELLS)
    assert sorted(CELLS) == sorted(ROWS)
    assert all(len(cells) == 7 for cells in CELLS.values())


@pytest.mark.parametrize("row", ROWS)
def test_right_formula_meets_the_reference_and_the_printed_one_does_not(row):
    printed, right, reference = ROWS[row]()
    assert reference.bound <= FD_USEFUL * max(1.0, abs(reference.value))
    assert abs(right - reference.value) <= reference.bound
    assert isnan(printed) or abs(printed - reference.value) > 100 * reference.bound


@pytest.mark.parametrize("row", ROWS)
def test_page_shows_these_numbers(row):
    printed, right, _ = ROWS[row]()
    assert CELLS[row][5:] == [shown(printed), shown(right)]
