# SPDX-License-Identifier: BSD-3-Clause
"""EarlyStopping, held-out fractions, metrics, the time budget: what ends a training, and how."""

import time
from typing import Any

import numpy as np
import pytest

import deltarule as dr
from deltarule.stops import NoImprovement

MODULES = pytest.mark.parametrize("module", [dr, dr.oracle], ids=["native", "oracle"])


class Scores:
    """A metric that returns what is written down, epoch by epoch."""

    def __init__(self, *values: float) -> None:
        self.values, self.calls = values, 0
        self.__name__ = "scores"

    def __call__(self, Y: np.ndarray, y_hat: np.ndarray) -> float:
        self.calls += 1
        return self.values[self.calls - 1]


def problem(module: Any = dr, **options: Any) -> tuple[Any, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 3))
    return module.MLP([3, 4, 2], loss="cross_entropy", seed=1, **options), X, (X[:, 0] > 0) * 1


class Weights:
    """A callback that keeps the weights after every epoch."""

    def __init__(self) -> None:
        self.w: list[np.ndarray] = []

    def on_epoch_end(self, run: Any) -> None:
        self.w.append(run.mlp.w.copy())


NAN, INF = float("nan"), float("inf")


@MODULES
@pytest.mark.parametrize(
    ("options", "scores", "length", "best", "best_epoch"),
    [
        ({"patience": 1}, [5, 4, 4], 3, 4, 2),
        ({"patience": 2}, [5, 4, 6, 3, 7, 3], 6, 3, 4),
        ({"patience": 2, "restore": "last_best"}, [5, 4, 6, 3, 7, 3], 6, 3, 6),
        ({"patience": 2, "greater_is_better": True}, [1, 3, 2, 3], 4, 3, 2),
        # 10 -> 9.5 -> 9: each gain too small on its own, together they are enough (mark 10).
        ({"patience": 2, "min_improvement": 0.75}, [10, 9.5, 9, 8.5, 8.4], 5, 8.4, 5),
        # The best is best by however little, though nothing "improved".
        ({"patience": 3, "min_improvement": 1.0}, [5, 4.9, 4.8, 4.85], 4, 4.8, 3),
        ({"patience": 2}, [NAN, NAN], 2, None, None),
        ({"patience": 2}, [NAN, 3, NAN, 3], 4, 3, 2),
        ({"patience": 2}, [INF, 3, INF, INF], 4, 3, 2),
        ({"patience": 2, "greater_is_better": True}, [-INF, -INF, -INF], 3, -INF, 1),
    ],
)
def test_by_hand(
    module: Any, options: dict[str, Any], scores: list[float], length: int, best: float | None,
    best_epoch: int | None,
) -> None:  # fmt: skip
    mlp, X, Y = problem(module)
    rule = dr.EarlyStopping(Scores(*scores), **{"greater_is_better": False, **options})
    weights = Weights()
    history = mlp.fit(
        X, Y, epochs=50, validation=(X, Y), stopping=rule, callbacks=weights, seed=0
    )  # fmt: skip
    assert (len(history), history.stopped_by) == (length, "early_stopping")
    assert history.best_epoch == best_epoch
    np.testing.assert_array_equal(history.metrics["scores"], scores)
    if best_epoch is not None:
        assert history.metrics["scores"][best_epoch - 1] == best
    restored = length if best_epoch is None else best_epoch
    assert mlp.w.tobytes() == weights.w[restored - 1].tobytes()


def test_the_last_weights_where_none_are_restored() -> None:
    mlp, X, Y = problem()
    weights = Weights()
    rule = dr.EarlyStopping(Scores(1, 2, 3), 2, greater_is_better=False, restore=None)
    history = mlp.fit(X, Y, epochs=9, validation=(X, Y), stopping=rule, callbacks=weights)
    assert (len(history), history.best_epoch) == (3, 1)
    assert mlp.w.tobytes() == weights.w[-1].tobytes()


