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
from deltarule import oracle, schedules
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
        ({"smallest": 1e30, "largest": 1e31}, ValueError, "smallest: 1e.30, diverged in step"),
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
