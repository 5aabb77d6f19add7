# SPDX-License-Identifier: BSD-3-Clause
"""`MLPClassifier`: scikit-learn's, trained by the native core."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import (
    _check_partial_fit_first_call,
    type_of_target,
    unique_labels,
)
from sklearn.utils.validation import validate_data

from deltarule.estimators.base import BaseMLP, Data
from deltarule.estimators.parameters import INHERITED
from deltarule.results import Array


class MLPClassifier(ClassifierMixin, BaseMLP):
    """A multi-layer perceptron that tells classes apart."""

    _parameter_constraints: ClassVar[dict[str, Any]] = INHERITED
    _core_losses: ClassVar[dict[str, str]] = {
        "softmax": "cross_entropy",
        "logistic": "binary_cross_entropy",
    }

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: Any = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: Any = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        loss: Any = "log_loss",
    ) -> None:
        self._take(locals())

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Fit."""
        return self._fit(X, y, sample_weight)

    @available_if(lambda est: est._require_steps())
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Any:
        """One epoch."""
        if _check_partial_fit_first_call(self, classes):
            several = type_of_target(y).startswith("multilabel")
            self._label_binarizer = LabelBinarizer().fit(y if several else classes)
        return self._fit(X, y, sample_weight, incremental=True)

    def predict(self, X: Any) -> Any:
        """Predict classes."""
        return self._labels(self._raw(X))

    def predict_proba(self, X: Any) -> Any:
        """Probabilities."""
        p = self._raw(X)
        return np.hstack([1 - p, p]) if self.n_outputs_ == 1 else p

    def predict_log_proba(self, X: Any) -> Any:
        """Log of them."""
        p = self.predict_proba(X)
        with np.errstate(divide="ignore"):
            return np.log(p, out=p)

    def _labels(self, y_hat: Array) -> Any:
        classes = self.classes_
        if self._label_binarizer.y_type_.startswith("multilabel"):
            return self._label_binarizer.inverse_transform(y_hat)
        if y_hat.shape[1] > 1:
            return classes.take(y_hat.argmax(axis=1))
        if len(classes) == 1:
            return np.repeat(classes, len(y_hat))
        return classes[(y_hat[:, 0] > 0.5).astype(np.intp)]

    def _encoded(self, X: Any, y: Any, incremental: bool, reset: bool) -> Data:
        X, y = validate_data(
            self, X, y, accept_sparse="csr", multi_output=True,
            dtype=(np.float64, np.float32), order="C", reset=reset,
        )  # fmt: skip
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        self._know_classes(y, incremental)
        if self._label_binarizer.y_type_ == "multiclass":
            Y = np.searchsorted(self.classes_, y)
            return Data(X, Y, None, len(self.classes_), None)
        Y = self._label_binarizer.transform(y)
        Y = np.ascontiguousarray(Y.toarray() if hasattr(Y, "toarray") else Y, X.dtype)
        one = Y.shape[1] == 1
        return Data(X, Y, None, Y.shape[1], Y.astype(bool) if one else None)

    def _know_classes(self, y: Any, incremental: bool) -> None:
        if not hasattr(self, "classes_") or not (self.warm_start or incremental):
            self._label_binarizer = LabelBinarizer().fit(y)
            self.classes_ = self._label_binarizer.classes_
            return
        classes = unique_labels(y)
        if self.warm_start:
            if set(classes) != set(self.classes_):
                raise ValueError(
                    "warm_start can only be used where `y` has the same classes as in the "
                    f"previous call to fit. Previously got {self.classes_}, `y` has {classes}"
                )
        elif len(np.setdiff1d(classes, self.classes_, assume_unique=True)):
            raise ValueError(
                "`y` has classes not in `self.classes_`. "
                f"`self.classes_` has {self.classes_}. 'y' has {classes}."
            )

    @property
    def _core_loss(self) -> str:
        return self._core_losses[self.out_activation_]

    def _out_activation(self) -> str:
        return "softmax" if self._label_binarizer.y_type_ == "multiclass" else "logistic"

    def _score_of(self, Y: Array, y_hat: Array, sample_weight: Array | None) -> float:
        """The share of rows whose labels are all right."""
        if Y.ndim == 1:
            right = y_hat.argmax(axis=1) == Y
        else:
            right = ((y_hat > 0.5) == (Y > 0.5)).all(axis=1)
        return float(np.average(right, weights=sample_weight))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
