# SPDX-License-Identifier: BSD-3-Clause
"""What classifier and regressor share: parameters judged, engine, fitted attributes."""

from __future__ import annotations

import copy
import math
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from operator import index
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from deltarule.architecture import Architecture
from deltarule.estimators import lbfgs, stochastic
from deltarule.estimators.bridge import Bridge, CallbackSupportMixin
from deltarule.estimators.explaining import Explaining
from deltarule.estimators.network import Net, Shown, drawn, flat, shown_of
from deltarule.estimators.parameters import check_names, check_together
from deltarule.estimators.rows import blocks, judged, validate_data
from deltarule.estimators.targets import core_output
from deltarule.estimators.threads import allowed
from deltarule.initialisers import initial_weights
from deltarule.mlp import MLP
from deltarule.results import Array
from deltarule.training_loop import alone

MANY_ROWS = 64  # from where on a prediction may take several threads


class Data(NamedTuple):
    """What a fit is given, as the core takes it."""

    X: Any  # (n, H_0), C-contiguous or CSR
    y: Array  # as the user gave it
    Y: Array  # (n, K), or labels (n,)
    n_outputs: int
    sample_weight: Array | None = None
    stratify: Array | None = None  # what a split has to keep the shares of
    weighted: bool = False  # whether the user gave weights

    def taken(self, rows: Array) -> Data:
        """Return some rows."""
        s = self.sample_weight
        return self._replace(
            X=self.X[rows],
            y=self.y[rows],
            Y=self.Y[rows],
            sample_weight=None if s is None else s[rows],
        )


