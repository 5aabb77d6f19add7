# SPDX-License-Identifier: BSD-3-Clause
"""Radial basis networks: Gaussians, centres, the layer on top, memory, and the kernel machines."""

from __future__ import annotations

import tracemalloc
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from example import load, run
from hypothesis import given
from hypothesis import strategies as st
from tolerances import assert_within, gamma

import deltarule as dr
from deltarule import kmeans as clusters
from deltarule import radial
from deltarule.digits import load_digits
from deltarule.kmeans import Distances, kmeans, spread
from deltarule.radial import RBFNetwork, spacing


@pytest.fixture(scope="module")
def shown() -> ModuleType:
    return load("radial")


def squared_distances(X: np.ndarray, C: np.ndarray) -> np.ndarray:
    return np.sum((X[:, None, :] - C[None, :, :]) ** 2, axis=2)


@given(
    n=st.integers(1, 20), k=st.integers(1, 9), m=st.integers(1, 5), seed=st.integers(0, 99),
    far=st.sampled_from([0.0, 1e6]),
)  # fmt: skip
def test_distances(n: int, k: int, m: int, seed: int, far: float) -> None:
    rng = np.random.default_rng(seed)
    X, C = rng.normal(size=(n, m)) + far, rng.normal(size=(k, m)) + far
    # Three terms that cancel, each rounded; x and c themselves lost something when moved.
    away = np.sqrt(np.sum((X - C.mean(axis=0)) ** 2, axis=1)).max() + 2 * np.abs(C - far).max() * m
    bound = gamma(4 * m + 10) * away**2 + gamma(2 * k + 2) * far * np.sqrt(m) * 4 * away
    assert_within(Distances(C)(X), squared_distances(X, C), bound)
    assert np.all(Distances(C)(C) >= 0)


def test_hidden_outputs(rng: np.random.Generator) -> None:
    X, y = rng.normal(size=(30, 3)), rng.normal(size=30)
    net = RBFNetwork(7, "sample", width=0.8, seed=1)
    net.fit(X, y)
    o = net.features(X)
    expected = np.exp(-squared_distances(X, net.C) / (2 * 0.8**2))
    assert_within(o, expected, gamma(1000))
    assert all(np.any(np.all(c == X, axis=1)) for c in net.C)  # centres are samples
    assert len(np.unique(net.C, axis=0)) == 7
    assert_within(net.predict(X), o @ net.mlp.W[0][:, :-1].T + net.mlp.W[0][:, -1], gamma(1000))


def test_spacing() -> None:
    C = np.array([[0.0, 0.0], [3.0, 4.0], [3.0, 5.0]])
    assert spacing(C) == pytest.approx(2 * (5 + 1 + 1) / 3, rel=gamma(100))
    assert spacing(C[:1]) == spacing(np.zeros((3, 2))) == 1.0
    assert spacing(np.repeat(C, 3, axis=0)) == spacing(C)  # samples that coincide are one centre
    net = RBFNetwork(3, seed=0)
    net.fit(C, [0.0, 1.0, 2.0])
    assert net.s == pytest.approx(spacing(C), rel=gamma(100))


@pytest.mark.parametrize("unit", [1e-3, 1.0, 1e3])
def test_width_of_a_single_centre_follows_the_samples(unit: float) -> None:
    X = unit * np.array([[-1.0], [1.0], [3.0]])
    net = RBFNetwork(1, seed=0)
    net.fit(X, [0.0, 1.0, 0.0])
    assert net.C.tolist() == [[unit]]
    assert net.s == pytest.approx(unit * np.sqrt(8 / 3), rel=gamma(100))
    assert_within(net.predict(X)[:, 0], [0.0, 1.0, 0.0], gamma(1000))
    net.fit(np.full((3, 1), unit), [1.0, 1.0, 1.0])
    assert net.s == 1.0


def test_k_means_ends_where_each_centre_is_the_mean_of_its_samples(
    rng: np.random.Generator,
) -> None:
    X = rng.normal(size=(300, 4))
    centres = kmeans(X, 12, np.random.default_rng(0), tolerance=0.0)
    label = squared_distances(X, centres).argmin(axis=1)
    assert len(np.unique(label)) == 12
    means = np.array([X[label == j].mean(axis=0) for j in range(12)])
    assert_within(centres, means, gamma(2000) * 10)
    start = spread(X, 12, np.random.default_rng(0))
    assert squared_distances(X, centres).min(1).sum() < squared_distances(X, start).min(1).sum()


