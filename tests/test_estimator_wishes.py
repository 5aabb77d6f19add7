# SPDX-License-Identifier: BSD-3-Clause
"""What scikit-learn's users wished for: each parameter does what it says, none by default."""

from __future__ import annotations

import inspect
import time
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")
from scipy.sparse import csr_array
from sklearn import neural_network as theirs
from sklearn.datasets import load_digits, make_multilabel_classification, make_regression

import deltarule as dr

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_digits(return_X_y=True)
X, Y = X[:400] / 16, Y[:400]
LEFT, RIGHT = slice(0, 300), slice(300, 400)
XR, YR = make_regression(150, 6, n_targets=2, noise=3, random_state=0)
YR = YR / 100
MANY = make_multilabel_classification(150, 8, n_classes=4, random_state=0)


def classifier(**parameters: Any) -> Any:
    return dr.MLPClassifier(**{"max_iter": 15, "random_state": 0} | parameters)


def regressor(**parameters: Any) -> Any:
    return dr.MLPRegressor(**{"max_iter": 15, "random_state": 0} | parameters)


def same(a: Any, b: Any) -> bool:
    return all(np.array_equal(p, q) for p, q in zip(a.coefs_, b.coefs_, strict=True))


@pytest.mark.parametrize("kind", ["MLPClassifier", "MLPRegressor"])
def test_they_come_after_the_inherited_by_name_only(kind: str) -> None:
    pytest.importorskip("sklearn", minversion="1.7")  # where MLPRegressor got its loss
    ours = inspect.signature(getattr(dr, kind)).parameters
    inherited = list(inspect.signature(getattr(theirs, kind)).parameters)
    assert list(ours)[: len(inherited)] == inherited
    for name in list(ours)[len(inherited) :]:
        assert ours[name].kind is inspect.Parameter.KEYWORD_ONLY
        assert f" {name}" in (getattr(dr, kind).__doc__ or "")


def test_class_weight() -> None:
    by_hand = np.where(Y == 3, 5.0, 1.0)
    assert same(classifier(class_weight={3: 5}).fit(X, Y), classifier().fit(X, Y, by_hand))
    s = np.random.RandomState(0).rand(len(Y)) + 0.1
    assert same(classifier(class_weight={3: 5}).fit(X, Y, s), classifier().fit(X, Y, s * by_hand))
    rare = Y == 3
    counts = np.bincount(rare)
    balanced = (len(Y) / (2 * counts))[rare.astype(int)]
    for solver in ("adam", "lbfgs"):
        found = classifier(class_weight="balanced", solver=solver).fit(X, rare)
        assert same(found, classifier(solver=solver).fit(X, rare, balanced))
    with pytest.raises(ValueError, match="class_weight: 'balanced' in partial_fit"):
        classifier(class_weight="balanced").partial_fit(X, Y, classes=np.arange(10))


def test_dropout_and_noise() -> None:
    plain = classifier().fit(X, Y)
    for settings in ({"dropout": 0.3}, {"noise": 0.2}, {"dropout": dr.Dropout(0.1, input=0.1)}):
        one, other = (classifier(**settings).fit(X, Y) for _ in range(2))
        assert same(one, other)
        assert not same(one, plain)
    assert same(plain, classifier(dropout=None, noise=None).fit(X, Y))
    drawn = classifier(dropout=0.3, max_iter=2).fit(X, Y)  # a seed's masks stay those they were
    assert drawn.loss_curve_[1].hex() == "0x1.30dbc49fc5c4ap+1"


