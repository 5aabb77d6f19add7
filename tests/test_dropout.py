# SPDX-License-Identifier: BSD-3-Clause
"""Dropout and noise: one definition of every bit, the right gradient, and in training alone."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from test_oracle import KINK_MARGIN, assert_is_derivative
from tolerances import assert_within, gamma

import deltarule as dr
from deltarule import _core, oracle
from deltarule.dropout import Dropout, Key, RandomStep, key_of
from deltarule.oracle import literal, network, random
from deltarule.oracle.random import stream_key, words
from deltarule.schedules import Exponential, OfStep
from deltarule.sparsity import Sparsity

Array = NDArray[Any]

# layers, activations, dropout, noise, sparsity, batch size, rows: odd shapes, batches of one row
# (the next one taken along), short last ones, several blocks of rows, several chunks, rows that a
# penalty couples.
CODE, FALLING = Sparsity(2, "kl", 0.5, 0.3), Exponential(0.5, 0.5)
CASES = [
    ([9, 37, 5], "relu", Dropout(0.5), 0, None, 16, 50),
    ([9, 40, 33, 7], ["tanh", "logistic"], Dropout([0.3, 0.5], 0.1), 0.2, None, 7, 40),
    ([40, 33, 3], "identity", Dropout(0.2, 0.4), 0.5, None, 1, 40),
    ([33, 18, 16, 4], ["softmax", "relu"], Dropout(0.25), 0, None, 10, 30),
    ([9, 40, 37, 7], ["relu", "tanh"], Dropout([0.5, 0]), 0.1, None, None, 1300),
    ([70, 50, 4], "relu", Dropout(0.5, 0.2), 0, None, 1100, 1400),
    ([9, 40, 37, 7], ["tanh", "logistic"], Dropout(0.5), 0.1, CODE, None, 1300),
    ([30, 70, 30], "logistic", Dropout(0.3), 0, Sparsity(1, "kl", 0.5, 0.1), 600, 700),
    ([6, 34, 5], "softmax", Dropout(0.3, 0.2), 0.1, Sparsity(1, "l1", 0.2), 10, 30),
    ([9, 5, 9], "relu", Dropout(0.3), 0, Sparsity(1, "l1", 0.3), 1, 30),
    ([5, 3], (), None, 0.3, None, 8, 30),
    ([5, 3], (), Dropout(hidden=0, input=0.9), 0, None, 1, 30),
    # Slopes that activations keep, units that learn; rates that move.
    ([9, 37, 33, 5], ["gelu", "prelu"], Dropout([0.3, 0.4], 0.1), 0.1, None, 7, 40),
    ([9, 40, 7], "blend(tanh)", Dropout(0.5), 0, Sparsity(1, "l1", 0.1), 1, 30),
    ([9, 40, 37, 5], ["prelu", "mish"], Dropout(0.5), 0, None, None, 1300),
    ([9, 37, 5], "relu", Dropout(FALLING, Exponential(0.2, 0.1)), Exponential(0.3), None, 16, 50),
    ([9, 17, 5], "tanh", Dropout([FALLING]), Exponential(0.3), None, 1, 30),
]  # fmt: skip
cases = pytest.mark.parametrize(
    ("layers", "activation", "dropout", "noise", "sparsity", "batch_size", "rows"), CASES
)


def data(layers: list[int], rows: int, dtype: str) -> tuple[Array, Array]:
    rng = np.random.default_rng(2)
    X = rng.standard_normal((rows, layers[0])).astype(dtype)
    return X, rng.random((rows, layers[-1])).astype(dtype)


@cases
def test_every_bit_is_the_literal_reference_s_with_dropout(
    layers: list[int], activation: Any, dropout: Dropout | None, noise: float,
    sparsity: Sparsity | None, batch_size: int | None, rows: int, dtype: str,
) -> None:  # fmt: skip
    """Weights and losses of whole trainings: any instruction set, any number of threads."""
    X, Y = data(layers, rows, dtype)
    start = dr.MLP(layers, activation, dtype=dtype, seed=1, l2=1e-3, input_shift=0.1)
    rule = dr.SGD(0.005, momentum=0.5)
    options: Any = {"dropout": dropout, "noise": noise, "sparsity": sparsity, "seed": 3}
    reference = literal.MLP(start.architecture, start.w, dtype)
    loops = literal.Trainer(reference, rule, batch_size, **options)
    order = np.random.default_rng(3).permutation(rows)
    expected = [loops.epoch(X, Y, order) for _ in range(2)]
    before = _core.isa()
    try:
        for isa in _core.available_isas():
            _core.select_isa(isa)
            for n_threads in (1, 2, 3):
                mlp = copy.deepcopy(start)
                trainer = dr.Trainer(mlp, rule, batch_size, n_threads, **options)
                assert [trainer.epoch(X, Y, order) for _ in range(2)] == expected
                assert mlp.w.tobytes() == np.asarray(reference.w).tobytes()
    finally:
        _core.select_isa(before)


@cases
def test_training_with_dropout_follows_the_oracle(
    layers: list[int], activation: Any, dropout: Dropout | None, noise: float,
    sparsity: Sparsity | None, batch_size: int | None, rows: int,
) -> None:  # fmt: skip
    """In float64 both sides differ by rounding alone, which so few steps hardly amplify."""
    X, Y = data(layers, rows, "float64")
    mlp = dr.MLP(layers, activation, dtype="float64", seed=1)
    twin = oracle.MLP.from_architecture(mlp.architecture, mlp.w)
    options: Any = {"dropout": dropout, "noise": noise, "sparsity": sparsity, "seed": 3}
    trainer = dr.Trainer(mlp, dr.SGD(0.005), batch_size, **options)
    expected = oracle.Trainer(twin, dr.SGD(0.005), batch_size, **options)
    steps = 2 * -(-rows // (batch_size or rows))
    for _ in range(2):
        loss = expected.epoch(X, Y)
        assert_within(trainer.epoch(X, Y), loss, gamma(200 * rows * steps) * loss)
    assert_within(mlp.w, twin.w, gamma(200 * rows * steps) * np.max(np.abs(twin.w)))


def test_a_word_of_p_itself_stays(dtype: str) -> None:
    """p 2^32 is a word that is drawn: its unit stays, and is off with the next p."""
    word = int(words(stream_key(5, 0, 2), np.arange(8), 16)[3, 7])
    X, Y = data([4, 16, 2], 8, dtype)
    losses = []
    for p in (word * 2.0**-32, (word + 1) * 2.0**-32):
        mlp = dr.MLP([4, 16, 2], "tanh", dtype=dtype, seed=0)
        loops = literal.MLP(mlp.architecture, mlp.w, dtype)
        by_loops = literal.Trainer(loops, dr.SGD(), None, dropout=Dropout(p), seed=Key(5))
        losses.append(dr.Trainer(mlp, dr.SGD(), None, dropout=Dropout(p), seed=Key(5)).epoch(X, Y))
        assert losses[-1] == by_loops.epoch(X, Y)
        assert mlp.w.tobytes() == np.asarray(loops.w).tobytes()
    assert losses[0] != losses[1]


def test_batches_and_orders_share_the_masks() -> None:
    """With eta so small that w stands still, L is that of the rows in any order and batch."""
    X, Y = data([9, 40, 3], 60, "float64")
    losses = []
    for batch_size, order in [
        (None, None),
        (60, np.arange(60)[::-1]),
        (1, None),
        (7, None),
        (32, None),
    ]:
        mlp = dr.MLP([9, 40, 3], "tanh", dtype="float64", seed=0)
        trainer = dr.Trainer(
            mlp, dr.SGD(1e-300), batch_size, dropout=Dropout(0.5, 0.2), noise=0.3, seed=4
        )
        losses.append(trainer.epoch(X, Y, order))
    assert_within(losses, [losses[0]] * 5, gamma(1000) * losses[0])
    other = dr.Trainer(mlp, dr.SGD(1e-300), None, dropout=0.5, seed=5).epoch(X, Y)
    assert other != losses[0]


@pytest.mark.parametrize(
    ("layers", "activation", "sparsity"),
    [
        ([3, 6, 2], "tanh", None),
        ([3, 6, 5, 2], ["logistic", "identity"], None),
        ([3, 4, 5, 2], ["relu", "tanh"], None),
        ([3, 6, 5, 2], ["softmax", "tanh"], None),
        ([3, 6, 5, 2], ["gelu", "blend(tanh)"], None),
        ([3, 6, 5, 2], ["tanh", "softmax"], None),
        ([3, 6, 2], "logistic", Sparsity(1, "kl", 0.7, 0.2)),
        ([3, 2, 2], "tanh", Sparsity(1, "l1", 0.4)),
    ],
    ids=str,
)
def test_gradient_of_the_dropped_network_is_the_difference_quotient(
    layers: list[int],
    activation: Any,
    sparsity: Sparsity | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Masks and noise frozen: one step of eta = 1 shows the gradient, native and oracle."""
    mlp = dr.MLP(layers, activation, dtype="float64", l2=0.1)
    net, m, n = mlp.architecture, len(layers) - 2, 40 if sparsity else 5
    dropout, noise, seed = Dropout(0.4, 0.3), 0.2, 11
    step = RandomStep(key_of(seed), 0, np.arange(n), (0.3, *[0.4] * m), noise)
    drawn = {k: random.factor(step, k, h) for k, h in enumerate(layers[:-1])}
    added = random.noise(step, layers[0])
    for start in range(500):  # relu has a kink at 0, as abs(o) has
        rng = np.random.default_rng(start)
        w = rng.normal(0, 0.8, mlp.n_weights)
        X, Y = rng.standard_normal((n, layers[0])), rng.standard_normal((n, layers[-1]))
        trace = network.forward(net, w, X, step)
        kinks = net.activations[0] == "relu" or (sparsity and sparsity.kind == "l1")
        if not kinks or np.abs(np.asarray(trace.net[1])).min() > KINK_MARGIN:
            break
    else:
        raise AssertionError("no seed keeps away from the kinks")

    monkeypatch.setattr(random, "factor", lambda step, k, units: drawn[k])  # drawn once
    monkeypatch.setattr(random, "noise", lambda step, units: added)

    def loss_at(v: Array) -> float:
        trace = network.forward(net, v, X, step)
        back = network.backward(net, v, trace, Y, True, sparsity, step=step)
        return back.loss

    total = loss_at(w)
    for kind, trainer in (
        (mlp, dr.Trainer),
        (oracle.MLP.from_architecture(net, w), oracle.Trainer),
    ):
        kind.w = w
        options: Any = {"dropout": dropout, "noise": noise, "sparsity": sparsity, "seed": seed}
        loss = trainer(kind, dr.SGD(1.0), None, **options).epoch(X, Y)  # type: ignore[operator]
        assert_within(loss, total, gamma(1000) * abs(total))
        assert_is_derivative(w - kind.w, loss_at, w, gamma(10 * mlp.n_weights) * abs(total))


