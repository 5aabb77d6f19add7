# SPDX-License-Identifier: BSD-3-Clause
"""Training that is stopped or watched: Ctrl-C, divergence, other threads, forks."""

import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import numpy as np
import pytest

import deltarule as dr
from deltarule import training_loop

PROMPT = 0.2  # seconds from the signal to the exception
ATTEMPTS = 3  # a busy machine may once give the core no time


class Long:
    """A network and an order of rows that keep one epoch at work for a while."""

    def __init__(
        self, seconds: float, batch_size: int | None, n_threads: int | None = None
    ) -> None:
        rng = np.random.default_rng(0)
        self.X = rng.normal(size=(512, 64)).astype(np.float32)
        self.Y = rng.normal(size=(512, 8))
        self.mlp = dr.MLP([64, 256, 256, 8], activation="tanh", seed=0)
        self.trainer = dr.Trainer(self.mlp, dr.SGD(eta=1e-4, momentum=0.9), batch_size, n_threads)
        self.trainer.epoch(self.X, self.Y)
        start = time.perf_counter()
        self.trainer.epoch(self.X, self.Y, order=np.arange(4096) % 512)
        per_row = (time.perf_counter() - start) / 4096
        self.order = np.arange(max(4096, int(seconds / per_row))) % 512

    def epoch(self) -> float:
        return self.trainer.epoch(self.X, self.Y, self.order)

    def state(self) -> list[bytes]:
        state = self.trainer.state
        slots = [slot.tobytes() for slot in state.pop("slots")]
        return [self.mlp.w.tobytes(), *slots, repr(state).encode()]


@contextmanager
def ctrl_c_after(seconds: float) -> Iterator[list[float]]:
    """Raise SIGINT from another thread; yields a list that will hold the moment."""
    sent: list[float] = []

    def send() -> None:
        sent.append(time.perf_counter())
        signal.raise_signal(signal.SIGINT)

    timer = threading.Timer(seconds, send)
    timer.start()
    try:
        yield sent
    finally:
        timer.cancel()
        timer.join()


@pytest.fixture(autouse=True)
def default_ctrl_c() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("n_threads", [1, None])
@pytest.mark.parametrize("batch_size", [None, 32, 1])
def test_ctrl_c_inside_one_long_epoch(batch_size: int | None, n_threads: int | None) -> None:
    """Weights and optimizer state are those before it; the next epoch is as if nothing happened."""
    long = Long(3.0, batch_size, n_threads)
    before = long.state()
    delays = []
    for _ in range(ATTEMPTS):
        with ctrl_c_after(0.3) as sent, pytest.raises(KeyboardInterrupt):
            long.epoch()
        delays.append(time.perf_counter() - sent[0])
        assert long.state() == before
        if delays[-1] < PROMPT:
            break
    assert min(delays) < PROMPT
    undisturbed = Long(0.0, batch_size, n_threads)
    assert long.trainer.epoch(long.X, long.Y) == undisturbed.trainer.epoch(long.X, long.Y)
    assert long.state() == undisturbed.state()


def test_ctrl_c_between_many_short_epochs() -> None:
    X = np.random.default_rng(0).normal(size=(64, 8))
    Y = X[:, :2]
    mlp, again = (dr.MLP([8, 16, 2], seed=0) for _ in range(2))
    with ctrl_c_after(0.3) as sent, pytest.raises(KeyboardInterrupt) as caught:
        mlp.fit(X, Y, epochs=10**6, seed=0)
    assert time.perf_counter() - sent[0] < ATTEMPTS * PROMPT
    history = caught.value.history  # type: ignore[attr-defined]
    assert 0 < len(history) < 10**6
    assert "the weights are those after epoch" in caught.value.__notes__[0]
    # The signal may come after an epoch and before its entry into the history.
    epochs = int(caught.value.__notes__[0].split(" epoch ")[1].split()[0])
    assert epochs - len(history) in (0, 1)
    assert again.fit(X, Y, epochs=epochs, seed=0).loss[: len(history)] == history.loss
    assert again.w.tobytes() == mlp.w.tobytes()


def test_ctrl_c_from_the_handler_s_own_exception() -> None:
    """Whatever a signal's handler raises comes out, and changes nothing."""
    long = Long(3.0, None)
    before = long.state()

    class Enough(Exception):
        pass

    def handler(*_: Any) -> None:
        raise Enough

    signal.signal(signal.SIGINT, handler)
    with ctrl_c_after(0.2), pytest.raises(Enough):
        long.epoch()
    assert long.state() == before


