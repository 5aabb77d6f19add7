# SPDX-License-Identifier: BSD-3-Clause
"""Numbers of a training that move while it runs: learning rate, momentum, rates of dropout."""

from __future__ import annotations

from abc import ABC, abstractmethod


class Schedule(ABC):
    """A number as a function of the time t, in epochs since the training began."""

    @abstractmethod
    def __call__(self, t: float) -> float:
        """Its value after t epochs; t is fractional between an epoch's steps."""
