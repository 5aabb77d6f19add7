# SPDX-License-Identifier: BSD-3-Clause
"""Going on with a fit: from a checkpoint, from a pickle, in a warm start."""

from __future__ import annotations

import pickle
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")
from scipy.sparse import csr_array

import deltarule as dr
from deltarule.estimators.convergence import Bookkeeping

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

rng = np.random.RandomState(0)
X = rng.randn(120, 4)
Y = (X @ rng.randn(4, 3)).argmax(1)


def classifier(**parameters: Any) -> Any:
    return dr.MLPClassifier(**{"hidden_layer_sizes": 5, "random_state": 0} | parameters)


def same(a: Any, b: Any) -> bool:
    return all(np.array_equal(p, q) for p, q in zip(a.coefs_, b.coefs_, strict=True))


ENDS = {
    "tol": {"tol": 0.05},
    "scores": {"early_stopping": True, "tol": 0.05},
    "adaptive": {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.05},
    "epochs": {"max_iter": 3},
}


@pytest.mark.parametrize("how", ENDS)
def test_a_finished_fit_stays_finished(how: str, tmp_path: Any) -> None:
    keeps = {"n_iter_no_change": 2, "max_iter": 200, "checkpoint": tmp_path / "fit"} | ENDS[how]
    whole = classifier(**keeps).fit(X, Y)
    assert (how == "epochs") == (whole.n_iter_ == keeps["max_iter"])
    for _ in range(2):
        again = classifier(**keeps, resume=True).fit(X, Y)
        assert (again.n_iter_, again.loss_curve_) == (whole.n_iter_, whole.loss_curve_)
        assert again.validation_scores_ == whole.validation_scores_
        assert same(again, whole)
    longer = classifier(**keeps | {"max_iter": 400, "n_iter_no_change": 9}, resume=True).fit(X, Y)
    assert longer.n_iter_ > whole.n_iter_


def test_a_warm_start_is_not_resumed(tmp_path: Any) -> None:
    settings = {"max_iter": 4, "checkpoint": tmp_path / "fit", "warm_start": True}
    found = classifier(**settings, resume=True).fit(X, Y)
    before = found.predict_proba(X)
    with pytest.raises(ValueError, match="resume: True in a warm start"):
        found.fit(X, Y)
    assert np.array_equal(found.predict_proba(X), before)
    found.partial_fit(X, Y)  # which has no checkpoint
    found.set_params(resume=None).fit(X, Y)
    assert found.n_iter_ == 4


def halves(y_hat: Any, y: Any) -> Any:
    return ((y_hat - y) ** 2).sum(axis=1) / 2, y_hat - y


def test_the_same_settings_in_other_words(tmp_path: Any) -> None:
    keeps = {"max_iter": 3, "checkpoint": tmp_path / "fit"}
    settings = {"hidden_layer_sizes": (5,), "alpha": 0.01, "dtype": "float64"}
    classifier(**keeps, **settings, metric=lambda e, X, y: 1.0).fit(X, Y)
    others = {"hidden_layer_sizes": [5], "alpha": np.float64(0.01), "dtype": np.float64}
    again = classifier(**keeps, **others, metric=lambda e, X, y: 1.0, resume=True).fit(X, Y)
    assert again.n_iter_ == 3
    with pytest.raises(ValueError, match="hidden_layer_sizes: "):
        classifier(**keeps | settings | {"hidden_layer_sizes": 6}, resume=True).fit(X, Y)


def test_other_data_than_the_checkpoint_s(tmp_path: Any) -> None:
    keeps = {"max_iter": 3, "checkpoint": tmp_path / "fit"}
    classifier(**keeps).fit(X, Y)
    s, resumes = np.ones(len(X)), classifier(**keeps, resume=True)
    for name, given in {
        "X": (X + 1, Y), "y": (X, Y[::-1]), "sample_weight": (X, Y, s),
    }.items():  # fmt: skip
        with pytest.raises(ValueError, match=f"{name}: other rows than those of the checkpoint"):
            resumes.fit(*given)
    with pytest.raises(ValueError, match="y: other rows"):
        resumes.fit(X, np.array(list("xyz"))[Y])
    assert resumes.fit(X.tolist(), Y.astype(np.int8)).n_iter_ == 3
    sparse = classifier(**keeps | {"checkpoint": tmp_path / "sparse"}).fit(csr_array(X), Y)
    assert sparse.set_params(resume=True).fit(csr_array(X), Y).n_iter_ == 3


@pytest.mark.parametrize("settings", [{"dropout": 0.4}, {"noise": 0.4}])
def test_a_pickle_goes_on_with_the_same_draws(settings: Any) -> None:
    one = classifier(**settings, batch_size=10).partial_fit(X, Y, classes=[0, 1, 2])
    other = pickle.loads(pickle.dumps(one))
    for each in (one, other):
        each.partial_fit(X, Y)
    assert same(one, other)


def test_a_warm_start_with_another_rate_or_solver() -> None:
    def warm() -> Any:
        return classifier(warm_start=True, keep_optimizer=True, max_iter=3).fit(X, Y)

    found = warm()
    before, kept = found.coefs_[0].copy(), found._optimizer.state[0]["slots"][0].copy()
    found.set_params(learning_rate_init=1e-12).fit(X, Y)
    assert np.abs(found.coefs_[0] - before).max() < 1e-9
    anew = classifier(warm_start=True, max_iter=3).fit(X, Y).fit(X, Y)
    assert not np.array_equal(kept, anew._optimizer.state[0]["slots"][0])
    found = warm().set_params(learning_rate_init=0.002, max_iter=1).fit(X, Y)
    fresh = warm().set_params(learning_rate_init=0.002, max_iter=1, keep_optimizer=False).fit(X, Y)
    assert not same(found, fresh)  # what Adam knows was kept
    found.set_params(solver="sgd").fit(X, Y)
    assert isinstance(found._optimizer.rule, dr.SGD)
    found.set_params(solver="rprop").fit(X, Y)
    assert isinstance(found._optimizer.rule, dr.Rprop)


@pytest.mark.parametrize(
    ("form", "rate", "waited", "over"),
    [
        ("constant", 0.1, 3, False), ("constant", 0.1, 4, True), ("adaptive", 0.1, 4, False),
        ("adaptive", 1e-6, 4, True), ("adaptive", 1e-6, 3, False), ("adaptive", 1.1e-6, 4, False),
    ],
)  # fmt: skip
def test_whether_a_fit_was_over(form: str, rate: float, waited: int, over: bool) -> None:
    steps = SimpleNamespace(form=form, learning_rate=rate)
    one = SimpleNamespace(_optimizer=steps, _no_improvement_count=waited, n_iter_no_change=3)
    kept = Bookkeeping(one, 10, False)
    kept.resume()
    assert kept.over is over
