# SPDX-License-Identifier: BSD-3-Clause
"""Files: networks, trainers and checkpoints, each one safetensors file with JSON in its header.

`container` writes and reads them whole; `model`, `training` and `histories` say what is in them.
Never pickle: nothing in a file is executed.
"""

from deltarule.files.errors import FileFormatError
from deltarule.files.histories import read_history
from deltarule.files.model import load, save

__all__ = ["FileFormatError", "load", "read_history", "save"]
