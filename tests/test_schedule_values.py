# SPDX-License-Identifier: BSD-3-Clause
"""What each schedule is worth when: by hand, at its edges, beside PyTorch and scikit-learn."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from decimal import Decimal, getcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tolerances import assert_within, unit_roundoff

from deltarule import schedules as s
from deltarule.schedules import elementary

u = unit_roundoff()
getcontext().prec = 40
RECORDED = np.load(Path(__file__).parent / "fixtures" / "schedules.npz")

# A schedule, a time, its value by hand.
BY_HAND = [
    (s.Step(0.5, 0.1, 3), 0, 0.5),
    (s.Step(0.5, 0.1, 3), 2.999, 0.5),
    (s.Step(0.5, 0.1, 3), 3, 0.05),
    (s.Step(0.5, 0.1, 3), 6.5, 0.005),
    (s.Step(8, 0.5, at=(1, 2.5)), 0.99, 8),
    (s.Step(8, 0.5, at=(1, 2.5)), 1, 4),
    (s.Step(8, 0.5, at=(1, 2.5)), 99, 2),
    (s.Exponential(8, 0.25), 0, 8),
    (s.Exponential(8, 0.25), 0.5, 4),
    (s.Exponential(8, 0.25, 2), 4, 0.5),
    (s.Exponential(8, 0.25, per="epoch"), 1.9, 2),
    (s.InverseScaling(6), 0, 6),
    (s.InverseScaling(6), 3, 3),
    (s.InverseScaling(6, 1.0, 0.5), 1, 2),
    (s.Linear(0.5, 0.1, 4), 0, 0.5),
    (s.Linear(0.5, 0.1, 4), 1, 0.4),
    (s.Linear(0.5, 0.1, 4), 4, 0.1),
    (s.Linear(0.5, 0.1, 4), 400, 0.1),
    (s.Cosine(0.5, 0.1, 6), 0, 0.5),
    (s.Cosine(0.5, 0.1, 6), 2, 0.4),  # cos(pi/3) = 1/2
    (s.Cosine(0.5, 0.1, 6), 3, 0.3),
    (s.Cosine(0.5, 0.1, 6), 6, 0.1),
    (s.Cosine(0.5, 0.1, 6), 7, 0.1),
    (s.Cosine(1, 0, 7, 3, 2), 0.5, 0.5),  # cycles of 1, 2 and 4 epochs
    (s.Cosine(1, 0, 7, 3, 2), 1, 1),
    (s.Cosine(1, 0, 7, 3, 2), 2, 0.5),
    (s.Cosine(1, 0, 7, 3, 2), 3, 1),
    (s.Cosine(1, 0, 7, 3, 2), 5, 0.5),
    (s.Cosine(1, 0, 7, 3, 2), 7, 0),
    (s.OneCycle(1, 10), 0, 0.04),
    (s.OneCycle(1, 10), 1.5, 0.52),
    (s.OneCycle(1, 10), 3, 1),
    (s.OneCycle(1, 10), 6.5, (1 + 4e-6) / 2),
    (s.OneCycle(1, 10), 10, 4e-6),
    (s.OneCycle(0.85, 10, 0.95, 0.95), 3, 0.85),
    (s.OneCycle(1, 10, 0.5, 0, 0.5, "linear"), 2.5, 0.75),
    (s.OneCycle(1, 10, 0.5, 0, 0.5, "linear"), 7.5, 0.5),
    (s.CosLog4(2, 15), 0, 0),
    (s.CosLog4(2, 15), np.sqrt(2) - 1, 2),  # 1 + 15 u = sqrt(2): half a turn
    (s.CosLog4(2, 15), 1, 0),
    (s.CosLog4(2, 15), 3, 0),
    (s.CosLog4(2, 15), 7, 0),
    (s.CosLog4(2, 15), 8 * np.sqrt(2) - 1, 2),
    (s.CosLog4(2, 15), 15, 0),
    (s.FlatCosine(2, 0, 8), 0, 2),
    (s.FlatCosine(2, 0, 8), 4, 2),
    (s.FlatCosine(2, 0, 8), 6, 1),
    (s.FlatCosine(2, 0, 8), 8, 0),
    (s.FlatCosine(2, 1, 8, 0.75), 7, 1.5),
    (s.WarmUp(0.5, 4), 0, 0),
    (s.WarmUp(0.5, 4), 1, 0.125),
    (s.WarmUp(0.5, 4), 4, 0.5),
    (s.WarmUp(0.5, 4, 0.5), 2, 0.375),
    (s.WarmUp(s.Linear(1, 0, 6), 2), 1, 0.5),
    (s.WarmUp(s.Linear(1, 0, 6), 2), 5, 0.5),
    (s.Plateau(0.5), 3, 0.5),
    (s.OfEpoch(lambda e: e / 4), 3.9, 0.75),
]


@pytest.mark.parametrize(("schedule", "t", "value"), BY_HAND, ids=str)
def test_by_hand(schedule: s.Schedule, t: float, value: float) -> None:
    # t in CosLog4 is rounded, and its slope there is 0; elsewhere all is a few roundings.
    assert schedule(float(t)) == pytest.approx(value, rel=16 * u, abs=16 * u)
    assert schedule(np.array([float(t)])).tolist() == [schedule(float(t))]


def test_exact_at_the_ends() -> None:
    """No rounding moves a start, an end or a restart."""
    for start, end in ((0.1, 0.007), (0.003, 0.7)):
        assert s.Linear(start, end, 3)(3.0) == end
        assert s.Cosine(start, end, 9, 3)(np.arange(0.0, 9, 3)).tolist() == [start] * 3
        assert s.Cosine(start, end, 9, 3)(9.0) == end
        cycle = s.OneCycle(0.3, 10, start, end)
        assert [cycle(0.0), cycle(3.0), cycle(10.0)] == [start, 0.3, end]
        assert s.FlatCosine(start, end, 10)(10.0) == end
        assert s.WarmUp(start, 3)(3.0) == start
        assert s.Exponential(start, end)(np.arange(2.0)).tolist() == [start, start * end]
    assert s.CosLog4(0.3, 15)(np.array([0.0, 1, 3, 7, 15])).tolist() == [0] * 5


CONTINUOUS = [
    s.Exponential(0.3, 0.5, 2),
    s.InverseScaling(0.3),
    s.Linear(0.1, 0.3, 5),
    s.Cosine(0.3, 0.1, 5),
    s.OneCycle(0.3, 5),
    s.OneCycle(0.3, 5, shape="linear"),
    s.CosLog4(0.3, 5),
    s.FlatCosine(0.3, 0.1, 5),
    s.WarmUp(s.Cosine(0.3, 0.1, 3), 2),
    s.WarmUp(0.3, 2, 0.5),
]


@pytest.mark.parametrize("schedule", CONTINUOUS, ids=repr)
def test_continuous(schedule: s.Schedule) -> None:
    """Over steps of 1/1000 nothing moves by more than the steepest slope allows: 0.3 * 37 an epoch.

    The steepest is the first wave of CosLog4: pi * 15 / ln(2) / 5 epochs = 13.6 a peak; with jumps
    a schedule would move by 0.1 or more.
    """
    values = schedule(np.arange(0, 7, 1e-3))
    assert np.abs(np.diff(values)).max() < 0.3 * 14 * 1e-3


positive = st.floats(1e-6, 1e3)
times = st.lists(st.floats(0, 50), min_size=1, max_size=20)


@given(positive, positive, st.floats(0.5, 40), times, st.integers(1, 4), st.floats(0.5, 3))
def test_bounds_hold(
    a: float, b: float, over: float, t: list[float], cycles: int, growth: float
) -> None:
    """What goes between two numbers never leaves them, not by a rounding."""
    at = np.array(t)
    for schedule in (
        s.Linear(a, b, over),
        s.Cosine(a, b, over, cycles, growth),
        s.FlatCosine(a, b, over),
        s.OneCycle(max(a, b), over, min(a, b), min(a, b)),
    ):
        values = schedule(at)
        assert np.all((values >= min(a, b)) & (values <= max(a, b)))
    waves = s.CosLog4(a, over)(at)
    assert np.all((waves >= 0) & (waves <= a))
    warm = s.WarmUp(s.Cosine(a, 0, over), b)(at)
    assert np.all((warm >= 0) & (warm <= a))


def test_between_equal_numbers_is_their_number() -> None:
    share = np.linspace(0, 1, 1001)
    assert np.max(0.1 * (1 - share) + 0.1 * share) > 0.1, "a rounding, which is cut off"
    assert set(elementary.between(0.1, 0.1, share)) == {0.1}


@given(positive, st.floats(0.01, 0.99), times)
def test_decays_fall(start: float, factor: float, t: list[float]) -> None:
    at = np.sort(t)
    for schedule in (s.Exponential(start, factor), s.InverseScaling(start, factor)):
        values = schedule(at)
        assert np.all(values <= start)
        assert np.all(values[1:] <= values[:-1] * (1 + 200 * u))
        assert np.all(values >= 0)


@given(st.integers(0, 50), st.integers(1, 10**6), st.data(), st.sampled_from(CONTINUOUS[:-2]))
def test_per_epoch_stands_still(epoch: int, n: int, data: Any, schedule: Any) -> None:
    """Step j of n of an epoch has the epoch's value; so has a time a rounding below it."""
    j = data.draw(st.integers(0, n - 1))
    whole = float(epoch)
    warm = s.WarmUp(0.3, 2.5, per="epoch")
    for t in (epoch + j / n, np.nextafter(whole, 0)):
        assert replace(schedule, per="epoch")(t) == schedule(whole)
        assert warm(t) == replace(warm, per="step")(whole)


