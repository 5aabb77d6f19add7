# SPDX-License-Identifier: BSD-3-Clause
"""An estimator's `coefs_` and `intercepts_`, and the native network that computes with them.

The arrays are the truth: they may be assigned, or written into, and the next prediction follows.
They are views of one flat vector in the network's order, so that looking whether it has changed is
one comparison of bytes; while nobody has seen them, not even that.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
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
        The weights, which are copied; after a training that diverged they are not finite.
    key : object
        Of the parameters that a prediction depends on.
    """

    def __init__(self, architecture: Architecture, w: Array, key: Any = None) -> None:
        self.key = key
        self.mlp = _mlp(architecture, w)
        self._bytes = bytearray(self.mlp.w.nbytes)  # == compares them at the memory's speed
        self._shown = np.frombuffer(self._bytes, self.mlp.w.dtype)
        np.copyto(self._shown, self.mlp.w)
        self._wide: MLP | None = None
        W = architecture.views(self._shown)
        self.coefs = [each[:, :-1].T for each in W]
        self.intercepts = [each[:, -1] for each in W]
        self.learned = architecture.alphas(self._shown)

    def show(self, estimator: Any) -> None:
        """Put the network's weights into the estimator's arrays."""
        np.copyto(self._shown, self.mlp.w)
        arrays = self.coefs, self.intercepts, self.learned
        for name, each in zip(SHOWN, arrays, strict=True):
            if any(one is not None for one in each):
                estimator.__dict__[name] = list(each)

    def take(self, estimator: Any, w: Array) -> None:
        """Give the network these weights, and show them."""
        self._assign(w)
        self.show(estimator)

    def follow(self, estimator: Any) -> bool:
        """Take the estimator's arrays, as they are now, for the weights; or it is not of this kind.

        Returns
        -------
        bool
            False: their shapes or types are another network's.
        """
        if not estimator._seen:
            return True
        arrays = shown_of(estimator)
        own = self.coefs, self.intercepts, self.learned
        shown = self._shown
        if not all(map(_same, arrays, own)):
            if arrays[0] is None or arrays[1] is None or not all(map(_alike, arrays[:2], own)):
                return False
            shown = flat(self.mlp.architecture, *arrays)
            if np.array_equal(shown, self.mlp.w):
                return True
        elif self._bytes == self.mlp.w.view(np.uint8):
            return True
        self._assign(shown)
        return True

    def of(self, dtype: Any) -> MLP:
        """Return what computes rows of a type: of float64 from float32 weights, in float64."""
        w = self.mlp.w
        if w.dtype == np.float64 or dtype in (np.float32, np.float16):
            return self.mlp
        if self._wide is None:
            self._wide = _mlp(replace(self.mlp.architecture, dtype="float64"), w)
        elif not np.array_equal(self._wide.w, w, equal_nan=True):
            self._wide._network.assign(w.astype(np.float64))
        return self._wide

    def as_float64(self) -> Net:
        """Return a network of the same weights in float64."""
        wide = replace(self.mlp.architecture, dtype="float64")
        return Net(wide, self.mlp.w.astype(np.float64), self.key)

    def _assign(self, w: Array) -> None:
        self.mlp._network.assign(np.ascontiguousarray(w, self.mlp.dtype))


def _mlp(architecture: Architecture, w: Array) -> MLP:
    """A network of weights that need not be finite."""
    mlp = MLP.from_architecture(architecture, np.zeros(w.size, architecture.dtype))
    mlp._network.assign(np.ascontiguousarray(w, architecture.dtype))
    mlp._network.loss_limit = limit_of(architecture)
    return mlp


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
        if self.name not in estimator.__dict__:
            raise AttributeError(f"{owner.__name__!r} object has no attribute {self.name!r}")
        self._touch(estimator)
        return estimator.__dict__[self.name]

    def __set__(self, estimator: Any, arrays: Any) -> None:
        self._touch(estimator)
        estimator.__dict__[self.name] = arrays

    def __delete__(self, estimator: Any) -> None:
        estimator.__dict__.pop(self.name)

    def _touch(self, estimator: Any) -> None:
        if not estimator._seen:
            if estimator._net is None and "n_layers_" in estimator.__dict__:  # unpickled
                with suppress(Exception):  # whoever predicts is told
                    estimator._network()
            estimator.__dict__["_seen"] = True


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

    Raises
    ------
    ValueError
        If they do not fit together.
    """
    w = np.empty(net.n_weights, net.dtype)
    if len(intercepts) != len(coefs):
        raise ValueError(f"intercepts_: {len(intercepts)} arrays; expected {len(coefs)}")
    for k, (view, coef, intercept) in enumerate(zip(net.views(w), coefs, intercepts, strict=True)):
        H = net.layers[k : k + 2]
        for name, array, shape in (("coefs_", coef, H), ("intercepts_", intercept, H[1:])):
            if np.shape(array) != shape:
                raise ValueError(f"{name}[{k}]: shape {np.shape(array)}; expected {shape}")
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


def _same(some: Sequence[Any] | None, others: Sequence[Any]) -> bool:
    """Whether they are the same arrays; None: what units learn is not shown, where they do not."""
    if some is None:
        return True
    return len(some) == len(others) and all(a is b for a, b in zip(some, others, strict=True))


def _alike(some: Sequence[Any], others: Sequence[Any]) -> bool:
    """Whether arrays fit in the places of others, and no number is rounded."""
    return len(some) == len(others) and all(
        np.shape(a) == b.shape and np.result_type(np.asarray(a), b) == b.dtype
        for a, b in zip(some, others, strict=True)
    )
