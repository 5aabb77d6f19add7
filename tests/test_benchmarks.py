# SPDX-License-Identifier: BSD-3-Clause
"""The benchmarks measure the right thing, and refuse to print a speed if not."""

import gzip
import importlib
import json
import math
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import deltarule as dr
from deltarule.bench.workloads import PREDICTED, WORKLOADS

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"

pytestmark = pytest.mark.skipif(not BENCHMARKS.exists(), reason="benchmarks/ is not in an sdist")


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The scripts as modules; nothing of another library is imported by that."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    names = (
        "conditions", "peers", "prediction", "predictors", "problem", "processes", "report", "run",
        "sweep", "training",
    )  # fmt: skip
    return SimpleNamespace(**{name: importlib.import_module(name) for name in names})


@pytest.fixture
def make(bench: SimpleNamespace, tmp_path: Path) -> Callable[[str], Any]:
    """A problem of few rows."""

    def problem(name: str) -> Any:
        workload = WORKLOADS[name]
        batch = min(workload.batch_size, 32)
        rows = batch if workload.full else 5 * batch + 7
        small = replace(workload, batch_size=batch, rows=rows, pass_rows=2 * batch)
        return bench.problem.Problem.make(small, tmp_path)

    return problem


@pytest.mark.parametrize("name", WORKLOADS)
def test_problem_is_the_same_from_a_file(
    bench: SimpleNamespace, make: Callable[[str], Any], name: str, tmp_path: Path
) -> None:
    problem = make(name)
    assert problem.layers == list(WORKLOADS[name].layers)
    problem.save(tmp_path / "problem.npz")
    np.testing.assert_equal(
        vars(bench.problem.Problem.load(tmp_path / "problem.npz")), vars(problem)
    )


def test_fashion_mnist(bench: SimpleNamespace, tmp_path: Path, rng: np.random.Generator) -> None:
    pixels, labels = rng.integers(0, 256, (9, 784), np.uint8), rng.integers(0, 10, 9, np.uint8)
    for name, header, part in (("images-idx3", 16, pixels), ("labels-idx1", 8, labels)):
        with gzip.open(tmp_path / f"train-{name}-ubyte.gz", "wb") as file:
            file.write(bytes(header) + part.tobytes())
    for name in ("mnist_m", "mnist_sig"):
        problem = bench.problem.Problem.make(replace(WORKLOADS[name], rows=7), tmp_path)
        np.testing.assert_array_equal(problem.X, pixels[:7].astype(np.float32) / np.float32(255))
        assert problem.about == "Fashion-MNIST"
        found = problem.Y if problem.Y.ndim == 1 else problem.Y.argmax(axis=1)
        np.testing.assert_array_equal(found, labels[:7])


@pytest.mark.parametrize("name", WORKLOADS)
def test_loss_is_the_oracles(make: Callable[[str], Any], name: str) -> None:
    problem = make(name)
    reference = dr.oracle.MLP(problem.layers, problem.activation, problem.output, problem.loss)
    reference.W = problem.W
    expected = reference.loss(problem.X, problem.Y)
    np.testing.assert_allclose(problem.mean_loss(problem.W), expected, rtol=1e-12)


@pytest.mark.parametrize("name", WORKLOADS)
@pytest.mark.parametrize("peer", ["deltarule", "NumPy"])
def test_peers_train_as_the_oracle(
    bench: SimpleNamespace, make: Callable[[str], Any], name: str, peer: str
) -> None:
    problem = make(name)
    order = next(problem.orders(len(problem.X)))
    trained = bench.peers.registry()[peer](problem, "", 1)
    trained.train(order)
    reference = dr.oracle.MLP(problem.layers, problem.activation, problem.output, problem.loss)
    reference.W = problem.W
    rule = WORKLOADS[name].optimizer
    trainer = dr.oracle.Trainer(reference, rule, problem.batch_size)
    for _ in range(2 if problem.full else 1):
        trainer.epoch(problem.X, problem.Y, order)
    for found, expected, start in zip(trained.weights(), reference.W, problem.W, strict=True):
        moved = np.abs(expected - start).mean()  # Adam takes the sign of rounding errors, too
        assert moved > 0
        assert np.abs(found - expected).mean() < 0.01 * moved


