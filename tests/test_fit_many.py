# SPDX-License-Identifier: BSD-3-Clause
"""fit_many: each network as its own fit, on one thread each; errors, Ctrl-C, shared arguments."""

import signal
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from test_interrupt import ATTEMPTS, PROMPT, ctrl_c_after

import deltarule as dr
from deltarule import _core
from deltarule import many as module

N = 300
rng = np.random.default_rng(0)
X = rng.normal(size=(N, 6))
Y = rng.integers(0, 4, N)


@pytest.fixture(autouse=True)
def default_ctrl_c() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def networks(n: int = 4, between: tuple[int, ...] = (), **options: Any) -> list[dr.MLP]:
    settings = {"loss": "cross_entropy", "activation": "tanh", **options}
    return [dr.MLP([6, 5 + 7 * i, *between, 4], seed=i, **settings) for i in range(n)]


def losses(history: dr.History) -> tuple[Any, ...]:
    return history.loss, history.validation_loss, history.metrics, history.stopped_by, history.eta


def test_time_that_is_left() -> None:
    """Half of one model of two, of equal work: a quarter of all."""
    run = SimpleNamespace(epochs=8, history=dr.History())
    jobs: Any = [
        SimpleNamespace(work=3.0, done=done, run=run, over=False, error=None) for done in (4, 0)
    ]
    assert module._text(jobs, 10.0) == "models 0/2  0:30 left"
    jobs[0].done = 0
    assert module._text(jobs, 10.0) == "models 0/2"


# Of each argument: what all models get, or what each one does.
SWEEPS: dict[str, dict[str, Any]] = {
    "seeds": {"seed": [3, 1, 4, 1]},
    "an array of seeds": {"seed": np.arange(4)[::-1], "epochs": np.array([2, 1, 3, 1])},
    "a range of seeds": {"seed": range(4), "shuffle": [True, False, True, False]},
    "one seed": {"seed": 7, "batch_size": [1, 32, None, 50]},
    "rates": {"seed": 0, "optimizer": [dr.SGD(0.1), dr.Adam(), dr.Adam(0.01), dr.Lion()]},
    "lengths": {"seed": 0, "epochs": (1, 7, 3, 2)},
    "a schedule": {
        "seed": 0, "epochs": [2, 3, 4, 5], "optimizer": dr.Adam(dr.schedules.Cosine(0.01)),
    },
    "dropout": {"seed": 0, "dropout": [0.0, 0.1, 0.2, None], "noise": 0.1},
    "stopping": {
        "seed": 0, "epochs": 30, "validation": 0.25, "metrics": ["accuracy"],
        "stopping": [dr.EarlyStopping(patience=p) for p in (1, 2, 3, 4)],
    },
    "averages": {"seed": 0, "average": [dr.EMA(0.9), None, dr.SWA(start=2), None]},
    "weights": {
        "seed": 0, "sample_weight": np.arange(N) % 3, "class_weight": [None, "balanced", None, {}],
    },
    "records": {"seed": 0, "record": ["gradient_norm", "saturation"]},
}  # fmt: skip


ONE = ("metrics", "record", "sample_weight")  # of which a list is one value


@pytest.mark.parametrize("n_jobs", [1, 2, 5])
@pytest.mark.parametrize("name", SWEEPS)
def test_each_is_its_own_fit_bit_for_bit(name: str, n_jobs: int) -> None:
    together, alone = networks(), networks()
    histories = dr.fit_many(together, X, Y, n_jobs=n_jobs, **SWEEPS[name])
    listed = (list, tuple, range, np.ndarray)
    for i, mlp in enumerate(alone):
        own = {
            key: value[i] if isinstance(value, listed) and key not in ONE else value
            for key, value in SWEEPS[name].items()
        }  # fmt: skip
        history = mlp.fit(X, Y, **own)
        assert losses(history) == losses(histories[i])
        assert history.gradient_norm == histories[i].gradient_norm
        assert mlp.w.tobytes() == together[i].w.tobytes()
    assert len({mlp.w.tobytes() for mlp in together}) == 4


