# SPDX-License-Identifier: BSD-3-Clause
"""The optimizers' formulas, (29) to (31) and (O1) to (O12), a weight at a time.

Their numbers are computed in float64, then rounded.
"""


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


cdef inline real faded(real x) noexcept nogil:
    """x, or 0 where it is subnormal."""
    cdef real least = <real>constants(x).smallest_normal
    return <real>0 if -least < x < least else x


cdef inline real faded_mean(real x) noexcept nogil:
    """x, or 0 below 2^-100, in float64 2^-1000."""
    cdef real least = <real>constants(x).least_mean
    return <real>0 if -least < x < least else x


def momentum(const real[:] w, const real[:] g, const real[:] v, double eta, double mu):
    """v <- mu v + g, w <- w - eta v; returns w, v  (30)."""
    w_result = np.empty(w.shape[0], dtype_of(<real>0))
    v_result = np.empty_like(w_result)
    cdef real[:] new_w = w_result, new_v = v_result
    cdef Py_ssize_t i
    for i in range(w.shape[0]):
        new_v[i] = faded(fma(<real>mu, v[i], g[i]))
        new_w[i] = fma(<real>-eta, new_v[i], w[i])
    return w_result, v_result


def nesterov(
    const real[:] w, const real[:] g, const real[:] v, double eta, double mu,
    bint eta_in_velocity=False,
):
    """v <- mu v + g, w <- w - eta (mu v + g), or with eta in v; returns w, v  (O1)."""
    cdef real gain = <real>(eta if eta_in_velocity else 1.0), gained
    cdef real minus_rate = <real>(-1.0 if eta_in_velocity else -eta)
    w_result = np.empty(w.shape[0], dtype_of(gain))
    v_result = np.empty_like(w_result)
    cdef real[:] new_w = w_result, new_v = v_result
    cdef Py_ssize_t i
    for i in range(w.shape[0]):
        gained = gain * g[i]
        new_v[i] = faded(fma(<real>mu, v[i], gained))
        new_w[i] = fma(minus_rate, fma(<real>mu, new_v[i], gained), w[i])
    return w_result, v_result


def velocity(const real[:] w, const real[:] g, const real[:] v, double eta, double mu):
    """v <- mu v + eta g, w <- w - v; returns w, v  (O2)."""
    w_result = np.empty(w.shape[0], dtype_of(<real>0))
    v_result = np.empty_like(w_result)
    cdef real[:] new_w = w_result, new_v = v_result
    cdef Py_ssize_t i
    for i in range(w.shape[0]):
        new_v[i] = faded(fma(<real>mu, v[i], <real>eta * g[i]))
        new_w[i] = w[i] - new_v[i]
    return w_result, v_result


cdef inline real mean(real value, real x, double beta) noexcept nogil:
    """beta value + (1 - beta) x."""
    return fma(<real>beta, value, <real>(1.0 - beta) * x)


cdef inline real mean_square(real value, real x, double beta, real divided) noexcept nogil:
    """beta value + (1 - beta) x^2, faded where what its root divides is 0."""
    cdef real result = fma(<real>beta, value, (<real>(1.0 - beta) * x) * x)
    return faded(result) if divided == 0 else result


cdef double step_size(double eta, double beta_1_power, double beta_2_power, bint eps_inside):
    if eps_inside:
        return eta * sqrt_double(1.0 - beta_2_power) / (1.0 - beta_1_power)
    return eta / (1.0 - beta_1_power)


def adam(
    const real[:] w, const real[:] g, const real[:] m, const real[:] v,
    double eta, double beta_1, double beta_2, double eps,
    double beta_1_power, double beta_2_power, bint eps_inside=False,
):
    """m and v as running means, w <- w - (a m) / (sqrt(v c) + eps); returns w, m, v  (31), (O3)."""
    cdef real a = <real>step_size(eta, beta_1_power, beta_2_power, eps_inside)
    cdef real c = <real>(1.0 if eps_inside else 1.0 / (1.0 - beta_2_power))
    w_result = np.empty(w.shape[0], dtype_of(a))
    m_result, v_result = np.empty_like(w_result), np.empty_like(w_result)
    cdef real[:] new_w = w_result, new_m = m_result, new_v = v_result
    cdef Py_ssize_t i
    for i in range(w.shape[0]):
        new_m[i] = faded_mean(mean(m[i], g[i], beta_1))
        new_v[i] = mean_square(v[i], g[i], beta_2, new_m[i])
        new_w[i] = w[i] - (a * new_m[i]) / (sqrt(new_v[i] * c) + <real>eps)
    return w_result, m_result, v_result


