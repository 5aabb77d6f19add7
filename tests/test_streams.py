# SPDX-License-Identifier: BSD-3-Clause
"""`fit` over a source of blocks: the bits of arrays in memory, and clear ends of all else."""

from __future__ import annotations

import itertools
import mmap
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deltarule as dr
from deltarule import streams
from deltarule.streams import array_files, stream
from deltarule.streams.parts import Part, Ring, in_order, shuffled
from deltarule.streams.reader import ReadAhead
from deltarule.streams.stream import Stream

RNG = np.random.default_rng(0)
X = RNG.standard_normal((233, 5)).astype("f4")
Y = RNG.integers(0, 3, 233)
S = RNG.integers(0, 3, 233) * 0.5

Source = Callable[[], Iterator[tuple[Any, ...]]]


def cut(*arrays: Any, sizes: tuple[int, ...] = (1, 50, 7, 0, 96)) -> Source:
    """A generator function: blocks of these sizes, again and again, some empty."""

    def blocks() -> Iterator[tuple[Any, ...]]:
        at = 0
        for size in itertools.cycle(sizes):
            yield tuple(a[at : at + size] for a in arrays)
            at += size
            if at >= len(arrays[0]):
                return

    return blocks


def mlp(**options: Any) -> dr.MLP:
    return dr.MLP([5, 16, 3], loss="cross_entropy", output="softmax", seed=1, **options)


def bits(net: Any, history: dr.History) -> list[Any]:
    return [net.w.tobytes(), history.loss, history.validation_loss, history.eta]


OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "single rows": {"batch_size": 1, "epochs": 1},
    "schedules": {"optimizer": dr.Adam(dr.schedules.Cosine(0.01)), "batch_size": 10},
    "dropout": {"dropout": 0.4, "noise": 0.1, "batch_size": 10},
    "average": {"average": dr.EMA(0.9), "batch_size": 17},
    "plateau": {"optimizer": dr.SGD(dr.schedules.Plateau(0.1)), "validation": (X[:20], Y[:20])},
    "one batch": {"batch_size": 1000},
}  # fmt: skip


@pytest.mark.parametrize("sizes", [(1, 50, 7, 0, 96), (233,), (1,), (32,)], ids=str)
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_unshuffled_it_is_fit_in_memory(
    options: dict[str, Any], sizes: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "JOINED_BYTES", 40 * 20)  # so that large blocks come, too
    options = {"epochs": 3, "seed": 4, "shuffle": False, **options}
    for weights in (None, S):
        whole, streamed = mlp(), mlp()
        expected = whole.fit(X, Y, sample_weight=weights, **options)
        arrays = (X, Y) if weights is None else (X, Y, S)
        found = streamed.fit(cut(*arrays, sizes=sizes), **options)
        assert bits(streamed, found) == bits(whole, expected)
        assert found.stopped_by == expected.stopped_by == "epochs"


@pytest.mark.parametrize("targets", ["one-hot", "u1", "float64"])
def test_other_targets_and_types(targets: str) -> None:
    y = np.eye(3)[Y] if targets == "one-hot" else Y.astype("u1")
    x = X.astype("f8") if targets == "float64" else X
    for dtype in ("float32", "float64"):
        whole, streamed = mlp(dtype=dtype), mlp(dtype=dtype)
        expected = whole.fit(x, y, shuffle=False, epochs=2)
        assert bits(streamed, streamed.fit(cut(x, y), shuffle=False, epochs=2)) == bits(
            whole, expected
        )


def test_a_loss_of_the_user_s_and_the_oracle() -> None:
    def loss(y_hat: Any, y: Any) -> Any:
        return ((y_hat - y) ** 2).sum(axis=1), 2 * (y_hat - y)

    y = np.eye(3)[Y]
    a, b = (dr.MLP([5, 7, 3], loss=loss, seed=1) for _ in range(2))
    assert a.fit(X, y, shuffle=False).loss == b.fit(cut(X, y), shuffle=False).loss
    c, d = (dr.oracle.MLP([5, 7, 3], seed=1) for _ in range(2))
    options: dict[str, Any] = {"dropout": 0.3, "seed": 2, "shuffle": False}
    assert c.fit(X, y, **options).loss == d.fit(cut(X, y), **options).loss
    assert c.w.tobytes() == d.w.tobytes()


