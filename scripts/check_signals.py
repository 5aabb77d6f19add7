# SPDX-License-Identifier: BSD-3-Clause
"""Ctrl-C and SIGTERM, sent from outside to processes in the middle of all kinds of work.

Ctrl-C (SIGINT) must end the work within half a second with a KeyboardInterrupt, and leave a network
whose weights are those of a finished epoch: finite, and as the next prediction uses them. SIGTERM,
with a handler or without, must leave the checkpoint of a training whole, at an epoch no smaller
than one that had been finished, and a resumed training must end with the bits of one that nobody
disturbed; a handler that ends the process in order leaves nothing beside the checkpoint.

usage: python scripts/check_signals.py [ROUNDS [SEED]]
"""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import deltarule as dr
from deltarule.files import container

LIMIT = 0.5  # seconds from Ctrl-C to the exception; 0.2 where no one else wants the cores
EPOCHS = 300


def network(*layers: int) -> dr.MLP:
    """A network of tanh units."""
    return dr.MLP(layers or (64, 256, 256, 8), "tanh", seed=0)


def rows(n: int) -> tuple[Any, Any]:
    """Samples and targets for it."""
    X = np.random.default_rng(0).normal(size=(n, 64)).astype("f4")
    return X, X[:, :8]


def a_long_epoch(mlp: dr.MLP) -> None:
    """One epoch that would take half a minute."""
    X, Y = rows(512)
    dr.Trainer(mlp, dr.SGD(1e-4), 32).epoch(X, Y, np.arange(4 * 10**6) % 512)


def short_epochs(mlp: dr.MLP) -> None:
    """A great many of some microseconds."""
    X, Y = rows(32)
    mlp.fit(X, Y, epochs=10**7)


def callbacks(mlp: dr.MLP) -> None:
    """Python between all batches."""

    class Idle:
        def on_batch_end(self, run: Any) -> None:
            pass

    X, Y = rows(4096)
    mlp.fit(X, Y, dr.Adam(1e-5), epochs=10**7, validation=0.1, callbacks=Idle())


def a_stream(mlp: dr.MLP) -> None:
    """A source without an end, read by a thread of its own."""

    def blocks() -> Iterator[Any]:
        while True:
            yield rows(256)

    mlp.fit(blocks, shuffle=False)


def a_prediction(mlp: dr.MLP) -> None:
    """Of rows that would fill memory if they were not one."""
    large = network(64, 2048, 2048, 1)
    large.predict(np.broadcast_to(np.float32(0.5), (10**7, 64)))


def an_ensemble(mlp: dr.MLP) -> None:
    """The same by several networks."""
    dr.Ensemble([mlp, *(network() for _ in range(50))]).predict(
        np.broadcast_to(np.float32(0.5), (10**6, 64))
    )


def lbfgs(mlp: dr.MLP) -> None:
    """Between and within evaluations."""
    X, Y = rows(20000)
    dr.minimize(mlp, X, np.tanh(Y[:, ::-1]), tol=0, options={"ftol": 0, "maxfun": 10**6})


def fit_many(mlp: dr.MLP) -> None:
    """Several networks in threads, which signals never reach."""
    X, Y = rows(4096)
    dr.fit_many([mlp, network(), network()], X, Y, epochs=10**6)


def a_learning_rate(mlp: dr.MLP) -> None:
    """A search for one, on a copy."""
    X, Y = rows(4096)
    dr.find_learning_rate(mlp, X, Y, n_steps=10**6)


WORK: dict[str, Callable[[dr.MLP], None]] = {
    "a long epoch": a_long_epoch, "short epochs": short_epochs, "callbacks": callbacks,
    "a stream": a_stream, "a large prediction": a_prediction, "an ensemble's": an_ensemble,
    "L-BFGS": lbfgs, "fit_many": fit_many, "find_learning_rate": a_learning_rate,
}  # fmt: skip


def child(name: str) -> int:
    """Work until Ctrl-C comes; print when it came out."""
    mlp, (X, _) = network(), rows(64)
    mlp.predict(X)
    print("ready", flush=True)
    try:
        WORK[name](mlp)
    except KeyboardInterrupt:
        came = time.time()
        again = dr.MLP.from_architecture(mlp.architecture, mlp.w)  # which must be finite
        whole = again.predict(X).tobytes() == mlp.predict(X).tobytes()
        mlp.fit(*rows(64), epochs=1)
        print(came if whole else "TORN", flush=True)
        return 0
    return 1


