# SPDX-License-Identifier: BSD-3-Clause
"""Whatever holds the rows, an estimator ends with the bits that it has from NumPy's arrays."""

import numpy as np
import pytest

pytest.importorskip("sklearn")
import scipy.sparse
from sklearn.datasets import load_iris

import deltarule as dr

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, y = load_iris(return_X_y=True)
X = X[::2] * (X[::2] > 1)  # some zeros
NAMES = np.array(["setosa", "versicolor", "virginica"])[y[::2]]
COLUMNS = ["a", "b", "c", "d"]


def frozen(values):
    kept = values.copy()
    kept.flags.writeable = False
    return kept


def of(module, make):
    """A container of a library that may not be there."""
    return lambda: make(pytest.importorskip(module))


DENSE = {
    "lists": lambda: X.tolist(),
    "Fortran": lambda: np.asfortranarray(X),
    "strided": lambda: np.repeat(X, 2, axis=1)[:, ::2],
    "read-only": lambda: frozen(X),
    "big-endian": lambda: X.astype(">f8"),
    "pandas": of("pandas", lambda pandas: pandas.DataFrame(X, columns=COLUMNS)),
    "polars": of("polars", lambda polars: polars.DataFrame(X, schema=COLUMNS)),
    "Arrow": of("pyarrow", lambda pyarrow: pyarrow.table(dict(zip(COLUMNS, X.T, strict=True)))),
    "PyTorch": of("torch", lambda torch: torch.from_numpy(X)),
    "Array API": of("array_api_strict", lambda strict: strict.asarray(X)),
}
SPARSE = {
    "CSR": lambda: scipy.sparse.csr_array(X),
    "CSC": lambda: scipy.sparse.csc_array(X),
    "CSR matrix": lambda: scipy.sparse.csr_matrix(X),
    "by coordinates": lambda: scipy.sparse.coo_array(X),
}
LABELS = {
    "list": lambda: NAMES.tolist(),
    "objects": lambda: NAMES.astype(object),
    "pandas": of("pandas", lambda pandas: pandas.Series(NAMES)),
    "pandas categories": of("pandas", lambda pandas: pandas.Series(NAMES, dtype="category")),
    "polars": of("polars", lambda polars: polars.Series(NAMES)),
}


def mlp(solver):
    return dr.MLPClassifier((6,), solver=solver, max_iter=4, batch_size=20, random_state=0)


ESTIMATORS = {
    "adam": lambda: mlp("adam"),
    "lbfgs": lambda: mlp("lbfgs"),
    "regressor": lambda: dr.MLPRegressor(hidden_layer_sizes=(6,), max_iter=4, random_state=0),
    "perceptron": lambda: dr.PerceptronClassifier(4),
    "logistic": lambda: dr.LogisticRegressionGD(4),
    "autoencoder": lambda: dr.MLPAutoencoder((2,), max_iter=4, random_state=0),
}


def outputs(model, rows):
    for method in ("predict_proba", "decision_function", "transform", "predict"):
        if hasattr(model, method):
            return getattr(model, method)(rows)
    raise AssertionError(model)


def trained(name, rows):
    return ESTIMATORS[name]().fit(rows, y[::2] if name == "regressor" else NAMES)


@pytest.mark.parametrize("container", DENSE)
@pytest.mark.parametrize("name", ESTIMATORS)
def test_rows(name, container):
    rows = DENSE[container]()
    model = trained(name, rows)
    assert outputs(model, rows).tolist() == outputs(trained(name, X), X).tolist()
    named = container in ("pandas", "polars", "Arrow")
    assert getattr(model, "feature_names_in_", np.array([])).tolist() == (COLUMNS if named else [])


@pytest.mark.parametrize("container", SPARSE)
@pytest.mark.parametrize("name", ["adam", "lbfgs", "regressor", "autoencoder"])
def test_sparse_rows(name, container):
    rows = SPARSE[container]()
    assert outputs(trained(name, rows), rows).tolist() == outputs(trained(name, X), X).tolist()


@pytest.mark.parametrize("container", LABELS)
@pytest.mark.parametrize("name", ["adam", "perceptron", "logistic"])
def test_labels(name, container):
    model = ESTIMATORS[name]().fit(X, LABELS[container]())
    expected = ESTIMATORS[name]().fit(X, NAMES)
    assert outputs(model, X).tolist() == outputs(expected, X).tolist()
    assert model.classes_.tolist() == ["setosa", "versicolor", "virginica"]
    assert set(model.predict(X)) <= set(NAMES)


@pytest.mark.parametrize("name", ["perceptron", "logistic"])
def test_sparse_rows_are_refused_where_every_row_is_needed(name):
    with pytest.raises(TypeError, match="dense"):
        ESTIMATORS[name]().fit(scipy.sparse.csr_array(X), NAMES)


@pytest.mark.parametrize(
    "settings",
    [
        {"early_stopping": True},
        {"shuffle": False},
        {"sparsity": "kl", "activation": "logistic"},
        {"early_stopping": True, "sample_weight": np.arange(75) % 3},
        {"sample_weight": np.arange(75) % 3},
    ],
)
def test_autoencoder_of_sparse_rows(settings):
    settings = dict(settings)
    weights = settings.pop("sample_weight", None)
    rows = scipy.sparse.csr_array(X)
    dense, sparse = (
        dr.MLPAutoencoder((2,), max_iter=9, batch_size=16, random_state=0, **settings).fit(
            given, sample_weight=weights
        )
        for given in (X, rows)
    )
    assert sparse.w_.tolist() == dense.w_.tolist()
    assert sparse.loss_curve_ == dense.loss_curve_
    assert sparse.validation_loss_curve_ == dense.validation_loss_curve_
    assert sparse.reconstruct(rows).tolist() == dense.reconstruct(X).tolist()
    assert sparse.score(rows) == dense.score(X)


def test_autoencoder_densifies_a_part_at_a_time(monkeypatch):
    from deltarule.estimators import rows as of_rows
    from deltarule.estimators import sparse_pairs

    seen = []
    dense = of_rows.dense
    for module in (of_rows, sparse_pairs):
        monkeypatch.setattr(module, "BYTES", 8 * 4 * 20)
        monkeypatch.setattr(
            module, "dense", lambda X, rows: seen.append(dense(X, rows)) or seen[-1]
        )
    rows, weights = scipy.sparse.csr_array(X), np.arange(75) % 3
    settings = {"max_iter": 3, "batch_size": 8, "random_state": 0, "early_stopping": True}
    settings["validation_fraction"] = 0.6  # more than a block
    expected = dr.MLPAutoencoder((2,), **settings).fit(X, sample_weight=weights)
    model = dr.MLPAutoencoder((2,), **settings).fit(rows, sample_weight=weights)
    np.testing.assert_allclose(model.validation_loss_curve_, expected.validation_loss_curve_, 1e-12)
    assert model.w_.tolist() == expected.w_.tolist()
    assert model.transform(rows).tolist() == expected.transform(X).tolist()
    np.testing.assert_allclose(model.score(rows), expected.score(X), 1e-12)
    assert max(len(part) for part in seen) == 20
    noisy = dr.MLPAutoencoder((2,), noise=0.1, **settings).fit(rows, sample_weight=weights)
    assert noisy.w_.tolist() != model.w_.tolist()
