# SPDX-License-Identifier: BSD-3-Clause
"""fit_many over streams: each as its own fit, its own checkpoint; Ctrl-C while sources wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from test_fit_many import X, Y, losses, networks
from test_interrupt import ATTEMPTS, PROMPT, ctrl_c_after, default_ctrl_c

import deltarule as dr
from deltarule import streams

__all__ = ["default_ctrl_c"]


def blocks() -> Iterator[Any]:
    for at in range(0, 300, 70):
        yield X[at : at + 70], Y[at : at + 70]


@pytest.mark.parametrize("n_jobs", [1, 3])
def test_each_with_a_file_of_its_own(tmp_path: Path, n_jobs: int) -> None:
    """Stopped after two epochs and resumed: weights, losses and files of four epochs alone."""
    sources = [streams.ArrayFiles(X, Y, block_rows=40), [(X, Y)], blocks]
    settings: dict[str, Any] = {
        "optimizer": dr.Adam(dr.schedules.Cosine(0.01, over=4)), "dropout": 0.2, "batch_size": 16,
        "buffer_rows": 100,
    }  # fmt: skip
    paths = [tmp_path / f"model{i}" for i in range(3)]
    for epochs in (2, 4):
        mlps = networks(3)
        histories = dr.fit_many(
            mlps, dr.each(sources), seed=[5, 6, 7], epochs=epochs, n_jobs=n_jobs, checkpoint=paths,
            resume=True, every=1, **settings,
        )  # fmt: skip
        for i, alone in enumerate(networks(3)):
            own = tmp_path / f"alone{i}"
            history = alone.fit(
                sources[i], seed=5 + i, epochs=epochs, checkpoint=own, resume=True, **settings
            )
            assert losses(history) == losses(histories[i])
            assert alone.w.tobytes() == mlps[i].w.tobytes()
    assert {path.name for path in tmp_path.iterdir()} == {
        f"{kind}{i}" for kind in ("model", "alone") for i in range(3)
    }


def test_ctrl_c_while_sources_wait() -> None:
    """Within 0.2 s, not when the next block comes; weights are those of the last epoch."""
    delays = []
    for _ in range(ATTEMPTS):
        over, passes = threading.Event(), []

        def slow(over: threading.Event = over, passes: list[int] = passes) -> Iterator[Any]:
            passes.append(1)
            yield X, Y
            if len(passes) > 2:  # of two models' first epochs
                over.wait(5)

        mlps = networks(2)
        with ctrl_c_after(0.5) as sent, pytest.raises(KeyboardInterrupt) as caught:
            dr.fit_many(mlps, slow, n_jobs=2, epochs=9, shuffle=False)
        delays.append(time.perf_counter() - sent[0])
        over.set()
        histories = caught.value.histories  # type: ignore[attr-defined]
        for mlp, alone, history in zip(mlps, networks(2), histories, strict=True):
            if len(history):
                alone.fit(X, Y, epochs=len(history), shuffle=False)
            assert mlp.w.tobytes() == alone.w.tobytes()
        assert sum(len(history) for history in histories) >= 1
        if delays[-1] < PROMPT:
            break
    assert min(delays) < PROMPT
