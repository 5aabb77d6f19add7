# SPDX-License-Identifier: BSD-3-Clause
"""Callbacks: when they are called, what they may do, what exceptions leave; the ready ones."""

import csv
import json
import os
import re
import sys
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import deltarule as dr
from deltarule.callbacks import (
    BestWeights,
    Callback,
    CSVLog,
    GradientNormLog,
    JSONLinesLog,
    Progress,
)
from deltarule.records import gradient_norms

MODULES = pytest.mark.parametrize("module", [dr, dr.oracle], ids=["native", "oracle"])


def problem(module: Any = dr, **options: Any) -> tuple[Any, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20, 3))
    return module.MLP([3, 4, 2], loss="cross_entropy", seed=1, **options), X, (X[:, 0] > 0) * 1


class Diary(Callback):
    def __init__(self) -> None:
        self.lines: list[Any] = []

    def on_fit_begin(self, run: Any) -> None:
        self.lines.append(("begin", run.epoch, run.epochs, len(run.history)))

    def on_epoch_end(self, run: Any) -> None:
        self.lines.append(("epoch", run.epoch, len(run.history), run.mlp.w.copy()))

    def on_fit_end(self, run: Any) -> None:
        self.lines.append(("end", run.epoch, run.history.stopped_by, run.mlp.w.copy()))


class DiaryOfBatches(Diary):
    def on_batch_end(self, run: Any) -> None:
        self.lines.append(("batch", run.batch, run.batch_loss, run.mlp.w.copy()))


@MODULES
def test_what_is_called_when(module: Any) -> None:
    mlp, X, Y = problem(module)
    diary = Diary()
    history = mlp.fit(X, Y, epochs=2, callbacks=[diary, Callback()], seed=0)
    assert [line[:3] for line in diary.lines] == [
        ("begin", 0, 2), ("epoch", 1, 1), ("epoch", 2, 2), ("end", 2, "epochs"),
    ]  # fmt: skip
    trainer, rng = module.Trainer(problem(module)[0]), np.random.default_rng(0)
    for line in diary.lines[1:3]:
        trainer.epoch(X, Y, rng.permutation(20))
        assert line[3].tobytes() == trainer.mlp.w.tobytes()
    assert len(history) == 2


class Plain:
    """Not derived from anything, and with one method only."""

    def __init__(self) -> None:
        self.seen = 0

    def on_epoch_end(self, run: Any) -> None:
        self.seen += 1


def test_any_object_with_a_method_will_do() -> None:
    mlp, X, Y = problem()
    plain = Plain()
    mlp.fit(X, Y, epochs=3, callbacks=plain)
    assert plain.seen == 3


@MODULES
def test_weights_may_be_assigned(module: Any) -> None:
    """The trainer goes on from them, with the optimizer state that it has."""

    class Halving:
        def on_epoch_end(self, run: Any) -> None:
            run.mlp.w = run.mlp.w / 2

    mlp, X, Y = problem(module)
    by_hand = problem(module)[0]
    mlp.fit(X, Y, dr.SGD(0.1, momentum=0.9), 8, 3, callbacks=[Halving()], seed=0)
    trainer, rng = module.Trainer(by_hand, dr.SGD(0.1, momentum=0.9), 8), np.random.default_rng(0)
    for _ in range(3):
        trainer.epoch(X, Y, rng.permutation(20))
        by_hand.w = by_hand.w / 2
    assert mlp.w.tobytes() == by_hand.w.tobytes()


@MODULES
@pytest.mark.parametrize("settings", [
    {}, {"shuffle": False}, {"batch_size": None}, {"dropout": 0.3, "noise": 0.1},
    {"sample_weight": np.arange(20.0) % 5}, {"optimizer": dr.SGD(dr.schedules.Cosine(0.1))},
])  # fmt: skip
def test_batches_have_the_bits_of_the_epoch(module: Any, settings: dict[str, Any]) -> None:
    mlp, X, Y = problem(module)
    again = problem(module)[0]
    settings = {"epochs": 3, "seed": 0, "batch_size": 8, **settings}
    diary = DiaryOfBatches()
    history = mlp.fit(X, Y, callbacks=[diary], **settings)
    assert history.loss == again.fit(X, Y, **settings).loss
    assert mlp.w.tobytes() == again.w.tobytes()
    batches = [line for line in diary.lines if line[0] == "batch"]
    steps = [1, 2, 3] if settings["batch_size"] else [1]
    assert [line[1] for line in batches] == steps * 3
    assert len({line[3].tobytes() for line in batches}) == len(batches)  # each shows its weights
    if not settings["batch_size"]:
        assert [line[2] for line in batches] == history.loss


