# SPDX-License-Identifier: BSD-3-Clause
"""Files of the schemas 1 to 3: networks alone, and no digest.

Their metadata has the format, two versions and the architecture, each as a text. Schema 1 knew no
l1; since schema 3 activations may hold parameters, and what units learn stands in tensors alpha.k.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from deltarule._quoting import quoted
from deltarule._typing import NDArray
from deltarule.files.errors import damaged
from deltarule.files.judging import (
    FORMAT,
    NUMERICS_CONTRACT,
    check_kind,
    check_version,
    parsed,
)

NEWEST = 3


def check(path: str, metadata: Mapping[str, str]) -> None:
    """Refuse what no release wrote, before its tensors are read.

    Raises
    ------
    FileFormatError
        If the format or a version is not known.
    """
    if metadata.get("format") != FORMAT:
        given = quoted(metadata.get("format"))
        raise damaged(path, f"its format is {given}; expected {FORMAT!r}")
    for name, newest in (("schema", NEWEST), ("numerics_contract", NUMERICS_CONTRACT)):
        version = metadata.get(name, "")
        known = re.fullmatch("[1-9][0-9]{0,8}", version)
        check_version(path, name, int(version) if known else version, newest)


def contents(
    path: str,
    metadata: Mapping[str, str],
    tensors: dict[str, NDArray[Any]],
    kinds: Collection[str],
) -> tuple[str, dict[str, Any], dict[str, NDArray[Any]], dict[str, Any]]:
    """Return kind, sections, tensors and versions, as a file of today would have them.

    Parameters
    ----------
    path : str
        The file, for messages.
    metadata : mapping
        As `check` let it pass.
    tensors : dict of array
        By name.
    kinds : collection of str
        What the file may hold.

    Raises
    ------
    FileFormatError
        If the architecture is no JSON, or a network is not what is wanted.
    """
    check_kind(path, "model", kinds)
    schema = int(metadata["schema"])
    values = parsed(path, "architecture", metadata.get("architecture", ""))
    if schema < 2 and isinstance(values, dict):
        if "l1" in values:
            raise damaged(path, "its architecture has 'l1', which schema 1 did not know")
        values["l1"] = 0.0
    versions = {
        "schema": schema,
        "numerics_contract": int(metadata["numerics_contract"]),
        "deltarule": None,
    }
    return "model", {"architecture": values}, tensors, versions
