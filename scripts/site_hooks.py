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
PLAIN = {
    r"\b(array(?:-like)?(?: of \w+)?),? \(": r"\1 of shape (",
    r"array-like": "array\u2011like",
    r"^(\s*\w+Error), (\w+Error)$": r"\1 or \2",
    r"^(\s*)> ": r"\1\\> ",
    r"^( *\w+ : [^`\n]*)`([^`\n]+)`": r"\1\2",  # a type is set as code already
}
FUNCTION = re.compile(r"<mi>(?:arg|cos|exp|inf|lim|log|max|min|sin|sup|tanh)</mi>")
# What the converter sets too small, too low, or with an exponent on the closing bracket alone.
BETTER = {
    r"\left\lvert": r"\lvert",
    r"\right\rvert": r"\rvert",
    r"\lvert": r"\left|",
    r"\rvert": r"\right|",
    r"\lVert": r"\left\|",
    r"\rVert": r"\right\|",
    r"\bar": r"\overline",
    r"\begin{bmatrix}": r"\left[ \begin{matrix}",
    r"\end{bmatrix}": r"\end{matrix} \right]",
}
SPACE = '<mspace width="0.17em"/>'
MATHML = "{http://www.w3.org/1998/Math/MathML}"
LIMITS = {MATHML + "msub": MATHML + "munder", MATHML + "msubsup": MATHML + "munderover"}
BIG = ("\u2211", "\u220f", "lim", "max", "min")
PRIMES = ("\u2032", "\u2033")
ElementTree.register_namespace("", MATHML.strip("{}"))
NUMBER = re.compile(r"\s*\\qquad \((\w+)\)$")


def mathml(latex: str, display: str = "inline") -> str:
    """Return a formula as MathML; a macro that the converter does not know is an error."""
    for macro, better in BETTER.items():
        latex = latex.replace(macro, better)
    result = latex2mathml.converter.convert(latex, display=display)
    if unknown := re.search(r"\\[a-zA-Z]+", result):
        raise ValueError(f"no MathML for {unknown[0]} in {latex!r}")
    result = FUNCTION.sub(rf"<mrow>{SPACE}\g<0>{SPACE}</mrow>", result)
    root = ElementTree.fromstring(result)
    for element in root.iter():
        if display == "block" and element.tag in LIMITS and element[0].text in BIG:
            element.tag = LIMITS[element.tag]  # the converter sets them beside
        if element.tag == MATHML + "msup":
            set_prime(element)
    return ElementTree.tostring(root, encoding="unicode")


def set_prime(element: ElementTree.Element) -> None:
    """Fonts raise the prime themselves: f', and the base of f'^2, are rows, not exponents."""
    base, exponent = element
    prime = exponent[0] if exponent.tag == MATHML + "mrow" and len(exponent) else exponent
    if prime.text not in PRIMES:
        return
    row = ElementTree.Element(MATHML + "mrow")
    mark = ElementTree.SubElement(row, MATHML + "mo", lspace="0", rspace="0")
    mark.text = prime.text
    row.insert(0, base)
    if prime is exponent:
        element.tag = MATHML + "mrow"
        element[:] = row[:]
    else:
        element[0] = row
        exponent.remove(prime)


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
    """Docstrings are plain text: what Python or Markdown takes for its own stays as it is."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Write a shape in words, the hyphen of array-like as no minus sign, > as no quotation."""
        if obj.docstring:
            text = obj.docstring.value
            for pattern, plain in PLAIN.items():
                text = re.sub(pattern, plain, text, flags=re.MULTILINE)
            obj.docstring.value = text


def on_config(config: MkDocsConfig, **_: Any) -> None:
    """Add the formulas to Markdown, before the first page is read."""
    config.markdown_extensions.append(Math())


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Colour an interactive session as one, so that its outputs are not read as code."""
    return markdown.replace("```python\n>>>", "```pycon\n>>>")
