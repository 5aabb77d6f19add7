# SPDX-License-Identifier: BSD-3-Clause
"""Perceptron, logistic regression and autoencoder as estimators: the core's numbers."""

import pickle
import tracemalloc
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn")
import scipy.sparse
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris, make_blobs
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from test_interrupt import ctrl_c_after, default_ctrl_c  # noqa: F401

import deltarule as dr
from deltarule.digits import load_digits
from deltarule.estimators.threads import allowed

quiet = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X_iris, y_iris = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])[y_iris]
SETOSA = np.where(y_iris == 0, "setosa", "another")  # a plane separates them
X_digits, y_digits = (array[:200] for array in load_digits())


# ---- perceptron


def test_perceptron_is_rosenblatts_rule():
    model = dr.PerceptronClassifier().fit(X_iris, SETOSA)
    unit = dr.Perceptron(4)
    done = unit.fit(X_iris, (y_iris == 0).astype(float))
    assert model.coef_.tolist() == unit.W[:, :-1].tolist()
    assert model.intercept_.tolist() == unit.W[:, -1].tolist()
    assert (model.n_iter_, model.mistakes_) == (done.n_epochs, done.mistakes)
    assert (model.converged_, model.period_) == (True, None)
    assert model.score(X_iris, SETOSA) == 1
    assert model.classes_.tolist() == ["another", "setosa"]


@quiet
def test_perceptron_has_a_unit_per_class():
    model = dr.PerceptronClassifier(50).fit(X_iris, NAMES)
    units = dr.Perceptron(4, 3)
    units.fit(X_iris, np.eye(3)[y_iris], epochs=50)
    assert np.column_stack([model.coef_, model.intercept_]).tolist() == units.W.tolist()
    net = np.hstack([X_iris, np.ones((150, 1))]) @ units.W.T
    np.testing.assert_allclose(model.decision_function(X_iris), net, rtol=1e-12, atol=1e-12)
    assert (model.predict(X_iris) == model.classes_[net.argmax(axis=1)]).all()


def test_a_row_on_the_plane_is_of_the_second_class():
    model = dr.PerceptronClassifier().fit([[-1.0], [1.0]], ["a", "b"])
    model.coef_, model.intercept_ = np.array([[1.0]]), np.array([-2.0])
    assert model.predict([[1.75], [2.0], [2.25]]).tolist() == ["a", "b", "b"]
    assert model.decision_function([[1.75], [2.0]]).tolist() == [-0.25, 0.0]


def test_perceptron_says_that_it_never_converges():
    X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
    with pytest.warns(ConvergenceWarning, match="never converges: .* repeat every"):
        model = dr.PerceptronClassifier().fit(X, y)
    assert model.period_ is not None
    with pytest.warns(ConvergenceWarning, match="not converged yet"):
        dr.PerceptronClassifier(1).fit(X, y)


def test_perceptron_goes_on():
    whole = dr.PerceptronClassifier().fit(X_iris, SETOSA)
    parts = dr.PerceptronClassifier()
    for _ in range(whole.n_iter_):
        parts.partial_fit(X_iris, SETOSA, classes=["another", "setosa"])
    assert parts.coef_.tolist() == whole.coef_.tolist()
    warm = dr.PerceptronClassifier(1, warm_start=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for _ in range(whole.n_iter_):
            warm.fit(X_iris, SETOSA)
    assert warm.coef_.tolist() == whole.coef_.tolist()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda m: m.partial_fit(X_iris, NAMES), ValueError, "classes: None in the first call"),
        (lambda m: m.partial_fit(X_iris, NAMES, ["a", "b"]), ValueError, "y: label 'setosa'"),
        (lambda m: m.fit(X_iris, np.zeros(150)), ValueError, "y: 1 class, 0.0; expected two"),
        (lambda m: m.set_params(eta0=0).fit(X_iris, SETOSA), ValueError, "eta0: 0; expected"),
        (lambda m: m.set_params(max_iter=0).fit(X_iris, SETOSA), ValueError, "max_iter: 0; expect"),
        (lambda m: m.partial_fit([[1]], ["a"], ["a"]), ValueError, "classes: 1 class, 'a'"),
        (lambda m: m.predict(X_iris), NotFittedError, "not fitted"),
    ],
)
def test_perceptron_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call(dr.PerceptronClassifier())


