# SPDX-License-Identifier: BSD-3-Clause
"""Several networks that predict as one: the mean of what they say."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from deltarule import _validate
from deltarule._modes import in_default_modes
from deltarule.architecture import Architecture
from deltarule.evaluation import check_classes, evaluate
from deltarule.files.errors import Path
from deltarule.given import loss_name
from deltarule.metrics import labels
from deltarule.mlp import MLP
from deltarule.per_model import networks
from deltarule.protocols import Network
from deltarule.results import Array


class Ensemble:
    """The mean of several networks' outputs.

        y_hat = (1/M) sum_m y_hat^(m)                                                    (E1)

    A sum beyond the range of float64 is infinite, as that of `numpy.mean` is.

    Of means and variances, `loss="gaussian_nll"`, it has mean and variance of the mixture,

        mu = (1/M) sum_m mu^(m),  v = (1/M) sum_m (v^(m) + (mu^(m) - mu)^2)               (E2)

    Parameters
    ----------
    mlps : iterable of MLP
        Networks with the same inputs and outputs, which they keep: an ensemble holds the networks
        themselves, not copies.

    Attributes
    ----------
    mlps : tuple of MLP
        As given.

    Raises
    ------
    TypeError, ValueError
        If one is no MLP, or inputs or outputs differ, or what the outputs mean: their activation,
        and of the loss whatever decides how they are read.
    """

    def __init__(self, mlps: Iterable[MLP]) -> None:
        self.mlps: tuple[MLP, ...] = tuple(networks(mlps))
        first = _meaning(self.mlps[0].architecture)
        for i, mlp in enumerate(self.mlps):
            for name, value in _meaning(mlp.architecture).items():
                if value != first[name]:
                    raise ValueError(
                        f"mlps: {i} has {name} {value!r}; expected {first[name]!r}, as 0 has"
                    )

    @property
    def architecture(self) -> Architecture:
        """Of the first network: inputs, outputs and their meaning are those of all."""
        return self.mlps[0].architecture

    @property
    def dtype(self) -> str:
        """The widest of the networks': "float32" or "float64"."""
        return max(mlp.dtype for mlp in self.mlps)  # the order of the names is that of the widths

    def __len__(self) -> int:
        """Return the number of networks."""
        return len(self.mlps)

    def __repr__(self) -> str:
        return f"Ensemble([{', '.join(map(repr, self.mlps))}])"

    @in_default_modes
    def predict(self, X: ArrayLike, n_threads: int | None = None) -> Array:
        """y_hat  (E1), (E2), added in float64 in the order of the networks and rounded once.

        Parameters
        ----------
        X, n_threads
            As `MLP.predict` takes them.

        Returns
        -------
        array, (n, K)
            In `dtype`.

        Raises
        ------
        TypeError, ValueError
            As `MLP.predict` does.
        """
        x, net = _validate.features(X, self.architecture), self.architecture
        outputs = (mlp.predict(x, n_threads) for mlp in self.mlps)
        mixed = net.chosen_loss.row.columns == 2
        y_hat = _mixture([*outputs]) if mixed else _mean(outputs)
        return y_hat.astype(self.dtype)

    def predict_labels(self, X: ArrayLike, n_threads: int | None = None) -> NDArray[np.int64]:
        """The class of which `predict` says most, as `MLP.predict_labels` decides it.

        Parameters
        ----------
        X, n_threads
            As `MLP.predict` takes them.

        Returns
        -------
        array of int64, (n,)

        Raises
        ------
        TypeError, ValueError
            As `MLP.predict_labels` does.
        """
        check_classes("predict_labels", self.architecture)
        return labels(self.predict(X, n_threads), self.architecture.chosen_loss.row.cut)

    @in_default_modes
    def loss(
        self,
        X: ArrayLike,
        Y: ArrayLike,
        n_threads: int | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> float:
        """L of the mean outputs, without any penalty on weights: (1/S) sum_i s_i L_i.

        Parameters
        ----------
        X, Y, n_threads, sample_weight
            As `MLP.loss` takes them.

        Returns
        -------
        float
            Computed in float64, logarithms of outputs clipped as (35) says.

        Raises
        ------
        TypeError, ValueError
            As `MLP.loss` does; also if the networks have different losses.
        """
        from deltarule.oracle.ensemble import loss_of_outputs  # an import costs some ms

        net = self.architecture
        for i, mlp in enumerate(self.mlps):
            other = mlp.architecture
            if (other.loss, other.reduction) != (net.loss, net.reduction):
                given, first = loss_name(other.loss), loss_name(net.loss)
                raise ValueError(
                    f"loss: network {i} has {given!r} ({other.reduction}), 0 has {first!r} "
                    f"({net.reduction}); expected one loss, or another metric"
                )
        x, y = _validate.data(X, Y, net)
        s = _validate.sample_weight(sample_weight, len(x))
        return loss_of_outputs(net, y, self.predict(x, n_threads), s)

    @in_default_modes
    def evaluate(
        self,
        X: ArrayLike,
        Y: ArrayLike,
        metric: str | Callable[..., float] = "loss",
        n_threads: int | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> float:
        """metric(Y, y_hat) with y_hat = predict(X): as `MLP.evaluate`; "loss" is `loss`.

        Parameters
        ----------
        X, Y, metric, n_threads, sample_weight
            As `MLP.evaluate` takes them.

        Returns
        -------
        float

        Raises
        ------
        TypeError, ValueError
            As `MLP.evaluate` and `loss` do.
        """
        return evaluate(cast(Network, self), X, Y, metric, n_threads, sample_weight)

    def save(self, path: Path) -> None:
        """Write all networks to one safetensors file; `Ensemble.load` reads it.

        Parameters
        ----------
        path : str, bytes or path
            The file, replaced if it is there: it is there whole, or as it was before.

        Raises
        ------
        TypeError, ValueError, OSError
            As `MLP.save` does.
        """
        from deltarule.files.ensembles import save

        save(self.mlps, path)

    @classmethod
    def load(cls, path: Path) -> Ensemble:
        """Read what `save` wrote.

        Parameters
        ----------
        path : str, bytes or path
            The file.

        Returns
        -------
        Ensemble

        Raises
        ------
        TypeError, OSError, FileFormatError
            As `deltarule.load` does.
        """
        from deltarule.files.ensembles import load

        return load(path, cls)


def _meaning(net: Architecture) -> dict[str, Any]:
    """What networks must have in common for their outputs to be averaged."""
    loss = net.chosen_loss
    row = loss.row
    return {
        "inputs": net.n_inputs,
        "outputs": net.n_outputs,
        "output activation": net.activations[-1],
        # Whether a single output means class 1 from 1/2 or from 0 on, what a label stands for, ...
        "outputs read with": (row.columns, row.classes, row.cut, row.one_against_rest),
        # Each output of these is a quantile of its own.
        "quantiles": loss.values if loss.name == "quantile" else (),
    }


def _mean(outputs: Iterable[Array]) -> Array:
    """In float64, added in their order."""
    total, n = np.zeros(()), 0
    for y_hat in outputs:
        total, n = (total + y_hat if n else y_hat.astype(np.float64)), n + 1
    return np.asarray(total / n)


def _mixture(outputs: list[Array]) -> Array:
    both = _mean(outputs)
    mu, v = np.split(both, 2, axis=1)  # views
    v += _mean((y_hat[:, : mu.shape[1]] - mu) ** 2 for y_hat in outputs)
    return both
