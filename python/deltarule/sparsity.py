# SPDX-License-Identifier: BSD-3-Clause
"""A penalty on the outputs of one hidden layer, as a declaration: a trainer computes it.

Equations (41) to (45) in docs/derivation.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deltarule._arguments import choice, integer, number
from deltarule._quoting import quoted
from deltarule.architecture import Architecture

KINDS = ("kl", "l1")


@dataclass(frozen=True)
class Sparsity:
    """Draws the outputs o of a hidden layer to 0, or their means to a small one: L gains P.

    "l1": P = weight / S sum_i sum_j |o_ij|  (41).
    "kl": P = weight n / S sum_j KL(target || rho_hat_j), where rho_hat_j is the mean of o_ij over
    the n rows of the batch  (42), (43).

    Parameters
    ----------
    layer : int
        The hidden layer, 1 ... m.
    kind : str
        "kl" or "l1".
    weight : float
        How much P counts beside the losses of the samples, >= 0: beta.
    target : float
        The mean output that "kl" draws each unit to, 0 < target < 1: rho. "l1" has no use for it.

    Raises
    ------
    TypeError
        If an argument is of the wrong kind.
    ValueError
        If an argument is out of its range. A trainer raises it too, if its network has no such
        hidden layer, or if "kl" is asked of one that is not logistic.
    """

    layer: int
    kind: str = "kl"
    weight: float = 1.0
    target: float = 0.05

    def __post_init__(self) -> None:
        weight = number("weight", self.weight, lambda v: v >= 0, "a finite number >= 0")
        target = number("target", self.target, lambda v: 0 < v < 1, "a number > 0 and < 1")
        object.__setattr__(self, "layer", integer("layer", self.layer, 1))
        object.__setattr__(self, "kind", choice("kind", self.kind, KINDS))
        object.__setattr__(self, "weight", weight)
        object.__setattr__(self, "target", target)


def check_sparsity(sparsity: object, net: Architecture) -> Sparsity | None:
    """Return `sparsity` if it is None or goes with the network.

    Parameters
    ----------
    sparsity : object
        What was given as `sparsity=`.
    net : Architecture
        The network that is to be trained.

    Returns
    -------
    Sparsity or None

    Raises
    ------
    TypeError
        If it is neither.
    ValueError
        If the layer is not hidden, "kl" meets another activation than logistic, or weight or target
        leave their range when rounded to the network's dtype.
    """
    if sparsity is None:
        return None
    if not isinstance(sparsity, Sparsity):
        raise TypeError(
            f"sparsity: {quoted(sparsity)} of type {type(sparsity).__name__}; expected a Sparsity "
            "or None"
        )
    m = net.n_hidden_layers
    if sparsity.layer > m:
        hidden = f"1 ... {m}, a hidden layer" if m else "a network with a hidden layer"
        raise ValueError(f"sparsity: layer {quoted(sparsity.layer)}; expected {hidden}")
    f = net.activations[sparsity.layer - 1]
    if sparsity.kind == "kl" and f != "logistic":
        raise ValueError(
            f"sparsity: 'kl' on layer {sparsity.layer}, of activation {f!r}; expected 'logistic', "
            f"as KL compares means that lie in (0, 1); 'l1' goes with every activation"
        )
    with np.errstate(over="ignore", under="ignore"):
        weight, target = np.array([sparsity.weight, sparsity.target]).astype(net.dtype)
    if not np.isfinite(weight) or not 0 < target < 1:
        raise ValueError(
            f"sparsity: weight {weight}, target {target} as {net.dtype}; expected a finite weight "
            f"and 0 < target < 1"
        )
    return sparsity