def test_the_best_is_restored_whatever_ends_it() -> None:
    for options, reason in [({"epochs": 4}, "epochs"), ({"stop_tol": 1e9}, "stop_tol")]:
        mlp, X, Y = problem()
        weights = Weights()
        rule = dr.EarlyStopping(Scores(2, 1, 3, 4), 9, greater_is_better=False)
        held = {"validation": (X, Y), "stopping": rule, "callbacks": weights}
        history = mlp.fit(X, Y, **{"epochs": 9, **options}, **held)
        assert history.stopped_by == reason
        assert mlp.w.tobytes() == weights.w[int(history.best_epoch) - 1].tobytes()


@MODULES
def test_which_loss_it_watches(module: Any) -> None:
    mlp, X, Y = problem(module)
    history = mlp.fit(X, Y, dr.SGD(1e-3), epochs=30, stopping=dr.EarlyStopping(patience=3))
    assert history.best_epoch == int(np.argmin(history.loss)) + 1
    mlp, _, _ = problem(module)
    history = mlp.fit(
        X, Y, dr.Adam(0.3), epochs=99, validation=(X, 1 - Y), stopping=dr.EarlyStopping(patience=3),
        seed=0,
    )  # fmt: skip
    assert history.stopped_by == "early_stopping"  # it learns the opposite
    assert history.best_epoch == int(np.argmin(history.validation_loss)) + 1
    assert mlp.loss(X, 1 - Y) == min(history.validation_loss)


@MODULES
def test_names_and_weights_of_metrics(module: Any) -> None:
    mlp, X, Y = problem(module)
    s = np.arange(40.0)
    metrics = ["accuracy", "loss", lambda Y, y_hat, s: float(s.sum())]
    history = mlp.fit(X, Y, epochs=3, validation=(X, Y, s), metrics=metrics)
    assert list(history.metrics) == ["accuracy", "<lambda>"]
    assert history.metrics["<lambda>"] == [780.0] * 3
    assert history.metrics["accuracy"][-1] == mlp.evaluate(X, Y, "accuracy", None, s)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_fraction_of_classes(dtype: str) -> None:
    """70, 25 and 5 rows of classes: a fifth of each; the rest trains in the order it stands in."""
    rng = np.random.default_rng(1)
    X, Y = rng.normal(size=(100, 3)), np.repeat([2, 0, 1], [70, 25, 5])
    own = np.random.default_rng(5)
    out = np.sort(
        np.concatenate([
            np.flatnonzero(c == Y)[own.permutation(np.sum(c == Y))[:count]]
            for c, count in ((0, 5), (1, 1), (2, 14))
        ])
    )  # fmt: skip
    kept = np.setdiff1d(np.arange(100), out)
    mlps = [dr.MLP([3, 4, 3], loss="cross_entropy", dtype=dtype, seed=1) for _ in range(3)]
    history = mlps[0].fit(X, Y, epochs=3, seed=5, validation=0.2, shuffle=False)
    by_hand = mlps[1].fit(X[kept], Y[kept], epochs=3, shuffle=False, validation=(X[out], Y[out]))
    assert history.loss == by_hand.loss
    assert history.validation_loss == by_hand.validation_loss
    assert mlps[0].w.tobytes() == mlps[1].w.tobytes()
    shuffled = mlps[2].fit(X, np.eye(3)[Y], epochs=1, seed=5, validation=0.2)  # one-hot rows too
    assert shuffled.validation_loss != []


def test_a_fraction_without_classes_leaves_rows_of_no_weight_in_training() -> None:
    rng = np.random.default_rng(1)
    X, Y = rng.normal(size=(30, 3)), rng.normal(size=30)
    s = np.where(np.arange(30) < 10, 0.0, 1.0)
    X[0] = NAN
    own = np.random.default_rng(2)
    out = np.sort(np.arange(10, 30)[own.permutation(20)[:6]])
    mlp, by_hand = (dr.MLP([3, 1], seed=0) for _ in range(2))
    history = mlp.fit(X, Y, epochs=2, seed=2, validation=0.3, sample_weight=s, shuffle=False)
    rest = np.setdiff1d(np.arange(30), out)
    held = (X[out], Y[out], s[out])
    expected = by_hand.fit(
        X[rest], Y[rest], epochs=2, validation=held, sample_weight=s[rest], shuffle=False
    )
    assert history.validation_loss == expected.validation_loss
    assert mlp.w.tobytes() == by_hand.w.tobytes()