def test_k_means_finds_clusters(rng: np.random.Generator) -> None:
    true = 100.0 * np.array([[0, 0], [1, 0], [0, 1], [1, 1], [3, 3]])
    X = np.repeat(true, 20, axis=0) + rng.uniform(-1, 1, size=(100, 2))
    for seed in range(10):
        centres = kmeans(X, 5, np.random.default_rng(seed))
        nearest = np.sqrt(squared_distances(true, centres).min(axis=1))
        assert np.all(nearest < 1)


@pytest.mark.parametrize("k", [1, 3, 10])
def test_k_means_of_few_different_samples(k: int) -> None:
    X = np.repeat([[1.0, 2.0], [3.0, 4.0]], 5, axis=0)
    centres = kmeans(X, k, np.random.default_rng(0))
    assert centres.shape == (k, 2)
    if k > 1:
        assert squared_distances(X, centres).min(axis=1).max() == 0


def test_k_means_gives_a_lost_centre_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    X = np.array([[5.0], [6.0], [15.0], [16.0]])
    lost = np.array([[5.5], [15.5], [99.0]])
    monkeypatch.setattr(clusters, "spread", lambda *_: lost)
    centres = kmeans(X, 3, np.random.default_rng(0))
    assert squared_distances(X, centres).min(axis=1).sum() == 0.5


def test_as_many_centres_as_samples_interpolate(rng: np.random.Generator) -> None:
    X, y = rng.uniform(-1, 1, size=(20, 2)), rng.normal(size=20)
    net = RBFNetwork(20, "sample", width=0.2, seed=0)
    net.fit(X, y)
    condition = np.linalg.cond(net.features(X))
    assert_within(net.predict(X)[:, 0], y, gamma(1000) * condition * np.linalg.norm(y))


@pytest.mark.parametrize("output", ["identity", "softmax"])
def test_blocks_change_nothing(output: str, monkeypatch: pytest.MonkeyPatch) -> None:
    X, labels = (a[:300] for a in load_digits())
    Y: Any = np.eye(10)[labels] if output == "identity" else labels
    nets = []
    for entries in (clusters.ENTRIES, 20 * 64):
        monkeypatch.setattr(clusters, "ENTRIES", entries)
        net = RBFNetwork(20, output=output, l2=1e-3, seed=0)
        net.fit(X, Y, batch_size=16, epochs=3)
        nets.append(net)
    whole, blocks = nets
    assert len(whole._blocks(300)) == 1
    assert len(blocks._blocks(300)) == 5
    assert np.array_equal(whole.C, blocks.C)
    # Equal but for the order of the least-squares solution's sums.
    bound = gamma(10_000) * np.linalg.cond(whole.features(X)) ** 2 * 10
    assert bound < 1e-3
    assert_within(blocks.predict(X), whole.predict(X), bound)


