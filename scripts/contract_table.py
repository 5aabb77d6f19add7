# SPDX-License-Identifier: BSD-3-Clause
"""Print the hashes of the contract's trainings: one row per training, one hash if all agree.

Usage: python scripts/contract_table.py (needs deltarule installed). tests/test_contract.py asserts
the same; this shows it.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import numpy as np
from trainings import TRAININGS, Training, fingerprint, trained

from deltarule import _core
from deltarule.oracle import literal

THREADS = (1, 2, 3, 5)


def literal_hash(training: Training, dtype: str) -> str:
    """Return the hash of the same training by the literal reference."""
    start = training.network(dtype)
    reference = literal.MLP(start.architecture, start.w, dtype)
    trainer = literal.Trainer(reference, training.optimizer, training.batch_size)
    X, Y = training.data(dtype)
    losses = [trainer.epoch(X, Y, order) for order in training.orders()]
    start.w = np.asarray(reference.w)
    return fingerprint(start, losses)


def main() -> int:
    """Print the table; 1 if any row has more than one hash."""
    isas = _core.available_isas()
    print(f"instruction sets {', '.join(isas)}; threads {THREADS}; and the literal reference\n")
    print("| training | float32 | float64 | combinations |\n|---|---|---|---|")
    different = 0
    for training in TRAININGS:
        cells, count = [], 0
        for dtype in ("float32", "float64"):
            hashes = [fingerprint(*trained(training, dtype, i, t)) for i in isas for t in THREADS]
            hashes.append(literal_hash(training, dtype))
            count += len(hashes)
            cells.append(hashes[0] if len(set(hashes)) == 1 else f"{len(set(hashes))} differ")
            different += len(set(hashes)) > 1
        print(f"| {training.name} | {cells[0]} | {cells[1]} | {count} |", flush=True)
    return int(different > 0)


if __name__ == "__main__":
    raise SystemExit(main())
