# SPDX-License-Identifier: BSD-3-Clause
"""The literal reference: the derivation's sums as plain loops, equal to the kernels bit for bit.

A network and its training, made of the functions of literal_loops.pyx, which are all here by name.
"""

from deltarule.oracle.literal_loops import *  # noqa: F403
from deltarule.oracle.literal_mlp import MLP
from deltarule.oracle.literal_trainer import Trainer

__all__ = ["MLP", "Trainer"]
