# SPDX-License-Identifier: BSD-3-Clause
"""What was given, short, for messages."""

from __future__ import annotations

import reprlib


class _Short(reprlib.Repr):
    """Also of integers that Python refuses to write down, by `sys.set_int_max_str_digits`."""

    def repr_int(self, x: int, level: int) -> str:
        try:
            return super().repr_int(x, level)
        except ValueError:
            return f"<an integer of {x.bit_length()} bits>"


quoted = _Short().repr
