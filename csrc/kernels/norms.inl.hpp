// SPDX-License-Identifier: BSD-3-Clause
// What looks at all of a unit's weights at once: squares for the norm of the gradient, weights held to a
// norm; and the average that follows the weights. Squares are added in float64, where those of float32 are
// exact and never overflow.

template <class T> INLINE f64v widened(const T* p) {
  if constexpr (sizeof(T) == 8)
    return load(p);
  else {
    typedef float half __attribute__((vector_size(VEC_BYTES / 2)));
    return __builtin_convertvector(((const aligned<half>*)p)->v, f64v);
  }
}

// q[j] = the sum of the squares of column j over rows [0, rows) of a panel, in blocks of KB.
template <class T> void unit_squares(const T* w, int rows, double* q) noexcept {
  constexpr int L = lanes<double>, V = PANEL / L;
  f64v total[V] = {};
  for (int r0 = 0; r0 < rows; r0 += KB) {
    f64v sum[V] = {};
    for (int r = r0; r < rows && r < r0 + KB; r++)
#pragma GCC unroll 16
      for (int v = 0; v < V; v++) {
        const f64v x = widened(w + ptrdiff_t(r) * PANEL + v * L);
        sum[v] = sum[v] + x * x;
      }
    for (int v = 0; v < V; v++) total[v] = total[v] + sum[v];
  }
  for (int v = 0; v < V; v++) store(q + v * L, total[v]);
}

// A whole panel: units whose weights, without the bias, have a norm beyond `most` are shortened to it.
template <class T> void limit_norms(const GradientUnit<T>& g, double most) noexcept {
  alignas(64) double q[PANEL];
  alignas(64) T factor[PANEL];
  unit_squares(g.w, g.in, q);
  bool beyond = false;
  for (int c = 0; c < PANEL; c++) {
    const double norm = __builtin_sqrt(q[c]);
    factor[c] = 1;
    if (c >= g.columns || !(norm > most)) continue;
    factor[c] = T(most / norm + (norm - norm));  // an overflow is not hidden by a factor of 0
    beyond = true;
  }
  if (!beyond) return;
  for (int i = 0; i < g.in; i++)
    for (int c = 0; c < g.columns; c += lanes<T>) {
      T* w = g.w + ptrdiff_t(i) * PANEL + c;
      store(w, load(w) * load(factor + c));
    }
  copy_transposed(g);
}

// a + share (w - a) for n numbers, whole vectors.
template <class T> void average(T* a, const T* w, int64_t n, T share) noexcept {
  for (int64_t i = 0; i < n; i += lanes<T>) {
    const vec<T> old = load(a + i);
    store(a + i, fma(splat<vec<T>>(share), load(w + i) - old, old));
  }
}
