# SPDX-License-Identifier: BSD-3-Clause
"""docs/errata.md in numbers: one function per row, named by its id.

Each returns the number that the printed formula gives (nan where it has no value), the number of
the right one, and a `Measured` reference that uses neither: a difference quotient, a count, a loop.
"""

import re
from collections.abc import Callable

from differences import Measured

from errata import backpropagation, introduction, lecture, logistic

Row = Callable[[], tuple[float, float, Measured]]
ROWS: dict[str, Row] = {
    name.upper(): row
    for module in (backpropagation, introduction, logistic, lecture)
    for name, row in vars(module).items()
    if re.fullmatch(r"[biln]\d+", name)
}
