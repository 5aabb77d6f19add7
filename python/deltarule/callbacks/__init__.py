# SPDX-License-Identifier: BSD-3-Clause
"""What `fit(callbacks=...)` calls between epochs: the protocol, and ready ones."""

from deltarule.callbacks.base import Callback
from deltarule.callbacks.best import BestWeights
from deltarule.callbacks.logs import CSVLog, GradientNormLog, JSONLinesLog
from deltarule.callbacks.progress import Progress

__all__ = ["BestWeights", "CSVLog", "Callback", "GradientNormLog", "JSONLinesLog", "Progress"]
