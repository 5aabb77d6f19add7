# SPDX-License-Identifier: BSD-3-Clause
"""A Boolean expression as gates, and the gates as layers of threshold units.

A literal is an integer: i stands for node i, -i for its negation, which costs nothing, since a
unit can take an input with weight -1. Node 1 is TRUE, nodes 2 ... n + 1 are the inputs, the rest
gates. Equal gates are one gate.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from deltarule._typing import NDArray
from deltarule.construct.gates import all_row, any_row
from deltarule.results import Array

TRUE, FALSE = 1, -1


class Circuit:
    """AND and OR gates of any number of literals over n inputs.

    Parameters
    ----------
    n_inputs : int
        Inputs; `self.inputs` are their literals.
    """

    def __init__(self, n_inputs: int) -> None:
        self.inputs = range(2, 2 + n_inputs)
        self._gates: dict[int, tuple[str, tuple[int, ...]]] = {}
        self._known: dict[tuple[str, frozenset[int]], int] = {}

    def all_of(self, literals: Iterable[int]) -> int:
        """Return the literal of their AND."""
        return self._gate("all", literals, TRUE)

    def any_of(self, literals: Iterable[int]) -> int:
        """Return the literal of their OR."""
        return self._gate("any", literals, FALSE)

    def xor(self, a: int, b: int) -> int:
        """Return (a OR b) AND NOT (a AND b): two hidden units and one that joins them."""
        return self.all_of([self.any_of([a, b]), -self.all_of([a, b])])

    def _gate(self, kind: str, literals: Iterable[int], neutral: int) -> int:
        given = frozenset(literals) - {neutral}
        if -neutral in given or any(-literal in given for literal in given):
            return -neutral
        if len(given) < 2:
            return next(iter(given), neutral)
        key = (kind, given)
        if key not in self._known:
            node = 2 + len(self.inputs) + len(self._gates)
            self._known[key], self._gates[node] = node, (kind, tuple(sorted(given, key=abs)))
        return self._known[key]

    def evaluate(self, root: int, X: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return the root's value for every row of X, (n, inputs), without any network."""
        values = {TRUE: np.ones(len(X), bool)}
        values.update((node, X[:, i]) for i, node in enumerate(self.inputs))

        def value(literal: int) -> NDArray[np.bool_]:
            return values[literal] if literal > 0 else ~values[-literal]

        for node, (kind, literals) in self._gates.items():  # in order: operands come first
            join = np.logical_and if kind == "all" else np.logical_or
            values[node] = join.reduce([value(literal) for literal in literals])
        return value(root)

    def layers(self, root: int) -> list[Array]:
        """Return W[0], W[1], ..: a gate stands in the layer after the last of its operands.

        What a later layer needs from an earlier one than the last is handed on by a unit per layer
        that repeats it.
        """
        depth = dict.fromkeys((TRUE, *self.inputs), 0)
        for node, (_, literals) in self._gates.items():
            depth[node] = 1 + max(depth[abs(literal)] for literal in literals)
        last_use = self._last_use(root, depth)
        before, W = list(self.inputs), []
        for level in range(1, depth[abs(root)]):
            now = [node for node, use in last_use.items() if depth[node] <= level < use]
            rows = []
            for node in now:
                handed_on = depth[node] < level
                kind, literals = ("all", (node,)) if handed_on else self._gates[node]
                rows.append(_unit(kind, literals, before))
            W.append(np.array(rows))
            before = now
        W.append(self._root_row(root, before)[None, :])
        return W

    def _last_use(self, root: int, depth: dict[int, int]) -> dict[int, int]:
        """Every node below the root, and the last layer that reads it."""
        last_use: dict[int, int] = {}
        waiting = [abs(root)]
        done = set(waiting)
        while waiting:
            node = waiting.pop()
            for operand in map(abs, self._gates.get(node, ("", ()))[1]):
                last_use[operand] = max(last_use.get(operand, 0), depth[node])
                if operand not in done:
                    done.add(operand)
                    waiting.append(operand)
        return dict(sorted(last_use.items()))

    def _root_row(self, root: int, before: list[int]) -> Array:
        if abs(root) == TRUE:
            return _unit("all" if root == TRUE else "any", (), before)
        kind, literals = self._gates.get(abs(root), ("all", (abs(root),)))
        if root < 0:  # De Morgan: the output unit itself is inverted
            kind = "any" if kind == "all" else "all"
            literals = tuple(-literal for literal in literals)
        return _unit(kind, literals, before)


def _unit(kind: str, literals: Iterable[int], before: list[int]) -> Array:
    signs = np.zeros(len(before))
    for literal in literals:
        signs[before.index(abs(literal))] = 1 if literal > 0 else -1
    return all_row(signs) if kind == "all" else any_row(signs)
