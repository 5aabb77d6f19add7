# SPDX-License-Identifier: BSD-3-Clause
"""The notes' logistic regression as a classifier of scikit-learn's kind."""

from __future__ import annotations

from typing import Any

import numpy as np

from deltarule._arguments import integer, number
from deltarule._modes import all_in_default_modes
from deltarule.estimators.linear import LinearClassifier
from deltarule.estimators.undone import unless_done
from deltarule.regression import logistic_regression
from deltarule.results import Array


@all_in_default_modes
class LogisticRegressionGD(LinearClassifier):
    """theta_j += eta0 sum_i x_ij (y_i - 1 / (1 + e^(-theta^T x_i))), from theta = 0.

    Gradient ascent on the log-likelihood, over all rows at once, `max_iter` steps. Of more than two
    classes each is told from the others so, and their probabilities are scaled to sum to 1.

    Parameters
    ----------
    max_iter : int
        Steps.
    eta0 : float, optional
        > 0, the step. None: 4 / (largest eigenvalue of X^T X, X with a column of ones), below which
        no step can lower the likelihood.

    Attributes
    ----------
    coef_, intercept_ : array, (1, m) and (1,) for two classes, else (K, m) and (K,)
        theta, its bias apart.
    classes_ : array
        The labels.
    log_likelihood_ : array, (max_iter + 1,) for two classes, else (K, max_iter + 1)
        LL before each step and after the last.
    eta_ : float
        The step that was taken.
    n_iter_ : int
        `max_iter`.
    n_features_in_, feature_names_in_
        As in all estimators.

    Raises
    ------
    TypeError, ValueError
        From `fit`, if an argument or the data do not fit.
    FloatingPointError
        From `fit`, if LL is not finite any more.

    Notes
    -----
    `deltarule.logistic_regression` is the function behind it, a loop in NumPy for the reader;
    `MLPClassifier(hidden_layer_sizes=())` trains such a model natively. All numbers are float64.
    """

    log_likelihood_: Array
    eta_: float
    n_iter_: int

    def __init__(self, max_iter: int = 1000, *, eta0: float | None = None) -> None:
        self.max_iter = max_iter
        self.eta0 = eta0

    def fit(self, X: Any, y: Any) -> LogisticRegressionGD:
        """Take the steps.

        Parameters
        ----------
        X : array-like, (n, m)
            Samples.
        y : array-like, (n,)
            Labels of any kind.

        Returns
        -------
        LogisticRegressionGD
            Itself.
        """
        steps, eta = integer("max_iter", self.max_iter, 1), self.eta0
        if eta is not None:
            eta = number("eta0", eta, lambda v: v > 0, "a finite number > 0, or None")
        with unless_done(self):
            x, places = self._judged(X, y)
            found = []
            for d in self._desired(places).T:
                found.append(logistic_regression(x, d, eta, steps))
                eta = found[0].eta
            self._keep(np.array([one.theta for one in found]))
            curves = np.array([one.log_likelihood for one in found])
            self.log_likelihood_ = curves[0] if len(curves) == 1 else curves
            self.eta_, self.n_iter_ = found[0].eta, len(found[0].log_likelihood) - 1
        return self

    def predict_proba(self, X: Any) -> Array:
        """Return P(class | x), (n, K), in the order of `classes_`.

        Parameters
        ----------
        X : array-like, (n, m)
            Samples.

        Returns
        -------
        array, (n, K)
        """
        return np.exp(self.predict_log_proba(X))

    def predict_log_proba(self, X: Any) -> Array:
        """Return log P(class | x), (n, K), in the order of `classes_`.

        Parameters
        ----------
        X : array-like, (n, m)
            Samples.

        Returns
        -------
        array, (n, K)
        """
        net = self.decision_function(X)
        if net.ndim == 1:
            return np.asarray(-np.logaddexp(0, np.column_stack([net, -net])))
        logs = -np.logaddexp(0, -net)
        logs -= logs.max(axis=1, keepdims=True)  # so that not all of them vanish
        return np.asarray(logs - np.log(np.exp(logs).sum(axis=1, keepdims=True)))
