# SPDX-License-Identifier: BSD-3-Clause
"""Random numbers of a counter, dropout and noise, operation by operation as in the kernels."""

cdef struct Turns:
    int n
    double[7] sine, cosine

cdef Turns FLOAT_TURNS, DOUBLE_TURNS

FLOAT_TURNS.n, DOUBLE_TURNS.n = 4, 7
FLOAT_TURNS.sine[:4] = [6.2831855, -41.34186, 81.62467, -76.72692]
FLOAT_TURNS.cosine[:4] = [-19.739208, 64.93915, -85.424515, 58.620136]
DOUBLE_TURNS.sine[:7] = [
    6.283185307179586, -41.341702240398604, 81.60524927517946, -76.70585949475034,
    42.05865918416903, -15.092335294738419, 3.7495433045905635,
]
DOUBLE_TURNS.cosine[:7] = [
    -19.739208802178716, 64.93939402266668, -85.45681720598927, 60.24464122724089,
    -26.426241133010294, 7.902629310402609, -1.688298960463815,
]


cdef inline void sine_and_cosine(real t, real* sine, real* cosine) noexcept nogil:
    """sin(2 pi t) and cos(2 pi t): t = q/4 + f with |f| <= 1/8, then by q mod 4."""
    cdef Constants* E = constants(t)
    cdef Turns* tail = &FLOAT_TURNS if real is float else &DOUBLE_TURNS
    cdef real four = 4, one = 1, shifted = fma(t, four, <real>E.integers), f, z, s, c
    cdef int q = <int>(bits_of(shifted) & 3)
    f = fma(shifted - <real>E.integers, <real>-0.25, t)
    z = f * f
    s = f * polynomial(tail.sine, tail.n, z)
    c = fma(polynomial(tail.cosine, tail.n, z), z, one)
    sine[0] = s if q == 0 else c if q == 1 else -s if q == 2 else -c
    cosine[0] = c if q == 0 else -s if q == 1 else -c if q == 2 else s


cdef inline real sin_2pi(real t) noexcept nogil:
    cdef real sine, cosine
    sine_and_cosine(t, &sine, &cosine)
    return sine


cdef inline real cos_2pi(real t) noexcept nogil:
    cdef real sine, cosine
    sine_and_cosine(t, &sine, &cosine)
    return cosine


cdef int[8] ROTATIONS
ROTATIONS[:] = [13, 15, 26, 6, 17, 29, 16, 24]


cdef void encipher(uint32_t* key, uint32_t* x) noexcept nogil:
    """Threefry-2x32 with 13 rounds: the counter x becomes its words."""
    cdef uint32_t[3] keys
    cdef uint32_t n
    keys[0], keys[1], keys[2] = key[0], key[1], 0x1BD11BDA ^ key[0] ^ key[1]
    x[0] += keys[0]
    x[1] += keys[1]
    for n in range(13):
        x[0] += x[1]
        x[1] = x[1] << ROTATIONS[n % 8] | x[1] >> (32 - ROTATIONS[n % 8])
        x[1] ^= x[0]
        if n % 4 == 3:
            x[0] += keys[(n // 4 + 1) % 3]
            x[1] += keys[(n // 4 + 2) % 3] + n // 4 + 1


def threefry(key, counter):
    """Both words of a counter."""
    cdef uint32_t[2] k
    cdef uint32_t[2] x
    k[0], k[1] = key
    x[0], x[1] = counter
    encipher(k, x)
    return x[0], x[1]


def random_words(key, rows, Py_ssize_t units):
    """The word of each unit j of the rows of these numbers, (n, units).

    j = 32 p + c takes word c div 16 of the counter (row, 16 p + c mod 16).
    """
    cdef uint32_t[2] k
    cdef uint32_t[2] x
    cdef Py_ssize_t d, j
    cdef const int64_t[:] row = np.ascontiguousarray(rows, np.int64)
    result = np.empty((row.shape[0], units), np.uint32)
    cdef uint32_t[:, :] words = result
    k[0], k[1] = key
    for d in range(row.shape[0]):
        for j in range(units):
            x[0] = <uint32_t>row[d]
            x[1] = <uint32_t>(j // 32 * 16 + j % 16) + (<uint32_t>(row[d] >> 32) << 24)
            encipher(k, x)
            words[d, j] = x[j % 32 // 16]
    return result


def stream_key(key, epoch, stream):
    """The key of a stream of an epoch: both words of the counter (epoch, 16 stream)."""
    return threefry((key & 0xFFFFFFFF, key >> 32), (epoch, 16 * stream))


def drop_threshold(rate):
    """The words below it drop: the rate in units of 2^-32, to the nearest."""
    return int(min(np.floor(rate * 2.0**32 + 0.5), 2.0**32 - 1))


def drop(const real[:, :] o, const uint32_t[:, :] words, uint32_t threshold):
    """o[d, j] times mask / (1 - p)."""
    cdef real zero = 0, scale = <real>(2.0**32 / (2.0**32 - threshold))
    cdef Py_ssize_t d, j
    result = np.empty((o.shape[0], o.shape[1]), dtype_of(zero))
    cdef real[:, :] dropped = result
    for d in range(o.shape[0]):
        for j in range(o.shape[1]):
            dropped[d, j] = o[d, j] * scale if words[d, j] >= threshold else zero
    return result


def through_softmax(const real[:, :] o, const real[:, :] u):
    """delta[d, l] = o[d, l] (u[d, l] - sum_j u[d, j] o[d, j])  (24)."""
    result = np.array(u)
    cdef real[:, :] delta = result
    cdef Py_ssize_t d
    for d in range(o.shape[0]):
        softmax_delta(o[d, :], delta[d, :])
    return result


def add_noise(const real[:, :] o, const uint32_t[:, :] words, double sigma):
    """o[d, j] + sigma n, two n from the two words of a counter (Box and Muller)."""
    cdef real zero = 0, half = 0.5, minus_two = -2, s = <real>sigma, u, angle, radius, sine, cosine
    cdef Py_ssize_t d, j, c
    cdef uint32_t[:, :] w
    result = np.empty((o.shape[0], o.shape[1]), dtype_of(zero))
    cdef real[:, :] noisy = result
    for d in range(o.shape[0]):
        for j in range(o.shape[1]):
            c = j // 32 * 32 + j % 16
            u = (<real>(words[d, c] >> 1) + half) * <real>2.0**-31
            angle = <real><int32_t>words[d, c + 16] * <real>2.0**-32
            radius = sqrt(minus_two * log(u))
            sine_and_cosine(angle, &sine, &cosine)
            noisy[d, j] = fma(s, radius * (sine if j % 32 >= 16 else cosine), o[d, j])
    return result


def layer_words(step, layer, Py_ssize_t units):
    """The words and the threshold of a layer's masks in a RandomStep, or None where it drops none."""
    threshold = drop_threshold(step.rates[layer])
    if threshold == 0:
        return None
    return random_words(stream_key(step.key, step.epoch, 2 * layer), step.rows, units), threshold


def perturbed(o, step):
    """o[0] with the noise of a RandomStep, then dropped."""
    if step.noise:
        key = stream_key(step.key, step.epoch, 1)
        o = add_noise(o, random_words(key, step.rows, (o.shape[1] + 31) // 32 * 32), step.noise)
    return dropped(o, step, 0)


def dropped(o, step, layer):
    """o[layer] with the masks of a RandomStep."""
    drops = layer_words(step, layer, o.shape[1])
    return o if drops is None else drop(o, *drops)
