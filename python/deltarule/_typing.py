# SPDX-License-Identifier: BSD-3-Clause
"""NumPy's types for annotations.

`import numpy.typing` would be a fifth of `import deltarule` (scripts/import_time.py): type checkers
alone do it.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike, NDArray
else:
    from numpy import ndarray as NDArray

    ArrayLike = DTypeLike = Any

__all__ = ["ArrayLike", "DTypeLike", "NDArray"]