@MODULES
def test_weights_assigned_within_an_epoch(module: Any) -> None:
    class Zeroing:
        def on_batch_end(self, run: Any) -> None:
            if run.batch == 2:
                run.mlp.w = np.zeros(run.mlp.n_weights)

    mlp, X, Y = problem(module)
    by_hand = problem(module)[0]
    mlp.fit(X, Y, dr.SGD(0.1), 8, 1, False, callbacks=Zeroing())
    by_hand.w = np.zeros(by_hand.n_weights)
    by_hand.fit(X[16:], Y[16:], dr.SGD(0.1), None, 1, False)
    assert mlp.w.tobytes() == by_hand.w.tobytes()


def test_stop() -> None:
    class Stopping:
        def __init__(self, *reason: Any) -> None:
            self.reason = reason

        def on_epoch_end(self, run: Any) -> None:
            run.stop(*self.reason)

    mlp, X, Y = problem()
    assert mlp.fit(X, Y, callbacks=Stopping()).stopped_by == "callback"
    assert mlp.fit(X, Y, callbacks=[Stopping("a"), Stopping("b")]).stopped_by == "a"
    with pytest.raises(TypeError, match="reason: 3 of type int"):
        mlp.fit(X, Y, callbacks=Stopping(3))
    with pytest.raises(ValueError, match="reason: ''"):
        mlp.fit(X, Y, callbacks=Stopping(""))

    class BeforeTheFirst:
        def on_fit_begin(self, run: Any) -> None:
            run.stop()

    before = mlp.w.copy()
    history = mlp.fit(X, Y, callbacks=BeforeTheFirst(), validation=(X, Y))
    assert (len(history), history.stopped_by) == (0, "callback")
    np.testing.assert_array_equal(mlp.w, before)


class Failing:
    def __init__(self, method: str, at: int = 1) -> None:
        self.calls = 0

        def fail(run: Any) -> None:
            self.calls += 1
            if self.calls == at:
                raise ZeroDivisionError(method)

        setattr(self, method, fail)


@pytest.mark.parametrize(
    ("method", "at", "epochs"),
    [
        ("on_fit_begin", 1, 0),
        ("on_epoch_end", 2, 2),
        ("on_batch_end", 5, 1),  # in the second epoch of three batches
        ("on_fit_end", 1, 3),
    ],
)
def test_an_exception_comes_out(method: str, at: int, epochs: int) -> None:
    """With the history, the weights of the last finished epoch, and after every on_fit_end."""
    mlp, X, Y = problem()
    diary = Diary()
    with pytest.raises(ZeroDivisionError, match=method) as caught:
        mlp.fit(X, Y, None, 8, 3, seed=0, callbacks=[Failing(method, at), diary])
    error: Any = caught.value
    assert len(error.history) == epochs
    assert diary.lines[-1][:2] == ("end", epochs)
    expected = problem()[0]
    if epochs:
        again = expected.fit(X, Y, None, 8, 3, seed=0, callbacks=_stop_after(epochs))
        assert again.loss == error.history.loss
        assert f"after epoch {epochs} of 3" in error.__notes__[0]
    assert mlp.w.tobytes() == expected.w.tobytes()


def _stop_after(epochs: int) -> Any:
    class Stopping:
        def on_epoch_end(self, run: Any) -> None:
            if run.epoch == epochs:
                run.stop()

    return Stopping()


def test_the_first_of_two_exceptions_comes_out() -> None:
    mlp, X, Y = problem()
    with pytest.raises(ZeroDivisionError, match="on_epoch_end") as caught:
        mlp.fit(X, Y, callbacks=[Failing("on_epoch_end"), Failing("on_fit_end")])
    assert "then on_fit_end of a callback failed" in caught.value.__notes__[-1]


def test_a_metric_that_fails() -> None:
    """The epoch that it was to judge is in the weights and not in the history; the note says so."""
    mlp, X, Y = problem()
    expected = problem()[0]
    calls = []

    def failing(Y: np.ndarray, y_hat: np.ndarray) -> float:
        calls.append(1)
        return 1 / (3 - len(calls))

    told: dict[str, Any] = {"epochs": 5, "seed": 0, "validation": (X, Y)}
    with pytest.raises(ZeroDivisionError) as caught:
        mlp.fit(X, Y, metrics=("accuracy", failing), **told)
    again = expected.fit(X, Y, callbacks=_stop_after(3), **told)
    assert mlp.w.tobytes() == expected.w.tobytes()
    history = caught.value.history  # type: ignore[attr-defined]
    lists = (history.loss, history.validation_loss, history.eta, *history.metrics.values())
    assert [len(entries) for entries in lists] == [2] * 5
    assert history.loss == again.loss[:2]
    assert "after epoch 3 of 5" in caught.value.__notes__[0]
    assert "`history` holds the 2 before it" in caught.value.__notes__[0]


