# SPDX-License-Identifier: BSD-3-Clause
"""Networks whose weights are written down instead of trained: the notes' constructions.

Every function returns an ordinary `MLP` (`approximate` also its error). Its hidden units are
threshold units, which fire (1) where net >= 0: Boolean functions, regions of the plane, sums of
pulses. `collapse` is the opposite case: without a non-linearity, layers are one layer.
"""

from deltarule.construct.approximate import Approximation, approximate
from deltarule.construct.boolean import all_inputs, boolean
from deltarule.construct.cells import cells, checkerboard
from deltarule.construct.collapse import collapse
from deltarule.construct.gates import all_of, any_of, at_least, gate, majority
from deltarule.construct.one_hidden_layer import one_hidden_layer
from deltarule.construct.parity import parity
from deltarule.construct.pulses import pulse, pulses
from deltarule.construct.regions import half_planes, polygon, polygons

__all__ = [
    "Approximation",
    "all_inputs",
    "all_of",
    "any_of",
    "approximate",
    "at_least",
    "boolean",
    "cells",
    "checkerboard",
    "collapse",
    "gate",
    "half_planes",
    "majority",
    "one_hidden_layer",
    "parity",
    "polygon",
    "polygons",
    "pulse",
    "pulses",
]
