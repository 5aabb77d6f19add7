# SPDX-License-Identifier: BSD-3-Clause
"""The penalty on a hidden layer's outputs o, (n, H), as plain loops."""


def l1_losses(const real[:, :] o, const real[:] rows, double weight):
    """L_d + weight sum_j |o[d, j]|: (41), a part of each row's loss."""
    cdef Py_ssize_t d, j
    cdef real factor = <real>weight
    result = np.empty(o.shape[0], dtype_of(factor))
    cdef real[:] L = result
    cdef real[:] term = np.empty(o.shape[1], dtype_of(factor))
    for d in range(o.shape[0]):
        for j in range(o.shape[1]):
            term[j] = -o[d, j] if o[d, j] < 0 else o[d, j]
        L[d] = rows[d] + factor * tree16(term)
    return result


def mean_outputs(const real[:, :] o, const real[:] weights):
    """rho_hat_j = 1/n sum_d s_d o[d, j], n = sum_d s_d: by blocks of 256 rows, each a chain of fma
    from +0, times (T)(1/n)  (42), (W3)."""
    cdef Py_ssize_t block, d, j
    cdef real total, s, inverse_n = <real>(1.0 / sum_of_weights(weights))
    result = np.empty(o.shape[1], dtype_of(inverse_n))
    cdef real[:] rho_hat = result
    for j in range(o.shape[1]):
        total = 0
        for block in range((o.shape[0] + KB - 1) // KB):
            s = 0
            for d in range(block * KB, min(block * KB + KB, o.shape[0])):
                s = fma(weights[d], o[d, j], s)
            total = total + s
        rho_hat[j] = total * inverse_n
    return result


def kl_penalty(const real[:] rho_hat, double weight, double target, double n, double S):
    """P = weight n/S sum_j KL(rho || rho_hat_j): each KL in T, their sum in float64  (43)."""
    cdef real rho = <real>target, one = 1, c, kl
    cdef double total = 0.0
    cdef Py_ssize_t j
    for j in range(rho_hat.shape[0]):
        c = clip(rho_hat[j])
        kl = fma(rho, log(rho / c), (one - rho) * log((one - rho) / (one - c)))
        total += <double>kl
    return weight * total * (n / S)


def kl_pull(const real[:] rho_hat, double weight, double target):
    """p_j = weight (rho - c) / (c (1 - c)), the same for every row  (44)."""
    cdef real rho = <real>target, factor = <real>weight, one = 1, c
    cdef Py_ssize_t j
    result = np.empty(rho_hat.shape[0], dtype_of(one))
    cdef real[:] p = result
    for j in range(rho_hat.shape[0]):
        c = clip(rho_hat[j])
        p[j] = factor * ((rho - c) / (c * (one - c)))
    return result


def l1_pull(const real[:, :] o, double weight):
    """p[d, j] = -weight sign(o[d, j]), 0 where o is  (44)."""
    cdef real factor = <real>weight, zero = 0
    cdef Py_ssize_t d, j
    result = np.empty((o.shape[0], o.shape[1]), dtype_of(factor))
    cdef real[:, :] p = result
    for d in range(o.shape[0]):
        for j in range(o.shape[1]):
            p[d, j] = -factor if o[d, j] > 0 else factor if o[d, j] < 0 else zero
    return result
