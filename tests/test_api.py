# SPDX-License-Identifier: BSD-3-Clause
"""The names that users rely on: what MLP and Trainer return, keep, copy and print."""

import copy
import pickle
import subprocess
import sys
import threading
from functools import partial
from typing import Any

import numpy as np
import pytest
from tolerances import assert_within, gamma

import deltarule as dr
from deltarule.initialisers import initial_weights

N = 37


def bits(array: Any) -> bytes:
    return np.ascontiguousarray(array).tobytes()


def data(columns: int = 6) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    return rng.normal(size=(N, columns)).astype(np.float32), rng.integers(0, 4, N)


def network(**options: Any) -> dr.MLP:
    settings = {"activation": "tanh", "loss": "cross_entropy", "seed": 0, **options}
    return dr.MLP([6, 8, 5, 4], **settings)


def test_weights(dtype: str) -> None:
    mlp = network(dtype=dtype)
    assert mlp.layers == (6, 8, 5, 4)
    assert mlp.n_hidden_layers == 2
    assert mlp.n_weights == mlp.w.size == 8 * 7 + 5 * 9 + 4 * 6
    assert [W.shape for W in mlp.W] == [(8, 7), (5, 9), (4, 6)]
    assert bits(mlp.w) == bits(initial_weights(mlp.architecture, 0))
    assert mlp.w.dtype == dtype
    assert all(np.shares_memory(W, mlp.w) and not W.flags.writeable for W in mlp.W)
    assert not np.any([W[:, -1].any() for W in mlp.W])  # bias 0
    assert mlp.w is mlp.w
    assert mlp.W is mlp.W


def test_seeds() -> None:
    assert bits(network(seed=7).w) == bits(network(seed=7).w)
    assert bits(network(seed=7).w) != bits(network(seed=8).w)
    assert bits(network(seed=None).w) != bits(network(seed=None).w)
    assert bits(network(seed=np.random.default_rng(7)).w) == bits(network(seed=7).w)


def test_weights_are_assigned_whole(dtype: str) -> None:
    mlp, before = network(dtype=dtype), network(seed=1, dtype=dtype)
    view, matrix = mlp.w, mlp.W[1]
    mlp.w = before.w
    assert bits(view) == bits(before.w)
    assert bits(matrix) == bits(before.W[1])
    mlp.w = list(range(mlp.n_weights))
    np.testing.assert_array_equal(mlp.w, np.arange(mlp.n_weights))
    mlp.W = [W[::-1] for W in before.W]
    np.testing.assert_array_equal(mlp.W[2], before.W[2][::-1])
    mlp.w = mlp.w[::-1].astype(">f8")
    np.testing.assert_array_equal(mlp.w[-3:], before.W[0][-1, :3][::-1])
    mlp.w = mlp.w * np.float64(0.5)
    assert view is mlp.w


def test_forward_and_backward(dtype: str) -> None:
    X, Y = data()
    mlp = network(dtype=dtype)
    trace = mlp.forward(X)
    back = mlp.backward(trace, Y)
    assert trace.net[0] is None
    assert back.delta[0] is None
    for layer, width in enumerate(mlp.layers):
        assert trace.o[layer].shape == (N, width)
        if layer:
            assert trace.net[layer].shape == back.delta[layer].shape == (N, width)
    assert trace.y_hat is trace.o[-1]
    assert bits(trace.o[0]) == bits(X.astype(dtype))
    assert bits(mlp.predict(X)) == bits(trace.y_hat)
    assert [dW.shape for dW in back.dW] == [W.shape for W in mlp.W]
    assert all(np.shares_memory(dW, back.gradient) for dW in back.dW)
    assert back.dX.shape == X.shape
    assert bits(mlp.gradient(X, Y)) == bits(back.gradient)
    assert mlp.loss(X, Y) == back.loss
    assert isinstance(back.loss, float)
    assert {a.dtype for a in (*trace.o, *back.delta[1:], *back.dW, back.dX)} == {np.dtype(dtype)}