def test_an_exception_that_takes_no_attributes() -> None:
    @dataclass(frozen=True)
    class FrozenError(Exception):
        code: int

    class Raising:
        def on_epoch_end(self, run: Any) -> None:
            raise FrozenError(3)

    mlp, X, Y = problem()
    with pytest.raises(FrozenError, match="3"):
        mlp.fit(X, Y, callbacks=[Raising(), Failing("on_fit_end")])
    with pytest.raises(FrozenError, match="3"):
        dr.fit_many([mlp, problem()[0]], X, Y, callbacks=dr.each([[Raising()], []]))


@pytest.mark.parametrize("callbacks", [3, [3], Callback, [Diary], object(), "progress"])
def test_what_is_no_callback(callbacks: Any) -> None:
    mlp, X, Y = problem()
    with pytest.raises(
        TypeError, match=r"callbacks: .* expected objects with some of on_fit_begin"
    ):
        mlp.fit(X, Y, callbacks=callbacks)


def numbers(path: Path) -> tuple[list[str], np.ndarray]:
    with path.open(newline="") as file:
        header, *rows = csv.reader(file)
    return header, np.array(rows, float)


def test_csv_and_json_lines(tmp_path: Path) -> None:
    mlp, X, Y = problem()
    logs = [CSVLog(tmp_path / "a.csv"), JSONLinesLog(str(tmp_path / "a.jsonl"))]
    nan = lambda Y, y_hat: float("nan")  # noqa: E731  # its name is <lambda>
    history = mlp.fit(
        X, Y, epochs=3, validation=0.3, metrics=["accuracy", nan], record="gradient_norm",
        callbacks=logs,
    )  # fmt: skip
    header, rows = numbers(tmp_path / "a.csv")
    assert header == [
        "epoch", "loss", "validation_loss", "eta", "seconds", "samples_per_second", "accuracy",
        "<lambda>", "gradient_norm[0]", "gradient_norm[1]",
    ]  # fmt: skip
    assert rows[:, 0].tolist() == [1, 2, 3]
    assert rows[:, 1].tolist() == history.loss  # every digit
    assert rows[:, 8:].tolist() == [list(norms) for norms in history.gradient_norm]
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert [line["validation_loss"] for line in lines] == history.validation_loss
    assert {line["<lambda>"] for line in lines} == {None}


def test_a_log_is_there_after_every_epoch_and_anew_for_every_training(tmp_path: Path) -> None:
    mlp, X, Y = problem()
    path = tmp_path / "log.csv"

    class Reading:
        def on_epoch_end(self, run: Any) -> None:
            assert len(numbers(path)[1]) == run.epoch

    for _ in range(2):
        mlp.fit(X, Y, epochs=3, callbacks=[CSVLog(path), Reading()])
    with pytest.raises(OSError, match="missing"):
        mlp.fit(X, Y, callbacks=CSVLog(tmp_path / "missing" / "log.csv"))
    with pytest.raises(TypeError):
        CSVLog(3)  # type: ignore[arg-type]


def test_gradient_norms(tmp_path: Path) -> None:
    mlp, X, Y = problem()
    log = GradientNormLog(tmp_path / "norms.csv", every=2)
    mlp.fit(X, Y, epochs=4, seed=0, callbacks=log)
    header, rows = numbers(tmp_path / "norms.csv")
    assert header == ["epoch", "gradient_norm[0]", "gradient_norm[1]"]
    assert rows[:, 0].tolist() == [2, 4]
    assert tuple(rows[-1, 1:]) == gradient_norms(mlp, X, Y)


