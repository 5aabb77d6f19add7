# SPDX-License-Identifier: BSD-3-Clause
"""`deltarule fit`, `predict`, `evaluate`, `inspect`: results, messages, exit statuses."""

import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest

import deltarule as dr
from deltarule.cli import main
from deltarule.files import container
from deltarule.files.model import network_parts

pa = pytest.importorskip("pyarrow")

from deltarule.table import TableModel, load, read, write  # noqa: E402  # pyarrow's

FEW = ["--hidden", "8", "--epochs", "4"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory with a table, and a model of it."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(90, 2))
    kind = np.array(["a", "b"])[(x[:, 0] > 0).astype(int)]
    table = pa.table({"id": np.arange(90), "x": x[:, 0], "z": x[:, 1], "kind": kind.tolist()})
    write(table, tmp_path / "t.csv")
    write(table, tmp_path / "v.csv")
    model = TableModel.fit(table, "kind", drop=("id",), hidden=(8,), epochs=4)
    model.save(tmp_path / "m.safetensors")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_fit_is_the_api(folder, capsys):
    call = ["fit", "t.csv", "--target", "kind", "--drop", "id", "-o", "again.safetensors", *FEW]
    assert main(call) == 0
    out, err = capsys.readouterr()
    assert out == ""
    got, expected = load("again.safetensors"), load("m.safetensors")
    np.testing.assert_array_equal(got.mlp.w, expected.mlp.w)
    assert got.scores == expected.scores
    assert "target 'kind': classification, 2 classes: 'a', 'b'" in err
    assert "72 rows to train on, 18 to judge by" in err
    assert re.search(r"4 epochs: all epochs taken; the best was epoch \d", err)
    assert f"accuracy {got.scores['accuracy']:.6g}" in err
    assert err.endswith("wrote again.safetensors\n")


@pytest.mark.parametrize("end", ["csv", "parquet"])
def test_predict(folder, capsys, end):
    call = ["predict", "m.safetensors", "t.csv", "--keep", "id,x", "-o", f"p.{end}"]
    assert main(call) == 0
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"wrote p.{end}: 90 rows\n")
    model = load("m.safetensors")
    expected = model.predict("t.csv", keep=("id", "x"))
    got = read(f"p.{end}", {"probability_a": pa.float32(), "probability_b": pa.float32()})
    assert got == expected


def test_predict_to_standard_output(folder, capfdbinary):
    assert main(["predict", "m.safetensors", "t.csv"]) == 0
    out, err = capfdbinary.readouterr()
    lines = out.decode().splitlines()
    assert lines[0] == '"predicted_kind","probability_a","probability_b"'
    assert (len(lines), err) == (91, b"")


