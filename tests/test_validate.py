# SPDX-License-Identifier: BSD-3-Clause
"""Bad inputs raise the right exception with the right words, and change nothing."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from bad_inputs import (
    BAD_MATRICES,
    BAD_NETWORKS,
    BAD_ORDER,
    BAD_SETTINGS,
    BAD_W,
    BAD_X,
    BAD_Y,
    INPUTS,
    OUTPUTS,
    Case,
    N,
    features,
    labels,
    one_hot,
    with_value,
)

import deltarule as dr


class Net:
    """A network with a trainer whose state is not the first one."""

    def __init__(self) -> None:
        self.mlp = dr.MLP([INPUTS, 5, OUTPUTS], loss="cross_entropy", seed=0)
        self.trainer = dr.Trainer(self.mlp, dr.Adam(eta=0.01), batch_size=5)
        self.trainer.epoch(features(), labels())

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        w, state = self.mlp.w.copy(), self.trainer.state
        yield
        assert self.mlp.w.tobytes() == w.tobytes()
        after = self.trainer.state
        slots = [slot.tobytes() for slot in state.pop("slots")]
        assert [slot.tobytes() for slot in after.pop("slots")] == slots
        assert after == state


@pytest.fixture
def net() -> Net:
    return Net()


def cases(table: list[Case]) -> Any:
    return pytest.mark.parametrize(
        "case", table, ids=[case.name.replace(" ", "-") for case in table]
    )


TAKES_X: dict[str, Callable[[Net, Any], Any]] = {
    "predict": lambda net, X: net.mlp.predict(X),
    "predict_labels": lambda net, X: net.mlp.predict_labels(X),
    "forward": lambda net, X: net.mlp.forward(X),
    "loss": lambda net, X: net.mlp.loss(X, labels()),
    "gradient": lambda net, X: net.mlp.gradient(X, labels()),
    "evaluate": lambda net, X: net.mlp.evaluate(X, labels(), "accuracy"),
    "epoch": lambda net, X: net.trainer.epoch(X, labels()),
    "fit": lambda net, X: net.mlp.fit(X, labels()),
    "compare": lambda net, X: dr.compare(net.mlp, X, labels()),
}

TAKES_Y: dict[str, Callable[[Net, Any], Any]] = {
    "backward": lambda net, Y: net.mlp.backward(net.mlp.forward(features()), Y),
    "loss": lambda net, Y: net.mlp.loss(features(), Y),
    "gradient": lambda net, Y: net.mlp.gradient(features(), Y),
    "evaluate": lambda net, Y: net.mlp.evaluate(features(), Y),
    "epoch": lambda net, Y: net.trainer.epoch(features(), Y),
    "fit": lambda net, Y: net.mlp.fit(features(), Y),
    "compare": lambda net, Y: dr.compare(net.mlp, features(), Y),
}


@cases(BAD_X)
@pytest.mark.parametrize("method", TAKES_X)
def test_bad_X(net: Net, method: str, case: Case) -> None:
    with net.unchanged(), pytest.raises(case.error, match=f"^{case.message}") as caught:
        TAKES_X[method](net, case.make())
    assert caught.value.__context__ is None or caught.value.__suppress_context__


@cases(BAD_Y)
@pytest.mark.parametrize("method", TAKES_Y)
def test_bad_Y(net: Net, method: str, case: Case) -> None:
    with net.unchanged(), pytest.raises(case.error, match=f"^{case.message}"):
        TAKES_Y[method](net, case.make())


@cases(BAD_Y)
def test_metrics_judge_Y_as_loss_does(net: Net, case: Case) -> None:
    """The core sees no Y here."""
    for mlp in (net.mlp, dr.oracle.MLP([INPUTS, 5, OUTPUTS], loss="cross_entropy", seed=0)):
        with net.unchanged(), pytest.raises(case.error, match=f"^{case.message}"):
            mlp.evaluate(features(), case.make(), "accuracy")


@cases(BAD_ORDER)
def test_bad_order(net: Net, case: Case) -> None:
    with net.unchanged(), pytest.raises(case.error, match=f"^{case.message}"):
        net.trainer.epoch(features(), labels(), order=case.make())


@cases(BAD_W)
def test_bad_w(net: Net, case: Case) -> None:
    with net.unchanged(), pytest.raises(case.error, match=f"^{case.message}"):
        net.mlp.w = case.make()


@cases(BAD_MATRICES)
def test_bad_W(net: Net, case: Case) -> None:
    with net.unchanged(), pytest.raises(case.error, match=f"^{case.message}"):
        net.mlp.W = case.make()


def test_weights_are_read_only(net: Net) -> None:
    with net.unchanged():
        with pytest.raises(ValueError, match="read-only"):
            net.mlp.w[0] = 1.0
        with pytest.raises(ValueError, match="read-only"):
            net.mlp.W[0][0, 0] = 1.0
        with pytest.raises(TypeError, match="item assignment"):
            net.mlp.W[0] = np.zeros((5, 5))  # type: ignore[index]


@pytest.mark.parametrize(("settings", "error", "message"), BAD_SETTINGS, ids=str)
def test_bad_settings_of_fit(
    net: Net, settings: dict[str, Any], error: type[Exception], message: str
) -> None:
    with net.unchanged(), pytest.raises(error, match=f"^{message}"):
        net.mlp.fit(features(), labels(), **settings)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [row for row in BAD_SETTINGS if set(row[0]) <= {"optimizer", "batch_size", "n_threads"}],
    ids=str,
)
def test_bad_settings_of_a_trainer(
    net: Net, settings: dict[str, Any], error: type[Exception], message: str
) -> None:
    with net.unchanged(), pytest.raises(error, match=f"^{message}"):
        dr.Trainer(net.mlp, **settings)


@pytest.mark.parametrize("method", ["predict", "forward", "predict_labels"])
@pytest.mark.parametrize("n_threads", [0, -1, 1.0, True, "2", 2000])
def test_bad_n_threads(net: Net, method: str, n_threads: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=r"^n_threads: "):
        getattr(net.mlp, method)(features(), n_threads=n_threads)


@pytest.mark.parametrize(("arguments", "options", "error", "message"), BAD_NETWORKS, ids=str)
def test_bad_networks(
    arguments: tuple[Any, ...], options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        dr.MLP(*arguments, **options)


OUTS: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: [[0.0] * OUTPUTS] * N, TypeError, "out: .* of type list"),
    (lambda: np.zeros((N, OUTPUTS)), TypeError, "out: dtype <f8; expected <f4"),
    (lambda: np.zeros((N, OUTPUTS), ">f4"), TypeError, "out: dtype >f4"),
    (lambda: np.zeros((N, OUTPUTS + 1), "f4"), ValueError,
     r"out: shape \(12, 4\); expected \(12, 3\)"),
    (lambda: np.zeros(N * OUTPUTS, "f4"), ValueError, r"out: shape \(36,\)"),
    (lambda: np.zeros((OUTPUTS, N), "f4").T, ValueError, "out: strides .*C-contiguous"),
    (lambda: np.broadcast_to(np.float32(0), (N, OUTPUTS)), ValueError, "out: "),
    (lambda: np.frombuffer(bytes(4 * N * OUTPUTS), "f4").reshape(N, OUTPUTS), ValueError,
     "read-only"),
    (lambda: np.zeros((N, OUTPUTS), "f4").view(np.matrix), TypeError, "out: .* of type matrix"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "error", "message"), OUTS, ids=[row[2] for row in OUTS])
def test_bad_out(net: Net, make: Callable[[], Any], error: type[Exception], message: str) -> None:
    for X in (features(), features().tolist()):
        with pytest.raises(error, match=message):
            net.mlp.predict(X, out=make())


def test_trace_of_another_network_is_refused(net: Net) -> None:
    def refused(trace: Any, error: type[Exception], message: str) -> None:
        with net.unchanged(), pytest.raises(error, match=f"^trace: {message}"):
            net.mlp.backward(trace, labels())

    trace = net.mlp.forward(features())
    refused(None, TypeError, "None of type NoneType; expected the Trace")
    refused(features(), TypeError, ".*ndarray")
    deeper = dr.MLP([INPUTS, 5, 5, OUTPUTS], seed=0).forward(features())
    refused(deeper, ValueError, "4 layers; expected 3")
    wider = dr.MLP([INPUTS, 6, OUTPUTS], seed=0).forward(features())
    refused(wider, ValueError, r"net\[1\] has shape \(12, 6\); expected \(12, 5\)")
    double = dr.MLP([INPUTS, 5, OUTPUTS], dtype="float64", seed=0).forward(features())
    refused(double, TypeError, r"net\[1\] is of float64; expected float32")
    short = dr.Trace(trace.net, (*trace.o[:-1], trace.o[-1][1:]), trace.y_hat)
    refused(short, ValueError, r"o\[2\] has shape \(11, 3\)")
    holes = dr.Trace((None, None, trace.net[2]), trace.o, trace.y_hat)
    refused(holes, TypeError, r"net\[1\] is None")
    refused(dr.Trace((None,) * 3, (np.zeros(()),) * 3, np.zeros(())), TypeError, "")


ONE_OUTPUT_Y: list[tuple[str, Callable[[], Any], type[Exception], str]] = [
    ("half_squared_error", lambda: np.zeros((N, 2)), ValueError,
     r"Y: shape \(12, 2\); expected \(n, 1\) or \(n,\)"),
    ("half_squared_error", lambda: np.zeros((N, 1, 1)), ValueError, "Y: shape"),
    ("binary_cross_entropy", lambda: np.full(N, 1.25), ValueError,
     r"Y: row 0 holds a value outside \[0, 1\]; expected probabilities for binary_cross_entropy"),
    ("binary_cross_entropy", lambda: np.arange(N), ValueError, "Y: row 2 holds a value outside"),
    ("squared_error", lambda: np.zeros((N, 2)), ValueError,
     r"Y: shape \(12, 2\); expected \(n, 1\) or \(n,\)"),
    ("squared_error", lambda: np.full(N, 1e39), ValueError, "Y: row 0 holds nan or infinity"),
    ("half_squared_error", lambda: np.full(N, 1e39), ValueError, "Y: row 0 holds nan or infinity"),
]  # fmt: skip


@pytest.mark.parametrize(("loss", "make", "error", "message"), ONE_OUTPUT_Y)
def test_bad_Y_of_one_output(
    loss: str, make: Callable[[], Any], error: type[Exception], message: str
) -> None:
    mlp = dr.MLP([INPUTS, 1], loss=loss, seed=0)
    with pytest.raises(error, match=f"^{message}"):
        mlp.loss(features(), make())


@pytest.mark.parametrize("loss", ["half_squared_error", "squared_error"])
def test_squared_errors_take_any_number(loss: str) -> None:
    mlp, Y = dr.MLP([INPUTS, 1], loss=loss, seed=0), np.linspace(-9, 9, N)
    assert np.isfinite([mlp.loss(features(), Y), mlp.evaluate(features(), Y, "r2")]).all()


def test_vector_of_targets_needs_one_output() -> None:
    mlp = dr.MLP([INPUTS, 3], seed=0)
    with pytest.raises(ValueError, match=re.escape("Y: shape (12,); expected (n, 3)")):
        mlp.loss(features(), np.zeros(N))


def test_vector_is_no_table_of_one_column() -> None:
    mlp = dr.MLP([1, 2], seed=0)
    for X in (np.zeros(N), [0.0] * N, np.zeros(N, np.float16)):
        with pytest.raises(ValueError, match=r"^X: shape \(12,\); expected \(n, 1\)"):
            mlp.predict(X)


def test_bad_row_outside_the_order_is_not_looked_at(net: Net) -> None:
    X = features()
    X[7] = np.nan
    net.trainer.epoch(X, labels(), order=[0, 1, 2])
    with net.unchanged(), pytest.raises(ValueError, match=r"^X: row 7 holds"):
        net.trainer.epoch(X, labels(), order=[0, 1, 2, 3, 4, 5, 7])


def test_bad_value_late_in_an_epoch_changes_nothing(net: Net) -> None:
    """The first batches are trained on before the last row is gathered."""
    Y = one_hot()
    Y[-1, 0] = np.nan
    with net.unchanged(), pytest.raises(ValueError, match=r"^Y: row 11 holds"):
        net.trainer.epoch(features(), Y)


def test_metric_names(net: Net) -> None:
    with pytest.raises(ValueError, match=r"^metric: 'auc'; expected 'loss' or 'accuracy'"):
        net.mlp.evaluate(features(), labels(), "auc")
    with pytest.raises(TypeError, match=r"^metric: 3 of type int"):
        net.mlp.evaluate(features(), labels(), 3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^Y: shape \(12,\); expected targets \(12, 3\)"):
        net.mlp.evaluate(features(), labels(), "r2")


def test_labels_need_a_logistic_output_or_several() -> None:
    mlp = dr.MLP([INPUTS, 1], seed=0)
    with pytest.raises(ValueError, match=r"^predict_labels: one identity output"):
        mlp.predict_labels(features())
    with pytest.raises(ValueError, match=r"^accuracy: one identity output"):
        mlp.evaluate(features(), labels(), "accuracy")
    assert np.isfinite(mlp.evaluate(features(), labels(), "r2"))


@pytest.mark.parametrize("kind", [dr.MLP, dr.oracle.MLP])
@pytest.mark.parametrize(
    ("layers", "activation", "output", "where"),
    [
        ([INPUTS, 1], [], "threshold", "output"),
        ([INPUTS, 2, 3, 1], ["tanh", "threshold"], "identity", r"activation\[1\]"),
        ([INPUTS, 2, 3, 1], "threshold", "threshold", r"activation\[0\]"),
    ],
)
def test_threshold_units_predict_but_have_no_gradient(
    kind: type, layers: list[int], activation: Any, output: str, where: str
) -> None:
    mlp = kind(layers, activation, output, seed=0)
    X, Y = features(), labels() == 1
    w, trace = mlp.w.copy(), mlp.forward(X)
    assert np.array_equal(trace.y_hat, mlp.predict(X))
    assert mlp.loss(X, Y) == mlp.evaluate(X, Y) >= 0
    trainer = dr.Trainer if kind is dr.MLP else dr.oracle.Trainer
    for refused in (
        lambda: mlp.backward(trace, Y),
        lambda: mlp.gradient(X, Y),
        lambda: mlp.fit(X, Y),
        lambda: trainer(mlp),
    ):
        with pytest.raises(ValueError, match=rf"^{where}: 'threshold', .* derivative is 0 .*Perce"):
            refused()
    assert np.array_equal(mlp.w, w)


def test_labels_of_one_threshold_output() -> None:
    X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    for kind in (dr.MLP, dr.oracle.MLP):
        gate = kind([2, 1], output="threshold")
        for bias, expected in ((-2, [0, 0, 0, 1]), (-1, [0, 1, 1, 1])):  # and, or
            gate.W = [[[1, 1, bias]]]
            assert gate.predict_labels(X).tolist() == expected
            assert gate.evaluate(X, np.array(expected), "accuracy") == 1
            assert gate.loss(X, np.array([0, 1, 1, 0])) == 1 / 8 * (1 if bias == -1 else 3)


def test_labels_may_be_objects(net: Net) -> None:
    objects = np.array(list(labels()), object)
    assert net.mlp.loss(features(), objects) == net.mlp.loss(features(), labels())
    with pytest.raises(TypeError, match=r"^Y: .*integer labels"):
        net.mlp.loss(features(), np.array([0.0, *labels()[1:]], object))
    with pytest.raises(ValueError, match=r"^Y: row 1 holds label 3"):
        net.mlp.loss(features(), with_value(objects, 1, 3))


def test_validation_data_of_the_oracle_is_judged_before_the_first_epoch() -> None:
    mlp = dr.oracle.MLP([INPUTS, OUTPUTS], loss="cross_entropy", seed=0)
    w = mlp.w.copy()
    bad = with_value(features(), (2, 0), np.nan)
    with pytest.raises(ValueError, match=r"^validation X: row 2 holds nan"):
        mlp.fit(features(), labels(), validation=(bad, labels()))
    assert np.array_equal(mlp.w, w)


HUGE = 10**5000  # which Python refuses to write down
BEYOND_TEXT: dict[str, Callable[[], Any]] = {
    r"layers: \[3, <an integer of 16610 bits>, 1\]": lambda: dr.MLP([3, HUGE, 1]),
    r"layers\[1\]: <an integer": lambda: dr.MLP([3, -HUGE, 1]),
    "seed: <an integer": lambda: dr.MLP([3, 1], seed=-HUGE),
    "activation: <an integer": lambda: dr.MLP([3, 1], HUGE),
    "batch_size: <an integer": lambda: dr.Trainer(dr.MLP([3, 1]), batch_size=HUGE),
    "n_threads: <an integer": lambda: dr.Trainer(dr.MLP([3, 1]), n_threads=-HUGE),
    "optimizer: <an integer": lambda: dr.Trainer(dr.MLP([3, 1]), HUGE),
    "average: <an integer": lambda: dr.Trainer(dr.MLP([3, 1]), average=HUGE),
    "sparsity: <an integer": lambda: dr.Trainer(dr.MLP([3, 1]), sparsity=HUGE),
    "eta: <an integer": lambda: dr.SGD(HUGE),
    "eta_factors: <an integer": lambda: dr.SGD(eta_factors=HUGE),
    "nesterov: <an integer": lambda: dr.SGD(nesterov=HUGE),
    "start: <an integer": lambda: dr.SWA(HUGE),
    "code: <an integer": lambda: dr.Autoencoder([3, 2, 3], code=HUGE),
    "order: row <an integer": lambda: dr.Trainer(dr.MLP([3, 1])).epoch(
        np.ones((2, 3)), np.ones((2, 1)), [HUGE]
    ),
    "k: <an integer": lambda: dr.construct.at_least(HUGE, 3),
}


@pytest.mark.parametrize("message", BEYOND_TEXT)
def test_an_integer_of_thousands_of_digits_is_named(message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=f"^{message}"):
        BEYOND_TEXT[message]()


def test_wrong_kinds_of_network() -> None:
    with pytest.raises(TypeError, match=r"^mlp: .*str"):
        dr.Trainer("mlp")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^mlp: .*NoneType"):
        dr.compare(None, features(), labels())  # type: ignore[arg-type]


@pytest.mark.parametrize("epochs", [np.int8(1), np.uint64(1)])
def test_numpy_integers_are_integers(net: Net, epochs: Any) -> None:
    assert len(net.mlp.fit(features(), labels(), epochs=epochs, batch_size=np.int16(4))) == 1
