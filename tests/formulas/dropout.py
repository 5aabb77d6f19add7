# SPDX-License-Identifier: BSD-3-Clause
"""(D1) to (D6): docs/reference/regularisation.md, on a 3-4-2 network with a tanh layer."""

import itertools

import numpy as np
from differences import exact

from deltarule.dropout import RandomStep
from deltarule.oracle import random
from formulas.forward import X, Y
from formulas.registry import formula, same_bits, slopes, values

RNG = np.random.default_rng(5)
TO_HIDDEN, TO_OUTPUT = RNG.normal(size=(4, 4)), RNG.normal(size=(2, 5))  # bias last
P = 0.25
MASK = RNG.random((len(X), 4)) >= P
WORDS32 = 2**32


def hidden(shift=0.0):
    return np.tanh(np.column_stack([X, np.ones(len(X))]) @ TO_HIDDEN.T + shift)


def loss(shift):
    """L with the masks of (D1), as a function of what is added to the hidden nets."""
    dropped = hidden(shift) * MASK / (1 - P)
    y_hat = np.column_stack([dropped, np.ones(len(X))]) @ TO_OUTPUT.T
    return float(np.sum((Y - y_hat) ** 2) / 2)


@formula("D1", r"o_{ij} \frac{M_{ij}}{1 - p}", r"P(M_{ij} = 0) = p")
def mean_over_all_masks():
    o = hidden()[0]
    masks = np.array(list(itertools.product([0, 1], repeat=4)))
    chances = np.prod(np.where(masks == 0, P, 1 - P), axis=1)
    yield from values(chances @ (o * masks / (1 - P)), o)


@formula("D2", r"\frac{M_{ij}}{1 - p} \sum_l \delta^{(k+1)}_{il} W^{(k)}_{lj}")
def delta_through_the_mask():
    o = hidden()
    at_output = Y - np.column_stack([o * MASK / (1 - P), np.ones(len(o))]) @ TO_OUTPUT.T
    delta = (1 - o**2) * MASK / (1 - P) * (at_output @ TO_OUTPUT[:, :-1])
    yield from slopes(-delta, loss, np.zeros(o.shape))


def threefry(key, x, y):
    """In Python's integers."""
    keys = (*key, 0x1BD11BDA ^ key[0] ^ key[1])
    rotations = (13, 15, 26, 6, 17, 29, 16, 24)
    x, y = (x + keys[0]) % WORDS32, (y + keys[1]) % WORDS32
    for n in range(13):
        x = (x + y) % WORDS32
        r = rotations[n % 8]
        y = (y * 2**r % WORDS32 + y // 2 ** (32 - r)) ^ x
        if n % 4 == 3:
            s = n // 4 + 1
            x, y = (x + keys[s % 3]) % WORDS32, (y + keys[(s + 1) % 3] + s) % WORDS32
    return x, y


@formula("D4", r"x \leftarrow x + y", r"(y \lll r_n) \oplus x")
def rounds():
    yield from same_bits(threefry((0, 0), 0, 0), [0x9D1C5EC6, 0x8BD50731])  # Random123's
    for key, x, y in RNG.integers(0, WORDS32, (20, 3)).tolist():
        words = random.threefry((key, key // 3), x, y)
        yield from same_bits(threefry((key, key // 3), x, y), [float(w) for w in words])


def word(key, i, j):
    """By (D5)."""
    c = i % WORDS32, (16 * (j // 32) + j % 16 + 2**24 * (i // WORDS32)) % WORDS32
    return threefry(key, *c)[j % 32 // 16]


@formula("D5", r"16 \left\lfloor j / 32 \right\rfloor + j \bmod 16 + 2^{24}", r"i \bmod 2^{32}")
def counters():
    rows = [0, 3, 2**32 - 1, 2**32 + 5]
    words = random.words((7, 8), np.array(rows), 70)
    yield from same_bits([[word((7, 8), i, j) for j in range(70)] for i in rows], words)


def normals(key, i):
    """By (D6), of units 0 ... 31 of row i."""
    a = np.array([word(key, i, j) for j in range(16)], np.float64)
    b = np.array([word(key, i, j) for j in range(16, 32)], np.float64)
    b = np.where(b < WORDS32 / 2, b, b - WORDS32)
    radius = np.sqrt(-2 * np.log((np.floor(a / 2) + 0.5) / 2**31))
    return np.concatenate(
        [radius * np.cos(2 * np.pi * b / WORDS32), radius * np.sin(2 * np.pi * b / WORDS32)]
    )


@formula("D6", r"\sqrt{-2 \log u} \cos 2 \pi t", r"\sqrt{-2 \log u} \sin 2 \pi t")
def box_and_muller():
    """Half of the squared radius is exponential in u: u = exp(-(n_1^2 + n_2^2) / 2)."""
    step = RandomStep(9, 2, np.array([4]), (0.0,))
    n = random.noise(step, 32)[0]
    key = random.stream_key(9, 2, random.NOISE)
    yield from values(normals(key, 4), n)
    u = np.exp(-(n[:16] ** 2 + n[16:] ** 2) / 2)
    yield from values(np.array([(word(key, 4, j) // 2 + 0.5) / 2**31 for j in range(16)]), u)


@formula("D3", r"+ \sigma n \right) \odot \frac{M}{1 - p}")
def perturbed_input():
    step = RandomStep(9, 2, np.arange(len(X)), (P,), 0.5)
    standardised = (X - 0.5) * 2
    noise = np.array([normals(random.stream_key(9, 2, 1), i)[: X.shape[1]] for i in range(len(X))])
    stays = np.array(
        [[word(random.stream_key(9, 2, 0), i, j) >= P * WORDS32 for j in range(X.shape[1])]
         for i in range(len(X))]
    )  # fmt: skip
    perturbed = random.perturbed(standardised, step)
    yield from values((standardised + 0.5 * noise) * stays / (1 - P), perturbed)
    yield float(np.mean(stays)), exact(np.mean(random.perturbed(np.ones(X.shape), step) != 0))