def test_perceptron_refuses_other_classes_later():
    model = dr.PerceptronClassifier().partial_fit(X_iris, SETOSA, ["another", "setosa"])
    with pytest.raises(ValueError, match=r"classes: .*; expected .*, as in the first call"):
        model.partial_fit(X_iris, SETOSA, ["another", "other"])


# ---- logistic regression


def test_logistic_regression_is_the_notes():
    model = dr.LogisticRegressionGD(20).fit(X_iris, SETOSA)
    textbook = dr.logistic_regression(X_iris, (y_iris == 0).astype(float), epochs=20)
    assert [*model.coef_[0], *model.intercept_] == textbook.theta.tolist()
    assert model.log_likelihood_.tolist() == textbook.log_likelihood.tolist()
    assert (model.eta_, model.n_iter_) == (textbook.eta, 20)
    p = textbook.predict(X_iris)[:, 0]
    np.testing.assert_allclose(model.predict_proba(X_iris)[:, 1], p, rtol=1e-12)


def test_logistic_regression_ends_where_scikit_learns_does():
    X, y = make_blobs(300, 3, centers=2, cluster_std=4.0, random_state=1)
    X = StandardScaler().fit_transform(X)
    model = dr.LogisticRegressionGD(3000).fit(X, y)
    expected = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(X, y)
    np.testing.assert_allclose(model.coef_, expected.coef_, rtol=1e-5)
    np.testing.assert_allclose(model.intercept_, expected.intercept_, rtol=1e-5)


def test_logistic_regression_of_three_classes():
    model = dr.LogisticRegressionGD(200).fit(X_iris, NAMES)
    assert model.coef_.shape == (3, 4)
    assert model.log_likelihood_.shape == (3, 201)
    one = dr.logistic_regression(X_iris, (y_iris == 2).astype(float), epochs=200)
    assert [*model.coef_[2], model.intercept_[2]] == one.theta.tolist()
    P = model.predict_proba(X_iris)
    np.testing.assert_allclose(P.sum(axis=1), 1, rtol=1e-12)
    p = 1 / (1 + np.exp(-model.decision_function(X_iris)))
    np.testing.assert_allclose(P, p / p.sum(axis=1, keepdims=True), rtol=1e-12)
    assert (model.predict(X_iris) == model.classes_[P.argmax(axis=1)]).all()
    assert np.isfinite(model.predict_log_proba(1e6 * X_iris)).all()


@pytest.mark.parametrize("given", [{"eta0": -1.0}, {"max_iter": 0}])
def test_logistic_regression_refuses(given):
    ((name, value),) = given.items()
    with pytest.raises(ValueError, match=f"{name}: {value}; expected"):
        dr.LogisticRegressionGD(**given).fit(X_iris, SETOSA)


def test_logistic_regression_diverges_loudly():
    with pytest.raises(FloatingPointError, match="expected a smaller eta"):
        dr.LogisticRegressionGD(eta0=1e300).fit(1e10 * X_iris, SETOSA)


# ---- autoencoder


def coder(**settings):
    return dr.MLPAutoencoder((16,), **{"max_iter": 5, "random_state": 0, **settings})


@quiet
def test_autoencoder_is_the_cores():
    model = coder(batch_size=50, activation="logistic", sparsity="kl", beta=0.01).fit(X_digits)
    random = np.random.RandomState(0)
    network = dr.Autoencoder(
        [64, 16, 64], activation="logistic", seed=random.randint(2**31 - 1), sparsity="kl",
        beta=0.01,
    )  # fmt: skip
    history = network.fit(
        X_digits, dr.Adam(0.001), 50, 5, seed=random.randint(2**31 - 1)
    )  # float32, as X is
    assert model.w_.tolist() == network.mlp.w.tolist()
    assert model.loss_curve_ == history.loss
    assert (model.loss_, model.n_iter_) == (history.loss[-1], 5)
    assert (model.transform(X_digits) == network.encode(X_digits)).all()
    assert model.transform(X_digits).dtype == np.float32
    assert model.score(X_digits) == -network.loss(X_digits)


