# SPDX-License-Identifier: BSD-3-Clause
"""What a user should know of a table, though it is no error: warnings of a kind of their own."""

from __future__ import annotations

import warnings


class TableWarning(UserWarning):
    """Rows left out, values that training never saw: what `docs/command_line.md` lists."""


def note(text: str) -> None:
    """Warn of `text`, without a place in the code: it is about the table."""
    warnings.warn(text, TableWarning, stacklevel=2)


def rows(n: int) -> str:
    """Return "1 row" or "n rows"."""
    return f"{n:,} row" if n == 1 else f"{n:,} rows"


def some(names: list[str], most: int = 5) -> str:
    """Return the first few names, quoted, and how many more there are."""
    shown = ", ".join(repr(name) for name in names[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")


class RowError(ValueError):
    """A row holds what it must not.

    Parameters
    ----------
    where : str
        Column or target.
    row : int
        Which, of the rows looked at.
    holds : str
        What it holds, and what is expected.
    """

    def __init__(self, where: str, row: int, holds: str) -> None:
        super().__init__(f"{where}: row {row} {holds}")
        self.where, self.row, self.holds = where, row, holds

    def at(self, row: int, of: str = "") -> RowError:
        """Return the same of another row: that of the table that was given, perhaps named."""
        return RowError(of + self.where, row, self.holds)