def test_gradient_norms_of_a_resumed_training(tmp_path: Path) -> None:
    """Rows after the checkpoint are written again, none twice; a file that is new has a header."""
    _, X, Y = problem()
    names = ("whole", "parts", "lost")
    whole, parts, lost = (tmp_path / f"{name}.csv" for name in names)
    problem()[0].fit(X, Y, epochs=5, seed=0, callbacks=GradientNormLog(whole))
    told: dict[str, Any] = {"checkpoint": tmp_path / "checkpoint", "every": 2, "seed": 0}
    with pytest.raises(ZeroDivisionError):
        problem()[0].fit(
            X, Y, epochs=5, callbacks=[GradientNormLog(parts), Failing("on_epoch_end", 3)], **told
        )
    with parts.open("a") as file:
        file.write("4,0.1")  # killed in it
    logs = [GradientNormLog(parts), GradientNormLog(lost)]
    problem()[0].fit(X, Y, epochs=5, callbacks=logs, resume=True, **told)
    assert parts.read_bytes() == whole.read_bytes()
    header, *rows = whole.read_text().splitlines()
    assert lost.read_text().splitlines() == [header, *rows[2:]]


def test_best_weights_of_a_resumed_training(tmp_path: Path) -> None:
    """A better file of the part before stays; without one what is kept is of the part after."""
    _, X, Y = problem()
    told: dict[str, Any] = {
        "optimizer": dr.Adam(0.05), "validation": (X, 1 - Y), "seed": 0, "resume": True,
        "checkpoint": tmp_path / "checkpoint",
    }  # fmt: skip
    path = tmp_path / "best.safetensors"
    problem()[0].fit(X, Y, epochs=4, callbacks=BestWeights(path=path), **told)
    before = path.read_bytes()
    mlp, best, memory = problem()[0], BestWeights(path=path, restore=True), BestWeights()
    history = mlp.fit(X, Y, epochs=8, callbacks=[best, memory], **told)
    assert path.read_bytes() == before
    assert (best.score, best.epoch) == (history.validation_loss[0], 1)
    assert mlp.w.tobytes() == dr.load(path).w.tobytes()
    assert (memory.score, memory.epoch) == (history.validation_loss[4], 5)


def test_best_weights(tmp_path: Path) -> None:
    mlp, X, Y = problem()
    path = tmp_path / "best.safetensors"
    best = BestWeights("loss", path=path, restore=True)
    held_out = (X, 1 - Y)  # the more it learns, the worse
    history = mlp.fit(X, Y, dr.Adam(0.05), epochs=9, validation=held_out, callbacks=best, seed=0)
    assert best.score == min(history.validation_loss)
    assert best.epoch == int(np.argmin(history.validation_loss)) + 1
    assert mlp.loss(*held_out) == dr.load(path).loss(*held_out) == best.score
    slowly = BestWeights()  # any gain is one, however small
    history = problem()[0].fit(X, Y, dr.SGD(1e-3), epochs=3, validation=(X, Y), callbacks=slowly)
    assert (slowly.score, slowly.epoch) == (history.validation_loss[2], 3)
    accuracy = BestWeights("accuracy")
    with pytest.raises(ValueError, match="metric: 'accuracy'; expected 'loss', or more of fit's"):
        mlp.fit(X, Y, callbacks=accuracy)
    mlp.fit(X, Y, callbacks=accuracy, validation=0.2, metrics="accuracy")
    assert accuracy.greater_is_better
    with pytest.raises(ValueError, match="greater_is_better: None"):
        BestWeights("mine")


def test_progress_of_a_resumed_training_counts_its_own_epochs() -> None:
    left: list[float] = []
    progress = Progress()
    progress.on_fit_begin(SimpleNamespace(epoch=10, seconds=100.0, epochs=30))  # type: ignore[arg-type]
    progress._show = lambda history, seconds: left.append(seconds)
    progress.on_epoch_end(
        SimpleNamespace(epoch=12, seconds=106.0, epochs=30, history=None)  # type: ignore[arg-type]
    )
    progress.on_fit_end(SimpleNamespace())
    assert left == [18 * 3.0]  # two epochs took six seconds


def test_progress_is_silent_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    mlp, X, Y = problem()
    mlp.fit(X, Y, epochs=2, callbacks=Progress())
    assert capsys.readouterr().err == ""
    mlp.fit(X, Y, epochs=2, validation=0.2, metrics="accuracy", callbacks=Progress(always=True))
    err = capsys.readouterr().err
    assert "epoch 2/2" in err
    assert "accuracy" in err
    assert err.count("\n") == 1
    with pytest.raises(TypeError, match="always: 1"):
        Progress(1)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("seconds", "text"), [(7, "0:07"), (59.6, "1:00"), (750, "12:30"), (11045, "3:04:05")]
)
def test_time_left(seconds: float, text: str) -> None:
    from deltarule import progress

    assert progress.duration(seconds) == text
    history = dr.History()
    history.append(1.0, 0.5, 10)
    assert f"  {text} left  20 samples/s" in progress.text(history, seconds)
    assert "left" not in progress.text(history, 0.0)


