# SPDX-License-Identifier: BSD-3-Clause
"""What classifier and regressor share: parameters judged, engine, fitted attributes."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from deltarule.architecture import Architecture
from deltarule.estimators import lbfgs, stochastic
from deltarule.estimators.network import Net, drawn, flat
from deltarule.estimators.rows import BYTES, dense
from deltarule.estimators.threads import allowed
from deltarule.mlp import MLP
from deltarule.results import Array

STOCHASTIC = ("sgd", "adam")
OUTPUTS = {"exp": "exponential"}  # scikit-learn's names that are not ours


class Data(NamedTuple):
    """What a fit is given, as the core takes it."""

    X: Any  # (n, H_0), C-contiguous or CSR
    Y: Array  # (n, K), or labels (n,)
    sample_weight: Array | None
    n_outputs: int
    stratify: Array | None  # what a split has to keep the shares of


class BaseMLP(BaseEstimator):
    """A multi-layer perceptron whose attributes are scikit-learn's and whose work is the core's."""

    _net: Net | None = None
    _best_w: Array | None = None

    def _take(self, given: dict[str, Any]) -> None:
        """Keep the arguments of `__init__` as they are."""
        for name, value in given.items():
            if name != "self":
                setattr(self, name, value)

    @abstractmethod
    def _encoded(self, X: Any, y: Any, incremental: bool, reset: bool) -> Data:
        """Judge X and y, and return them as the core takes them."""

    @property
    @abstractmethod
    def _core_loss(self) -> str:
        """The loss by the core's name."""

    @abstractmethod
    def _out_activation(self) -> str:
        """The output's activation by scikit-learn's name."""

    @abstractmethod
    def _score_of(self, Y: Array, y_hat: Array, sample_weight: Array | None) -> float:
        """The score of validation rows."""

    # ---- fitting

    def _fit(self, X: Any, y: Any, sample_weight: Any = None, incremental: bool = False) -> Any:
        hidden = self._hidden()
        first = not hasattr(self, "coefs_") or not (self.warm_start or incremental)
        data = self._encoded(X, y, incremental, first)
        if sample_weight is not None:
            s = _check_sample_weight(sample_weight, data.X)
            data = data._replace(sample_weight=np.asarray(s, np.float64))
        self.n_outputs_ = data.n_outputs
        self._random_state = check_random_state(self.random_state)
        if first:
            self._initialize([data.X.shape[1], *hidden, data.n_outputs], data.X.dtype)
        else:  # scikit-learn's best weights are its weights then, until others are better
            self._best_w = None
        net = self._network()
        if self.solver == "lbfgs":
            lbfgs.fit(self, net, data, allowed(None))
        else:
            stochastic.fit(self, net, data, incremental)
        return self

    def _hidden(self) -> list[int]:
        sizes = self.hidden_layer_sizes
        sizes = list(sizes) if hasattr(sizes, "__iter__") else [sizes]
        if np.any(np.array(sizes) <= 0):
            raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}.")
        return [int(size) for size in sizes]

    def _initialize(self, layers: list[int], dtype: Any) -> None:
        """Draw the weights and begin every count."""
        self.n_iter_ = self.t_ = 0
        self.n_layers_ = len(layers)
        self.out_activation_ = self._out_activation()
        net = self._architecture(layers, dtype)
        w = np.empty(net.n_weights, dtype)
        start = drawn(self._random_state, layers, [self.activation] * (len(layers) - 1))
        w[: start.size] = start
        net.start_alphas(w)
        self._net = Net(net, w)
        self._net.show(self)
        self._best_w = w
        if self.solver != "lbfgs":
            self.loss_curve_: list[float] = []
            self._no_improvement_count = 0
            early = self.early_stopping
            self.best_loss_ = None if early else math.inf
            self.validation_scores_: list[float] | None = [] if early else None
            self.best_validation_score_ = -math.inf if early else None

    def _architecture(self, layers: list[int], dtype: Any) -> Architecture:
        return Architecture.from_arguments(
            layers, self.activation, OUTPUTS.get(self.out_activation_, self.out_activation_),
            self._core_loss, np.dtype(dtype), float(self.alpha), penalty_over="batch",
        )  # fmt: skip

    def _network(self) -> Net:
        """The native network of the attributes as they are now."""
        coefs = [np.asarray(coef) for coef in self.coefs_]
        layers = [coefs[0].shape[0], *(coef.shape[1] for coef in coefs)]
        dtype = np.float32 if coefs[0].dtype == np.float32 else np.float64
        net = self._architecture(layers, dtype)
        if self._net is None or self._net.mlp.architecture != net:
            self._net = Net(net, flat(net, self.coefs_, self.intercepts_))
            self._net.show(self)
        self._net.follow(self.coefs_, self.intercepts_)
        return self._net

    # ---- prediction

    def _raw(self, X: Any) -> Array:
        """The outputs, (n, K), of whatever scikit-learn takes for X."""
        net = self._net
        if (
            net is not None
            and type(X) is np.ndarray
            and X.ndim == 2
            and X.dtype.kind == "f"
            and X.shape[1] == net.mlp.architecture.layers[0]
            and "feature_names_in_" not in self.__dict__
        ):
            try:
                net.follow(self.coefs_, self.intercepts_)
                return net.mlp.predict(X, allowed(None))
            except ValueError:
                pass  # what is raised below says it in scikit-learn's words
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse=["csr", "csc"], reset=False)
        return self._outputs(X)

    def _outputs(self, X: Any) -> Array:
        """The outputs of rows that are judged."""
        return self._outputs_by(self._network().mlp, X)

    def _outputs_by(self, mlp: MLP, X: Any) -> Array:
        """The outputs of a network; sparse rows are densified block by block."""
        if not issparse(X):
            return mlp.predict(X, allowed(None))
        X = X.tocsr()
        rows = max(1, BYTES // (8 * max(X.shape[1], 1)))
        y_hat = np.empty((X.shape[0], mlp.layers[-1]), mlp.dtype)
        for at in range(0, X.shape[0], rows):
            block = y_hat[at : at + rows]
            mlp.predict(dense(X, slice(at, at + rows)), allowed(None), block)
        return y_hat

    def _require_steps(self) -> bool:
        if self.solver not in STOCHASTIC:
            raise AttributeError(
                "partial_fit is only available for stochastic optimizers. "
                f"{self.solver} is not stochastic."
            )
        return True

    # ---- scikit-learn's protocols

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def __getstate__(self) -> dict[str, Any]:
        """Arrays and plain types: the native network is built again when it is next used."""
        state: dict[str, Any] = super().__getstate__()
        return {name: value for name, value in state.items() if name != "_net"}
