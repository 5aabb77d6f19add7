# SPDX-License-Identifier: BSD-3-Clause
"""`deltarule bench`: the peak is a peak, figures are what they say, the command line has errors."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import deltarule as dr
from deltarule import _core
from deltarule.bench import bench, human, print_peaks, share
from deltarule.bench.measure import Figure, passes, prediction, training
from deltarule.bench.workloads import PREDICTED, WORKLOADS, Workload, table
from deltarule.cli import main

LANES = {"avx512": 16, "avx2": 8, "neon": 4, "generic": 0}
CLOCK = (0.5e9, 8e9)


def test_peak_is_what_the_instruction_set_allows(isa: str, dtype: str) -> None:
    """At most four FMA a cycle; and not absurdly few, though the machine may be busy."""
    peak = max(_core.fma_peak(dtype, 1, 0.01) for _ in range(3))
    lanes = LANES[isa] if dtype == "float32" else LANES[isa] // 2
    if lanes:
        assert 0.05 * 2 * lanes * CLOCK[0] < peak < 4 * 2 * lanes * CLOCK[1]
    else:
        assert 1e7 < peak < 4 * 2 * 4 * CLOCK[1]


def test_peak_of_vectors_is_above_that_of_numbers() -> None:
    before = _core.isa()
    try:
        rates = []
        for name in _core.available_isas():
            _core.select_isa(name)
            rates.append(max(_core.fma_peak("float32", 1, 0.01) for _ in range(3)))
        assert len(rates) == 1 or rates[0] > 2 * rates[-1]
    finally:
        _core.select_isa(before)


@pytest.mark.parametrize("threads", [0, -1, 257])
def test_peak_refuses_thread_counts(threads: int) -> None:
    with pytest.raises(ValueError, match=r"n_threads: expected 1 \.\.\. 256"):
        _core.fma_peak("float32", threads, 0.01)


def test_core_latency() -> None:
    if _core.default_threads() == 1:
        assert np.isnan(_core.core_latency(0.02))
        return
    # nan where the system gives the second thread no core in that time, but not a hundred times
    tries = (_core.core_latency(0.02) for _ in range(100))
    assert 1e-9 < next((seconds for seconds in tries if not np.isnan(seconds)), np.nan) < 0.1


def test_core_latency_needs_a_second_thread() -> None:
    limited = {**os.environ, "OMP_NUM_THREADS": "2", "OMP_THREAD_LIMIT": "1"}
    told = "from deltarule import _core; print(_core.core_latency(0.001))"
    found = subprocess.run(
        [sys.executable, "-c", told], env=limited, capture_output=True, text=True, check=True
    )
    assert found.stdout == "nan\n"


def test_print_peaks(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    before = _core.isa()
    print_peaks([1, 2], tmp_path / "peak.json", seconds=0.01)
    assert _core.isa() == before
    rows = re.findall(
        r"^(\w+) +(float\d\d) +([\d.]+) GFLOP/s +([\d.]+) GFLOP/s$",
        capsys.readouterr().out,
        re.MULTILINE,
    )
    expected = [(i, d) for i in _core.available_isas() for d in ("float32", "float64")]
    assert [row[:2] for row in rows] == expected
    listed = json.loads((tmp_path / "peak.json").read_text())["peaks"]
    assert [(p["isa"], p["dtype"], p["threads"]) for p in listed] == [
        (*key, n) for key in expected for n in (1, 2)
    ]
    printed = [float(speed) for row in rows for speed in row[2:]]
    np.testing.assert_allclose(printed, [p["flops"] / 1e9 for p in listed], atol=0.06)
    assert min(p["flops"] for p in listed) > 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_bench(dtype: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "bench.json"
    bench([1, 2], path, ["digits"], dtype, seconds=0.005)
    out = capsys.readouterr().out
    assert out.startswith(
        f"deltarule {dr.__version__}, {_core.isa()}, {dtype}; FMA peak: 1 thread "
    )
    result = json.loads(path.read_text())
    assert (result["dtype"], result["instruction_set"]) == (dtype, _core.isa())
    peak = {p["threads"]: p["flops"] for p in result["peaks"] if p["dtype"] == dtype}
    figures = result["figures"]
    keys = [(f["name"], f["threads"], f["rows"], len(f["rates"])) for f in figures]
    assert keys == [("digits", n, 32, 5) for n in (1, 2)]
    for figure in figures:
        assert figure["rate"] == np.median(figure["rates"]) > 0
        assert figure["share"] == pytest.approx(figure["rate"] * figure["flops"] / peak[2])
        assert figure["share"] > 0
    best = max(figures, key=lambda f: f["rate"])
    row = rf"^digits +64-32-10 relu CE Adam +32 +{human(best['rate'])} +{best['threads']} "
    assert re.search(row, out, re.MULTILINE)


@pytest.mark.parametrize(
    ("kind", "rows", "of"), [("training", 32, 4), ("training", 1, 2), ("prediction", 32, 2)]
)
def test_share(kind: str, rows: int, of: int) -> None:
    """Of all threads' peak; of those used where more can't help, and where calls are compared."""
    figure = Figure(kind, "digits", 2, rows, [1e3], 10)
    assert share(figure, {1: 1e5, 2: 2e5, 4: 4e5}) == 1e4 / (1e5 * of)


def test_prediction() -> None:
    X = np.zeros((3, 20), np.float32)
    figure = prediction("20-64-64-1", X, 1, 1e-4)
    assert (figure.rows, figure.flops, len(figure.rates)) == (3, 2 * (20 * 64 + 64 * 64 + 64), 5)
    assert min(figure.rates) > 0


@pytest.mark.parametrize("name", WORKLOADS)
def test_workloads(name: str) -> None:
    workload = WORKLOADS[name]
    assert workload.pass_rows % workload.batch_size == 0
    layers = workload.layers
    products = [a * b for a, b in pairwise(layers)]
    assert workload.flops == 2 * (3 * sum(products) - products[0])
    small = small_one(workload)
    X, Y = small.make()
    assert X.shape == (small.rows, layers[0])
    assert X.dtype == np.float32
    assert np.isfinite(X).all()
    mlp = small.network()
    before = mlp.loss(X, Y)
    dr.Trainer(mlp, small.optimizer, small.batch_size, 1).epoch(X, Y, next(passes(small)))
    assert mlp.loss(X, Y) < before


def small_one(workload: Workload) -> Workload:
    batch = min(workload.batch_size, 64)
    rows = batch if workload.full else min(workload.rows, 2 * batch + 50)
    return replace(workload, batch_size=batch, rows=rows, pass_rows=2 * batch)


def test_half_the_pixels_are_black() -> None:
    X, _ = small_one(WORKLOADS["mnist_s"]).make()
    assert 0.3 < (X == 0).mean() < 0.6
    assert (X.min(), X.max()) == (0, 1)


def test_table_is_the_same_every_time() -> None:
    small = small_one(WORKLOADS["tab_m"])
    np.testing.assert_array_equal(table(small)[0], table(small)[0])
    assert set(table(small)[1]) <= set(range(7))


def test_passes_go_through_the_data() -> None:
    workload = small_one(WORKLOADS["digits"])
    drawn = passes(workload)
    first, second = next(drawn), next(drawn)
    assert first is not None
    assert second is not None
    assert len(first) == len(second) == workload.pass_rows
    assert len(set(first)) == workload.pass_rows
    assert next(passes(small_one(WORKLOADS["full"]))) is None


def test_training_takes_every_row_of_a_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []

    def epoch(self: dr.Trainer, X: object, Y: object, order: np.ndarray | None) -> None:
        taken.append(64 if order is None else len(order))

    monkeypatch.setattr(dr.Trainer, "epoch", epoch)
    for name, calls in (("digits", 1), ("full", 2)):
        taken.clear()
        workload = small_one(WORKLOADS[name])
        figure = training(workload, None, None, 1, 0.0)  # type: ignore[arg-type]
        assert sum(taken) == 6 * workload.pass_rows
        assert len(taken) == 6 * calls
        assert figure.flops == workload.flops


@pytest.mark.parametrize(
    ("rate", "text"),
    [(21.14e6, "21.1 M"), (4.426e3, "4.43 k"), (999.0, "999"), (12.34, "12.3"), (0.0, "0.0")],
)
def test_human(rate: float, text: str) -> None:
    assert human(rate) == text


def test_rate_is_the_median() -> None:
    figure = Figure("training", "digits", 1, 32, [1.0, 9.0, 3.0, 2.0, 8.0], 10)
    assert (figure.rate, figure.flop_rate) == (3.0, 30.0)


def test_predicted_networks_have_data() -> None:
    for workload in PREDICTED.values():
        assert small_one(workload).make()[0].shape[1] == workload.layers[0]


def test_command_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "peak.json"
    assert main(["bench", "--peak", "--threads", "1", "--json", str(path)]) == 0
    assert capsys.readouterr().out.startswith("instruction set  dtype ")
    assert {p["threads"] for p in json.loads(path.read_text())["peaks"]} == {1}
    assert main(["bench", "--workloads", "digits", "--threads", "1"]) == 0
    assert "digits    64-32-10" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--threads", "0"], "argument --threads: 0; expected counts of 1 ... 256"),
        (["--threads", "one"], "argument --threads: invalid _counts value: 'one'"),
        (["--workloads", "digit"], "argument --workloads: 'digit'; expected some of digits,tab_s,"),
        (["--dtype", "float16"], "argument --dtype: invalid choice: 'float16'"),
        (["--json", "/nowhere/at/all.json"], "--json: no directory '/nowhere/at'"),
    ],
)
def test_errors(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["bench", *arguments])
    assert caught.value.code == 2
    assert message in capsys.readouterr().err
