# SPDX-License-Identifier: BSD-3-Clause
"""What `forward` and `backward` return: the quantities of the derivation under their own names.

Lists by layer have one entry per layer, the input included, so that `delta[k]` belongs to
`net[k]` and `o[k]`; the input has no net and no delta: entry 0 is None.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from deltarule._typing import NDArray

Array: TypeAlias = NDArray[Any]  # float32 or float64 from the core, float64 from the oracle


@dataclass(frozen=True, eq=False)
class Trace:
    """One forward pass, equations (1) to (3).

    Attributes
    ----------
    net : tuple
        net[k], (n, H_k): weighted sums; net[0] is None.
    o : tuple
        o[k], (n, H_k): outputs, without the augmented 1; o[0] is the input, standardised if the
        network does that.
    y_hat : array, (n, K)
        The last o.
    """

    net: tuple[Array | None, ...]
    o: tuple[Array, ...]
    y_hat: Array


@dataclass(frozen=True, eq=False)
class Backward:
    """One backward pass, equations (12) to (28).

    Attributes
    ----------
    delta : tuple
        delta[k] = -dL_i/dnet[k], (n, H_k), per sample: without 1/S. delta[0] is None.
    dW : tuple
        dW[k] = dL/dW[k], (H_{k+1}, H_k + 1): with 1/S and the penalty; views into `gradient`.
    gradient : array, (n_weights,)
        dL/dw, in the order of w.
    dX : array, (n, H_0)
        dL_i/dx_i, per sample, with respect to X as it was given.
    loss : float
        L.
    dalpha : tuple
        dalpha[k] = dL/dalpha[k], (H_{k+1},), of what the units of layer k + 1 learn, or None: views
        into `gradient`.
    """

    delta: tuple[Array | None, ...]
    dW: tuple[Array, ...]
    gradient: Array
    dX: Array
    loss: float
    dalpha: tuple[Array | None, ...] = ()