@pytest.mark.parametrize(
    ("counts", "fraction", "expected"),
    [
        ([10, 10], 0.25, [3, 2]),  # 2.5 each, 5 together: the first rounds up
        ([3, 3, 3], 0.5, [2, 1, 1]),
        ([1, 9], 0.9, [0, 8]),  # a class keeps a row in training
        ([99, 1], 0.01, [1, 0]),
        ([3, 10], 0.39, [1, 4]),  # of 1.17 and 3.9 the second has the larger remainder
        ([5, 5], 1e-9, [1, 0]),  # at least one
    ],
)
def test_how_many_of_each_class(counts: list[int], fraction: float, expected: list[int]) -> None:
    from deltarule.held_out import split

    net = dr.MLP([1, len(counts)], loss="cross_entropy").architecture
    Y = np.repeat(np.arange(len(counts)), counts)
    kept, out = split(fraction, Y, None, net, np.random.default_rng(0))
    assert np.bincount(Y[out], minlength=len(counts)).tolist() == expected
    assert sorted([*kept, *out]) == list(range(len(Y)))


def test_time_budget() -> None:
    mlp, X, Y = problem()

    def slow(Y: np.ndarray, y_hat: np.ndarray) -> float:
        time.sleep(0.02)
        return 0.0

    start = time.perf_counter()
    history = mlp.fit(X, Y, epochs=10**6, validation=(X, Y), metrics=slow, max_seconds=0.1)
    assert history.stopped_by == "max_seconds"
    assert 0.1 <= time.perf_counter() - start < 1
    assert 1 <= len(history) <= 6


def test_a_time_budget_has_one_epoch() -> None:
    for record in (None, "gradient_norm"):  # epochs in native calls, and one by one
        mlp, X, Y = problem()
        history = mlp.fit(X, Y, epochs=9, max_seconds=1e-9, record=record)
        assert (len(history), history.stopped_by) == (1, "max_seconds")


def test_the_order_in_which_rules_are_asked() -> None:
    """All hold after the second epoch: each is the reason once those before it are gone."""

    class Stopping:
        def on_epoch_end(self, run: Any) -> None:
            if run.epoch == 2:
                run.stop("mine")

    rules: dict[str, dict[str, Any]] = {
        "stop_tol": {"stop_tol": 1e9},
        "early_stopping": {},
        "mine": {"callbacks": Stopping()},
        "epochs": {"epochs": 2},
    }
    while rules:
        mlp, X, Y = problem()
        if "early_stopping" in rules:  # a metric that counts its calls: a new one each time
            worse = Scores(1, 1)
            rules["early_stopping"] = {"stopping": dr.EarlyStopping(worse, 1, 0, True)}
        given: dict[str, Any] = {"validation": (X, Y), "epochs": 2}
        for options in rules.values():
            given |= options
        history = mlp.fit(X, Y, **given)
        assert (history.stopped_by, len(history)) == (next(iter(rules)), 2)
        del rules[next(iter(rules))]


def test_state_of_the_rule_comes_back() -> None:
    """What a resumed training is told: the rest of the epochs ends as it would have."""

    class Run:
        def __init__(self, mlp: Any) -> None:
            self.mlp, self.history, self.epoch = mlp, dr.History(), 0

        def pass_epoch(self, loss: float) -> None:
            self.history.loss.append(loss)
            self.epoch += 1

    run: Any = Run(problem()[0])
    one, other = (NoImprovement(dr.EarlyStopping(patience=2)) for _ in range(2))
    for loss in (3.0, 2.0, 2.5):
        run.pass_epoch(loss)
        one.look(run)
    assert not one.holds(run)
    other.state = one.state
    run.pass_epoch(2.25)
    other.look(run)
    assert other.holds(run)
    assert (other.best, other.best_epoch) == (2.0, 2)
    assert other.best_w is not None


