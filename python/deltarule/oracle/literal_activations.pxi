# SPDX-License-Identifier: BSD-3-Clause
"""The activations whose derivative comes from net, number by number: f, f' and df/dparameter."""

cdef struct Parts:
    double o, slope, influence  # numbers of type T, kept exactly


cdef inline real half_line(real x, real e) noexcept nogil:
    """The numerator of 1 / (1 + exp(-x)), e = exp(-|x|)."""
    return e if x < 0 else <real>1


cdef inline real rest_of(real x, real e, real s) noexcept nogil:
    """1 - s without cancellation, s = 1 / (1 + exp(-x))."""
    return <real>1 - s if x < 0 else e * s


cdef inline real expm1(real x, real e) noexcept nogil:
    """exp(x) - 1 for x <= 0, where e = exp(x)."""
    cdef Constants* E = constants(x)
    cdef real integers = <real>(E.integers + 2 * E.bias), one = 1
    x = <real>E.exp_low if x < <real>E.exp_low else x
    cdef real n = fma(x, <real>E.log2_e, integers) - integers, r
    if n == 0:
        r = fma(n, <real>-E.ln_2_rest, fma(n, <real>-E.ln_2, x))
        return fma(polynomial(E.exp_tail, E.n_exp, r), r, one) * r
    return e - one


cdef Parts exponential_unit(real x, real a, real size) noexcept nogil:
    cdef real low = <real>0 if x > 0 else x, e = exp(low)
    cdef Parts p
    p.o = size * x if x > 0 else a * expm1(low, e)
    p.slope = size if x > 0 else a * e
    return p


cdef Parts silu(real x) noexcept nogil:
    cdef real e = exp(-magnitude(x)), s = half_line(x, e) / (<real>1 + e), o = x * s
    cdef Parts p
    p.o = o
    p.slope = fma(o, rest_of(x, e, s), s)
    return p


cdef Parts gelu_tanh(real x) noexcept nogil:
    cdef real top = 32, a = -top if x < -top else top if x > top else x, square = a * a
    cdef real c1 = <real>1.5957691216057308, c3 = <real>0.07135481627260025
    cdef real z = a * fma(c3, square, c1), e = exp(-magnitude(z))
    cdef real s = half_line(z, e) / (<real>1 + e)
    cdef Parts p
    p.o = x * s
    p.slope = fma(a * s * rest_of(z, e, s), fma(<real>3 * c3, square, c1), s)
    return p


cdef Parts mish(real x) noexcept nogil:
    cdef real one = 1, two = 2, t = exp(-magnitude(x))
    cdef real p = t * (t + two) if x < 0 else fma(two, t, one)
    cdef real q = p + (two if x < 0 else two * (t * t)), h = p / q
    cdef real s = <real>4 * ((t if x < 0 else t * t) * (one + t))
    cdef Parts parts
    parts.o = x * h
    parts.slope = fma(x, s / (q * q), h)
    return parts


cdef Parts softplus(real x) noexcept nogil:
    cdef real e = exp(-magnitude(x)), zero = 0
    cdef Parts p
    p.o = (zero if x < 0 else x) + log1p_of_unit(e)
    p.slope = half_line(x, e) / (<real>1 + e)
    return p


cdef Parts softsign(real x) noexcept nogil:
    cdef real d = <real>1 + magnitude(x), inverse = <real>1 / d
    cdef Parts p
    p.o = x / d
    p.slope = inverse * inverse
    return p


cdef Parts gelu(real x) noexcept nogil:
    """x Phi(x); the tail Phi(-|x|) is exp(-x^2/2) w polynomial(1 - 8 w), w = 1/(|x| + 4)."""
    cdef Constants* E = constants(x)
    cdef real one = 1, reach = <real>E.normal_reach, half = -0.5
    cdef real size = reach if magnitude(x) > reach else magnitude(x)
    cdef real square = size * size, low = fma(size, size, -square), e = exp(half * square)
    e = fma(e, half * low, e)
    cdef real w = one / (size + <real>4)
    cdef real tail = e * (w * polynomial(E.normal_tail, E.n_normal, fma(<real>-8, w, one)))
    cdef real share = tail if x < 0 else one - tail
    cdef Parts p
    p.o = x * share
    p.slope = fma(x, e * <real>0.3989422804014327, share)
    return p


