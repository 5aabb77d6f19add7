# SPDX-License-Identifier: BSD-3-Clause
"""exp, log, log1p, logistic and tanh of one number, operation by operation as in the kernels.

The numbers are those of csrc/kernels/vec/elementary.inl.hpp; benchmarks/fit_polynomials.py derives
them. `real` is float or double; a constant is cast to it before it meets a variable, since C would
compute the rest of the expression in double.
"""

from libc.math cimport fma as fma_double, fmaf as fma_float
from libc.math cimport sqrt as sqrt_double, sqrtf as sqrt_float
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

ctypedef fused real:
    float
    double

cdef struct Constants:
    int mantissa, bias
    double integers  # x + integers rounds x to an integer
    double log2_e, ln_2, ln_2_rest
    double exp_low, exp_high, tanh_one
    double smallest_normal, largest, lift
    double least_mean  # of gradients: below, 0
    double least_distance  # of a softmax's net from the largest: below, its term is 0
    int n_exp, n_tanh, n_log, n_normal
    double[10] exp_tail, tanh_tail, log_tail
    double normal_reach
    double[24] normal_tail

cdef Constants FLOAT, DOUBLE

FLOAT.mantissa, FLOAT.bias = 23, 127
FLOAT.integers, FLOAT.lift = 1.5 * 2.0**23, 2.0**23
FLOAT.log2_e, FLOAT.ln_2, FLOAT.ln_2_rest = 1.442695, 0.6931472, -1.9046542e-09
FLOAT.exp_low, FLOAT.exp_high, FLOAT.tanh_one = -104, 89, 10
FLOAT.least_mean = 2.0**-100
FLOAT.least_distance = -70.0
FLOAT.smallest_normal, FLOAT.largest = 2.0**-126, (2 - 2.0**-23) * 2.0**127
FLOAT.n_exp, FLOAT.n_tanh, FLOAT.n_log = 5, 4, 3
FLOAT.exp_tail[:5] = [0.49999997, 0.16666546, 0.041667435, 0.008366266, 0.0013870656]
FLOAT.tanh_tail[:4] = [-0.33332947, 0.13320726, -0.0526717, 0.016437126]
FLOAT.log_tail[:3] = [0.6666695, 0.3995772, 0.30362338]

DOUBLE.mantissa, DOUBLE.bias = 52, 1023
DOUBLE.integers, DOUBLE.lift = 1.5 * 2.0**52, 2.0**52
DOUBLE.log2_e, DOUBLE.ln_2 = 1.4426950408889634, 0.6931471805599453
DOUBLE.ln_2_rest = 2.3190468138462996e-17
DOUBLE.exp_low, DOUBLE.exp_high, DOUBLE.tanh_one = -746, 710, 20
DOUBLE.least_mean = 2.0**-1000
DOUBLE.least_distance = -690.0
DOUBLE.smallest_normal, DOUBLE.largest = 2.0**-1022, (2 - 2.0**-52) * 2.0**1023
DOUBLE.n_exp, DOUBLE.n_tanh, DOUBLE.n_log = 10, 10, 7
DOUBLE.exp_tail[:10] = [
    0.5000000000000006, 0.16666666666666646, 0.041666666666575945, 0.008333333333361384,
    0.001388888893153519, 0.000198412697687604, 2.480150541260683e-05, 2.7557369907145433e-06,
    2.7625972602057827e-07, 2.506414058509738e-08,
]
DOUBLE.tanh_tail[:10] = [
    -0.3333333333333231, 0.13333333333168282, -0.053968253875863736, 0.021869485969459115,
    -0.008863194430415377, 0.0035917190931973883, -0.001453213737373815, 0.0005791279986355948,
    -0.00021028760503578328, 5.101121906950632e-05,
]
DOUBLE.log_tail[:7] = [
    0.6666666666667268, 0.3999999999617654, 0.28571429392888037, 0.2222213868003591,
    0.1818634936047812, 0.1525031267678873, 0.15367293314702957,
]

FLOAT.normal_reach, FLOAT.n_normal = 15, 11
FLOAT.normal_tail[:11] = [
    0.75528514, -0.6078966, 0.3871363, -0.18652217, 0.06041065, -0.0075340364, -0.0035398747,
    0.0015881979, 0.00022317565, -0.00014078035, -2.0843667e-05,
]
DOUBLE.normal_reach, DOUBLE.n_normal = 39, 24
DOUBLE.normal_tail[:24] = [
    0.7552851304157515, -0.6078966419718922, 0.3871374007422076, -0.18652185795964515,
    0.06039657489130452, -0.007540188967159449, -0.0034796923750691445, 0.0016308184640168213,
    0.00013334439523861083, -0.0002310949829859221, -1.908785263815395e-06, 3.514487346796098e-05,
    7.187782007622695e-07, -5.920511206211756e-06, -6.351950610057492e-07, 1.021474084727398e-06,
    2.8110031276737285e-07, -1.5338916941651628e-07, -9.526402474640576e-08,
    1.0265970743235948e-08, 2.5577088330926035e-08, 4.448738212417188e-09, -4.089215835935578e-09,
    -1.552750513282384e-09,
]


cdef inline Constants* constants(real x) noexcept nogil:
    return &FLOAT if real is float else &DOUBLE


cdef inline real fma(real a, real b, real c) noexcept nogil:
    return fma_float(a, b, c) if real is float else fma_double(a, b, c)


cdef inline real sqrt(real x) noexcept nogil:
    return sqrt_float(x) if real is float else sqrt_double(x)


