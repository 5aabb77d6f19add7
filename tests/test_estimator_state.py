# SPDX-License-Identifier: BSD-3-Clause
"""What an estimator is between its fits: arrays and plain types, whoever copies or reads them."""

from __future__ import annotations

import copy
import pickle
import signal
import subprocess
import sys
import warnings
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")
import joblib
import sklearn
from scipy.sparse import csc_array, csr_array
from sklearn.base import clone
from sklearn.datasets import load_digits
from test_interrupt import default_ctrl_c  # noqa: F401

import deltarule as dr
from deltarule import _core
from deltarule.estimators import lbfgs

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_digits(return_X_y=True)
X, Y = X[:200] / 16, Y[:200]


def fitted(**parameters: Any) -> Any:
    return dr.MLPClassifier(**{"max_iter": 5, "random_state": 0} | parameters).fit(X, Y)


def _natives(value: Any, seen: set[int]) -> list[Any]:
    """What of the core hangs on an object."""
    if id(value) in seen:
        return []
    seen.add(id(value))
    found = [value] if isinstance(value, _core.Network | _core.Trainer) else []
    inner: Any = ()
    if isinstance(value, dict):
        inner = value.values()
    elif isinstance(value, list | tuple):
        inner = value
    elif type(value).__module__.startswith("deltarule"):
        inner = vars(value).values() if hasattr(value, "__dict__") else ()
    return found + [one for each in inner for one in _natives(each, seen)]


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_copies(solver: str, tmp_path: Any) -> None:
    one = fitted(solver=solver, learning_rate="adaptive")
    assert _natives(vars(one), set())  # the search finds what there is
    joblib.dump(one, tmp_path / "one")
    copies = [
        pickle.loads(pickle.dumps(one)), copy.deepcopy(one), copy.copy(one),
        joblib.load(tmp_path / "one"), joblib.load(tmp_path / "one", mmap_mode="r"),
    ]  # fmt: skip
    for other in copies:
        assert not _natives(vars(other), set())
        assert np.array_equal(one.predict_proba(X), other.predict_proba(X))
        assert other._random_state.randint(99) is not None
    if solver != "lbfgs":
        goes_on = [pickle.loads(pickle.dumps(one)), pickle.loads(pickle.dumps(one))]
        for other in goes_on:
            other.random_state = 7
            other.partial_fit(X, Y)
        one.set_params(random_state=7).partial_fit(X, Y)
        assert all(np.array_equal(one.coefs_[0], other.coefs_[0]) for other in goes_on)
    fresh = clone(one)
    assert not hasattr(fresh, "coefs_")
    assert fresh.get_params() == one.get_params()


def test_predictions_follow_the_arrays() -> None:
    one = fitted()
    before = one.predict_proba(X)
    one.coefs_[0][:] = 0  # written into
    one.intercepts_[0][:] = 0
    expected = np.exp(one.intercepts_[1])
    np.testing.assert_allclose(one.predict_proba(X)[3], expected / expected.sum())
    one = fitted()
    held = one.coefs_[1]
    assert np.array_equal(one.predict_proba(X), before)
    held *= -1  # by somebody who asked for it before
    assert not np.array_equal(one.predict_proba(X), before)
    one = fitted()
    W, b = [np.array(c) for c in one.coefs_], [np.array(c) for c in one.intercepts_]
    one.coefs_, one.intercepts_ = W, b  # assigned
    assert np.array_equal(one.predict_proba(X), before)
    net = one._net
    W[0][:] = 0
    b[0][:] = 0
    np.testing.assert_allclose(one.predict_proba(X)[3], expected / expected.sum())
    assert one._net is net  # which takes them, rather than a new one
    one.coefs_[0] = np.zeros_like(W[0]) + 1.0
    one.partial_fit(X, Y)
    assert np.abs(one.coefs_[0] - 1).max() < 0.1  # trained from there


