# SPDX-License-Identifier: BSD-3-Clause
"""An autoencoder as a transformer of scikit-learn's kind: rows to codes and back."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.random import default_rng
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from deltarule._arguments import choice, integer, number
from deltarule._modes import all_in_default_modes
from deltarule._validate import flag
from deltarule.architecture import Architecture
from deltarule.autoencoder import Autoencoder
from deltarule.callbacks import Progress
from deltarule.estimators.rows import blocks, judged, validate_data
from deltarule.estimators.sparse_pairs import SparsePairs, loss, training
from deltarule.estimators.threads import allowed
from deltarule.estimators.undone import unless_done
from deltarule.history import History
from deltarule.mlp import MLP
from deltarule.optimizers import OPTIMIZERS, Optimizer
from deltarule.results import Array
from deltarule.schedules.base import lasting
from deltarule.stopping import EarlyStopping

KINDS = (np.float64, np.float32)


@all_in_default_modes
class MLPAutoencoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """x_hat = decode(encode(x)), trained for x_hat = x; `transform` gives the code.

    Parameters
    ----------
    hidden_layer_sizes : sequence of int
        Units of each hidden layer; inputs and outputs are X's columns.
    activation : str or sequence of str
        Of all hidden layers, or one for each, as `MLP` takes it.
    code : int, optional
        Which hidden layer is the code, 1 for the first. None: the middle one.
    output : str, optional
        The output's activation: "logistic" for features in [0, 1]. None: by the loss.
    loss, l2
        As `MLP` takes them.
    sparsity, beta, rho
        The penalty on the code, as `Autoencoder` takes it.
    noise, masking : float
        What is done to the inputs in training, as `Autoencoder.fit` takes it.
    solver : str or Optimizer
        A name in lower case, "adam", "adamw", "sgd", "rmsprop" and so on, or such an object.
    learning_rate_init : float
        Its learning rate, where it is a name.
    batch_size : int or "auto"
        Rows of a step; "auto": 200, or all if there are fewer.
    max_iter : int
        At most so many epochs.
    shuffle : bool
        Whether each epoch takes the rows in another order.
    random_state : int, RandomState or None
        Of weights, orders and corruption.
    tol, n_iter_no_change : float, int
        It ends after so many epochs that did not improve the loss by more than `tol`.
    early_stopping : bool
        Whether that is the loss of rows held out; the weights are then those of the best epoch.
    validation_fraction : float
        The share of rows held out.
    verbose : bool
        Whether to show the epochs.
    warm_start : bool
        Whether `fit` goes on from the weights that are there.
    n_jobs : int, optional
        Threads, -1: one per core; never more than a worker of joblib's has cores. None: as many as
        pay.

    Attributes
    ----------
    coefs_, intercepts_ : list of array
        W[k] transposed, (H_k, H_{k+1}), and the biases, as in scikit-learn's MLP.
    loss_curve_, validation_loss_curve_ : list of float
        The loss of each epoch; the second is empty without early stopping.
    loss_ : float
        The last epoch's.
    n_iter_ : int
        Epochs.
    architecture_, w_ : Architecture, array
        The network, and its weights in one vector.
    n_features_in_, feature_names_in_
        As in all estimators.

    Raises
    ------
    TypeError, ValueError
        From `fit`, if an argument or the data do not fit.
    FloatingPointError
        From `fit`, if the loss is not finite any more.

    Notes
    -----
    float32 samples are trained on and encoded in float32, all others in float64. Sparse matrices
    are taken too: a few batches of them are dense at a time.
    `deltarule.Autoencoder` is the network itself.
    """

    w_: Array
    architecture_: Architecture
    n_features_in_: int
    code_: int
    loss_curve_: list[float]

    def __init__(
        self,
        hidden_layer_sizes: Sequence[int] = (32,),
        activation: str | Sequence[str] = "relu",
        *,
        code: int | None = None,
        output: str | None = None,
        loss: str = "half_squared_error",
        l2: float = 0.0,
        sparsity: str | None = None,
        beta: float = 1.0,
        rho: float = 0.05,
        noise: float = 0.0,
        masking: float = 0.0,
        solver: str | Optimizer = "adam",
        learning_rate_init: float = 0.001,
        batch_size: int | str = "auto",
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        n_iter_no_change: int = 10,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        verbose: bool = False,
        warm_start: bool = False,
        n_jobs: int | None = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.code = code
        self.output = output
        self.loss = loss
        self.l2 = l2
        self.sparsity = sparsity
        self.beta = beta
        self.rho = rho
        self.noise = noise
        self.masking = masking
        self.solver = solver
        self.learning_rate_init = learning_rate_init
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.verbose = verbose
        self.warm_start = warm_start
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> MLPAutoencoder:
        """Train on pairs (x, x), or (corrupted x, x).

        Parameters
        ----------
        X : array-like, (n, m)
            Samples.
        y : object
            Ignored.
        sample_weight : array-like, (n,), optional
            Of the rows.

        Returns
        -------
        MLPAutoencoder
            Itself.

        Warns
        -----
        ConvergenceWarning
            If `max_iter` ended it.
        UserWarning
            On Ctrl-C: it has the weights of the last finished epoch.
        """
        integer("max_iter", self.max_iter, 1)
        for name in ("early_stopping", "verbose", "warm_start"):
            flag(name, getattr(self, name))
        rule, stopping = self._rule(), self._stopping()
        going_on = self.warm_start and hasattr(self, "w_")
        with unless_done(self):
            x = self._judged(X, reset=not going_on)
            if sample_weight is not None:
                sample_weight = judged(
                    "sample_weight", _check_sample_weight, sample_weight, x, dtype=x.dtype
                )
            random = check_random_state(self.random_state)
            network = self._continued() if going_on else self._new(x, random)
            try:
                seed = random.randint(2**31 - 1)
                history = self._train(network, x, sample_weight, rule, seed, stopping)
            except KeyboardInterrupt as interrupt:
                history = getattr(interrupt, "history", History())
                warnings.warn("Training interrupted by user.", stacklevel=2)
        self.architecture_, self.w_ = network.mlp.architecture, network.mlp.w.copy()
        self.code_ = network.code
        self.loss_curve_, self.validation_loss_curve_ = history.loss, history.validation_loss
        self.n_iter_ = len(history.loss)
        self.loss_ = history.loss[-1] if history.loss else float("nan")
        if history.stopped_by == "epochs":
            text = f"{type(self).__name__}: not converged in max_iter={self.max_iter} epochs"
            warnings.warn(text, ConvergenceWarning, stacklevel=2)
        return self

    def _train(
        self, network: Autoencoder, x: Any, s: Array | None, rule: Optimizer, seed: int,
        stopping: EarlyStopping,
    ) -> History:  # fmt: skip
        size, threads = self._batch(x.shape[0]), allowed(self.n_jobs)
        held_out = self.validation_fraction if self.early_stopping else None
        if not issparse(x):
            return network.fit(
                x, rule, size, self.max_iter, self.shuffle, seed, threads, self.noise,
                self.masking, held_out, self.verbose, sample_weight=s, stopping=stopping,
            )  # fmt: skip
        trainer = network._trainer(lasting(rule, self.max_iter), size, threads)
        pairs = SparsePairs(x, s, self.shuffle, self.noise, self.masking, default_rng(seed))
        shown = [Progress(True)] if self.verbose else []
        return training(
            network, trainer, pairs, self.max_iter, held_out, stopping, shown, threads
        ).go()  # fmt: skip

    def transform(self, X: Any) -> Array:
        """Return the codes.

        Parameters
        ----------
        X : array-like, (n, m)
            Samples.

        Returns
        -------
        array, (n, units of the code)
        """
        return self._outputs(self._network().encoder, X)

    def inverse_transform(self, X: Any) -> Array:
        """Return what the decoder makes of codes.

        Parameters
        ----------
        X : array-like, (n, units of the code)
            Codes.

        Returns
        -------
        array, (n, m)
        """
        check_is_fitted(self)
        return self._network().decode(np.asarray(X), allowed(self.n_jobs))

    def reconstruct(self, X: Any) -> Array:
        """Return x_hat of samples: `inverse_transform(transform(X))`.

        Parameters
        ----------
        X : array-like, (n, m)
            Samples.

        Returns
        -------
        array, (n, m)
        """
        return self._outputs(self._network().mlp, X)

    def score(self, X: Any, y: Any = None) -> float:
        """Return minus the mean loss of samples as their own targets: higher is better.

        Parameters
        ----------
        X : array-like, (n, m)
            Samples.
        y : object
            Ignored.

        Returns
        -------
        float
        """
        x, threads = self._judged(X), allowed(self.n_jobs)
        if issparse(x):
            return -loss(self._network(), x, None, threads)
        return -self._network().loss(x, threads)

    @property
    def coefs_(self) -> list[Array]:
        """The weights by layer."""
        return [W[:, :-1].T for W in self.architecture_.views(self.w_)]

    @property
    def intercepts_(self) -> list[Array]:
        """The biases by layer."""
        return [W[:, -1] for W in self.architecture_.views(self.w_)]

    @property
    def _n_features_out(self) -> int:
        return self.architecture_.layers[self.code_]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        tags.input_tags.sparse = True
        return tags

    def _judged(self, X: Any, reset: bool = False) -> Any:
        """X in rows, C-contiguous or CSR, of a kind that stays as it is."""
        return validate_data(self, X, accept_sparse="csr", dtype=KINDS, order="C", reset=reset)

    def _outputs(self, mlp: MLP, X: Any) -> Array:
        x, threads = self._judged(X), allowed(self.n_jobs)
        if issparse(x):
            return np.concatenate([mlp.predict(part, threads) for _, part in blocks(x)])
        return mlp.predict(x, threads)

    def _hidden(self) -> list[int]:
        sizes = np.atleast_1d(np.asarray(self.hidden_layer_sizes, object))
        return [integer(f"hidden_layer_sizes[{k}]", size, 1) for k, size in enumerate(sizes)]

    def _continued(self) -> Autoencoder:
        """The network of a warm start."""
        sizes, hidden = self._hidden(), [*self.architecture_.layers[1:-1]]
        if sizes != hidden:
            raise ValueError(
                f"hidden_layer_sizes: {sizes}; expected {hidden}, those that the warm start has"
            )
        return self._network()

    def _new(self, x: Array, random: np.random.RandomState) -> Autoencoder:
        columns = x.shape[1]
        return Autoencoder(
            [columns, *self._hidden(), columns], self.code, self.activation, self.output, self.loss,
            x.dtype.name, random.randint(2**31 - 1), self.l2, self.sparsity, self.beta, self.rho,
        )  # fmt: skip

    def _network(self) -> Autoencoder:
        """The network as it is now."""
        check_is_fitted(self)
        mlp = MLP.from_architecture(self.architecture_, self.w_)
        return Autoencoder.from_mlp(mlp, self.code_, self.sparsity, self.beta, self.rho)

    def _rule(self) -> Optimizer:
        if not isinstance(self.solver, str):
            return self.solver
        rules = {name.lower(): rule for name, rule in OPTIMIZERS.items()}
        kind = rules[choice("solver", self.solver, list(rules))]
        rate, expected = self.learning_rate_init, "a finite number > 0"
        rule: Optimizer = kind(number("learning_rate_init", rate, lambda v: v > 0, expected))
        return rule

    def _stopping(self) -> EarlyStopping:
        if self.early_stopping:
            share = self.validation_fraction
            number("validation_fraction", share, lambda v: 0 < v < 1, "a number in (0, 1)")
        return EarlyStopping(
            patience=integer("n_iter_no_change", self.n_iter_no_change, 1),
            min_improvement=number("tol", self.tol, lambda v: v >= 0, "a finite number >= 0"),
            restore="best" if self.early_stopping else None,
        )

    def _batch(self, n: int) -> int:
        if self.batch_size == "auto":
            return min(200, n)
        return self.batch_size  # type: ignore[return-value]  # judged where it is used