@pytest.mark.parametrize("options", [{"dropout": 0.0}, {"dropout": Dropout(0, 0), "noise": 0.0}])
@pytest.mark.parametrize("batch_size", [1, 290, None])
def test_rate_zero_changes_no_bit(
    options: dict[str, Any], batch_size: int | None, dtype: str
) -> None:
    X, Y = data([5, 40, 3], 600, dtype)
    plain = dr.MLP([5, 40, 3], "relu", dtype=dtype, seed=0)
    mlp = copy.deepcopy(plain)
    loss = dr.Trainer(plain, batch_size=batch_size).epoch(X, Y)
    assert dr.Trainer(mlp, batch_size=batch_size, seed=1, **options).epoch(X, Y) == loss
    assert mlp.w.tobytes() == plain.w.tobytes()


def test_rates_and_noise_follow_their_schedules() -> None:
    """Step by step the same as constant rates, of trainers that take over from one another."""
    X, Y = data([9, 40, 3], 8, "float64")
    moving = dr.MLP([9, 40, 3], "tanh", dtype="float64", seed=0)
    twin = copy.deepcopy(moving)
    rates, noise = Exponential(0.5, 0.25), Exponential(0.4, 0.5)
    trainer = dr.Trainer(moving, dr.SGD(0.1), None, dropout=Dropout(rates), noise=noise, seed=1)
    losses, constant = [], []
    for epoch in range(4):
        losses.append(trainer.epoch(X, Y))
        options: Any = {"dropout": rates(epoch), "noise": noise(epoch), "seed": 1}
        step = dr.Trainer(twin, dr.SGD(0.1), None, **options)
        step._trainer.set_state({**step.state, "epochs": epoch})
        constant.append(step.epoch(X, Y))
    assert losses == constant
    assert moving.w.tobytes() == twin.w.tobytes()
    fitted = dr.MLP([9, 40, 3], seed=0)
    fitted.fit(X, Y, epochs=3, dropout=rates, noise=noise, seed=0)