def test_data_of_each() -> None:
    """X, Y, validation and weights one for each model, of networks that differ in all."""
    sizes, dtypes = [(3, 2), (5, 1), (4, 3)], ["float32", "float64", "float32"]
    sets = [(rng.normal(size=(50, h)), rng.normal(size=(50, k))) for h, k in sizes]
    two = [
        [
            dr.MLP([h, 9, k], loss="huber", dtype=t, seed=0)
            for (h, k), t in zip(sizes, dtypes, strict=True)
        ]
        for _ in range(2)
    ]
    weights = [None, rng.uniform(size=50), np.ones(50)]
    histories = dr.fit_many(
        two[0], dr.each(x for x, _ in sets), dr.each(y for _, y in sets), seed=0,
        validation=dr.each(sets), sample_weight=dr.each(weights), metrics=["r2"],
    )  # fmt: skip
    for mlp, same, (x, y), s, history in zip(two[1], two[0], sets, weights, histories, strict=True):
        own = mlp.fit(x, y, seed=0, validation=(x, y), sample_weight=s, metrics=["r2"])
        assert losses(own) == losses(history)
        assert mlp.w.tobytes() == same.w.tobytes()


def test_threads_train_one_model_each_and_longest_first() -> None:
    seen: list[tuple[int, int]] = []
    lock = threading.Lock()

    class Note:
        def on_fit_begin(self, run: Any) -> None:
            with lock:
                seen.append((run.mlp.layers[1], threading.get_ident()))

    dr.fit_many(networks(), X, Y, n_jobs=1, epochs=2, callbacks=Note())
    assert [width for width, _ in seen] == [26, 19, 12, 5]
    assert threading.main_thread().ident not in {thread for _, thread in seen}


def test_two_train_at_once() -> None:
    """Each waits in a callback for the other to get as far."""
    both = threading.Barrier(2, timeout=20)

    class Meet:
        def on_epoch_end(self, run: Any) -> None:
            both.wait()

    dr.fit_many(networks(2), X, Y, n_jobs=2, epochs=5, callbacks=Meet())


class Fail:
    def __init__(self, error: BaseException, epoch: int = 2) -> None:
        self.error, self.epoch = error, epoch

    def on_epoch_end(self, run: Any) -> None:
        if run.epoch == self.epoch:
            raise self.error


def test_a_failure_loses_no_other_model() -> None:
    together, alone = networks(), networks()
    errors = [OSError("of 1"), SystemExit("of 3")]
    fail = dr.each([(), Fail(errors[0]), (), Fail(errors[1], 3)])
    with pytest.raises(OSError, match="of 1") as caught:
        dr.fit_many(together, X, Y, seed=0, epochs=5, callbacks=fail)
    error: Any = caught.value
    assert error.failures == {1: errors[0], 3: errors[1]}
    assert [len(history) for history in error.histories] == [5, 2, 5, 3]
    assert [h.stopped_by for h in error.histories] == ["epochs", None, "epochs", None]
    assert error.__notes__[-2:] == [
        "fit_many: model 3 failed, too: SystemExit: of 3",
        "fit_many: this is model 1's; 2 of 4 finished",
    ]
    for mlp, same, epochs in zip(alone, together, [5, 2, 5, 3], strict=True):
        mlp.fit(X, Y, seed=0, epochs=epochs)
        assert mlp.w.tobytes() == same.w.tobytes()


def test_one_diverges() -> None:
    mlps = networks(3, loss="half_squared_error")
    before = mlps[1].w.tobytes()
    with pytest.raises(FloatingPointError, match="epoch 1") as caught:
        dr.fit_many(mlps, X, np.eye(4)[Y], optimizer=[dr.SGD(0.1), dr.SGD(1e30), dr.SGD(0.1)])
    assert [*caught.value.failures] == [1]  # type: ignore[attr-defined]
    assert mlps[1].w.tobytes() == before


LONG = {  # one epoch of some seconds, thousands of short ones in Python, many in one native call
    "one long epoch": {"rows": 400_000, "epochs": 1, "batch_size": 32},
    "one long batch": {"rows": 400_000, "epochs": 1, "batch_size": None},
    "short epochs": {"rows": 40, "epochs": 10**6, "validation": (X[:8], Y[:8])},
    "short epochs alone": {"rows": 40, "epochs": 10**6},
}


