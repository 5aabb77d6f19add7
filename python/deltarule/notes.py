# SPDX-License-Identifier: BSD-3-Clause
"""What an exception tells besides its message."""

from __future__ import annotations

from contextlib import suppress
from typing import Any


def tell(error: BaseException, *notes: str, **attributes: Any) -> None:
    """Give an exception notes and attributes; one that takes none stays as it is.

    Parameters
    ----------
    error : BaseException
        A frozen dataclass, for one, refuses both.
    *notes : str
        Shown below its message.
    **attributes
        By name.
    """
    for name, value in attributes.items():
        with suppress(Exception):
            setattr(error, name, value)
    for note in notes:
        with suppress(Exception):
            error.add_note(note)