@pytest.mark.parametrize(
    ("loss", "check"),
    [
        ("log_loss(label_smoothing=0.1)", {}), ("focal(gamma=2)", {}), ("hinge", {"p": False}),
        ("half_squared_error", {}), ("squared_hinge", {"p": False}),
        ("kl_divergence", {"b": False}),
    ],
)  # fmt: skip
def test_losses_of_classes(loss: str, check: dict[str, bool]) -> None:
    for y in (Y, Y < 5) if check.get("b", True) else (Y,):
        found = classifier(loss=loss, max_iter=60, learning_rate_init=5e-3).fit(X, y)
        assert found.score(X, y) > 0.93
        assert hasattr(found, "predict_proba") == check.get("p", True)
        assert found.loss_curve_[-1] < found.loss_curve_[0]
    if check.get("b", True):
        found = classifier(loss=loss, solver="lbfgs", max_iter=150).fit(*MANY)
        assert found.score(*MANY) > 0.75


def test_losses_of_numbers() -> None:
    y = YR[:, 0]
    for loss in ("absolute_error", "huber(delta=0.5)", "quantile(0.5)", "log_cosh", "gaussian_nll"):
        found = regressor(loss=loss, max_iter=150, learning_rate_init=0.01).fit(XR, y)
        assert found.predict(XR).shape == y.shape
        assert found.score(XR, y) > 0.8, loss
    three = regressor(
        loss="quantile(0.1, 0.5, 0.9)", max_iter=300, learning_rate_init=0.01, early_stopping=True
    ).fit(XR, y)
    low, middle, high = three.predict(XR).T
    assert np.mean(low < middle) > 0.8
    assert np.mean(middle < high) > 0.8
    assert three.validation_scores_ == [-loss for loss in three.validation_loss_curve_]
    with pytest.raises(ValueError, match="loss"):
        regressor(loss="none such").fit(XR, y)


def test_a_loss_in_python() -> None:
    def half_squares(y_hat: Any, y: Any) -> Any:
        return ((y_hat - y) ** 2).sum(axis=1) / 2, y_hat - y

    found = regressor(loss=half_squares).fit(XR, YR)
    expected = regressor().fit(XR, YR)
    np.testing.assert_allclose(found.predict(XR), expected.predict(XR), rtol=1e-9)


def test_activations() -> None:
    found = classifier(
        hidden_layer_sizes=(20, 15), activation=["leaky_relu(slope=0.1)", "prelu"], max_iter=80
    ).fit(X, Y)
    assert found.score(X, Y) > 0.9
    assert found.activation_parameters_[1].shape == (15,)
    each = classifier(hidden_layer_sizes=(9, 8), activation=["tanh", "tanh"]).fit(X, Y)
    assert same(each, classifier(hidden_layer_sizes=(9, 8), activation="tanh").fit(X, Y))
    with pytest.raises(ValueError, match="activation: 1 names for the 2 hidden layers"):
        classifier(hidden_layer_sizes=(9, 8), activation=["tanh"]).fit(X, Y)
    with pytest.raises(ValueError, match="activation"):
        classifier(activation="none such").fit(X, Y)


@pytest.mark.parametrize(
    "solver",
    [
        "adamw", "nadam", "adagrad", "rmsprop", "lion", "rprop",
        dr.SGD(0.5, momentum=0.9), dr.AdamW(dr.schedules.Cosine(0.01)),
    ],
    ids=str,
)  # fmt: skip
def test_solvers(solver: Any) -> None:
    settings = {"solver": solver, "learning_rate_init": 0.01, "max_iter": 50}
    assert classifier(**settings).fit(X, Y).score(X, Y) > 0.95
    found = classifier(**settings)
    for _ in range(3):
        found.partial_fit(X, Y, classes=np.arange(10))
    assert found.n_iter_ == 1


def test_schedules() -> None:
    flat = dr.schedules.OfEpoch(lambda t: 0.001)
    assert same(classifier(learning_rate=flat).fit(X, Y), classifier().fit(X, Y))
    falls = dr.schedules.Step(0.001, at=(5,))
    assert not same(classifier(learning_rate=falls).fit(X, Y), classifier().fit(X, Y))
    watched = dr.schedules.Plateau(0.01, watch="validation_loss", patience=0, lowest=1e-4)
    found = classifier(learning_rate=watched, early_stopping=True, max_iter=40, n_iter_no_change=40)
    assert found.fit(X, Y)._optimizer.learning_rate < 0.01