@pytest.mark.parametrize("output", ["identity", "softmax"])
def test_memory_does_not_grow_with_rows_times_centres(
    output: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clusters, "ENTRIES", 2**16)  # half a megabyte
    X = np.random.default_rng(0).uniform(size=(40_000, 2))
    net = RBFNetwork(100, "sample", width=0.2, output=output, l2=1e-6, seed=0)
    Y: Any = (X[:, 0] > 0.5).astype(int)
    tracemalloc.start()
    net.fit(X, Y, batch_size=256, epochs=1)
    net.predict(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6e6 < 8 * X.shape[0] * 100  # bytes; of all hidden outputs at once 32 MB


def test_seeds_and_threads_repeat_every_bit() -> None:
    X, labels = (a[:300] for a in load_digits())
    for output in ("identity", "softmax"):
        Y: Any = np.eye(10)[labels] if output == "identity" else labels
        results = []
        for n_threads in (1, 2):
            net = RBFNetwork(20, output=output, seed=7)
            net.fit(X, Y, epochs=2, n_threads=n_threads)
            results.append(net.predict(X, n_threads=n_threads).tobytes())
        assert results[0] == results[1]


def test_labels_are_one_hot_targets() -> None:
    X, labels = (a[:300] for a in load_digits())
    w = []
    for Y in (labels, np.eye(10)[labels]):
        net = RBFNetwork(20, output="softmax", seed=0)
        history = net.fit(X, Y, epochs=2)
        assert len(history) == 2
        w.append(net.mlp.w.tobytes())
    assert w[0] == w[1]
    assert np.array_equal(net.predict_labels(X), net.predict(X).argmax(axis=1))
    assert net.evaluate(X, labels) == np.mean(net.predict_labels(X) == labels)
    assert_within(net.predict(X).sum(axis=1), np.ones(300), gamma(100))


def test_classes_without_samples_cost_no_square_of_their_number() -> None:
    net = RBFNetwork(2, output="softmax", seed=0)
    tracemalloc.start()
    net.fit(POINTS, [0, 3000, 1], epochs=1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert net.predict(POINTS).shape == (3, 3001)
    assert peak < 3e6 < 8 * 3001**2  # bytes


def test_history_says_why_it_ended() -> None:
    net = RBFNetwork(2, output="softmax", seed=0)
    assert net.fit(POINTS, [0, 1, 1], epochs=3).stopped_by == "epochs"


def test_softmax_training_lowers_the_loss() -> None:
    X, labels = (a[:600] for a in load_digits())
    net = RBFNetwork(50, output="softmax", seed=0)
    history = net.fit(X, labels, dr.Adam(3e-3), epochs=30)
    assert history.loss[0] < 0.05 * np.log(10)  # it starts far below what knows nothing
    assert history.loss[-1] < 0.4 * history.loss[0]
    o = net.features(X)
    layer = net.mlp.architecture
    assert_within(layer.input_shift, o.mean(axis=0), gamma(2000))
    assert_within(1 / np.array(layer.input_scale), o.std(axis=0), gamma(20_000))


def test_the_example() -> None:
    pytest.importorskip("sklearn")
    result = run("radial")[0]
    for data, n in (("spirals", 100), ("digits", 400)):
        assert n < result[f"{data}: SVC's vectors"]  # no more units than that machine has
        best = max(result[f"{data}: SVC"], result[f"{data}: kernel ridge on all rows"])
        for centres in ("kmeans", "sample"):
            for output in ("linear", "softmax"):
                assert result[f"{data}: {n} centres, {centres}, {output}"] >= best - 0.01


def test_within_one_percent_over_five_folds(shown: ModuleType) -> None:
    pytest.importorskip("sklearn")
    X, y = load_digits()
    gamma_ = 1 / (64 * float(X.var()))
    rows = np.random.default_rng(1).permutation(len(X))
    machine, ours = [], []
    for held_out in np.array_split(rows, 5):
        kept = np.setdiff1d(rows, held_out)
        data = X[kept], y[kept], X[held_out], y[held_out]
        svc, vectors, ridge = shown.peers(*data, gamma_)
        assert vectors > 400
        machine.append((svc, ridge))
        ours.append(list(shown.accuracies(*data, 400, (2 * gamma_) ** -0.5).values()))
    assert np.min(np.mean(ours, axis=0)) >= np.max(np.mean(machine, axis=0)) - 0.01


POINTS = [[0.0, 1.0], [1.0, 0.0], [2.0, 1.0]]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"n_centres": 0}, ValueError, "n_centres: 0; expected an integer >= 1"),
        ({"centres": "grid"}, ValueError, "centres: 'grid'; expected 'kmeans' or 'sample'"),
        ({"width": 0.0}, ValueError, "width: 0.0; expected a number > 0 with a square"),
        ({"width": 1e-200}, ValueError, "width: 1e-200; expected a number > 0 with a square"),
        ({"width": 1e200}, ValueError, r"width: 1e\+200; expected a number > 0 with a square"),
        ({"width": 1e-160}, ValueError, "width: 1e-160; expected a number > 0 with a square"),
        ({"output": "tanh"}, ValueError, "output: 'tanh'; expected 'identity' or 'softmax'"),
        ({"l2": -1}, ValueError, "l2: -1; expected a finite number >= 0"),
        ({"seed": -1}, ValueError, "seed: -1; expected None"),
    ],
)
def test_bad_networks(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{message}"):
        RBFNetwork(**{"n_centres": 2, **options})


@pytest.mark.parametrize(
    ("output", "X", "Y", "error", "message"),
    [
        ("identity", POINTS[:1], [1.0], ValueError, "X: 1 rows; expected n_centres = 2 at least"),
        ("identity", [1.0, 2.0], [1.0], ValueError, r"X: shape \(2,\); expected \(n, m\)"),
        ("identity", POINTS, [1.0, 2.0], ValueError, "X, Y: 3 and 2 rows; expected as many"),
        ("identity", POINTS, [1.0, np.nan, 2.0], ValueError, "Y: row 1 holds nan"),
        ("softmax", POINTS, [0.0, 1.0, 2.0], TypeError, r"Y: shape \(3,\) of float64; expected"),
        ("softmax", POINTS, [0, -1, 1], ValueError, "Y: row 1 holds label -1; expected 0"),
        ("softmax", [[np.inf, 0.0]] * 3, [0, 1, 1], ValueError, "X: row 0 holds nan or infinity"),
        ("identity", [[0, 0], [0, 1e200], [1, 1]], [1, 2, 3], ValueError, "X: row 1 holds a"),
    ],
)
def test_bad_fits(output: str, X: Any, Y: Any, error: type[Exception], message: str) -> None:
    net = RBFNetwork(2, output=output, seed=0)
    with pytest.raises(error, match=f"^{message}"):
        net.fit(X, Y)
    with pytest.raises(RuntimeError, match=r"^RBFNetwork: it has no centres yet"):
        net.predict(POINTS)


@pytest.mark.parametrize("output", ["identity", "softmax"])
def test_a_second_fit_that_fails_late_leaves_the_first(
    output: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And so does one that is on its way: what it has chosen shows when all of it is there."""
    net = RBFNetwork(2, output=output, seed=0)
    net.fit(POINTS, [0, 1, 1])
    before, seen = net.predict(POINTS), []

    def state() -> tuple[Any, ...]:
        return net.predict(POINTS).tobytes(), net.features(POINTS).tobytes(), net.C.tobytes(), net.s

    alone = state()

    def fail(*_: Any, **__: Any) -> None:
        seen.append(state())
        raise MemoryError

    def fail_at_once(*_: Any, **__: Any) -> None:
        raise MemoryError

    for name in ("least_squares", "kmeans", "Distances", "Trainer"):
        if name == "Trainer" and output == "identity":
            continue
        with monkeypatch.context() as patch:
            patch.setattr(radial, name, fail)
            with pytest.raises(MemoryError):
                net.fit(10 * np.array(POINTS)[::-1], [1, 0, 1])
        assert seen.pop() == state() == alone, name
    assert np.array_equal(net.predict(POINTS), before)
    new = RBFNetwork(2, output=output, seed=0)
    monkeypatch.setattr(radial, "least_squares", fail_at_once)
    with pytest.raises(MemoryError):
        new.fit(POINTS, [0, 1, 1])
    with pytest.raises(RuntimeError, match="it has no centres yet"):
        new.predict(POINTS)


def test_a_fit_that_fails_on_the_way_keeps_the_last_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    net, twin = (RBFNetwork(2, output="softmax", seed=0) for _ in range(2))
    twin.fit(POINTS, [0, 1, 1], epochs=2)
    epoch, losses = dr.Trainer.epoch, []

    def third_fails(*given: Any) -> float:
        if len(losses) == 2:
            raise MemoryError
        losses.append(epoch(*given))
        return losses[-1]

    monkeypatch.setattr(radial.Trainer, "epoch", third_fails)
    with pytest.raises(MemoryError):
        net.fit(POINTS, [0, 1, 1])
    assert net.predict(POINTS).tobytes() == twin.predict(POINTS).tobytes()


def test_bad_questions() -> None:
    net = RBFNetwork(2, seed=0)
    net.fit(POINTS, [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match=r"^X: shape \(2,\); expected \(n, 2\)"):
        net.predict([1.0, 2.0])
    with pytest.raises(ValueError, match=r"^predict_labels: one identity output"):
        net.predict_labels(POINTS)
    with pytest.raises(ValueError, match=r"^accuracy: one identity output"):
        net.evaluate(POINTS, [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match=r"^metric: 'loss'; expected 'accuracy'"):
        net.evaluate(POINTS, [1.0, 2.0, 3.0], "loss")
    with pytest.raises(ValueError, match=r"^Y: shape \(2,\); expected 3 rows"):
        net.evaluate(POINTS, [1.0, 2.0], "r2")
    with pytest.raises(ValueError, match=r"^Y: row 1 holds nan or infinity"):
        net.evaluate(POINTS, [1.0, np.nan, 3.0], "r2")
    classes = RBFNetwork(2, output="softmax", seed=0)
    classes.fit(POINTS, [0, 1, 1])
    with pytest.raises(ValueError, match=r"^Y: row 2 holds label 2; expected 0 \.\.\. 1"):
        classes.evaluate(POINTS, [0, 1, 2])
    assert net.evaluate(POINTS, [1.0, 2.0, 3.0], "r2") <= 1.0
    assert repr(net) == "RBFNetwork(2, centres='kmeans', width=None, output='identity', l2=0.0)"


def test_centres_that_lose_their_samples_take_different_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    start = np.array([[0.15], [50.0], [60.0]])
    monkeypatch.setattr(clusters, "spread", lambda X, k, rng: start)
    X = np.array([[0.0], [0.1], [0.2], [0.3]])
    centres = kmeans(X, 3, np.random.default_rng(0), 1, 0.0)
    assert_within(np.sort(centres, axis=0), [[0.0], [0.15], [0.3]], gamma(8))
