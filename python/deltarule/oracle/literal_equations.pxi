# SPDX-License-Identifier: BSD-3-Clause
"""The equations of docs/derivation.md as loops over samples d, outputs j and inputs i.

Every function takes arrays of one type T, float32 or float64, and returns new ones; each number is
rounded to T after each operation. Names and arguments are those of the NumPy oracle; the clipping
distance (35) is always T's own.
"""

from libc.math cimport INFINITY

import numpy as np

cdef enum:
    KB = 256  # terms in a block (33)
    IDENTITY, LOGISTIC, TANH, RELU, SOFTMAX, THRESHOLD
    LEAKY_RELU, PRELU, ELU, SELU, GELU, GELU_TANH, SILU, MISH, SOFTPLUS, SOFTSIGN, HARD_TANH
    HARD_LOGISTIC, EXPONENTIAL, BLEND, GAUSSIAN

_CODES = {
    "identity": IDENTITY, "logistic": LOGISTIC, "tanh": TANH, "relu": RELU, "softmax": SOFTMAX,
    "threshold": THRESHOLD, "leaky_relu": LEAKY_RELU, "prelu": PRELU, "elu": ELU, "selu": SELU,
    "gelu": GELU, "gelu_tanh": GELU_TANH, "silu": SILU, "mish": MISH, "softplus": SOFTPLUS,
    "softsign": SOFTSIGN, "hard_tanh": HARD_TANH, "hard_logistic": HARD_LOGISTIC,
    "exponential": EXPONENTIAL, "blend": BLEND, "gaussian": GAUSSIAN,
}


cdef object dtype_of(real x):
    return np.float32 if real is float else np.float64


