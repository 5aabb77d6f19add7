# SPDX-License-Identifier: BSD-3-Clause
"""Many epochs in one native call: the bits, draws, losses and faults of one call an epoch."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deltarule as dr
from deltarule import rows
from deltarule.trainer import Trainer


def problem(dtype: str = "float32", n: int = 13) -> tuple[dr.MLP, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(n, 3)).astype(dtype), rng.integers(0, 2, n)
    return dr.MLP([3, 5, 2], "tanh", loss="cross_entropy", dtype=dtype, seed=1), X, Y


class Watched:
    """Of the native calls: how many epochs each was asked for and finished."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[tuple[int, int]] = []
        several = Trainer._epochs

        def counted(trainer: Any, *arguments: Any) -> Any:
            found = several(trainer, *arguments)
            self.calls.append((arguments[4], len(found[0])))
            return found

        monkeypatch.setattr(Trainer, "_epochs", counted)


SETTINGS = [
    {"optimizer": dr.SGD(0.1), "batch_size": 1},
    {"optimizer": dr.Adam(0.01), "batch_size": 5},
    {"optimizer": dr.SGD(0.1, momentum=0.9), "batch_size": None, "shuffle": False},
    {"optimizer": dr.Adam(dr.schedules.Cosine(0.1, over=200)), "batch_size": 4},
    {"optimizer": dr.SGD(dr.schedules.Plateau(0.1, patience=2)), "batch_size": 4},
    {"optimizer": dr.SGD(dr.schedules.OfEpoch(lambda epoch: 0.1 / (1 + epoch)))},
    {"dropout": 0.3, "noise": dr.schedules.Step(0.1, every=20), "batch_size": 6},
    {"sample_weight": np.arange(13.0), "class_weight": "balanced", "average": dr.EMA(0.9)},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda s: ",".join(s))