class Sharded:
    """Shards of 20 rows."""

    def __init__(self, *arrays: Any) -> None:
        self.shards = [
            [tuple(a[i : i + 12] for a in arrays), tuple(a[i + 12 : i + 20] for a in arrays)]
            for i in range(0, len(arrays[0]), 20)
        ]

    def __iter__(self) -> Iterator[Any]:
        return itertools.chain(*self.shards)


@pytest.mark.parametrize("sharded", [False, True])
@pytest.mark.parametrize("batch", [1, 8, 32])
def test_shuffled_as_the_page_says(sharded: bool, batch: int) -> None:
    """By hand: a seed for the epoch, the order of the shards, a permutation of each buffer."""
    source: Any = Sharded(X, Y, S) if sharded else cut(X, Y, S)
    buffer = max(60 // batch, 1) * batch
    streamed, by_hand = mlp(), mlp()
    options: dict[str, Any] = {"dropout": 0.3, "noise": 0.1}
    history = streamed.fit(
        source, batch_size=batch, epochs=3, seed=np.random.default_rng(6), buffer_rows=60, **options
    )
    trainer = dr.Trainer(by_hand, batch_size=batch, seed=np.random.default_rng(6), **options)
    rng, losses = np.random.default_rng(6), []
    for _ in range(3):
        own = np.random.default_rng(rng.integers(2**63))
        read = np.arange(233)
        if sharded:
            read = np.concatenate([read[20 * i : 20 * i + 20] for i in own.permutation(12)])
        orders = [
            begin + own.permutation(min(buffer, 233 - begin)) for begin in range(0, 233, buffer)
        ]
        losses.append(trainer.epoch(X[read], Y[read], np.concatenate(orders), S[read]))
    assert history.loss == losses
    assert streamed.w.tobytes() == by_hand.w.tobytes()


def test_every_row_once_an_epoch() -> None:
    """Each epoch in another order; a buffer for all rows reaches every place."""
    seen: list[Any] = []

    def loss(y_hat: Any, y: Any) -> Any:
        seen.append(y[:, 0].copy())
        return (y_hat - y).sum(axis=1) * 0, (y_hat - y) * 0

    y = np.repeat(np.arange(233.0)[:, None], 3, axis=1)
    dr.MLP([5, 3], loss=loss, seed=1).fit(cut(X, y), epochs=2, seed=0)
    rows = np.concatenate(seen).reshape(2, 233)
    assert not np.array_equal(*rows)
    assert np.array_equal(np.sort(rows, axis=1), [np.arange(233)] * 2)


@pytest.mark.parametrize("block_rows", [16, None])
def test_array_files(tmp_path: Path, block_rows: int | None) -> None:
    names = [[str(tmp_path / f"{a}{i}.npy") for i in range(2)] for a in "xys"]
    for (first, second), array in zip(names, (X, Y, S), strict=True):
        np.save(first, array[:100])
        np.save(second, array[100:])
    source = streams.ArrayFiles(*names, block_rows=block_rows)
    assert source.n_rows == 233
    assert len(source.shards) == (2 if block_rows is None else 7 + 9)
    whole, streamed = mlp(), mlp()
    options: dict[str, Any] = {"optimizer": dr.Adam(dr.schedules.Cosine(0.01)), "epochs": 2}
    expected = whole.fit(X, Y, sample_weight=S, shuffle=False, **options)
    assert bits(streamed, streamed.fit(source, shuffle=False, **options)) == bits(whole, expected)
    memory = streams.ArrayFiles(X, Y, S, block_rows=50)
    again = mlp()
    assert bits(again, again.fit(memory, shuffle=False, **options)) == bits(whole, expected)
    mlp().fit(source, epochs=2)  # shuffled


def memory_of(array: Any) -> Any:
    """What an array's numbers lie in."""
    while isinstance(array, np.ndarray | memoryview):
        base = array.obj if isinstance(array, memoryview) else array.base
        if base is None:
            break
        array = base
    return array


@pytest.mark.skipif(sys.platform != "linux", reason="windows are mapped on Linux")
@pytest.mark.parametrize("shuffle", [False, True])
def test_array_files_through_windows(
    tmp_path: Path, shuffle: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mapped or read: the same bits, the same errors; in order as well by files as by shards."""
    x, y = tmp_path / "x.npy", tmp_path / "y.npy"
    np.save(x, X)
    np.save(y, Y)
    options: dict[str, Any] = {"shuffle": shuffle, "seed": 1, "epochs": 2, "batch_size": 16}
    results = []
    for least, base in ((2**23, np.ndarray), (1, mmap.mmap)):
        monkeypatch.setattr(array_files, "WINDOW_BYTES", least)
        source = streams.ArrayFiles(x, y)
        assert isinstance(memory_of(next(iter(source))[0]), base)
        for most in (2**25, 50 * 20):  # runs of whole batches
            monkeypatch.setattr(array_files, "RUN_BYTES", most)
            net = mlp()
            results.append(bits(net, net.fit(source, **options)))
    assert all(result == results[0] for result in results)
    assert [run.end - run.begin for run in source.runs(16)] == [48] * 4 + [41]
    with open(x, "r+b") as file:
        file.truncate(2000)
    with pytest.raises(ValueError, match="it ends before row"):
        mlp().fit(source, **options)


def test_array_files_judge_what_they_open(tmp_path: Path) -> None:
    x, y = tmp_path / "x.npy", tmp_path / "y.npy"
    np.save(x, X)
    np.save(y, Y)

    def refused(array: Any, kind: type[Exception], match: str) -> None:
        bad = tmp_path / "bad.npy"
        np.save(bad, array, allow_pickle=True)
        with pytest.raises(kind, match=match):
            streams.ArrayFiles(bad, y)

    refused(np.array([{}] * 233), TypeError, "holds object; expected real numbers")
    refused(np.asfortranarray(X), ValueError, "Fortran order")
    refused(X[:100], ValueError, "expected as many rows")
    refused(np.float32(3), ValueError, r"shape \(\)")
    x.write_bytes(x.read_bytes()[:-1])
    with pytest.raises(ValueError, match="bytes; expected"):
        streams.ArrayFiles(x, y)
    x.write_bytes(b"PK\3\4 and so on, for long enough")
    with pytest.raises(ValueError, match=r"is no \.npy file"):
        streams.ArrayFiles(x, y)
    with pytest.raises(FileNotFoundError):
        streams.ArrayFiles(tmp_path / "none.npy", y)
    with pytest.raises(ValueError, match="2 of X, 1 of Y"):
        streams.ArrayFiles([X, X], Y)
    with pytest.raises(TypeError, match="X: 3 of type int; expected a path"):
        streams.ArrayFiles(3, Y)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no files"):
        streams.ArrayFiles([], [])


def test_parquet_files(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    table = pa.table({**{f"x{j}": X[:, j] for j in range(5)}, "y": Y, "s": S, "name": ["a"] * 233})
    pq.write_table(table[:150], tmp_path / "a.parquet", row_group_size=40)
    pq.write_table(table[150:], tmp_path / "b.parquet")
    features = [f"x{j}" for j in (3, 0, 4, 1, 2)]
    source = streams.ParquetFiles(tmp_path, features, "y", weight="s", block_rows=30)
    assert (source.n_rows, len(source.shards)) == (233, 5)
    whole, streamed = mlp(), mlp()
    expected = whole.fit(X[:, [3, 0, 4, 1, 2]], Y, sample_weight=S, shuffle=False, epochs=2)
    assert bits(streamed, streamed.fit(source, shuffle=False, epochs=2)) == bits(whole, expected)
    several = streams.ParquetFiles(
        [tmp_path / "a.parquet", str(tmp_path / "b.parquet")], ["x0", "y"], ["x1", "x2"]
    )
    one = next(iter(several))
    assert [a.shape for a in one] == [(40, 2), (40, 2)]
    assert one[0].dtype == np.float64  # holds float32 and int64
    dr.MLP([2, 2], seed=0).fit(several, epochs=1)
    for columns, kind, match in (
        ((["x0", "z"], "y"), ValueError, "features: no column 'z'; expected some of x0, x1"),
        ((["name"], "y"), TypeError, "features: column 'name' of string"),
        (("x0", "y"), TypeError, "features: 'x0'; expected a sequence"),
        (([], "y"), ValueError, "features: no columns"),
    ):
        with pytest.raises(kind, match=match):
            streams.ParquetFiles(tmp_path, *columns)  # type: ignore[arg-type]
    gaps = pa.table({"x": pa.array([1.0, None, 3.0]), "y": [0.0, 1.0, 2.0]})
    pq.write_table(gaps, tmp_path / "gaps.parquet")
    with pytest.raises(ValueError, match=r"gaps.parquet row group 0, block 0: X: row 1 holds nan"):
        dr.MLP([1, 1], seed=0).fit(streams.ParquetFiles(tmp_path / "gaps.parquet", ["x"], "y"))


def faulty(at: int, value: Any) -> Source:
    x = X.copy()
    x[at, 2] = value
    return cut(x, Y, sizes=(60, 50))


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize(
    ("row", "place"),
    [
        (3, "block 0: X: row 3"),
        (59, "block 0: X: row 59"),
        (61, "block 1: X: row 1"),
        (232, "block 4: X: row 12"),
    ],
)
def test_a_bad_value_has_a_place(row: int, place: str, shuffle: bool) -> None:  # fmt: skip
    net = mlp()
    before = net.w.tobytes()
    with pytest.raises(ValueError, match=f"{place} holds nan") as caught:
        net.fit(faulty(row, np.nan), shuffle=shuffle, seed=0, buffer_rows=64 if shuffle else None)
    assert net.w.tobytes() == before
    assert caught.value.history.loss == []  # type: ignore[attr-defined]


def test_a_source_that_fails_midway() -> None:
    """Its own exception comes out; weights and history are those of the last finished epoch."""
    passes: list[int] = []

    def source() -> Iterator[Any]:
        passes.append(len(passes))
        for i, block in enumerate(cut(X, Y)()):
            if len(passes) == 3 and i == 2:
                raise KeyError("the disk")
            yield block

    net, expected = mlp(), mlp()
    with pytest.raises(KeyError, match="the disk") as caught:
        net.fit(source, epochs=5, shuffle=False)
    history = expected.fit(X, Y, epochs=2, shuffle=False)
    assert net.w.tobytes() == expected.w.tobytes()
    assert caught.value.history.loss == history.loss  # type: ignore[attr-defined]
    assert any("block 2 was to come" in note for note in caught.value.__notes__)


def no_reader() -> bool:
    limit = time.perf_counter() + 2
    while time.perf_counter() < limit:
        if all(thread.name != "deltarule-reader" for thread in threading.enumerate()):
            return True
        time.sleep(0.01)
    return False


@pytest.mark.parametrize("slow", [False, True])
def test_ctrl_c_ends_both_threads(slow: bool) -> None:
    """While training, or while it waits for a source; the source is closed."""
    closed: list[bool] = []

    def source() -> Iterator[Any]:
        try:
            while True:
                yield X, Y
                time.sleep(0.3 if slow else 0)
        finally:
            closed.append(True)

    net = mlp()
    before = net.w.tobytes()
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    sent: list[float] = []

    def send() -> None:
        sent.append(time.perf_counter())
        signal.raise_signal(signal.SIGINT)

    timer = threading.Timer(0.4, send)
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            net.fit(source, shuffle=False)
        delay = time.perf_counter() - sent[0]
    finally:
        timer.join()
        signal.signal(signal.SIGINT, handler)
    assert delay < 0.6  # 0.2 s on a machine that is not busy
    assert net.w.tobytes() == before
    assert no_reader()
    assert closed == [True]


def test_it_reads_ahead_and_no_further() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for i in range(10):
            made.append(i)
            yield i

    with ReadAhead(items()) as ahead:
        for item in ahead:
            limit = time.perf_counter() + 2
            while len(made) < min(item + 3, 10) and time.perf_counter() < limit:
                time.sleep(0.001)
            time.sleep(0.01)
            assert len(made) == min(item + 3, 10)  # one waits, one is in the making
            if item == 5:
                break
    assert no_reader()


def test_what_is_no_source() -> None:
    blocks = cut(X, Y)
    for given, kind, match in (
        (blocks(), TypeError, "can be iterated only once"),
        (iter([(X, Y)]), TypeError, "can be iterated only once"),
        (X, TypeError, "Y: None, with X of type ndarray; expected targets"),
        (X.tolist(), TypeError, "Y: None, with X of type list; expected targets"),
        ([], TypeError, "Y: None"),
        ({"a": 1}, TypeError, "Y: None, with X of type dict"),
        (3, TypeError, "Y: None, with X of type int"),
        (list, ValueError, "a source of no rows"),
        (lambda: [X], TypeError, r"block 0: array.* expected \(X, Y\) or"),
        (lambda: [(X, Y), (X, Y, S)], ValueError, "block 1: a sample_weight; expected the same"),
        (lambda: [(X, Y), (X, np.eye(3)[Y])], ValueError, "block 1: Y: shape"),
        (lambda: [(X, Y), (X[:, :4], Y)], ValueError, r"block 1: X: shape \(233, 4\); expected"),
        (lambda: [(X, Y), (X, Y[:5])], ValueError, "block 1: X, block 1: Y: shapes"),
        (lambda: [(X, Y, -S)], ValueError, "block 0: sample_weight: row .* holds -"),
        (lambda: [(X, Y, 0 * S)], ValueError, "sample_weight: 0 for every row"),
    ):
        net = mlp()
        before = net.w.tobytes()
        with pytest.raises(kind, match=match):
            net.fit(given, shuffle=False)
        assert net.w.tobytes() == before
    with pytest.raises(TypeError, match=r"Y: given beside a source .* by name"):
        mlp().fit(blocks, Y)
    mlp().fit([(X, Y), (X, Y)], epochs=1)


def test_a_source_that_runs_dry() -> None:
    once = iter([(X, Y)])
    net, expected = mlp(), mlp()
    with pytest.raises(ValueError, match="no rows in epoch 2, 233 in the one before"):
        net.fit(lambda: once, epochs=3, shuffle=False)
    expected.fit(X, Y, epochs=1, shuffle=False)
    assert net.w.tobytes() == expected.w.tobytes()


@pytest.mark.parametrize(
    ("argument", "match"),
    [
        ({"batch_size": None}, "batch_size: None; expected a number of rows"),
        ({"sample_weight": S}, r"sample_weight: .* blocks are \(X, Y, sample_weight\)"),
        ({"class_weight": "balanced"}, "class_weight: 'balanced' with a stream; expected None"),
        ({"record": "saturation"}, "record: 'saturation' with a stream; expected None"),
        ({"validation": 0.2}, r"validation: 0.2 with a stream; expected None or \(X, Y\)"),
        ({"buffer_rows": 0}, "buffer_rows: 0"),
        ({"buffer_rows": 64, "shuffle": False}, "buffer_rows: 64 with shuffle=False"),
    ],
)
def test_arguments_that_ask_for_all_rows(argument: dict[str, Any], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        mlp().fit(cut(X, Y), **argument)


def test_buffer_rows_are_a_stream_s() -> None:
    with pytest.raises(ValueError, match="buffer_rows: 64 with arrays"):
        mlp().fit(X, Y, buffer_rows=64)


@pytest.mark.parametrize("shuffle", [False, True])
def test_batch_by_batch(shuffle: bool) -> None:
    """The way callbacks after each batch are served: the same bits, and a loss for each."""
    losses: list[float] = []
    results = []
    for by_batches in (False, True):
        net = mlp()
        rule = dr.Adam(dr.schedules.Cosine(0.01, over=1))
        trainer = dr.Trainer(net, rule, 20, dropout=0.3, seed=1)
        rng = np.random.default_rng(2)
        rows = Stream(cut(X, Y, S), net.architecture, 20, shuffle, rng, 60 if shuffle else None)
        train = rows.train_by_batches if by_batches else rows.train
        passed = train(trainer, losses.append if by_batches else 1)  # type: ignore[operator]
        results.append((passed[0].loss, passed[0].n_rows, net.w.tobytes()))
    assert results[0] == results[1]
    assert len(losses) == 12
    assert all(np.isfinite(losses))


def test_resumed_watched_and_many_at_once(tmp_path: Path) -> None:
    """Checkpoints, callbacks after each batch and `fit_many` change no bit of a shuffled stream."""
    source = streams.ArrayFiles(X, Y, block_rows=30)
    steps: list[int] = []

    class Counts:
        def on_batch_end(self, run: Any) -> None:
            steps.append(run.batch)

    def fit(net: dr.MLP, epochs: int, **more: Any) -> list[float]:
        rule = dr.Adam(dr.schedules.Cosine(0.01, over=4))
        return net.fit(
            source, optimizer=rule, epochs=epochs, seed=3, dropout=0.2, buffer_rows=100, **more
        ).loss

    whole, resumed, watched = mlp(), mlp(), mlp()
    losses = fit(whole, 4)
    path = tmp_path / "checkpoint.safetensors"
    fit(mlp(), 2, checkpoint=path)
    assert fit(resumed, 4, checkpoint=path, resume=True) == losses
    assert fit(watched, 4, callbacks=[Counts()]) == losses
    assert steps == 4 * [1, 2, 3, 4, 5, 6, 7, 8]
    several = [mlp(), mlp()]
    dr.fit_many(several, source, epochs=2, seed=3)
    alone = mlp()
    alone.fit(source, epochs=2, seed=3)
    for net, expected in ((resumed, whole), (watched, whole), *((n, alone) for n in several)):
        assert net.w.tobytes() == expected.w.tobytes()


def test_schedules_that_need_a_length_count_first() -> None:
    """A source that does not say how many rows it has is read once more."""
    passes: list[int] = []

    class Counted:
        def __iter__(self) -> Iterator[Any]:
            passes.append(1)
            return cut(X, Y)()

    source = Counted()
    rule = dr.Adam(dr.schedules.Cosine(0.01))
    mlp().fit(source, optimizer=rule, epochs=2, shuffle=False)
    assert len(passes) == 3
    source.n_rows = 233  # type: ignore[attr-defined]
    mlp().fit(source, optimizer=rule, epochs=2, shuffle=False)
    assert len(passes) == 5
    source.n_rows = 200  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="n_rows: 200; the parts hold"):
        mlp().fit(source, optimizer=rule, epochs=2, shuffle=False)


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("read_only", [False, True])
def test_a_source_may_use_its_arrays_again(shuffle: bool, read_only: bool) -> None:
    """What it writes over once it is asked for more is not what is trained."""

    def again() -> Iterator[Any]:
        room, labels, weights = np.empty((20, 5), "f4"), np.empty(20, int), np.empty(20)
        given = (room.view(), labels.view(), weights.view())
        for view in given:
            view.flags.writeable = not read_only
        for at in range(0, 220, 20):
            for array, rows in ((room, X), (labels, Y), (weights, S)):
                array[:] = rows[at : at + 20]
            yield given
            for array in (room, labels, weights):
                array[:] = 1

    fresh, reused = mlp(), mlp()
    options: dict[str, Any] = {"shuffle": shuffle, "epochs": 2, "seed": 3, "batch_size": 20}
    expected = fresh.fit(cut(X[:220], Y[:220], S[:220], sizes=(20,)), **options)
    assert bits(reused, reused.fit(again, **options)) == bits(fresh, expected)


def parts_of(ring_rows: int, order: bool, *blocks: tuple[Any, ...]) -> list[Part]:
    """Copies of what a source's parts are as each comes."""
    net = mlp().architecture
    found = Stream(list(blocks), net, 4, False, RNG)._blocks(None)
    ring = Ring(ring_rows)
    parts = in_order(found, 4, ring) if order else shuffled(found, np.random.default_rng(0), ring)
    return [part._replace(X=part.X.copy(), Y=part.Y.copy()) for part in parts]


@pytest.mark.parametrize("order", [False, True])
def test_parts_hold_every_row_and_say_where_it_came_from(order: bool) -> None:
    """Blocks of several types and sizes, smaller and larger than a part."""
    numbers = RNG.integers(0, 100, (90, 5)).astype("i1")
    cuts = [0, 3, 4, 9, 40, 43, 60, 61, 90]
    kinds = ["i1", "f4", "f8", "i1", "f4", "f8", "f4", "i8"]
    blocks = [
        (numbers[a:b].astype(kind), Y[a:b])
        for a, b, kind in zip(cuts, cuts[1:], kinds, strict=False)
    ]
    parts = parts_of(12, order, *blocks)
    assert np.array_equal(np.concatenate([part.X for part in parts]), numbers)
    assert np.array_equal(np.concatenate([part.Y for part in parts]), Y[:90])
    sizes = [len(part.X) for part in parts]
    assert [part.first_row for part in parts] == [0, *np.cumsum(sizes)[:-1]]
    assert sizes == ([12, 28, 4, 16, 4, 24, 2] if order else [12] * 7 + [6])
    for part in parts:
        assert (part.order is None) == order
        for row in range(len(part.X)):
            block, at = part.place(row)
            number = int(block.removeprefix("block "))
            assert cuts[number] + at == part.first_row + row


def test_shards_must_be_alike() -> None:
    source = Sharded(X, np.eye(3)[Y], S)
    net = dr.MLP([5, 3], loss=lambda a, b: (a[:, 0], a), seed=0)
    for block, match in (
        ((X[:4], np.ones((4, 1)), S[:4]), r"shard 3, block 0: Y: shape \(4, 1\); expected"),
        ((X[:4], np.eye(3)[Y[:4]]), "shard 3, block 0: no sample_weight; expected the same"),
    ):
        source.shards[3] = [block]
        with pytest.raises(ValueError, match=match):
            net.fit(source, shuffle=False)


def test_blocks_of_ready_sources_are_not_copied() -> None:
    for source in (streams.ArrayFiles(X, Y), [(X, Y)], Sharded(X, Y)):
        for block in Stream(source, mlp().architecture, 32, False, RNG)._blocks(None):
            assert np.shares_memory(block.X, X)
            assert np.shares_memory(block.Y, Y)


def test_iterators_among_shards() -> None:
    source = Sharded(X, Y)
    source.shards[1] = iter(source.shards[1])  # type: ignore[call-overload]
    with pytest.raises(TypeError, match=r"X: shard 1, .* can be iterated only once"):
        mlp().fit(source)
    source.shards = 5  # type: ignore[assignment]
    with pytest.raises(TypeError, match="X: shards 5; expected a sequence"):
        mlp().fit(source)
    with pytest.raises(TypeError, match="X: a function that returned None; expected blocks"):
        mlp().fit(lambda: None)


@pytest.mark.parametrize("shuffle", [False, True])
def test_fewer_rows_than_before(shuffle: bool) -> None:
    once = iter([(X[:40], Y[:40])])
    net, expected = mlp(), mlp()
    with pytest.raises(ValueError, match="X: 233 rows in epoch 2, 273 in the one before"):
        net.fit(lambda: itertools.chain([(X, Y)], once), epochs=3, shuffle=shuffle, seed=1)
    rows = [(X, Y), (X[:40], Y[:40])]
    expected.fit(rows, epochs=1, shuffle=shuffle, seed=1)
    assert net.w.tobytes() == expected.w.tobytes()


def test_an_error_ends_a_reader_that_fills_a_buffer() -> None:
    """It looks between blocks, not between buffers; the source is closed."""
    closed = threading.Event()

    def blocks() -> Iterator[Any]:
        try:
            yield X, Y
            while True:
                time.sleep(0.01)
                yield X[:1], Y[:1]
        finally:
            closed.set()

    def stop(run: Any) -> None:
        raise RuntimeError("stop")

    source = Stream(blocks, mlp().architecture, 32, True, RNG, buffer_rows=224)
    with pytest.raises(RuntimeError, match="stop"):
        source.train_by_batches(dr.Trainer(mlp(), batch_size=32), stop)
    assert closed.wait(0.5)
    assert no_reader()


@pytest.mark.parametrize("label", [2**63, 2**64 - 1])
def test_a_label_beyond_int64(label: int) -> None:
    """It is named as it was given; where its row has no weight nobody looks at it, as in memory."""
    X, Y, s = np.ones((4, 5)), np.array([0, 1, label, 2], np.uint64), np.array([1.0, 1, 0, 1])
    streamed, whole = (dr.MLP([5, 3], loss="cross_entropy", seed=1) for _ in range(2))
    with pytest.raises(ValueError, match=rf"^block 0: Y: row 2 holds label {label}; expected"):
        streamed.fit([(X, Y)], shuffle=False)
    streamed.fit([(X, Y, s)], shuffle=False, epochs=1)
    whole.fit(X, Y, sample_weight=s, shuffle=False, epochs=1)
    assert streamed.w.tobytes() == whole.w.tobytes()


def test_a_label_that_is_missing(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    labels = pa.array([None if i == 47 else int(y) for i, y in enumerate(Y)])
    table = pa.table({**{f"x{j}": X[:, j] for j in range(5)}, "y": labels})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=40)
    source = streams.ParquetFiles(
        tmp_path / "a.parquet", [f"x{j}" for j in range(5)], "y", block_rows=5
    )
    with pytest.raises(ValueError, match="row group 1, row 7: target 'y' is missing"):
        mlp().fit(source)
    with pytest.raises(TypeError, match=r"^block 0: Y: .* \(labels: Y.astype\(int\)\)$"):
        mlp().fit([(X, Y * 1.0)])
    with pytest.raises(TypeError, match=r"paths: .{,99} of type Table; expected paths"):
        streams.ParquetFiles(table, ["x0"], "y")


def test_npy_files_of_version_3(tmp_path: Path) -> None:
    with open(tmp_path / "X.npy", "wb") as file:
        np.lib.format.write_array(file, X, version=(3, 0))
    source = streams.ArrayFiles(tmp_path / "X.npy", Y)
    assert np.array_equal(np.concatenate([x for x, _ in source]), X)


def npy(path: Path, header: str) -> Path:
    """A file with this for its header, and no numbers."""
    text = header.encode() + b"\n"
    path.write_bytes(b"\x93NUMPY\1\0" + len(text).to_bytes(2, "little") + text)
    return path


@pytest.mark.filterwarnings("ignore::SyntaxWarning")
@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f4', 'shape': (10, 2 ", "'''abc", "(" * 5000, "-" * 9000 + "1",
        "1+" * 4900 + "1", "{[]: 1}", "{'descr': '<f4', 1: 2, 'shape': ()}",
        *(
            f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}"
            for descr, shape in (
                ("()", "(1, 2)"), ("{'a': 1}", "(1, 2)"), ("'<f4'", "(-1, -1)"),
                ("'<f4'", "(-1, 2)"), ("'<f4'", "(True, 2)"), ("'<f4'", "(2**9, 2)"),
                ("'<f4'", f"({2**40}, 0)"), ("'<f4'", f"({2**60}, 1)"),
                ("'<f4'", f"(0x{'f' * 9800}, 2)"), ("'<f4'", f"(-0x{'f' * 9800}, 2)"),
                ("'<f4'", f"(0, {2**63})"), ("'<f4'", f"({'0x7fffffffffffffff, ' * 450})"),
                ("'<f4'", f"(0, {'1, ' * 65})"),
            )
        ),
    ],
)  # fmt: skip
def test_headers_that_mean_harm(tmp_path: Path, header: str) -> None:
    """Whatever NumPy's reader raises is a ValueError; no shape is believed that holds no bytes."""
    bad = npy(tmp_path / "bad.npy", header)
    for X, Y in ((bad, bad), ([bad], [bad])):
        with pytest.raises(ValueError, match=r"^X: .*bad\.npy") as caught:
            streams.ArrayFiles(X, Y)
        assert "Exceeds the limit" not in str(caught.value)  # digits that Python would not write


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are FIFOs elsewhere")
def test_a_fifo_is_no_shard(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.npy")
    ends = os.open(tmp_path / "x.npy", os.O_RDWR)  # so that nobody waits
    try:
        os.write(ends, bytes(99))
        with pytest.raises(OSError, match=r"x\.npy' is a FIFO; expected a regular file"):
            streams.ArrayFiles(tmp_path / "x.npy", Y)
    finally:
        os.close(ends)
