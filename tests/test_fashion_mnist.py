# SPDX-License-Identifier: BSD-3-Clause
"""Real data at scale, where Debian's package dataset-fashion-mnist (or FASHION_MNIST) has it."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import deltarule as dr

FOLDER = Path(os.environ.get("FASHION_MNIST", "/usr/share/datasets/fashion-mnist"))

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no Fashion-MNIST in {FOLDER}")


def idx(name: str, header: int) -> NDArray[np.uint8]:
    with gzip.open(FOLDER / name) as file:
        return np.frombuffer(file.read(), np.uint8, offset=header)


def split(prefix: str) -> tuple[NDArray[Any], NDArray[Any]]:
    images = idx(f"{prefix}-images-idx3-ubyte.gz", 16).reshape(-1, 784)
    return images, idx(f"{prefix}-labels-idx1-ubyte.gz", 8)


def test_fashion_mnist_from_raw_bytes() -> None:
    """Three epochs on 60 000 images as they are, uint8: standardised inside, never copied."""
    X, Y = split("train")
    mlp = dr.MLP([784, 128, 10], loss="cross_entropy", seed=0, input_scale=1 / 255)
    history = mlp.fit(X, Y, dr.Adam(1e-3), batch_size=64, epochs=3, seed=0)
    assert history.loss[2] < history.loss[0]
    assert mlp.evaluate(*split("t10k"), metric="accuracy") > 0.85
    as_float = dr.MLP([784, 128, 10], loss="cross_entropy", seed=0)
    as_float.w = mlp.w
    scaled = X[:500].astype("f4") * np.float32(1 / 255)
    assert as_float.predict(scaled).tobytes() == mlp.predict(X[:500]).tobytes()