cdef real contraction(const real[:] a, const real[:] b) noexcept nogil:
    """sum_k a_k b_k in blocks of 256, each one chain of fma from +0  (33)."""
    cdef Py_ssize_t block, k
    cdef real total = 0, s
    for block in range((a.shape[0] + KB - 1) // KB):
        s = 0
        for k in range(block * KB, min(block * KB + KB, a.shape[0])):
            s = fma(a[k], b[k], s)
        total = total + s
    return total


cdef real fold(real* lane) noexcept nogil:
    """The end of the tree (34): 16 lanes to one."""
    cdef int half = 8, l
    while half:
        for l in range(half):
            lane[l] = lane[l] + lane[l + half]
        half //= 2
    return lane[0]


cdef real tree16(const real[:] x) noexcept nogil:
    """sum_j x_j: lane j mod 16 takes x_j in increasing j, then the lanes are folded  (34)."""
    cdef real[16] lane
    cdef Py_ssize_t j
    for j in range(16):
        lane[j] = 0
    for j in range(x.shape[0]):
        lane[j % 16] = lane[j % 16] + x[j]
    return fold(lane)


cdef real tree16_of_products(const real[:] a, const real[:] b) noexcept nogil:
    """sum_j a_j b_j over the same tree, each term by fma  (34)."""
    cdef real[16] lane
    cdef Py_ssize_t j
    for j in range(16):
        lane[j] = 0
    for j in range(a.shape[0]):
        lane[j % 16] = fma(a[j], b[j], lane[j % 16])
    return fold(lane)


cdef inline real clip(real y_hat) noexcept nogil:
    """c = min(max(y_hat, eps), 1 - eps)  (35)."""
    cdef real eps = 2.0**-23 if real is float else 2.0**-52, high = <real>1 - eps
    return eps if y_hat < eps else high if y_hat > high else y_hat


cdef inline real activation(int f, real net) noexcept nogil:
    """f(net) of the scalar activations  (4) to (7), (37)."""
    cdef real zero = 0, one = 1
    if f == LOGISTIC:
        return logistic(net)
    if f == TANH:
        return tanh(net)
    if f == RELU:
        return zero if net <= 0 else net
    if f == THRESHOLD:
        return one if net >= 0 else zero if net < 0 else net
    return net


cdef inline real times_derivative(int f, real o, real u) noexcept nogil:
    """u f'(net), f' written in terms of o  (18)."""
    cdef real zero = 0, one = 1
    if f == LOGISTIC:
        return u * fma(-o, o, o)
    if f == TANH:
        return u * fma(-o, o, one)
    if f == RELU:
        return u if o > 0 else zero
    if f == THRESHOLD:
        return zero
    if f == EXPONENTIAL:
        return u * o
    return u


cdef real maximum(const real[:] net) noexcept nogil:
    cdef real M = <real>-INFINITY
    cdef Py_ssize_t j
    for j in range(net.shape[0]):
        M = net[j] if net[j] > M else M
    return M


cdef inline real softmax_term(real d) noexcept nogil:
    """exp(d), d = net_j - M, and 0 far below the largest."""
    return <real>0 if d < <real>constants(d).least_distance else exp(d)


cdef void softmax(const real[:] net, real[:] o) noexcept nogil:
    """o_j = exp(net_j - M) / sum_l exp(net_l - M)  (8)."""
    cdef real M = maximum(net), s
    cdef Py_ssize_t j
    for j in range(net.shape[0]):
        o[j] = softmax_term(net[j] - M)
    s = tree16(o)
    for j in range(net.shape[0]):
        o[j] = o[j] / s


cdef void softmax_delta(const real[:] o, real[:] delta) noexcept nogil:
    """delta_l = o_l (u_l - sum_j u_j o_j); u comes in delta  (24)."""
    cdef real t = tree16_of_products(delta, o)
    cdef Py_ssize_t l
    for l in range(o.shape[0]):
        delta[l] = o[l] * (delta[l] - t)


def gather(const real[:, :] X, shift=None, scale=None):
    """o[d, i] = (X[d, i] - shift[i]) scale[i]  (1)."""
    o = np.array(X)
    cdef real[:, :] x = o
    cdef const real[:] offset, factor
    cdef Py_ssize_t d, i
    if shift is not None:
        offset = shift
        for d in range(x.shape[0]):
            for i in range(x.shape[1]):
                x[d, i] = x[d, i] - offset[i]
    if scale is not None:
        factor = scale
        for d in range(x.shape[0]):
            for i in range(x.shape[1]):
                x[d, i] = x[d, i] * factor[i]
    return o


def affine(const real[:, :] o, const real[:, :] W):
    """net[d, j] = sum_i o[d, i] W[j, i] + W[j, bias]  (2)."""
    cdef Py_ssize_t bias = W.shape[1] - 1, d, j
    result = np.empty((o.shape[0], W.shape[0]), dtype_of(<real>0))
    cdef real[:, :] net = result
    for d in range(o.shape[0]):
        for j in range(W.shape[0]):
            net[d, j] = contraction(o[d, :], W[j, :bias]) + W[j, bias]
    return result


def activate(str text, const real[:, :] net, alpha=None):
    """o[d, j] = f(net[d, j]), or softmax of the row d  (3); alpha: the units' parameters."""
    if not row(text).from_output:
        return parts(text, net, alpha)[0]
    cdef int f = _CODES[text]
    cdef Py_ssize_t d, j
    result = np.empty((net.shape[0], net.shape[1]), dtype_of(<real>0))
    cdef real[:, :] o = result
    for d in range(net.shape[0]):
        if f == SOFTMAX:
            softmax(net[d, :], o[d, :])
        elif f == GAUSSIAN:  # means, then variances
            for j in range(net.shape[1]):
                o[d, j] = net[d, j] if j < net.shape[1] // 2 else exp(net[d, j])
        else:
            for j in range(net.shape[1]):
                o[d, j] = activation(f, net[d, j])
    return result


def output_delta(
    str loss, str output, const real[:, :] y, const real[:, :] y_hat, bint collapsed=True, net=None
):
    """delta[d, j] = -dL_d/dnet[d, j] of the output layer: (16), (40) with (17) or (24); (25), (26).

    Collapsed with threshold: Rosenblatt's y - y_hat, which is no derivative. Losses of net need it.
    """
    cdef int f = _CODES[output], part
    chosen = read(loss)
    cdef bint entropy = chosen.name == "cross_entropy"
    cdef bint pair = collapsed and (
        entropy or (chosen.name == "binary_cross_entropy" and f == LOGISTIC) or f == THRESHOLD
    )
    cdef Py_ssize_t d, j
    cdef real t
    result = np.empty((y_hat.shape[0], y_hat.shape[1]), dtype_of(<real>0))
    cdef real[:, :] delta = result
    if pair:
        for d in range(y.shape[0]):
            t = tree16(y[d, :])
            for j in range(y.shape[1]):
                delta[d, j] = fma(-y_hat[d, j], t, y[d, j]) if entropy else y[d, j] - y_hat[d, j]
        return result
    if of_net(chosen, output):
        return terms_of_net(chosen, output, y, np.asarray(net))[1]
    _, u = terms_of_y_hat(chosen, y, y_hat)
    result[...] = u
    for d in range(delta.shape[0]):
        if f == SOFTMAX:
            softmax_delta(y_hat[d, :], delta[d, :])
        else:
            for j in range(delta.shape[1]):
                # Of a gaussian output, the second half are exponentials.
                part = EXPONENTIAL if f == GAUSSIAN and j >= delta.shape[1] // 2 else f
                delta[d, j] = times_derivative(part, y_hat[d, j], delta[d, j])
    return result


def hidden_delta(
    const real[:, :] delta, const real[:, :] W, str name, const real[:, :] o, pull=None
):
    """delta[k][d, i] = f'(net) sum_j delta[k+1][d, j] W[j, i]  (19), (24); with a pull (45)."""
    cdef int f = _CODES[name]
    cdef Py_ssize_t d, i
    cdef real u
    cdef const real[:, :] p
    if pull is not None:
        p = pull
    result = np.empty((o.shape[0], o.shape[1]), dtype_of(<real>0))
    cdef real[:, :] hidden = result
    for d in range(o.shape[0]):
        for i in range(o.shape[1]):
            u = contraction(delta[d, :], W[:, i])
            if pull is not None:
                u = u + p[d, i]
            hidden[d, i] = times_derivative(f, o[d, i], u)
        if f == SOFTMAX:
            softmax_delta(o[d, :], hidden[d, :])
    return result


def input_gradient(const real[:, :] delta, const real[:, :] W, scale=None):
    """dX[d, i] = -(sum_j delta[1][d, j] W[j, i]) scale[i]  (22)."""
    cdef Py_ssize_t d, i
    result = np.empty((delta.shape[0], W.shape[1] - 1), dtype_of(<real>0))
    cdef real[:, :] dX = result
    cdef const real[:] factor
    if scale is not None:
        factor = scale
    for d in range(dX.shape[0]):
        for i in range(dX.shape[1]):
            dX[d, i] = -contraction(delta[d, :], W[:, i])
            if scale is not None:
                dX[d, i] = dX[d, i] * factor[i]
    return result


def weight_gradient(
    const real[:, :] delta, const real[:, :] o, const real[:, :] W, double S, double l2,
    double l1=0.0
):
    """dW[j, i] = -(1/S) sum_d delta[d, j] [o[d, i], 1] + l2 W[j, i] + l1 sign(W[j, i])  (21).

    The bias W[j, -1] has no penalty, and 0 no sign.
    """
    cdef Py_ssize_t bias = W.shape[1] - 1, j, i
    cdef real n = <real>(-1.0 / S), penalty = <real>l2, size = <real>l1, zero = 0
    cdef const real[:] ones = np.ones(delta.shape[0], dtype_of(n))
    result = np.empty((W.shape[0], W.shape[1]), dtype_of(<real>0))
    cdef real[:, :] dW = result
    for j in range(W.shape[0]):
        for i in range(bias):
            dW[j, i] = contraction(delta[:, j], o[:, i]) * n
            if penalty != 0:
                dW[j, i] = fma(penalty, W[j, i], dW[j, i])
            if size != 0:
                dW[j, i] = dW[j, i] + (size if W[j, i] > 0 else -size if W[j, i] < 0 else zero)
        dW[j, bias] = contraction(delta[:, j], ones) * n
    return result
