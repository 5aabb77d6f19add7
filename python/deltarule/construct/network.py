# SPDX-License-Identifier: BSD-3-Clause
"""Weight matrices, written down, become an MLP of threshold units."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from deltarule._modes import in_default_modes
from deltarule.architecture import Architecture
from deltarule.mlp import MLP
from deltarule.results import Array


@in_default_modes
def network(W: Sequence[Array], output: str = "threshold", dtype: str = "float64") -> MLP:
    """o[k+1] = [W[k] [o[k]; 1] >= 0].

    Parameters
    ----------
    W : sequence of array
        W[k], (H_{k+1}, H_k + 1), bias last.
    output : str
        The output's activation.
    dtype : str
        "float32" or "float64".

    Returns
    -------
    MLP

    Raises
    ------
    TypeError, ValueError
        If dtype is none, or a weight is not finite there.
    """
    layers = [W[0].shape[1] - 1, *(len(matrix) for matrix in W)]
    architecture = Architecture.from_arguments(layers, "threshold", output, dtype=dtype)
    with np.errstate(over="ignore"):  # a weight that overflows is refused by name
        return MLP.from_architecture(architecture, architecture.flatten(W, alpha=None))
