# SPDX-License-Identifier: BSD-3-Clause
"""What subnormal numbers cost: the same work with inputs, or weights, that are subnormal.

They are kept, never flushed to zero, so that a result does not depend on who set which mode; the
processor may take longer for them.

usage: python benchmarks/subnormals.py
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

import deltarule as dr

LAYERS, ROWS = [256, 256, 256, 10], 2048


def seconds(call: Callable[[], object], least: float = 0.4) -> float:
    """The least of several."""
    call()
    times = []
    while sum(times) < least or len(times) < 5:
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return min(times)


def measured(dtype: str) -> None:
    """Print a row for each kind of data."""
    X = np.random.default_rng(0).normal(size=(ROWS, LAYERS[0])).astype(dtype)
    Y = np.zeros((ROWS, LAYERS[-1]), dtype)
    tiny = np.finfo(dtype).tiny
    base: dict[str, float] = {}
    for what, x, weights in (
        ("normal", X, 1.0),
        ("subnormal X", X * tiny / 16, 1.0),
        ("one X in 100 subnormal", np.where(X > 2.33, X * tiny / 16, X).astype(dtype), 1.0),
        ("subnormal weights and X", X * tiny / 16, float(tiny) / 16),
        ("subnormal weights", X, float(tiny) / 16),
    ):
        mlp = dr.MLP(LAYERS, "relu", dtype=dtype, seed=0)
        mlp.w = mlp.w * weights
        trainer = dr.Trainer(mlp, dr.SGD(1e-9), 256, 1)
        found = {
            "predict": seconds(lambda mlp=mlp, x=x: mlp.predict(x, 1)),  # type: ignore[misc]
            "epoch": seconds(lambda trainer=trainer, x=x: trainer.epoch(x, Y)),  # type: ignore[misc]
        }
        base = base or found
        cells = " | ".join(f"{1e3 * t:.2f} ms, {t / base[k]:.2f} x" for k, t in found.items())
        print(f"| {dtype} | {what} | {cells} |")


def main() -> None:
    """Print the table."""
    print(f"{LAYERS}, {ROWS} rows, one thread; {dr.info().instruction_set}")
    print("| dtype | data | predict | epoch |\n|---|---|---|---|")
    for dtype in ("float32", "float64"):
        measured(dtype)


if __name__ == "__main__":
    main()
