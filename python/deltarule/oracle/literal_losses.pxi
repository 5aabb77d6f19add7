# SPDX-License-Identifier: BSD-3-Clause
"""The loss of a row, of a batch, and the penalty.

A row's loss is a number of type T; rows are added in float64.
"""


def row_loss(
    str loss, str output, const real[:, :] y, const real[:, :] net, const real[:, :] y_hat
):
    """L_d: (9), (10), (11), (39), from net by (27) and (28) where the pair collapses."""
    cdef Py_ssize_t d
    cdef real half = 0.5
    chosen = read(loss)
    loss = chosen.name
    if loss not in _FOUR:
        return sum_of_terms(chosen, output, y, net, y_hat)
    result = np.empty(y.shape[0], dtype_of(half))
    cdef real[:] L = result
    cdef real[:] term = np.empty(y.shape[1], dtype_of(half))
    for d in range(y.shape[0]):
        if loss == "half_squared_error":
            residual(y[d, :], y_hat[d, :], term)
            L[d] = half * tree16_of_products(term, term)
        elif loss == "squared_error":
            residual(y[d, :], y_hat[d, :], term)
            L[d] = tree16_of_products(term, term)
        elif loss == "cross_entropy":
            minus_log_softmax(net[d, :], term)
            L[d] = tree16_of_products(y[d, :], term)
        elif output == "logistic":
            logistic_binary_cross_entropy(y[d, :], net[d, :], term)
            L[d] = tree16(term)
        else:
            binary_cross_entropy(y[d, :], y_hat[d, :], term)
            L[d] = tree16(term)
    return result


cdef void residual(const real[:] y, const real[:] y_hat, real[:] term) noexcept nogil:
    """y_j - y_hat_j, whose squares (9) and (39) add."""
    cdef Py_ssize_t j
    for j in range(y.shape[0]):
        term[j] = y[j] - y_hat[j]


cdef void binary_cross_entropy(const real[:] y, const real[:] y_hat, real[:] term) noexcept nogil:
    """-(y log c + (1 - y) log(1 - c))  (10)."""
    cdef Py_ssize_t j
    cdef real c, one = 1
    for j in range(y.shape[0]):
        c = clip(y_hat[j])
        term[j] = -fma(y[j], log(c), (one - y[j]) * log(one - c))


cdef void logistic_binary_cross_entropy(
    const real[:] y, const real[:] net, real[:] term
) noexcept nogil:
    """max(net, 0) - net y + log(1 + exp(-|net|))  (27)."""
    cdef Py_ssize_t j
    cdef real positive, size, zero = 0
    for j in range(y.shape[0]):
        positive = net[j] if net[j] > 0 else zero
        size = net[j] if net[j] > 0 else -net[j]
        term[j] = (positive - net[j] * y[j]) + log1p_of_unit(exp(-size))


cdef void minus_log_softmax(const real[:] net, real[:] term) noexcept nogil:
    """log(sum_l exp(net_l - M)) - (net_j - M), which (28) weighs with y."""
    cdef real M = maximum(net), log_s
    cdef Py_ssize_t j
    for j in range(net.shape[0]):
        term[j] = softmax_term(net[j] - M)
    log_s = log(tree16(term))
    for j in range(net.shape[0]):
        term[j] = log_s - (net[j] - M)


def batch_loss(const real[:] rows, double S, double gamma=0.0, weights=None):
    """L = (1/S) sum_d s_d L_d + gamma, in float64, by blocks of 256 rows  (13), (W1)."""
    cdef double total = 0.0, block_sum
    cdef Py_ssize_t block, d
    cdef const real[:] s = np.ones_like(rows) if weights is None else weights
    for block in range((rows.shape[0] + KB - 1) // KB):
        block_sum = 0.0
        for d in range(block * KB, min(block * KB + KB, rows.shape[0])):
            block_sum += <double>s[d] * <double>rows[d]
        total += block_sum
    return total * (1.0 / S) + gamma


def sum_of_weights(const real[:] s):
    """sum_d s_d, in float64, by blocks of 256 rows  (W1)."""
    cdef double total = 0.0, block_sum
    cdef Py_ssize_t block, d
    for block in range((s.shape[0] + KB - 1) // KB):
        block_sum = 0.0
        for d in range(block * KB, min(block * KB + KB, s.shape[0])):
            block_sum += <double>s[d]
        total += block_sum
    return total


def weighed(const real[:, :] delta, const real[:] s):
    """s_d delta[d, j], once, on entry to the weight sums  (W2)."""
    cdef Py_ssize_t d, j
    result = np.empty((delta.shape[0], delta.shape[1]), dtype_of(<real>0))
    cdef real[:, :] product = result
    for d in range(delta.shape[0]):
        for j in range(delta.shape[1]):
            product[d, j] = s[d] * delta[d, j]
    return result


def sum_of_squares(const real[:, :] W):
    """q_j = sum_i W[j, i]^2 without the bias, in T."""
    cdef Py_ssize_t bias = W.shape[1] - 1, j
    result = np.empty(W.shape[0], dtype_of(<real>0))
    cdef real[:] q = result
    for j in range(W.shape[0]):
        q[j] = contraction(W[j, :bias], W[j, :bias])
    return result


def sum_of_magnitudes(const real[:, :] W):
    """q_j = sum_i |W[j, i]| without the bias, in T, in the blocks of (33)."""
    cdef Py_ssize_t bias = W.shape[1] - 1, j, block, i
    cdef real s
    result = np.zeros(W.shape[0], dtype_of(<real>0))
    cdef real[:] q = result
    for j in range(W.shape[0]):
        for block in range((bias + KB - 1) // KB):
            s = 0
            for i in range(block * KB, min(block * KB + KB, bias)):
                s = s + magnitude(W[j, i])
            q[j] = q[j] + s
    return result


def penalty(W, double l2, double l1=0.0):
    """gamma = l2/2 sum_kj q_kj + l1 sum_kj r_kj: squares q, magnitudes r, in float64  (12)."""
    gamma = 0.0
    if l2 != 0.0:
        gamma += 0.5 * l2 * total_of(sum_of_squares(W_k) for W_k in W)
    if l1 != 0.0:
        gamma += l1 * total_of(sum_of_magnitudes(W_k) for W_k in W)
    return gamma


def total_of(layers):
    """Their numbers, added one by one in w's order."""
    total = 0.0
    for layer in layers:
        for q in layer:
            total += float(q)
    return total