def test_init() -> None:
    a, b = (classifier(init="he_normal").fit(X, Y) for _ in range(2))
    assert same(a, b)
    assert not same(a, classifier().fit(X, Y))


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_own_validation_rows(solver: str) -> None:
    mine = {"X_val": X[RIGHT], "y_val": Y[RIGHT]}
    found = classifier(solver=solver).fit(X[LEFT], Y[LEFT], **mine)
    assert same(found, classifier(solver=solver).fit(X[LEFT], Y[LEFT]))
    assert found.validation_scores_[-1] == found.score(X[RIGHT], Y[RIGHT])
    p = found.predict_proba(X[RIGHT])[np.arange(100), Y[RIGHT]]
    assert found.validation_loss_curve_[-1] == pytest.approx(-np.log(p).mean(), rel=1e-12)
    stopped = classifier(early_stopping=True, max_iter=200, n_iter_no_change=2, tol=0.01)
    stopped.fit(X[LEFT], Y[LEFT], X_val=csr_array(X[RIGHT]), y_val=Y[RIGHT])
    assert stopped.n_iter_ < 200
    assert stopped.score(X[RIGHT], Y[RIGHT]) == max(stopped.validation_scores_)
    r = regressor(loss="poisson").fit(
        XR[:100], np.exp(YR[:100]), X_val=XR[100:], y_val=np.exp(YR[100:])
    )
    y, y_hat = np.exp(YR[100:]), r.predict(XR[100:])
    deviance = (y * np.log(y / y_hat) - y + y_hat).sum(axis=1).mean()
    assert r.validation_loss_curve_[-1] == pytest.approx(deviance, rel=1e-10)
    with pytest.raises(ValueError, match="y_val: None beside the other one"):
        classifier().fit(X, Y, X_val=X)
    with pytest.raises(ValueError, match=r"not in `self\.classes_`"):
        classifier().fit(X, Y, X_val=X[:3], y_val=[77, 78, 79])


def test_metric() -> None:
    settings = {"early_stopping": True, "max_iter": 8}
    plain = classifier(**settings).fit(X, Y).validation_scores_
    assert classifier(metric="accuracy", **settings).fit(X, Y).validation_scores_ == plain
    own = classifier(metric=lambda e, X, y: e.score(X, y), **settings).fit(X, Y)
    assert own.validation_scores_ == plain
    loss = classifier(metric="loss", **settings).fit(X, Y)
    nll = classifier(metric="neg_log_loss", **settings).fit(X, Y).validation_scores_
    np.testing.assert_allclose(loss.validation_scores_, nll, rtol=1e-12)
    with pytest.raises(ValueError, match="none_such"):
        classifier(metric="none_such", **settings).fit(X, Y)


def test_partial_fit_with_early_stopping() -> None:
    mine = {"X_val": X[RIGHT], "y_val": Y[RIGHT]}
    found = classifier(early_stopping=True, learning_rate_init=0.01, n_iter_no_change=2, tol=0.01)
    for epochs in range(1, 100):
        found.partial_fit(X[LEFT], Y[LEFT], classes=np.arange(10), **mine)
        assert len(found.validation_scores_) == epochs
        if found._no_improvement_count > 2:
            break
    assert epochs < 99
    assert found.score(X[RIGHT], Y[RIGHT]) == max(found.validation_scores_)
    noise = np.random.RandomState(1).permutation(Y[RIGHT])  # of which training learns nothing
    found = classifier(early_stopping=True, n_iter_no_change=4)
    after = []
    for _ in range(60):
        found.partial_fit(X[LEFT], Y[LEFT], classes=np.arange(10), X_val=X[RIGHT], y_val=noise)
        after.append(found.coefs_[0].copy())
        if found._no_improvement_count > 4:
            break
    best = int(np.argmax(found.validation_scores_))
    assert best < len(after) - 1
    assert np.array_equal(found.coefs_[0], after[best])
    with pytest.raises(ValueError, match="partial_fit does not support early_stopping=True"):
        found.partial_fit(X, Y)
    several = classifier().partial_fit(*MANY)
    assert several.predict(MANY[0]).shape == MANY[1].shape
    assert not hasattr(classifier(loss="hinge"), "predict_proba")


