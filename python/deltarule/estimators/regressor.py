# SPDX-License-Identifier: BSD-3-Clause
"""`MLPRegressor`: scikit-learn's, trained by the native core."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from sklearn.base import RegressorMixin, _fit_context
from sklearn.metrics import mean_pinball_loss, r2_score
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if

from deltarule import losses
from deltarule._modes import all_in_default_modes, in_default_modes
from deltarule.estimators.base import BaseMLP, Data
from deltarule.estimators.bridge import with_callbacks
from deltarule.estimators.parameters import FURTHER, INHERITED
from deltarule.estimators.rows import validate_data
from deltarule.estimators.targets import n_outputs, of_numbers
from deltarule.results import Array


@all_in_default_modes
class MLPRegressor(RegressorMixin, BaseMLP):
    """A regressor with scikit-learn's interface: L of half squares, alpha / 2 |W|^2 / S added.

    Parameters
    ----------
    loss : str or callable
        "squared_error" (half of it), "poisson", "absolute_error", "huber(delta=1)",
        "quantile(0.1, 0.5, 0.9)", or another that `MLP` takes for numbers. Several quantiles of one
        target are predicted side by side; of "gaussian_nll", the means.
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
    dropout : float, Schedule or Dropout, optional
        Units that are off at random in training.
    noise : float or Schedule, optional
        Standard deviation of noise on the features.
    init : str, array or sequence, optional
        How weights start, as `MLP` takes it; None: as in scikit-learn.
    metric : str or callable, optional
        What validation rows are scored by, more being better: "loss" (negated), a scorer of
        scikit-learn by name, or a function (estimator, X, y), and sample_weight if `fit` got one.
        None: R^2, or of several quantiles the negated loss.
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

    _parameter_constraints: ClassVar[dict[str, Any]] = {**INHERITED, **FURTHER}

    def __init__(
        self,
        loss: Any = "squared_error",
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
            Targets.
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
        self, X: Any, y: Any, sample_weight: Any = None, *, X_val: Any = None, y_val: Any = None
    ) -> Any:
        """Train one epoch on X and y.

        Parameters
        ----------
        X, y, sample_weight, X_val, y_val
            As `fit` takes them. With `early_stopping` each epoch is scored on X_val, y_val, and
            where patience ends the best weights come back.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            As `fit` does.
        """
        return self._fit(X, y, sample_weight, True, X_val, y_val)

    def predict(self, X: Any) -> Any:
        """Return the network's outputs.

        Parameters
        ----------
        X : array-like or sparse matrix, (n, n_features)
            Samples.

        Returns
        -------
        array, (n,) or (n, n_outputs)
        """
        y_hat = self._raw(X)
        if self.out_activation_ == "gaussian":  # means, then variances
            y_hat = y_hat[:, : y_hat.shape[1] // 2]
        return y_hat[:, 0] if y_hat.shape[1] == 1 else y_hat

    def _judged(self, X: Any, y: Any, incremental: bool | None, reset: bool) -> tuple[Any, Array]:
        X, y = validate_data(
            self, X, y, accept_sparse="csr", multi_output=True, y_numeric=True,
            dtype=self._dtypes(), order="C", reset=reset,
        )  # fmt: skip
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if y.dtype.kind not in "biuf":
            raise TypeError(f"y: {y.dtype}; expected numbers")
        return X, y

    def _encoded(self, X: Any, y: Array) -> Data:
        Y = np.ascontiguousarray(y.reshape(len(y), -1), X.dtype)
        return Data(X, y, Y, n_outputs(self._core_loss()[0], Y.shape[1]))

    def _core_loss(self) -> tuple[Any, str]:
        return of_numbers(self.loss)

    def _score_of(self, Y: Array, y_hat: Array, sample_weight: Array | None) -> float:
        if not np.isfinite(y_hat).all():
            return float("nan")
        return float(r2_score(Y, y_hat[:, : Y.shape[1]], sample_weight=sample_weight))

    @property
    def _has_score(self) -> bool:
        """Several quantiles of one target are no predictions of it."""
        return "quantile" not in str(self.loss) or self.n_outputs_ == 1

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return R^2; of several quantiles of one target, the negated loss.

        Parameters
        ----------
        X : array-like or sparse matrix, (n, n_features)
            Samples.
        y : array-like, (n,) or (n, n_outputs)
            Targets.
        sample_weight : array-like, (n,), optional
            Of each row.

        Returns
        -------
        float
        """
        y_hat = self.predict(X)
        if self._has_score or np.shape(y) == y_hat.shape:
            return float(r2_score(y, y_hat, sample_weight=sample_weight))
        return -float(
            sum(
                mean_pinball_loss(y, each, sample_weight=sample_weight, alpha=q)
                for q, each in zip(
                    losses.read(self.loss).specification.values, y_hat.T, strict=True
                )
            )
        )
