# SPDX-License-Identifier: BSD-3-Clause
"""The benchmark of training: it measures the right thing, and refuses to print a speed if not."""

import gzip
import importlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import deltarule as dr

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"

pytestmark = pytest.mark.skipif(not BENCHMARKS.exists(), reason="benchmarks/ is not in an sdist")


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The scripts as modules; nothing of another library is imported by that."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    names = ("workloads", "peers", "cell", "training")
    return SimpleNamespace(**{name: importlib.import_module(name) for name in names})


@pytest.mark.parametrize("name", ["digits", "tab_m", "mnist_m"])
def test_problems(bench: SimpleNamespace, name: str, tmp_path: Path) -> None:
    workload = replace(bench.workloads.WORKLOADS[name], rows=300)
    problem = bench.workloads.Problem.make(workload, tmp_path)
    assert problem.X.shape == (300, workload.layers[0])
    assert problem.X.dtype == np.float32
    assert set(problem.labels) == set(range(workload.layers[-1]))
    assert ("no Fashion-MNIST" in problem.about) == (name == "mnist_m")
    problem.save(tmp_path / "problem.npz")
    again = bench.workloads.Problem.load(tmp_path / "problem.npz")
    np.testing.assert_equal(vars(again), vars(problem))


def test_fashion_mnist(bench: SimpleNamespace, tmp_path: Path, rng: np.random.Generator) -> None:
    workload = replace(bench.workloads.WORKLOADS["mnist_m"], rows=7)
    pixels, labels = rng.integers(0, 256, (9, 784), np.uint8), rng.integers(0, 10, 9, np.uint8)
    for name, header, part in (("images-idx3", 16, pixels), ("labels-idx1", 8, labels)):
        with gzip.open(tmp_path / f"train-{name}-ubyte.gz", "wb") as file:
            file.write(bytes(header) + part.tobytes())
    X, classes, about = workload.source(workload, tmp_path)
    np.testing.assert_array_equal(X, pixels[:7].astype(np.float32) / np.float32(255))
    np.testing.assert_array_equal(classes, labels[:7])
    assert about == "Fashion-MNIST"


@pytest.mark.parametrize("name", ["digits", "tab_m"])
def test_our_peer_trains_as_the_oracle(bench: SimpleNamespace, name: str, tmp_path: Path) -> None:
    workload = bench.workloads.WORKLOADS[name]
    problem = bench.workloads.Problem.make(replace(workload, rows=1000), tmp_path).head(2.5)
    order = np.random.default_rng(0).permutation(len(problem.X))
    peer = bench.peers.Deltarule(problem, "", 2)
    peer.epoch(order)
    reference = dr.oracle.MLP(workload.layers, activation="relu", loss="cross_entropy")
    reference.W = problem.W
    before = reference.loss(problem.X, problem.labels)
    trainer = dr.oracle.Trainer(reference, dr.Adam(bench.workloads.ETA), workload.batch_size)
    trainer.epoch(problem.X, problem.labels, order)
    after = reference.loss(problem.X, problem.labels)
    losses = problem.loss(problem.W), problem.loss(peer.weights())
    np.testing.assert_allclose(losses, (before, after), rtol=peer.tolerance)


def test_no_speed_without_agreement(bench: SimpleNamespace) -> None:
    cell = bench.cell.Cell("digits", "deltarule", "", 1, 2.4, 1.5, 10, [3e6, 1e6, 2e6])
    bench.training.check([cell, replace(cell, peer="torch")])
    for loss in (1.6, 1.4, np.nan):
        with pytest.raises(SystemExit, match=r"digits: torch highest took the loss from 2\.4 to"):
            bench.training.check([cell, replace(cell, peer="torch", setting="highest", loss=loss)])
    with pytest.raises(SystemExit, match="deltarule"):
        bench.training.check([replace(cell, loss=2.4)])
    assert bench.training.speed(cell) == "2.00 M ± 50 % (1 thread)"


def test_clean_environment(bench: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENBLAS_CORETYPE", "OMP_PROC_BIND", "MKL_NUM_THREADS", "DELTARULE_ISA"):
        monkeypatch.setenv(name, "x")
    kept = bench.training.environment(2)
    assert kept["OMP_NUM_THREADS"] == "2"
    assert kept["DELTARULE_ISA"] == "x"
    assert not {"OPENBLAS_CORETYPE", "OMP_PROC_BIND", "MKL_NUM_THREADS"} & set(kept)


def test_command(tmp_path: Path) -> None:
    """With every peer that is installed."""
    command = [sys.executable, str(BENCHMARKS / "training.py"), "--workloads", "digits"]
    command += ["--threads", "1", "--runs", "1", "--json", str(tmp_path / "out.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "| digits | 64-32-10, batch 32 | digits | " in done.stdout
    result = json.loads((tmp_path / "out.json").read_text())
    assert result["machine"]["deltarule"].startswith(dr.__version__)
    assert result["cells"][0]["peer"] == "deltarule"
    assert all(rate > 0 for cell in result["cells"] for rate in cell["rates"])


def test_phases(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table names every phase; its shares are of the whole."""
    pytest.importorskip("deltarule.bench")
    monkeypatch.syspath_prepend(BENCHMARKS)
    phases = importlib.import_module("phases")
    measured = phases.measure(phases.WORKLOADS["digits"], 2, 0.05)
    assert measured.threads == 2
    assert measured.rate > 0
    half = replace(measured, rate=1e9 / measured.workload.flops)
    row = phases.row(half, 2e9)
    shares = [float(cell.removesuffix(" %")) for cell in row[3:]]
    assert sum(shares[:-1]) == pytest.approx(100, abs=len(shares))
    assert shares[-1] == 50
    assert phases.table([half], {2: 2e9}).splitlines()[2] == f"| {' | '.join(row)} |"
