# SPDX-License-Identifier: BSD-3-Clause
"""`MLPRegressor`: scikit-learn's, trained by the native core."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from sklearn.base import RegressorMixin, _fit_context
from sklearn.metrics import r2_score
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import validate_data

from deltarule.estimators.base import BaseMLP, Data
from deltarule.estimators.parameters import INHERITED
from deltarule.results import Array


class MLPRegressor(RegressorMixin, BaseMLP):
    """A multi-layer perceptron that predicts numbers."""

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **INHERITED,
        "loss": [StrOptions({"squared_error", "poisson"})],
    }
    _core_losses: ClassVar[dict[str, str]] = {
        "squared_error": "half_squared_error",
        "poisson": "poisson",
    }

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
    ) -> None:
        self._take(locals())

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Fit."""
        return self._fit(X, y, sample_weight)

    @available_if(lambda est: est._require_steps())
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """One epoch."""
        return self._fit(X, y, sample_weight, incremental=True)

    def predict(self, X: Any) -> Any:
        """Predict numbers."""
        y_hat = self._raw(X)
        return y_hat[:, 0] if y_hat.shape[1] == 1 else y_hat

    def _encoded(self, X: Any, y: Any, incremental: bool, reset: bool) -> Data:
        X, y = validate_data(
            self, X, y, accept_sparse="csr", multi_output=True, y_numeric=True,
            dtype=(np.float64, np.float32), order="C", reset=reset,
        )  # fmt: skip
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        Y = np.ascontiguousarray(y.reshape(len(y), -1), X.dtype)
        return Data(X, Y, None, Y.shape[1], None)

    @property
    def _core_loss(self) -> str:
        return self._core_losses[self.loss]

    def _out_activation(self) -> str:
        return "exp" if self.loss == "poisson" else "identity"

    def _score_of(self, Y: Array, y_hat: Array, sample_weight: Array | None) -> float:
        if not np.isfinite(y_hat).all():
            return float("nan")
        return float(r2_score(Y, y_hat, sample_weight=sample_weight))
