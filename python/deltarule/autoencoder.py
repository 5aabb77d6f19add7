# SPDX-License-Identifier: BSD-3-Clause
"""Autoencoders: a network that learns to give back its input through a code layer.

The network is an `MLP` whose target is its own input and the native trainer trains it; here are the
two halves, the noise that a denoising one is fed with, and the penalty that makes a code sparse.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from os import PathLike
from typing import Any

import numpy as np

from deltarule import _validate
from deltarule._arguments import choice, generator, integer, number
from deltarule._modes import in_default_modes
from deltarule._quoting import quoted
from deltarule._typing import ArrayLike
from deltarule.architecture import Architecture
from deltarule.files import load
from deltarule.history import History
from deltarule.metrics import Metric
from deltarule.mlp import MLP
from deltarule.optimizers import Optimizer
from deltarule.results import Array
from deltarule.schedules.base import lasting
from deltarule.sparsity import KINDS, Sparsity
from deltarule.stopping import EarlyStopping
from deltarule.trainer import Trainer
from deltarule.training import prepared
from deltarule.training_loop import alone


class Autoencoder:
    """x_hat = decode(encode(x)), trained for x_hat = x.

    Parameters
    ----------
    layers : sequence of int
        H_0, hidden sizes, and H_0 again; symmetric or not.
    code : int, optional
        Which layer is the code: layers[code] numbers stand for a sample. None: the middle one.
    activation, output, loss, dtype, seed, l2
        As `MLP` takes them; activation[code - 1] is the code's.
    sparsity : str, optional
        A penalty on the code, added to the loss in training (see `Sparsity`): "kl", beta
        sum_j KL(rho || mean_j) with mean_j the mean of code unit j over the batch, which needs a
        logistic code; or "l1", beta times the mean over the batch of sum_j |o_j|.
    beta : float
        The penalty's weight, >= 0.
    rho : float
        The mean that "kl" draws every code unit to, in (0, 1).

    Attributes
    ----------
    mlp : MLP
        The whole network.
    code : int
        The index of the code layer.

    Raises
    ------
    TypeError
        If an argument is of the wrong kind.
    ValueError
        If an argument is out of range, or first and last layer differ, or "kl" is asked for a code
        that is not logistic: it compares shares, which must lie in (0, 1).
    """

    def __init__(
        self,
        layers: Sequence[int],
        code: int | None = None,
        activation: str | Sequence[str] = "relu",
        output: str | None = None,
        loss: str = "half_squared_error",
        dtype: Any = "float32",
        seed: Any = None,
        l2: float = 0.0,
        sparsity: str | None = None,
        beta: float = 1.0,
        rho: float = 0.05,
    ) -> None:
        mlp = MLP(layers, activation, output, loss, dtype, seed, l2=l2)
        self._build(mlp, code, sparsity, beta, rho)

    @classmethod
    def from_mlp(
        cls,
        mlp: MLP,
        code: int | None = None,
        sparsity: str | None = None,
        beta: float = 1.0,
        rho: float = 0.05,
    ) -> Autoencoder:
        """Build one around a network that is there, with its weights.

        Parameters
        ----------
        mlp : MLP
            As many outputs as inputs.
        code, sparsity, beta, rho
            As the class takes them.

        Returns
        -------
        Autoencoder

        Raises
        ------
        TypeError, ValueError
            As the class does.
        """
        if not isinstance(mlp, MLP):
            raise TypeError(f"mlp: an object of type {type(mlp).__name__}; expected an MLP")
        autoencoder = cls.__new__(cls)
        autoencoder._build(mlp, code, sparsity, beta, rho)
        return autoencoder

    def _build(
        self, mlp: MLP, code: int | None, sparsity: str | None, beta: float, rho: float
    ) -> None:
        layers = mlp.layers
        if layers[0] != layers[-1]:
            raise ValueError(
                f"layers: {layers[0]} inputs, {layers[-1]} outputs; expected as many of both"
            )
        if len(layers) < 3:
            raise ValueError(f"layers: {list(layers)}; expected a hidden layer for the code")
        if code is None:
            if len(layers) % 2 == 0:
                raise ValueError(
                    f"code: None, but {len(layers)} layers have no middle one; expected its index"
                )
            code = len(layers) // 2
        self.mlp, self.code = mlp, integer("code", code, 1)
        if self.code > len(layers) - 2:
            raise ValueError(
                f"code: {quoted(self.code)}; expected a hidden layer, 1 ... {len(layers) - 2}"
            )
        self.sparsity = None if sparsity is None else choice("sparsity", sparsity, KINDS)
        self.beta = number("beta", beta, lambda v: v >= 0, "a finite number >= 0")
        self.rho = number("rho", rho, lambda v: 0 < v < 1, "a number in (0, 1)")
        f = mlp.architecture.activations[self.code - 1]
        if self.sparsity == "kl" and f != "logistic":
            raise ValueError(
                f"sparsity: 'kl' with a code of activation {f!r}; expected 'logistic': "
                "KL(rho || mean) needs outputs in (0, 1)"
            )

    @property
    def encoder(self) -> MLP:
        """x to code: a network of its own, with copies of the weights as they are now."""
        return self._half(0, self.code)

    @property
    def decoder(self) -> MLP:
        """Code to x_hat: a network of its own, with copies of the weights as they are now."""
        return self._half(self.code, len(self.mlp.layers) - 1)

    def _half(self, first: int, last: int) -> MLP:
        net = self.mlp.architecture
        half = Architecture(
            net.layers[first : last + 1], net.activations[first:last], dtype=net.dtype,
            input_shift=None if first else net.input_shift,
            input_scale=None if first else net.input_scale,
        )  # fmt: skip
        w = half.flatten(self.mlp.W[first:last], alpha=self.mlp.alpha[first:last])
        return MLP.from_architecture(half, w)

    def encode(self, X: ArrayLike, n_threads: int | None = None) -> Array:
        """o[code], (n, layers[code])  (1) to (3).

        Parameters
        ----------
        X : array-like, (n, H_0)
            Samples.
        n_threads : int, optional
            As `MLP.predict` takes it.

        Returns
        -------
        array, (n, layers[code])

        Raises
        ------
        TypeError, ValueError
            If X does not fit.
        """
        return self.encoder.predict(X, n_threads)

    def decode(self, code: ArrayLike, n_threads: int | None = None) -> Array:
        """x_hat from the code's outputs; decode(encode(X)) has the bits of reconstruct(X).

        Parameters
        ----------
        code : array-like, (n, layers[code])
            Codes.
        n_threads : int, optional
            As `MLP.predict` takes it.

        Returns
        -------
        array, (n, H_0)

        Raises
        ------
        TypeError, ValueError
            If the codes do not fit.
        """
        return self.decoder.predict(code, n_threads)

    def reconstruct(self, X: ArrayLike, n_threads: int | None = None) -> Array:
        """x_hat = y_hat, (n, H_0): what the whole network makes of X, as `MLP.predict`."""
        return self.mlp.predict(X, n_threads)

    def loss(
        self,
        X: ArrayLike,
        n_threads: int | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> float:
        """L of X as its own target, as `MLP.loss`: with l2, without the penalty on the code."""
        return self.mlp.loss(X, X, n_threads, sample_weight)

    @in_default_modes
    def fit(
        self,
        X: ArrayLike,
        optimizer: Optimizer | None = None,
        batch_size: int | None = 32,
        epochs: int = 10,
        shuffle: bool = True,
        seed: Any = None,
        n_threads: int | None = None,
        noise: float = 0.0,
        masking: float = 0.0,
        validation: ArrayLike | tuple[ArrayLike, ...] | float | None = None,
        progress: bool = False,
        stop_tol: float | None = None,
        record: str | Collection[str] | None = None,
        sample_weight: ArrayLike | None = None,
        *,
        metrics: str | Metric | Collection[str | Metric] = (),
        stopping: EarlyStopping | None = None,
        max_seconds: float | None = None,
        callbacks: Any = (),
    ) -> History:
        """Train on pairs (corrupted x, x): a fresh corruption every epoch, the target clean.

        Parameters
        ----------
        X : array-like, (n, H_0)
            Samples.
        optimizer, batch_size, epochs, shuffle, n_threads, progress
            As `MLP.fit` takes them.
        seed : None, int or anything else that `numpy.random.default_rng` takes
            Of the shuffles and the noise: rng = default_rng(seed); every epoch draws its order
            and then `corrupt(X, noise, masking, rng)`.
        noise, masking : float
            As `corrupt` takes them; both 0: no corruption, an ordinary autoencoder.
        validation : array-like, (inputs, targets), (.., .., sample_weight) or float, optional
            Samples that are their own targets, or such a pair (noisy samples and clean ones); a
            fraction: so many rows are held out, clean.
        stop_tol, record, metrics, stopping, max_seconds, callbacks
            As `MLP.fit` takes them. What is recorded is of the clean X, without the penalty.
        sample_weight : array-like, (n,), optional
            As `MLP.fit` takes it; the mean of a code unit is the weighted one (W3).

        Returns
        -------
        History
            Its loss is that of the corrupted inputs, with the penalty on the code.

        Raises
        ------
        TypeError, ValueError
            If an argument does not fit.
        FloatingPointError, KeyboardInterrupt, RuntimeError
            As `MLP.fit` does.
        """
        rng = generator(seed)
        noise, masking = _noise(noise), _masking(masking)
        rule = lasting(optimizer, _validate.epochs(epochs))
        trainer = self._trainer(rule, batch_size, n_threads)
        x = _validate.features(X, self.mlp.architecture)
        pair: Any = validation
        if validation is not None and not isinstance(validation, tuple | float | np.floating):
            pair = (validation, validation)
        corrupting = _Corrupting(trainer, noise, masking, rng) if noise or masking else trainer
        with alone(self.mlp):
            return prepared(
                self.mlp, corrupting, x, x, epochs, shuffle=shuffle, seed=rng, n_threads=n_threads,
                validation=pair, progress=progress, stop_tol=stop_tol, record=record,
                sample_weight=sample_weight, metrics=metrics, stopping=stopping,
                max_seconds=max_seconds, callbacks=callbacks,
            ).go_on()  # fmt: skip

    def _trainer(
        self, optimizer: Optimizer | None, batch_size: int | None, n_threads: int | None
    ) -> Trainer:
        penalty = None
        if self.sparsity is not None:
            penalty = Sparsity(self.code, self.sparsity, weight=self.beta, target=self.rho)
        return Trainer(self.mlp, optimizer, batch_size, n_threads, penalty)

    def save(self, path: str | bytes | PathLike[Any]) -> None:
        """Write the network as `MLP.save` does: weights and architecture.

        Neither which layer is the code nor the penalty on it is written: `load` is told both.

        Parameters
        ----------
        path : str, bytes or path
            The file.

        Raises
        ------
        TypeError, OSError
            As `MLP.save` does.
        """
        self.mlp.save(path)

    @classmethod
    def load(
        cls,
        path: str | bytes | PathLike[Any],
        code: int | None = None,
        sparsity: str | None = None,
        beta: float = 1.0,
        rho: float = 0.05,
    ) -> Autoencoder:
        """Read the network that `save` wrote.

        Parameters
        ----------
        path : str, bytes or path
            The file.
        code, sparsity, beta, rho
            As the class takes them.

        Returns
        -------
        Autoencoder

        Raises
        ------
        TypeError, OSError, ValueError
            As `deltarule.load` and the class do.
        """
        return cls.from_mlp(load(path), code, sparsity, beta, rho)

    def __repr__(self) -> str:
        sparse = f", sparsity={self.sparsity!r}, beta={self.beta}, rho={self.rho}"
        return f"Autoencoder({self.mlp!r}, code={self.code}{sparse if self.sparsity else ''})"


@in_default_modes
def corrupt(X: ArrayLike, noise: float = 0.0, masking: float = 0.0, seed: Any = None) -> Array:
    """X + noise N(0, 1), and then a share `masking` of the entries set to 0.

    Parameters
    ----------
    X : array-like
        Samples; what is neither float32 nor float64 becomes float64.
    noise : float
        The noise's standard deviation, >= 0.
    masking : float
        The share that is lost, 0 <= masking < 1: each entry by itself, with this probability.
    seed : None, int or anything else that `numpy.random.default_rng` takes
        Of the draws.

    Returns
    -------
    array
        A new array of X's shape.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit.
    """
    x, rng = _validate.array(X, "X"), generator(seed)
    noise, masking = _noise(noise), _masking(masking)
    dtype: Any = np.float32 if x.dtype == np.float32 else np.float64
    x = x.astype(dtype)
    if noise:
        x += dtype(noise) * rng.standard_normal(x.shape, dtype)
    if masking:
        x *= rng.random(x.shape, dtype) >= masking
    return x


class _Corrupting:
    """A trainer whose inputs are corrupted anew at every epoch."""

    def __init__(
        self, trainer: Trainer, noise: float, masking: float, rng: np.random.Generator
    ) -> None:
        self.trainer, self.noise, self.masking, self.rng = trainer, noise, masking, rng

    @property
    def n_epochs(self) -> int:
        return self.trainer.n_epochs

    @property
    def batch_size(self) -> int | None:
        return self.trainer.batch_size

    @property
    def eta(self) -> float | None:
        return self.trainer.eta

    @property
    def averaged_w(self) -> Array | None:
        return self.trainer.averaged_w

    @property
    def watches_validation(self) -> bool:
        return self.trainer.watches_validation

    def observe(self, validation_loss: float, /) -> None:
        self.trainer.observe(validation_loss)

    def epoch(self, X: Array, Y: Array, order: Any = None, sample_weight: Any = None, /) -> float:
        corrupted = corrupt(X, self.noise, self.masking, self.rng)
        return self.trainer.epoch(corrupted, Y, order, sample_weight)


def _noise(value: float) -> float:
    return number("noise", value, lambda v: v >= 0, "a finite number >= 0")


def _masking(value: float) -> float:
    return number("masking", value, lambda v: 0 <= v < 1, "a number >= 0 and < 1")
