# SPDX-License-Identifier: BSD-3-Clause
"""Prediction: the same bits for any number of rows, on any thread, into any memory."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from deltarule import MLP, SGD

Array = NDArray[Any]


@pytest.mark.parametrize("width", [15, 16, 17, 256, 257, 512, 513, 784])
@pytest.mark.parametrize("outputs", [1, 2, 10, 33])
def test_a_row_has_the_same_bits_alone_and_among_others(
    isa: str, dtype: str, width: int, outputs: int, rng: np.random.Generator
) -> None:
    mlp = MLP([width, 40, outputs], "tanh", dtype=dtype, seed=0)
    X = rng.standard_normal((50, width)).astype(dtype)
    y_hat = mlp.predict(X)
    for rows in range(1, 10):
        for first in (0, 3):
            part = X[first : first + rows]
            assert mlp.predict(part).tobytes() == y_hat[first : first + rows].tobytes()


@pytest.mark.parametrize("layers", [[20, 64, 64, 1], [300, 400, 10]])
def test_many_python_threads_predict_on_one_network(
    layers: list[int], rng: np.random.Generator
) -> None:
    """Short calls keep the GIL and a workspace on the stack, long ones neither."""
    mlp = MLP(layers, "relu", seed=0)
    X = rng.standard_normal((100, layers[0])).astype("f4")
    y_hat = mlp.predict(X)

    def predict(thread: int) -> bool:
        out = np.empty((1, layers[-1]), "f4")
        for i in range(thread, 400, 3):
            row, n = i % 100, 1 + i % 60
            one = mlp.predict(X[row : row + 1], 1 + thread % 2, out)
            if one.tobytes() != y_hat[row].tobytes():
                return False
            if mlp.predict(X[:n]).tobytes() != y_hat[:n].tobytes():
                return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(predict, range(8)))


def test_predictions_beside_a_training_are_of_whole_epochs(rng: np.random.Generator) -> None:
    X = rng.standard_normal((64, 20)).astype("f4")
    Y = rng.standard_normal((64, 1)).astype("f4")
    row = X[:1].copy()

    def model() -> MLP:
        return MLP([20, 64, 64, 1], "relu", seed=0)

    def fit(mlp: MLP) -> None:
        trainer = mlp._new_trainer(SGD(0.01), 8, 1)
        for _ in range(40):
            trainer.epoch(X, Y, order=order)

    order = np.arange(64)
    alone = model()
    trainer = alone._new_trainer(SGD(0.01), 8, 1)
    expected = {alone.predict(row).tobytes()}
    for _ in range(40):
        trainer.epoch(X, Y, order=order)
        expected.add(alone.predict(row).tobytes())
    beside = model()
    with ThreadPoolExecutor(1) as pool:
        training = pool.submit(fit, beside)
        seen = set()
        while not training.done():
            seen.add(beside.predict(row).tobytes())
        training.result()
    assert seen <= expected
    assert beside.predict(row).tobytes() == alone.predict(row).tobytes()


def test_out_may_be_any_exact_array_even_one_that_holds_X(rng: np.random.Generator) -> None:
    mlp = MLP([4, 8, 4], "tanh", seed=0)
    n = 600  # the core reads and writes 256 rows at a time
    X = rng.standard_normal((n, 4)).astype("f4")
    y_hat = mlp.predict(X)
    out = np.empty((n, 4), "f4")
    assert mlp.predict(X, out=out) is out
    assert out.tobytes() == y_hat.tobytes()
    # Neighbours in one buffer share nothing; X itself, its reverse and its tail do.
    buffer = np.empty((2 * n, 4), "f4")
    buffer[:n] = X
    assert mlp.predict(buffer[:n], out=buffer[n:]).tobytes() == y_hat.tobytes()
    assert buffer[:n].tobytes() == X.tobytes()
    for shifted in (0, 1, n - 1):
        buffer[:n] = X
        assert (
            mlp.predict(buffer[:n], out=buffer[shifted : shifted + n]).tobytes() == y_hat.tobytes()
        )
    same = X.copy()
    assert mlp.predict(same[::-1], out=same).tobytes() == y_hat[::-1].tobytes()
    square, y_hat_of_transposed = X[:4].copy(), mlp.predict(X[:4].T)
    assert mlp.predict(square.T, out=square).tobytes() == y_hat_of_transposed.tobytes()
