# SPDX-License-Identifier: BSD-3-Clause
"""The estimators among scikit-learn's own tools: the results are those of its own MLP there."""

import os
import sys
import threading

import numpy as np
import pytest

pytest.importorskip("sklearn")
import joblib
from sklearn import ensemble, inspection, model_selection
from sklearn import neural_network as theirs
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.datasets import make_classification, make_regression
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import deltarule as ours

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()

X, y = make_classification(90, 6, n_informative=4, n_classes=3, random_state=0)
NAMES = np.array(["ash", "birch", "cedar"])
labels = NAMES[y]
X_regression, y_regression = make_regression(90, 6, noise=5.0, random_state=0)
y_regression /= y_regression.std()


def classifier(kind, **settings):
    return kind.MLPClassifier((8,), **{"max_iter": 15, "random_state": 0, **settings})


def regressor(kind, **settings):
    return kind.MLPRegressor("squared_error", (8,), max_iter=15, random_state=0, **settings)


def of_pipeline(kind):
    return make_pipeline(StandardScaler(), classifier(kind)).fit(X, labels).predict_proba(X)


def of_columns(kind):
    """A data frame with texts, of which sparse rows are made."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=[f"x{j}" for j in range(6)]).assign(tree=NAMES[y[::-1]])
    columns = ColumnTransformer(
        [("numbers", StandardScaler(), ["x0", "x1"]), ("texts", OneHotEncoder(), ["tree"])],
        sparse_threshold=1,
    )
    model = make_pipeline(columns, classifier(kind, solver="lbfgs")).fit(frame, labels)
    return model.predict_proba(frame)


def of_grid(kind):
    grid = {"mlp__hidden_layer_sizes": [(4,), (8, 4)], "mlp__alpha": [1e-4, 1.0]}
    search = model_selection.GridSearchCV(named(kind), grid, cv=3, scoring="neg_log_loss")
    search.fit(X, labels)
    return [*search.cv_results_["mean_test_score"], search.best_index_]


def named(kind):
    return Pipeline([("scale", StandardScaler()), ("mlp", classifier(kind))])


def of_halving(kind):
    search = model_selection.HalvingGridSearchCV(
        classifier(kind), {"learning_rate_init": [0.1, 0.01, 0.001]}, resource="max_iter",
        max_resources=12, min_resources=4, factor=3, random_state=0, cv=2,
    )  # fmt: skip
    return search.fit(X, labels).cv_results_["mean_test_score"]


def of_cross_validation(kind):
    return model_selection.cross_val_score(regressor(kind), X_regression, y_regression, cv=3)


def of_calibration(kind):
    return CalibratedClassifierCV(classifier(kind), cv=3).fit(X, labels).predict_proba(X)


def of_votes(kind):
    members = [("mlp", classifier(kind)), ("linear", LogisticRegression())]
    return ensemble.VotingClassifier(members, voting="soft").fit(X, labels).predict_proba(X)


def of_bags(kind):
    bags = ensemble.BaggingClassifier(classifier(kind), 3, random_state=0)
    return bags.fit(X, labels).predict_proba(X)


def of_stack(kind):
    members = [("one", regressor(kind)), ("other", regressor(kind, activation="tanh"))]
    stack = ensemble.StackingRegressor(members, cv=2).fit(X_regression, y_regression)
    return stack.predict(X_regression)


def of_boosting(kind):
    """AdaBoost gives sample weights."""
    boosted = ensemble.AdaBoostClassifier(classifier(kind), n_estimators=2, random_state=0)
    return boosted.fit(X, labels).predict_proba(X)


def of_one_against_rest(kind):
    return OneVsRestClassifier(classifier(kind)).fit(X, labels).predict_proba(X)


def of_a_scaled_target(kind):
    model = TransformedTargetRegressor(regressor(kind), transformer=StandardScaler())
    return model.fit(X_regression, 100 * y_regression).predict(X_regression)


def of_permutations(kind):
    model = classifier(kind, max_iter=60).fit(X, labels)
    found = inspection.permutation_importance(model, X, labels, n_repeats=3, random_state=0)
    return found.importances


def of_partial_dependence(kind):
    model = regressor(kind).fit(X_regression, y_regression)
    return inspection.partial_dependence(model, X_regression, [0], grid_resolution=9).average


def of_a_partial_dependence_display(kind):
    pytest.importorskip("matplotlib").use("Agg")
    model = classifier(kind).fit(X, labels)
    shown = inspection.PartialDependenceDisplay.from_estimator(
        model, X, [0, (1, 2)], target="ash", grid_resolution=5
    )
    shown.figure_.clear()
    return shown.pd_results[1].average


def of_a_boundary(kind):
    pytest.importorskip("matplotlib").use("Agg")
    model = classifier(kind).fit(X[:, :2], labels)
    shown = inspection.DecisionBoundaryDisplay.from_estimator(
        model, X[:, :2], grid_resolution=9, response_method="predict_proba", class_of_interest="ash"
    )
    shown.figure_.clear()
    return shown.response


def of_curves(kind):
    _, training, held_out = model_selection.learning_curve(
        regressor(kind), X_regression, y_regression, train_sizes=[0.5, 1.0], cv=2
    )
    return [training, held_out]


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def of_shap(kind):
    shap = pytest.importorskip("shap")
    model = classifier(kind).fit(X, labels)
    explainer = shap.KernelExplainer(model.predict_proba, X[:5], seed=0)
    return explainer.shap_values(X[:2], nsamples=64, silent=True)


COMPOSED = {
    name.removeprefix("of_"): made for name, made in globals().items() if name.startswith("of_")
}


@pytest.mark.parametrize("composition", COMPOSED)
def test_results_are_those_of_scikit_learns_mlp(composition):
    expected = np.asarray(COMPOSED[composition](theirs), np.float64)
    assert np.isfinite(expected).all()
    assert np.ptp(expected) > 0
    np.testing.assert_allclose(COMPOSED[composition](ours), expected, rtol=1e-9, atol=1e-12)


# ---- backends: workers times threads are no more than cores

WORKERS = min(2, CORES)


def counting():
    """A classifier that tells, after `fit`, how many native threads its process made since now.

    In a process of the backend's own: since its first `fit`.
    """

    class Counting(ours.MLPClassifier):
        def fit(self, X, y):
            before = vars(sys).setdefault("natives_before", natives())
            super().fit(X, y)
            self.made_ = natives() - before
            return self

    def natives():  # pickled with the class: a worker knows no module of tests
        python = {str(thread.native_id) for thread in threading.enumerate()}
        return len(set(os.listdir("/proc/self/task")) - python)

    sys.natives_before = natives()
    return Counting((256, 256), max_iter=2, random_state=0)  # large enough for 2 threads


def searched(model, n_jobs=None):
    """Scores of a grid search, and the most native threads that a process had."""

    def log_loss_and_threads(fitted, X, y):
        from sklearn.metrics import log_loss

        return {"loss": log_loss(y, fitted.predict_proba(X)), "threads": fitted.made_}

    grid = model_selection.GridSearchCV(
        model, {"alpha": [1e-4, 1.0]}, cv=2, n_jobs=n_jobs, refit=False, error_score="raise",
        scoring=log_loss_and_threads,
    ).fit(np.tile(X, (6, 1)), np.tile(labels, 6))  # fmt: skip
    results = grid.cv_results_
    threads = [results[f"split{k}_test_threads"].max() for k in range(2)]
    return [results[f"split{k}_test_loss"].tolist() for k in range(2)], int(max(threads))


needs_proc = pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="counts by /proc")


@pytest.fixture
def no_wish(monkeypatch):
    """Workers inherit the variable, and a user's wish overrides what they would be given."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)


def expect_as_alone(scores_and_threads, one_process):
    scores, threads = scores_and_threads
    assert scores == searched(counting())[0]
    assert (WORKERS + threads if one_process else WORKERS * (1 + threads)) <= CORES


@needs_proc
@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_joblib(backend, no_wish):
    with joblib.parallel_config(backend):
        expect_as_alone(searched(counting(), WORKERS), backend == "threading")


@needs_proc
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("processes", [False, True])
def test_dask(processes, no_wish):
    distributed = pytest.importorskip("distributed")
    with distributed.Client(
        n_workers=WORKERS if processes else 1, threads_per_worker=1 if processes else WORKERS,
        processes=processes, dashboard_address=None,
    ), joblib.parallel_config("dask"):  # fmt: skip
        found = searched(counting())
    expect_as_alone(found, not processes)
