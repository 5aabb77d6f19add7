# SPDX-License-Identifier: BSD-3-Clause
"""Rosenblatt's rule as a classifier of scikit-learn's kind."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.multiclass import check_classification_targets, unique_labels

from deltarule._arguments import integer, number
from deltarule._modes import all_in_default_modes
from deltarule.estimators.linear import LinearClassifier
from deltarule.estimators.rows import validate_data
from deltarule.estimators.undone import unless_done
from deltarule.perceptron import Perceptron
from deltarule.results import Array


@all_in_default_modes
class PerceptronClassifier(LinearClassifier):
    """w <- w + eta0 (d - y) [x; 1], row after row, where y is wrong.

    Two classes are told apart by one threshold unit; of more, each has a unit that is taught to
    tell it from the others, and the largest net wins.

    Parameters
    ----------
    max_iter : int
        At most so many passes over the rows, which are taken in the order given.
    eta0 : float
        > 0, the learning rate. From weights 0 it only scales them.
    warm_start : bool
        Whether `fit` goes on from the weights that are there, if the classes are the same.

    Attributes
    ----------
    coef_, intercept_ : array, (1, m) and (1,) for two classes, else (K, m) and (K,)
        The units' weights.
    classes_ : array
        The labels.
    n_iter_ : int
        Passes, the last one included.
    mistakes_ : tuple of int
        Corrections in each pass.
    converged_ : bool
        The last pass had no mistake: every row is right.
    period_ : int or None
        Not None: the weights repeat after so many passes, so it will never converge.
    n_features_in_, feature_names_in_
        As in all estimators.

    Raises
    ------
    TypeError, ValueError
        From `fit`, if an argument or the data do not fit.
    FloatingPointError
        From `fit`, if a weight overflows.

    Notes
    -----
    `deltarule.Perceptron` has the rule itself. All numbers are float64.
    """

    mistakes_: tuple[int, ...]
    period_: int | None
    n_iter_: int
    converged_: bool

    def __init__(
        self, max_iter: int = 1000, *, eta0: float = 1.0, warm_start: bool = False
    ) -> None:
        self.max_iter = max_iter
        self.eta0 = eta0
        self.warm_start = warm_start

    def fit(self, X: Any, y: Any) -> PerceptronClassifier:
        """Teach the rule until a pass has no mistake, or it is seen to go in circles.

        Parameters
        ----------
        X : array-like, (n, m)
            Samples.
        y : array-like, (n,)
            Labels of any kind.

        Returns
        -------
        PerceptronClassifier
            Itself.

        Warns
        -----
        ConvergenceWarning
            If some rows are still wrong.
        """
        passes = integer("max_iter", self.max_iter, 1)
        known = getattr(self, "classes_", None) if self.warm_start else None
        with unless_done(self):
            x, places = self._judged(X, y)
            going_on = known is not None and np.array_equal(known, self.classes_)
            self._teach(x, places, passes, self._W if going_on else None)
        return self

    def partial_fit(self, X: Any, y: Any, classes: Any = None) -> PerceptronClassifier:
        """One pass over these rows, from the weights that are there.

        Parameters
        ----------
        X, y
            As `fit` takes them.
        classes : array-like, (K,)
            All labels that will come: needed at the first call.

        Returns
        -------
        PerceptronClassifier
            Itself.
        """
        with unless_done(self):
            self._pass(X, y, classes)
        return self

    def _pass(self, X: Any, y: Any, classes: Any) -> None:
        first = not hasattr(self, "classes_")
        if first and classes is None:
            raise ValueError("classes: None in the first call; expected all labels that will come")
        x, labels = validate_data(self, X, y, dtype=np.float64, order="C", reset=first)
        check_classification_targets(labels)
        expected = self.classes_ if classes is None else unique_labels(classes)
        if not first and not np.array_equal(expected, self.classes_):
            raise ValueError(f"classes: {expected}; expected {self.classes_}, as in the first call")
        if len(expected) < 2:
            raise ValueError(f"classes: 1 class, {expected.tolist()[0]!r}; expected two or more")
        strange = np.setdiff1d(labels, expected)
        if strange.size:
            label = strange.tolist()[0]
            raise ValueError(f"y: label {label!r}; expected one of the classes {expected}")
        self.classes_ = expected
        places = np.searchsorted(expected, labels)
        self._teach(x, places, 1, None if first else self._W, quiet=True)

    def _teach(
        self, x: Array, places: Array, passes: int, W: Array | None, quiet: bool = False
    ) -> None:
        eta = number("eta0", self.eta0, lambda v: v > 0, "a finite number > 0")
        desired = self._desired(places)
        units = Perceptron(x.shape[1], desired.shape[1], W)
        done = units.fit(x, desired, epochs=passes, eta=eta)
        self._keep(units.W)
        self.n_iter_, self.mistakes_ = done.n_epochs, done.mistakes
        self.converged_, self.period_ = done.converged, done.period
        if not (done.converged or quiet):
            warnings.warn(f"{type(self).__name__}: {done}", ConvergenceWarning, stacklevel=3)