class BaseMLP(Explaining, CallbackSupportMixin, BaseEstimator):
    """A multi-layer perceptron whose attributes are scikit-learn's and whose work is the core's."""

    coefs_ = Shown()
    intercepts_ = Shown()
    activation_parameters_ = Shown()

    _net: Net | None = None
    _best_w: Array | None = None
    _seen = False  # whether anybody may write into the arrays of weights
    _begun = False  # whether a fit has moved a weight
    _callback_bridge: Bridge | None = None

    def _take(self, given: dict[str, Any]) -> None:
        """Keep the arguments of `__init__` as they are."""
        for name, value in given.items():
            if name != "self":
                setattr(self, name, value)

    @abstractmethod
    def _judged(self, X: Any, y: Any, incremental: bool | None, reset: bool) -> tuple[Any, Array]:
        """Return X and y as arrays, of a `fit` or `partial_fit`; None: of rows that judge."""

    @abstractmethod
    def _encoded(self, X: Any, y: Array) -> Data:
        """Return them as the core takes them."""

    @abstractmethod
    def _core_loss(self) -> tuple[Any, str]:
        """The core's loss, and the output's activation by scikit-learn's name."""

    @abstractmethod
    def _score_of(self, Y: Array, y_hat: Array, sample_weight: Array | None) -> float:
        """The score of validation rows."""

    @property
    def _has_score(self) -> bool:
        """Whether `_score_of` says something of the outputs."""
        return True

    # ---- fitting

    def _validate_params(self) -> None:
        super()._validate_params()
        check_names(self)

    def _fit(
        self, X: Any, y: Any, sample_weight: Any = None, incremental: bool = False,
        X_val: Any = None, y_val: Any = None,
    ) -> Any:  # fmt: skip
        check_together(self, X_val, incremental)
        with self._unless_begun():
            self._callback_bridge = Bridge.of(self, X=X, y=y)
            data = self._begin(X, y, sample_weight, incremental)
            held_out = self._held_out(X_val, y_val)
            net = self._network()
            if self.solver == "lbfgs":
                lbfgs.fit(self, net, data)
            else:
                stochastic.fit(self, net, data, held_out, incremental)
            if self._callback_bridge is not None:
                self._callback_bridge.close()
        return self

    @contextmanager
    def _unless_begun(self) -> Iterator[None]:
        """What fails before a weight has moved leaves the estimator as it was."""
        with alone(self):
            before = self.__dict__.copy()
            try:
                yield
            except BaseException:
                if not self._begun:
                    self.__dict__.clear()
                    self.__dict__.update(before)
                raise
            finally:
                self.__dict__.pop("_begun", None)
                self.__dict__.pop("_callback_bridge", None)

    def _begin(self, X: Any, y: Any, sample_weight: Any, incremental: bool) -> Data:
        """Judge the data, and draw the weights where there are none to go on from."""
        hidden = self._hidden()
        first = "coefs_" not in self.__dict__ or not (self.warm_start or incremental)
        X, y = self._judged(X, y, incremental, first)
        data = self._encoded(X, y)
        s = sample_weight
        if s is not None:
            s = judged("sample_weight", _check_sample_weight, s, X)
        s, weighted = self._weighted(y, s, incremental), s is not None
        data = data._replace(sample_weight=s, weighted=weighted)
        self.n_outputs_ = data.n_outputs
        self._random_state = check_random_state(self.random_state)
        if first:
            self._initialize([X.shape[1], *hidden, data.n_outputs], X.dtype)
        elif not incremental:  # scikit-learn's best weights are its weights, till others are better
            self._best_w = None
        return data

    def _weighted(self, y: Array, s: Any, incremental: bool) -> Array | None:
        """The weight of each row."""
        return None if s is None else np.asarray(s, np.float64)

    def _held_out(self, X_val: Any, y_val: Any) -> Data | None:
        """The user's own validation rows."""
        if (X_val is None) != (y_val is None):
            missing = "y_val" if y_val is None else "X_val"
            raise ValueError(f"{missing}: None beside the other one; expected both or none")
        if X_val is None:
            return None
        return self._encoded(*self._judged(X_val, y_val, None, False))

    def _hidden(self) -> list[int]:
        sizes = self.hidden_layer_sizes
        sizes = list(sizes) if hasattr(sizes, "__iter__") else [sizes]
        if np.any(np.array(sizes) <= 0):
            raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}.")
        return [index(size) for size in sizes]

    def _dtypes(self) -> Any:
        """What X may be; anything else becomes the first."""
        return (np.float64, np.float32) if self.dtype is None else np.dtype(self.dtype)

    def _initialize(self, layers: list[int], dtype: Any) -> None:
        """Draw the weights and begin every count."""
        self.n_iter_ = self.t_ = 0
        self.n_layers_ = len(layers)
        self.out_activation_ = self._core_loss()[1]
        self.__dict__.pop("activation_parameters_", None)
        net = self._architecture(layers, dtype)
        if self.init is None:
            w = np.empty(net.n_weights, dtype)
            names = [*net.activations[:-1]] or [self.activation]
            names = [*names[: len(layers) - 2], names[-1]]  # the last again, for the outputs
            start = drawn(self._random_state, layers, names)
            w[: start.size] = start
            net.start_alphas(w)
        else:
            w = initial_weights(net, int(self._random_state.randint(2**31 - 1)), self.init)
        self._net = Net(net, w, self._key())
        self._net.show(self)
        self.__dict__.pop("_seen", None)
        self._best_w = w
        if self.solver != "lbfgs":
            self.loss_curve_: list[float] = []
            self._no_improvement_count = 0
            early = self.early_stopping
            self.best_loss_ = None if early else math.inf
            self.validation_scores_: list[float] | None = [] if early else None
            self.validation_loss_curve_: list[float] | None = [] if early else None
            self.best_validation_score_ = -math.inf if early else None

    def _architecture(self, layers: list[int], dtype: Any) -> Architecture:
        return Architecture.from_arguments(
            layers, self.activation, core_output(self.out_activation_), self._core_loss()[0],
            np.dtype(dtype), float(self.alpha), penalty_over="batch",
        )  # fmt: skip

    def _network(self) -> Net:
        """The native network of the attributes as they are now."""
        coefs = [np.asarray(coef) for coef in self.__dict__["coefs_"]]
        layers = [coefs[0].shape[0], *(coef.shape[1] for coef in coefs)]
        single = all(each.dtype == np.float32 for each in coefs)
        net = self._architecture(layers, np.float32 if single else np.float64)
        old = self._net
        if old is not None and old.mlp.architecture == net and old.follow(self):
            return old
        new = self._net = Net(net, flat(net, *shown_of(self)), self._key())
        if not self._seen:
            new.show(self)
        return new

    def _key(self) -> Any:
        """The parameters that a prediction depends on."""
        name = self.activation
        return name if type(name) is str else tuple(name), self.loss, self.out_activation_

    def _attributes_of(self, mlp: MLP) -> dict[str, Any]:
        """`coefs_` and `intercepts_` of a network: copies."""
        W = [np.array(each) for each in mlp.W]
        return {"coefs_": [V[:, :-1].T for V in W], "intercepts_": [V[:, -1] for V in W]}

    def initialize(self, X: Any, y: Any) -> Any:
        """Draw the weights of a fit of X and y, and train nothing.

        `partial_fit`, and `fit` with `warm_start`, go on from these weights.

        Parameters
        ----------
        X, y
            As `fit` takes them.

        Returns
        -------
        self

        Raises
        ------
        TypeError, ValueError
            As `fit` does.
        """
        self._validate_params()
        with self._unless_begun():
            for name in ("coefs_", "classes_", "_optimizer", "loss_"):
                self.__dict__.pop(name, None)
            self._begin(X, y, None, False)
        return self

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
                if net.key == self._key() and net.follow(self):
                    mlp = net.mlp if self.dtype is not None else net.of(X.dtype)
                    return mlp.predict(X, allowed(self.n_jobs) if len(X) > MANY_ROWS else None)
            except ValueError:
                pass  # what is raised below says it in scikit-learn's words
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse=["csr", "csc"], reset=False)
        return self._outputs(X)

    def _outputs(self, X: Any) -> Array:
        """The outputs of rows that are judged."""
        net = self._network()
        return self._outputs_by(net.mlp if self.dtype is not None else net.of(X.dtype), X)

    def _outputs_by(self, mlp: MLP, X: Any) -> Array:
        """The outputs of a network; sparse rows are densified block by block."""
        threads = allowed(self.n_jobs)
        if not issparse(X):
            return mlp.predict(X, threads)
        y_hat = np.empty((X.shape[0], mlp.layers[-1]), mlp.dtype)
        for part, x in blocks(X.tocsr()):
            mlp.predict(x, threads, out=y_hat[part])
        return y_hat

    def _require_steps(self) -> bool:
        if self.solver == "lbfgs":
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
        state = {name: value for name, value in state.items() if name not in ("_net", "_seen")}
        if "_optimizer" in state:
            state["_optimizer"] = copy.copy(state["_optimizer"])
        return state