def test_ctrl_c_during_predict() -> None:
    """Evaluation polls as well."""
    X = np.broadcast_to(np.float32(0.5), (10**6, 64))
    mlp = dr.MLP([64, 1024, 1024, 2], seed=0)
    start = time.perf_counter()
    mlp.predict(X[:4096])
    if (time.perf_counter() - start) * len(X) / 4096 < 1.0:
        pytest.skip("this machine predicts too fast for the test")
    with ctrl_c_after(0.3) as sent, pytest.raises(KeyboardInterrupt):
        mlp.predict(X)
    assert time.perf_counter() - sent[0] < ATTEMPTS * PROMPT


@pytest.mark.parametrize("name", ["sgd", "momentum", "adam"])
def test_divergence(name: str, dtype: str) -> None:
    """The exception names the epoch; state is that of the last finished one, bit for bit."""
    huge = 1e30 if dtype == "float32" else 1e200
    rules = {"sgd": dr.SGD(1e6), "momentum": dr.SGD(1e6, momentum=0.9), "adam": dr.Adam(huge)}
    optimizer = rules[name]
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(64, 4)), rng.normal(size=(64, 2))

    def trainer() -> dr.Trainer:
        return dr.Trainer(dr.MLP([4, 8, 2], dtype=dtype, seed=0), optimizer, batch_size=64)

    diverging, alike = trainer(), trainer()

    def until_it_diverges() -> None:
        for _ in range(100):
            diverging.epoch(X, Y)

    with pytest.raises(FloatingPointError, match=r"^the loss is .* in epoch ") as caught:
        until_it_diverges()
    assert f"in epoch {diverging.n_epochs + 1}, step 1" in str(caught.value)
    for _ in range(diverging.n_epochs):
        alike.epoch(X, Y)
    assert diverging.mlp.w.tobytes() == alike.mlp.w.tobytes()
    state, expected = diverging.state, alike.state
    assert [s.tobytes() for s in state.pop("slots")] == [s.tobytes() for s in expected.pop("slots")]
    assert state == expected
    mlp = dr.MLP([4, 8, 2], dtype=dtype, seed=0)
    with pytest.raises(FloatingPointError) as caught:
        mlp.fit(X, Y, optimizer, batch_size=64, epochs=100, shuffle=False)
    assert len(caught.value.history) == diverging.n_epochs  # type: ignore[attr-defined]
    assert mlp.w.tobytes() == alike.mlp.w.tobytes()


@contextmanager
def at_work(long: Long) -> Iterator[threading.Thread]:
    """Run one long epoch in another thread; ends it at the end of the block."""
    errors: list[BaseException] = []

    def work() -> None:
        try:
            long.epoch()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(0.1)
    yield thread
    thread.join()
    assert errors == []


def test_other_threads_run_on_and_may_predict() -> None:
    """The GIL is released; predict sees the last finished epoch."""
    long = Long(2.0, batch_size=64)
    expected = long.mlp.predict(long.X).tobytes()
    with at_work(long) as thread:
        for _ in range(50):
            time.sleep(0.0001)
        assert long.mlp.predict(long.X).tobytes() == expected
        assert thread.is_alive()
    assert long.mlp.predict(long.X).tobytes() != expected


def test_a_second_training_of_one_network_is_an_error() -> None:
    long = Long(1.5, batch_size=64)
    second = dr.Trainer(long.mlp)
    with at_work(long) as thread:
        with pytest.raises(RuntimeError, match="train"):
            second.epoch(long.X, long.Y)
        with pytest.raises(RuntimeError, match="train"):
            long.trainer.epoch(long.X, long.Y)
        with pytest.raises(RuntimeError, match="train"):
            long.mlp.fit(long.X, long.Y)
        with pytest.raises(RuntimeError, match="train"):
            long.mlp.w = np.zeros(long.mlp.n_weights)
        assert thread.is_alive()
    assert second.n_epochs == 0
    second.epoch(long.X, long.Y)


def fit_two(one: Any, fit: Any, other: Any) -> tuple[list[str], list[str]]:
    """Fit `one`, and between its epochs `other`, in another thread; what the latter said."""
    said, epochs = [], []

    class Second:
        def on_epoch_end(self, run: Any) -> None:
            epochs.append(run.epoch)
            thread = threading.Thread(target=attempt)
            thread.start()
            thread.join()

    def attempt() -> None:
        try:
            other(one)
            said.append("trained")
        except RuntimeError as error:
            said.append(str(error))

    fit(one, Second())
    return said, epochs


