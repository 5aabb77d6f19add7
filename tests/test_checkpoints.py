# SPDX-License-Identifier: BSD-3-Clause
"""Checkpoints: a training that goes on from one ends with the bits of one that never stopped."""

import functools
import os
import shutil
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from damaged_files import crafted_like

import deltarule as dr
from deltarule import judges, records, schedules
from deltarule.checkpointing import Checkpoints
from deltarule.files import container, read_history

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(60, 4)), RNG.normal(size=(60, 2))
CLASSES = RNG.integers(0, 2, 60)
EPOCHS, AT = 6, 3
BIT_GENERATORS = [np.random.MT19937, np.random.PCG64DXSM, np.random.Philox, np.random.SFC64]


def network(seed: int = 1, dtype: str = "float32", **options: Any) -> dr.MLP:
    return dr.MLP([4, 5, 2], "prelu", seed=seed, dtype=dtype, **options)


FITS: dict[str, dict[str, Any]] = {
    "plain": {},
    "no seed": {"seed": None},
    "no seed, dropout, a fraction held out": {"seed": None, "dropout": 0.3, "validation": 0.3},
    **{kind.__name__: {"seed": kind} for kind in BIT_GENERATORS},
    "a generator, a fraction held out": {"seed": np.random.PCG64, "validation": 0.3},
    "every second epoch": {"every": 2},
    "in order": {"shuffle": False, "batch_size": 7},
    "all rows at once": {"batch_size": None, "optimizer": dr.Rprop()},
    "momentum, decay": {"optimizer": dr.SGD(0.1, 0.9, weight_decay=0.01, max_norm=1.0)},
    "cosine": {"optimizer": dr.AdamW(schedules.Cosine(0.1))},
    "plateau": {
        "optimizer": dr.SGD(schedules.Plateau(0.5, patience=0, watch="validation_loss")),
        "validation": (X[:9], Y[:9]),
    },
    "noise falls": {"noise": schedules.Linear(0.5), "dropout": dr.Dropout((0.2,), 0.1)},
    "ema": {"average": dr.EMA(0.9)},
    "swa": {"average": dr.SWA(2, 2)},
    "swa, none yet": {"average": dr.SWA(5)},
    "weights": {"sample_weight": np.arange(60) % 3},
    "records": {"record": ("gradient_norm", "saturation")},
    "stop_tol": {"optimizer": dr.SGD(0.1), "batch_size": None, "stop_tol": 0.1},
    "best weights": {
        "stopping": dr.EarlyStopping(patience=5), "optimizer": dr.SGD(0.5), "validation": 0.3,
    },
    "metrics": {
        "validation": (X[:9], Y[:9]), "metrics": ("r2", "mean_absolute_error"),
        "stopping": dr.EarlyStopping("r2", patience=2, restore="last_best"),
    },
    "float64": {"dtype": "float64", "dropout": 0.1},
}  # fmt: skip