cdef Parts hard_logistic(real x) noexcept nogil:
    cdef real sixth = <real>0.16666666666666666, zero = 0, one = 1
    cdef real o = fma(x, sixth, <real>0.5)
    cdef Parts p
    o = zero if o < 0 else o
    p.o = one if o > 1 else o
    p.slope = sixth if magnitude(x) < 3 else zero
    return p


cdef Parts hard_tanh(real x) noexcept nogil:
    cdef real one = 1, zero = 0
    cdef Parts p
    p.o = -one if x < -one else one if x > one else x
    p.slope = one if magnitude(x) < one else zero
    return p


cdef Parts rectified(real x, real a) noexcept nogil:
    """leaky_relu, prelu."""
    cdef Parts p
    p.o = x if x > 0 else a * x
    p.slope = <real>1 if x > 0 else a
    p.influence = <real>0 if x > 0 else x
    return p


cdef Parts from_output(int f, real x) noexcept nogil:
    cdef real one = 1, o = activation(f, x)
    cdef Parts p
    p.o = o
    p.slope = times_derivative(f, o, one)
    return p


cdef Parts parts_of(int f, int inner, real x, real a) noexcept nogil:
    """f(x), f'(x) and df/da of an activation with parameter a."""
    cdef Parts p
    cdef real apart
    if f == BLEND:
        p = parts_of(inner, inner, x, a)
        apart = <real>p.o - x
        p.o = fma(a, apart, x)
        p.slope = fma(a, <real>p.slope - <real>1, <real>1)
        p.influence = apart
        return p
    if f == LEAKY_RELU or f == PRELU:
        return rectified(x, a)
    if f == ELU:
        return exponential_unit(x, a, <real>1)
    if f == SELU:
        return exponential_unit(x, <real>1.7580993408473766, <real>1.0507009873554805)
    if f == GELU:
        return gelu(x)
    if f == GELU_TANH:
        return gelu_tanh(x)
    if f == SILU:
        return silu(x)
    if f == MISH:
        return mish(x)
    if f == SOFTPLUS:
        return softplus(x)
    if f == SOFTSIGN:
        return softsign(x)
    if f == HARD_TANH:
        return hard_tanh(x)
    if f == HARD_LOGISTIC:
        return hard_logistic(x)
    if f == EXPONENTIAL:
        p.o = p.slope = exp(x)
        return p
    return from_output(f, x)


def parts(str text, const real[:, :] net, alpha=None):
    """o, f'(net) and do/dalpha of a scalar activation, (n, H) each; alpha (H,): each unit's own."""
    spec = specification_of(text)
    cdef int f = _CODES[spec.name], inner = _CODES[spec.inner or spec.name]
    cdef Py_ssize_t d, j
    cdef Parts p
    start = spec.values[0] if spec.values else 0.0
    given = np.full(net.shape[1], start) if alpha is None else np.asarray(alpha)
    cdef const real[:] a = given.astype(dtype_of(<real>0))
    results = np.empty((3, net.shape[0], net.shape[1]), dtype_of(<real>0))
    cdef real[:, :] o = results[0], slope = results[1], influence = results[2]
    for d in range(net.shape[0]):
        for j in range(net.shape[1]):
            p = parts_of(f, inner, net[d, j], a[j])
            o[d, j] = <real>p.o
            slope[d, j] = <real>p.slope
            influence[d, j] = <real>p.influence if f == PRELU or f == BLEND else <real>0
    return tuple(results)


def alpha_gradient(const real[:, :] p, double S):
    """dL/dalpha_j = -(1/S) sum_d p[d, j], p = u do/dalpha, the sum as of a bias."""
    cdef Py_ssize_t j
    cdef real n = <real>(-1.0 / S)
    cdef const real[:] ones = np.ones(p.shape[0], dtype_of(n))
    result = np.empty(p.shape[1], dtype_of(n))
    cdef real[:] g = result
    for j in range(p.shape[1]):
        g[j] = contraction(p[:, j], ones) * n
    return result
