# SPDX-License-Identifier: BSD-3-Clause
"""The public interface and the kernels under random calls, and a short soak: the scripts' forms.

`python scripts/fuzz_api.py 600` and `python scripts/soak.py 1800` take longer.
"""

import os
import random
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import fuzz_api
import fuzz_kernels
import numpy as np
import pytest
import soak

import deltarule as dr
from deltarule.oracle import literal
from deltarule.table import TableModel

ESTIMATORS = ("MLPClassifier", "MLPRegressor", "MLPAutoencoder", "LogisticRegressionGD",
              "PerceptronClassifier")  # fmt: skip
TABLE = {"a": ["1", "2", "3", "4"], "y": [0, 1, 0, 1]}
CORNERS = np.array([[0, 0], [4, 0], [4, 3], [2, 1], [0, 3]])
HUGE = np.array([[10**400, 1], [2, 3], [4, 5], [6, 7]], object)

# What once came of it, and the call, which is refused now.
FOUND = {
    "StopIteration, where products overflow": lambda: dr.construct.polygon(CORNERS * 1e156),
    "OverflowError of a range": lambda: dr.construct.parity(2**63),
    "the same, for one layer": lambda: dr.construct.parity(10**30, "one_layer"),
    "OverflowError of pyarrow's": lambda: TableModel.fit({"a": [2**63, "1"], "y": [0, 1]}, "y"),
    "the same, in predictions": lambda: TableModel.fit(TABLE, "y", epochs=1).predict(
        {"a": [10**400, "1"]}
    ),
}
for name in ESTIMATORS:
    labels = [0.5, 1.5, 2.5, 3.5] if name == "MLPRegressor" else [0, 1, 0, 1]
    FOUND[f"OverflowError of scikit-learn's, in {name}"] = partial(
        lambda name, labels: getattr(dr, name)().fit(HUGE, labels), name, labels
    )
SEEDS: list[int] = []  # of cases that went wrong as the scripts draw them now


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("found", FOUND)
def test_what_was_found_is_refused(found: str) -> None:
    with pytest.raises((TypeError, ValueError), match=r"vertices|n: 9|n: 1|X|table"):
        FOUND[found]()


@pytest.mark.parametrize("name", [*ESTIMATORS])
def test_a_parameter_that_no_float_holds_is_refused_by_name(name: str) -> None:
    """And before the training: the tolerance once broke off its second epoch."""
    asked = {"alpha", "learning_rate_init", "tol", "max_seconds", "noise"}
    for parameter in asked & {*getattr(dr, name)().get_params()}:
        model = getattr(dr, name)(**{parameter: 10**400})
        with pytest.raises(ValueError, match=f"{parameter}('|: )"):
            model.fit(np.eye(4), [0, 1, 0, 1])
        assert not hasattr(model, "coefs_")


def test_a_search_that_is_asked_for_many_steps_goes_on() -> None:
    """Each step once looked through all the losses before it: these took 12 s, and now 2.5."""
    many = dr.find_learning_rate(
        dr.MLP([1, 1], seed=0), np.eye(1), np.eye(1), smallest=1e-9, largest=1e-8, n_steps=40_000
    )
    assert len(many.losses) == 40_000
    assert many.smoothed.min() == many.smoothed[-1]


@pytest.mark.filterwarnings("ignore")
def test_every_judge_of_rows_names_them() -> None:
    """Integers that no float holds, wherever an estimator takes rows, targets or weights."""
    X, y = np.eye(4, 2), [0, 1, 0, 1]
    model = dr.MLPClassifier(max_iter=1).fit(X, y)
    for names, call in (
        ("X", model.predict), ("X or y", lambda a: model.partial_fit(a, y)),
        ("X", lambda a: model.score(a, y)),
        ("sample_weight", lambda a: model.fit(X, y, sample_weight=a[:, 0])),
        ("X or y", lambda a: dr.MLPRegressor().fit(X, a[:, 0])),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=f"^{names}: expected numbers that a float can hold"):
            call(HUGE)


# Corners on a line but for a rounding; what each once gave.
SLIVERS = {
    "StopIteration": [
        [0.18165312348366802, 0.06055104116122262], [0.787635668964236, 0.2625452229880787],
        [0.3938880201077085, 0.13129600670256938], [0.9146092831470655, 0.3048697610490219],
        [0.02642899227882023, 0.00880966409294002], [0.8726991308976156, 0.2908997102992053],
    ],
    "IndexError": [
        [0.318017387845798, 0.1060057959485994], [0.7108798632659449, 0.23695995442198167],
        [0.4603553288673248, 0.1534517762891083], [0.5074698605445271, 0.16915662018150898],
    ],
    "a polygon that is everywhere": [
        [0.020728599419055138, 0.0069095331396851565], [0.7154605262672716, 0.23848684208909066],
        [0.20183848910978153, 0.06727949636992706], [0.3323240215928246, 0.11077467386427481],
    ],
}  # fmt: skip


