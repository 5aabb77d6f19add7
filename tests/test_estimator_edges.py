# SPDX-License-Identifier: BSD-3-Clause
"""Rare arguments: as scikit-learn takes them, or refused in words that say why."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")
from sklearn import neural_network as theirs
from sklearn.metrics import mean_pinball_loss

import deltarule as dr

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

rng = np.random.RandomState(0)
X = rng.randn(120, 4)
Y = (X @ rng.randn(4, 3)).argmax(1)
TWO = (X[:, 0] > 0).astype(int)
SEVERAL = (X @ rng.randn(4, 3) > 0).astype(int)


def classifier(**parameters: Any) -> Any:
    settings = {"hidden_layer_sizes": 5, "random_state": 0, "max_iter": 5} | parameters
    return dr.MLPClassifier(**settings)


def same(a: Any, b: Any) -> bool:
    return all(np.array_equal(p, q) for p, q in zip(a.coefs_, b.coefs_, strict=True))


def test_scores_of_a_single_class() -> None:
    y = np.full(120, 7)
    found, other = (
        kind((5,), max_iter=5, random_state=0, early_stopping=True).fit(X, y)
        for kind in (dr.MLPClassifier, theirs.MLPClassifier)
    )
    assert found.validation_scores_ == other.validation_scores_ == [1.0] * 5
    np.testing.assert_allclose(found.coefs_[0], other.coefs_[0], rtol=1e-10)


def test_weights_of_classes_that_a_batch_lacks() -> None:
    weighs = classifier(class_weight={1: 5})
    by_hand = classifier()
    for rows in (TWO == 0, TWO == 1, slice(0, 9)):
        weighs.partial_fit(X[rows], TWO[rows], classes=[0, 1])
        by_hand.partial_fit(X[rows], TWO[rows], np.where(TWO[rows], 5.0, 1.0), classes=[0, 1])
    assert same(weighs, by_hand)
    with pytest.raises(ValueError, match=r"The classes, \[0, 1\], are not in class_weight"):
        classifier(class_weight={7: 5}).partial_fit(X, TWO, classes=[0, 1])


def test_several_labels_where_there_was_one() -> None:
    words = "not fitted with multilabel input"
    for y in (Y, TWO):
        fresh = classifier().partial_fit(X, y, classes=np.unique(y))
        labels = SEVERAL[:, : len(fresh.classes_)]
        with pytest.raises(ValueError, match=words):
            fresh.partial_fit(X, labels)
        with pytest.raises(ValueError, match=words):
            classifier(warm_start=True).fit(X, y).fit(X, labels)
        with pytest.raises(ValueError, match=words):
            classifier().fit(X, y, X_val=X, y_val=labels)


def test_a_metric_gets_the_weights_that_were_given() -> None:
    settings = {"class_weight": {0: 2.0}, "early_stopping": True, "metric": lambda e, X, y: 1.0}
    assert classifier(**settings).fit(X, Y).validation_scores_ == [1.0] * 5
    told = []
    settings["metric"] = lambda e, X, y, sample_weight: told.append(sample_weight) or 1.0
    classifier(**settings).fit(X, Y, np.full(120, 3.0))
    assert set(told[0]) == {3.0, 6.0}


def test_validation_rows_without_weight() -> None:
    s = np.ones(120)
    drawn = classifier(early_stopping=True, shuffle=False)
    s[[*np.random.RandomState(0).permutation(120)]] = 0
    s[0] = 1.0
    for kind in (drawn, dr.MLPRegressor(early_stopping=True, random_state=0)):
        with pytest.raises(ValueError, match="Sample weights must contain at least one non-zero"):
            kind.fit(X, Y, s)


@pytest.mark.parametrize(
    "settings", [{"max_iter": 2}, {"solver": "lbfgs", "max_iter": 2}, {"batch_size": 999}]
)
def test_warnings_come_from_where_scikit_learn_s_come(settings: Any) -> None:
    for filters in (["ignore"], []):
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            for action in filters:
                warnings.filterwarnings(action, module="sklearn")
            classifier(**settings).fit(X, Y)
        assert bool(seen) == (not filters)
        assert all(each.filename == __file__ for each in seen)


def test_lbfgs_takes_what_asks_for_nothing() -> None:
    nothing = {
        "dropout": 0.0, "noise": 0.0, "callbacks": [], "resume": False, "progress": np.False_,
        "keep_optimizer": np.False_,
    }  # fmt: skip
    found = classifier(solver="lbfgs", **nothing).fit(X, Y)
    assert same(found, classifier(solver="lbfgs").fit(X, Y))


def test_sizes_are_whole_numbers() -> None:
    for sizes in ((5.7,), (5.0,), np.array([5.0])):
        with pytest.raises(TypeError, match=r"'.*float.*' object cannot be interpreted"):
            classifier(hidden_layer_sizes=sizes).fit(X, Y)
    assert classifier(hidden_layer_sizes=np.array([5, 3])).fit(X, Y).n_layers_ == 4


@pytest.mark.parametrize("rate", ["invscaling", "adaptive"])
def test_rprop_has_rates_of_its_own(rate: str) -> None:
    assert same(
        classifier(solver="rprop", learning_rate=rate).fit(X, Y),
        classifier(solver="rprop").fit(X, Y),
    )


def test_momentum_of_numpy_s_kinds() -> None:
    settings = {"solver": "sgd", "learning_rate_init": 1e-3}
    for one in (np.float32(1), np.float64(1), 1):
        found = classifier(**settings, momentum=one).fit(X, Y)
        assert same(found, classifier(**settings, momentum=1.0).fit(X, Y))


@pytest.mark.parametrize(
    ("name", "value"), [("activation", "foo"), ("loss", "foo"), ("activation", ["relu", "foo"])]
)
def test_names_that_nobody_knows(name: str, value: Any) -> None:
    from sklearn.utils._param_validation import InvalidParameterError

    for kind in (dr.MLPClassifier, dr.MLPRegressor):
        sizes = (5, 5) if isinstance(value, list) else (5,)
        words = f"The '{name}' parameter of {kind.__name__} must be a str among .*'foo'"
        with pytest.raises(InvalidParameterError, match=words):
            kind(hidden_layer_sizes=sizes, **{name: value}).fit(X, Y)


def test_targets_of_a_regression_are_numbers() -> None:
    for y in (TWO.astype(str), TWO.astype(bytes), TWO.astype("M8[s]")):
        with pytest.raises((TypeError, ValueError), match=r"y: .*; expected numbers"):
            dr.MLPRegressor(max_iter=2).fit(X, y)
    for y in (TWO.astype(object), TWO.astype(bool)):
        found = dr.MLPRegressor(max_iter=2, random_state=0).fit(X, y)
        assert same(found, dr.MLPRegressor(max_iter=2, random_state=0).fit(X, TWO))


def test_score_of_several_quantiles() -> None:
    y, s = X[:, 0], np.arange(120.0)
    found = dr.MLPRegressor("quantile(0.1, 0.5, 0.9)", max_iter=3, random_state=0).fit(X, y)
    y_hat = found.predict(X)
    for weights in (None, s):
        expected = -sum(
            mean_pinball_loss(y, y_hat[:, j], alpha=q, sample_weight=weights)
            for j, q in enumerate((0.1, 0.5, 0.9))
        )
        assert found.score(X, y, weights) == pytest.approx(expected, rel=1e-12)
    assert found.score(X, y) == pytest.approx(
        dr.MLPRegressor("quantile(0.1, 0.5, 0.9)", max_iter=3, random_state=0)
        .fit(X, y, X_val=X, y_val=y)
        .validation_scores_[-1],
        rel=1e-12,
    )
    one = dr.MLPRegressor("quantile(0.5)", max_iter=3).fit(X, y)
    assert one.score(X, y) <= 1


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_losses_are_numpy_s_numbers(solver: str) -> None:
    found = classifier(solver=solver).fit(X, Y)
    assert found.loss_.dtype == np.float64
    if solver == "adam":
        assert found.best_loss_.dtype == np.float64
