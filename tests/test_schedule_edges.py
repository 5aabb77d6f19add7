# SPDX-License-Identifier: BSD-3-Clause
"""Schedules at the edges: restarts and falls that a rounding might miss, odd subclasses, ranges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import deltarule as dr
from deltarule import oracle
from deltarule import schedules as s
from deltarule.schedules.base import Clock
from deltarule.schedules.moving import Moving


def times(k: np.ndarray, n: np.ndarray) -> np.ndarray:
    """The time of step k of a training with n steps an epoch, as `Clock` has it."""
    return k // n + (k % n) / n


def begins(epochs: int, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Steps and steps an epoch wherever a share ends[c] / ends[-1] of the epochs is a step."""
    pairs = [
        (epochs * n * int(end) // int(ends[-1]), n)
        for n in range(1, 40)
        for end in ends[:-1]
        if epochs * n * int(end) % int(ends[-1]) == 0
    ]
    k, n = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return k, n


@pytest.mark.parametrize("growth", [1.0, 2.0])
def test_no_rounding_moves_a_restart(growth: float) -> None:
    """The step at a restart has `start`, the one before has not."""
    seen = 0
    for epochs in range(1, 31):
        for cycles in range(2, 13):
            ends = np.cumsum(growth ** np.arange(cycles))
            k, n = begins(epochs, ends)
            cosine = s.Cosine(0.1, 0.01, epochs, cycles, growth)
            assert np.all(cosine(times(k, n)) == 0.1), cosine
            assert np.all(cosine(times(k - 1, n))[epochs * n > ends[-1]] < 0.1), cosine
            after = s.WarmUp(cosine, 7 / 3, 1.0)
            k, n = k[n % 3 == 0], n[n % 3 == 0]
            assert np.all(after(times(k + 7 * n // 3, n)) == 0.1), after
            seen += len(k)
    assert seen > 1000


@pytest.mark.parametrize("n", range(2, 200))
def test_no_rounding_delays_a_step(n: int) -> None:
    k = np.arange(10 * n)
    assert np.array_equal(s.Step(1.0, 0.5, 1 / n)(times(k, np.int64(n))), 0.5**k)
    at = np.cumsum(np.full(9, 1 / n)).tolist()  # sums of roundings
    expected = np.minimum(np.arange(20), 9)
    assert np.array_equal(np.log2(s.Step(1.0, 0.5, at=at)(times(k[:20], np.int64(n)))), -expected)


def test_no_rounding_keeps_an_epoch_back() -> None:
    """After a warm-up of 1/n epochs the next schedule's epochs begin at steps."""
    for n in range(2, 100):
        warm = s.WarmUp(s.Step(1.0, 0.5, 1, per="epoch"), 1 / n, 1.0)
        k = n * np.arange(1, 30) + 1
        assert np.array_equal(np.log2(warm(times(k, np.int64(n)))), -np.arange(1, 30))
        assert np.array_equal(np.log2(warm(times(k - 1, np.int64(n)))), -np.arange(29))


def test_a_training_restarts_at_its_step() -> None:
    mlp = dr.MLP([2, 1], seed=0)
    seen = []
    moving = Moving({"eta": s.Cosine(0.1, over=2, cycles=6)}, "float32")
    for epoch in range(2):
        numbers = moving.numbers(epoch, 6, 2)
        assert numbers is not None
        seen += numbers["eta"].tolist()
        moving.finish(numbers, 1.0)
    assert seen == [0.1] * 6
    assert mlp.n_weights == 3


def test_numbers_ahead_end_and_begin_again() -> None:
    """512 steps an epoch: two epochs are computed at once."""
    exponential = s.Exponential(0.1, 0.5)
    moving = Moving({"eta": exponential}, "float64")
    for epoch in (0, 1, 2, 3, 4, 2, 0, 9):
        numbers = moving.numbers(epoch, 512, 1)
        assert numbers is not None
        clock = Clock("eta", epoch, 0, 512)
        assert np.array_equal(numbers["eta"], exponential(clock.t))


# Warm-ups inside warm-ups, and lengths that only fit knows.


def test_nested_warm_ups_share_what_is_left() -> None:
    nested = s.WarmUp(s.WarmUp(s.Cosine(0.1), 2), 2)
    assert nested.needs_length
    assert nested.lasting(10) == s.WarmUp(s.WarmUp(s.Cosine(0.1, over=6), 2), 2)
    own = s.WarmUp(s.WarmUp(s.Cosine(0.1, over=3), 2), 2)
    assert own.lasting(10) is own
    assert own(4.0) == 0.1
    X = np.ones((4, 2))
    dr.MLP([2, 1], seed=0).fit(X, X[:, :1], dr.SGD(nested), epochs=10)
    dr.Trainer(dr.MLP([2, 1], seed=0), dr.SGD(own)).epoch(X, X[:, :1])
    with pytest.raises(
        ValueError, match=r"over: 2\.0 epochs of warm-up; expected fewer than the 1\.0 that"
    ):
        dr.MLP([2, 1], seed=0).fit(X, X[:, :1], dr.SGD(nested), epochs=3)


@pytest.mark.parametrize("schedule", [s.WarmUp(s.Cosine(0.1), 2), s.Linear(0.1)], ids=repr)
def test_an_unknown_length_is_said_to_be_unknown(schedule: s.Schedule) -> None:
    with pytest.raises(ValueError, match=r"over: None in .*; expected its length"):
        schedule(0.5)
    with pytest.raises(ValueError, match=r"eta: .* without a length; expected one in epochs"):
        dr.Trainer(dr.MLP([2, 1], seed=0), dr.SGD(schedule))


def test_a_warm_up_by_epochs_of_what_is_no_function_of_time() -> None:
    warm = s.WarmUp(s.OfStep(lambda step: 1.0 + step), 2, 0.5, per="epoch")
    for epoch, share in enumerate((0.5, 0.75, 1.0, 1.0)):
        clock = Clock("eta", epoch, 3 * epoch, 3)
        expected = share * (1 + 3 * epoch + np.arange(3))
        assert np.array_equal(warm.of_steps(clock.t, clock, warm.begin()), expected)


# Subclasses of the user's.


class Own(s.Schedule):
    """Returns whatever it was made with, by a function of t."""

    def __init__(self, of: Any, over: float | None = 4.0) -> None:
        self.of, self.over = of, over

    def value(self, t: Any) -> Any:
        return self.of(t)

    def __repr__(self) -> str:
        return "Own()"


@pytest.mark.parametrize(
    "of",
    [
        lambda t: 0.25,
        lambda t: np.float32(0.25),
        lambda t: np.full(t.shape, 0.25, np.float32),
        lambda t: np.full(t.shape, 0.25).tolist(),
        lambda t: np.full(t.shape, 0.25, order="F"),
    ],
)
def test_any_numbers_of_a_subclass_will_do(of: Any) -> None:
    own = Own(of)
    assert own(1.0) == 0.25
    square = own(np.zeros((3, 3)))
    assert square.dtype == np.float64
    assert square.flags.c_contiguous
    assert np.all(square == 0.25)
    X = np.ones((9, 2))
    dr.Trainer(dr.MLP([2, 1], seed=0), dr.SGD(own), 3).epoch(X, X[:, :1])


@pytest.mark.parametrize("package", [dr, oracle], ids=["native", "oracle"])
def test_integers_of_a_subclass_train(package: Any) -> None:
    X = np.ones((9, 2))
    mlps = [package.MLP([2, 1], seed=0, dtype="float64") for _ in range(3)]
    etas: list[Any] = [1.0, Own(lambda t: 1), Own(lambda t: np.ones(t.shape, np.int8))]
    for mlp, eta in zip(mlps, etas, strict=True):
        trainer = package.Trainer(mlp, dr.SGD(eta), 3)
        trainer.epoch(X, X[:, :1])
        trainer.epoch(X, X[:, :1])
    assert mlps[0].w.tobytes() == mlps[1].w.tobytes() == mlps[2].w.tobytes()


def test_what_a_subclass_must_return() -> None:
    with pytest.raises(ValueError, match=r"value: shape \(2,\) returned by Own\(\); .*\(3,\)"):
        Own(lambda t: np.ones(2))(np.zeros(3))
    for bad in (None, "0.1", True, 1j):
        with pytest.raises(TypeError, match=r"value: .* returned by Own\(\); expected numbers of"):
            Own(lambda t, bad=bad: bad)(0.0)


def test_a_plain_class_without_a_length_gets_the_fit_s() -> None:
    own = Own(lambda t: 0.1, None)
    lasting = own.lasting(6)
    assert (own.over, lasting.over) == (None, 6)
    X = np.ones((4, 2))
    dr.MLP([2, 1], seed=0).fit(X, X[:, :1], dr.SGD(own))

    @dataclass(frozen=True)
    class Kept(s.Schedule):
        over: float | None = None

        def value(self, t: Any) -> Any:
            return 1 / self.over if self.over else np.nan

    assert Kept().lasting(4)(0.0) == 0.25


# Ranges: whatever is accepted has finite values.

ACCEPTED = [
    s.Cosine(0.1, over=1.0, cycles=1000),
    s.Cosine(0.1, over=1e300, cycles=2, growth=1e15),
    s.Cosine(0.1, over=1e-300, cycles=2, growth=1e-15),
    s.InverseScaling(0.1, scale=1e-100),
    s.InverseScaling(0.1, power=1e308, scale=1e308),
    s.Exponential(0.1, every=1e-100),
    s.Step(0.1, every=1e-100),
    s.Linear(0.1, over=1e-320),
    s.OneCycle(0.1, over=1e-320, rise=1e-300),
    s.FlatCosine(0.1, over=1e-320, flat=1 - 1e-16),
    s.CosLog4(0.1, over=1e-320),
    s.WarmUp(0.1, 1e-320),
]


@pytest.mark.parametrize("schedule", ACCEPTED, ids=repr)
def test_every_range_has_finite_values(schedule: s.Schedule) -> None:
    values = schedule(np.array([0, 1e-320, 1e-9, 0.5, 1, 1e9, 1e18]))
    assert np.all((values >= 0) & (values <= 0.1))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: s.Cosine(0.1, cycles=3, growth=1e200), "cycles, growth: 3 and 1e.200; expected"),
        (lambda: s.Cosine(0.1, cycles=3, growth=1e-200), "cycles, growth: 3 and 1e-200"),
        (lambda: s.Cosine(0.1, cycles=300, growth=1000), r"cycles, growth: 300 and 1000\.0"),
        (lambda: s.Cosine(0.1, over=1e-322, cycles=900), "cycles, growth: 900 and 1.0"),
        (lambda: s.Cosine(0.1, cycles=1001), "cycles: an integer > 1000; expected 1 to 1000"),
        (lambda: s.Cosine(0.1, cycles=10**400), "cycles: an integer > 1000; expected 1 to 1000"),
        (lambda: s.InverseScaling(0.1, scale=1e-308), "scale: 1e-308; .* epochs >= 1e-100"),
        (lambda: s.Exponential(0.1, every=1e-320), "every: 1e-320; .* epochs >= 1e-100"),
        (lambda: s.Step(0.1, every=1e-101), "every: 1e-101; .* epochs >= 1e-100"),
    ],
)
def test_what_has_no_finite_values_is_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(("every_gain", "falls"), [(True, False), (False, True)])
def test_a_loss_at_the_bound_of_a_plateau(every_gain: bool, falls: bool) -> None:
    plateau = s.Plateau(0.5, 0.5, 0, tolerance=0.5, relative=False, every_gain=every_gain)
    memory = plateau.begin()
    for loss in (1.0, 0.5):
        memory = plateau.told(memory, loss)
    assert memory["value"] == (0.25 if falls else 0.5)


def test_negative_losses_must_fall_by_their_share() -> None:
    """PyTorch's relative threshold would let them rise by it."""
    plateau = s.Plateau(0.5, 0.5, 0, tolerance=0.125)
    memory = plateau.begin()
    seen = []
    for loss in (-1.0, -1.25, -1.375, -2.0):
        memory = plateau.told(memory, loss)
        seen.append(memory["value"])
    assert seen == [0.5, 0.5, 0.25, 0.25]


# A plateau of the validation loss is told once an epoch.


@pytest.mark.parametrize("package", [dr, oracle], ids=["native", "oracle"])
def test_one_validation_loss_an_epoch(package: Any) -> None:
    X = np.ones((4, 2))
    plateau = s.Plateau(0.1, 0.5, patience=0, watch="validation_loss")
    trainer = package.Trainer(package.MLP([2, 1], seed=0), dr.SGD(plateau))
    expected = r"validation_loss: 1\.0 after no new epoch; expected one number for each epoch"
    with pytest.raises(ValueError, match=expected):
        trainer.observe(1.0)
    for _ in range(3):
        trainer.epoch(X, X[:, :1])
        trainer.observe(1.0)
        with pytest.raises(ValueError, match=expected):
            trainer.observe(1.0)
    assert trainer.eta == 0.1 * 0.5  # told 1, 1, 1: it fell after the second, and will again
    alone = package.Trainer(package.MLP([2, 1], seed=0))
    alone.observe(1.0)  # nothing watches it
    alone.observe(1.0)


def test_a_momentum_that_is_1_as_float32_is_refused() -> None:
    X = np.ones((4, 2))
    for dtype, fine in (("float32", False), ("float64", True)):
        mlp = dr.MLP([2, 1], seed=0, dtype=dtype)
        trainer = dr.Trainer(mlp, dr.SGD(0.1, s.OfEpoch(_almost_1)))
        if fine:
            trainer.epoch(X, X[:, :1])
        else:
            with pytest.raises(ValueError, match=r"momentum: 0\.99999999 .* and < 1 as float32"):
                trainer.epoch(X, X[:, :1])
    clock = Clock("momentum", 0, 0, 1)
    assert s.OfEpoch(_almost_1).of_steps(clock.t, clock, None) == 0.99999999


def _almost_1(epoch: int) -> float:
    return 0.99999999


def test_a_first_loss_that_is_infinite_counts_as_no_gain() -> None:
    schedule = schedules.Plateau(1.0, 0.5, patience=0)
    assert schedule.told(schedule.begin(), np.inf)["value"] == 0.5
