# SPDX-License-Identifier: BSD-3-Clause
"""The losses of docs/reference/losses.md, one number at a time: the term of L_d and -dL_d/dz.

z is y_hat, or net for a loss that is taken from it.
"""

_FOUR = ("half_squared_error", "squared_error", "cross_entropy", "binary_cross_entropy")
_LOSSES = {
    "half_squared_error": 0, "squared_error": 1, "binary_cross_entropy": 2, "cross_entropy": 3,
    "absolute": 4, "huber": 5, "quantile": 6, "log_cosh": 7, "hinge": 8, "squared_hinge": 9,
    "poisson": 10, "gamma": 11, "tweedie": 12, "focal": 13,
}


cdef inline real sign_as(real size, real d) noexcept nogil:
    return -size if d < 0 else size


cdef inline real shrunk(real y, real s, real net) noexcept nogil:
    """y exp(-s net) in two factors."""
    cdef real half = 0.5, h = exp(-(half * s) * net), most = <real>constants(y).largest
    h = most if most < h else h
    return (y * h) * h


cdef void element(int loss, real y, real z, real p, real* term, real* u) noexcept nogil:
    cdef real one = 1, zero = 0, half = 0.5, d = y - z, size = magnitude(d), c, t, s
    cdef real below, margin, ratio, a, b, wrong, right, o, other, rest, log_1
    if loss == 0:
        u[0] = d
    elif loss == 1:
        u[0] = d + d
    elif loss == 2:
        c = clip(z)
        u[0] = (y - c) / (c * (one - c))
    elif loss == 3:
        u[0] = y / clip(z)
    elif loss == 4:
        term[0] = size
        u[0] = one if d > 0 else -one if d < 0 else zero
    elif loss == 5:
        c = p if p < size else size
        term[0] = c * (size - half * c)
        u[0] = sign_as(c, d)
    elif loss == 6:
        below = p - one
        term[0] = (below if d < 0 else p) * d
        u[0] = p if d > 0 else below if d < 0 else zero
    elif loss == 7:
        t = tanh(half * size)
        s = t * t
        if size < <real>1.25:
            term[0] = log1p_of_unit((s + s) / (one - s))
        else:
            log_1 = log1p_of_unit(exp(-(size + size)))
            term[0] = (size - <real>constants(y).ln_2) + log_1
        u[0] = sign_as((t + t) / (one + s), d)
    elif loss == 8 or loss == 9:
        margin = fma(-y, z, one)
        c = zero if margin <= 0 else margin
        term[0] = c if loss == 8 else c * c
        u[0] = (y if margin > 0 else zero) if loss == 8 else (y + y) * c
    elif loss == 10:
        o = exp(z)
        term[0] = fma(-y, z, o)
        u[0] = y - o
    elif loss == 11:
        ratio = shrunk(y, one, z)
        term[0] = z + ratio
        u[0] = ratio - one
    elif loss == 12:
        a = p
        b = one - a
        ratio = shrunk(y, a, z)
        o = zero if ratio > <real>constants(y).largest else exp(b * z)
        term[0] = ratio / a + o / b
        u[0] = ratio - o
    else:  # focal, logistic
        rest = one - y
        log_1 = log1p_of_unit(exp(-magnitude(z)))
        s = (z if z > 0 else zero) + log_1
        t = (-z if z < 0 else zero) + log_1
        o = logistic(z)
        other = logistic(-z)
        wrong = exp(-(p * s))
        right = exp(-(p * t))
        term[0] = fma(y, wrong * t, rest * (right * s))
        u[0] = fma(y, wrong * fma(p, o * t, other), -(rest * (right * fma(p, other * s, o))))


def of_net(chosen, str output):
    """Whether the loss is taken from net."""
    return chosen.name in (
        "poisson", "gamma", "tweedie", "focal", "kl_divergence", "gaussian_nll"
    )


def elements(chosen, const real[:, :] y, const real[:, :] z):
    """Terms and slopes of a loss that looks at one output at a time."""
    cdef int loss = _LOSSES[chosen.name]
    cdef Py_ssize_t d, j
    terms = np.zeros((z.shape[0], z.shape[1]), dtype_of(<real>0))
    slopes = np.zeros_like(terms)
    cdef real[:, :] term = terms, u = slopes
    cdef const real[:] p = np.array(
        chosen.parameter(z.shape[1]) or np.zeros(z.shape[1]), dtype_of(<real>0)
    )
    for d in range(z.shape[0]):
        for j in range(z.shape[1]):
            element(loss, y[d, j], z[d, j], p[j], &term[d, j], &u[d, j])
    return terms, slopes


