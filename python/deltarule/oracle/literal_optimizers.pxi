# SPDX-License-Identifier: BSD-3-Clause
"""The optimizers' formulas, a weight at a time. Their numbers are computed in float64, then rounded."""


def clipped(const real[:] g, double most):
    """Every g_i brought into [-most, most]."""
    cdef real high = <real>most
    result = np.empty(g.shape[0], dtype_of(high))
    cdef real[:] new = result
    cdef Py_ssize_t i
    for i in range(g.shape[0]):
        new[i] = high if g[i] > high else -high if g[i] < -high else g[i]
    return result


def decayed(const real[:, :] W, double share):
    """w - share w, for W[j, i] without the bias W[j, -1]."""
    cdef Py_ssize_t bias = W.shape[1] - 1, j, i
    cdef real minus_share = <real>-share
    result = np.array(W)
    cdef real[:, :] new = result
    for j in range(W.shape[0]):
        for i in range(bias):
            if minus_share != 0:
                new[j, i] = fma(minus_share, W[j, i], W[j, i])
    return result


def sgd(const real[:] w, const real[:] g, double eta):
    """w - eta g  (29)."""
    result = np.empty(w.shape[0], dtype_of(<real>0))
    cdef real[:] new = result
    cdef Py_ssize_t i
    for i in range(w.shape[0]):
        new[i] = fma(<real>-eta, g[i], w[i])
    return result


def momentum(const real[:] w, const real[:] g, const real[:] v, double eta, double mu):
    """v <- mu v + g, w <- w - eta v; returns w, v  (30)."""
    w_result = np.empty(w.shape[0], dtype_of(<real>0))
    v_result = np.empty_like(w_result)
    cdef real[:] new_w = w_result, new_v = v_result
    cdef Py_ssize_t i
    for i in range(w.shape[0]):
        new_v[i] = fma(<real>mu, v[i], g[i])
        new_w[i] = fma(<real>-eta, new_v[i], w[i])
    return w_result, v_result


def adam(
    const real[:] w, const real[:] g, const real[:] m, const real[:] v,
    double eta, double beta_1, double beta_2, double eps,
    double beta_1_power, double beta_2_power,
):
    """m and v as running means, w <- w - (a m) / (sqrt(v c) + eps); returns w, m, v  (31)."""
    cdef real a = <real>(eta / (1.0 - beta_1_power)), c = <real>(1.0 / (1.0 - beta_2_power))
    cdef real b1 = <real>beta_1, b2 = <real>beta_2
    cdef real rest_1 = <real>(1.0 - beta_1), rest_2 = <real>(1.0 - beta_2)
    w_result = np.empty(w.shape[0], dtype_of(a))
    m_result, v_result = np.empty_like(w_result), np.empty_like(w_result)
    cdef real[:] new_w = w_result, new_m = m_result, new_v = v_result
    cdef Py_ssize_t i
    for i in range(w.shape[0]):
        new_m[i] = fma(b1, m[i], rest_1 * g[i])
        new_v[i] = fma(b2, v[i], (rest_2 * g[i]) * g[i])
        new_w[i] = w[i] - (a * new_m[i]) / (sqrt(new_v[i] * c) + <real>eps)
    return w_result, m_result, v_result