# Beside the peers: a few roundings each, theirs included.


def close(mine: np.ndarray, recorded: str, roundings: float = 8) -> None:
    """Within so many roundings of the largest value: near its end a cosine is all cancellation."""
    theirs = RECORDED[recorded]
    assert_within(mine, theirs, roundings * u * theirs.max())


def epochs(n: int) -> np.ndarray:
    return np.arange(float(n))


def test_torch() -> None:
    close(s.Step(0.1, 0.5, 3)(epochs(20)), "step")
    close(s.Step(0.1, 0.3, at=(2, 5, 11))(epochs(20)), "multi_step")
    close(s.Exponential(0.1, 0.9)(epochs(20)), "exponential")
    close(s.WarmUp(0.1, 5, 1 / 3)(epochs(10)), "linear")
    close(s.Linear(0.1, 0.01, 8)(epochs(12)), "linear_down")
    close(s.Cosine(0.1, 1e-3, 10)(epochs(11)), "cosine")
    quarters = epochs(4 * 28) / 4
    close(s.Cosine(0.1, 1e-3, 28, 7)(quarters), "restarts_1")
    close(s.Cosine(0.1, 1e-3, 28, 3, 2)(quarters), "restarts_2")


def test_torch_one_cycle() -> None:
    """40 steps, the last of them at the end: a length of 39, the peak at step 0.3 * 40 - 1."""
    steps = epochs(40)
    close(s.OneCycle(0.1, 39, rise=11 / 39)(steps), "one_cycle")
    momentum = s.OneCycle(0.85, 39, 0.95, 0.95, 11 / 39)
    close(momentum(steps), "one_cycle_momentum")
    linear = s.OneCycle(0.1, 39, 0.01, 1e-4, 9 / 39, "linear")
    close(linear(steps), "one_cycle_linear")