@pytest.mark.parametrize("peer", ["scikit-learn", "PyTorch", "JAX step", "JAX scan"])
def test_installed_peers_pass_the_check(
    bench: SimpleNamespace, make: Callable[[str], Any], peer: str, tmp_path: Path
) -> None:
    """In processes of their own, as in a run."""
    kind = bench.peers.registry()[peer]
    if find_spec(kind.module) is None:
        pytest.skip(f"{kind.module} is not installed")
    crew = [bench.processes.Client(p, s, 1) for p, s in (("NumPy", ""), (peer, kind.settings[-1]))]
    try:
        for name in ("digits", "mnist_s", "mnist_sig", "full"):
            make(name).save(tmp_path / "problem.npz")
            answers = [client.ask("prepare", path=str(tmp_path / "problem.npz")) for client in crew]
            assert answers[1]["fits"] == (peer != "scikit-learn" or name != "mnist_sig")
            if answers[1]["fits"]:
                bench.training.check([
                    bench.training.Cell(name, p, "", 1, a["start_loss"], a["loss"])
                    for p, a in zip(("NumPy", peer), answers, strict=True)
                ])  # fmt: skip
    finally:
        for client in crew:
            client.close()


def test_orders_go_through_the_data(make: Callable[[str], Any]) -> None:
    problem = make("digits")
    orders = problem.orders(len(problem.X))
    first, second, third = next(orders), next(orders), next(orders)
    assert len(first) == len(second) == problem.pass_rows
    assert len({*first, *second}) == 2 * problem.pass_rows
    assert len({*first, *third}) < 2 * problem.pass_rows
    assert next(make("full").orders(9)) is None


def test_head(make: Callable[[str], Any]) -> None:
    for name in WORKLOADS:
        problem = make(name)
        head = problem.head()
        assert head.pass_rows % head.batch_size == 0
        assert len(head.X) == (len(problem.X) if problem.full else head.pass_rows)


@pytest.fixture
def cell(bench: SimpleNamespace) -> Any:
    return bench.training.Cell(
        "digits", "deltarule", "", 1, 2.4, 1.5, [3e6, 1e6, 2e6], [None] * 3, [0.0] * 3
    )


def test_no_speed_without_agreement(bench: SimpleNamespace, cell: Any) -> None:
    bench.training.check([cell, replace(cell, peer="PyTorch", loss=1.501)])
    for loss in (1.51, 1.49, np.nan):
        other = replace(cell, peer="PyTorch", setting="eager highest", loss=loss)
        with pytest.raises(SystemExit, match=r"digits: PyTorch eager highest took the loss from 2"):
            bench.training.check([cell, other])
    medium = replace(cell, peer="PyTorch", setting="manual medium", loss=1.51)  # may round factors
    bench.training.check([cell, medium])
    with pytest.raises(SystemExit, match="manual medium"):
        bench.training.check([cell, replace(medium, loss=1.52)])
    with pytest.raises(SystemExit, match="deltarule"):
        bench.training.check([replace(cell, loss=2.4)])


def test_figures_are_those_of_near_cores(cell: Any) -> None:
    assert cell.rate() == 2e6
    rates, latencies = [1.0, 5.0, 3.0, 9.0], [30.0, 170.0, None, 30.0]
    both = replace(cell, threads=2, rates=rates, latencies=latencies, others=[0.1] * 4)
    assert (both.rate(), both.rate(near=False), both.runs) == (3.0, 5.0, 3)
    disturbed = replace(both, others=[0.0, 0.0, 0.9, 0.0])
    assert (disturbed.rate(), disturbed.runs) == (5.0, 2)
    assert math.isnan(replace(both, others=[0.9] * 4).rate())


