# SPDX-License-Identifier: BSD-3-Clause
"""The numbered formulas of docs/derivation.md and docs/chain_rule.md, each in plain numbers.

A function yields pairs: what the formula says, as it stands on the page, and a `Measured` reference
that doesn't use it. `must_contain` is the part of the page's formula that the function computes; a
change of the page that isn't made here is a failure.
"""

from formulas import (
    activations,
    backward,
    chain_rule,
    dropout,
    ensembles,
    forward,
    initialisation,
    log_likelihood,
    losses,
    minimize,
    numerics,
    optimizers,
    regularisation,
    schedules,
    sparse_code,
    steps,
    threshold_and_square,
    two_cases,
    two_layers,
    vector_activations,
    weights,
)
from formulas.registry import FORMULAS

__all__ = [
    "FORMULAS",
    "activations",
    "backward",
    "chain_rule",
    "dropout",
    "ensembles",
    "forward",
    "initialisation",
    "log_likelihood",
    "losses",
    "minimize",
    "numerics",
    "optimizers",
    "regularisation",
    "schedules",
    "sparse_code",
    "steps",
    "threshold_and_square",
    "two_cases",
    "two_layers",
    "vector_activations",
    "weights",
]