def told(schedule: s.Plateau, losses: np.ndarray) -> np.ndarray:
    memory = schedule.begin()
    values = [memory["value"]]
    for loss in losses:
        memory = schedule.told(memory, float(loss))
        values.append(memory["value"])
    return np.array(values)


def test_torch_plateau() -> None:
    losses = RECORDED["losses"]
    mine = told(s.Plateau(0.1, 0.5, 2, 0.02), losses)
    assert mine.tolist() == RECORDED["plateau"].tolist()
    assert len(set(mine)) > 3
    absolute = s.Plateau(0.1, 0.2, 1, 0.02, relative=False, cooldown=3, lowest=1e-3)
    mine = told(absolute, losses)
    assert mine.tolist() == RECORDED["plateau_absolute"].tolist()
    assert mine[-1] == 1e-3


def test_scikit_learn() -> None:
    n = 40  # samples
    mine = s.InverseScaling(0.1, 0.5, 1 / n, per="epoch")(epochs(12))
    close(mine, "invscaling")
    rates = told(s.Plateau.adaptive(0.1, 1e-3, 3), RECORDED["adaptive_loss"])[:-1]
    close(rates, "adaptive")
    assert len(set(rates)) > 3
    # SGDRegressor without a gain after the first epoch: a fifth every n epochs, the 9th is its end.
    for patience, end in zip((3, 5), RECORDED["linear_adaptive"], strict=True):
        rates = told(s.Plateau.adaptive(0.1, 1e9, patience - 1), np.ones(end))
        assert len(set(rates)) == 1 + 9
        assert rates[-1] < rates[-2]


