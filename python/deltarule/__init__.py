# SPDX-License-Identifier: BSD-3-Clause
"""Multi-layer perceptrons on the CPU: native training that matches its derivation bit for bit."""

import os
from typing import TYPE_CHECKING

from deltarule import _core
from deltarule.compare import compare
from deltarule.files import load
from deltarule.history import History
from deltarule.info import info
from deltarule.mlp import MLP
from deltarule.optimizers import SGD, Adam
from deltarule.results import Backward, Trace
from deltarule.trainer import Trainer

if TYPE_CHECKING:
    from deltarule import oracle

__version__ = "0.1.0"

__all__ = [
    "MLP",
    "SGD",
    "Adam",
    "Backward",
    "History",
    "Trace",
    "Trainer",
    "compare",
    "info",
    "load",
    "oracle",
]

_core.isa()  # an unknown name in DELTARULE_ISA is an error now, not in the middle of something

# A child of fork() inherits OpenMP's bookkeeping without its threads and would wait for them for
# ever; with the pool given up beforehand, parent and child each start one when they next need it.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_core.pause_threads, after_in_child=_core.note_main_thread)


def __getattr__(name: str) -> object:
    """Import the oracle when it is first used: training does without it."""
    if name == "oracle":
        import deltarule.oracle

        return deltarule.oracle
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
