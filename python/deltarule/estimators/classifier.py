# SPDX-License-Identifier: BSD-3-Clause
"""`MLPClassifier`: scikit-learn's, trained by the native core."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from scipy.sparse import issparse
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.class_weight import compute_class_weight, compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import (
    _check_partial_fit_first_call,
    type_of_target,
    unique_labels,
)

from deltarule._modes import all_in_default_modes, in_default_modes
from deltarule.estimators.base import BaseMLP, Data
from deltarule.estimators.bridge import with_callbacks
from deltarule.estimators.parameters import FURTHER, INHERITED
from deltarule.estimators.rows import validate_data
from deltarule.estimators.targets import cut, encoded, of_classes
from deltarule.results import Array


@all_in_default_modes
class MLPClassifier(ClassifierMixin, BaseMLP):
    """A classifier with scikit-learn's interface: L of cross-entropy, alpha / 2 |W|^2 / S added.

    Parameters
    ----------
    hidden_layer_sizes, alpha, batch_size, learning_rate_init, power_t, max_iter, shuffle, \
    random_state, tol, verbose, warm_start, momentum, nesterovs_momentum, early_stopping, \
    validation_fraction, beta_1, beta_2, epsilon, n_iter_no_change, max_fun
        scikit-learn's, with its meanings and defaults.
    activation : str or sequence of str
        Of all hidden layers, or one each: "identity", "logistic", "tanh", "relu", or any other that
        `MLP` takes.
    solver : str or optimizer
        "lbfgs", "sgd", "adam", "adamw", "nadam", "adagrad", "rmsprop", "adadelta", "lion" or
        "rprop", which take `learning_rate_init`; or an optimizer such as dr.AdamW(), as it is.
    learning_rate : str or Schedule
        "constant"; "invscaling" and "adaptive", of all solvers by name but adam and rprop; or a
        schedule.
    loss : str or callable
        "log_loss", or another that `MLP` takes for classes: "focal(gamma=2)", "hinge", ...; with
        a margin there are no probabilities.
    class_weight : "balanced" or dict, optional
        Multiplies the weights of rows by their class's.
    dropout : float, Schedule or Dropout, optional
        Units that are off at random in training.
    noise : float or Schedule, optional
        Standard deviation of noise on the features.
    init : str, array or sequence, optional
        How weights start, as `MLP` takes it; None: as in scikit-learn.
    metric : str or callable, optional
        What validation rows are scored by, more being better: "loss" (negated), a scorer of
        scikit-learn by name, or a function (estimator, X, y), and sample_weight if `fit` got one.
        None: accuracy.
    keep_optimizer : bool
        Whether a warm start goes on with the optimizer's state; with another `solver` it cannot.
    n_jobs : int, optional
        Threads at most, never more than are this process's or joblib worker's; -1: all. None: as
        many as pay. No result depends on it.
    dtype : "float32" or "float64", optional
        In which to train; None: the input's.
    max_seconds : float, optional
        Stop after the epoch or iteration in which so much time has passed.
    callbacks : object or list, optional
        As `MLP.fit` takes them; scikit-learn's own are set by `set_callbacks`.
    progress : bool
        Whether to show a live line.
    checkpoint : path, optional
        A file that keeps the fit, written every `every` epochs.
    every : int
        Epochs from one checkpoint to the next.
    resume : bool or path, optional
        A checkpoint of the same rows to go on from; True: `checkpoint`, if it is there.

    Attributes
    ----------
    classes_ : array
        Classes, or for several labels their numbers.
    coefs_, intercepts_ : list of array
        W[k], (H_k, H_{k+1}), and biases; assigned or written into, predictions follow.
    n_features_in_, feature_names_in_, n_layers_, n_outputs_, n_iter_, t_, out_activation_, \
    loss_, best_loss_, loss_curve_, validation_scores_, best_validation_score_
        scikit-learn's.
    validation_loss_curve_ : list of float or None
        Loss of the validation rows after each epoch, without the penalty.

    Raises
    ------
    ValueError, TypeError
        In `fit`, if an argument does not fit.

    Notes
    -----
    With the same random_state, curves and predictions are scikit-learn's but for rounding.
    L-BFGS-B computes in float64.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **INHERITED, **FURTHER, "class_weight": [None, dict, StrOptions({"balanced"})],
    }  # fmt: skip

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
        class_weight: Any = None,
        dropout: Any = None,
        noise: Any = None,
        init: Any = None,
        metric: Any = None,
        keep_optimizer: bool = False,
        n_jobs: int | None = None,
        dtype: Any = None,
        max_seconds: float | None = None,
        callbacks: Any = None,
        progress: bool = False,
        checkpoint: Any = None,
        every: int = 1,
        resume: Any = None,
    ) -> None:
        self._take(locals())

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, X_val: Any = None, y_val: Any = None
    ) -> Any:
        """Train on X and y.

        Parameters
        ----------
        X : array-like or sparse matrix, (n, n_features)
            Samples; sparse ones are densified batch by batch.
        y : array-like, (n,) or (n, n_outputs)
            Classes, or a 0 or 1 for each label.
        sample_weight : array-like, (n,), optional
            Of each row, >= 0.
        X_val, y_val : optional
            The user's own validation rows, in the place of a `validation_fraction` of these.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            If an argument does not fit, or the weights did not stay finite.

        Notes
        -----
        Ctrl-C ends it with a warning; the estimator is fitted then, as of the last whole epoch.
        """
        return self._fit(X, y, sample_weight, X_val=X_val, y_val=y_val)

    @available_if(lambda est: est._require_steps())
    @in_default_modes
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None, *,
        X_val: Any = None, y_val: Any = None,
    ) -> Any:  # fmt: skip
        """Train one epoch on X and y.

        Parameters
        ----------
        X, y, sample_weight, X_val, y_val
            As `fit` takes them. With `early_stopping` each epoch is scored on X_val, y_val, and
            where patience ends the best weights come back.
        classes : array-like, optional
            All classes that there will be: in the first call, but for several labels.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            As `fit` does.
        """
        first = not hasattr(self, "classes_")
        several = first and type_of_target(y).startswith("multilabel")
        if several and classes is None:
            classes = np.arange(np.shape(y)[1])
        if _check_partial_fit_first_call(self, classes):
            self._label_binarizer = LabelBinarizer().fit(y if several else classes)
        return self._fit(X, y, sample_weight, True, X_val, y_val)

    def predict(self, X: Any) -> Any:
        """Return the class of each row.

        Parameters
        ----------
        X : array-like or sparse matrix, (n, n_features)
            Samples.

        Returns
        -------
        array, (n,) or (n, n_outputs)
        """
        return self._labels(self._raw(X))

    @available_if(lambda est: est._require_probabilities())
    @in_default_modes
    def predict_proba(self, X: Any) -> Any:
        """Return the probability of each class, or label.

        Parameters
        ----------
        X : array-like or sparse matrix, (n, n_features)
            Samples.

        Returns
        -------
        array, (n, n_classes)
        """
        p = self._raw(X)
        return np.hstack([1 - p, p]) if self.n_outputs_ == 1 else p

    @available_if(lambda est: est._require_probabilities())
    @in_default_modes
    def predict_log_proba(self, X: Any) -> Any:
        """Return the logarithm of `predict_proba`, -inf where that is 0.

        Parameters
        ----------
        X : array-like or sparse matrix, (n, n_features)
            Samples.

        Returns
        -------
        array, (n, n_classes)
        """
        p = self.predict_proba(X)
        with np.errstate(divide="ignore"):
            return np.log(p, out=p)

    def _labels(self, y_hat: Array) -> Any:
        classes = self.classes_
        if self._several_labels:
            return self._label_binarizer.inverse_transform(y_hat, threshold=self._cut)
        if y_hat.shape[1] > 1:
            return classes.take(y_hat.argmax(axis=1))
        if len(classes) == 1:
            return np.repeat(classes, len(y_hat))
        return classes[(y_hat[:, 0] > self._cut).astype(np.intp)]

    def _judged(self, X: Any, y: Any, incremental: bool | None, reset: bool) -> tuple[Any, Array]:
        X, y = validate_data(
            self, X, y, accept_sparse="csr", multi_output=True, dtype=self._dtypes(), order="C",
            reset=reset,
        )  # fmt: skip
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        self._know_classes(y, incremental)
        return X, y

    def _encoded(self, X: Any, y: Array) -> Data:
        loss, _ = self._core_loss()
        if self._label_binarizer.y_type_ == "multiclass":
            if y.ndim > 1:
                raise ValueError("The object was not fitted with multilabel input.")
            K = len(self.classes_)
            return Data(X, y, encoded(loss, np.searchsorted(self.classes_, y), K), K)
        Y = self._label_binarizer.transform(y)
        Y = np.ascontiguousarray(Y.toarray() if issparse(Y) else Y, X.dtype)
        stratify = Y.astype(bool) if Y.shape[1] == 1 else None
        return Data(X, y, encoded(loss, Y, 2), Y.shape[1], stratify=stratify)

    def _weighted(self, y: Array, s: Any, incremental: bool) -> Array | None:
        if self.class_weight is None:
            return None if s is None else np.asarray(s, np.float64)
        if incremental and self.class_weight == "balanced":
            raise ValueError(
                "class_weight: 'balanced' in partial_fit, which sees a part of the rows; expected "
                "a dict of class to weight"
            )
        if isinstance(self.class_weight, dict) and y.ndim == 1:  # a batch may lack classes
            at = compute_class_weight(self.class_weight, classes=self.classes_, y=self.classes_)
            by_class = at[np.searchsorted(self.classes_, y)]
        else:
            by_class = np.asarray(compute_sample_weight(self.class_weight, y))
        return by_class if s is None else np.asarray(s * by_class)

    def _know_classes(self, y: Any, incremental: bool | None) -> None:
        fresh = not hasattr(self, "classes_") or not (self.warm_start or incremental)
        if fresh and incremental is not None:
            self._label_binarizer = LabelBinarizer().fit(y)
            self.classes_ = self._label_binarizer.classes_
            return
        classes = unique_labels(y)
        if self.warm_start and incremental is not None:
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

    def _core_loss(self) -> tuple[Any, str]:
        return of_classes(self.loss, self._label_binarizer.y_type_ == "multiclass")

    @property
    def _several_labels(self) -> bool:
        return bool(self._label_binarizer.y_type_.startswith("multilabel"))

    @property
    def _cut(self) -> float:
        return cut(self._core_loss()[0]) if self.loss != "log_loss" else 0.5

    def _score_of(self, Y: Array, y_hat: Array, sample_weight: Array | None) -> float:
        """The share of rows whose labels are all right."""
        if self._label_binarizer.y_type_ == "multiclass":
            right = y_hat.argmax(axis=1) == (Y if Y.ndim == 1 else Y.argmax(axis=1))
        elif len(self.classes_) == 1 and not self._several_labels:
            right = np.ones(len(Y))  # `predict` knows no other answer
        else:
            right = ((y_hat > self._cut) == (self._cut < Y)).all(axis=1)
        return float(np.average(right, weights=sample_weight))

    def _require_probabilities(self) -> bool:
        output = getattr(self, "out_activation_", None) or of_classes(self.loss, True)[1]
        if output not in ("softmax", "logistic"):
            raise AttributeError(f"no probabilities with loss={self.loss!r}")
        return True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
