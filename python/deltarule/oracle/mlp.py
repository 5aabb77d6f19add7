# SPDX-License-Identifier: BSD-3-Clause
"""`MLP` in plain NumPy float64: the interface of `deltarule.MLP` over the oracle's equations.

It shares the native network's checks of arguments and its loop over epochs (`architecture`,
`_validate`, `fitting`), in which there is no arithmetic; nothing here imports the core.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from deltarule import _validate
from deltarule._typing import ArrayLike
from deltarule.architecture import Architecture
from deltarule.fitting import Fittable
from deltarule.given import LossFunction
from deltarule.initialisers import initial_weights
from deltarule.optimizers import Optimizer
from deltarule.oracle.activations import Float64
from deltarule.oracle.data import float_features, float_targets, float_weights
from deltarule.oracle.network import backward, forward, loss_of
from deltarule.protocols import OwnTrainer
from deltarule.results import Array, Backward, Trace


class MLP(Fittable):
    """o[k+1] = f_k(W[k] [o[k]; 1]) for k = 0 .. m, with y_hat the last o  (equations 1 to 3).

    Parameters
    ----------
    layers, activation, output, loss, dtype, seed, l2, reduction, input_shift, input_scale, l1,
    init, penalty_over
        As `deltarule.MLP` takes them. All arithmetic is float64; `dtype` names the network that
        this is the oracle of: initial weights and input scaling are rounded to it, so that equal
        arguments give equal parameters, and its epsilon is the clipping distance (35).
    collapsed : bool
        False sends also the pairs that collapse through the general path (17), (24).

    Attributes
    ----------
    architecture : Architecture
        What the network is without its weights.
    collapsed : bool
        As given.

    Raises
    ------
    TypeError, ValueError
        As `deltarule.MLP` does.
    """

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
        collapsed: bool = True,
        init: str | ArrayLike | Sequence[str | ArrayLike | None] | None = None,
        penalty_over: str = "loss",
    ) -> None:
        net = Architecture.from_arguments(
            layers, activation, output, loss, dtype, l2, reduction, input_shift, input_scale, l1,
            penalty_over,
        )  # fmt: skip
        self._architecture = net
        self.collapsed = collapsed
        self._w: Float64 = initial_weights(net, seed, init).astype(np.float64)

    @classmethod
    def from_architecture(
        cls, architecture: Architecture, w: ArrayLike, collapsed: bool = True
    ) -> MLP:
        """Build the oracle of a network that has these weights.

        Parameters
        ----------
        architecture : Architecture
            Everything but the weights.
        w : array-like, (n_weights,)
            All weights; float32 values are taken exactly.
        collapsed : bool
            As the class takes it.

        Returns
        -------
        MLP

        Raises
        ------
        TypeError, ValueError
            If w does not fit or is not finite.
        """
        mlp = cls.__new__(cls)
        mlp._architecture, mlp.collapsed = architecture, collapsed
        mlp._w = np.empty(architecture.n_weights)
        mlp.w = w
        return mlp

    @property
    def w(self) -> Float64:
        """All weights, (n_weights,): a read-only live view. Assign a whole vector."""
        # Over a memoryview, which no flag makes writable again.
        return np.asarray(self._w.data.toreadonly())

    @w.setter
    def w(self, w: ArrayLike) -> None:
        self._w[...] = _validate.weights(self.architecture.vector(w, np.float64), "w")

    @property
    def W(self) -> tuple[Float64, ...]:
        """W[k], (H_{k+1}, H_k + 1), bias last: read-only views into w. Assign a whole sequence."""
        return self.architecture.views(self.w)

    @W.setter
    def W(self, W: Sequence[ArrayLike]) -> None:
        vector = self.architecture.flatten(W, np.float64, alpha=self.alpha)
        self._w[...] = _validate.weights(vector, "W")

    @property
    def alpha(self) -> tuple[Float64 | None, ...]:
        """alpha[k], (H_{k+1},), what the units of layer k + 1 learn, or None: views into w."""
        return self.architecture.alphas(self.w)

    @alpha.setter
    def alpha(self, alpha: Sequence[ArrayLike | None]) -> None:
        vector = self._snapshot()
        self.architecture.put_alphas(vector, alpha)
        self._w[...] = _validate.weights(vector, "alpha")

    @property
    def n_weights(self) -> int:
        """Length of w."""
        return self.architecture.n_weights

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
            Samples.
        n_threads : int, optional
            Taken for the native interface's sake; NumPy uses the threads of its BLAS.

        Returns
        -------
        Trace
            net, o and y_hat in float64.

        Raises
        ------
        TypeError, ValueError
            If X does not fit or is not finite.
        """
        _validate.n_threads(n_threads)
        x = float_features(X, self.architecture)
        with np.errstate(all="ignore"):  # weights that diverge give inf and nan, no warnings
            return forward(self.architecture, self.w, x)

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
            Targets, or class labels for cross-entropy.
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
        TypeError, ValueError
            If trace or Y does not fit, or a layer's activation is threshold.
        """
        self.architecture.require_derivatives()
        _validate.n_threads(n_threads)
        _validate.trace(trace, self.layers, "float64")
        y = float_targets(Y, self.architecture)
        if len(y) != len(trace.y_hat):
            raise ValueError(f"Y: {len(y)} rows; expected {len(trace.y_hat)}, as trace has")
        s = float_weights(sample_weight, len(y), self.architecture)
        with np.errstate(all="ignore"):
            return backward(self.architecture, self.w, trace, y, self.collapsed, sample_weight=s)

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
        X : array-like, (n, H_0)
            Samples.
        Y : array-like, (n, K) or (n,)
            Targets.
        n_threads : int, optional
            As for `forward`.
        sample_weight : array-like, (n,), optional
            s_i >= 0; None: 1 each.

        Returns
        -------
        float

        Raises
        ------
        TypeError, ValueError
            If X or Y does not fit.
        """
        trace, y, s = self._traced(X, Y, n_threads, sample_weight)
        with np.errstate(all="ignore"):
            return loss_of(self.architecture, self.w, trace, y, s)

    def gradient(
        self,
        X: ArrayLike,
        Y: ArrayLike,
        n_threads: int | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Float64:
        """dL/dw = -(1/S) sum_i s_i delta_i [o_i, 1] + dgamma/dw  (21).

        Parameters
        ----------
        X : array-like, (n, H_0)
            Samples.
        Y : array-like, (n, K) or (n,)
            Targets.
        n_threads : int, optional
            As for `forward`.
        sample_weight : array-like, (n,), optional
            As `loss` takes it.

        Returns
        -------
        array, (n_weights,)

        Raises
        ------
        TypeError, ValueError
            If X or Y does not fit, or a layer's activation is threshold.
        """
        return self.loss_and_gradient(X, Y, n_threads, sample_weight)[1]

    def loss_and_gradient(
        self,
        X: ArrayLike,
        Y: ArrayLike,
        n_threads: int | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> tuple[float, Float64]:
        """L and dL/dw from one pass over the rows  (13), (21).

        Parameters
        ----------
        X : array-like, (n, H_0)
            Samples.
        Y : array-like, (n, K) or (n,)
            Targets.
        n_threads : int, optional
            As for `forward`.
        sample_weight : array-like, (n,), optional
            As `loss` takes it.

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
        trace, y, s = self._traced(X, Y, n_threads, sample_weight)
        with np.errstate(all="ignore"):
            back = backward(self.architecture, self.w, trace, y, self.collapsed, sample_weight=s)
        return back.loss, back.gradient

    def predict(
        self, X: ArrayLike, n_threads: int | None = None, out: Array | None = None
    ) -> Float64:
        """y_hat = o[m+1]  (3).

        Parameters
        ----------
        X : array-like, (n, H_0)
            Samples.
        n_threads : int, optional
            As for `forward`.
        out : array of float64, (n, K), optional
            Written and returned.

        Returns
        -------
        array, (n, K)
            Outputs, not labels.

        Raises
        ------
        TypeError, ValueError
            If X or out does not fit.
        """
        y_hat = self.forward(X, n_threads).y_hat
        if out is None:
            return y_hat
        _validate.output(out, y_hat.shape, "float64")
        out[...] = y_hat
        return out

    def _new_trainer(
        self, optimizer: Optimizer | None, batch_size: int | None, n_threads: int | None,
        **options: Any,
    ) -> OwnTrainer:  # fmt: skip
        from deltarule.oracle.trainer import Trainer  # which needs MLP

        return Trainer(self, optimizer, batch_size, n_threads, **options)

    def _snapshot(self) -> Float64:
        return self._w.copy()

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_w": self._w.copy()}  # so that a shallow copy has its own weights

    def __repr__(self) -> str:
        net = self.architecture
        return (
            f"oracle.MLP({list(net.layers)}, activations={list(net.activations)}, "
            f"loss={net.loss!r}, dtype={net.dtype!r})"
        )

    def _traced(
        self, X: ArrayLike, Y: ArrayLike, n_threads: int | None, sample_weight: ArrayLike | None
    ) -> tuple[Trace, Float64, Float64 | None]:
        """The forward pass, targets and weights, of rows that have one."""
        x, y = _validate.data(X, Y, self.architecture)
        s = float_weights(sample_weight, len(x), self.architecture)
        if s is not None:
            x, y, s = x[s > 0], y[s > 0], s[s > 0]
        return self.forward(x, n_threads), float_targets(y, self.architecture), s