class Copies:
    """Keeps the checkpoint as it was after `AT` epochs; it is written after callbacks."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_epoch_end(self, run: Any) -> None:
        if run.epoch == AT + 1:
            shutil.copy(self.path, f"{self.path}.copy")


def seed_of(seed: Any, other: int = 0) -> Any:
    return np.random.Generator(seed(7 + other)) if isinstance(seed, type) else seed


def comparable(history: dr.History) -> dict[str, Any]:
    """All but times, which no two trainings share."""
    values = vars(history).copy()
    assert len(values.pop("seconds")) == len(values.pop("samples_per_second")) == len(history.loss)
    return values


@pytest.mark.parametrize("name", FITS)
def test_resumed_is_uninterrupted(name: str, tmp_path: Path) -> None:
    options = {"seed": 5, "batch_size": 16, **FITS[name]}
    dtype, seed = options.pop("dtype", "float32"), options.pop("seed")
    path = tmp_path / "checkpoint"
    first = network(dtype=dtype)
    told = {"epochs": EPOCHS, "checkpoint": path, **options}
    history = first.fit(X, Y, seed=seed_of(seed), callbacks=Copies(path), **told)
    if seed is not None:
        plain = network(dtype=dtype)
        del told["checkpoint"]
        every = {name: value for name, value in told.items() if name != "every"}
        assert comparable(plain.fit(X, Y, seed=seed_of(seed), **every)) == comparable(history)
        assert plain.w.tobytes() == first.w.tobytes()
    copy = f"{path}.copy"
    epoch = container.read(copy).sections["fit"]["epoch"]
    assert epoch == (AT if options.get("every", 1) == 1 else 2)
    second = network(seed=9, dtype=dtype)
    told = {"epochs": EPOCHS, "resume": copy, "checkpoint": path, **options}
    again = second.fit(X, Y, seed=seed_of(seed, 1), n_threads=2, **told)
    assert comparable(again) == comparable(history)
    assert again.seconds[:epoch] == history.seconds[:epoch]
    assert second.w.tobytes() == first.w.tobytes()
    assert {*os.listdir(tmp_path)} == {"checkpoint", "checkpoint.copy"}


@pytest.mark.parametrize("shuffle", [True, False])
def test_streams(shuffle: bool, tmp_path: Path) -> None:
    """Blocks in whatever order the seed draws; a schedule that needs the number of rows."""
    path = tmp_path / "checkpoint"
    blocks = [(X[:25], Y[:25]), (X[25:], Y[25:])]
    told: dict[str, Any] = {"shuffle": shuffle, "buffer_rows": 20 if shuffle else None}
    told |= {"optimizer": dr.SGD(schedules.Cosine(0.1)), "batch_size": 16, "seed": 5, "epochs": 6}
    whole, parts = network(), network(seed=9)
    history = whole.fit(blocks, checkpoint=path, callbacks=Copies(path), **told)
    again = parts.fit(blocks, resume=f"{path}.copy", **told)
    assert comparable(again) == comparable(history)
    assert parts.w.tobytes() == whole.w.tobytes()
    with pytest.raises(ValueError, match=r"^(stream|buffer_rows): (False|None); expected "):
        parts.fit(X, Y, resume=path, **told | {"buffer_rows": None})
    parts.fit(X, Y, epochs=1, checkpoint=tmp_path / "arrays")
    for name, stream in (("checkpoint", True), ("arrays", False)):
        assert container.read(tmp_path / name).sections["fit"]["told"]["stream"] is stream


def test_further_epochs(tmp_path: Path) -> None:
    """A finished training takes more; and one that is not there yet begins."""
    path = tmp_path / "checkpoint"
    whole, parts = network(), network()
    history = whole.fit(X, Y, epochs=7, seed=0)
    for epochs in (1, 3, 3, 5, 7):
        again = parts.fit(X, Y, epochs=epochs, seed=0, checkpoint=path, resume=True, every=2)
        assert again.stopped_by == "epochs"
        kept = read_history(path)
        assert kept is not None
        assert vars(kept) == vars(again)
        assert dr.load(path).w.tobytes() == parts.w.tobytes()
    assert comparable(again) == comparable(history)
    assert parts.w.tobytes() == whole.w.tobytes()
    assert container.read(path).sections["fit"]["seconds"] > sum(again.seconds)
    trainer = dr.Trainer.load(path)
    assert (trainer.n_epochs, trainer.mlp.w.tobytes()) == (7, whole.w.tobytes())


class StopsAt:
    def __init__(self, epoch: int, reason: str = "enough") -> None:
        self.epoch, self.reason = epoch, reason

    def on_epoch_end(self, run: Any) -> None:
        if run.epoch == self.epoch:
            run.stop(self.reason)


class KilledAtTheEnd(Checkpoints):
    """As if the process had gone once the last epoch was written, before the end was."""

    def end(self, run: Any) -> None:
        raise KeyboardInterrupt


@pytest.mark.parametrize("killed", [False, True])
def test_a_training_that_a_callback_stopped_stays_finished(
    killed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "checkpoint"
    told: dict[str, Any] = {"seed": 0, "checkpoint": path, "resume": True}
    first, again = network(), network(seed=2)
    with monkeypatch.context() as patch:
        if killed:
            patch.setattr(Checkpoints, "end", KilledAtTheEnd.end)
        try:
            first.fit(X, Y, epochs=6, callbacks=StopsAt(3), **told)
        except KeyboardInterrupt:
            assert killed
    history = again.fit(X, Y, epochs=6, callbacks=StopsAt(3), **told)
    assert (len(history), history.stopped_by) == (3, "enough")
    assert again.w.tobytes() == first.w.tobytes()
    for epochs, stop, stopped in (
        (7, 5, (5, "later")),
        (7, 6, (5, "later")),
        (8, 0, (8, "epochs")),
    ):
        history = again.fit(X, Y, epochs=epochs, callbacks=StopsAt(stop, "later"), **told)
        assert (len(history), history.stopped_by) == stopped
    whole = network()
    whole.fit(X, Y, epochs=8, seed=0)
    assert again.w.tobytes() == whole.w.tobytes()


def test_metrics_that_are_objects(tmp_path: Path) -> None:
    """What a file has of one is a name that the next process gives it too."""

    class Locked:
        lock = threading.Lock()

        def __init__(self) -> None:
            self.own = self.lock

        def __call__(self, Y: Any, y_hat: Any) -> float:
            return float(np.mean(y_hat))

    path = tmp_path / "checkpoint"
    for epochs in (2, 4):
        rule = dr.EarlyStopping(Locked(), patience=9, greater_is_better=True)
        history = network().fit(
            X, Y, epochs=epochs, seed=0, validation=0.3, stopping=rule, checkpoint=path,
            resume=True, metrics=functools.partial(Locked()),
        )  # fmt: skip
    assert {name: len(values) for name, values in history.metrics.items()} == {
        "partial": 4, "Locked": 4,
    }  # fmt: skip


def test_sets_have_one_order() -> None:
    """The order of a set of texts is another one in every process."""

    class Other(set):  # type: ignore[type-arg]
        def __iter__(self) -> Any:
            return iter(sorted(super().__iter__(), reverse=True))

    names = ["mean_absolute_error", "r2"]
    net = network().architecture
    assert [*judges.requested(Other(names), net)] == [*judges.requested({*names}, net)] == names
    records_ = ("gradient_norm", "saturation")
    assert records.requested(Other(records_)) == records.requested(frozenset(records_)) == records_


def test_an_exception_after_a_resumption(tmp_path: Path) -> None:
    """Why the first part ended is not why the second did."""
    path = tmp_path / "checkpoint"
    network().fit(X, Y, epochs=2, seed=0, checkpoint=path)

    class Fails:
        def on_epoch_end(self, run: Any) -> None:
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough") as caught:
        network().fit(X, Y, epochs=4, seed=0, resume=path, callbacks=Fails())
    history = caught.value.history  # type: ignore[attr-defined]
    assert (len(history), history.stopped_by) == (3, None)


def test_the_time_budget_is_of_all_parts(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    network().fit(X, Y, epochs=1, seed=0, checkpoint=path)
    crafted_like(path, lambda manifest, _: manifest["sections"]["fit"].update(seconds=100.0))
    history = network().fit(X, Y, epochs=9, seed=0, resume=path, max_seconds=99)
    assert (len(history), history.stopped_by) == (1, "max_seconds")


def test_many_at_once(tmp_path: Path) -> None:
    """Each model has a checkpoint of its own, in one folder."""
    paths = [tmp_path / str(k) for k in range(4)]
    whole, parts = ([network(seed=k) for k in range(4)] for _ in range(2))
    expected = dr.fit_many(whole, X, Y, epochs=5, seed=[0, 1, 2, 3])
    for epochs in (2, 5):
        told: dict[str, Any] = {"epochs": epochs, "checkpoint": paths, "resume": True}
        found = dr.fit_many(parts, X, Y, seed=[0, 1, 2, 3], n_jobs=2, **told)
    assert [comparable(history) for history in found] == [*map(comparable, expected)]
    assert [mlp.w.tobytes() for mlp in parts] == [mlp.w.tobytes() for mlp in whole]


OTHERS: list[tuple[dict[str, Any], str]] = [
    ({"optimizer": dr.SGD(0.2, momentum=0.5)}, "optimizer.eta: 0.2; expected 0.1, with which the"),
    ({"optimizer": dr.Adam()}, r"optimizer: Adam\(...\); expected SGD\("),
    ({"batch_size": 8}, "batch_size: 8; expected 16"),
    ({"shuffle": False}, "shuffle: False; expected True"),
    ({"seed": 6}, "seed: 6; expected the one with which the checkpoint"),
    ({"seed": np.random.Generator(np.random.MT19937())}, "seed: a generator of MT19937; expected"),
    ({"dropout": 0.2}, r"dropout: Dropout\(...\); expected None"),
    ({"noise": 0.2}, "noise: 0.2; expected 0.0"),
    ({"average": dr.EMA()}, r"average: EMA\(...\); expected None"),
    ({"sample_weight": np.ones(60)}, "weights: True; expected False"),
    ({"validation": (X, Y)}, "validation: 60; expected None"),
    ({"validation": 0.5}, "rows: 30; expected 60"),
    ({"record": "saturation"}, r"record: \['saturation'\]; expected \[\]"),
    ({"stopping": dr.EarlyStopping()}, "stopping: {.*; expected None"),
    ({"epochs": 1}, "epochs: 1; expected at least 2, which"),
]  # fmt: skip


@pytest.mark.parametrize(("other", "message"), OTHERS, ids=[message for _, message in OTHERS])
def test_another_fit_is_refused(other: dict[str, Any], message: str, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    told = {"optimizer": dr.SGD(0.1, momentum=0.5), "batch_size": 16, "seed": 5, "epochs": 2}
    network().fit(X, Y, checkpoint=path, **told)
    before = path.read_bytes()
    mlp = network(seed=3)
    w = mlp.w
    with pytest.raises(ValueError, match=f"^{message}"):
        mlp.fit(X, Y, checkpoint=path, resume=True, **told | other)
    assert mlp.w.tobytes() == w.tobytes()
    assert path.read_bytes() == before


SAME = {"balanced": ["balanced"], "none": [None], "2, 3": [{0: 2, 1: 3.0}, {True: 3, False: 2}],
        "2": [{0: 2}, {0: np.float32(2), 1: 1}]}  # fmt: skip


@pytest.mark.parametrize("then", SAME)
@pytest.mark.parametrize("now", SAME)
def test_weights_of_classes_are_compared(now: str, then: str, tmp_path: Path) -> None:
    """Whichever way they are written; a file that does not tell them is taken as it is."""
    path = tmp_path / "checkpoint"
    told: dict[str, Any] = {"epochs": 2, "seed": 0, "sample_weight": np.ones(60)}

    def fit(class_weight: Any, **options: Any) -> dr.History:
        mlp = dr.MLP([4, 2], loss="cross_entropy", seed=0)
        return mlp.fit(X, CLASSES, class_weight=class_weight, **told | options)

    fit(SAME[then][0], checkpoint=path)
    for class_weight in SAME[now]:
        if now == then:
            assert len(fit(class_weight, resume=path, epochs=3)) == 3
        else:
            with pytest.raises(ValueError, match=r"^class_weight(.[01])?: .*; expected "):
                fit(class_weight, resume=path)
    crafted_like(path, lambda manifest, _: manifest["sections"]["fit"]["told"].pop("class_weight"))
    assert len(fit(SAME[now][0], resume=path, epochs=3)) == 3


def test_a_schedule_that_lasts_as_long_as_its_fit(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    told: dict[str, Any] = {"optimizer": dr.SGD(schedules.Cosine(0.1)), "seed": 0}
    network().fit(X, Y, epochs=2, checkpoint=path, **told)
    with pytest.raises(ValueError, match=r"optimizer.eta.over: 3.*; expected 2.* lasts as long"):
        network().fit(X, Y, epochs=3, resume=path, **told)


def test_other_data_and_networks_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    network().fit(X, Y, seed=5, epochs=2, checkpoint=path)
    with pytest.raises(ValueError, match=r"^rows: 59; expected 60, "):
        network().fit(X[1:], Y[1:], seed=5, resume=path)
    with pytest.raises(ValueError, match=r"^architecture.l2: 0.5; expected 0.0, "):
        network(l2=0.5).fit(X, Y, seed=5, resume=path)
    with pytest.raises(ValueError, match=r"^architecture.layers: \[4, 6, 2\]; expected \[4, 5, 2"):
        dr.MLP([4, 6, 2], "prelu").fit(X, Y, seed=5, resume=path)
    network().save(path)
    with pytest.raises(dr.FileFormatError, match=r"it holds a network, .*; expected a checkpoint"):
        network().fit(X, Y, resume=path)


def test_arguments(tmp_path: Path) -> None:
    mlp = network()
    w = mlp.w
    none = tmp_path / "none" / "checkpoint"
    bad: list[tuple[dict[str, Any], type[Exception], str]] = [
        ({"checkpoint": 3}, TypeError, "^checkpoint: 3 of type int; expected a str"),
        ({"checkpoint": none}, FileNotFoundError, "^path: '.*none/checkpoint' cannot be written"),
        (
            {"checkpoint": tmp_path},
            IsADirectoryError,
            "^path: .* is a directory; expected a regular file",
        ),
        ({"every": 0}, ValueError, "^every: 0"),
        ({"every": 7}, ValueError, "^every: 7 without a checkpoint; expected checkpoint=path"),
        ({"every": 7, "resume": none}, ValueError, "^every: 7 without a checkpoint"),
        ({"checkpoint": ""}, ValueError, "^path: ''; expected the name of a file"),
        ({"checkpoint": f"{none}/"}, ValueError, "^path: '.*/none/checkpoint/' names a folder"),
        ({"checkpoint": "a\0b"}, ValueError, r"^path: 'a\\x00b'; expected no NUL"),
        ({"every": 1.5, "checkpoint": tmp_path / "x"}, TypeError, "^every: 1.5"),
        ({"resume": True}, ValueError, "^resume: True without a checkpoint"),
        ({"resume": 1.5}, TypeError, "^resume: 1.5 of type float; expected a str"),
        ({"resume": none}, FileNotFoundError, "path: no such file"),
    ]
    for told, kind, message in bad:
        with pytest.raises(kind, match=message):
            mlp.fit(X, Y, **told)
    with pytest.raises(ValueError, match=r"^checkpoint: of a training by the oracle"):
        dr.oracle.MLP([4, 2]).fit(X, Y, checkpoint=tmp_path / "x")
    assert mlp.w.tobytes() == w.tobytes()


def test_what_cannot_be_kept_is_refused_before_the_first_epoch(tmp_path: Path) -> None:
    class Mine(np.random.PCG64):
        pass

    def loss(y_hat: Any, y: Any) -> Any:
        raise AssertionError("no batch is trained")

    eta = schedules.OfEpoch(lambda e: 0.1)
    with pytest.raises(ValueError, match=r"^optimizer.eta: OfEpoch"):
        network().fit(X, Y, dr.SGD(eta), checkpoint=tmp_path / "x")
    with pytest.raises(ValueError, match=r"^seed: a generator of Mine; expected one of MT19937"):
        network().fit(X, Y, seed=np.random.Generator(Mine()), checkpoint=tmp_path / "x")
    with pytest.raises(ValueError, match=r"^checkpoint: the loss is the function"):
        dr.MLP([4, 2], loss=loss).fit(X, Y, checkpoint=tmp_path / "x")
    assert not list(tmp_path.iterdir())


NESTED: Any = functools.reduce(lambda inner, _: [inner], range(600), [])
WRONG: list[tuple[str, Any, str]] = [
    ("epoch", -1, "its epoch is -1; expected int"),
    ("epoch", True, "its epoch is True"),
    ("seconds", 1, "its seconds is 1; expected float"),
    ("told", [], r"its told is \[\]; expected dict"),
    ("stops", {}, r"its rules to stop are \[\]"),
    ("stops", {"early_stopping": {}}, r"its early_stopping has {}"),
    ("stops/early_stopping/best", "high", "its early_stopping.best is 'high'; expected a number"),
    ("stops/early_stopping/best", 10**400, "its early_stopping.best is 1000"),
    ("stops/early_stopping/best", NESTED, r"its early_stopping.best is \[\[\["),
    ("stops/early_stopping/mark", {"number": "nan"}, "its early_stopping.mark is nan"),
    ("stops/early_stopping/wait", None, "its early_stopping.wait is None; expected a count"),
    ("stops/early_stopping/wait", 0.5, "its early_stopping.wait is 0.5"),
    ("stops/early_stopping/best_epoch", -1, "its early_stopping.best_epoch is -1"),
    ("stops/early_stopping/best_w", 1.0, "it has no weights 1.0"),
    ("stops/asked", {"reason": 3, "epochs": 9}, "its asked.reason is 3; expected a text"),
    ("stops/asked", {"reason": "x", "epochs": None}, "its asked.epochs is None; expected a count"),
    ("stops/other", {}, r"its rules to stop are \['early_stopping', 'other'\]"),
    ("epoch", 1, "it has 1 epochs, 2 in its history and 2 in its trainer"),
    ("../trainer/state/epochs", 3, "it has 2 epochs, 2 in its history and 3 in its trainer"),
    ("../flavour", {}, r"its sections have \['flavour'\]"),
    (
        "../history/metrics",
        [[1], [2]],
        r"its history's metrics are \[\[1\], \[2\]\]; expected names",
    ),
    ("../history/metrics", [{}], r"its history's metrics are \[{}\]"),
    ("../history/metrics", "x" * 9999, "its history's metrics are 'xxx"),
    ("../history/metrics", ["r2"], "its history has no tensor history.metrics.0"),
    ("../history/stopped_by", [1], r"its history's stopped_by is \[1\]; expected a text"),
    ("../history/best_epoch", {"a": 1}, "its history's best_epoch is {'a': 1}"),
    ("../history/best_epoch", 3, "its history's best_epoch is 3; expected one of its epochs"),
    ("../trainer/key", -1, "its trainer's key is -1; expected 64 bits"),
    ("../trainer/key", "xx", "its trainer's key is 'xx'"),
    ("../trainer/key", 10**400, "its trainer's key is 1000"),
    ("stops/early_stopping/best_w", {"tensor": "slot"}, "it has no weights {'tensor': 'slot'}"),
    ("generator", {}, "its generator's state is {}; expected a state"),
    ("generator/bit_generator", "os.system", "bit_generator is 'os.system'"),
    ("generator/state/inc", -1, "its generator's inc is -1; expected a state"),
    ("generator/has_uint32", 7, "its generator's has_uint32 is 7"),
    ("flavour", 1, "its fit has .*'flavour'"),
]


@pytest.mark.parametrize(("place", "value", "message"), WRONG)
def test_checkpoints_that_do_not_hold_together(
    place: str, value: Any, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "checkpoint"
    told: dict[str, Any] = {"seed": 5, "stopping": dr.EarlyStopping()}
    network().fit(X, Y, epochs=2, checkpoint=path, **told)

    def change(manifest: dict[str, Any], tensors: Any) -> None:
        at = manifest["sections"]["fit"]
        *way, last = place.split("/")
        for key in way:
            at = manifest["sections"] if key == ".." else at[key]
        at[last] = value

    crafted_like(path, change)
    mlp = network(seed=3)
    w = mlp.w
    with pytest.raises(dr.FileFormatError, match=f"^path: .*{message}") as caught:
        mlp.fit(X, Y, epochs=3, resume=path, **told)
    assert len(str(caught.value)) < 1000
    assert mlp.w.tobytes() == w.tobytes()


@pytest.mark.parametrize("part", ["state", "moving", "key", "dropout"])
def test_a_trainer_without_a_part(part: str, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    network().fit(X, Y, epochs=2, checkpoint=path, seed=5)
    crafted_like(path, lambda manifest, _: manifest["sections"]["trainer"].pop(part))
    with pytest.raises(dr.FileFormatError, match=r"^path: .*its trainer is .*; expected its"):
        network().fit(X, Y, epochs=3, resume=path, seed=5)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("history.loss", np.zeros(3), "has 2 epochs of seconds; expected 3|3 in its history"),
        ("history.seconds", np.zeros(1), "its history has 1 epochs of seconds; expected 2 as of"),
        ("history.loss", np.zeros((2, 1)), "its history has 2-dimensional float64 as loss"),
        ("history.saturated", np.zeros(2), "its history has 1-dimensional float64 as saturated"),
        ("history.zz", np.zeros(2), r"its history has tensors \['history.zz'\]"),
        ("V.0", np.zeros(2), r"its tensors have \['V.0'\]"),
        ("average", np.zeros(47, np.float32), "it has a tensor average; expected none"),
    ],
)
def test_tensors_that_do_not_hold_together(
    name: str, value: np.ndarray, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "checkpoint"
    told: dict[str, Any] = {"seed": 5, "record": "saturation"}
    network().fit(X, Y, epochs=2, checkpoint=path, **told)
    crafted_like(path, lambda manifest, tensors: tensors.__setitem__(name, value))
    mlp = network(seed=3)
    w = mlp.w
    with pytest.raises(dr.FileFormatError, match=message):
        mlp.fit(X, Y, epochs=3, resume=path, **told)
    assert mlp.w.tobytes() == w.tobytes()


def test_generators_that_numpy_would_read_beyond(tmp_path: Path) -> None:
    """MT19937's position in its 624 words is not judged by NumPy."""
    path = tmp_path / "checkpoint"

    def seed() -> np.random.Generator:
        return np.random.Generator(np.random.MT19937(3))

    network().fit(X, Y, seed=seed(), epochs=1, checkpoint=path)
    for place, value in (("pos", 10**6), ("key", {"tensor": "W.0"}), ("key", 3)):
        kept = path.read_bytes()

        def change(manifest: Any, tensors: Any, place: str = place, value: Any = value) -> None:
            manifest["sections"]["fit"]["generator"]["state"][place] = value

        crafted_like(path, change)
        with pytest.raises(dr.FileFormatError, match=f"its generator's {place} is"):
            network().fit(X, Y, seed=seed(), resume=path)
        path.write_bytes(kept)