def test_gradient_step_by_hand_is_an_epoch() -> None:
    """w - eta gradient, one full batch of plain SGD; by hand it rounds twice, by fma once."""
    X, Y = data()
    mlp = network(dtype="float64")
    before, step = mlp.w.copy(), 0.5 * mlp.gradient(X, Y)
    dr.Trainer(mlp, dr.SGD(eta=0.5), batch_size=None).epoch(X, Y)
    assert_within(mlp.w, before - step, gamma(3) * (np.abs(before) + np.abs(step)))


def test_trace_that_was_changed_or_pickled_is_taken() -> None:
    X, Y = data()
    mlp = network()
    trace = mlp.forward(X)
    again = pickle.loads(pickle.dumps(trace))
    fortran = dr.Trace(trace.net, tuple(np.asfortranarray(o) for o in trace.o), trace.y_hat)
    for other in (again, copy.deepcopy(trace), fortran):
        assert bits(mlp.backward(other, Y).gradient) == bits(mlp.backward(trace, Y).gradient)


def test_labels_and_one_hot_targets_are_equal(dtype: str) -> None:
    X, labels = data()
    one_hot = np.eye(4)[labels]
    mlp, other = network(dtype=dtype), network(dtype=dtype)
    assert mlp.loss(X, labels) == mlp.loss(X, one_hot)
    trace = mlp.forward(X)
    assert bits(mlp.backward(trace, labels).gradient) == bits(mlp.backward(trace, one_hot).gradient)
    first, second = mlp.fit(X, labels, seed=1), other.fit(X, one_hot, seed=1)
    assert first.loss == second.loss
    assert bits(mlp.w) == bits(other.w)


@pytest.mark.parametrize("loss", ["half_squared_error", "binary_cross_entropy"])
def test_one_output_takes_vectors(loss: str) -> None:
    X, labels = data()
    mlp = dr.MLP([6, 1], loss=loss, seed=0)
    for Y in (labels == 1, (labels == 1).astype(int), (labels == 1).astype(float)):
        assert mlp.loss(X, Y) == mlp.loss(X, Y[:, None])
    assert mlp.predict(X).shape == (N, 1)


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("batch_size", [1, 5, None, 1000])
@pytest.mark.parametrize("optimizer", [None, dr.SGD(0.1), dr.SGD(0.05, 0.9), dr.Adam(0.01)])
def test_fit_is_epochs_with_permutations(optimizer: Any, batch_size: Any, shuffle: bool) -> None:
    X, Y = data()
    mlp, by_hand = network(), network()
    history = mlp.fit(X, Y, optimizer, batch_size, epochs=4, shuffle=shuffle, seed=11)
    trainer = dr.Trainer(by_hand, optimizer or dr.Adam(), batch_size=batch_size)
    rng = np.random.default_rng(11)
    losses = [trainer.epoch(X, Y, order=rng.permutation(N) if shuffle else None) for _ in range(4)]
    assert history.loss == losses
    assert bits(mlp.w) == bits(by_hand.w)
    assert trainer.n_epochs == 4
    assert len(history) == len(history.seconds) == len(history.samples_per_second) == 4
    assert history.validation_loss == []


def test_fit_goes_on_from_the_weights_with_a_fresh_state() -> None:
    X, Y = data()
    mlp, other = network(), network()
    mlp.fit(X, Y, epochs=2, seed=0)
    other.w = mlp.w
    assert mlp.fit(X, Y, epochs=1, seed=5).loss == other.fit(X, Y, epochs=1, seed=5).loss
    assert bits(mlp.w) == bits(other.w)


def test_validation_loss_is_taken_after_each_epoch() -> None:
    X, Y = data()
    mlp = network()
    history = mlp.fit(X[:30], Y[:30], epochs=3, validation=(X[30:].tolist(), Y[30:]))
    assert len(history.validation_loss) == 3
    assert history.validation_loss[-1] == mlp.loss(X[30:], Y[30:])


