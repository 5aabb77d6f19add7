# SPDX-License-Identifier: BSD-3-Clause
"""Random numbers of a key and a counter, and what a training draws with them.

Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3 (SC 2011). Equations (D1) to
(D6) in docs/reference/regularisation.md.
"""

from __future__ import annotations

import numpy as np

from deltarule._typing import ArrayLike, NDArray
from deltarule.dropout import WORDS, RandomStep
from deltarule.oracle.activations import Float64

Words = NDArray[np.uint32]
Key = tuple[int, int]

ROUNDS = 13
ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)
PARITY = 0x1BD11BDA
PANEL = 32  # units whose words come from 16 counters
NOISE = 1  # the stream of the noise; 2k is that of the masks of layer k


def threefry(
    key: Key, first: ArrayLike, second: ArrayLike, rounds: int = ROUNDS
) -> tuple[Words, Words]:
    """Threefry-2x32: the two words of each counter  (D4).

    Parameters
    ----------
    key : (int, int)
        Two words.
    first, second : array of uint32
        The two words of the counters.
    rounds : int
        How often they are mixed.

    Returns
    -------
    x, y : array of uint32
    """
    keys = [np.uint32(word) for word in (key[0], key[1], PARITY ^ key[0] ^ key[1])]
    with np.errstate(over="ignore"):
        x = np.asarray(first, np.uint32) + keys[0]
        y = np.asarray(second, np.uint32) + keys[1]
        for n in range(rounds):
            x = x + y
            bits = ROTATIONS[n % 8]
            y = (y << np.uint32(bits) | y >> np.uint32(32 - bits)) ^ x
            if n % 4 == 3:
                turn = n // 4 + 1
                x = x + keys[turn % 3]
                y = y + (keys[(turn + 1) % 3] + np.uint32(turn))
    return np.asarray(x), np.asarray(y)


def stream_key(key: int, epoch: int, stream: int) -> Key:
    """Return the key of a stream of an epoch: both words of the counter (epoch, 16 stream)."""
    x, y = threefry((key % 2**32, key >> 32), epoch % 2**32, 16 * stream + (epoch >> 32 << 24))
    return int(x), int(y)


def words(key: Key, rows: NDArray[np.int64], units: int) -> Words:
    """Return the word of each unit of each row  (D5).

    Parameters
    ----------
    key : (int, int)
        Of the stream.
    rows : array of int64, (n,)
        Their numbers.
    units : int
        How many there are in the layer.

    Returns
    -------
    array of uint32, (n, units)
    """
    j = np.arange(units)
    place = j // PANEL * 16 + j % 16
    high = (rows >> 32) << 24
    second = (place + high[:, None]) % 2**32
    x, y = threefry(key, np.broadcast_to((rows % 2**32)[:, None], second.shape), second)
    return np.where(j % PANEL < 16, x, y)


def threshold(rate: float) -> int:
    """Return the number of words that drop: p 2^32, rounded."""
    return int(min(np.floor(rate * WORDS + 0.5), WORDS - 1))


def factor(step: RandomStep, layer: int, units: int) -> Float64 | None:
    """mask / (1 - p) of a layer, p as rounded: 0 where a unit is dropped  (D1), (D2).

    Parameters
    ----------
    step : RandomStep
        Which numbers.
    layer : int
        0 ... m.
    units : int
        How many it has.

    Returns
    -------
    array, (n, units), or None where p is 0
    """
    drops = threshold(step.rates[layer])
    if drops == 0:
        return None
    stays = words(stream_key(step.key, step.epoch, 2 * layer), step.rows, units) >= drops
    return np.where(stays, WORDS / (WORDS - drops), 0.0)


def noise(step: RandomStep, units: int) -> Float64:
    """Draw from the normal distribution for each feature of each row, by Box and Muller  (D6).

    Parameters
    ----------
    step : RandomStep
        Which numbers.
    units : int
        Number of features.

    Returns
    -------
    array, (n, units)
    """
    panels = -(-units // PANEL)
    drawn = words(stream_key(step.key, step.epoch, NOISE), step.rows, panels * PANEL)
    halves = drawn.reshape(len(step.rows), panels, 2, PANEL // 2)
    u = (halves[:, :, 0] // 2 + 0.5) / 2**31
    angle = 2 * np.pi * halves[:, :, 1].astype(np.int32) / WORDS
    radius = np.sqrt(-2 * np.log(u))
    both = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=2)
    return both.reshape(len(step.rows), panels * PANEL)[:, :units]


def dropped(o: Float64, step: RandomStep, layer: int) -> Float64:
    """Return o mask / (1 - p)  (D1).

    Parameters
    ----------
    o : array, (n, H_k)
        Outputs of the layer.
    step : RandomStep
        Which numbers.
    layer : int
        k.

    Returns
    -------
    array, (n, H_k)
    """
    mask = factor(step, layer, o.shape[1])
    return o if mask is None else o * mask


def perturbed(o: Float64, step: RandomStep) -> Float64:
    """Return the input with its noise, then dropped: o[0] of a training's row  (D3).

    Parameters
    ----------
    o : array, (n, H_0)
        o[0] as any forward pass has it.
    step : RandomStep
        Which numbers.

    Returns
    -------
    array, (n, H_0)
    """
    return dropped(o + step.noise * noise(step, o.shape[1]) if step.noise else o, step, 0)
