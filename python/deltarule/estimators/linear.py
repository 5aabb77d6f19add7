# SPDX-License-Identifier: BSD-3-Clause
"""What the classifiers of one layer share: labels in, one plane per unit, labels out."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from deltarule.estimators.rows import validate_data
from deltarule.mlp import MLP
from deltarule.results import Array


class LinearClassifier(ClassifierMixin, BaseEstimator):
    """net = coef_ x + intercept_: one row for two classes, else one per class."""

    classes_: Array
    coef_: Array
    intercept_: Array

    def _judged(self, X: Any, y: Any) -> tuple[Array, Array]:
        """X in float64 and y as places in `classes_`, which are set."""
        x, labels = validate_data(self, X, y, dtype=np.float64, order="C")
        check_classification_targets(labels)
        self.classes_, places = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y: 1 class, {self.classes_.tolist()[0]!r}; expected two or more")
        return x, places

    def _desired(self, places: Array) -> Array:
        """What each unit is taught: (n, 1) for two classes, else (n, K), 0 or 1."""
        units = np.arange(len(self.classes_)) if len(self.classes_) > 2 else np.array([1])
        desired: Array = (places[:, None] == units).astype(np.float64)
        return desired

    def _keep(self, W: Array) -> None:
        self.coef_, self.intercept_ = W[:, :-1].copy(), W[:, -1].copy()

    @property
    def _W(self) -> Array:
        return np.column_stack([self.coef_, self.intercept_])

    def decision_function(self, X: Any) -> Array:
        """Return coef_ x + intercept_: above 0 on the side of a unit's class.

        Parameters
        ----------
        X : array-like, (n, m)
            Samples.

        Returns
        -------
        array, (n,) for two classes, else (n, K)
        """
        check_is_fitted(self)
        x = validate_data(self, X, dtype=np.float64, order="C", reset=False)
        mlp = MLP([*self.coef_.shape[::-1]], output="identity", dtype="float64", init="zeros")
        mlp.W = [self._W]
        net = mlp.predict(x)
        return net[:, 0] if net.shape[1] == 1 else net

    def predict(self, X: Any) -> Array:
        """Return a label for each row: by the side, or of more than two that of the largest net.

        Parameters
        ----------
        X : array-like, (n, m)
            Samples.

        Returns
        -------
        array, (n,)
        """
        net = self.decision_function(X)
        # A threshold unit is on where net is 0.
        places = (net >= 0).astype(np.intp) if net.ndim == 1 else net.argmax(axis=1)
        labels: Array = self.classes_[places]
        return labels
