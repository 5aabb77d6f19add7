# SPDX-License-Identifier: BSD-3-Clause
"""The README's example, run as it stands: its outputs are exact on every machine."""

import doctest
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"


def test_readme_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = README.read_text(encoding="utf-8")
    # The closing fence is no output of the example before it.
    examples = "\n".join(block.split("\n```")[0] for block in text.split("```python\n")[1:])
    test = doctest.DocTestParser().get_doctest(examples + "\n", {}, "README", str(README), 0)
    assert len(test.examples) > 10
    monkeypatch.chdir(tmp_path)
    report: list[str] = []
    result = doctest.DocTestRunner(verbose=False).run(test, out=report.append)
    assert result.failed == 0, "".join(report)