def ctrl_c(name: str, after: float) -> float:
    """Return how long the exception took, in seconds."""
    command = [sys.executable, __file__, "--child", name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(after)
        sent = time.time()
        process.send_signal(signal.SIGINT)
        try:
            said, _ = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    if process.returncode:
        raise RuntimeError(f"exit status {process.returncode}")
    return float(said) - sent


def train(path: Path | None, epochs: int, told: Any = ()) -> dr.MLP:
    """The training that SIGTERM ends."""
    mlp, (X, Y) = network(64, 64, 8), rows(300)
    kept: dict[str, Any] = {} if path is None else {"checkpoint": path, "resume": True}
    mlp.fit(X, Y, dr.Adam(), epochs=epochs, seed=0, callbacks=told, **kept)
    return mlp


class Reports:
    """Prints each epoch."""

    def on_epoch_end(self, run: Any) -> None:
        """Print it."""
        print(run.epoch, flush=True)


def terminated_child(path: Path, handles: bool, epochs: int) -> int:
    """Train with checkpoints until SIGTERM comes."""
    if handles:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
    train(path, epochs, Reports())
    return 0


def terminate(rounds: int, rng: np.random.Generator, folder: Path, epochs: int = EPOCHS) -> str:
    """Send SIGTERM again and again, half of them to a handler; then resume."""
    path, before, inside = folder / "checkpoint", 0, 0
    for number in range(rounds):
        handles = number % 2 == 1
        of_child = ["--terminate", str(path), str(int(handles)), str(epochs)]
        command = [sys.executable, __file__, *of_child]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            wanted = int(rng.integers(1, max(2, epochs // (2 * rounds))))
            seen = [int(line) for line in itertools.islice(process.stdout, wanted)]
            time.sleep(float(rng.uniform(0, 0.004)))
            process.send_signal(signal.SIGTERM)
            seen += map(int, process.stdout)
        if process.returncode not in ((3, 0) if handles else (-signal.SIGTERM, 0)):
            raise RuntimeError(f"exit status {process.returncode}")
        left = [name for name in os.listdir(folder) if name.startswith(".deltarule-")]
        if left and process.returncode == 3:
            raise RuntimeError(f"{left} left by a process that ended by itself")
        inside += bool(left)
        epoch = container.read(path).sections["fit"]["epoch"] if path.exists() else 0
        # The last one reported is written right after its line.
        if epoch < max(before, seen[-1] - 1):
            raise RuntimeError(f"epoch {epoch} after {before} and {seen[-1]}")
        before = epoch
    # A file that was being written stays until the next fit begins: another process may be at it.
    equal = train(path, epochs).w.tobytes() == train(None, epochs).w.tobytes()
    if os.listdir(folder) != ["checkpoint"]:
        raise RuntimeError(f"{os.listdir(folder)} left")
    return (
        f"{int(not equal)} of {rounds} checkpoints torn; {inside} ended inside the write; resumed "
        f"from epoch {before}: bits {'equal' if equal else 'DIFFER'}"
    )


def main(rounds: int = 20, seed: int = 0) -> int:
    """Print a line for each kind of work; the status is whether one failed."""
    rng, failed = np.random.default_rng(seed), False
    for name in WORK:
        try:
            delays = [ctrl_c(name, float(rng.uniform(0.2, 0.5))) for _ in range(rounds)]
            late = sum(delay > LIMIT for delay in delays)
            said = f"{late} of {rounds} late; the longest took {max(delays):.3f} s"
        except (RuntimeError, ValueError, subprocess.TimeoutExpired) as error:
            late, said = 1, f"FAILED: {error!r}"
        failed |= late > 0
        print(f"Ctrl-C in {name:20} {said}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        try:
            said = terminate(2 * rounds, rng, Path(folder))
        except (RuntimeError, ValueError) as error:
            said = f"FAILED: {error!r}"
    print(f"SIGTERM with a checkpoint      {said}")
    return int(failed or not said.startswith("0 "))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        sys.exit(child(sys.argv[2]))
    if sys.argv[1:2] == ["--terminate"]:
        sys.exit(terminated_child(Path(sys.argv[2]), sys.argv[3] == "1", int(sys.argv[4])))
    sys.exit(main(*map(int, sys.argv[1:])))
