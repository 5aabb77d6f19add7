# SPDX-License-Identifier: BSD-3-Clause
"""`deltarule demo`: handwritten digits, trained natively, by the oracle and by plain loops."""

from __future__ import annotations

import numpy as np

from deltarule._arguments import generator
from deltarule._typing import NDArray
from deltarule.compare import same_bits
from deltarule.digits import load_digits
from deltarule.history import History
from deltarule.info import align, info
from deltarule.mlp import MLP
from deltarule.optimizers import Adam
from deltarule.results import Array
from deltarule.trainer import Trainer

LAYERS = (64, 32, 10)
OPTIMIZER = Adam(eta=5e-3)
BATCH_SIZE = 32
TEST_FRACTION = 0.2
LITERAL_STEPS = 100  # at least


def stratified_split(
    labels: NDArray[np.int64], fraction: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Split the rows so that each class has the same share in both parts.

    Parameters
    ----------
    labels : array of int, (n,)
        Class of each row.
    fraction : float
        Share of each class, rounded, that goes into the second part.
    seed : int
        The same seed gives the same split.

    Returns
    -------
    first, second : array of int64
        Row indices, in increasing order.
    """
    rng = generator(seed)
    held_out = []
    for label in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == label))
        held_out.append(rows[: round(fraction * len(rows))])
    second = np.sort(np.concatenate(held_out))
    return np.setdiff1d(np.arange(len(labels)), second), second


def demo(seed: int = 0, epochs: int = 30, n_threads: int | None = 1) -> int:
    """Train on the digits three times over and print what came of it.

    Parameters
    ----------
    seed : int
        Of split, initial weights and shuffles.
    epochs : int
        Passes over the training rows.
    n_threads : int, optional
        Of the native training; so small a network gains little from a second one. None: as many
        as pay.

    Returns
    -------
    int
        0, or 1 if the literal reference differs from the native weights in any bit.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit.
    """
    X, labels = load_digits()
    train, test = stratified_split(labels, TEST_FRACTION, seed)
    mlp = MLP(LAYERS, activation="relu", loss="cross_entropy", seed=seed)
    start = mlp.w.copy()
    about = info()
    print(f"deltarule {about.version}, {about.instruction_set}, {about.threads} threads at most")
    print(f"handwritten digits, 8 x 8 pixels: {len(train)} to train on, {len(test)} to test")
    print(f"{mlp!r}, {OPTIMIZER}, batches of {BATCH_SIZE}", flush=True)
    history = mlp.fit(
        X[train], labels[train], OPTIMIZER, BATCH_SIZE, epochs, seed=seed, n_threads=n_threads,
        progress=True,
    )  # fmt: skip
    accuracy = mlp.evaluate(X[test], labels[test], "accuracy")
    print(f"trained in {sum(history.seconds):.3f} s; test accuracy {accuracy:.4f}\n", flush=True)
    _against_oracle(mlp, start, X[train], labels[train], history, seed)
    return _against_literal(X[train], labels[train], seed)


def _against_oracle(
    mlp: MLP, start: Array, X: Array, labels: Array, history: History, seed: int
) -> None:
    """The same training in NumPy, from the same weights and with the same shuffles."""
    from deltarule import oracle

    twin = oracle.MLP.from_architecture(mlp.architecture, start)
    other = twin.fit(X, labels, OPTIMIZER, BATCH_SIZE, len(history), seed=seed)
    rows = [("epoch", "native loss", "NumPy oracle", "difference")]
    for epoch, (native, expected) in enumerate(zip(history.loss, other.loss, strict=True), 1):
        rows.append((str(epoch), f"{native:.7f}", f"{expected:.7f}", f"{native - expected:+.1e}"))
    seconds, expected_seconds = sum(history.seconds), sum(other.seconds)
    rows.append(("seconds", f"{seconds:.4f}", f"{expected_seconds:.4f}", ""))
    print(*align(rows, ">>>>"), sep="\n")
    print(f"largest difference of the weights {np.max(np.abs(mlp.w - twin.w)):.1e}")
    print(f"native training is {expected_seconds / seconds:.0f} times as fast\n", flush=True)


def _against_literal(X: Array, labels: Array, seed: int) -> int:
    """Some epochs in either dtype by the plain loops; returns 1 if a bit differs, else 0."""
    from deltarule.oracle import literal

    differ = False
    for dtype in ("float32", "float64"):
        mlp = MLP(LAYERS, activation="relu", loss="cross_entropy", dtype=dtype, seed=seed)
        reference = literal.MLP(mlp.architecture, mlp.w)
        trainer = Trainer(mlp, OPTIMIZER, BATCH_SIZE)
        loops = literal.Trainer(reference, OPTIMIZER, BATCH_SIZE)
        rng = np.random.default_rng(seed)
        while loops.steps < LITERAL_STEPS:
            order = rng.permutation(len(X))
            trainer.epoch(X, labels, order)
            loops.epoch(X, labels, order)
        equal = same_bits(mlp.w, reference.w)
        differ |= not equal
        verdict = "equal bit for bit" if equal else "DIFFERS"
        print(f"literal reference, {dtype}, {loops.steps} steps: {verdict}", flush=True)
    return int(differ)
