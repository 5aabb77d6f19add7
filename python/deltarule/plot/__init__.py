# SPDX-License-Identifier: BSD-3-Clause
"""Pictures of networks, what they compute and how they train; needs the extra "plot".

Every function draws into the Axes that it is given, or into a new figure, and returns the Axes.
None shows a figure, saves one or changes matplotlib's settings. Colours are safe for colour-blind
readers: blue is positive or yes, vermilion negative or no, wherever a sign is meant.
"""

from deltarule.plot.boundary import decision_boundary
from deltarule.plot.curves import gradient_dilution, learning_rates, loss_curve
from deltarule.plot.functions import activations
from deltarule.plot.graph import network
from deltarule.plot.images import hidden_units, layers

__all__ = [
    "activations",
    "decision_boundary",
    "gradient_dilution",
    "hidden_units",
    "layers",
    "learning_rates",
    "loss_curve",
    "network",
]