def test_learned_activations_are_kept() -> None:
    one = fitted(activation="prelu")
    other = pickle.loads(pickle.dumps(one))
    assert np.array_equal(one.predict_proba(X), other.predict_proba(X))
    one.activation_parameters_[0][:] = 1.0  # the identity
    linear = X @ one.coefs_[0] + one.intercepts_[0]
    linear = linear @ one.coefs_[1] + one.intercepts_[1]
    assert np.array_equal(one.predict(X), linear.argmax(axis=1))


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_ctrl_c_warns_and_leaves_it_fitted(solver: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """At a known moment: by the clock, lbfgs may have ended, or nothing may have begun."""

    class AtTheTenth:
        def on_epoch_end(self, run: Any) -> None:
            if run.epoch == 10:
                signal.raise_signal(signal.SIGINT)

    accept = lbfgs.Objective.accept
    reached: list[float] = []

    def accept_ten(self: lbfgs.Objective, intermediate_result: Any) -> None:
        accept(self, intermediate_result)
        if len(self.losses) == 10:
            reached.append(self.losses[-1])
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(lbfgs.Objective, "accept", accept_ten)
    asked = {"callbacks": AtTheTenth()} if solver == "adam" else {}
    one = dr.MLPClassifier(solver=solver, max_iter=1000, n_iter_no_change=1000, tol=0, **asked)
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        one.fit(X, Y)
    assert one.n_iter_ == 10
    assert one.loss_ == (reached or one.loss_curve_)[-1]
    assert one.score(X, Y) > 0.2


def test_frames_and_arrays() -> None:
    names = [f"pixel {i}" for i in range(64)]
    expected = fitted()
    frames: dict[str, Any] = {}
    for module, make in {
        "pandas": lambda m: m.DataFrame(X, columns=names),
        "polars": lambda m: m.DataFrame(X, schema=names),
        "pyarrow": lambda m: m.table({n: X[:, i] for i, n in enumerate(names)}),
        "array_api_strict": lambda m: m.asarray(X),
        "torch": lambda m: m.tensor(X),
    }.items():
        try:
            frames[module] = make(__import__(module))
        except ImportError:
            continue
    frames["csr"], frames["csc"], frames["strided"] = (
        csr_array(X),
        csc_array(X),
        X.repeat(2, 0)[::2],
    )
    frames["fortran"] = np.asfortranarray(X)
    for name, frame in frames.items():
        one = dr.MLPClassifier(max_iter=5, random_state=0).fit(frame, Y)
        np.testing.assert_allclose(one.predict_proba(frame), expected.predict_proba(X), rtol=1e-11)
        named = name in ("pandas", "polars", "pyarrow")
        assert hasattr(one, "feature_names_in_") == named
        if named:
            with pytest.warns(UserWarning, match="does not have valid feature names"):
                one.predict(X)
            with warnings.catch_warnings():
                warnings.filterwarnings("error", message=".*feature names")
                early = dr.MLPClassifier(max_iter=3, early_stopping=True, metric="f1_macro")
                early.fit(frame, Y)


def test_sparse_rows_are_never_dense_as_a_whole(monkeypatch: Any) -> None:
    from deltarule.estimators import rows

    monkeypatch.setattr(rows, "BYTES", 8 * 64 * 20)
    most = []
    whole = rows.dense
    monkeypatch.setattr(
        rows, "dense", lambda X, part: most.append(len(whole(X, part))) or whole(X, part)
    )
    for solver in ("adam", "lbfgs"):
        one = dr.MLPClassifier(solver=solver, max_iter=3, batch_size=16).fit(csr_array(X), Y)
        one.predict(csr_array(X))
    assert 0 < max(most) <= 20


def test_messages_of_bad_rows() -> None:
    one = fitted()
    for bad, words in (
        (X[0], "Expected 2D array"), (X[:, :9], "X has 9 features"), (X[:0], "0 sample"),
        (np.full((1, 64), np.nan), "contains NaN"), (np.full((1, 64), np.inf), "infinity"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=words):
            one.predict(bad)
    with pytest.raises(sklearn.exceptions.NotFittedError):
        dr.MLPClassifier().predict(X)


def test_repr_and_routing() -> None:
    assert "MLPClassifier" in fitted()._repr_html_()
    assert repr(dr.MLPRegressor(alpha=3)) == "MLPRegressor(alpha=3)"
    with sklearn.config_context(enable_metadata_routing=True):
        asks = dr.MLPClassifier().set_fit_request(sample_weight=True, X_val=True)
        assert asks.get_metadata_routing().fit.requests["X_val"] is True


def test_imported_when_first_used() -> None:
    code = (
        "import sys, deltarule; assert 'sklearn' not in sys.modules;"
        "sys.modules['sklearn'] = None\n"
        "try: deltarule.MLPClassifier\n"
        "except ImportError as error: assert 'deltarule[sklearn]' in str(error)\n"
        "else: raise SystemExit(1)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