def test_training_learns() -> None:
    X = np.random.default_rng(0).normal(size=(400, 2))
    Y = (X[:, 0] * X[:, 1] > 0).astype(int)  # exclusive or
    mlp = dr.MLP([2, 16, 2], activation="tanh", loss="cross_entropy", seed=0)
    history = mlp.fit(X, Y, dr.Adam(eta=0.02), epochs=60, seed=0)
    assert history.loss[-1] < 0.2 * history.loss[0]
    assert mlp.evaluate(X, Y, "accuracy") > 0.95


@pytest.mark.parametrize(
    "order", [[3, 1, 1, 7], (3, 1, 1, 7), np.array([3, 1, 1, 7], np.int8),
              np.array([3, 1, 1, 7], np.uint64), np.array([3, 1, 1, 7], ">i4"),
              np.array([3, 9, 1, 9, 1, 9, 7, 9])[::2], np.array([3, 1, 1, 7], object),
              np.array([3, 1, 1, 7], np.longlong)]
)  # fmt: skip
def test_order_is_any_integer_sequence(order: Any) -> None:
    X, Y = data()
    mlp, gathered = network(), network()
    loss = dr.Trainer(mlp, batch_size=3).epoch(X, Y, order=order)
    rows = [3, 1, 1, 7]
    assert loss == dr.Trainer(gathered, batch_size=3).epoch(X[rows], Y[rows])
    assert bits(mlp.w) == bits(gathered.w)