def test_means_are_those_without_dropout() -> None:
    """The mean output of a linear layer over many masks: each within 5 standard errors."""
    rng = np.random.default_rng(0)
    n, rate = 2**15, 0.3
    o = rng.standard_normal(40)
    step = RandomStep(1, 0, np.arange(n), (0.0, rate))
    dropped = random.dropped(np.tile(o, (n, 1)), step, 1)
    error = np.abs(o) * np.sqrt(rate / (1 - rate) / n)
    assert np.all(np.abs(dropped.mean(axis=0) - o) < 5 * error)


def test_predictions_drop_nothing() -> None:
    """A network that was trained with dropout and noise predicts, and is judged, as any other."""
    X, Y = data([9, 40, 3], 60, "float32")
    mlp = dr.MLP([9, 40, 3], seed=0)
    mlp.fit(X, Y, epochs=2, dropout=Dropout(0.5, 0.5), noise=1.0, seed=0)
    plain = dr.MLP([9, 40, 3], seed=1)
    plain.w = mlp.w
    assert mlp.predict(X).tobytes() == plain.predict(X).tobytes() == mlp.predict(X).tobytes()
    assert mlp.loss(X, Y) == plain.loss(X, Y) == mlp.evaluate(X, Y)
    assert mlp.gradient(X, Y).tobytes() == plain.gradient(X, Y).tobytes()