class Broken(StringIO):
    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal

    def write(self, text: str) -> int:
        raise BrokenPipeError

    def flush(self) -> None:
        raise BrokenPipeError


@pytest.mark.parametrize("rich", [False, True])
@pytest.mark.parametrize("stream", [Broken(False), Broken(True), "closed"])
def test_progress_ends_no_training(
    stream: Any, rich: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if rich:
        pytest.importorskip("rich")
    else:
        monkeypatch.setattr("deltarule.progress.find_spec", lambda name: None)
    if stream == "closed":
        stream = StringIO()
        stream.close()
    monkeypatch.setattr(sys, "stderr", stream)
    mlp, X, Y = problem()
    assert mlp.fit(X, Y, epochs=3, progress=True).stopped_by == "epochs"
    assert len(dr.fit_many([mlp], X, Y, epochs=3, progress=True)[0]) == 3
    assert mlp.fit(X, Y, epochs=3, callbacks=Progress()).stopped_by == "epochs"


class Fake:
    """A module of another library: notes what is called."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Any:
        def noted(*arguments: Any, **options: Any) -> Any:
            self.calls.append((name, *arguments, *options.values()))
            return self

        return noted


def examples() -> list[str]:
    page = Path(__file__).parents[1] / "docs" / "reference" / "callbacks.md"
    return re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def test_the_page_s_examples(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """They run; TensorBoard's and MLflow's against names that note what they were given."""
    monkeypatch.chdir(tmp_path)
    mlp, X, Y = problem()
    own, tensorboard, mlflow = examples()
    names: dict[str, Any] = {"mlp": mlp, "X": X, "Y": Y}
    exec(own, names)
    assert len(numbers(tmp_path / "log.csv")[1]) == 100
    assert dr.load(tmp_path / "best.safetensors").n_weights == mlp.n_weights
    for text, module, name in [
        (tensorboard, "torch.utils.tensorboard", "TensorBoard"),
        (mlflow, "mlflow", "MLflow"),
    ]:
        fake = Fake()
        for part in (module.split(".")[0], module.rpartition(".")[0], module):
            if part:
                monkeypatch.setitem(sys.modules, part, fake)  # type: ignore[arg-type]
        exec(text, names)
        history = mlp.fit(X, Y, epochs=2, callbacks=names[name]())
        called = [call[0] for call in fake.calls]
        if name == "TensorBoard":
            assert called[0] == "SummaryWriter"
            assert ("add_scalar", "loss", history.loss[1], 2) in fake.calls
            assert called[-1] == "close"
        else:
            assert called == ["start_run", "log_params", "log_metrics", "log_metrics", "end_run"]
            assert fake.calls[-2] == ("log_metrics", history.entry(), 2)
            assert fake.calls[-1] == ("end_run", "FINISHED")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are FIFOs elsewhere")
@pytest.mark.parametrize("log", [CSVLog, JSONLinesLog, GradientNormLog])
def test_a_fifo_is_no_log(tmp_path: Path, log: Any) -> None:
    """It would wait for somebody who reads; in a training that is resumed, too."""
    _, X, Y = problem()
    path, told = tmp_path / "log", {"checkpoint": tmp_path / "checkpoint", "seed": 0}
    problem()[0].fit(X, Y, epochs=1, **told)
    os.mkfifo(path)
    ends = os.open(path, os.O_RDWR)  # so that nobody waits
    try:
        os.write(ends, b"epoch,x\n1,2\n")
        for resume in (False, True):
            mlp = problem()[0]
            before = mlp.w.tobytes()
            with pytest.raises(OSError, match="is a FIFO; expected a regular file"):
                mlp.fit(X, Y, epochs=2, callbacks=log(path), **(told | {"resume": resume}))
            assert resume or mlp.w.tobytes() == before
    finally:
        os.close(ends)


def test_a_log_of_gradient_norms_that_is_none_is_begun_anew(tmp_path: Path) -> None:
    """A number of very many digits, which Python refuses to read, is no epoch."""
    _, X, Y = problem()
    told: dict[str, Any] = {"checkpoint": tmp_path / "checkpoint", "seed": 0}
    problem()[0].fit(X, Y, epochs=1, **told)
    (tmp_path / "log").write_text("epoch,x\n" + "9" * 5000 + ",1\n")
    problem()[0].fit(
        X, Y, epochs=2, resume=True, callbacks=GradientNormLog(tmp_path / "log"), **told
    )  # fmt: skip
    assert (tmp_path / "log").read_text().count("9" * 5000) == 0
