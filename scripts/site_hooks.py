# SPDX-License-Identifier: BSD-3-Clause
"""What the site needs beyond Markdown, as a MkDocs hook: formulas as MathML, types as they stand.

The pages are written for GitHub: $`..`$ within a line, $$ on lines of their own. Here they become
MathML at build time, which browsers draw themselves: no script, no network.
"""

import re
from typing import Any
from xml.etree import ElementTree

import griffe
import latex2mathml.converter
from markdown import Markdown
from markdown.extensions import Extension
from markdown.inlinepatterns import InlineProcessor
from markdown.preprocessors import Preprocessor
from markdown.util import AtomicString
from mkdocs.config.defaults import MkDocsConfig

# Between fenced code (25), which must stay as it is, and raw HTML (20); before `code` (190); just
# before references to headings elsewhere (168).
BLOCK_PRIORITY, INLINE_PRIORITY, SUBSCRIPT_PRIORITY = 22, 195, 169
DISPLAY = re.compile(r"^\$\$\n(.*?)\n\$\$$", re.MULTILINE | re.DOTALL)
ARRAY = re.compile(r"\b(array(?:-like)?(?: of \w+)?),? \(")
FUNCTION = re.compile(r"<mi>(?:arg|cos|exp|inf|lim|log|max|min|sin|sup|tanh)</mi>")
# The converter sets these as single brackets: too small, or with an exponent on the bracket alone.
PAIRS = {
    r"\left\lvert": r"\lvert",
    r"\right\rvert": r"\rvert",
    r"\lvert": r"\left|",
    r"\rvert": r"\right|",
    r"\lVert": r"\left\|",
    r"\rVert": r"\right\|",
    r"\begin{bmatrix}": r"\left[ \begin{matrix}",
    r"\end{bmatrix}": r"\end{matrix} \right]",
}
SPACE = '<mspace width="0.17em"/>'
NAMESPACE = "http://www.w3.org/1998/Math/MathML"
LIMITS = {
    f"{{{NAMESPACE}}}{beside}": f"{{{NAMESPACE}}}{below}"
    for beside, below in [("msub", "munder"), ("msubsup", "munderover")]
}
ElementTree.register_namespace("", NAMESPACE)
NUMBER = re.compile(r"\s*\\qquad \((\w+)\)$")


def mathml(latex: str, display: str = "inline") -> str:
    """Return a formula as MathML; a macro that the converter does not know is an error."""
    for macro, pair in PAIRS.items():
        latex = latex.replace(macro, pair)
    result = latex2mathml.converter.convert(latex, display=display)
    if unknown := re.search(r"\\[a-zA-Z]+", result):
        raise ValueError(f"no MathML for {unknown[0]} in {latex!r}")
    result = FUNCTION.sub(rf"<mrow>{SPACE}\g<0>{SPACE}</mrow>", result)
    if display == "inline":
        return result
    root = ElementTree.fromstring(result)
    for element in root.iter():  # limits that \left( has put beside their sum
        scripts = LIMITS.get(element.tag)
        if scripts and element[0].text in ("\u2211", "\u220f"):
            element.tag = scripts
    return ElementTree.tostring(root, encoding="unicode")


def equation(latex: str) -> str:
    """Return a display: its number, if it has one, stands at the right and can be linked to."""
    number = NUMBER.search(latex)
    body = mathml(NUMBER.sub("", latex), "block")
    if number is None:
        return f'<div class="equation">{body}</div>'
    name = f"eq-{number[1]}"
    label = f'<a class="number" href="#{name}">({number[1]})</a>'
    return f'<div class="equation" id="{name}">{body}{label}</div>'


class Displays(Preprocessor):
    """$$, formula, $$: each on lines of its own."""

    def run(self, lines: list[str]) -> list[str]:
        """Stash each display as raw HTML, which Markdown does not look into."""
        store = self.md.htmlStash.store
        text = DISPLAY.sub(lambda m: f"\n{store(equation(m[1]))}\n", "\n".join(lines))
        return text.split("\n")


class Inlines(InlineProcessor):
    """$`formula`$ within a line."""

    def handleMatch(
        self, m: re.Match[str], data: str
    ) -> tuple[ElementTree.Element | str, int, int]:
        """Stash the formula."""
        return self.md.htmlStash.store(mathml(m[1])), m.start(0), m.end(0)


class Subscripts(InlineProcessor):
    """W[k] [o[k]; 1] is mathematics, not a reference to another page."""

    def handleMatch(
        self, m: re.Match[str], data: str
    ) -> tuple[ElementTree.Element | str, int, int]:
        """Stash what would make it one."""
        return AtomicString(m[0]), m.start(0), m.end(0)


class Math(Extension):
    """Both forms of formula, and subscripts, in pages and in docstrings."""

    def extendMarkdown(self, md: Markdown) -> None:
        """Register them."""
        md.preprocessors.register(Displays(md), "displays", BLOCK_PRIORITY)
        md.inlinePatterns.register(Inlines(r"\$`([^`]+)`\$", md), "inlines", INLINE_PRIORITY)
        md.inlinePatterns.register(Subscripts(r"\] ?\[", md), "subscripts", SUBSCRIPT_PRIORITY)


class Types(griffe.Extension):
    """A type such as `array-like, (n, K)` stays text: it would be read as Python, with a minus."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Write the shape in words, and the hyphen as one that is no minus sign."""
        if obj.docstring:
            text = ARRAY.sub(r"\1 of shape (", obj.docstring.value)
            obj.docstring.value = text.replace("array-like", "array\u2011like")


def on_config(config: MkDocsConfig, **_: Any) -> None:
    """Add the formulas to Markdown, before the first page is read."""
    config.markdown_extensions.append(Math())


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Colour an interactive session as one, so that its outputs are not read as code."""
    return markdown.replace("```python\n>>>", "```pycon\n>>>")