def terms_of_y_hat(chosen, const real[:, :] y, const real[:, :] y_hat):
    """Terms and u = -dL_d/dy_hat."""
    return elements(chosen, y, y_hat)


def terms_of_net(chosen, str output, const real[:, :] y, const real[:, :] net):
    """Terms and delta = -dL_d/dnet."""
    if chosen.name == "gaussian_nll":
        return gaussian_terms(y, net)
    if output == "softmax":
        return softmax_terms(chosen, y, net)
    return elements(chosen, y, net)


def gaussian_terms(const real[:, :] y, const real[:, :] net):
    """(s + r^2)/2, r = (y - mean) exp(-s/2); net holds means, then s = log variance."""
    cdef Py_ssize_t columns = y.shape[1], d, j
    cdef real one = 1, half = 0.5, quarter = 0.25, h, r, most = <real>constants(one).largest
    terms = np.empty((y.shape[0], columns), dtype_of(one))
    deltas = np.empty((y.shape[0], 2 * columns), dtype_of(one))
    cdef real[:, :] term = terms, delta = deltas
    for d in range(y.shape[0]):
        for j in range(columns):
            h = exp(-quarter * net[d, columns + j])
            h = most if most < h else h
            r = ((y[d, j] - net[d, j]) * h) * h
            term[d, j] = half * (net[d, columns + j] + r * r)
            delta[d, j] = (r * h) * h
            delta[d, columns + j] = half * (r * r - one)
    return terms, deltas


def softmax_terms(chosen, const real[:, :] y, const real[:, :] net):
    """y l(-log y_hat) of focal and KL; delta_j = a_j - y_hat_j sum_l a_l.

    Where y_hat_j > 1/2, with what all other exponentials sum to: 1 - y_hat_j = others / s,
    -log y_hat_j = log(1 + others), delta_j = a_j (1 - y_hat_j) - y_hat_j sum_{l != j} a_l.
    """
    cdef Py_ssize_t d, j, K = net.shape[1]
    cdef bint focal = chosen.name == "focal"
    cdef real p = <real>(chosen.values[0] if focal else 0.0), one = 1, half = 0.5, zero = 0
    cdef real M, s, others, r, rest, power, t, t_others, floor = <real>constants(one).smallest_normal
    terms = np.empty((net.shape[0], K), dtype_of(one))
    deltas = np.empty_like(terms)
    cdef real[:, :] term = terms, delta = deltas
    cdef real[:] e = np.empty(K, dtype_of(one)), y_hat = np.empty(K, dtype_of(one))
    cdef real[:] minus_log = np.empty(K, dtype_of(one)), apart = np.empty(K, dtype_of(one))
    for d in range(net.shape[0]):
        minus_log_softmax(net[d, :], minus_log)
        M = maximum(net[d, :])
        for j in range(K):
            e[j] = softmax_term(net[d, j] - M)
            apart[j] = e[j] if net[d, j] - M < zero else zero
        s = tree16(e)
        others = tree16(apart)
        for j in range(K):
            y_hat[j] = e[j] / s
            rest = others / s if y_hat[j] > half else one - y_hat[j]
            r = log1p_of_unit(others) if y_hat[j] > half else minus_log[j]
            if focal:
                rest = floor if floor > rest else rest
                power = exp(p * log(rest))
                term[d, j] = y[d, j] * (power * r)
                delta[d, j] = y[d, j] * fma(p * (power / rest), y_hat[j] * r, power)
            else:
                delta[d, j] = y[d, j]
                term[d, j] = y[d, j] * (log(y[d, j]) + r if y[d, j] > 0 else r)
            apart[j] = zero if y_hat[j] > half else delta[d, j]
        t = tree16(delta[d, :])
        t_others = tree16(apart)
        for j in range(K):
            if y_hat[j] > half:
                delta[d, j] = fma(-y_hat[j], t_others, delta[d, j] * (others / s))
            else:
                delta[d, j] = fma(-y_hat[j], t, delta[d, j])
    return terms, deltas


def sum_of_terms(
    chosen, str output, const real[:, :] y, const real[:, :] net, const real[:, :] y_hat
):
    """L_d: the terms over the tree of 16 lanes."""
    if of_net(chosen, output):
        terms, _ = terms_of_net(chosen, output, y, net)
    else:
        terms, _ = terms_of_y_hat(chosen, y, y_hat)
    cdef const real[:, :] term = terms
    cdef Py_ssize_t d
    result = np.empty(y.shape[0], dtype_of(<real>0))
    cdef real[:] L = result
    for d in range(y.shape[0]):
        L[d] = tree16(term[d, :])
    return result
