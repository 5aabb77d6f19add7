# SPDX-License-Identifier: BSD-3-Clause
"""Failures at bad moments: signals before the first poll, memory that runs out, an order that is
changed under a training, weights that overflow in the last step, copies beside a training.
"""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import deltarule as dr

Array = NDArray[Any]


def run_script(script: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", script]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGINT")
@pytest.mark.parametrize("bad_row", [False, True])
def test_ctrl_c_before_the_first_poll_of_a_process(bad_row: bool) -> None:
    """The first poll ever finds the signal; a bad row in the same call does not hide it."""
    done = run_script(f"""
import os, signal, threading, time
import numpy as np
import deltarule as dr
X = np.zeros((60000, 256), 'f4')
if {bad_row}:
    X[-1] = np.nan
mlp = dr.MLP([256, 512, 10], seed=0)
w = mlp.w.copy()
Y = np.zeros((60000, 10), 'f4')
try:  # around the timer too: on a busy machine its signal may come before `start` returns
    threading.Timer(0.02, os.kill, (os.getpid(), signal.SIGINT)).start()
    mlp.fit(X, Y, batch_size=None, epochs=50, shuffle=False)
except (KeyboardInterrupt, ValueError) as error:
    print(type(error).__name__, (mlp.w == w).all())
""")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("KeyboardInterrupt")


@pytest.mark.skipif(sys.platform != "linux", reason="needs RLIMIT_AS")
@pytest.mark.skipif("LD_PRELOAD" in os.environ, reason="sanitizers need memory of their own")
@pytest.mark.parametrize("headroom", [20, 60, 100, 140])
def test_memory_that_runs_out_leaves_a_trainer_that_can_try_again(headroom: int) -> None:
    done = run_script(f"""
import resource
import numpy as np
import deltarule as dr
mlp = dr.MLP([2500, 2500, 1], 'tanh', seed=0)
trainer = dr.Trainer(mlp, dr.Adam(), 8, n_threads=1)
X, Y = np.ones((8, 2500), 'f4'), np.zeros((8, 1), 'f4')
w = mlp.w.copy()
used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + {headroom} * 2**20, resource.RLIM_INFINITY))
try:
    trainer.epoch(X, Y)
    print('enough')
except MemoryError:
    assert trainer.n_epochs == 0 and (mlp.w == w).all()
resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
trainer.epoch(X, Y)
print('trained')
""")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("trained\n")


def test_an_order_that_changes_meanwhile() -> None:
    """The rows taken are those at the call: writes from the first batch on reach nothing."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((400, 64)).astype("f4")
    Y = rng.standard_normal((400, 4)).astype("f4")
    taken = rng.permutation(400)
    order = taken.copy()

    def half_squares(y_hat: Array, y: Array) -> tuple[Array, Array]:
        order.fill(2**40)
        d = y - y_hat
        return y_hat.dtype.type(0.5) * np.sum(d * d, axis=1), -d

    twin = dr.Trainer(dr.MLP([64, 256, 4], loss=half_squares, seed=0), batch_size=8)
    trainer = dr.Trainer(dr.MLP([64, 256, 4], loss=half_squares, seed=0), batch_size=8)
    twin.epoch(X, Y, taken)
    order[:] = taken
    trainer.epoch(X, Y, order)
    assert (order == 2**40).all()
    assert trainer.mlp.w.tobytes() == twin.mlp.w.tobytes()


def test_weights_that_overflow_in_the_last_step(dtype: str) -> None:
    """The losses were finite, the weights are not: the epoch does not count."""
    huge = 1e18 if dtype == "float32" else 1e150
    X, Y = np.full((4, 3), huge), np.full((4, 2), huge)
    mlp = dr.MLP([3, 2], dtype=dtype, seed=0)
    trainer = dr.Trainer(mlp, dr.SGD(1e10 if dtype == "float32" else 1e100), None)
    w = mlp.w.copy()
    with pytest.raises(FloatingPointError, match=r"not finite in epoch 1, step 1"):
        trainer.epoch(X, Y)
    assert mlp.w.tobytes() == w.tobytes()
    assert trainer.n_epochs == 0
    pickle.loads(pickle.dumps(trainer))


def test_copies_beside_a_training_are_of_whole_epochs() -> None:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((64, 20)).astype("f4")
    Y = rng.standard_normal((64, 3)).astype("f4")
    layers, epochs = [20, 400, 3], 40
    twin = dr.Trainer(dr.MLP(layers, seed=0), batch_size=16, n_threads=1)
    whole = {twin.mlp.w.tobytes()}
    gradients = {twin.mlp.gradient(X, Y).tobytes()}
    for _ in range(epochs):
        twin.epoch(X, Y)
        whole.add(twin.mlp.w.tobytes())
        gradients.add(twin.mlp.gradient(X, Y).tobytes())

    live = dr.Trainer(dr.MLP(layers, seed=0), batch_size=16, n_threads=1)
    thread = threading.Thread(target=lambda: [live.epoch(X, Y) for _ in range(epochs)])
    thread.start()
    copies, seen = set(), set()
    while thread.is_alive():
        copies.add(copy.copy(live.mlp).w.tobytes())
        copies.add(pickle.loads(pickle.dumps(live.mlp)).w.tobytes())
        seen.add(live.mlp.gradient(X, Y, n_threads=1).tobytes())
    thread.join()
    assert copies <= whole
    assert seen <= gradients


@pytest.mark.parametrize("optimizer", [dr.SGD(0.01), dr.SGD(0.001, momentum=0.9), dr.Adam()])
@pytest.mark.parametrize("outputs", [3, 32, 33])
@pytest.mark.parametrize(("batch_size", "row"), [(32, 77), (1, 0), (1, 1), (1, 199)])
def test_a_bad_row_leaves_a_trainer_that_can_go_on(
    outputs: int, optimizer: dr.SGD | dr.Adam, batch_size: int, row: int
) -> None:
    """With the bits of one that never saw it, whatever the row has left in the padding.

    A batch of one row is gathered while the weights of the step before it are still to change.
    """
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((200, 40)), rng.standard_normal((200, outputs))
    bad = X.copy()
    bad[row, 7] = np.nan
    trainers = [
        dr.Trainer(dr.MLP([40, 50, outputs], seed=0), optimizer, batch_size, 1) for _ in range(2)
    ]
    for _ in range(2):
        with pytest.raises(ValueError, match=f"row {row} "):
            trainers[0].epoch(bad, Y)
        assert trainers[0].epoch(X, Y) == trainers[1].epoch(X, Y)
    assert trainers[0].mlp.w.tobytes() == trainers[1].mlp.w.tobytes()