def test_a_second_fit_between_the_epochs_of_a_fit_is_an_error() -> None:
    """Of whatever trains: the first one ends with the bits that it has alone."""
    X = np.random.default_rng(0).normal(size=(64, 4))

    def fit(mlp: Any, second: Any) -> None:
        mlp.fit(X, X[:, :2], dr.Adam(), epochs=3, seed=0, callbacks=second)

    others: list[Any] = [
        lambda mlp: mlp.fit(X, X[:, :2]),
        lambda mlp: mlp.fit([(X, X[:, :2])]),
        lambda mlp: dr.fit_many([mlp], X, X[:, :2]),
        lambda mlp: dr.minimize(mlp, X, X[:, :2]),
    ]
    for other in others:
        mlp, twin = dr.MLP([4, 3, 2], seed=0), dr.MLP([4, 3, 2], seed=0)
        said, epochs = fit_two(mlp, fit, other)
        fit(twin, [])
        assert said == ["MLP: another call trains it; wait for its end"] * 3
        assert epochs == [1, 2, 3]
        assert mlp.w.tobytes() == twin.w.tobytes()
    other(mlp)


def test_a_second_fit_of_an_estimator_is_an_error() -> None:
    pytest.importorskip("sklearn")
    X = np.random.default_rng(0).normal(size=(64, 4))
    y = np.arange(64) % 2

    def fit(one: Any, second: Any) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it has not converged
            one.set_params(callbacks=second).fit(X, y)

    for kind in (dr.MLPClassifier, dr.MLPRegressor):
        one, twin = (kind(max_iter=3, random_state=0) for _ in range(2))
        said, _ = fit_two(one, fit, lambda one: one.partial_fit(X, y))
        fit(twin, None)
        assert said == [f"{kind.__name__}: another call trains it; wait for its end"] * 3
        assert all(map(np.array_equal, one.coefs_, twin.coefs_))
    several = (dr.MLPClassifier, dr.MLPAutoencoder, dr.LogisticRegressionGD)
    others = [dr.RBFNetwork(3), dr.Perceptron(4)]
    for one in [kind() for kind in (*several, dr.PerceptronClassifier)] + others:
        with training_loop.alone(one), pytest.raises(RuntimeError, match="another call trains it"):
            one.fit(X, y)
        assert not any(name.endswith("_") for name in vars(one))
    assert not others[1].w.any()
    assert others[1].fit(X, y, epochs=1).n_epochs == 1


def ends_at(n: int, call: Callable[[], object]) -> bool:
    """Raise KeyboardInterrupt at the n-th line or call of the package's Python; whether it came."""
    left = n

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal left
        if "deltarule" not in frame.f_code.co_filename:
            return None
        left -= event in ("call", "line")
        if left < 0:
            sys.settrace(None)
            raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    except KeyboardInterrupt:
        pass
    finally:
        sys.settrace(before)
    return left < 0


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # of closed generators
@pytest.mark.parametrize("several", [False, True], ids=["fit", "fit_many"])
def test_ctrl_c_at_any_line_leaves_a_network_that_can_be_trained(several: bool) -> None:
    """A handler runs before any line, and before the first one of a context's __exit__."""
    X = np.random.default_rng(0).normal(size=(8, 3))
    mlp, n = dr.MLP([3, 2, 3], seed=0), 0

    def fit() -> None:
        dr.fit_many([mlp], X, X, epochs=1) if several else mlp.fit(X, X, epochs=1)

    fit()  # what is imported late is there now
    while ends_at(n, fit):
        fit()
        n += 1
    assert n > 100


def test_ctrl_c_as_an_epoch_in_parts_is_left() -> None:
    X = np.zeros((8, 3), np.float32)
    trainer = dr.Trainer(dr.MLP([3, 2, 3], seed=0))
    epoch = trainer.in_parts()

    def part() -> None:
        with epoch:
            epoch.part(X, X)

    part()
    n = 0
    while ends_at(n, part):
        epoch.abandon()
        assert np.isfinite(trainer.epoch(X, X))
        n += 1
    assert n > 10