@pytest.mark.parametrize("alike", [True, False])
def test_bits_draws_and_losses_of_one_call_an_epoch(
    settings: dict[str, Any], alike: bool, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Watched(monkeypatch)
    monkeypatch.setattr(rows, "permutes_alike", lambda: alike)

    class AtEnd:
        def on_fit_end(self, run: Any) -> None:
            self.moving = run.trainer._moving.state

    class EachEpoch(AtEnd):
        def on_epoch_end(self, run: Any) -> None:
            del run

    results, generators = [], [np.random.default_rng(7) for _ in range(2)]
    for callbacks, rng in zip([AtEnd(), EachEpoch()], generators, strict=True):
        mlp, X, Y = problem(dtype)
        history = mlp.fit(X, Y, epochs=70, seed=rng, callbacks=callbacks, **settings)
        assert (len(history), history.stopped_by) == (70, "epochs")
        drawn = rng.bit_generator.state
        results.append((mlp.w.tobytes(), history.loss, history.eta, drawn, callbacks.moving))
    assert results[0] == results[1]
    assert sum(done for _, done in watched.calls) >= 35  # the callback's training had no such call


def test_what_numpy_draws_alike() -> None:
    assert rows.permutes_alike()  # else nothing is wrong, but slower: look at what NumPy changed


class Ends(dr.schedules.Schedule):
    """A schedule that is out of range, or fails, from some time on."""

    def __init__(self, end: float, fails: bool) -> None:
        self.end, self.fails = end, fails

    def value(self, t: Any) -> Any:
        if self.fails and np.any(t >= self.end):
            raise IndexError("over")
        return np.where(t < self.end, 0.1, -1.0)


@pytest.mark.parametrize("fails", [True, False])
@pytest.mark.parametrize("end", [1.0, 60.25, 61.0])
def test_numbers_that_are_wrong_later_on_are_found_then(end: float, fails: bool) -> None:
    mlp, X, Y = problem()
    optimizer = dr.SGD(Ends(end, fails), momentum=dr.schedules.Cosine(0.9, over=10**3))
    error, message = (IndexError, "over") if fails else (ValueError, f"epoch {int(end) + 1}, step")
    with pytest.raises(error, match=message) as caught:
        mlp.fit(X, Y, optimizer, 4, 200, seed=0)
    assert len(caught.value.history) == int(end)  # type: ignore[attr-defined]


@pytest.mark.parametrize("shuffle", [True, False])
def test_where_the_loss_no_longer_changes(
    shuffle: bool, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Watched(monkeypatch)
    mlp, X, Y = problem(dtype)
    long = mlp.fit(X, Y, dr.SGD(0.3), 4, 300, shuffle, seed=3).loss
    changes = np.abs(np.diff(long))
    stop_tol = float(changes[:200].min())
    cut = int(np.argmax(changes <= stop_tol)) + 2
    stopped, again, rng = problem(dtype)[0], problem(dtype)[0], np.random.default_rng(3)
    history = stopped.fit(X, Y, dr.SGD(0.3), 4, 300, shuffle, rng, stop_tol=stop_tol)
    assert (history.loss, history.stopped_by) == (long[:cut], "stop_tol")
    assert any(1 < done < asked for asked, done in watched.calls)  # in the middle of a call
    by_hand = np.random.default_rng(3)
    again.fit(X, Y, dr.SGD(0.3), 4, cut, shuffle, by_hand)
    assert stopped.w.tobytes() == again.w.tobytes()
    assert rng.bit_generator.state == by_hand.bit_generator.state  # no order too many was drawn


def test_a_fault_leaves_the_epochs_before_it(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(monkeypatch)
    mlp = dr.MLP([1, 1], dtype=dtype)
    mlp.w = [1.0, 0.0]
    with pytest.raises(FloatingPointError) as caught:  # e = w + b grows 99-fold each epoch
        mlp.fit([[1.0]], [0.0], dr.SGD(50.0), epochs=10**4)
    history = caught.value.history  # type: ignore[attr-defined]
    assert watched.calls[-1][0] > watched.calls[-1][1] > 1
    assert len(history) == len(history.seconds) == len(history.eta) > 5
    assert history.stopped_by is None
    again = dr.MLP([1, 1], dtype=dtype)
    again.w = [1.0, 0.0]
    assert again.fit([[1.0]], [0.0], dr.SGD(50.0), epochs=len(history)).loss == history.loss
    assert again.w.tobytes() == mlp.w.tobytes()


def test_a_fault_in_a_loss_of_the_user_s() -> None:
    calls = 0

    def failing(y_hat: np.ndarray, Y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        nonlocal calls
        calls += 1
        if calls == 41:
            raise ZeroDivisionError("on purpose")
        return ((y_hat - Y) ** 2).sum(1), 2 * (y_hat - Y)

    mlp = dr.MLP([1, 1], loss=failing, seed=0)
    with pytest.raises(ZeroDivisionError, match="on purpose") as caught:
        mlp.fit([[1.0]], [[0.0]], dr.SGD(0.01), epochs=100)
    assert len(caught.value.history) == 40  # type: ignore[attr-defined]


def test_few_calls_for_many_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(monkeypatch)
    mlp, X, Y = problem()
    nothing = [dr.callbacks.Callback(), dr.callbacks.Progress()]  # that has to be called often
    mlp.fit(
        X, Y, dr.SGD(0.1), 4, epochs=5000, stop_tol=1e-30, max_seconds=1000, callbacks=nothing
    )  # fmt: skip
    assert sum(done for _, done in watched.calls) == 5000
    assert len(watched.calls) < 500  # a slow machine's 50 ms are 10 epochs and more
    assert all(asked * len(X) <= rows.ORDERS for asked, _ in watched.calls)


def test_a_checkpoint_is_written_where_it_is_due(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calls end there, and a training that is resumed from it has the bits."""
    watched = Watched(monkeypatch)
    mlp, X, Y = problem()
    path = tmp_path / "kept.safetensors"
    options: dict[str, Any] = {"seed": 0, "checkpoint": path, "every": 40}
    mlp.fit(X, Y, epochs=100, **options)
    assert max(done for _, done in watched.calls) > 1
    ends = np.cumsum([done for _, done in watched.calls])
    assert {40, 80, 100} <= set(ends.tolist())
    resumed = problem()[0]
    history = resumed.fit(X, Y, epochs=130, resume=True, **options)
    whole = problem()[0]
    assert history.loss == whole.fit(X, Y, epochs=130, seed=0).loss
    assert resumed.w.tobytes() == whole.w.tobytes()


def test_no_call_lasts_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """50 ms, then Python looks at Ctrl-C, the clock and the progress line."""
    watched = Watched(monkeypatch)
    mlp, X, Y = problem()
    start = time.perf_counter()
    history = mlp.fit(X, Y, dr.SGD(0.1), 4, epochs=10**9, max_seconds=0.3)
    assert 0.3 <= time.perf_counter() - start < 1.0
    assert history.stopped_by == "max_seconds"
    assert sum(history.seconds) < 0.3 + 0.05
    assert len(watched.calls) > 4