def row(cell: Any) -> dict[str, Any]:
    other = replace(cell, peer="PyTorch", setting="eager medium", threads=2, rates=[1e6] * 3)
    slow = replace(other, setting="eager highest", rates=[5e5] * 3, latencies=[170.0] * 3)
    return {
        "network": "64-32-10", "activation": "relu", "loss": "cross_entropy", "rule": "adam",
        "batch_size": 32, "data": "digits", "flops": 10_000, "failures": [],
        "peaks": {"1": 1e11, "2": 2e11}, "cells": [asdict(c) for c in (cell, other, slow)],
    }  # fmt: skip


def test_training_table(bench: SimpleNamespace, cell: Any) -> None:
    lines = bench.report.training_table({"digits": row(cell)}).splitlines()
    assert (
        "| digits | 64-32-10 relu CE adam 32, digits | 2.00 M (1) | 1.00 M (eager medium, 2) |"
        in (lines[2])
    )
    assert "| 10 % | 2.00 | 4.00 | 1.50000 ± 0 % of its fall |" in lines[2]
    assert bench.report.share(row(cell) | {"batch_size": 1}) == 0.2


def test_the_page_shows_the_plots(bench: SimpleNamespace, cell: Any) -> None:
    results = {"machine": {"cores": 2}, "training": {"digits": row(cell)}}
    assert "(../img/training.svg)" in bench.report.page(results, "../img")
    assert "svg" not in bench.report.page(results)


def test_a_slow_setting_is_left_out(bench: SimpleNamespace) -> None:
    def pair(setting: str, threads: int, rate: float) -> tuple[Any, Any, float]:
        client = SimpleNamespace(peer="PyTorch", setting=setting, threads=threads)
        return client, (setting, threads), rate

    cells = [pair("a", 1, 10.0), pair("b", 1, 7.0), pair("c", 1, 9.0), pair("b", 2, 7.0)]
    kept = [cell for _, cell in bench.training.hopeful(cells)]
    assert kept == [("a", 1), ("c", 1), ("b", 2)]


