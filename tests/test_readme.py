# SPDX-License-Identifier: BSD-3-Clause
"""The examples of README and docs, run as they stand: outputs are exact on every machine."""

import doctest
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(?:python|pycon)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SESSIONS = {
    str(page.relative_to(ROOT)): "\n".join(
        block for block in BLOCK.findall(text) if ">>> " in block
    )
    for page in PAGES
    if ">>> " in (text := page.read_text(encoding="utf-8"))
}


@pytest.mark.parametrize("page", SESSIONS)
def test_examples(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page is one session, from top to bottom."""
    test = doctest.DocTestParser().get_doctest(SESSIONS[page] + "\n", {}, page, page, 0)
    # Fenced otherwise, an example would be left out without a word.
    assert len(test.examples) == (ROOT / page).read_text(encoding="utf-8").count("\n>>> ")
    monkeypatch.chdir(tmp_path)
    report: list[str] = []
    result = doctest.DocTestRunner(verbose=False).run(test, out=report.append)
    assert result.failed == 0, "".join(report)
    assert result.attempted > 0


def test_readme_has_its_example() -> None:
    assert SESSIONS["README.md"].count(">>> ") > 10