def test_a_fit_that_is_refused_has_drawn_nothing() -> None:
    """The first one, which shares its generator, ends with the bits that it has alone."""
    X = np.random.default_rng(0).normal(size=(64, 4))
    options: dict[str, Any] = {"validation": 0.2, "dropout": 0.1}

    def other_of(rng: Any) -> list[Any]:
        return [
            lambda mlp: mlp.fit(X, X[:, :2], seed=rng, **options),
            lambda mlp: dr.fit_many([dr.MLP([4, 2]), mlp], X, X[:, :2], seed=rng, **options),
        ]

    for which in range(2):
        bits = []
        for second in (True, False):
            rng, mlp = np.random.default_rng(0), dr.MLP([4, 3, 2], seed=0)

            def fit(mlp: Any, callbacks: Any, rng: Any = rng) -> None:
                mlp.fit(X, X[:, :2], epochs=3, seed=rng, callbacks=callbacks, **options)

            if second:
                said, _ = fit_two(mlp, fit, other_of(rng)[which])
                assert said == ["MLP: another call trains it; wait for its end"] * 3
            else:
                fit(mlp, [])
            bits.append((mlp.w.tobytes(), rng.bit_generator.state))
        assert bits[0] == bits[1]

    def fit_autoencoder(one: Any, callbacks: Any) -> None:
        one.fit(X, epochs=2, seed=0, callbacks=callbacks)

    rng = np.random.default_rng(0)
    said, _ = fit_two(
        dr.Autoencoder([4, 2, 4], seed=0), fit_autoencoder,
        lambda one: one.fit(X, seed=rng, validation=0.2),
    )  # fmt: skip
    assert said == ["MLP: another call trains it; wait for its end"] * 2
    assert rng.bit_generator.state == np.random.default_rng(0).bit_generator.state


def test_between_the_epochs_of_a_fit_a_trainer_s_epoch_is_as_an_assignment() -> None:
    """It isn't refused, as it is within an epoch: the fit goes on from the weights it finds."""
    X = np.random.default_rng(0).normal(size=(64, 4))

    class Once:
        def __init__(self, change: Any) -> None:
            self.change = change

        def on_epoch_end(self, run: Any) -> None:
            if run.epoch == 1:
                self.change(run.mlp)

    found: list[Any] = []

    def train(mlp: Any) -> None:
        thread = threading.Thread(target=lambda: dr.Trainer(mlp).epoch(X, X[:, :2]))
        thread.start()
        thread.join()
        found.append(mlp.w.copy())

    def assign(mlp: Any) -> None:
        mlp.w = found[0]

    bits = []
    for change in (train, assign):
        mlp = dr.MLP([4, 3, 2], seed=0)
        mlp.fit(X, X[:, :2], epochs=3, seed=0, callbacks=Once(change))
        bits.append(mlp.w.tobytes())
    assert bits[0] == bits[1]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_may_fit_what_its_parent_is_fitting() -> None:
    """Its copy, which no one trains there."""
    X, status = np.random.default_rng(0).normal(size=(64, 4)), []

    class Forks:
        def on_epoch_end(self, run: Any) -> None:
            child = os.fork()
            if child == 0:
                code = 1
                try:
                    mlp.fit(X, X[:, :2], epochs=1)
                    code = 0
                finally:
                    os._exit(code)
            status.append(os.waitpid(child, 0)[1])

    mlp = dr.MLP([4, 3, 2], seed=0)
    mlp.fit(X, X[:, :2], epochs=2, callbacks=Forks())
    assert status == [0, 0]


def test_networks_train_in_threads_of_their_own() -> None:
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(256, 16)), rng.normal(size=(256, 2))
    networks = [dr.MLP([16, 32, 2], seed=k % 2) for k in range(6)]
    threads = [
        threading.Thread(target=mlp.fit, args=(X, Y), kwargs={"seed": 0}) for mlp in networks
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({mlp.w.tobytes() for mlp in networks}) == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_fork_between_trainings() -> None:
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(512, 64)), rng.normal(size=(512, 8))

    def weights() -> bytes:
        mlp = dr.MLP([64, 128, 8], seed=0)
        mlp.fit(X, Y, epochs=1, seed=0, batch_size=256, n_threads=2)
        return mlp.w.tobytes()

    expected = weights()
    for _ in range(20):
        child = os.fork()
        if child == 0:
            signal.alarm(20)  # a child that hangs is ended, and fails
            os._exit(0 if weights() == expected else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert weights() == expected


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGINT")
def test_ctrl_c_ends_a_script() -> None:
    """The whole of it: a process, a signal from outside, the usual exit status."""
    import subprocess

    program = (
        "import numpy as np, deltarule as dr\n"
        "X = np.zeros((1000, 64)); print('ready', flush=True)\n"
        "dr.MLP([64, 64, 2], seed=0).fit(X, X[:, :2], epochs=10**6)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == -signal.SIGINT
    assert "KeyboardInterrupt" in err
    assert "fit: the weights are those after epoch" in err
