# SPDX-License-Identifier: BSD-3-Clause
"""The handwritten digits of the demonstration; data/README.md names source and licence."""

import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

__all__ = ["load_digits"]


def load_digits() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """1797 handwritten digits, 8×8 pixels each.

    Returns
    -------
    X : (1797, 64) float32
        Images row by row, in [0, 1]: the stored counts 0 … 16, divided by 16 (exactly).
    labels : (1797,) int64
        The digits 0 … 9.
    """
    stored = zlib.decompress((Path(__file__).parent / "data" / "digits.zlib").read_bytes())
    *pixels, labels = np.frombuffer(stored, np.uint8).reshape(65, -1)
    X = np.stack(pixels, axis=1).astype(np.float32) / np.float32(16)
    return X, labels.astype(np.int64)
