# SPDX-License-Identifier: BSD-3-Clause
"""What a training may hold beyond the caller's X and Y: 4 w + 3 slots + 32 MB, whatever X is like."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

MEASURE = """
import json, sys
import numpy as np
import deltarule as dr

layers, kind, rows, batch, threads, name = json.loads(sys.argv[1])

def resident(field):
    with open("/proc/self/status") as lines:
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(field))

X = np.zeros((rows, layers[0]), "u1" if kind == "u1" else "f4")
X += np.arange(layers[0], dtype="u1") % 7  # every page is there before the training
if kind == "F":
    X = np.asfortranarray(X)
if kind == "strided":
    X = np.repeat(X, 2, axis=1)[:, ::2]
Y = np.zeros((rows, layers[-1]), "f4")
Y += X[:, :1]
optimizer = {"sgd": dr.SGD(1e-6), "momentum": dr.SGD(1e-6, momentum=0.9), "adam": dr.Adam(1e-6)}[name]
mlp = dr.MLP(layers, "tanh", seed=0)
dr.Trainer(dr.MLP([2, 2], seed=0), optimizer, n_threads=threads).epoch(X[:4, :2], Y[:4, :1].repeat(2, 1))
before = resident("VmRSS")
with open("/proc/self/clear_refs", "w") as reset:
    reset.write("5")  # the peak counts from here
dr.Trainer(mlp, optimizer, batch, threads).epoch(X, Y)
slots = {"sgd": 0, "momentum": 1, "adam": 2}[name]
print(json.dumps([resident("VmHWM") - before, (4 + 3 * slots) * mlp.w.nbytes + 32e6]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    ("layers", "kind", "rows", "batch", "threads", "name"),
    [
        ([30, 30, 2000], "f4", 8192, None, 16, "sgd"),  # a block of 256 rows per thread: 215 MB
        ([30, 32, 2048], "f4", 8192, 8192, 2, "momentum"),
        ([784, 256, 10], "u1", 60_000, 128, 2, "adam"),
        ([784, 256, 10], "F", 30_000, 128, 2, "sgd"),
        ([784, 256, 10], "strided", 20_000, None, 1, "sgd"),
    ],
)
def test_peak_is_bounded(
    layers: list[int], kind: str, rows: int, batch: int | None, threads: int, name: str
) -> None:
    argument = json.dumps([layers, kind, rows, batch, threads, name])
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, argument], capture_output=True, text=True, check=False
    )
    if "clear_refs" in done.stderr:
        pytest.skip("the peak cannot be reset here")
    assert done.returncode == 0, done.stderr
    added, bound = json.loads(done.stdout)
    assert added <= bound, f"{added / 1e6:.1f} MB of {bound / 1e6:.1f}"