def test_a_warm_start_keeps_the_optimizer() -> None:
    rng = np.random.RandomState(0)
    parts = classifier(
        warm_start=True, keep_optimizer=True, max_iter=5, random_state=rng, shuffle=False
    )
    for _ in range(3):
        parts.fit(X, Y)
    whole = classifier(random_state=np.random.RandomState(0), shuffle=False).fit(X, Y)
    assert same(parts, whole)
    forgets = classifier(warm_start=True, max_iter=5, random_state=rng, shuffle=False)
    for _ in range(3):
        forgets.fit(X, Y)
    assert not same(forgets, whole)


def test_initialize() -> None:
    found = classifier()
    assert found.initialize(X, Y) is found
    assert found.predict(X).shape == Y.shape
    assert found.n_iter_ == 0
    start = [coef.copy() for coef in found.coefs_]
    bound = np.sqrt(6 / (64 + 100))
    assert 0.99 * bound < np.abs(start[0]).max() <= bound
    found.partial_fit(X, Y)
    assert not np.array_equal(start[0], found.coefs_[0])


def test_input_gradients() -> None:
    found = regressor(activation="tanh", hidden_layer_sizes=7).fit(XR, YR)
    g = found.input_gradient(XR[:5])
    assert g.shape == (5, 2, 6)
    np.testing.assert_array_equal(found.input_gradient(XR[:5], 1), g[:, 1])
    h = 1e-6
    for i in range(6):
        step = h * np.eye(6)[i]
        slope = (found.predict(XR[:5] + step) - found.predict(XR[:5] - step)) / (2 * h)
        np.testing.assert_allclose(g[:, :, i], slope, atol=1e-8)
    baseline = XR.mean(axis=0)
    parts = found.integrated_gradients(XR, 1, baseline, n_steps=100)
    rise = found.predict(XR)[:, 1] - found.predict(baseline[None])[0, 1]
    np.testing.assert_allclose(parts.sum(axis=1), rise, atol=1e-4)
    with pytest.raises(ValueError, match=r"output: 2; expected 0 \.\.\. 1"):
        found.input_gradient(XR, 2)


def test_threads_and_time() -> None:
    assert same(classifier(n_jobs=1).fit(X, Y), classifier(n_jobs=-1).fit(X, Y))
    endless = {"max_iter": 10**8, "n_iter_no_change": 10**8, "max_seconds": 0.05, "tol": 0}
    for solver in ("adam", "lbfgs"):
        began = time.perf_counter()
        found = classifier(solver=solver, max_fun=10**9, **endless).fit(X, Y)
        assert time.perf_counter() - began < 5
        assert 1 <= found.n_iter_ < 10**8


def test_dtype() -> None:
    found = classifier(dtype="float32").fit(X, Y)
    assert found.coefs_[0].dtype == np.float32
    assert same(found, classifier().fit(X.astype(np.float32), Y))
    assert classifier(dtype=np.float64).fit(X.astype(np.float32), Y).coefs_[0].dtype == np.float64


