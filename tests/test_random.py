# SPDX-License-Identifier: BSD-3-Clause
"""Threefry and what is drawn with it: published answers, one definition, the distributions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from test_kernels import ACTIVATIONS, panels, rows_of
from tolerances import assert_within

from deltarule import _core
from deltarule.dropout import RandomStep, key_of
from deltarule.oracle import literal, random

Array = NDArray[Any]
kernels = _core.kernels

KEY = (0x12345678, 0x9ABCDEF0)
ROWS = np.array([0, 1, 5, 2**20 + 3, 2**31, 2**32 - 1, 2**32 + 1, 2**39 + 7, 2], np.int64)
WIDTHS = [1, 4, 15, 16, 17, 31, 32, 33, 48, 65]
PI = ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3))
ONES = (0xFFFFFFFF, 0xFFFFFFFF)

# Random123's kat_vectors: rounds, key, counter, words.
KNOWN = [
    (13, (0, 0), (0, 0), (0x9D1C5EC6, 0x8BD50731)),
    (13, ONES, ONES, (0xFD36D048, 0x2D17272C)),
    (13, *PI, (0xBA3E4725, 0xF27D669E)),
    (20, (0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
    (20, ONES, ONES, (0x1CB996FC, 0xBB002BE7)),
    (20, *PI, (0xC4923A9C, 0x483DF7A0)),
]


@pytest.mark.parametrize(("rounds", "key", "counter", "expected"), KNOWN)
def test_threefry_has_the_published_answers(
    isa: str, rounds: int, key: tuple[int, int], counter: tuple[int, int],
    expected: tuple[int, int],
) -> None:  # fmt: skip
    assert tuple(map(int, random.threefry(key, *counter, rounds))) == expected
    if rounds == 13:
        assert literal.threefry(key, counter) == expected
        first, lane = divmod(counter[1], 16)
        block = kernels.random_words(key, np.array([counter[0]]), first, 1)[0, 0]
        assert (int(block[lane]), int(block[lane + 16])) == expected


def test_words_have_one_definition(isa: str) -> None:
    expected = literal.random_words(KEY, ROWS, 100)
    native = rows_of(kernels.random_words(KEY, ROWS, 0, 4), 100)
    assert native.tobytes() == expected.tobytes() == random.words(KEY, ROWS, 100).tobytes()
    assert len(np.unique(expected)) == expected.size


def test_keys_of_streams_differ() -> None:
    keys = {
        random.stream_key(key, epoch, stream)
        for key in (0, 1, 2**64 - 1)
        for epoch in (0, 1, 2)
        for stream in range(5)
    }
    assert len(keys) == 45
    for key, epoch, stream in [(5, 0, 0), (2**63 + 9, 7, 3), (2**64 - 1, 2**20, 6)]:
        assert literal.stream_key(key, epoch, stream) == random.stream_key(key, epoch, stream)


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu", "softmax"])
@pytest.mark.parametrize("units", WIDTHS)
def test_drop_has_the_literal_bits(
    isa: str, dtype: str, units: int, activation: str, rng: np.random.Generator
) -> None:
    """o, the slope that is made of it, and one that was there; nothing of the padding."""
    net = rng.standard_normal((len(ROWS), units)).astype(dtype)
    net[0, 0], net[1, 0] = 0.0, -0.0
    o, code = literal.activate(activation, net), ACTIVATIONS.index(activation)
    slope = o if activation == "softmax" else literal.parts(activation, net)[1]
    words = literal.random_words(KEY, ROWS, units)
    for rate in (2.0**-32, 0.1, 0.5, 0.99):
        threshold = literal.drop_threshold(rate)
        scale = np.dtype(dtype).type(2.0**32 / (2.0**32 - threshold))
        arguments = KEY, ROWS, units, panels(o), code
        dropped, made = kernels.drop(*arguments, None, threshold, scale)
        assert rows_of(dropped, units).tobytes() == literal.drop(o, words, threshold).tobytes()
        expected = slope if activation == "softmax" else literal.drop(slope, words, threshold)
        assert rows_of(made, units).tobytes() == expected.tobytes()
        dropped, kept = kernels.drop(*arguments, panels(slope), threshold, scale)
        assert rows_of(kept, units).tobytes() == literal.drop(slope, words, threshold).tobytes()


@pytest.mark.parametrize("units", WIDTHS)
def test_noise_has_the_literal_bits(isa: str, dtype: str, units: int) -> None:
    o = np.linspace(-1, 1, len(ROWS) * units).reshape(-1, units).astype(dtype)
    words = literal.random_words(KEY, ROWS, -(-units // 32) * 32)
    expected = literal.add_noise(o, words, 0.3)
    noisy = rows_of(kernels.add_noise(KEY, ROWS, units, panels(o), 0.3), units)
    assert noisy.tobytes() == expected.tobytes()


def test_noise_is_the_oracle_s(dtype: str) -> None:
    """u is rounded to T, so log u is off by the unit roundoff, the radius sqrt(-2 log u) by half
    of that over itself; then a few roundings of every factor."""
    key, rows = 77, np.arange(3000)
    step = RandomStep(key, 4, rows, (0.0,), 1.0)
    expected = random.noise(step, 32)
    words = literal.random_words(random.stream_key(key, 4, random.NOISE), rows, 32)
    native = literal.add_noise(np.zeros((len(rows), 32), dtype), words, 1.0)
    unit = float(np.finfo(dtype).eps)
    radius = np.hypot(expected[:, :16], expected[:, 16:])
    bound = unit * (8 * radius + 1 / np.maximum(radius, np.sqrt(unit)) + np.sqrt(unit))
    assert_within(native, expected, np.hstack([bound, bound]))


def normal_sample() -> Array:
    """2^20 numbers: of many rows and both halves of the panels."""
    return random.noise(RandomStep(2024, 0, np.arange(2**14), (0.0,), 1.0), 64)


def test_noise_is_normal() -> None:
    """Mean, variance, skewness, kurtosis, tails and the distance of Kolmogorov and Smirnov."""
    x = normal_sample().ravel()
    n = x.size
    assert abs(x.mean()) < 4 / np.sqrt(n)
    assert abs(x.var() - 1) < 4 * np.sqrt(2 / n)
    assert abs(stats.skew(x)) < 4 * np.sqrt(6 / n)
    assert abs(stats.kurtosis(x)) < 4 * np.sqrt(24 / n)
    assert stats.kstest(x, "norm").pvalue > 1e-3
    for limit in (1, 2, 3, 4):
        p = 2 * stats.norm.sf(limit)
        assert abs(np.mean(np.abs(x) > limit) - p) < 4 * np.sqrt(p / n)
    assert np.abs(x).max() < np.sqrt(2 * 32 * np.log(2))


def test_noise_of_features_and_samples_is_uncorrelated() -> None:
    x = normal_sample()
    correlation = np.corrcoef(x.T)[np.triu_indices(64, 1)]
    assert np.abs(correlation).max() < 5 / np.sqrt(len(x))
    following = np.mean(x[1:] * x[:-1], axis=0)
    assert np.abs(following).max() < 5 / np.sqrt(len(x))
    later = random.noise(RandomStep(2024, 1, np.arange(len(x)), (0.0,), 1.0), 64)
    assert abs(np.mean(x * later)) < 4 / np.sqrt(x.size)


@pytest.mark.parametrize("rate", [0.05, 0.2, 0.5, 0.9])
def test_masks_drop_their_share_independently(rate: float) -> None:
    """Of all, each unit, each sample; of pairs of units, samples, epochs, layers and keys."""
    n, units = 2**13, 96
    steps = [
        RandomStep(key, epoch, np.arange(n), (rate, rate))
        for key, epoch in [(1, 0), (1, 1), (2, 0)]
    ]
    masks = [random.factor(step, layer, units) for step in steps for layer in (0, 1)]
    p = literal.drop_threshold(rate) / 2.0**32
    centred = []
    for mask in masks:
        assert mask is not None
        assert set(np.unique(mask)) == {0.0, 1 / (1 - p)}
        dropped = mask == 0
        deviation = np.sqrt(rate * (1 - rate))
        assert abs(dropped.mean() - rate) < 4 * deviation / np.sqrt(n * units)
        assert np.abs(dropped.mean(axis=0) - rate).max() < 5 * deviation / np.sqrt(n)
        assert np.abs(dropped.mean(axis=1) - rate).max() < 6 * deviation / np.sqrt(units)
        centred.append((dropped - rate) / deviation)
    first = centred[0]
    assert np.abs(np.corrcoef(first.T)[np.triu_indices(units, 1)]).max() < 5.5 / np.sqrt(n)
    assert abs(np.mean(first[1:] * first[:-1])) < 4 / np.sqrt(first.size)
    for other in centred[1:]:
        assert abs(np.mean(first * other)) < 4 / np.sqrt(first.size)


def test_bits_of_words_are_fair() -> None:
    """Each of the 32 bits, and each pair of neighbours, over 2^20 words."""
    words = literal.random_words(KEY, np.arange(2**14), 64).ravel()
    bits = (words[:, None] >> np.arange(32, dtype=np.uint32)) & 1
    n = len(words)
    assert np.abs(bits.mean(axis=0) - 0.5).max() < 4.5 * 0.5 / np.sqrt(n)
    assert np.abs(np.mean(bits[:, 1:] ^ bits[:, :-1], axis=0) - 0.5).max() < 4.5 * 0.5 / np.sqrt(n)


def test_keys_of_seeds() -> None:
    """One key per seed; a generator gives the key of its state, and keeps that."""
    assert key_of(3) == key_of(3) != key_of(4)
    assert key_of(3) == key_of(np.random.default_rng(3))
    assert key_of(None) != key_of(None)
    rng = np.random.default_rng(5)
    before = rng.bit_generator.state
    first = key_of(rng)
    assert rng.bit_generator.state == before
    rng.permutation(4)
    assert key_of(rng) != first
    assert 0 <= first < 2**64
    for bits in (np.random.MT19937(1), np.random.Philox(1), np.random.SFC64(1)):
        assert key_of(np.random.Generator(bits)) == key_of(np.random.Generator(bits))
