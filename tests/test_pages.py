# SPDX-License-Identifier: BSD-3-Clause
"""README and docs as GitHub shows them: formulas that it draws, links and pictures that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = {
    str(page.relative_to(ROOT)): page
    for page in [*ROOT.glob("*.md"), *sorted((ROOT / "docs").rglob("*.md"))]
}
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
DISPLAY = re.compile(r"^\$\$\n(.*?)\n\$\$$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"\$`([^`]+)`\$")
CODE = re.compile(r"`[^`]*`")


def prose(page):
    return FENCE.sub("", PAGES[page].read_text(encoding="utf-8"))


def anchors(page):
    """The anchors that GitHub, and the site, give to headings."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_formulas_are_ones_that_github_draws(page):
    text = prose(page)
    for display in DISPLAY.findall(text):
        # A backslash before punctuation is Markdown's escape (a matrix' rows end in \\cr); the
        # macros below GitHub refuses.
        assert not re.search(r"\\[^a-zA-Z\s]", display.replace("\\ ", ""))
    formulas = DISPLAY.findall(text) + INLINE.findall(text)
    refused = r"\\(operatorname|mbox|phantom|def|newcommand)\b"
    assert not [formula for formula in formulas if re.search(refused, formula)]
    rest = CODE.sub("", INLINE.sub("", DISPLAY.sub("", text)))
    assert "$" not in rest, "a formula in neither of the two forms"


@pytest.mark.parametrize("page", PAGES)
def test_tables_have_whole_rows(page):
    rows = re.findall(r"^\|.*\|$", INLINE.sub("", prose(page)), re.MULTILINE)
    assert all(re.fullmatch(r"[|:\- ]+", row) or row.count("|") >= 3 for row in rows)
    assert not [f for f in INLINE.findall(prose(page)) if "|" in f], "a bar ends the cell: \\lvert"


@pytest.mark.parametrize("page", PAGES)
def test_links_and_pictures_lead_somewhere(page):
    text = CODE.sub("", INLINE.sub("", prose(page)))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        file = (PAGES[page].parent / path).resolve() if path else PAGES[page]
        assert file.exists(), target
        if anchor:
            assert anchor in anchors(str(file.relative_to(ROOT))), target
        if page.startswith("docs/"):
            assert file.is_relative_to(ROOT / "docs"), f"{target} is not on the site"


@pytest.mark.parametrize("page", PAGES)
def test_pictures_say_what_they_show(page):
    assert all(alt.strip() for alt in re.findall(r"!\[(.*?)\]\(", prose(page)))


@pytest.mark.parametrize(
    ("begin", "end", "folder"),
    [
        ("python/deltarule/", "csrc/", "python/deltarule"),
        ("  trainer/", "  kernels/", "csrc/trainer"),
        ("  kernels/", "    vec/", "csrc/kernels"),
    ],
)
def test_architecture_lists_every_file(begin, end, folder):
    tree = FENCE.search(PAGES["docs/architecture.md"].read_text(encoding="utf-8"))[0]
    part = tree[tree.index(begin) : tree.index(end, tree.index(begin))]
    stems = {file.name.split(".")[0] for file in (ROOT / folder).iterdir() if file.is_file()}
    stems -= {"__init__", "py", "_core"}  # the package itself, py.typed, the built core
    assert stems - set(re.findall(r"\w+", part)) == set()


def test_pictures_are_shown():
    """Those of the examples; the figures of benchmarks are SVG."""
    pages = "".join(page.read_text(encoding="utf-8") for page in PAGES.values())
    for picture in (ROOT / "docs" / "img").glob("*.png"):
        assert f"img/{picture.name})" in pages, picture.name
