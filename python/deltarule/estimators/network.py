# SPDX-License-Identifier: BSD-3-Clause
"""An estimator's `coefs_` and `intercepts_`, and the native network that computes with them.

The arrays are the truth: they may be assigned, or written into, and the next prediction follows.
They are views of one flat vector in the network's order, so that looking whether it has changed is
one comparison; while nobody has seen them, not even that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from deltarule.architecture import Architecture
from deltarule.estimators.losses import limit_of
from deltarule.mlp import MLP
from deltarule.results import Array

SHOWN = ("coefs_", "intercepts_", "activation_parameters_")


class Net:
    """A native network and the arrays that an estimator shows of it.

    Parameters
    ----------
    architecture : Architecture
        Everything but the weights.
    w : array, (n_weights,)
        The weights, which are copied.
    """

    def __init__(self, architecture: Architecture, w: Array) -> None:
        self.mlp = MLP.from_architecture(architecture, w)
        self.mlp._network.loss_limit = limit_of(architecture)
        self._shown = np.array(self.mlp.w)
        W = architecture.views(self._shown)
        self.coefs = [each[:, :-1].T for each in W]
        self.intercepts = [each[:, -1] for each in W]
        self.learned = architecture.alphas(self._shown)
        self.touched = False  # whether anybody may have written into the arrays

    def show(self, estimator: Any) -> None:
        """Put the network's weights into the estimator's arrays."""
        np.copyto(self._shown, self.mlp.w)
        arrays = self.coefs, self.intercepts, self.learned
        for name, each in zip(SHOWN, arrays, strict=True):
            if any(one is not None for one in each):
                estimator.__dict__[name] = list(each)

    def take(self, estimator: Any, w: Array) -> None:
        """Give the network these weights, and show them."""
        self.mlp.w = w
        self.show(estimator)

    def follow(self, estimator: Any) -> None:
        """Take the estimator's arrays, as they are now, for the network's weights."""
        if not self.touched:
            return
        coefs, intercepts, learned = shown_of(estimator)
        if (
            _same(coefs, self.coefs)
            and _same(intercepts, self.intercepts)
            and (learned is None or _same(learned, self.learned))
        ):
            shown = self._shown
        else:
            shown = flat(self.mlp.architecture, coefs, intercepts, learned)
        if not np.array_equal(shown, self.mlp.w):
            self.mlp.w = shown


def shown_of(estimator: Any) -> tuple[Any, Any, Any]:
    """Return the arrays that hold an estimator's weights; the last: what units learn, if any do."""
    coefs, intercepts, learned = (estimator.__dict__.get(name) for name in SHOWN)
    return coefs, intercepts, learned


class Shown:
    """An attribute that holds arrays of weights: whoever reads it may write into them later."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, estimator: Any, owner: type) -> Any:
        if estimator is None:
            return self
        try:
            arrays = estimator.__dict__[self.name]
        except KeyError:
            raise AttributeError(
                f"{owner.__name__!r} object has no attribute {self.name!r}"
            ) from None
        self._touch(estimator)
        return arrays

    def __set__(self, estimator: Any, arrays: Any) -> None:
        estimator.__dict__[self.name] = arrays
        self._touch(estimator)

    def __delete__(self, estimator: Any) -> None:
        estimator.__dict__.pop(self.name)

    def _touch(self, estimator: Any) -> None:
        if estimator._net is not None:
            estimator._net.touched = True


def flat(
    net: Architecture, coefs: Sequence[Array], intercepts: Sequence[Array], learned: Any = None
) -> Array:
    """Return scikit-learn's arrays as one vector in the network's order.

    Parameters
    ----------
    net : Architecture
        Of the network.
    coefs, intercepts : sequence of array
        (H_k, H_{k+1}) and (H_{k+1},).
    learned : sequence of array or None
        What units learn besides; None: their starts.
    """
    w = np.empty(net.n_weights, net.dtype)
    for view, coef, intercept in zip(net.views(w), coefs, intercepts, strict=True):
        view[:, :-1] = np.asarray(coef).T
        view[:, -1] = intercept
    net.start_alphas(w) if learned is None else net.put_alphas(w, learned)
    return w


def drawn(random_state: Any, layers: Sequence[int], activations: Sequence[str]) -> Array:
    """Return initial weights in the network's order, drawn as scikit-learn draws them.

    Of each layer first W, (H_k, H_{k+1}), then the biases, both uniform up to
    sqrt(f / (H_k + H_{k+1})), f = 2 for logistic and 6 for other activations.

    Parameters
    ----------
    random_state : numpy.random.RandomState
        Moves on.
    layers : sequence of int
        H_0 .. K.
    activations : sequence of str
        Of the layer behind each W.
    """
    parts = []
    for fan_in, fan_out, name in zip(layers[:-1], layers[1:], activations, strict=True):
        bound = np.sqrt((2.0 if name == "logistic" else 6.0) / (fan_in + fan_out))
        W = np.empty((fan_out, fan_in + 1))
        W[:, :-1] = random_state.uniform(-bound, bound, (fan_in, fan_out)).T
        W[:, -1] = random_state.uniform(-bound, bound, fan_out)
        parts.append(W.ravel())
    return np.concatenate(parts)


def _same(some: Sequence[Any], others: Sequence[Any]) -> bool:
    return len(some) == len(others) and all(a is b for a, b in zip(some, others, strict=True))