def test_fit_is_a_trainer_with_its_seed_and_keeps_the_shuffles(dtype: str) -> None:
    X, Y = data([9, 40, 3], 60, dtype)
    mlp, twin = (dr.MLP([9, 40, 3], dtype=dtype, seed=0) for _ in range(2))
    history = mlp.fit(X, Y, batch_size=16, epochs=3, seed=7, dropout=0.3, noise=0.1)
    trainer = dr.Trainer(twin, None, 16, dropout=0.3, noise=0.1, seed=7)
    rng = np.random.default_rng(7)
    assert [trainer.epoch(X, Y, rng.permutation(60)) for _ in range(3)] == history.loss
    assert mlp.w.tobytes() == twin.w.tobytes()
    again = dr.MLP([9, 40, 3], dtype=dtype, seed=0)
    again.fit(X, Y, batch_size=16, epochs=3, seed=np.random.default_rng(7), dropout=0.3, noise=0.1)
    assert again.w.tobytes() == mlp.w.tobytes()


def test_oracle_fits_with_the_same_masks() -> None:
    X, Y = data([9, 40, 3], 60, "float64")
    mlp = dr.MLP([9, 40, 3], "tanh", dtype="float64", seed=0)
    twin = oracle.MLP.from_architecture(mlp.architecture, mlp.w)
    options: Any = {"epochs": 2, "seed": 7, "dropout": Dropout(0.5, 0.1), "noise": 0.1}
    loss, expected = (net.fit(X, Y, dr.SGD(0.05), **options).loss for net in (mlp, twin))
    assert_within(loss, expected, gamma(200 * 60 * 4) * np.array(expected))


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t))]
)
def test_copies_go_on_with_the_same_masks(copied: Any) -> None:
    X, Y = data([5, 14, 3], 50, "float32")
    options: Any = {"dropout": Dropout([0.5], 0.1), "noise": 0.2, "seed": 9}
    trainer = dr.Trainer(dr.MLP([5, 14, 3], seed=0), **options)
    trainer.epoch(X, Y)
    w = trainer.mlp.w.copy()
    twin = copied(trainer)
    assert twin.dropout == trainer.dropout == options["dropout"]
    assert twin.noise == trainer.noise == 0.2
    loss = trainer.epoch(X, Y)
    trained = trainer.mlp.w.copy()
    twin.mlp.w = w
    assert twin.epoch(X, Y) == loss
    assert twin.mlp.w.tobytes() == trained.tobytes()


def test_a_pickle_from_before_drops_nothing() -> None:
    state = dr.Trainer(dr.MLP([2, 3, 1])).__getstate__()
    for name in ("dropout", "noise", "key"):
        del state[name]
    trainer = dr.Trainer.__new__(dr.Trainer)
    trainer.__setstate__(state)
    assert trainer.dropout is None
    assert trainer.noise == 0.0


def test_a_failed_epoch_is_drawn_again() -> None:
    X, Y = data([5, 40, 3], 100, "float32")
    bad = X.copy()
    bad[77] = np.nan
    trainers = [
        dr.Trainer(dr.MLP([5, 40, 3], seed=0), dropout=0.5, noise=0.1, seed=1) for _ in range(2)
    ]
    with pytest.raises(ValueError, match="row 77"):
        trainers[0].epoch(bad, Y)
    assert trainers[0].epoch(X, Y) == trainers[1].epoch(X, Y)
    assert trainers[0].mlp.w.tobytes() == trainers[1].mlp.w.tobytes()