def test_callbacks_and_progress(capsys: Any) -> None:
    class Stops:
        batches = 0

        def on_batch_end(self, run: Any) -> None:
            self.batches += 1

        def on_epoch_end(self, run: Any) -> None:
            if run.epoch == 4:
                run.stop("enough")

    stops = Stops()
    found = classifier(callbacks=stops, progress=True).fit(X, Y)
    assert (found.n_iter_, stops.batches) == (4, 8)
    assert "epoch 4/15" in capsys.readouterr().err
    np.testing.assert_allclose(
        found.loss_curve_, classifier().fit(X, Y).loss_curve_[:4], rtol=1e-14
    )


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_callbacks_of_scikit_learn(solver: str) -> None:
    pytest.importorskip("sklearn.callback")

    class Watches:
        def setup(self, estimator: Any, context: Any) -> None:
            self.told = ["setup"]

        def teardown(self, estimator: Any, context: Any) -> None:
            self.told.append("teardown")

        def on_fit_task_begin(self, estimator: Any, context: Any, *, X: Any = None) -> None:
            assert X.shape == (300, 64)
            self.told.append(f"{context.task_name} begins")

        def on_fit_task_end(
            self, estimator: Any, context: Any, *, fitted_estimator: Any = None
        ) -> bool:
            self.told.append(f"{context.task_name} {context.task_id}")
            self.score = fitted_estimator.score(X[RIGHT], Y[RIGHT])
            return context.task_name == "epoch" and context.task_id == 3

    watches = Watches()
    found = classifier(solver=solver).set_callbacks(watches).fit(X[LEFT], Y[LEFT])
    assert watches.told[:4] == ["setup", "fit begins", "epoch begins", "epoch 0"]
    assert watches.told[-2:] == ["fit 0", "teardown"]
    assert found.n_iter_ == 4
    assert watches.score == found.score(X[RIGHT], Y[RIGHT])


@pytest.mark.parametrize(
    "settings",
    [
        {}, {"early_stopping": True, "dropout": 0.1},
        {"random_state": None, "early_stopping": True, "n_iter_no_change": 50},
        {"solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 0.1, "tol": 0.1},
        {"solver": dr.Adam(dr.schedules.Cosine(0.01, over=20))},
    ],
)  # fmt: skip
def test_checkpoint_and_resume(settings: Any, tmp_path: Any) -> None:
    class Killed(Exception):
        pass

    def kill(run: Any) -> None:
        if run.epoch == 7:
            raise Killed

    path = tmp_path / "fit"
    keeps = {"n_iter_no_change": 2, "checkpoint": path, "every": 3, "max_iter": 20} | settings
    kills = type("", (), {"on_epoch_end": staticmethod(kill)})()
    with pytest.raises(Killed):
        classifier(**keeps, callbacks=kills).fit(X, Y)
    resumed = classifier(**keeps, resume=True).fit(X, Y)
    assert resumed.n_iter_ > 6
    if settings.get("random_state", 0) is not None:
        whole = classifier(**keeps).fit(X, Y)
        assert same(resumed, whole)
        assert resumed.loss_curve_ == whole.loss_curve_
        assert resumed.validation_scores_ == whole.validation_scores_
        assert resumed._random_state.randint(2**31) == whole._random_state.randint(2**31)
    with pytest.raises(ValueError, match=r"alpha: 3; expected 0.0001, as the checkpoint"):
        classifier(**keeps, resume=True, alpha=3).fit(X, Y)
    with pytest.raises(ValueError, match="rows"):
        classifier(**keeps, resume=path).fit(X[:99], Y[:99])


def test_what_lbfgs_does_not_do() -> None:
    shows = [dr.callbacks.Progress()]
    for name, value in {"dropout": 0.1, "checkpoint": "x", "callbacks": shows, "noise": 1}.items():
        with pytest.raises(ValueError, match=f"{name}: .* with solver='lbfgs'"):
            classifier(solver="lbfgs", **{name: value}).fit(X, Y)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_jobs", 0), ("dropout", 1.0), ("class_weight", "heavy"), ("dtype", "float16"),
        ("max_seconds", 0), ("every", 0), ("progress", 1.5), ("keep_optimizer", "yes"),
    ],
)  # fmt: skip
def test_refused(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"The '{name}' parameter of MLPClassifier must be"):
        classifier(**{name: value}).fit(X, Y)


def test_validation_rows_may_lack_classes() -> None:
    found = classifier(warm_start=True)
    for _ in range(2):
        found.fit(X, Y, X_val=X[Y < 2], y_val=Y[Y < 2])
    assert len(found.validation_scores_) == 30