BAD: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"stopping": 5}, TypeError, r"stopping: 5 of type int; expected EarlyStopping"),
    ({"stopping": dr.EarlyStopping("accuracy")}, ValueError, "validation: None; .* accuracy"),
    ({"metrics": "r2"}, ValueError, "validation: None; expected .* the metrics r2"),
    ({"metrics": 3}, TypeError, "metrics: 3 of type int; expected names"),
    ({"metrics": ["speed"], "validation": 0.5}, ValueError, "metrics: 'speed'; expected 'loss'"),
    ({"metrics": [lambda *_: 0, lambda *_: 1], "validation": 0.5}, ValueError, "two functions"),
    ({"metrics": [lambda *_: "high"], "validation": 0.5}, TypeError, "metric <lambda>: 'high'"),
    ({"validation": 1.0}, ValueError, "validation: 1.0; expected a pair"),
    ({"validation": NAN}, ValueError, "validation: nan; expected a pair"),
    ({"validation": 1}, TypeError, "validation: 1 of type int; expected a pair"),
    ({"max_seconds": 0}, ValueError, "max_seconds: 0; expected a number > 0"),
    ({"max_seconds": "1"}, TypeError, "max_seconds: '1'"),
    ({"stopping": dr.EarlyStopping(), "average": dr.EMA(0.9)}, ValueError, "stopping: restore="),
]


@pytest.mark.parametrize(("options", "kind", "message"), BAD)
def test_bad_arguments_of_fit(options: dict[str, Any], kind: type[Exception], message: str) -> None:
    mlp, X, Y = problem()
    before = mlp.w.copy()
    with pytest.raises(kind, match=message):
        mlp.fit(X, Y, epochs=1, **options)
    if "high" not in message:
        np.testing.assert_array_equal(mlp.w, before)


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"metric": "speed"}, ValueError, "metric: 'speed'"),
        ({"metric": 3}, TypeError, "metric: 3"),
        ({"metric": max}, ValueError, "greater_is_better: None"),
        ({"greater_is_better": 1}, TypeError, "greater_is_better: 1"),
        ({"patience": 0}, ValueError, "patience: 0; expected an integer >= 1"),
        ({"min_improvement": -1}, ValueError, "min_improvement: -1"),
        ({"restore": "first"}, ValueError, "restore: 'first'"),
    ],
)
def test_bad_rules(options: dict[str, Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        dr.EarlyStopping(**options)


def test_a_validation_loss_that_is_not_finite() -> None:
    """It is noted where nobody watches it; a schedule that does cannot go on."""
    mlp = dr.MLP([1, 1], loss="half_squared_error")
    X, Y = np.ones((4, 1)), np.zeros(4)
    far = (np.ones((1, 1)), np.array([3e30]))  # its square is beyond float32
    history = mlp.fit(X, Y, epochs=2, validation=far)
    assert history.validation_loss == [INF, INF]
    watching = dr.SGD(dr.schedules.Plateau(0.1, watch="validation_loss"))
    with pytest.raises(FloatingPointError, match="validation loss is inf after epoch 1") as caught:
        mlp.fit(X, Y, watching, epochs=2, validation=far)
    assert len(caught.value.history) == 0  # type: ignore[attr-defined]


def test_two_rows_are_enough_to_part() -> None:
    mlp, X, Y = dr.MLP([1, 1], seed=0), np.array([[0.0], [1.0], [2.0]]), np.zeros(3)
    assert len(mlp.fit(X[:2], Y[:2], epochs=1, validation=0.5).validation_loss) == 1
    for given in ({"X": X[:1], "Y": Y[:1]}, {"X": X, "Y": Y, "sample_weight": [0, 1, 0]}):
        with pytest.raises(ValueError, match=r"validation: 0\.5 of 1 rows; expected at least 2"):
            mlp.fit(**given, epochs=1, validation=0.5)  # type: ignore[arg-type]
