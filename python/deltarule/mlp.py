# SPDX-License-Identifier: BSD-3-Clause
"""The derivation as an object: a multi-layer perceptron whose arithmetic is the native core's.

Each method calls the core with what it was given; only if the core refuses an array does
`_validate` convert or judge it and the call is made again, so that exact arrays pay nothing. The
second call stands after the try statement, so that its errors are not chained to the refusal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from deltarule import _core, _validate
from deltarule._modes import in_default_modes
from deltarule._typing import ArrayLike
from deltarule.activations import kernel
from deltarule.architecture import Architecture
from deltarule.fitting import Fittable
from deltarule.given import LossFunction
from deltarule.initialisers import initial_weights
from deltarule.optimizers import Optimizer
from deltarule.protocols import OwnTrainer
from deltarule.results import Array, Backward, Trace


class MLP(Fittable):
    """o[k+1] = f_k(W[k] [o[k]; 1]) for k = 0 .. m, with y_hat the last o  (equations 1 to 3).

    Parameters
    ----------
    layers : sequence of int
        H_0 (inputs), the sizes of the hidden layers, K (outputs).
    activation : str or sequence of str
        Of all hidden layers, or one per hidden layer: "identity", "logistic", "tanh", "relu",
        "softmax", "threshold", "leaky_relu(slope=0.01)", "prelu(slope=0.25)", "elu(alpha=1)",
        "selu", "gelu", "gelu_tanh", "silu", "mish", "softplus", "softsign", "hard_tanh",
        "hard_logistic", "exponential" or "blend(tanh, alpha=1)". docs/reference/activations.md has
        the table. A network with threshold units predicts, but has no gradient.
    output : str, optional
        The output's activation; None: identity, logistic or softmax, by the loss.
    loss : str or callable
        "half_squared_error", "squared_error" (twice that), "absolute", "huber(delta=1)",
        "quantile(0.1, 0.5, 0.9)", "log_cosh"; "binary_cross_entropy" (logistic or softmax output),
        "cross_entropy" (softmax), "kl_divergence" (softmax), "focal(gamma=2)" (logistic or
        softmax); "poisson", "gamma", "tweedie(power=1.5)" (exponential); "hinge",
        "squared_hinge" (identity); "gaussian_nll" (gaussian: half the outputs are means, half
        variances). docs/reference/losses.md has the table. Both cross-entropies take
        "(label_smoothing=0.1)". Where a probability enters a logarithm it is clipped to
        [eps, 1 - eps]; softmax with cross-entropy and logistic with binary cross-entropy take the
        loss from net and need no clipping.
        Or a function (y_hat (n, K), Y) -> (losses (n,), dL_i/dy_hat (n, K)) of a batch, with any
        output (docs/reference/weights.md): it is called in Python once per batch, which is slower.
    dtype : str or dtype
        "float32" or "float64", or the same as "f4", "f8", float or NumPy's types: of weights and
        arithmetic.
    seed : None, int or anything else that `numpy.random.default_rng` takes
        Draws the initial weights.
    l2 : float
        Adds l2 / 2 times the sum of the squared weights, biases excluded, to the loss.
    reduction : str
        "mean" or "sum" over the samples of a batch.
    input_shift, input_scale : float or array-like (H_0,), optional
        o[0] = (X - input_shift) * input_scale: standardises raw features inside the model.
    l1 : float
        Adds l1 times the sum of the weights' absolute values, biases excluded, to the loss.
    init : str, array or sequence of None, str or array, optional
        How the weights start, for all layers or one per weight matrix: "glorot_uniform",
        "glorot_normal", "he_uniform", "he_normal", "lecun_uniform", "lecun_normal", "ntk",
        "orthogonal(gain=1)", "zeros" or "constant(value)"; biases start at 0. None: by the
        activation, He uniform for relu and its like, LeCun normal for selu, Glorot uniform for the
        others. Or arrays: a flat one, (n_weights,), of all, or W[k], with its bias or without, in
        the place of a name.
    penalty_over : str
        What the penalty of l2 and l1, gamma(w), is a part of: "loss" adds gamma(w) to L; "batch"
        adds it to the batch's sum of losses, which "mean" divides by S: L has gamma(w) / S in it,
        as scikit-learn's alpha  (G7).

    Attributes
    ----------
    architecture : Architecture
        All of the above but seed and init.

    Raises
    ------
    TypeError
        If an argument is of the wrong kind.
    ValueError
        If an argument is out of range, unknown or does not go with another one.

    Notes
    -----
    Copies (`copy.copy`, `copy.deepcopy`, pickle) are networks of their own.
    """

    @in_default_modes
    def __init__(
        self,
        layers: Sequence[int],
        activation: str | Sequence[str] = "relu",
        output: str | None = None,
        loss: str | LossFunction = "half_squared_error",
        dtype: Any = "float32",
        seed: Any = None,
        l2: float = 0.0,
        reduction: str = "mean",
        input_shift: ArrayLike | None = None,
        input_scale: ArrayLike | None = None,
        l1: float = 0.0,
        init: str | ArrayLike | Sequence[str | ArrayLike | None] | None = None,
        penalty_over: str = "loss",
    ) -> None:
        net = Architecture.from_arguments(
            layers, activation, output, loss, dtype, l2, reduction, input_shift, input_scale, l1,
            penalty_over,
        )  # fmt: skip
        self._build(net, initial_weights(net, seed, init))

    @classmethod
    def from_architecture(cls, architecture: Architecture, w: ArrayLike) -> MLP:
        """Build a network that has these weights.

        Parameters
        ----------
        architecture : Architecture
            Everything but the weights.
        w : array-like, (n_weights,)
            All weights: W[0], W[1], .. row by row.

        Returns
        -------
        MLP

        Raises
        ------
        TypeError, ValueError
            If w does not fit or is not finite.
        """
        mlp = cls.__new__(cls)
        mlp._build(architecture, w)
        return mlp

    @in_default_modes
    def _build(self, net: Architecture, w: ArrayLike) -> None:
        def exact(values: tuple[float, ...] | None) -> Array | None:
            return None if values is None else np.array(values, net.dtype)

        self._architecture = net
        self._network = _core.Network(
            list(net.layers), [kernel(f) for f in net.activations],
            net.chosen_loss.core(net.n_outputs), net.dtype,
            net.reduction, net.l2, net.l1, exact(net.input_shift), exact(net.input_scale),
            penalty_over_batch=net.penalty_over == "batch",
        )  # fmt: skip
        self._w: Array = self._network.w
        self._W = net.views(self._w)
        self.w = w

    @property
    def w(self) -> Array:
        """All weights, (n_weights,): a read-only live view. Assign a whole vector to change them.

        Assigning raises TypeError or ValueError where the vector does not fit or is not finite,
        and RuntimeError while the network is being trained.
        """
        return self._w

    @w.setter
    @in_default_modes
    def w(self, w: ArrayLike) -> None:
        with np.errstate(over="ignore"):  # what overflows is refused by name
            vector = self.architecture.vector(w)
        self._network.assign(_validate.weights(vector, "w"))

    @property
    def W(self) -> tuple[Array, ...]:
        """W[k], (H_{k+1}, H_k + 1), bias last: read-only views into w. Assign a whole sequence."""
        return self._W

    @W.setter
    @in_default_modes
    def W(self, W: Sequence[ArrayLike]) -> None:
        with np.errstate(over="ignore"):
            vector = self.architecture.flatten(W, alpha=self.alpha)
        self._network.assign(_validate.weights(vector, "W"))

    @property
    def alpha(self) -> tuple[Array | None, ...]:
        """alpha[k], (H_{k+1},), what the units of layer k + 1 learn, or None: views into w.

        Assign a whole sequence, with None where units learn nothing.
        """
        return self.architecture.alphas(self._w)

    @alpha.setter
    @in_default_modes
    def alpha(self, alpha: Sequence[ArrayLike | None]) -> None:
        vector = self._snapshot()
        with np.errstate(over="ignore"):
            self.architecture.put_alphas(vector, alpha)
        self._network.assign(_validate.weights(vector, "alpha"))

    @property
    def n_weights(self) -> int:
        """Length of w."""
        return self._w.size

    @property
    def n_hidden_layers(self) -> int:
        """The number m."""
        return self.architecture.n_hidden_layers

    @property
    def layers(self) -> tuple[int, ...]:
        """H_0 .. K."""
        return self.architecture.layers

    def forward(self, X: ArrayLike, n_threads: int | None = None) -> Trace:
        """net[k+1] = W[k] [o[k]; 1],  o[k+1] = f_k(net[k+1])  (1) to (3).

        Parameters
        ----------
        X : array-like, (n, H_0)
            Samples, of any real dtype and any strides.
        n_threads : int, optional
            None: as many as pay. No result depends on it by a single bit.

        Returns
        -------
        Trace
            net, o and y_hat; o[0] is X in the network's dtype, standardised if the network does so.

        Raises
        ------
        TypeError
            If X holds no real numbers.
        ValueError
            If X has a wrong shape, or a row that is not finite.
        """
        threads = _validate.n_threads(n_threads)
        try:
            net, o = self._network.forward(X, threads)
        except _core.Refused:
            net = None
        if net is None:
            net, o = self._network.forward(_validate.features(X, self.architecture), threads)
        return Trace((None, *net), tuple(o), o[-1])

    def backward(
        self,
        trace: Trace,
        Y: ArrayLike,
        n_threads: int | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Backward:
        """delta[k] = f'(net[k]) * (delta[k+1] W[k] without its bias column)  (13) to (26).

        Parameters
        ----------
        trace : Trace
            What `forward` returned, with the weights as they still are.
        Y : array-like, (n, K) or (n,)
            Targets; of shape (n,) class labels for cross-entropy, or the targets where K = 1.
        n_threads : int, optional
            As for `forward`.
        sample_weight : array-like, (n,), optional
            As `loss` takes it.

        Returns
        -------
        Backward
            delta and dX per sample, without its weight; dW and gradient with weights, 1/S and the
            penalty, and the loss.

        Raises
        ------
        TypeError
            If trace is none, Y holds no real numbers, or labels are no integers.
        ValueError
            If trace or Y has a wrong shape, a target is out of range, or a layer's activation is
            threshold.
        """
        self.architecture.require_derivatives()
        threads = _validate.n_threads(n_threads)
        net, o = _validate.trace(trace, self.layers, self.architecture.dtype)
        try:
            back = self._network.backward(net, o, Y, threads, sample_weight)
        except _core.Refused:
            back = None
        if back is None:
            y = _validate.targets(Y, self.architecture)
            if len(y) != len(o[0]):
                raise ValueError(f"Y: {len(y)} rows; expected {len(o[0])}, as trace has")
            weights = _validate.sample_weight(sample_weight, len(y))
            back = self._network.backward(net, o, y, threads, weights)
        delta, gradient, dX, loss = back
        of_w = self.architecture
        return Backward(
            (None, *delta), of_w.views(gradient), gradient, dX, loss, of_w.alphas(gradient)
        )

    def loss(
        self,
        X: ArrayLike,
        Y: ArrayLike,
        n_threads: int | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> float:
        """L = (1/S) sum_i s_i L_i + gamma(w)  (13).

        Parameters
        ----------
        X, Y, n_threads
            As `forward` and `backward` take them.
        sample_weight : array-like, (n,), optional
            s_i >= 0, rounded to the network's dtype: as if row i stood there s_i times. S is
            their sum (reduction "mean") or 1. Rows of weight 0 are left out. None: 1 each.

        Returns
        -------
        float

        Raises
        ------
        TypeError, ValueError
            As `forward` and `backward` do; also if X and Y differ in rows.
        """
        threads = _validate.n_threads(n_threads)
        try:
            return self._network.loss(X, Y, threads, sample_weight)
        except _core.Refused:
            pass
        x, y = _validate.data(X, Y, self.architecture)
        return self._network.loss(x, y, threads, _validate.sample_weight(sample_weight, len(x)))

    def gradient(
        self,
        X: ArrayLike,
        Y: ArrayLike,
        n_threads: int | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Array:
        """dL/dw = -(1/S) sum_i s_i delta_i [o_i, 1] + dgamma/dw  (21).

        Parameters
        ----------
        X, Y, n_threads
            As `forward` and `backward` take them.
        sample_weight : array-like, (n,), optional
            As `loss` takes it.

        Returns
        -------
        array, (n_weights,)
            In the order of w.

        Raises
        ------
        TypeError, ValueError
            As `loss` does; also if a layer's activation is threshold.
        """
        return self.loss_and_gradient(X, Y, n_threads, sample_weight)[1]

    def loss_and_gradient(
        self,
        X: ArrayLike,
        Y: ArrayLike,
        n_threads: int | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> tuple[float, Array]:
        """L and dL/dw from one pass over the rows  (13), (21).

        Parameters
        ----------
        X, Y, n_threads, sample_weight
            As `loss` takes them.

        Returns
        -------
        float
            As `loss` gives it.
        array, (n_weights,)
            As `gradient` gives it.

        Raises
        ------
        TypeError, ValueError
            As `gradient` does.
        """
        self.architecture.require_derivatives()
        threads = _validate.n_threads(n_threads)
        try:
            gradient, loss = self._network.gradient(X, Y, threads, sample_weight)
            return loss, gradient
        except _core.Refused:
            pass
        x, y = _validate.data(X, Y, self.architecture)
        weights = _validate.sample_weight(sample_weight, len(x))
        gradient, loss = self._network.gradient(x, y, threads, weights)
        return loss, gradient

    def predict(
        self, X: ArrayLike, n_threads: int | None = None, out: Array | None = None
    ) -> Array:
        """y_hat = o[m+1]  (3); a row has the same bits alone or among a million.

        Parameters
        ----------
        X, n_threads
            As `forward` takes them.
        out : array, (n, K), optional
            Written and returned: C-contiguous, of the network's dtype.

        Returns
        -------
        array, (n, K)
            Outputs, not labels.

        Raises
        ------
        TypeError, ValueError
            If X or out does not fit.
        """
        threads = _validate.n_threads(n_threads)
        y_hat: Array
        try:
            y_hat = self._network.predict(X, out, threads)
            return y_hat
        except _core.Refused:
            pass
        x = X if out is None else _validate.apart(X, out)
        x = _validate.features(x, self.architecture)
        to = None
        if out is not None:
            to = _validate.output(out, (len(x), self.layers[-1]), self.architecture.dtype)
        y_hat = self._network.predict(x, to, threads)
        return y_hat if out is None else out

    def _new_trainer(
        self, optimizer: Optimizer | None, batch_size: int | None, n_threads: int | None,
        **options: Any,
    ) -> OwnTrainer:  # fmt: skip
        from deltarule.trainer import Trainer  # which needs MLP

        return Trainer(self, optimizer, batch_size, n_threads, **options)

    def _snapshot(self) -> Array:
        w: Array = self._network.snapshot()  # of one finished epoch, whoever trains it now
        return w

    def __repr__(self) -> str:
        from deltarule.info import call

        return call(self.architecture)

    def __getstate__(self) -> dict[str, Any]:
        return {"architecture": asdict(self.architecture), "w": self._snapshot()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._build(Architecture(**state["architecture"]), state["w"])