def amsgrad(
    const real[:] w, const real[:] g, const real[:] m, const real[:] v, const real[:] h,
    double eta, double beta_1, double beta_2, double eps,
    double beta_1_power, double beta_2_power, bint eps_inside=False,
):
    """Adam with the largest v so far, h, under the root; returns w, m, v, h  (O4)."""
    cdef real a = <real>step_size(eta, beta_1_power, beta_2_power, eps_inside)
    cdef real c = <real>(1.0 if eps_inside else 1.0 / (1.0 - beta_2_power))
    w_result = np.empty(w.shape[0], dtype_of(a))
    m_result, v_result, h_result = (np.empty_like(w_result) for _ in range(3))
    cdef real[:] new_w = w_result, new_m = m_result, new_v = v_result, new_h = h_result
    cdef Py_ssize_t i
    for i in range(w.shape[0]):
        new_m[i] = faded_mean(mean(m[i], g[i], beta_1))
        new_v[i] = mean_square(v[i], g[i], beta_2, new_m[i])
        new_h[i] = new_v[i] if new_v[i] > h[i] else h[i]
        new_w[i] = w[i] - (a * new_m[i]) / (sqrt(new_h[i] * c) + <real>eps)
    return w_result, m_result, v_result, h_result


def nadam(
    const real[:] w, const real[:] g, const real[:] m, const real[:] v,
    double eta, double beta_1, double beta_2, double eps, double beta_2_power,
    double mu, double mu_next, double mu_product,
):
    """w <- w - (a m + b g) / (sqrt(v c) + eps); returns w, m, v  (O5)."""
    cdef real a = <real>(eta * mu_next / (1.0 - mu_product * mu_next))
    cdef real b = <real>(eta * (1.0 - mu) / (1.0 - mu_product))
    cdef real c = <real>(1.0 / (1.0 - beta_2_power))
    w_result = np.empty(w.shape[0], dtype_of(a))
    m_result, v_result = np.empty_like(w_result), np.empty_like(w_result)
    cdef real[:] new_w = w_result, new_m = m_result, new_v = v_result
    cdef Py_ssize_t i
    for i in range(w.shape[0]):
        new_m[i] = faded_mean(mean(m[i], g[i], beta_1))
        new_v[i] = mean_square(v[i], g[i], beta_2, new_m[i])
        new_w[i] = w[i] - fma(a, new_m[i], b * g[i]) / (sqrt(new_v[i] * c) + <real>eps)
    return w_result, m_result, v_result


def adagrad(const real[:] w, const real[:] g, const real[:] q, double eta, double eps):
    """q <- q + g^2, w <- w - (eta g) / (sqrt(q) + eps); returns w, q  (O6)."""
    w_result = np.empty(w.shape[0], dtype_of(<real>0))
    q_result = np.empty_like(w_result)
    cdef real[:] new_w = w_result, new_q = q_result
    cdef Py_ssize_t i
    for i in range(w.shape[0]):
        new_q[i] = fma(g[i], g[i], q[i])
        new_w[i] = w[i] - (<real>eta * g[i]) / (sqrt(new_q[i]) + <real>eps)
    return w_result, q_result


def rmsprop(
    const real[:] w, const real[:] g, const real[:] v, double eta, double beta, double eps
):
    """v a running mean of g^2, w <- w - (eta g) / (sqrt(v) + eps); returns w, v  (O7)."""
    w_result = np.empty(w.shape[0], dtype_of(<real>0))
    v_result = np.empty_like(w_result)
    cdef real[:] new_w = w_result, new_v = v_result
    cdef Py_ssize_t i
    for i in range(w.shape[0]):
        new_v[i] = mean_square(v[i], g[i], beta, g[i])
        new_w[i] = w[i] - (<real>eta * g[i]) / (sqrt(new_v[i]) + <real>eps)
    return w_result, v_result


