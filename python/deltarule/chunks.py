# SPDX-License-Identifier: BSD-3-Clause
"""Forward passes over many rows, a chunk at a time: a trace of all rows may not fit into memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from deltarule.architecture import Architecture
from deltarule.results import Array, Trace

TRACE_NUMBERS = 2**21  # net and o of a chunk: 16 MiB in float64


class Traced(Protocol):
    """What is asked of a network."""

    @property
    def architecture(self) -> Architecture:
        """Everything but the weights."""

    def forward(self, X: Array, n_threads: int | None = None, /) -> Trace:
        """All nets and outputs."""

    def _snapshot(self) -> Array:
        """All weights."""


def traces(mlp: Traced, X: Array, n_threads: int | None = None) -> Iterator[tuple[slice, Trace]]:
    """Yield the rows of each chunk and its trace; a row's numbers do not depend on the chunk.

    Parameters
    ----------
    mlp : MLP or oracle.MLP
        The network.
    X : array, (n, H_0)
        Samples that have been judged: an error would name a row of the chunk.
    n_threads : int, optional
        As for `forward`.

    Yields
    ------
    slice, Trace
    """
    rows = max(1, TRACE_NUMBERS // (2 * sum(mlp.architecture.layers)))
    for start in range(0, len(X), rows):
        part = slice(start, min(start + rows, len(X)))
        yield part, mlp.forward(X[part], n_threads)
