# SPDX-License-Identifier: BSD-3-Clause
"""A fit is alone with its estimator; one that fails leaves it as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from deltarule.training_loop import alone


@contextmanager
def unless_done(estimator: Any) -> Iterator[None]:
    """What fails in here, but a warning made an error, takes back every attribute."""
    with alone(estimator):
        before = estimator.__dict__.copy()
        try:
            yield
        except BaseException as error:
            if not isinstance(error, Warning):
                estimator.__dict__.clear()
                estimator.__dict__.update(before)
            raise
