# SPDX-License-Identifier: BSD-3-Clause
"""Kills a training at random points, resumes it, and compares its end with an uninterrupted one.

A child trains with `fit(checkpoint=path, resume=True)` and gets SIGKILL after a random number of
epochs and a random share of one, again and again; every second one in the middle of a write
instead: as it opens, writes (half of it is written), synchronises or replaces its file. After each
kill the file must load whole, at an epoch no smaller than before. The last child is left alone.
Weights, average and history must then be, bit for bit, those of a training that nobody killed and
that kept no checkpoints.

usage: python scripts/kill_and_resume.py [KILLS [SEED]]
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import deltarule as dr
from deltarule.files import container, read_history, replacing

EPOCHS = 400


def train(path: Path | None, epochs: int, callbacks: Any = ()) -> tuple[dr.MLP, dr.History]:
    """Train with all kinds of things that a checkpoint holds."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 16))
    Y = np.argmax(X @ rng.normal(size=(16, 4)) + rng.normal(size=(400, 4)), 1)
    mlp = dr.MLP([16, 128, 128, 4], loss="cross_entropy", seed=1)
    eta = dr.schedules.WarmUp(
        dr.schedules.Plateau(2e-3, patience=5, watch="validation_loss"), over=3
    )
    told: dict[str, Any] = {} if path is None else {"checkpoint": path, "resume": True}
    history = mlp.fit(
        X, Y, dr.AdamW(eta), 32, epochs, seed=2, validation=0.2, dropout=0.2, noise=0.1,
        average=dr.EMA(0.99), metrics="accuracy", record="gradient_norm",
        stopping=dr.EarlyStopping("accuracy", patience=epochs, restore=None),
        callbacks=callbacks, **told,
    )  # fmt: skip
    return mlp, history


def same(one: dr.History, other: dr.History) -> bool:
    """Whether all but the times are equal."""
    times = ("seconds", "samples_per_second")
    return all(value == vars(other)[name] for name, value in vars(one).items() if name not in times)


class Reports:
    """Prints a line after each epoch, for whoever kills."""

    def on_epoch_end(self, run: Any) -> None:
        """Print it."""
        print(run.epoch, flush=True)


class Kills:
    """The module os, and `open`: a call of so many ends the process; half is written of a write."""

    def __init__(self, left: int) -> None:
        self.left = left

    def __getattr__(self, name: str) -> Any:
        found = open if name == "open_file" else getattr(os, name)
        if name not in ("open_file", "open", "write", "fchmod", "fsync", "replace", "close"):
            return found

        def call(*given: Any, **named: Any) -> Any:
            self.left -= 1
            if self.left < 0:
                if name == "write":
                    os.write(given[0], given[1][: len(given[1]) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            return found(*given, **named)

        return call


def kill(path: Path, epochs: int, after: int, share: float, inside: int | None) -> bool:
    """Train in a child and kill it, or let it kill itself in a call; whether it came to that."""
    child = [sys.executable, __file__, "--child", str(path), str(epochs)]
    if inside is not None:
        child.append(str(inside))
    with subprocess.Popen(child, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        if inside is not None:
            running.communicate()
            return running.returncode == -signal.SIGKILL
        running.stdout.readline()  # it begins
        began = time.perf_counter()
        for _ in range(after):
            running.stdout.readline()
        time.sleep(share * (time.perf_counter() - began) / max(after, 1))
        running.send_signal(signal.SIGKILL)
    return running.returncode == -signal.SIGKILL


def kill_and_resume(kills: int, seed: int, epochs: int, folder: Path) -> bool:
    """Run it; return whether the end is the same."""
    expected, told = train(None, epochs)
    print(f"{epochs} epochs, each kept; {kills} kills")
    path = folder / "checkpoint.safetensors"
    rng = np.random.default_rng(seed)
    before, left, writes = 0, set[str](), 0
    for number in range(1, kills + 1):
        after, share = int(rng.integers(0, 1 + 8 * epochs // (5 * kills))), float(rng.uniform(0, 1))
        inside = int(rng.integers(6, 12 * (after + 1))) if number % 2 == 0 else None
        if not kill(path, epochs, after, share, inside):
            print(f"kill {number:2}: too late, the training was over")
            break
        now = {name for name in os.listdir(folder) if name.startswith(".deltarule-")}
        epoch = container.read(path).sections["fit"]["epoch"] if path.exists() else 0
        size = path.stat().st_size if path.exists() else 0
        assert epoch >= before, (before, epoch)
        how = "; killed while it wrote" if now - left else ""
        left, writes = now, writes + bool(how)
        when = f"{after:2} epochs and {share:4.2f} of one" if inside is None else f"call {inside:3}"
        print(
            f"kill {number:2}: after {when}; the file holds "
            f"epoch {epoch:3}, whole ({size} bytes){how}", flush=True,
        )  # fmt: skip
        before = epoch
    print(f"{writes} of the kills left a file half written beside it")
    mlp, history = train(path, epochs)
    stored = read_history(path)
    equal = mlp.w.tobytes() == expected.w.tobytes() and same(history, told)
    equal = equal and stored is not None and same(stored, told)
    print(f"resumed to epoch {len(history)}: bits {'equal' if equal else 'DIFFER'}")
    return equal


def main() -> int:
    """Run the command line."""
    if sys.argv[1:2] == ["--child"]:
        print("begin", flush=True)
        if len(sys.argv) > 4:
            deadly = Kills(int(sys.argv[4]))
            replacing.os = deadly  # type: ignore[assignment, attr-defined]
            replacing.open = deadly.open_file  # type: ignore[attr-defined]
        train(Path(sys.argv[2]), int(sys.argv[3]), Reports())
        return 0
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    with tempfile.TemporaryDirectory() as folder:
        return 0 if kill_and_resume(kills, seed, EPOCHS, Path(folder)) else 1


if __name__ == "__main__":
    sys.exit(main())
