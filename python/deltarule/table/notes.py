# SPDX-License-Identifier: BSD-3-Clause
"""What a user should know of a table, though it is no error: warnings of a kind of their own."""

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
