# SPDX-License-Identifier: BSD-3-Clause
"""pyarrow, or a word on how to get it."""

try:
    import pyarrow as pa
    import pyarrow.compute as pc
except ImportError as error:
    raise ImportError(
        "deltarule.table reads tables through pyarrow: pip install 'deltarule[tables]'"
    ) from error

__all__ = ["pa", "pc"]