def test_epochs_have_masks_of_their_own() -> None:
    X, Y = data([5, 40, 3], 100, "float64")
    trainer = dr.Trainer(
        dr.MLP([5, 40, 3], dtype="float64", seed=0), dr.SGD(1e-300), dropout=0.5, seed=1
    )
    assert len({trainer.epoch(X, Y) for _ in range(5)}) == 5


def test_dropout_of_units_that_blow_up_hides_them(dtype: str) -> None:
    """A dropped unit is +0 whatever it was."""
    huge = float(np.finfo(dtype).max)
    o = np.array([[huge, np.inf, np.nan, -1.0]], dtype)
    words = np.array([[0, 0, 0, 0]], np.uint32)
    dropped = literal.drop(o, words, 1)
    assert not dropped.any()
    assert not np.signbit(dropped).any()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"hidden": 1.0}, ValueError, "hidden: 1.0; expected a number >= 0 and < 1, or a Schedule"),
        ({"hidden": 1 - 2.0**-34}, ValueError, "hidden: 0.99999999994"),
        ({"hidden": np.array(0.5)}, TypeError, "hidden: array(0.5) of type ndarray; expected"),
        ({"hidden": -0.1}, ValueError, "hidden: -0.1; expected a number >= 0 and < 1"),
        ({"hidden": np.nan}, ValueError, "hidden: nan; expected"),
        ({"hidden": "half"}, TypeError, "hidden: 'half' of type str; expected a number"),
        ({"hidden": [0.5, None]}, TypeError, "hidden[1]: None of type NoneType; expected"),
        ({"hidden": True}, TypeError, "hidden: True of type bool; expected"),
        ({"input": 2}, ValueError, "input: 2; expected a number >= 0 and < 1"),
    ],
)
def test_bad_dropouts(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error) as raised:
        Dropout(**arguments)
    assert str(raised.value).startswith(message)


@pytest.mark.parametrize(
    ("layers", "options", "error", "message"),
    [
        ([2, 3, 1], {"dropout": "0.5"}, TypeError, "dropout: '0.5' of type str; expected a Dro"),
        ([2, 3, 1], {"dropout": 1.5}, ValueError, "dropout: 1.5; expected a Dropout, a number"),
        ([2, 3, 1], {"dropout": Dropout([0.5, 0.5])}, ValueError, "dropout: 2 rates for the"),
        ([2, 1], {"dropout": 0.5}, ValueError, "dropout: no hidden layer; expected Dropout("),
        ([2, 3, 1], {"noise": -1}, ValueError, "noise: -1; expected a finite float32 >= 0"),
        ([2, 3, 1], {"noise": 1e300}, ValueError, "noise: 1e+300; expected a finite float32 >= 0"),
        ([2, 3, 1], {"noise": "1"}, TypeError, "noise: '1' of type str; expected a finite flo"),
        ([2, 3, 1], {"dropout": 0.5, "seed": -1}, ValueError, "seed: -1; expected None"),
        ([2, 3, 1], {"dropout": 0.5, "seed": "a"}, TypeError, "seed: 'a'; expected None, an"),
    ],
)  # fmt: skip
def test_options_that_do_not_fit(
    layers: list[int], options: dict[str, Any], error: type[Exception], message: str
) -> None:
    for kind, trainer in ((dr.MLP, dr.Trainer), (oracle.MLP, oracle.Trainer)):
        with pytest.raises(error) as raised:
            trainer(kind(layers), **options)  # type: ignore[operator]
        assert str(raised.value).startswith(message)


def test_repr_names_dropout_and_noise() -> None:
    mlp, twin = dr.MLP([2, 3, 1], "tanh"), oracle.MLP([2, 3, 1], "tanh")
    for trainer in (
        dr.Trainer(mlp, dropout=0.5, noise=0.1),
        oracle.Trainer(twin, dropout=0.5, noise=0.1),
    ):
        assert repr(trainer).endswith(f", dropout={Dropout(0.5)!r}, noise=0.1)")
    assert "dropout" not in repr(dr.Trainer(mlp))


@pytest.mark.parametrize("rate", [1.0, 1.5])
def test_a_schedule_s_rate_stays_below_1(rate: float) -> None:
    mlp = dr.MLP([2, 3, 1], seed=0)
    moving: Any = OfStep(lambda step: rate)
    trainer = dr.Trainer(mlp, dr.SGD(0.1), 4, dropout=moving, seed=0)
    with pytest.raises(ValueError, match=f"{rate} in epoch 1, .*; expected a number >= 0 and < 1"):
        trainer.epoch(np.ones((8, 2)), np.ones(8))