def test_order_of_all_rows() -> None:
    X, Y = data()
    weights = set()
    for order in (None, range(N), np.arange(N), np.arange(2 * N)[::2] // 2):
        mlp = network()
        dr.Trainer(mlp, batch_size=8).epoch(X, Y, order=order)
        weights.add(bits(mlp.w))
    assert len(weights) == 1


def test_epoch_loss_is_weighted_by_rows() -> None:
    """Batches of 32 and 5 rows; eta is so small that the weights stay the same."""
    X, Y = data()
    mlp = network(dtype="float64")
    expected = (32 * mlp.loss(X[:32], Y[:32]) + 5 * mlp.loss(X[32:], Y[32:])) / N
    loss = dr.Trainer(mlp, dr.SGD(eta=1e-300), batch_size=32).epoch(X, Y)
    assert_within(loss, expected, gamma(N) * expected)


def test_weights_may_be_assigned_between_epochs() -> None:
    """The trainer's own packed copies may not go stale."""
    X, Y = data()
    mlp, other = network(), network(seed=1)
    trainer = dr.Trainer(mlp, dr.SGD(0.1))
    trainer.epoch(X, Y)
    mlp.w = other.w
    trainer.epoch(X, Y)
    dr.Trainer(other, dr.SGD(0.1)).epoch(X, Y)
    assert bits(mlp.w) == bits(other.w)


def test_two_trainers_take_turns() -> None:
    X, Y = data()
    mlp, other = network(), network()
    one, two = dr.Trainer(mlp, dr.SGD(0.1)), dr.Trainer(mlp, dr.SGD(0.1))
    alone = dr.Trainer(other, dr.SGD(0.1))
    losses = [one.epoch(X, Y), two.epoch(X, Y), one.epoch(X, Y)]
    assert losses == [alone.epoch(X, Y) for _ in range(3)]


COPIES = [copy.copy, copy.deepcopy, lambda thing: pickle.loads(pickle.dumps(thing))]


@pytest.mark.parametrize("copied", COPIES, ids=["copy", "deepcopy", "pickle"])
def test_copies_of_a_network(copied: Any, dtype: str) -> None:
    X, Y = data()
    mlp = network(dtype=dtype, l2=0.01, reduction="sum", input_shift=1.5, input_scale=range(1, 7))
    mlp.fit(X, Y, epochs=1)
    twin = copied(mlp)
    assert type(twin) is dr.MLP
    assert twin.architecture == mlp.architecture
    assert bits(twin.w) == bits(mlp.w)
    assert bits(twin.predict(X)) == bits(mlp.predict(X))
    mlp.fit(X, Y, epochs=1)
    assert bits(twin.w) != bits(mlp.w)


@pytest.mark.parametrize("copied", COPIES[1:], ids=["deepcopy", "pickle"])
@pytest.mark.parametrize("optimizer", [dr.SGD(0.1), dr.SGD(0.1, momentum=0.9), dr.Adam(0.01)])
def test_copies_of_a_trainer_go_on_alike(copied: Any, optimizer: Any, dtype: str) -> None:
    X, Y = data()
    trainer = dr.Trainer(network(dtype=dtype), optimizer, batch_size=7, n_threads=1)
    for _ in range(2):
        trainer.epoch(X, Y)
    twin = copied(trainer)
    assert (twin.batch_size, twin.n_threads, twin.optimizer) == (7, 1, optimizer)
    assert twin.n_epochs == 2
    assert trainer.epoch(X, Y) == twin.epoch(X, Y)
    assert bits(trainer.mlp.w) == bits(twin.mlp.w)
    slots, twins = trainer.state["slots"], twin.state["slots"]
    assert len(slots) == {"sgd": 0, "momentum": 1, "adam": 2}[optimizer.kernel]
    assert [bits(slot) for slot in slots] == [bits(slot) for slot in twins]


def test_shallow_copy_of_a_trainer_shares_the_network() -> None:
    X, Y = data()
    trainer = dr.Trainer(network())
    twin = copy.copy(trainer)
    assert twin.mlp is trainer.mlp
    trainer.epoch(X, Y)
    assert (trainer.n_epochs, twin.n_epochs) == (1, 0)


def test_copies_beside_a_training_are_of_finished_epochs() -> None:
    rng = np.random.default_rng(0)
    X, Y, epochs = rng.normal(size=(4000, 6)).astype(np.float32), rng.integers(0, 4, 4000), 20
    alone = network()
    seen, by_hand = {bits(alone.w)}, dr.Trainer(alone, n_threads=1)
    for _ in range(epochs):
        by_hand.epoch(X, Y)
        seen.add(bits(alone.w))
    refused = 0
    for _ in range(50):  # a busy machine may let this thread in only between two epochs
        mlp = network()
        trainer = dr.Trainer(mlp, n_threads=1)
        train = partial(lambda trainer: [trainer.epoch(X, Y) for _ in range(epochs)], trainer)
        thread = threading.Thread(target=train)
        thread.start()
        while thread.is_alive():
            assert bits(copy.copy(mlp).w) in seen
            try:
                copy.copy(trainer)
            except RuntimeError:
                refused += 1
        thread.join()
        if refused:
            break
    assert refused
    assert bits(copy.copy(mlp).w) == bits(alone.w)
    assert copy.copy(trainer).n_epochs == epochs


def test_pickle_holds_arrays_and_plain_types_only() -> None:
    trainer = dr.Trainer(network())

    def plain(value: Any) -> bool:
        if isinstance(value, dict):
            return all(isinstance(key, str) and plain(item) for key, item in value.items())
        if isinstance(value, list | tuple):
            return all(map(plain, value))
        return value is None or type(value) in (int, float, str, bool, np.ndarray)

    assert plain(network(input_shift=1.0).__getstate__())
    assert plain({**trainer.__getstate__(), "mlp": None})


def test_state_is_a_copy() -> None:
    X, Y = data()
    trainer = dr.Trainer(network())
    trainer.epoch(X, Y)
    trainer.state["slots"][0][:] = 0
    assert trainer.state["slots"][0].any()


def test_predict_into_out(dtype: str) -> None:
    X, _ = data()
    mlp = network(dtype=dtype)
    out = np.empty((N, 4), dtype)
    assert mlp.predict(X, out=out) is out
    assert bits(out) == bits(mlp.predict(X))
    pickled = pickle.loads(pickle.dumps(np.zeros((N, 4), dtype)))
    assert mlp.predict(X.tolist(), out=pickled) is pickled
    assert bits(pickled) == bits(mlp.predict(X.astype(np.float64)))


def test_predict_onto_its_own_input() -> None:
    mlp = dr.MLP([4, 8, 4], seed=0)
    memory = np.random.default_rng(0).normal(size=(N + 1, 4)).astype(np.float32)
    for X, out in ((memory[:-1], memory[:-1]), (memory[:-1], memory[1:])):
        expected = bits(mlp.predict(X.copy()))
        assert bits(mlp.predict(X, out=out)) == expected


def test_labels() -> None:
    X, _ = data()
    mlp = network()
    np.testing.assert_array_equal(mlp.predict_labels(X), np.argmax(mlp.predict(X), axis=1))
    assert mlp.predict_labels(X).dtype == np.int64
    binary = dr.MLP([6, 1], loss="binary_cross_entropy", seed=0)
    expected = binary.predict(X)[:, 0] >= 0.5
    np.testing.assert_array_equal(binary.predict_labels(X), expected)
    binary.w = np.zeros(7)  # y_hat is 1/2 exactly
    assert binary.predict_labels(X).all()


def test_metrics_of_classes() -> None:
    X, Y = data()
    mlp = network()
    right = np.mean(mlp.predict_labels(X) == Y)
    assert mlp.evaluate(X, Y, "accuracy") == right
    assert mlp.evaluate(X, np.eye(4)[Y], "accuracy") == right
    assert mlp.evaluate(X, Y) == mlp.evaluate(X, Y, metric="loss") == mlp.loss(X, Y)
    binary = dr.MLP([6, 1], loss="binary_cross_entropy", seed=0)
    right = np.mean(binary.predict_labels(X) == (Y == 1))
    for target in (Y == 1, (Y == 1).astype(float)[:, None]):
        assert binary.evaluate(X, target, "accuracy") == right


def test_metrics_of_regression() -> None:
    X, labels = data()
    Y = np.stack([labels, labels**2], axis=1)
    mlp = dr.MLP([6, 2], dtype="float64", seed=0)
    y_hat = mlp.predict(X)
    squared, absolute = np.mean((Y - y_hat) ** 2), np.mean(np.abs(Y - y_hat))
    assert_within(mlp.evaluate(X, Y, "mean_squared_error"), squared, gamma(2 * N) * squared)
    assert_within(mlp.evaluate(X, Y, "mean_absolute_error"), absolute, gamma(2 * N) * absolute)
    share = ((Y - y_hat) ** 2).sum(0) / ((Y - Y.mean(0)) ** 2).sum(0)
    assert_within(mlp.evaluate(X, Y, "r2"), np.mean(1 - share), gamma(9 * N) * np.mean(1 + share))
    assert mlp.evaluate(X, y_hat, "r2") == 1.0
    assert mlp.evaluate(X, np.full((N, 2), 0.1), "r2") == 0.0
    one = mlp.predict(X[:1])  # a single row: its targets are all equal
    assert mlp.evaluate(X[:1], one, "r2") == 1.0
    assert mlp.evaluate(X[:1], one + np.array([0, 1]), "r2") == 0.5
    seen: list[Any] = []

    def metric(targets: np.ndarray, predictions: np.ndarray) -> np.float32:
        seen.extend([targets, predictions])
        return np.float32(0.5)

    assert mlp.evaluate(X, Y, metric) == 0.5
    np.testing.assert_array_equal(seen[0], Y)
    assert bits(seen[1]) == bits(y_hat)


def test_inputs_are_standardised_inside() -> None:
    X, Y = data()
    raw = X * 1000 + 5000
    shift, scale = raw.mean(0), 1 / raw.std(0)
    inside = network(input_shift=shift, input_scale=scale)
    outside = network()
    standardised = (raw - shift) * scale
    assert bits(inside.forward(raw).o[0]) == bits(standardised.astype(np.float32))
    assert bits(inside.predict(raw)) == bits(outside.predict(standardised))
    assert bits(inside.gradient(raw, Y)) == bits(outside.gradient(standardised, Y))
    dX = outside.backward(outside.forward(standardised), Y).dX
    assert bits(inside.backward(inside.forward(raw), Y).dX) == bits(dX * scale)
    only_shift = network(input_shift=2.0)
    assert bits(only_shift.forward(X).o[0]) == bits(X - np.float32(2))
    only_scale = network(input_scale=0.1)
    assert bits(only_scale.forward(X).o[0]) == bits(X * np.float32(0.1))


def test_reprs() -> None:
    mlp = network(l2=0.1, l1=0.25, reduction="sum", input_shift=1.0)
    assert repr(mlp) == (
        "MLP([6, 8, 5, 4], activation='tanh', output='softmax', loss='cross_entropy', "
        "dtype='float32', l2=0.1, l1=0.25, reduction='sum', input_shift=<6 numbers>)"
    )
    mixed = dr.MLP([2, 3, 4, 1], activation=["relu", "tanh"], dtype="float64")
    assert repr(mixed) == (
        "MLP([2, 3, 4, 1], activation=['relu', 'tanh'], output='identity', "
        "loss='half_squared_error', dtype='float64')"
    )
    assert eval(repr(mixed), {"MLP": dr.MLP}).architecture == mixed.architecture
    assert repr(dr.MLP([2, 1])).startswith("MLP([2, 1], output=")
    trainer = dr.Trainer(mixed, dr.SGD(0.5), batch_size=None, n_threads=2)
    assert repr(trainer) == (
        f"Trainer({mixed!r}, optimizer=SGD(eta=0.5, momentum=0.0), batch_size=None, n_threads=2)"
    )


def test_summary() -> None:
    text = network(l2=0.5, l1=0.1, input_shift=1.0).summary()
    assert [line.split() for line in text.splitlines()] == [
        [
            "layer",
            "units",
            "activation",
            "weights",
            "into",
            "it",
            "without",
            "bias",
            "biases",
            "all",
            "memory",
        ],
        ["0", "6", "standardised"],
        ["1", "8", "tanh", "W[0]", "8", "x", "7", "48", "8", "56", "224", "B"],
        ["2", "5", "tanh", "W[1]", "5", "x", "9", "40", "5", "45", "180", "B"],
        ["3", "4", "softmax", "W[2]", "4", "x", "6", "20", "4", "24", "96", "B"],
        ["total", "108", "17", "125", "500", "B"],
        ["125", "weights,", "float32;", "cross_entropy,", "mean,", "l2", "0.5,", "l1", "0.1"],
    ]


@pytest.mark.parametrize("module", [dr, dr.oracle])
def test_summary_of_the_notes_network(module: Any) -> None:
    """|x| = 40, |h| = 20: 800 weights without biases; 20 into y_hat."""
    mlp = module.MLP([40, 20, 1], "logistic", dtype="float64")
    first, second, total = (line.split() for line in mlp.summary().splitlines()[2:5])
    assert first[3:] == ["W[0]", "20", "x", "41", "800", "20", "820", "6.41", "KiB"]
    assert second[3:] == ["W[1]", "1", "x", "21", "20", "1", "21", "168", "B"]
    assert total == ["total", "820", "21", "841", "6.57", "KiB"]
    assert [mlp.W[0].size, mlp.W[1].size, mlp.w.nbytes] == [820, 21, 6728]
    assert repr(mlp.summary()) == str(mlp.summary())  # a table in the interpreter too, no "\\n"


def test_summary_of_a_large_network() -> None:
    lines = dr.MLP([784, 1000, 10], seed=0).summary().splitlines()
    assert lines[2].split()[7:] == ["784,000", "1,000", "785,000", "2.99", "MiB"]
    assert len({line.index("W[") for line in lines[2:4]}) == 1


def test_info() -> None:
    about = dr.info()
    assert about.version == dr.__version__
    assert about.instruction_set in about.available
    assert about.threads >= 1
    assert set(about.available) <= {"generic", "avx2", "avx512", "neon"}
    lines = str(about).splitlines()
    assert lines == repr(about).splitlines()
    assert lines[0].split() == ["version", dr.__version__]
    assert lines[1].split() == ["instruction", "set", about.instruction_set]


def test_progress_line(capsys: pytest.CaptureFixture[str]) -> None:
    X, Y = data()
    network().fit(X, Y, epochs=3)
    assert capsys.readouterr() == ("", "")
    network().fit(X, Y, epochs=3, progress=True, validation=(X, Y))
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("epoch 3/3  loss ")
    assert "validation" in err
    assert err.endswith(" samples/s\n")
    assert err.count("\n") == 1


def test_progress_line_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from deltarule import progress, training_loop

    monkeypatch.setattr(training_loop, "SECONDS_ALONE", 0.0)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setattr(progress, "find_spec", lambda name: None)
    monkeypatch.setattr(progress, "REFRESH_SECONDS", 0.0)
    X, Y = data()
    network().fit(X, Y, epochs=3, progress=True)
    lines = capsys.readouterr().err.split("\r")
    assert [line[:9] for line in lines] == ["", "epoch 1/3", "epoch 2/3", "epoch 3/3", "epoch 3/3"]
    assert lines[-1].endswith("\n")


def test_progress_line_of_rich(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("rich")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    X, Y = data()
    network().fit(X, Y, epochs=3, progress=True)
    err = capsys.readouterr().err
    assert "3/3" in err
    assert "samples/s" in err


def test_oracle_has_the_same_names() -> None:
    missing = {name for name in dir(dr.MLP) if not name.startswith("_")} - {*dir(dr.oracle.MLP)}
    assert not missing
    native = {"load", "save"}
    assert {name for name in dir(dr.Trainer) if not name.startswith("_")} - native == {
        name for name in dir(dr.oracle.Trainer) if not name.startswith("_")
    }
    mlp = dr.oracle.MLP([6, 8, 5, 4], activation="tanh", loss="cross_entropy")
    assert mlp.summary() == network().summary()
    assert mlp.dtype == network().dtype == "float32"
    assert dr.MLP([2, 1], dtype=float).dtype == "float64"


@pytest.mark.parametrize("module", [dr, dr.oracle])
def test_what_a_network_is_cannot_be_assigned(module: Any) -> None:
    mlp = module.MLP([6, 4], seed=0)
    trainer = module.Trainer(mlp, dr.SGD(0.5), batch_size=7, n_threads=2)
    assert trainer.mlp is mlp
    assert (trainer.optimizer, trainer.batch_size, trainer.n_threads) == (dr.SGD(0.5), 7, 2)
    for thing, name in (
        (mlp, "architecture"),
        (mlp, "dtype"),
        *((trainer, name) for name in ("mlp", "optimizer", "batch_size", "n_threads")),
    ):
        with pytest.raises(AttributeError):
            setattr(thing, name, getattr(thing, name))


@pytest.mark.parametrize("module", [dr, dr.oracle])
def test_views_cannot_be_made_writable(module: Any) -> None:
    mlp = module.MLP([6, 4], seed=0)
    for view in (mlp.w, *mlp.W, mlp.w[1:], mlp.w.view()):
        with pytest.raises(ValueError, match="WRITEABLE"):
            view.setflags(write=True)


def test_literal_reference_is_imported_when_first_used() -> None:
    program = (
        "import sys, deltarule as dr; dr.oracle; name = 'deltarule.oracle.literal';"
        "assert name not in sys.modules; print(dr.oracle.literal.__name__ == name)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (run.stdout, run.stderr) == ("True\n", "")
    with pytest.raises(AttributeError, match="literally"):
        _ = dr.oracle.literally


def test_progress_without_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    X, Y = data()
    monkeypatch.setattr("sys.stderr", None)
    assert len(network().fit(X, Y, epochs=2, progress=True)) == 2