cdef union Float:
    float number
    uint32_t bits

cdef union Double:
    double number
    uint64_t bits


cdef inline uint64_t bits_of(real x) noexcept nogil:
    cdef Float f
    cdef Double d
    if real is float:
        f.number = x
        return f.bits
    else:
        d.number = x
        return d.bits


cdef inline real with_bits(uint64_t bits, real like) noexcept nogil:
    """The number of these bits, of the type of `like`; a float takes the lower half of them."""
    cdef Float f
    cdef Double d
    if real is float:
        f.bits = <uint32_t>bits
        return f.number
    else:
        d.bits = bits
        return d.number


cdef inline real magnitude(real x) noexcept nogil:
    return with_bits(bits_of(x) & ((<uint64_t>1 << (31 if real is float else 63)) - 1), x)


cdef inline real polynomial(const double* c, int n, real x) noexcept nogil:
    """c_0 + c_1 x + c_2 x^2 + ..., Horner."""
    cdef real p = <real>c[n - 1]
    cdef int k
    for k in range(n - 2, -1, -1):
        p = fma(p, x, <real>c[k])
    return p


cdef inline real exp_near_zero(real r) noexcept nogil:
    cdef Constants* E = constants(r)
    cdef real one = 1
    return fma(fma(polynomial(E.exp_tail, E.n_exp, r), r, one), r, one)


cdef inline real scale(real p, real shifted) noexcept nogil:
    """p 2^n, rounded once: first 2^floor(n/2), then the rest; n + 2 bias in the low bits."""
    cdef Constants* E = constants(p)
    cdef uint64_t exponents = ~<uint64_t>0 << E.mantissa
    cdef uint64_t half = (bits_of(shifted) << (E.mantissa - 1)) & exponents
    cdef uint64_t rest = (bits_of(shifted) << E.mantissa) - half
    return p * with_bits(half, p) * with_bits(rest, p)


cdef inline real exp(real x) noexcept nogil:
    """2^n exp(r), x = n ln(2) + r; NaN passes both comparisons."""
    cdef Constants* E = constants(x)
    cdef real integers = <real>(E.integers + 2 * E.bias), shifted, n, r
    x = <real>E.exp_low if x < <real>E.exp_low else x
    x = <real>E.exp_high if x > <real>E.exp_high else x
    shifted = fma(x, <real>E.log2_e, integers)
    n = shifted - integers
    r = fma(n, <real>-E.ln_2_rest, fma(n, <real>-E.ln_2, x))
    return scale(exp_near_zero(r), shifted)


cdef inline real logistic(real x) noexcept nogil:
    cdef real one = 1, e = exp(-magnitude(x))
    return (e if x < 0 else one) / (one + e)


cdef inline real tanh(real x) noexcept nogil:
    """An odd polynomial below 0.55, then 1 - 2 / (1 + exp(2|x|)); the sign is put back as bits."""
    cdef Constants* E = constants(x)
    cdef real one = 1, half = 0.5, size = magnitude(x), a, z, y, integers, shifted, r, power, t
    a = <real>E.tanh_one if size > <real>E.tanh_one else size
    if a < <real>0.55:
        z = a * a
        t = fma(polynomial(E.tanh_tail, E.n_tanh, z), z * a, a)
    else:
        y = a + a
        integers = <real>(E.integers + (E.bias - 1))
        shifted = fma(y, <real>E.log2_e, integers)
        r = fma(shifted - integers, <real>-E.ln_2, y)
        power = with_bits(bits_of(shifted) << E.mantissa, x)  # half of 2^n
        t = one - one / fma(power, exp_near_zero(r), half)
    return with_bits(bits_of(t) | (bits_of(x) ^ bits_of(size)), x)


cdef inline real log_near_one(real f, real k) noexcept nogil:
    """log(1 + f) + k ln(2) with s = f/(2 + f)."""
    cdef Constants* E = constants(f)
    cdef real half_square = f * <real>0.5 * f, s = f / (f + <real>2), z = s * s, correction
    correction = fma(s, fma(polynomial(E.log_tail, E.n_log, z), z, half_square),
                     k * <real>E.ln_2_rest)
    return fma(k, <real>E.ln_2, f - (half_square - correction))


cdef inline real log(real x) noexcept nogil:
    """x = 2^k (1 + f) with 1 + f in [3/4, 3/2); x > 0."""
    cdef Constants* E = constants(x)
    cdef uint64_t half_octave = <uint64_t>1 << (E.mantissa - 1), shifted
    cdef uint64_t fraction = (<uint64_t>1 << E.mantissa) - 1
    cdef uint64_t three_quarters = (<uint64_t>E.bias << E.mantissa) - half_octave
    cdef bint subnormal = x < <real>E.smallest_normal
    cdef real f, k
    if not x <= <real>E.largest:
        return x
    shifted = bits_of(x * <real>E.lift if subnormal else x) + half_octave
    f = with_bits((shifted & fraction) + three_quarters, x) - <real>1
    k = <real>(<int>(shifted >> E.mantissa) - E.bias - (E.mantissa if subnormal else 0))
    return log_near_one(f, k)


cdef inline real log1p_of_unit(real t) noexcept nogil:
    """log(1 + t), 0 <= t <= 1: from 1/2 on 1 + t is 2 (1 + f) with f = (t - 1)/2."""
    cdef real half = 0.5, one = 1, zero = 0
    if t >= half:
        return log_near_one(fma(t, half, -half), one)
    return log_near_one(t, zero)