# The elementary functions against decimals of 40 digits.


def _cosine_of_turns(x: float) -> Decimal:
    two_pi = 2 * Decimal("3.14159265358979323846264338327950288419716939937510")
    z, term, total, k = two_pi * (Decimal(x) % 1), Decimal(1), Decimal(1), 0
    while abs(term) > Decimal("1e-38") or k < 10:
        k += 2
        term = -term * z * z / (k * (k - 1))
        total += term
    return total


def _worst(values: np.ndarray, exact: list[Decimal], floor: float = 0.0) -> float:
    """Largest error in units of the last place of the result, or of `floor`."""
    return max(
        float(abs(Decimal(float(v)) - e)) / np.spacing(max(abs(float(e)), floor))
        for v, e in zip(values, exact, strict=True)
    )


def test_elementary_errors() -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.uniform(-40, 40, 500), rng.uniform(-1, 1, 500)])
    assert _worst(elementary.exp2(x), [Decimal(2) ** Decimal(v) for v in x]) < 1.5
    x = np.concatenate([np.exp2(rng.uniform(-40, 40, 500)), rng.uniform(0.5, 2, 500)])
    ln_2 = Decimal(2).ln()
    assert _worst(elementary.log2(x), [Decimal(v).ln() / ln_2 for v in x]) < 4
    x = rng.uniform(0, 4, 1000)
    assert _worst(elementary.cos_turns(x), [_cosine_of_turns(v) for v in x]) < 2
    y = rng.uniform(0, 50, 500)
    for base in (0.1, 0.5, 0.95, 0.999):
        exact = [Decimal(base) ** Decimal(v) for v in y]
        assert _worst(elementary.power(base, y), exact) < 60  # a product of up to 50


def test_elementary_exact() -> None:
    n = np.arange(-30.0, 30)
    assert np.array_equal(elementary.exp2(n), np.ldexp(1.0, n.astype(int)))
    assert np.array_equal(elementary.log2(np.ldexp(1.0, n.astype(int))), n)
    quarters = elementary.cos_turns(np.arange(0, 3, 0.25))
    assert quarters.tolist() == [1, 0, -1, 0] * 3
    with np.errstate(over="ignore"):
        assert elementary.exp2(np.array([-2000.0, 2000])).tolist() == [0, np.inf]


# One digest for every machine: no C library has a say.
DIGEST = "3b6c2640dd042410"


def test_the_same_bits_everywhere() -> None:
    t = np.arange(0, 8, 1 / 64)
    digest = hashlib.sha256()
    for schedule in CONTINUOUS:
        digest.update(schedule(t).astype("<f8").tobytes())
    assert digest.hexdigest()[:16] == DIGEST