@quiet
def test_autoencoder_goes_there_and_back():
    model = dr.MLPAutoencoder([9, 3, 9, 7], code=2, max_iter=2, random_state=0).fit(X_digits)
    codes = model.transform(X_digits)
    assert codes.shape == (200, 3)
    assert (model.inverse_transform(codes) == model.reconstruct(X_digits)).all()
    W, b = model.coefs_, model.intercepts_
    assert [w.shape for w in W] == [(64, 9), (9, 3), (3, 9), (9, 7), (7, 64)]
    o = np.maximum(X_digits @ W[0] + b[0], 0) @ W[1] + b[1]
    np.testing.assert_allclose(codes, np.maximum(o, 0), rtol=1e-4, atol=1e-5)


@quiet
def test_autoencoder_names_its_columns():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X_iris, columns=["a", "b", "c", "d"])
    model = dr.MLPAutoencoder((2,), max_iter=3, random_state=0)
    codes = model.set_output(transform="pandas").fit_transform(frame)
    assert list(codes.columns) == ["mlpautoencoder0", "mlpautoencoder1"]
    columns = ColumnTransformer([("code", clone(model), ["a", "b", "c"])], remainder="passthrough")
    columns.set_output(transform="pandas").fit(frame)
    assert columns.get_feature_names_out().tolist() == [
        "code__mlpautoencoder0", "code__mlpautoencoder1", "remainder__d",
    ]  # fmt: skip


@quiet
def test_autoencoder_in_a_pipeline_and_a_search():
    model = make_pipeline(
        StandardScaler(), coder(max_iter=20, learning_rate_init=0.01), LogisticRegression()
    )
    assert model.fit(X_iris, NAMES).score(X_iris, NAMES) > 0.9
    grid = {"hidden_layer_sizes": [(1,), (16,)]}
    search = GridSearchCV(coder(max_iter=20, learning_rate_init=0.01), grid, cv=2).fit(X_digits)
    assert search.best_params_ == {"hidden_layer_sizes": (16,)}


@quiet
@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int64])
def test_autoencoder_keeps_the_kind_of_number(kind):
    model = coder().fit((16 * X_digits).astype(kind))
    expected = np.float32 if kind == np.float32 else np.float64
    assert model.w_.dtype == model.transform(X_digits.astype(kind)).dtype == expected


@quiet
def test_autoencoder_solvers():
    by_name = coder(solver="nadam", learning_rate_init=0.01).fit(X_digits)
    by_object = coder(solver=dr.NAdam(0.01)).fit(X_digits)
    assert (by_name.w_ == by_object.w_).all()
    with pytest.raises(ValueError, match="solver: 'newton'; expected 'sgd' or 'adam'"):
        coder(solver="newton").fit(X_digits)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"hidden_layer_sizes": (3, 0, 3)}, r"hidden_layer_sizes\[1\]: 0; expected"),
        ({"hidden_layer_sizes": ()}, "expected a hidden layer for the code"),
        ({"hidden_layer_sizes": (3, 3)}, "code: None, but 4 layers"),
        ({"code": 2}, "code: 2; expected a hidden layer, 1 ... 1"),
        ({"max_iter": 0}, "max_iter: 0; expected"),
        ({"tol": -1.0}, "tol: -1.0; expected"),
        ({"n_iter_no_change": 0}, "n_iter_no_change: 0; expected"),
        ({"learning_rate_init": 0.0}, "learning_rate_init: 0.0; expected"),
        ({"early_stopping": True, "validation_fraction": 1.0}, "validation_fraction: 1.0; expect"),
        ({"batch_size": 0}, "batch_size: 0; expected"),
        ({"noise": -1.0}, "noise: -1.0; expected"),
        ({"activation": "sigmoid"}, "activation: 'sigmoid'; expected"),
        ({"sparsity": "kl"}, "sparsity: 'kl' with a code of activation"),
    ],
)
def test_autoencoder_refuses(given, message):
    model = dr.MLPAutoencoder(**given)
    for rows in (X_digits, scipy.sparse.csr_array(X_digits)):
        with pytest.raises(ValueError, match=message):
            model.fit(rows)
    assert not hasattr(model, "w_")


@quiet
def test_autoencoder_goes_on():
    model = coder(warm_start=True).fit(X_digits)
    loss = model.loss_
    assert model.fit(X_digits).loss_curve_[0] < loss
    assert coder().fit(X_digits).loss_ == loss


