# SPDX-License-Identifier: BSD-3-Clause
"""What a fit that fails leaves, and that one answer is given whoever asks, and how."""

from __future__ import annotations

import pickle
import tracemalloc
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")
import sklearn.neural_network as theirs
from sklearn.base import clone

import deltarule as dr

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

random = np.random.RandomState(0)
X = random.randn(120, 4)
TWO, THREE = (X[:, 0] > 0).astype(int), (X @ random.randn(4, 3)).argmax(1)


def fitted(kind: Any = dr.MLPClassifier, **more: Any) -> Any:
    return kind(hidden_layer_sizes=(5,), **{"max_iter": 10, "random_state": 0} | more).fit(X, THREE)


class Boom:
    """Fails after some epochs."""

    def __init__(self, epochs: int) -> None:
        self.left = epochs

    def on_epoch_end(self, run: Any) -> None:
        self.left -= 1
        if not self.left:
            raise RuntimeError("boom")


class AtOnce:
    """Fails before the first."""

    def on_fit_begin(self, run: Any) -> None:
        raise RuntimeError("at once")


def state_of(one: Any) -> dict[str, Any]:
    """Copies of what is fitted."""
    return {k: pickle.dumps(v) for k, v in vars(one).items() if k.endswith("_")}


WRONG: dict[str, Any] = {
    "activation": "foo", "loss": "foo", "init": "foo", "class_weight": {7: 1}, "callbacks": [3],
    "metric": "foo", "checkpoint": "/nowhere/at/all", "resume": "/nowhere/at/all",
    "batch_size": 0, "dtype": "float16", "solver": "foo", "hidden_layer_sizes": (0,),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("warm", [False, True])
def test_a_refused_parameter_changes_nothing(name: str, warm: bool) -> None:
    one = fitted(warm_start=warm, keep_optimizer=warm)
    before, p, old = state_of(one), one.predict_proba(X), getattr(one, name)
    y = THREE if warm else TWO
    further = {"early_stopping": True} if name == "metric" else {}
    if warm and name in ("init", "hidden_layer_sizes"):
        return  # weights are there already
    with pytest.raises((ValueError, TypeError, OSError)):
        one.set_params(**{name: WRONG[name]}, **further).fit(X, y)
    one.set_params(**{name: old})
    assert state_of(one) == before
    assert np.array_equal(one.predict_proba(X), p)
    assert np.array_equal(one.predict_proba(X.tolist()), p)


ARGUMENTS: dict[str, Any] = {
    "y_val forgotten": {"X_val": X},
    "columns of X_val": {"X_val": X[:, :2], "y_val": TWO},
    "negative weights": {"sample_weight": np.full(120, -1.0)},
    "few weights": {"sample_weight": np.ones(3)},
}


@pytest.mark.parametrize("kind", [dr.MLPClassifier, dr.MLPRegressor])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("given", ARGUMENTS)
def test_a_refused_argument_changes_nothing(given: str, solver: str, kind: Any) -> None:
    one = fitted(kind, solver=solver)
    before, p = state_of(one), one.predict(X)
    arguments = ARGUMENTS[given]
    if given == "negative weights" and solver == "lbfgs":
        arguments = {"sample_weight": np.full(120, np.nan)}
    with pytest.raises(ValueError, match=r"X_val|y_val|feature|weight|NaN"):
        one.fit(X, TWO, **arguments)
    with pytest.raises(ValueError, match="NaN"):
        one.fit(X[:, :2] * np.nan, TWO)
    assert state_of(one) == before
    assert np.array_equal(one.predict(X), p)


def test_a_callback_that_fails_at_once_changes_nothing() -> None:
    one = fitted()
    before, p = state_of(one), one.predict_proba(X)
    with pytest.raises(RuntimeError, match="at once"):
        one.set_params(callbacks=AtOnce()).fit(X, TWO)
    assert state_of(one) == before
    assert np.array_equal(one.predict_proba(X), p)
    fresh = dr.MLPClassifier(callbacks=AtOnce())
    with pytest.raises(RuntimeError, match="at once"):
        fresh.fit(X, TWO)
    assert not hasattr(fresh, "coefs_")


def test_initialize_that_fails_changes_nothing() -> None:
    one = fitted(warm_start=True)
    before, p = state_of(one), one.predict_proba(X)
    with pytest.raises(ValueError, match="NaN"):
        one.initialize(np.full((5, 4), np.nan), [0, 1, 2, 1, 0])
    assert state_of(one) == before
    assert np.array_equal(one.predict_proba(X.tolist()), p)
    one.initialize(X, TWO)  # other classes: all begins again
    assert list(one.classes_) == [0, 1]
    assert not hasattr(one, "loss_")


def test_weights_are_shown_as_far_as_they_came() -> None:
    known = fitted(max_iter=20).coefs_
    one = dr.MLPClassifier((5,), max_iter=50, random_state=0, callbacks=Boom(20))
    with pytest.raises(RuntimeError, match="boom"):
        one.fit(X, THREE)
    p = one.predict_proba(X)
    assert all(map(np.array_equal, one.coefs_, known))
    assert np.array_equal(one.predict_proba(X), p)
    assert np.array_equal(pickle.loads(pickle.dumps(one)).predict_proba(X), p)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # theirs
def test_a_diverged_fit_does_not_hide_it() -> None:
    settings = {"learning_rate_init": 1e200, "solver": "sgd", "alpha": 1.0, "max_iter": 50}
    for kind in (theirs.MLPClassifier, dr.MLPClassifier):
        one = kind((5,), random_state=0, **settings)
        with pytest.raises(ValueError, match="non-finite"):
            one.fit(X, THREE)
        answers = [one.predict_proba(X[:1])]
        assert not all((np.abs(W) < 1e100).all() for W in one.coefs_)
        answers += [one.predict_proba(X[:1]), one.predict_proba(X[:1].tolist())]
        answers += [pickle.loads(pickle.dumps(one)).predict_proba(X[:1])]
        assert np.isnan(answers).all()
        with pytest.raises(ValueError, match="non-finite"):
            one.partial_fit(X, THREE)


@pytest.mark.parametrize("seen", [False, True])
@pytest.mark.parametrize("activation", ["tanh", ["logistic"]])
def test_predictions_follow_the_parameters(activation: Any, seen: bool) -> None:
    ours, other = fitted(), fitted(theirs.MLPClassifier)
    relu = ours.predict_proba(X)
    if seen:
        W = ours.coefs_[0]
    ours.set_params(activation=activation)
    other.set_params(activation=activation if isinstance(activation, str) else activation[0])
    for rows in (X, X.tolist(), X[:1]):
        np.testing.assert_allclose(ours.predict_proba(rows), other.predict_proba(rows), rtol=1e-9)
    ours.set_params(activation="relu", alpha=7.0)
    assert np.array_equal(ours.predict_proba(X), relu)
    if seen:
        W[:] = 0
        assert not np.array_equal(ours.predict_proba(X), relu)


def test_an_unpickled_one_follows_its_arrays() -> None:
    one = pickle.loads(pickle.dumps(fitted()))
    W = one.coefs_[0]
    before = one.predict_proba(X)
    W[:] = 0
    assert not np.array_equal(one.predict_proba(X), before)
    one = pickle.loads(pickle.dumps(fitted()))
    W = np.array(one.coefs_[0])
    one.coefs_ = [W, one.coefs_[1]]
    assert np.array_equal(one.predict_proba(X), before)
    W[:] = 0
    assert not np.array_equal(one.predict_proba(X), before)


def test_arrays_that_were_replaced_keep_their_numbers() -> None:
    one = fitted()
    before, W = one.predict_proba(X), one.coefs_[0]
    kept = W.copy()
    one.coefs_[0] = W * 2
    assert not np.array_equal(one.predict_proba(X), before)
    assert np.array_equal(W, kept)
    one.coefs_[0] = W
    assert np.array_equal(one.predict_proba(X), before)


def test_pruned_to_other_sizes() -> None:
    for units in (1, 3):
        answers = []
        for one in (fitted(), fitted(theirs.MLPClassifier)):
            (V, W), (b, c) = one.coefs_, one.intercepts_
            one.coefs_ = [V[:, :units].copy(), W[:units].copy()]
            one.intercepts_ = [b[:units].copy(), c.copy()]
            answers += [one.predict_proba(X), one.predict_proba(X.tolist())]
        for other in answers[1:]:
            np.testing.assert_allclose(answers[0], other, rtol=1e-9)
    one = fitted()
    one.intercepts_ = [np.zeros(1), one.intercepts_[1]]
    with pytest.raises(ValueError, match=r"intercepts_\[0\]: shape \(1,\); expected \(5,\)"):
        one.predict(X)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_kinds_of_floats_are_theirs(solver: str) -> None:
    single, answers = X.astype(np.float32), []
    kinds = (dr.MLPClassifier, theirs.MLPClassifier)
    ours, other = (kind((5,), solver=solver, max_iter=5, random_state=0) for kind in kinds)
    for one in (ours, other):
        one.fit(single, THREE)
        rows = (X, single, X.tolist(), np.ones((2, 4), int), X * 1e39)
        answers.append([one.predict_proba(x).dtype for x in rows] + [one.coefs_[0].dtype])
    assert answers[0] == answers[1]
    other.coefs_, other.intercepts_ = ours.coefs_, ours.intercepts_
    np.testing.assert_allclose(ours.predict_proba(X), other.predict_proba(X), rtol=1e-12)
    ours.coefs_[0][:] = other.coefs_[0][:] = 0
    np.testing.assert_allclose(ours.predict_proba(X), other.predict_proba(X), rtol=1e-12)
    asked = clone(ours).set_params(dtype="float32").fit(X, THREE)
    assert asked.coefs_[0].dtype == asked.predict_proba(X).dtype == np.float32


def test_a_look_costs_one_comparison_of_bytes() -> None:
    one = dr.MLPClassifier((512, 512), max_iter=1).fit(random.rand(20, 784), np.arange(20) % 10)
    x = random.rand(1, 784)
    one._repr_html_()
    assert hasattr(one, "coefs_")
    one.predict(x)
    tracemalloc.start()
    one.predict(x)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 50_000  # comparing number by number takes 670 KB, and four times as long
