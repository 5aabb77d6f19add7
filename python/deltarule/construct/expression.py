# SPDX-License-Identifier: BSD-3-Clause
"""Reads Boolean expressions: names, 0, 1, parentheses and, from the tightest, NOT AND XOR OR.

- or  = xor { | xor }, also written ∨
- xor = and { ^ and }, ⊕
- and = not { & not }, ∧
- not = { ! } ( name, 0, 1 or "(" or ")" ), ~ ¬
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import reduce

from deltarule.construct.circuit import FALSE, TRUE, Circuit

SPELLINGS = {"~": "!", "¬": "!", "∧": "&", "∨": "|", "⊕": "^"}
TOKEN = re.compile(r"\s*(?:(?P<name>[^\W\d]\w*)|(?P<sign>[01!~¬&∧|∨^⊕()]))")
MAX_DEPTH = 100  # parentheses within parentheses, far below Python's own limit


def parse(text: str, variables: Sequence[str] | None) -> tuple[Circuit, int, tuple[str, ...]]:
    """Return the expression's gates.

    Parameters
    ----------
    text : str
        The expression.
    variables : sequence of str or None
        The inputs' names in order; None: those in the expression, sorted.

    Returns
    -------
    circuit : Circuit
    root : int
        The literal of the whole expression.
    variables : tuple of str

    Raises
    ------
    ValueError
        If it is no expression, with the position, or holds a name not in `variables`.
    """
    tokens = _tokens(text)
    used = sorted({token for _, token in tokens if token[0].isalpha() or token[0] == "_"})
    names = tuple(used if variables is None else variables)
    unknown = [name for name in used if name not in names]
    if unknown:
        raise ValueError(
            f"variables: {list(names)}; expected {unknown[0]!r} too, which stands in it"
        )
    if not names:
        raise ValueError(f"expression: {text!r} has no variables; expected names or variables=")
    circuit = Circuit(len(names))
    parser = _Parser(text, tokens, circuit, dict(zip(names, circuit.inputs, strict=True)))
    return circuit, parser.whole(), names


def _tokens(text: str) -> list[tuple[int, str]]:
    tokens, at, end = [], 0, len(text.rstrip())
    while at < end:
        match = TOKEN.match(text, at)
        if match is None:
            at += len(text[at:]) - len(text[at:].lstrip())
            raise _error(text, at, "expected a name, 0, 1, ! & ^ | or a parenthesis")
        token = match.group("name") or match.group("sign")
        tokens.append((match.end() - len(token), SPELLINGS.get(token, token)))
        at = match.end()
    return [*tokens, (end, " ")]  # a sign of its own for the end


class _Parser:
    """Recursive descent: one method per line of the grammar."""

    def __init__(
        self, text: str, tokens: list[tuple[int, str]], circuit: Circuit, names: dict[str, int]
    ) -> None:
        self.text, self.tokens, self.circuit, self.names = text, tokens, circuit, names
        self.at = self.depth = 0

    def whole(self) -> int:
        literal = self.any_of()
        if self.token != " ":
            raise self.error("expected an operator or the end")
        return literal

    def any_of(self) -> int:
        return self.chain("|", self.xor, self.circuit.any_of)

    def xor(self) -> int:
        return self.chain("^", self.all_of, lambda parts: reduce(self.circuit.xor, parts))

    def all_of(self) -> int:
        return self.chain("&", self.negation, self.circuit.all_of)

    def chain(
        self, sign: str, part: Callable[[], int], join: Callable[[Sequence[int]], int]
    ) -> int:
        parts = [part()]
        while self.token == sign:
            self.at += 1
            parts.append(part())
        return join(parts)

    def negation(self) -> int:
        sign = 1
        while self.token == "!":
            self.at += 1
            sign = -sign
        return sign * self.operand()

    def operand(self) -> int:
        token = self.token
        if token == "(":
            return self.parentheses()
        if token in self.names:
            literal = self.names[token]
        elif token in "01":
            literal = TRUE if token == "1" else FALSE
        else:
            raise self.error("expected a name, 0, 1 or (")
        self.at += 1
        return literal

    def parentheses(self) -> int:
        if self.depth == MAX_DEPTH:
            raise self.error(f"expected at most {MAX_DEPTH} parentheses within each other")
        self.depth += 1
        self.at += 1
        literal = self.any_of()
        if self.token != ")":
            raise self.error("expected )")
        self.depth -= 1
        self.at += 1
        return literal

    @property
    def token(self) -> str:
        return self.tokens[self.at][1]

    def error(self, expected: str) -> ValueError:
        return _error(self.text, self.tokens[self.at][0], expected)


def _error(text: str, at: int, expected: str) -> ValueError:
    here = repr(text[at]) if at < len(text.rstrip()) else "the end"
    return ValueError(f"expression: {text!r} has {here} at position {at}; {expected}")