def rmsprop_momentum(
    const real[:] w, const real[:] g, const real[:] v, const real[:] b,
    double eta, double beta, double eps, double mu,
):
    """b <- mu b + g / (sqrt(v) + eps), w <- w - eta b; returns w, v, b  (O8)."""
    w_result = np.empty(w.shape[0], dtype_of(<real>0))
    v_result, b_result = np.empty_like(w_result), np.empty_like(w_result)
    cdef real[:] new_w = w_result, new_v = v_result, new_b = b_result
    cdef Py_ssize_t i
    for i in range(w.shape[0]):
        new_v[i] = mean_square(v[i], g[i], beta, g[i])
        new_b[i] = faded(fma(<real>mu, b[i], g[i] / (sqrt(new_v[i]) + <real>eps)))
        new_w[i] = fma(<real>-eta, new_b[i], w[i])
    return w_result, v_result, b_result


def rmsprop_centered(
    const real[:] w, const real[:] g, const real[:] v, const real[:] b, const real[:] a,
    double eta, double beta, double eps, double mu,
):
    """(O8) with max(v - a^2, 0) under the root; returns w, v, b, a  (O9)."""
    cdef real variance, zero = 0
    w_result = np.empty(w.shape[0], dtype_of(zero))
    v_result, b_result, a_result = (np.empty_like(w_result) for _ in range(3))
    cdef real[:] new_w = w_result, new_v = v_result, new_b = b_result, new_a = a_result
    cdef Py_ssize_t i
    for i in range(w.shape[0]):
        new_v[i] = mean_square(v[i], g[i], beta, g[i])
        new_a[i] = faded_mean(mean(a[i], g[i], beta))
        variance = fma(-new_a[i], new_a[i], new_v[i])
        variance = zero if variance < 0 else variance
        new_b[i] = faded(fma(<real>mu, b[i], g[i] / (sqrt(variance) + <real>eps)))
        new_w[i] = fma(<real>-eta, new_b[i], w[i])
    return w_result, v_result, b_result, a_result


def adadelta(
    const real[:] w, const real[:] g, const real[:] v, const real[:] a,
    double eta, double beta, double eps,
):
    """d = sqrt(a + eps) / sqrt(v + eps) g, w <- w - eta d; returns w, v, a  (O10)."""
    cdef real d
    w_result = np.empty(w.shape[0], dtype_of(<real>0))
    v_result, a_result = np.empty_like(w_result), np.empty_like(w_result)
    cdef real[:] new_w = w_result, new_v = v_result, new_a = a_result
    cdef Py_ssize_t i
    for i in range(w.shape[0]):
        new_v[i] = mean_square(v[i], g[i], beta, g[i])
        d = sqrt(a[i] + <real>eps) / sqrt(new_v[i] + <real>eps) * g[i]
        new_a[i] = mean_square(a[i], d, beta, d)
        new_w[i] = fma(<real>-eta, d, w[i])
    return w_result, v_result, a_result


cdef inline real signed_size(real x, real size) noexcept nogil:
    """size sign(x), with 0 and NaN as they are."""
    return size if x > 0 else -size if x < 0 else x


def lion(
    const real[:] w, const real[:] g, const real[:] m, double eta, double beta_1, double beta_2
):
    """w <- w - eta sign(mean of m and g), m <- another mean; returns w, m  (O11)."""
    w_result = np.empty(w.shape[0], dtype_of(<real>0))
    m_result = np.empty_like(w_result)
    cdef real[:] new_w = w_result, new_m = m_result
    cdef Py_ssize_t i
    for i in range(w.shape[0]):
        new_w[i] = w[i] - signed_size(mean(m[i], g[i], beta_1), <real>eta)
        new_m[i] = mean(m[i], g[i], beta_2)
    return w_result, m_result


def rprop(
    const real[:] w, const real[:] g, const real[:] p, const real[:] s,
    double shrink, double grow, double least, double most,
):
    """s grows or shrinks with the sign of g p, w <- w - s sign(p); returns w, p, s  (O12)."""
    cdef real turn, size, one = 1, zero = 0
    w_result = np.empty(w.shape[0], dtype_of(one))
    p_result, s_result = np.empty_like(w_result), np.empty_like(w_result)
    cdef real[:] new_w = w_result, new_p = p_result, new_s = s_result
    cdef Py_ssize_t i
    for i in range(w.shape[0]):
        turn = signed_size(p[i], one) * signed_size(g[i], one)
        size = s[i] * (<real>grow if turn > 0 else <real>shrink if turn < 0 else one)
        size = <real>most if size > <real>most else size
        new_s[i] = <real>least if size < <real>least else size
        new_p[i] = zero if turn < 0 else g[i]
        new_w[i] = w[i] - signed_size(new_p[i], new_s[i])
    return w_result, p_result, s_result
