// SPDX-License-Identifier: BSD-3-Clause
// The optimizers: g and the state in, the new w and state out, one vector of weights at a time.
// Adding one: a value of Optimizer, a case here, and its formula in the oracle and the literal reference.

template <class V> INLINE V sgd(const Update<typename traits<V>::scalar>& u, V w, V g) {
  return fma(splat<V>(-u.eta), g, w);
}

template <class V> INLINE V momentum(const Update<typename traits<V>::scalar>& u, V w, V g, V& v) {
  v = fma(splat<V>(u.momentum), v, g);
  return fma(splat<V>(-u.eta), v, w);
}

template <class V> INLINE V adam(const Update<typename traits<V>::scalar>& u, V w, V g, V& m, V& v) {
  m = fma(splat<V>(u.beta_1), m, splat<V>(u.one_minus_beta_1) * g);
  v = fma(splat<V>(u.beta_2), v, (splat<V>(u.one_minus_beta_2) * g) * g);
  return w - (splat<V>(u.step_size) * m) / (sqrt(v * splat<V>(u.bias_correction)) + splat<V>(u.eps));
}

// g = -(1/S) total, plus the derivative of l2 (0 for a bias).
template <class T> INLINE vec<T> gradient_of(const Update<T>& u, T l2, vec<T> total, vec<T> w) {
  const vec<T> g = total * splat<vec<T>>(u.minus_inverse_s);
  return l2 != 0 ? fma(splat<vec<T>>(l2), w, g) : g;
}

// Calls f(offset) for the vectors of a [rows][PANEL] block that hold columns.
template <class T, class F> INLINE void each_weight(int rows, int columns, F f) {
  for (int r = 0; r < rows; r++)
    for (int c = 0; c < columns; c += lanes<T>) f(ptrdiff_t(r) * PANEL + c);
}

template <class T>
INLINE void update(const Update<T>& u, T l2, int rows, int columns, const T* total, T* w, T* const slot[2],
                   ptrdiff_t at) {
  T* const w0 = w + at;
  switch (u.rule) {
    case Optimizer::sgd:
      return each_weight<T>(rows, columns, [&](ptrdiff_t i) {
        const vec<T> wi = load(w0 + i);
        store(w0 + i, sgd(u, wi, gradient_of(u, l2, load(total + i), wi)));
      });
    case Optimizer::momentum:
      return each_weight<T>(rows, columns, [&](ptrdiff_t i) {
        const vec<T> wi = load(w0 + i);
        vec<T> v = load(slot[0] + at + i);
        store(w0 + i, momentum(u, wi, gradient_of(u, l2, load(total + i), wi), v));
        store(slot[0] + at + i, v);
      });
    case Optimizer::adam:
      return each_weight<T>(rows, columns, [&](ptrdiff_t i) {
        const vec<T> wi = load(w0 + i);
        vec<T> m = load(slot[0] + at + i), v = load(slot[1] + at + i);
        store(w0 + i, adam(u, wi, gradient_of(u, l2, load(total + i), wi), m, v));
        store(slot[0] + at + i, m);
        store(slot[1] + at + i, v);
      });
  }
}
