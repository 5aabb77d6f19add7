# SPDX-License-Identifier: BSD-3-Clause
"""The search for a learning rate, its picture, and the numbers of docs/reference/schedules.md."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from example import run

import deltarule as dr
from deltarule import learning_rate, oracle, schedules
from deltarule.learning_rate import LearningRates

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "schedules.md"


def problem(dtype: str = "float64") -> tuple[dr.MLP, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 5))
    Y = np.tanh(X @ rng.normal(size=(5, 2)))
    return dr.MLP([5, 12, 2], "tanh", dtype=dtype, seed=1), X, Y


def search(mlp: Any, X: Any, Y: Any, rule: Any = None, **options: Any) -> LearningRates:
    given = {"batch_size": 20, "seed": 3, "n_steps": 120, **options}
    return dr.find_learning_rate(mlp, X, Y, dr.SGD() if rule is None else rule, **given)


def test_every_step_has_its_eta(dtype: str) -> None:
    """By hand: single batches with constant rates, rows without repeats until all were taken."""
    mlp, X, Y = problem(dtype)
    w = mlp.w.copy()
    found = search(mlp, X, Y, smallest=1e-3, largest=0.1)
    assert mlp.w.tobytes() == w.tobytes()
    assert found.etas[0] == 1e-3
    assert found.etas[-1] == pytest.approx(0.1, rel=1e-14)
    assert found.stopped_by == "steps"
    twin, rng = problem(dtype)[0], np.random.default_rng(3)
    order = np.concatenate([rng.permutation(90) for _ in range(24)])
    begins = [90 * p + b for p in range(24) for b in (0, 20, 40, 60, 80)]
    for begin, eta, loss in zip(begins, found.etas, found.losses, strict=True):
        end = min(begin + 20, begin - begin % 90 + 90)
        assert dr.Trainer(twin, dr.SGD(eta), None).epoch(X, Y, order[begin:end]) == loss


def test_smoothing_by_hand() -> None:
    mlp, X, Y = problem()
    found = search(mlp, X, Y, beta=0.75)
    for n in (1, 2, 10, len(found.losses)):
        weights = 0.75 ** np.arange(n)[::-1]
        mean = weights @ found.losses[:n] / weights.sum()
        assert found.smoothed[n - 1] == pytest.approx(mean, rel=1e-12)
    plain = search(mlp, X, Y, beta=0)
    assert np.array_equal(plain.smoothed, plain.losses)


def test_divergence_is_seen_in_the_step_that_diverges() -> None:
    """Above the first loss and four times the lowest, but not within the first few steps."""
    seen = learning_rate._Smoothed(0.0)
    few = learning_rate.FIRST
    assert [seen.add(loss) for loss in ([1.0, 9.0] * few)[:few]] == [False] * few
    assert [seen.add(loss) for loss in (1.0, 4.0, 4.1)] == [False, False, True]
    falls = learning_rate._Smoothed(0.0)
    losses = [10.0] * few + [1.0, 9.0, 10.0, 10.1]
    assert [falls.add(loss) for loss in losses] == [False] * (few + 3) + [True]


@pytest.mark.parametrize("rule", [dr.SGD(momentum=0.9), dr.Adam()], ids=repr)
def test_suggestion_is_on_the_way_down(rule: Any) -> None:
    mlp, X, Y = problem("float32")
    found = search(mlp, X, Y, rule, largest=100.0)
    assert found.stopped_by == "divergence"
    assert len(found.etas) == len(found.losses) == len(found.smoothed) < 120
    lowest = int(np.argmin(found.smoothed))
    assert found.lowest == found.etas[lowest]
    assert found.etas[0] < found.suggestion <= found.lowest
    at = int(np.searchsorted(found.etas, found.suggestion))
    middle = (found.losses[:10].mean() + found.smoothed[lowest]) / 2
    assert found.smoothed[at] >= middle > found.smoothed[at + 1 : lowest + 1].max()

    def loss(factor: float) -> float:
        copy = problem("float32")[0]
        try:
            copy.fit(X, Y, replace(rule, eta=found.suggestion * factor), 20, 10, seed=0)
        except FloatingPointError:
            return float("inf")
        return copy.loss(X, Y)

    assert loss(1) < min(loss(0.01), loss(100)) / 3  # too slow, or diverging


def test_oracle_finds_the_same() -> None:
    mlp, X, Y = problem()
    native = search(mlp, X, Y)
    other = search(oracle.MLP.from_architecture(mlp.architecture, mlp.w), X, Y)
    assert other.suggestion == native.suggestion
    assert np.array_equal(other.etas, native.etas)


def test_repeats_with_its_seed() -> None:
    mlp, X, Y = problem()
    assert np.array_equal(search(mlp, X, Y).losses, search(mlp, X, Y).losses)
    assert not np.array_equal(search(mlp, X, Y).losses, search(mlp, X, Y, seed=4).losses)
    whole_order = np.random.default_rng(3).permutation(90)
    whole = search(mlp, X, Y, batch_size=None)
    assert whole.losses[0] == dr.Trainer(mlp, dr.SGD(), None).epoch(X, Y, whole_order)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"mlp": "net"}, TypeError, "mlp: an object of type str; expected an MLP"),
        ({"smallest": 0}, ValueError, "smallest: 0; expected a finite number > 0"),
        ({"largest": 1e-7}, ValueError, "largest: 1e-07; expected a finite number > 1e-06"),
        ({"n_steps": 19}, ValueError, "n_steps: 19; expected an integer >= 20"),
        ({"beta": 1}, ValueError, "beta: 1; expected a number >= 0 and < 1"),
        ({"rule": "sgd"}, TypeError, "optimizer: 'sgd'"),
        ({"X": np.ones((3, 4))}, ValueError, "X: shape"),
        (
            {"smallest": 1e30, "largest": 1e31},
            ValueError,
            "1e.30, diverged in step 2; expected less",
        ),
    ],
)
def test_bad_arguments(options: dict[str, Any], error: type[Exception], message: str) -> None:
    mlp, X, Y = problem("float32")
    with pytest.raises(error, match=message):
        search(options.pop("mlp", mlp), options.pop("X", X), Y, **options)


def test_plot_holds_the_search() -> None:
    pytest.importorskip("matplotlib")
    mlp, X, Y = problem()
    found, other = search(mlp, X, Y, largest=100.0), search(mlp, X, Y, dr.Adam())
    ax = dr.plot.learning_rates(found)
    dots, line, ring = ax.lines
    assert np.array_equal(dots.get_ydata(), found.losses)
    assert np.array_equal(line.get_xydata(), np.stack([found.etas, found.smoothed], 1))
    at = np.searchsorted(found.etas, found.suggestion)
    assert ring.get_xydata().tolist() == [[found.suggestion, found.smoothed[at]]]
    assert (ax.get_xscale(), ax.get_xlabel(), ax.get_ylabel()) == (
        "log",
        "learning rate eta",
        "loss",
    )
    low, high = ax.get_ylim()
    assert low < found.smoothed.min()
    assert found.smoothed[0] < high < found.smoothed[-1], "what diverged is cut"
    assert dr.plot.learning_rates(other, ax=ax, label="Adam") is ax
    assert len({line.get_color() for line in ax.lines}) == 2
    assert ax.get_ylim()[0] <= low
    assert ax.get_ylim()[1] >= high
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names[::2] == ["smoothed loss", "Adam"]
    assert dr.plot.learning_rates(found, scale="log").get_yscale() == "log"
    with pytest.raises(TypeError, match=r"found: 0\.1; expected LearningRates"):
        dr.plot.learning_rates(0.1)


def test_numbers_of_the_page() -> None:
    result, _ = run("schedules")
    text = PAGE.read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| ([\w, ]+?) \| (0\.\d\d) \|$", text, re.MULTILINE))
    assert rows == {name: f"{loss:.2f}" for name, loss in result["validation"].items()}
    assert f"suggestion is {result['suggestion']:.3f}" in " ".join(text.split())


def test_page_names_every_schedule() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name in schedules.__all__:
        assert f"`{name}" in text, name


def by_hand(
    mlp: Any, X: Any, Y: Any, rules: list[Any], weights: Any, **options: Any
) -> list[float]:
    """The losses of single steps in the search's order, the optimizer's slots carried on."""
    rng, order, losses = np.random.default_rng(3), np.empty(0, int), []
    kept = np.arange(len(X)) if weights is None else np.flatnonzero(weights)
    trainer = dr.Trainer(mlp, rules[0], None, seed=3, **options)
    for rule in rules:
        if not len(order):
            order = kept[rng.permutation(len(kept))]
        batch, order = order[:20], order[20:]
        after = dr.Trainer(mlp, rule, None, seed=3, **options)
        after._trainer.set_state(trainer._trainer.state)
        losses.append(after.epoch(X, Y, batch, weights))
        trainer = after
    return losses


def test_other_numbers_that_move_stand_still() -> None:
    """Momentum, decay, dropout and noise are what they are at t = 0, whatever kind they are of."""
    mlp, X, Y = problem()
    linear = schedules.Linear(0.5, 0.9)  # without a length
    plateau = schedules.Plateau(0.5, watch="validation_loss")
    moving = [
        dr.SGD(
            schedules.CosLog4(0.1), linear, weight_decay=schedules.OfStep(lambda s: 0.25 / (s + 1))
        ),
        dr.SGD(0.1, plateau, weight_decay=schedules.OfEpoch(lambda e: 0.25 / (e + 1))),
    ]
    options = {"smallest": 1e-3, "largest": 0.1, "n_steps": 20}
    dropping = dr.Dropout([schedules.Linear(0.25, 0.0)])
    noise = schedules.WarmUp(schedules.Cosine(0.1), 1, 0.5)
    for rule in moving:
        found = search(mlp, X, Y, rule, dropout=dropping, noise=noise, **options)
        still = [dr.SGD(eta, 0.5, weight_decay=0.25) for eta in found.etas]
        twin = dr.Dropout([0.25])
        assert (
            by_hand(problem()[0], X, Y, still, None, dropout=twin, noise=0.05)
            == found.losses.tolist()
        )


def test_weights_of_rows_and_classes_take_part() -> None:
    X = problem()[1]
    labels = (X[:, 0] > 0.7).astype(int)
    weights = np.arange(90) % 3 * 0.5
    mlp = dr.MLP([5, 12, 2], "tanh", dtype="float64", seed=1, loss="cross_entropy")
    options = {"smallest": 1e-3, "largest": 0.1, "n_steps": 20}
    found = search(mlp, X, labels, sample_weight=weights, class_weight={1: 4.0}, **options)
    both = weights * np.where(labels == 1, 4.0, 1.0)
    twin = dr.MLP([5, 12, 2], "tanh", dtype="float64", seed=1, loss="cross_entropy")
    rules = [dr.SGD(eta) for eta in found.etas]
    assert by_hand(twin, X, labels, rules, both) == found.losses.tolist()
    other = oracle.MLP.from_architecture(mlp.architecture, mlp.w)
    same = search(other, X, labels, sample_weight=weights, class_weight={1: 4.0}, **options)
    np.testing.assert_allclose(same.losses, found.losses, rtol=1e-12)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rule": dr.Rprop()}, r"optimizer: Rprop\(.*; expected a rule whose steps eta scales"),
        ({"smallest": 1e-60}, r"smallest: 1e-60 is 0\.0 as float32; expected it > 0"),
        ({"largest": 1e60}, r"largest: 1e\+60 is inf as float32; expected it > 0, finite"),
        ({"rule": dr.SGD(eta_factors=(1, 1e-44))}, r"eta_factors\[1\] \* eta: .* is 0\.0"),
        ({"rule": dr.SGD(eta_factors=(1,))}, r"eta_factors: 1 numbers; expected 2"),
        ({"sample_weight": np.zeros(90)}, "sample_weight: 0 for every row"),
        ({"dropout": 1.0}, r"dropout: 1\.0; expected"),
        ({"n_steps": 20, "Y": np.full((90, 2), 3e38)}, "X, Y: the loss of the first batch is inf"),
    ],
)
def test_what_cannot_be_searched(options: dict[str, Any], message: str) -> None:
    mlp, X, Y = problem("float32")
    given = {"Y": Y, **options}
    with pytest.raises(ValueError, match=message):
        search(mlp, X, **given)


def test_ends_so_far_apart_that_their_quotient_is_infinite() -> None:
    mlp, X, Y = problem()
    with pytest.raises(ValueError, match=r"smallest: 1e-300, largest: 1e\+300; expected a finite"):
        search(mlp, X, Y, smallest=1e-300, largest=1e300)
