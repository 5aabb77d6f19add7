# SPDX-License-Identifier: BSD-3-Clause
"""Networks over tables: columns with names and types, categories, gaps, dates.

`TableModel` learns from a CSV or Parquet file (or an Arrow table) what each column becomes, trains
an `MLP` on it and keeps both together, so that it predicts from tables as raw as those it learnt
from. The command line (`deltarule fit`, `predict`, `evaluate`, `inspect`) is a thin layer over it.
Reading needs pyarrow: `pip install "deltarule[tables]"`.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deltarule.table.model import TableModel
    from deltarule.table.notes import TableWarning
    from deltarule.table.reading import read
    from deltarule.table.settings import Settings
    from deltarule.table.storage import load
    from deltarule.table.writing import write

__all__ = ["Settings", "TableModel", "TableWarning", "load", "read", "write"]

# Imported when first used: the command line's parser needs the settings, but no pyarrow.
_HOMES = {
    "Settings": "settings",
    "TableModel": "model",
    "TableWarning": "notes",
    "load": "storage",
    "read": "reading",
    "write": "writing",
}


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(f"deltarule.table.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