MASK = 2**128 - 1
MULTIPLIER = {"PCG64": 0x2360ED051FC65DA44385DF649FCCF645, "PCG64DXSM": 0xDA942042E4DD58B5}


def stuck(kind: str, at: Any, tensors: Any, which: str) -> None:
    """Make a generator's state one that gives the same number for ever."""
    if kind == "MT19937":
        tensors[f"{which}.key"] = np.zeros(624, np.uint32)
        tensors[f"{which}.key"][0] = 2**31 - 1  # bits of the first word that do not count
        return
    state = 0x0123456789ABCDEFFEDCBA9876543210  # a fixed point of x -> x * multiplier + inc
    at["state"] = {"state": state, "inc": state * (1 - MULTIPLIER[kind]) & MASK}


@pytest.mark.parametrize("which", ["generator", "start"])
@pytest.mark.parametrize("kind", ["PCG64", "PCG64DXSM", "MT19937"])
def test_generators_that_give_one_number_for_ever(kind: str, which: str, tmp_path: Path) -> None:
    """NumPy draws again until a number fits: with these it would draw without end."""
    path = tmp_path / "checkpoint"

    def seed() -> np.random.Generator:
        return np.random.Generator(getattr(np.random, kind)(3))

    network().fit(X, Y, seed=seed(), epochs=1, checkpoint=path)

    def change(manifest: Any, tensors: Any) -> None:
        stuck(kind, manifest["sections"]["fit"][which], tensors, which)

    crafted_like(path, change)
    mlp, w = network(seed=3), network(seed=3).w
    with pytest.raises(dr.FileFormatError, match=r"its generator's (inc|key) is .*; expected"):
        mlp.fit(X, Y, seed=seed(), epochs=1, resume=path)  # its one epoch is over: nothing is drawn
    assert mlp.w.tobytes() == w.tobytes()


@pytest.mark.parametrize("kind", ["Philox", "SFC64"])
def test_generators_that_count_are_never_stuck(kind: str) -> None:
    """Each draw changes a counter in their state, so that any state gives changing numbers."""
    bits = getattr(np.random, kind)(3)
    state = bits.state
    for a in state["state"].values():
        a[:] = 0
    bits.state = state
    assert len({*np.random.Generator(bits).integers(2**63, size=64).tolist()}) > 32