def test_clean_environment(bench: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENBLAS_CORETYPE", "OMP_PROC_BIND", "MKL_NUM_THREADS", "DELTARULE_ISA"):
        monkeypatch.setenv(name, "x")
    kept = bench.processes.environment(2)
    assert kept["OMP_NUM_THREADS"] == "2"
    assert kept["DELTARULE_ISA"] == "x"
    assert not {"OPENBLAS_CORETYPE", "OMP_PROC_BIND", "MKL_NUM_THREADS"} & set(kept)


def test_a_worker_that_fails_or_ends_is_a_failure(bench: SimpleNamespace) -> None:
    client = bench.processes.Client("deltarule", "", 1)
    try:
        with pytest.raises(bench.processes.Failure, match="deltarule 1: FileNotFoundError"):
            client.ask("prepare", path="/nowhere/problem.npz")
        assert client.ask("peak", seconds=0.001)["flops"] > 0
        client.process.terminate()
        client.process.wait()
        with pytest.raises(bench.processes.Failure, match="no answer to 'run'"):
            client.ask("run")
    finally:
        client.close()


@pytest.mark.parametrize("name", PREDICTED)
def test_predictors(bench: SimpleNamespace, name: str, tmp_path: Path) -> None:
    """Ours and NumPy's pass the check; one with other weights does not."""
    network = PREDICTED[name].network()
    X = replace(PREDICTED[name], rows=70).make()[0]
    parts = {f"W{k}": W for k, W in enumerate(network.W)}
    np.savez(tmp_path / "network.npz", X=X, **parts)
    for peer in ("deltarule", "NumPy"):
        predict, rows, error = bench.predictors.make(peer, "", tmp_path / "network.npz", 1)
        assert error < 1e-6
        np.testing.assert_allclose(predict(rows), network.predict(X), atol=1e-6)
        assert bench.predictors.median_call(predict, rows[:1], 1e-3) > 0
    bench.predictors.PREDICTORS["wrong"] = (lambda W, *_: lambda X: X[:, : len(W[-1])] + 2, (), ())
    with pytest.raises(ValueError, match="predictions differ by"):
        bench.predictors.make("wrong", "", tmp_path / "network.npz", 1)


def test_dips(bench: SimpleNamespace) -> None:
    points = [(1, 0.5), (2, 0.2), (3, 0.5), (4, 0.6), (5, 0.31), (6, 0.6)]
    assert bench.sweep.dips(points) == [2]


@pytest.mark.parametrize("what", ["width", "batch", "depth", "outputs"])
def test_sweep_shapes(bench: SimpleNamespace, what: str) -> None:
    values, shape = bench.sweep.SHAPES[what]
    assert list(values) == sorted(set(values))
    assert (values[0], max(values)) == (
        1, {"width": 1100, "batch": 1024, "depth": 8, "outputs": 33}[what]
    )  # fmt: skip
    layers, batch = shape(values[0])
    bench.sweep.SECONDS = 0.0
    for measure in (bench.sweep.train_seconds, bench.sweep.predict_seconds):
        seconds, flops = measure(layers, batch)
        assert seconds > 0
        assert flops > 0


def test_kinds_of_input_hold_the_same(bench: SimpleNamespace, tmp_path: Path) -> None:
    X = replace(WORKLOADS["mnist_s"], rows=5).make()[0]
    for kind, (x, scaled) in bench.conditions.kinds(X, tmp_path).items():
        values = np.asarray(x, np.float64) / (255 if scaled else 1)
        np.testing.assert_allclose(values, X, atol=1e-7, err_msg=kind)


def test_memory(bench: SimpleNamespace) -> None:
    done = bench.processes.output(
        [str(BENCHMARKS / "conditions.py"), "memory", "full", "float32"], 1
    )
    assert 0 < done["added MB"] < done["bound MB"] == pytest.approx(32 + 4 * done["weights MB"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "speed"], "--only: 'speed'; expected some of training,prediction,memory,"),
        (["--workloads", "digit"], "--workloads: 'digit'; expected some of digits,tab_s,"),
        (["--peers", "torch"], "--peers: 'torch'; expected some of deltarule,scikit-learn,"),
        (["--threads", "0"], "--threads: '0'; expected some of 1"),
        (["--runs", "0"], "--runs: 0; expected at least 1"),
    ],
)
def test_errors(
    bench: SimpleNamespace, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        bench.run.arguments(arguments)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_command(tmp_path: Path) -> None:
    """Ours and NumPy; what the file holds is not measured again."""
    command = [sys.executable, str(BENCHMARKS / "run.py"), "--only", "training", "--workloads"]
    command += ["digits", "--threads", "1", "--runs", "1", "--peers", "deltarule,NumPy"]
    command += ["--json", str(tmp_path / "out.json"), "--data", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "| digits | 64-32-10 relu CE adam 32, digits | " in done.stdout
    first = (tmp_path / "out.json").read_text()
    result = json.loads(first)
    assert result["machine"]["deltarule"].startswith(dr.__version__)
    cells = result["training"]["digits"]["cells"]
    assert [cell["peer"] for cell in cells] == ["deltarule", "NumPy"]
    assert all(rate > 0 for cell in cells for rate in cell["rates"])
    again = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (again.stdout, (tmp_path / "out.json").read_text()) == (done.stdout, first)


def test_others_are_noticed(bench: SimpleNamespace) -> None:
    worker = importlib.import_module("worker")
    own = worker.busy_of_others()
    end = time.process_time() + 0.1
    while time.process_time() < end:
        pass
    spin = "import time\nwhile time.process_time() < 0.5: pass"
    before = worker.busy_of_others()
    subprocess.run([sys.executable, "-c", spin], check=True)
    assert worker.busy_of_others() - before > 0.4
    assert before > own - 0.05


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
