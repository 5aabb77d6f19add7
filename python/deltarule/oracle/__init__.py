# SPDX-License-Identifier: BSD-3-Clause
"""The same mathematics in NumPy float64, one plain function per equation of docs/derivation.md.

It stands beside the native core and never calls it; tests/test_oracle.py is why it is trusted.
The literal reference (`oracle.literal`) is the other witness: the kernels' bits in plain loops.
"""

from deltarule.oracle import activations, losses, network, optimizers
from deltarule.oracle.mlp import MLP
from deltarule.oracle.trainer import Trainer

__all__ = ["MLP", "Trainer", "activations", "losses", "network", "optimizers"]