def test_evaluate(folder, capsys):
    assert main(["evaluate", "m.safetensors", "t.csv"]) == 0
    out = capsys.readouterr().out
    expected = load("m.safetensors").evaluate("t.csv")
    assert float(re.search(r"accuracy +(\S+)", out)[1]) == pytest.approx(
        expected.scores["accuracy"], abs=1e-6
    )
    assert re.search(r"^a +\d+ +\d+ +\d\.\d{4} +\d\.\d{4}$", out, re.MULTILINE)
    assert main(["evaluate", "m.safetensors", "t.csv", "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert {k: values[k] for k in ("accuracy", "cross_entropy")} == expected.scores
    assert [c["rows"] for c in values["classes"]] == [c.rows for c in expected.classes]


def test_inspect(folder, capsys):
    assert main(["inspect", "m.safetensors"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"table model: written by deltarule {dr.__version__}, schema ")
    for piece in ("2 classes: 'a', 'b'", "number, median", "W[0]  8 x 3", "epochs 4", "epoch"):
        assert piece in out
    assert main(["inspect", "m.safetensors", "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["kind"] == "table_model"
    assert values["table"]["target"]["values"] == ["a", "b"]
    assert len(values["history"]["loss"]) == 4
    assert values["tensors"]["W.0"] == {"shape": [8, 3], "dtype": "float32"}


def test_inspect_other_kinds_of_file(folder, capsys):
    mlp = dr.MLP([3, 2, 1], seed=0)
    history = mlp.fit(np.eye(3), np.ones(3), epochs=20)
    history.loss[3] = float("inf")
    mlp.save("mlp.safetensors", history)
    assert main(["inspect", "mlp.safetensors"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("model: written by")
    assert re.search(rf"^20 +{history.loss[-1]:.6g}$", out, re.MULTILINE)
    assert main(["inspect", "mlp.safetensors", "--json"]) == 0
    values = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert values["history"]["loss"][3] is None
    trainer = dr.Trainer(mlp, dr.SGD(eta=0.5), batch_size=2)
    trainer.epoch(np.eye(3), np.ones(3))
    trainer.save("trainer.safetensors")
    assert main(["inspect", "trainer.safetensors"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("trainer: written by")
    assert "SGD(eta=0.5, momentum=0.0), batches of 2: 1 epochs, 2 steps taken" in out
    mlp.fit(np.eye(3), np.ones(3), epochs=2, checkpoint="checkpoint.safetensors")
    assert main(["inspect", "checkpoint.safetensors"]) == 0
    assert capsys.readouterr().out.startswith("checkpoint: written by")
    members, tensors = [], {}
    for i in range(2):
        section, arrays = network_parts("save", mlp.architecture, mlp.w, f"{i}.")
        members.append(section)
        tensors |= arrays
    container.write("ensemble.safetensors", "ensemble", {"members": members}, tensors)
    assert main(["inspect", "ensemble.safetensors"]) == 0
    assert f"\n2 networks\n\n{mlp!r}\n{mlp!r}\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("c.toml", 'target = "kind"\ndrop = ["id"]\nhidden = [8]\nepochs = 9\nseed = 1\n'),
        ("c.json", '{"target": "kind", "drop": ["id"], "hidden": [8], "epochs": 9, "seed": 1}'),
    ],
)
def test_options_win_over_the_file(folder, name, text):
    (folder / name).write_text(text)
    assert main(["fit", "t.csv", "--config", name, "--epochs", "4", "-o", "c.safetensors"]) == 0
    settings = load("c.safetensors").settings
    assert (settings.epochs, settings.seed, settings.hidden) == (4, 1, (8,))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epoch = 3", "unknown key 'epoch'; expected perhaps 'epochs'"),
        ("epochs = '3'", "epochs: '3' of type str; expected an integer >= 1"),
        ("hidden = 8", "hidden: 8; expected a list"),
        ("target = 3", "target = 3; expected a text"),
        ("epochs = ", "is no TOML"),
    ],
)
def test_a_file_of_settings_that_does_not_fit(folder, capsys, text, message):
    (folder / "c.toml").write_text(text)
    assert status(["fit", "t.csv", "--target", "kind", "--config", "c.toml", "-o", "n"]) == 2
    assert message in capsys.readouterr().err


FIT = ["fit", "t.csv", "--target", "kind", "-o", "new.safetensors", *FEW]


@pytest.mark.parametrize(
    ("call", "expected", "message"),
    [
        (["fit", "t.csv", "-o", "new.safetensors"], 2, "--target NAME is required"),
        (["fit", "t.csv", "--target", "kind"], 2, "required: -o/--output"),
        ([*FIT, "--epochs", "0"], 2, "epochs: 0; expected an integer >= 1"),
        ([*FIT, "--epochs", "many"], 2, "--epochs: invalid int value"),
        ([*FIT, "--hidden", "8;8"], 2, "--hidden: '8;8'; expected whole numbers separated"),
        ([*FIT, "--optimizer", "adma"], 2, "optimizer: 'adma'; expected one of"),
        ([*FIT, "--delimiter", "ab"], 2, "--delimiter: 'ab'; expected one ASCII character"),
        ([*FIT, "--threads", "100000"], 2, "threads: 100000; expected at most 1024"),
        ([*FIT, "--drop", "nope"], 1, "drop: 'nope'; expected names of features: 'id', 'x', 'z'"),
        ([*FIT, "--config", "no.toml"], 1, "no.toml"),
        ([*FIT, "--nonsense"], 2, "unrecognized arguments: --nonsense"),
        (["predict", "m.safetensors", "t.csv", "-o", "p.xlsx"], 2, "expected .csv or .tsv"),
        (["fit", "no.csv", *FIT[2:]], 1, "'no.csv': no such file"),
        (["fit", ".", *FIT[2:]], 1, "expected .csv or .tsv"),
        ([*FIT[:3], "price", *FIT[4:]], 1, "target: no column 'price'"),
        ([*FIT[:5], "no/new.safetensors"], 1, "no directory"),
        ([*FIT[:5], "t.csv"], 1, "output: 't.csv' is the input 't.csv'"),
        ([*FIT[:5], "./v.csv", "--valid", "v.csv"], 1, "output: './v.csv' is the input 'v.csv'"),
        (["predict", "m.safetensors", "t.csv", "-o", "./t.csv"], 1, "is the input 't.csv'"),
        ([*FIT[:5], "", "--eta", "1e30"], 1, "path: ''; expected the name of a file"),
        ([*FIT[:5], "/dev/null", "--eta", "1e30"], 1, "expected a regular file"),
        ([*FIT, "--optimizer", "sgd", "--eta", "1e30"], 1, "error:"),
        ([*FIT, "--valid", "no.csv"], 1, "'no.csv': no such file"),
        (["predict", "no.safetensors", "t.csv"], 1, "no such file"),
        (["predict", "t.csv", "t.csv"], 1, "safetensors file"),
        (["evaluate", "m.safetensors", "no.parquet"], 1, "'no.parquet': no such file"),
        (["inspect", "t.csv"], 1, "safetensors file"),
    ],
)
def test_what_fails_says_so_and_writes_nothing(folder, capsys, call, expected, message):
    before = sorted(os.listdir(folder))
    assert status(call) == expected
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert "Traceback" not in err
    assert err.startswith("usage: deltarule " if expected == 2 else "deltarule: error: ")
    assert sorted(os.listdir(folder)) == before


def status(call):
    """What the process would exit with."""
    try:
        return main(call)
    except SystemExit as error:
        return error.code


def test_warnings_are_lines_and_strict_makes_them_errors(folder, capsys):
    table = pa.table({"x": [0.5, None], "z": [1.0, 2.0]})
    write(table, "gap.csv")
    assert main(["predict", "m.safetensors", "gap.csv", "-o", "p.csv"]) == 0
    err = capsys.readouterr().err
    assert err.startswith("deltarule: warning: column 'x': 1 row without a value")
    os.unlink("p.csv")
    assert main(["predict", "m.safetensors", "gap.csv", "-o", "p.csv", "--strict"]) == 1
    assert capsys.readouterr().err.startswith("deltarule: error: column 'x': 1 row without")
    assert not os.path.exists("p.csv")


def test_a_disk_that_is_full_leaves_the_old_file(folder, capsys, monkeypatch):
    (folder / "p.csv").write_text("old")
    before = sorted(os.listdir(folder))

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert main(["predict", "m.safetensors", "t.csv", "-o", "p.csv"]) == 1
    assert "'p.csv' cannot be written ([Errno 28] No space left" in capsys.readouterr().err
    assert (folder / "p.csv").read_text() == "old"
    assert sorted(os.listdir(folder)) == before


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")
def test_standard_output_that_is_full(folder):
    for call in (["info"], ["inspect", "m.safetensors"]):
        with open("/dev/full", "w") as full:
            run = subprocess.run(
                [sys.executable, "-m", "deltarule.cli", *call],
                stdout=full, stderr=subprocess.PIPE, text=True, timeout=60,
            )  # fmt: skip
        assert run.returncode == 1
        assert run.stderr == "deltarule: error: [Errno 28] No space left on device\n"


def test_interruption(folder):
    """Ctrl-C in the middle of a training: 130, one line, no file."""
    program = (
        "import os, signal, sys\n"
        "from deltarule.callbacks import Progress\n"
        "from deltarule.cli import main\n"
        "ended = lambda self, run: run.epoch == 3 and os.kill(os.getpid(), signal.SIGINT)\n"
        "Progress.on_epoch_end = ended\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    call = [sys.executable, "-c", program, *FIT[:-1], "1000000", "--patience", "1000000"]
    run = subprocess.run(call, capture_output=True, text=True, timeout=60)
    assert run.returncode == 130
    assert run.stderr == "deltarule: interrupted; nothing was written\n"
    assert not os.path.exists("new.safetensors")


def test_a_reader_that_has_seen_enough(folder):
    table = pa.concat_tables([read("t.csv")] * 200)
    write(table, "long.csv")
    call = f"{sys.executable} -m deltarule.cli predict m.safetensors long.csv | head -1"
    run = subprocess.run(call, shell=True, capture_output=True, text=True, timeout=60)
    assert run.stdout.startswith('"predicted_kind"')
    assert run.stderr == ""


def test_without_pyarrow(folder):
    program = (
        "import sys; sys.modules['pyarrow'] = None\nfrom deltarule.cli import main\n"
        "assert main(['info']) == 0\nsys.exit(main(sys.argv[1:]))"
    )
    call = [sys.executable, "-c", program, *FIT]
    run = subprocess.run(call, capture_output=True, text=True, timeout=60)
    assert run.returncode == 1
    expected = "deltarule.table reads tables through pyarrow: pip install 'deltarule[tables]'"
    assert run.stderr == f"deltarule: error: {expected}\n"


def test_delimiters(folder):
    table = read("t.csv")
    write(table, "semicolons.csv", ";")
    write(table, "tabs.csv", "\t")
    rest = FIT[2:]
    assert main(["fit", "semicolons.csv", *rest, "--drop", "id", "--delimiter", ";"]) == 0
    w = load("new.safetensors").mlp.w
    np.testing.assert_array_equal(w, load("m.safetensors").mlp.w)
    call = ["predict", "new.safetensors", "tabs.csv", "-o", "p.csv", "--delimiter", "\\t"]
    assert main(call) == 0
    assert read("p.csv", delimiter="\t").num_columns == 3


@pytest.mark.parametrize("command", ["fit", "predict", "evaluate", "inspect"])
def test_help(command, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert status([command, "--help"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"usage: deltarule {command}")
    assert f"deltarule {command} " in out.split("examples:")[1]
    assert max(map(len, out.splitlines())) <= 100