@quiet
def test_autoencoder_stops_early():
    settings = {"early_stopping": True, "tol": 0.05, "n_iter_no_change": 3, "batch_size": 20}
    settings["learning_rate_init"] = 0.1  # too large: it does not end with its best epoch
    model = coder(max_iter=500, **settings).fit(X_digits)
    curve = model.validation_loss_curve_
    best = int(np.argmin(curve))
    assert best + 1 < model.n_iter_ == len(curve) == len(model.loss_curve_) < 500
    until_then = coder(max_iter=best + 1, **settings).fit(X_digits)
    assert model.w_.tolist() == until_then.w_.tolist()


def test_autoencoder_tells_that_it_might_go_on():
    with pytest.warns(ConvergenceWarning, match="not converged in max_iter=5"):
        coder().fit(X_digits)


@quiet
def test_autoencoder_on_ctrl_c():
    coder(max_iter=1).fit(X_digits)  # imports what the first fit of a process does
    model = coder(max_iter=10**6, tol=0.0, n_iter_no_change=10**6)
    with ctrl_c_after(0.5), pytest.warns(UserWarning, match="interrupted by user"):
        model.fit(X_digits)
    assert 0 < model.n_iter_ < 10**6
    assert np.isfinite(model.transform(X_digits)).all()


@quiet
def test_autoencoder_pickles_as_arrays():
    model = coder().fit(X_digits)
    assert not any(isinstance(value, dr.MLP | dr.Autoencoder) for value in vars(model).values())
    again = pickle.loads(pickle.dumps(model))
    assert (again.transform(X_digits) == model.transform(X_digits)).all()


@quiet
def test_autoencoder_threads_change_no_bit():
    one, two = (coder(n_jobs=n_jobs).fit(X_digits).w_ for n_jobs in (1, -1))
    assert (one == two).all()


# ---- threads


def test_threads():
    cores = dr.info().threads
    assert allowed(None) is None
    assert allowed(-1) == allowed(1000) == cores
    assert allowed(1) == allowed(-1000) == 1
    with pytest.raises(ValueError, match="n_jobs: 0; expected"):
        allowed(0)
    with pytest.raises(TypeError, match="n_jobs: 'all' of type str"):
        allowed("all")


def test_threads_of_a_worker():
    from joblib import Parallel, delayed

    asked = Parallel(2, "threading")(delayed(allowed)(n_jobs) for n_jobs in (None, 4, -1))
    assert asked == [1, 1, 1]


def attributes(estimator):
    return {name: repr(value) for name, value in vars(estimator).items() if name[-1] == "_"}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", ["PerceptronClassifier", "LogisticRegressionGD", "MLPAutoencoder"])
def test_a_fit_that_fails_changes_nothing(name):
    X, y = X_digits[:60], y_digits[:60] % 2
    estimator = getattr(dr, name)(max_iter=3).fit(X, y)
    before = attributes(estimator)
    if name == "MLPAutoencoder":
        with pytest.raises(ValueError, match="batch_size"):
            estimator.set_params(batch_size=0).fit(X[:, :2])
    else:
        with pytest.raises(ValueError, match="y: 1 class"):
            estimator.fit(X, np.zeros(60))
        with pytest.raises(ValueError, match="eta0"):
            estimator.set_params(eta0=-1).fit(X, y + 10)
    assert attributes(estimator) == before


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_rows_held_out_of_a_sparse_matrix_are_not_dense_at_once():
    n, m = 300, 20_000
    X = scipy.sparse.csr_array((np.ones(n), (np.arange(n), np.arange(n) * 60)), (n, m))
    estimator = dr.MLPAutoencoder((1,), max_iter=1, early_stopping=True, batch_size=4)
    tracemalloc.start()
    estimator.fit(X)
    assert tracemalloc.get_traced_memory()[1] < 0.8 * 8 * n * m
    tracemalloc.stop()


def test_flags_and_sizes_of_an_autoencoder_are_judged():
    for name in ("early_stopping", "verbose", "warm_start"):
        with pytest.raises(TypeError, match=f"{name}: 'no' of type str; expected True or False"):
            dr.MLPAutoencoder(**{name: "no"}).fit(X_digits)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        estimator = dr.MLPAutoencoder((3,), max_iter=1, warm_start=True).fit(X_digits)
        estimator.fit(X_digits)
    with pytest.raises(ValueError, match=r"hidden_layer_sizes: \[2\]; expected \[3\], those that"):
        estimator.set_params(hidden_layer_sizes=(2,)).fit(X_digits)
