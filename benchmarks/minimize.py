# SPDX-License-Identifier: BSD-3-Clause
"""How much of `minimize`'s time goes into the native loss and gradient, as a Markdown table.

Run: python benchmarks/minimize.py   (needs SciPy)

The rest is SciPy's: directions, line search, and its vectors in float64. Every problem has 10 000
rows; as many iterations as fit the seconds are taken from random weights.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

import deltarule as dr
from deltarule.full_batch import METHODS

ROWS = 10_000
# Layers, activation, loss.
PROBLEMS = (
    ((784, 10), "relu", "cross_entropy"),
    ((64, 32, 10), "relu", "cross_entropy"),
    ((20, 64, 64, 1), "tanh", "half_squared_error"),
    ((28, 64, 64, 1), "relu", "binary_cross_entropy"),
    ((784, 30, 10), "logistic", "half_squared_error"),
    ((54, 256, 256, 256, 7), "relu", "cross_entropy"),
)


@dataclass(frozen=True)
class Measured:
    """One minimisation that was stopped after some seconds."""

    layers: tuple[int, ...]
    dtype: str
    method: str
    threads: int
    n_weights: int
    n_evaluations: int
    seconds: float
    in_kernels: float

    @property
    def share(self) -> float:
        return self.in_kernels / self.seconds


def measure(
    problem: tuple[tuple[int, ...], str, str],
    dtype: str,
    method: str,
    threads: int,
    seconds: float,
    rows: int = ROWS,
) -> Measured:
    layers, activation, loss = problem
    rng = np.random.default_rng(0)
    X = rng.standard_normal((rows, layers[0])).astype(dtype)
    Y = (
        rng.integers(0, layers[-1], rows)
        if loss == "cross_entropy"
        else rng.random((rows, layers[-1])).astype(dtype)
    )
    mlp = dr.MLP(layers, activation, loss=loss, dtype=dtype, seed=0)
    mlp.gradient(X, Y, threads)  # threads and caches warm

    def spent(history: object) -> bool:
        return history.seconds[-1] > seconds

    found = dr.minimize(mlp, X, Y, method, max_iter=10**6, tol=0, n_threads=threads, callback=spent)
    return Measured(
        layers, dtype, method, threads, mlp.n_weights, found.n_evaluations,
        found.seconds, found.seconds_in_kernels,
    )  # fmt: skip


def table(all_measured: Sequence[Measured]) -> str:
    """Return it in Markdown."""
    head = ["layers", "weights", "dtype", "method", "threads", "ms an evaluation", "in the kernels"]
    lines = [head, ["---", "--:", "---", "---", "--:", "--:", "--:"]]
    for m in all_measured:
        lines.append([
            "-".join(map(str, m.layers)), f"{m.n_weights:,}", m.dtype, m.method, str(m.threads),
            f"{1e3 * m.seconds / m.n_evaluations:.2f}", f"{100 * m.share:.1f} %",
        ])  # fmt: skip
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=1.0, help="for each row (default 1)")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--dtype", nargs="+", default=["float32", "float64"])
    arguments = parser.parse_args(argv)
    print(table([
        measure(problem, dtype, method, threads, arguments.seconds)
        for problem, dtype, method, threads in product(
            PROBLEMS, arguments.dtype, METHODS, arguments.threads
        )
    ]))  # fmt: skip


if __name__ == "__main__":
    main()
