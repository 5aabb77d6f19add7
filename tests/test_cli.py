# SPDX-License-Identifier: BSD-3-Clause
"""The command line: demonstration, information, help, exit status."""

import re
import subprocess
import sys

import numpy as np
import pytest

import deltarule as dr
from deltarule import demo
from deltarule.cli import main
from deltarule.digits import load_digits


def test_demo(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["demo"]) == 0
    out, err = capfd.readouterr()
    accuracy = re.search(r"test accuracy (0\.\d+)", out)
    assert accuracy is not None
    assert float(accuracy[1]) >= 0.96
    seconds = re.search(r"trained in (\d+\.\d+) s", out)
    assert seconds is not None
    assert float(seconds[1]) < 1.0
    epochs = re.findall(r"^ +(\d+) +(\d\.\d+) +(\d\.\d+) +([+-]\S+)$", out, re.MULTILINE)
    assert [int(row[0]) for row in epochs] == list(range(1, 31))
    assert all(abs(float(row[1]) - float(row[2])) < 1e-3 for row in epochs)
    assert float(epochs[-1][1]) < 0.1 * float(epochs[0][1])
    difference = re.search(r"largest difference of the weights (\S+)", out)
    assert difference is not None
    assert float(difference[1]) < 1e-2
    assert re.search(r"native training is \d+ times as fast", out)
    for dtype in ("float32", "float64"):
        steps = re.search(rf"literal reference, {dtype}, (\d+) steps: equal bit for bit", out)
        assert steps is not None
        assert int(steps[1]) >= 100
    assert err.startswith("epoch 30/30")


def test_demo_says_when_bits_differ(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "same_bits", lambda a, b: False)
    assert main(["demo", "--epochs", "1"]) == 1
    assert "DIFFERS" in capfd.readouterr().out


def test_split_is_stratified_and_seeded() -> None:
    _, labels = load_digits()
    first, second = demo.stratified_split(labels, 0.2, seed=0)
    assert sorted([*first, *second]) == list(range(len(labels)))
    np.testing.assert_array_equal(
        np.bincount(labels[second]), np.round(0.2 * np.bincount(labels)).astype(int)
    )
    again = demo.stratified_split(labels, 0.2, seed=0)
    np.testing.assert_array_equal(first, again[0])
    assert not np.array_equal(second, demo.stratified_split(labels, 0.2, seed=1)[1])


def test_info(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info"]) == 0
    assert capsys.readouterr().out == f"{dr.info()}\n"


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"deltarule {dr.__version__}\n"


@pytest.mark.parametrize("arguments", [["--help"], ["demo", "--help"], ["info", "--help"]])
def test_help(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 0
    out = capsys.readouterr().out
    assert out.startswith("usage: deltarule")
    assert max(map(len, out.splitlines())) <= 100
    if arguments == ["--help"]:
        assert "deltarule demo" in out.split("examples:")[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "required: command"),
        (["train"], "invalid choice: 'train'"),
        (["demo", "--seed", "one"], "--seed: invalid int value"),
        (["demo", "--seed", "-1"], "seed: -1"),
        (["demo", "--epochs", "0"], "epochs: 0; expected an integer >= 1"),
        (["demo", "--threads", "0"], "n_threads: 0; expected an integer >= 1"),
        (["info", "--seed", "1"], "unrecognized arguments"),
    ],
)
def test_errors(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_as_a_module() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "deltarule.cli", "info"], capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 0
    assert run.stdout.startswith("version")
