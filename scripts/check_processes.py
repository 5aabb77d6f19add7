# SPDX-License-Identifier: BSD-3-Clause
"""Trains in processes of every kind and in many threads at once, and compares all weights.

Forks right after a fit, of a network and of estimators, and while another thread trains, another
network or that very one; the start methods of multiprocessing, its Pool, loky; and eight threads
that predict on one network while eight others fit theirs. Whoever hangs is ended after a time
limit, and counts as a failure.

usage: python scripts/check_processes.py [FORKS [SECONDS]]     (of predictions in threads)
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool
from typing import Any

import numpy as np

import deltarule as dr

LIMIT = 60  # seconds, after which a process hangs
THREADS = 8


def weights(seed: int = 0, epochs: int = 1, n_threads: int | None = 2) -> str:
    """Fit a network and return a digest of what it weighs and predicts."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(512, 64)).astype("f4")
    Y = rng.normal(size=(512, 8))
    mlp = dr.MLP([64, 128, 8], seed=seed)
    mlp.fit(X, Y, dr.Adam(), 256, epochs, seed=seed, n_threads=n_threads)
    return hashlib.sha256(mlp.w.tobytes() + mlp.predict(X).tobytes()).hexdigest()


def estimators() -> str:
    """The same of three of scikit-learn's interface."""
    rng = np.random.default_rng(0)
    X, digest = rng.normal(size=(300, 20)), hashlib.sha256()
    y = np.arange(300) % 3
    kept: dict[str, Any] = {"hidden_layer_sizes": 64, "random_state": 0, "max_iter": 2}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they have not converged
        for one in (
            dr.MLPClassifier(**kept), dr.MLPRegressor(solver="lbfgs", **kept),
            dr.LogisticRegressionGD(9),
        ):  # fmt: skip
            digest.update(one.fit(X, y).predict(X).tobytes())
    return digest.hexdigest()


def in_a_fork(expected: str, fit: Callable[[], str] = weights) -> bool:
    """Whether a forked child fits the same weights, in time."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(LIMIT)
            status = int(fit() != expected)
        finally:
            os._exit(status)
    return os.waitpid(child, 0)[1] == 0


def forks(count: int, fit: Callable[[], str] = weights) -> str:
    """Fit, fork, fit in the child and in the parent."""
    try:
        expected = fit()
    except ImportError:
        return "absent"
    failed = sum(not (in_a_fork(expected, fit) and fit() == expected) for _ in range(count))
    return f"{failed} of {count} hang or differ"


def forks_beside_a_training(count: int) -> str:
    """The same while another thread is inside a parallel region."""
    expected, over, differ = weights(), threading.Event(), []

    def train() -> None:
        while not over.is_set():
            differ.append(weights() != expected)

    thread = threading.Thread(target=train)
    thread.start()
    try:
        failed = sum(not in_a_fork(expected) for _ in range(count))
    finally:
        over.set()
        thread.join()
    return f"{failed + sum(differ)} of {count} children and {len(differ)} fits hang or differ"


def forks_amid_a_training(count: int) -> str:
    """The child goes on with the network that another thread trains: w is a finished epoch's."""
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(64, 600)).astype("f4"), rng.normal(size=(64, 4)).astype("f4")
    mlp, over = dr.MLP([600, 300, 4], seed=0), threading.Event()
    start, known = mlp.w.copy(), {mlp.w.tobytes()}

    def epochs(mlp: dr.MLP) -> Iterator[bytes]:
        trainer = dr.Trainer(mlp, dr.Adam(), 16, n_threads=1)
        for _ in range(20):
            trainer.epoch(X, Y)
            yield mlp.w.tobytes()

    known.update(epochs(dr.MLP([600, 300, 4], seed=0)))

    def train() -> None:
        while not over.is_set():
            mlp.w = start
            for _ in epochs(mlp):
                pass

    def go_on() -> str:
        whole = mlp.w.tobytes() in known
        mlp.predict(X)
        mlp.fit(X, Y, epochs=1, n_threads=2)
        return str(whole)

    thread = threading.Thread(target=train)
    thread.start()
    try:
        failed = sum(not in_a_fork("True", go_on) for _ in range(count))
    finally:
        over.set()
        thread.join()
    return f"{failed} of {count} children hang or differ"


def pool_of(method: str) -> str:
    """multiprocessing.Pool, its workers started so."""
    expected = [weights(seed) for seed in range(4)]
    with multiprocessing.get_context(method).Pool(2) as pool:
        found = pool.map_async(weights, range(4)).get(LIMIT)
    return f"{sum(a != b for a, b in zip(expected, found, strict=True))} of 4 differ"


def loky() -> str:
    """joblib's processes, where joblib is."""
    try:
        from joblib import Parallel, delayed
    except ImportError:
        return "absent"
    expected = [weights(seed) for seed in range(4)]
    found = Parallel(2, timeout=LIMIT)(delayed(weights)(seed) for seed in range(4))
    return f"{sum(a != b for a, b in zip(expected, found, strict=True))} of 4 differ"


def threads(seconds: float) -> str:
    """Predictions on one network in eight threads, beside eight that fit their own."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(512, 64)).astype("f4")
    shared = dr.MLP([64, 128, 8], seed=9)
    expected = [shared.predict(X[:n]).tobytes() for n in (1, 40, 512)]
    fitted = [weights(seed) for seed in range(THREADS)]
    end = time.perf_counter() + seconds

    def predict(k: int) -> tuple[int, int]:
        count = wrong = 0
        while time.perf_counter() < end:
            for n, right in zip((1, 40, 512), expected, strict=True):
                wrong += shared.predict(X[:n], n_threads=1 + k % 3).tobytes() != right
                count += 1
        return count, wrong

    def fit(k: int) -> tuple[int, int]:
        count = wrong = 0
        while time.perf_counter() < end or not count:
            wrong += weights(k, n_threads=1 + k % 3) != fitted[k]
            count += 1
        return count, wrong

    with ThreadPoolExecutor(THREADS) as pool, ThreadPool(THREADS) as other:
        predicting = [pool.submit(predict, k) for k in range(THREADS)]
        fits = other.map(fit, range(THREADS))
        predictions = [future.result() for future in predicting]
    wrong = sum(w for _, w in predictions) + sum(w for _, w in fits)
    n_predictions, n_fits = sum(n for n, _ in predictions), sum(n for n, _ in fits)
    return f"{wrong} of {n_predictions} predictions and {n_fits} fits differ"


def main(count: int = 100, seconds: float = 2.0) -> int:
    """Print a line for each; the status is whether one hangs or differs."""
    checks: dict[str, Callable[[], str]] = {}
    if hasattr(os, "fork"):
        checks["fit, fork, fit"] = lambda: forks(count)
        checks["the same, estimators"] = lambda: forks(count, estimators)
        checks["forks while another thread trains"] = lambda: forks_beside_a_training(count)
        checks["the same, its network"] = lambda: forks_amid_a_training(count)
    for method in multiprocessing.get_all_start_methods():
        checks[f"Pool by {method}"] = lambda method=method: pool_of(method)  # type: ignore[misc]
    checks["loky"] = loky
    checks[f"{THREADS} threads predict, {THREADS} fit"] = lambda: threads(seconds)
    failed = False
    for name, check in checks.items():
        began = time.perf_counter()
        try:
            said = check()
        except Exception as error:
            said = f"1 failed: {error!r}"
        failed |= not said.startswith(("0 ", "absent"))
        print(f"{name:34} {said} ({time.perf_counter() - began:.1f} s)", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:2]), *map(float, sys.argv[2:3])))
