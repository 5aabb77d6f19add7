# SPDX-License-Identifier: BSD-3-Clause
"""An estimator's `coefs_` and `intercepts_`, and the native network that computes with them.

The arrays are the truth: they may be assigned, or written into, and the next prediction follows.
They are views of one flat vector in the network's order, so that looking whether it has changed is
one comparison.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from deltarule.architecture import Architecture
from deltarule.mlp import MLP
from deltarule.results import Array


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
        self._shown = np.array(self.mlp.w)
        W = architecture.views(self._shown)
        self.coefs = [each[:, :-1].T for each in W]
        self.intercepts = [each[:, -1] for each in W]

    def show(self, estimator: Any) -> None:
        """Put the network's weights into the estimator's arrays."""
        np.copyto(self._shown, self.mlp.w)
        estimator.coefs_, estimator.intercepts_ = list(self.coefs), list(self.intercepts)

    def take(self, estimator: Any, w: Array) -> None:
        """Give the network these weights, and show them."""
        self.mlp.w = w
        self.show(estimator)

    def follow(self, coefs: Sequence[Array], intercepts: Sequence[Array]) -> None:
        """Take the estimator's arrays, as they are now, for the network's weights."""
        if not (_same(coefs, self.coefs) and _same(intercepts, self.intercepts)):
            shown = flat(self.mlp.architecture, coefs, intercepts)
            shown[-sum(self.mlp.architecture.n_alphas) or len(shown) :] = self._learned()
        else:
            shown = self._shown
        if not np.array_equal(shown, self.mlp.w):
            self.mlp.w = shown

    def _learned(self) -> Array:
        """What units learn besides: behind the weights."""
        return self._shown[len(self._shown) - sum(self.mlp.architecture.n_alphas) :]


def flat(net: Architecture, coefs: Sequence[Array], intercepts: Sequence[Array]) -> Array:
    """Return scikit-learn's arrays as one vector in the network's order.

    Parameters
    ----------
    net : Architecture
        Of the network.
    coefs, intercepts : sequence of array
        (H_k, H_{k+1}) and (H_{k+1},).
    """
    w = np.empty(net.n_weights, net.dtype)
    for view, coef, intercept in zip(net.views(w), coefs, intercepts, strict=True):
        view[:, :-1] = np.asarray(coef).T
        view[:, -1] = intercept
    net.start_alphas(w)
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


def _same(some: Sequence[Array], others: Sequence[Array]) -> bool:
    return len(some) == len(others) and all(a is b for a, b in zip(some, others, strict=True))
