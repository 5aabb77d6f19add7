# SPDX-License-Identifier: BSD-3-Clause
"""The public interface and the kernels under random calls, and a short soak: the scripts' forms.

`python scripts/fuzz_api.py 600` and `python scripts/soak.py 1800` take longer.
"""

import random
from pathlib import Path

import fuzz_api
import pytest
import soak

FOUND: list[int] = []  # seeds of cases that once went wrong


@pytest.mark.parametrize("seed", [*FOUND, *range(3 * 10**8, 3 * 10**8 + 60)])
def test_cases(seed: int) -> None:
    fuzz_api.case(seed)


def test_what_is_no_refusal_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(draw: random.Random) -> None:
        raise KeyError("inside")

    monkeypatch.setattr(fuzz_api, "CALLS", [broken])
    monkeypatch.setattr(fuzz_api, "kernels_agree", broken)
    with pytest.raises(KeyError):
        fuzz_api.case(0)


def test_a_soak_of_two_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too short to judge memory by: buffers still find their sizes."""
    monkeypatch.setattr(soak, "GROWTH", 2**30)
    assert soak.soak(2.0, 0, 3, tmp_path) == 0


def test_a_soak_finds_other_weights(tmp_path: Path) -> None:
    path, w, X, y_hat = soak.work(random.Random(0), tmp_path, 0)
    assert soak.difference((path, w, X, y_hat)) is None
    assert soak.difference((path, w + 1e-6, X, y_hat)) == "other weights in the file"
    assert soak.difference((path, w, X, y_hat + 1)) == "other outputs of the same weights"