@pytest.mark.parametrize("name", LONG)
def test_ctrl_c_stops_all(name: str) -> None:
    """Within 0.2 s, each at the end of an epoch; those that had not begun are as they were."""
    options: dict[str, Any] = dict(LONG[name])
    rows = np.arange(options.pop("rows")) % N
    x, y = X[rows], Y[rows]
    between = (512, 512) if options["epochs"] == 1 else ()
    delays = []
    for _ in range(ATTEMPTS):
        mlps, before = networks(between=between), networks(between=between)
        with ctrl_c_after(0.3) as sent, pytest.raises(KeyboardInterrupt) as caught:
            dr.fit_many(mlps, x, y, n_jobs=2, seed=0, optimizer=dr.SGD(1e-4), **options)
        delays.append(time.perf_counter() - sent[0])
        histories = caught.value.histories  # type: ignore[attr-defined]
        if delays[-1] < PROMPT:
            break
    assert min(delays) < PROMPT
    assert all(thread.name[:8] != "fit_many" for thread in threading.enumerate())
    assert [len(history) for history in histories[:2]] == [0, 0]  # shortest last
    assert mlps[0].w.tobytes() == before[0].w.tobytes()
    if options["epochs"] == 1:
        assert [len(history) for history in histories] == [0] * 4
        assert mlps[3].w.tobytes() == before[3].w.tobytes()
    else:
        epochs = len(histories[3])
        assert epochs > 0
        possible = []
        for extra in (0, 1):  # the flag may be raised between an epoch and its history
            alone = networks()[3]
            options["epochs"] = epochs + extra
            alone.fit(x, y, seed=0, optimizer=dr.SGD(1e-4), **options)
            possible.append(alone.w.tobytes())
        assert mlps[3].w.tobytes() in possible


def test_what_goes_wrong_outside_stops_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> str:
        raise OSError("no terminal")

    monkeypatch.setattr(module, "_text", broken)
    start = time.perf_counter()
    with pytest.raises(OSError, match="no terminal"):
        dr.fit_many(networks(2), X, Y, epochs=10**6, progress=True)
    assert time.perf_counter() - start < 5


def test_flag_is_of_one_thread_and_one_block() -> None:
    mlp, flag = networks(1)[0], _core.StopFlag()
    trainer = dr.Trainer(mlp)
    assert not flag.is_set
    with flag:
        trainer.epoch(X, Y)
        flag.set()
        w = mlp.w.tobytes()
        with pytest.raises(KeyboardInterrupt):
            trainer.epoch(X, Y)
        other = threading.Thread(target=trainer.epoch, args=(X, Y))
        other.start()
        other.join()
        assert trainer.n_epochs == 2
        assert mlp.w.tobytes() != w
    trainer.epoch(X, Y)
    assert flag.is_set
    assert trainer.n_epochs == 3