@pytest.mark.parametrize("found", SLIVERS)
def test_a_polygon_whose_turns_drown_in_rounding_is_refused(found: str) -> None:
    v = np.array(SLIVERS[found])
    with pytest.raises(ValueError, match="vertices: nearly on one line"):
        dr.construct.polygon(v)


@pytest.mark.parametrize("seed", [*SEEDS, *range(3 * 10**8, 3 * 10**8 + 60)])
def test_cases(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # some write files
    fuzz_api.case(seed)


def test_every_call_comes_through() -> None:
    """None of the calls is always refused; most trainings of the kernels train."""
    seen = Counter[str]()
    for name, call in fuzz_api.CALLS.items():
        for seed in range(40):
            try:
                fuzz_api.run(call, random.Random(seed))
            except fuzz_api.Refused:
                continue
            seen[name] += 1
            if seen[name] == 2:
                break
    assert [name for name in fuzz_api.CALLS if seen[name] < 2] == []
    said = Counter(trains(seed) for seed in range(30))
    assert said["trained"] >= 20
    assert said["refused"] <= 4


def trains(seed: int) -> object:
    """What came of a training by all kernels."""
    return fuzz_api.run(fuzz_kernels.kernels_agree, random.Random(seed))


@pytest.mark.parametrize("outcome", ["trained", "diverges"])
def test_the_literal_reference_is_asked(outcome: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that says something else is found in a training, and in one that diverges."""
    seed = next(seed for seed in range(99) if trains(seed) == outcome)
    monkeypatch.setattr(literal.Trainer, "epoch", lambda *given: 1e-3)
    with pytest.raises(AssertionError, match="literal"):
        trains(seed)


@pytest.mark.parametrize("broken", [False, True])
def test_what_is_refused_is_what_numpy_says(broken: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A core that takes what it must not, or refuses what it may take, is found."""
    data_of, rows = fuzz_kernels.data_of, [] if broken else [0]

    def data(draw: random.Random, mlp: dr.MLP) -> tuple[np.ndarray, np.ndarray]:
        X, Y = data_of(draw, mlp)
        return (X * np.nan if broken else X), Y

    seed = next(seed for seed in range(99) if trains(seed) == "trained")
    monkeypatch.setattr(fuzz_kernels, "data_of", data)
    assert trains(seed) == ("refused" if broken else "trained")
    monkeypatch.setattr(fuzz_kernels, "not_taken", lambda *given: np.array(rows, int))
    with pytest.raises(AssertionError, match="to be refused"):
        trains(seed)


def test_what_is_no_refusal_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(draw: random.Random) -> None:
        raise KeyError("inside")

    monkeypatch.setattr(fuzz_api, "CALLS", {"broken": broken})
    monkeypatch.setattr(fuzz_kernels, "kernels_agree", broken)
    with pytest.raises(KeyError):
        fuzz_api.case(0)


def test_a_soak_of_two_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too short to judge memory by: buffers still find their sizes."""
    monkeypatch.setattr(soak, "MOST", soak.MOST._replace(used=2**30, resident=2**30, blocks=10**6))
    assert soak.soak(2.0, 0, 3, tmp_path) == 0


@pytest.mark.parametrize(
    ("what", "leave"),
    [
        ("used", lambda: np.ones(50_000)),
        ("resident", lambda: np.ones(100_000)),
        ("blocks", lambda: [object() for _ in range(1000)]),
        ("files", lambda: os.open(__file__, os.O_RDONLY)),
    ],
)
def test_a_soak_finds_what_networks_leave(
    what: str, leave: Callable[[], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Each limit does, while the others are out of reach."""
    if what == "used" and "LD_PRELOAD" in os.environ:
        pytest.skip("sanitizers have a heap of their own")
    kept: list[Any] = []
    difference = soak.difference

    def leaking(job: soak.Job) -> str | None:
        kept.append(leave())
        return difference(job)

    endless = soak.Rest(*[2**40] * 5)
    monkeypatch.setattr(soak, "MOST", endless._replace(**{what: getattr(soak.MOST, what)}))
    monkeypatch.setattr(soak, "difference", leaking)
    assert soak.soak(1.0, 0, 2, tmp_path) == 1
    if what == "files":
        for one in kept:
            os.close(one)
    assert " 0 differ" in capsys.readouterr().out


def test_a_soak_finds_other_weights(tmp_path: Path) -> None:
    path, w, X, y_hat = soak.work(random.Random(0), tmp_path, 0)
    assert soak.difference((path, w, X, y_hat)) is None
    assert soak.difference((path, w + 1e-6, X, y_hat)) == "other weights in the file"
    assert soak.difference((path, w, X, y_hat + 1)) == "other outputs of the same weights"
