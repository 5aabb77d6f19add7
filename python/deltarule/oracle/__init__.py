# SPDX-License-Identifier: BSD-3-Clause
"""The same mathematics in NumPy float64, one plain function per equation of docs/derivation.md.

It stands beside the native core and never calls it; tests/test_oracle.py is why it is trusted.
The literal reference (`oracle.literal`) is the other witness: the kernels' bits in plain loops.
"""

from typing import TYPE_CHECKING

from deltarule.oracle import activations, losses, network, optimizers
from deltarule.oracle.mlp import MLP
from deltarule.oracle.trainer import Trainer

if TYPE_CHECKING:
    from deltarule.oracle import literal

__all__ = ["MLP", "Trainer", "activations", "literal", "losses", "network", "optimizers"]


def __getattr__(name: str) -> object:
    """Import the literal reference when it is first used: it is compiled, the oracle is not."""
    if name == "literal":
        import deltarule.oracle.literal

        return deltarule.oracle.literal
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