GENERATOR = np.random.default_rng(0)
BAD: dict[str, tuple[type[Exception], str, dict[str, Any]]] = {
    "no such argument": (TypeError, "'epoch' is no argument of fit", {"epoch": 3}),
    "n_threads": (TypeError, "n_threads: .*expected n_jobs", {"n_threads": 2}),
    "n_jobs 0": (ValueError, "n_jobs: 0", {"n_jobs": 0}),
    "n_jobs": (TypeError, "n_jobs: 'two'", {"n_jobs": "two"}),
    "progress": (TypeError, "progress: 1", {"progress": 1}),
    "too few": (ValueError, "seed: 3 values; expected 4", {"seed": [1, 2, 3]}),
    "too few of each": (ValueError, "metrics: 1 values", {"metrics": dr.each([["accuracy"]])}),
    "one is wrong": (ValueError, "batch_size: 0", {"batch_size": [1, 2, 3, 0]}),
    "a generator": (ValueError, "seed: Generator.*expected one for each", {"seed": GENERATOR}),
    "the same twice": (
        ValueError, "seed: Generator", {"seed": [1, GENERATOR, 2, GENERATOR]},
    ),
    "a checkpoint": (ValueError, "checkpoint: 'kept'.*several", {"checkpoint": "kept"}),
    "one file": (
        ValueError, "checkpoint: './a'", {"checkpoint": ["a", "b", "./a", "c"]},
    ),
    "a callback of ours": (
        ValueError, "callbacks: Progress for several", {"callbacks": dr.callbacks.Progress()},
    ),
    "no callback": (TypeError, "callbacks: 3", {"callbacks": 3}),
    "X": (ValueError, r"X: shape \(300, 5\)", {"X": X[:, :5]}),
    "words": (TypeError, "X: dtype", {"X": [["a"] * 6]}),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_arguments_touch_nothing(name: str) -> None:
    error, message, options = BAD[name]
    mlps, before = networks(), networks()
    arguments: dict[str, Any] = {"X": X, "Y": Y, **options}
    with pytest.raises(error, match=message):
        dr.fit_many(mlps, **arguments)
    assert all(mlp.w.tobytes() == old.w.tobytes() for mlp, old in zip(mlps, before, strict=True))


def test_note_says_which_model() -> None:
    with pytest.raises(ValueError, match="epochs: 0") as caught:
        dr.fit_many(networks(), X, Y, epochs=[1, 1, 0, 1])
    assert caught.value.__notes__ == ["fit_many: an argument of model 2"]


@pytest.mark.parametrize(
    ("mlps", "error", "message"),
    [
        ([], ValueError, "mlps: none"),
        (dr.MLP([6, 4]), TypeError, "mlps: .*MLP.*expected several"),
        (3, TypeError, "mlps: 3"),
        ([dr.MLP([6, 4]), "net"], TypeError, "mlps: 1 is of type str"),
        ([dr.oracle.MLP([6, 4])], TypeError, "mlps: 0 is of type MLP"),
        ([dr.MLP([6, 4])] * 2, ValueError, "mlps: 0 and 1 are one network"),
    ],
)
def test_bad_networks(mlps: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        dr.fit_many(mlps, X, Y)


def test_each_wants_values() -> None:
    for bad in (3, "abc"):
        with pytest.raises(TypeError, match="values: "):
            dr.each(bad)  # type: ignore[arg-type]


def test_one_line_of_progress(capsys: pytest.CaptureFixture[str]) -> None:
    dr.fit_many(networks(), X, Y, epochs=[3, 1, 2, 4], seed=0, progress=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("epoch 10/10  models 4/4  lowest loss ")
    assert err.count("\n") == 1
    dr.fit_many(networks(), X, Y, epochs=1, validation=(X, Y))
    assert capsys.readouterr().err == ""


def test_given_losses_and_metrics_in_threads() -> None:
    """Python that every model calls: the same numbers, and no deadlock."""

    def half_square(y_hat: Any, y: Any) -> tuple[Any, Any]:
        return 0.5 * ((y_hat - y) ** 2).sum(axis=1), y_hat - y

    def worst(y: Any, y_hat: Any) -> float:
        return float(np.abs(y - y_hat).max())

    targets = np.eye(4)[Y]
    two = [[dr.MLP([6, 8, 4], loss=half_square, seed=i) for i in range(3)] for _ in range(2)]
    options = {"seed": 0, "epochs": 3, "metrics": worst, "validation": (X, targets)}
    histories = dr.fit_many(two[0], X, targets, n_jobs=3, **options)
    for mlp, same, history in zip(two[1], two[0], histories, strict=True):
        assert losses(mlp.fit(X, targets, **options)) == losses(history)
        assert mlp.w.tobytes() == same.w.tobytes()


def test_a_lock_that_a_signal_s_handler_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `threading.Condition.wait` does where Ctrl-C comes just after it let its lock go."""

    class Pool(module.ThreadPoolExecutor):
        def submit(self, *given: Any, **named: Any) -> Any:
            super().submit(*given, **named)
            lock = threading.Lock()
            with lock:
                lock.release()
                raise KeyboardInterrupt

    monkeypatch.setattr(module, "ThreadPoolExecutor", Pool)
    mlp = dr.MLP([3, 2])
    with pytest.raises(KeyboardInterrupt) as caught:
        dr.fit_many([mlp], np.ones((4, 3)), np.ones((4, 2)), epochs=3)
    assert len(caught.value.histories) == 1  # type: ignore[attr-defined]
    mlp.fit(np.ones((4, 3)), np.ones((4, 2)), epochs=1)
