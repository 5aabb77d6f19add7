# SPDX-License-Identifier: BSD-3-Clause
"""Bounds on the norms of the gradient and of units' weights, averages of weights: plain loops."""


def squares(const real[:, :] W):
    """q_j = sum_i W[j, i]^2 in float64, in blocks of 256; the bias is one of them."""
    cdef Py_ssize_t j, block, i
    cdef double s
    result = np.zeros(W.shape[0])
    cdef double[:] q = result
    for j in range(W.shape[0]):
        for block in range((W.shape[1] + KB - 1) // KB):
            s = 0.0
            for i in range(block * KB, min(block * KB + KB, W.shape[1])):
                s += <double>W[j, i] * <double>W[j, i]
            q[j] += s
    return result


def gradient_norm(dW):
    """The norm of all of the gradient: units in the order of w  (G1)."""
    return float(np.sqrt(total_of(squares(dW_k) for dW_k in dW)))


def clip_norm(dW, double most):
    """g (T)(most / norm) where its norm is beyond `most`, NaN where it is not finite  (G2)."""
    cdef double norm = gradient_norm(dW), scale = most / norm + (norm - norm)
    g = np.concatenate([dW_k.ravel() for dW_k in dW])
    return g if norm <= most else g * g.dtype.type(scale)


def max_norm(const real[:, :] W, double most):
    """Rows whose norm without the bias is beyond `most` are scaled to it  (G3), (G4)."""
    cdef Py_ssize_t bias = W.shape[1] - 1, j, i
    cdef real factor
    result = np.array(W)
    cdef real[:, :] limited = result
    norms = np.sqrt(squares(W[:, :bias]))
    for j in range(W.shape[0]):
        if norms[j] > most:
            factor = <real>(most / norms[j] + (norms[j] - norms[j]))
            for i in range(bias):
                limited[j, i] = W[j, i] * factor
    return result


def average(const real[:] a, const real[:] w, double share):
    """a + share (w - a): the difference rounded, then one fma  (G5), (G6)."""
    cdef Py_ssize_t i
    cdef real difference
    result = np.empty(w.shape[0], dtype_of(<real>0))
    cdef real[:] new = result
    for i in range(w.shape[0]):
        difference = w[i] - a[i]
        new[i] = fma(<real>share, difference, a[i])
    return result
