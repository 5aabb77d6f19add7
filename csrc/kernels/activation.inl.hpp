// SPDX-License-Identifier: BSD-3-Clause
// The four scalar activations that tiles apply in registers, and their derivatives, written from o so that
// nothing else need be kept; softmax, which is a function of a whole row, and the 16-lane tree that sums
// along a row. The other activations: functions.inl.hpp.

template <Activation F, class V> INLINE V activation(V net) {
  if constexpr (F == Activation::logistic) return logistic(net);
  if constexpr (F == Activation::tanh) return tanh(net);
  if constexpr (F == Activation::relu) return select(net <= V{}, V{}, net);  // NaN stays NaN
  if constexpr (F == Activation::threshold) return select(net >= V{}, splat<V>(1), select(net < V{}, V{}, net));
  return net;
}

// u f'(net), with f' from o.
template <Activation F, class V> INLINE V times_derivative(V u, V o) {
  if constexpr (F == Activation::logistic) return u * fma(-o, o, o);
  if constexpr (F == Activation::tanh) return u * fma(-o, o, splat<V>(1));
  if constexpr (F == Activation::relu) return select(o > V{}, u, V{});
  if constexpr (F == Activation::threshold) return V{};
  return u;
}

// Sum along a row: accumulator j mod 16 takes column j in increasing order, then 16 -> 8 -> 4 -> 2 -> 1.
// The same tree at every vector width, so the width changes no bit.
template <class T> struct Tree16 {
  static constexpr int L = lanes<T>, N = 16 / L;
  vec<T> sum[N] = {};
  INLINE_MEMBER void add(int column, vec<T> x) {
    const int i = column / L % N;
    sum[i] = sum[i] + x;
  }
  INLINE_MEMBER void add_product(int column, vec<T> a, vec<T> b) {
    const int i = column / L % N;
    sum[i] = fma(a, b, sum[i]);
  }
  INLINE_MEMBER T total() {
    for (int half = N / 2; half; half /= 2)
      for (int i = 0; i < half; i++) sum[i] = sum[i] + sum[i + half];
    return fold<L>(sum[0], [](auto a, auto b) { return a + b; });
  }
};

// Calls f(column, offset, mask of the lanes that are columns) for the vectors of one row in panels.
template <class T, class F> INLINE void along_row(int columns, ptrdiff_t stride, F f) {
  const ivec<T> lane = lane_numbers<T>();
  for (int p = 0; p * PANEL < columns; p++)
    for (int c = 0; c < PANEL && p * PANEL + c < columns; c += lanes<T>) {
      const int column = p * PANEL + c;
      f(column, p * stride + c, lane < splat_integer<vec<T>>(columns - column));
    }
}

template <class T> INLINE T row_maximum(const T* z, int columns, ptrdiff_t stride) {
  vec<T> m = splat<vec<T>>(-T(__builtin_inf()));
  along_row<T>(columns, stride, [&](int, ptrdiff_t at, ivec<T> live) {
    const vec<T> a = load(z + at);
    m = select(live & (a > m), a, m);
  });
  return fold<lanes<T>>(m, [](auto a, auto b) { return b > a ? b : a; });
}

// exp(d), d = net_j - M, and 0 far below the largest: so small a y_hat would make subnormal numbers of deltas and of
// what they are multiplied by, for which some processors take a hundred times as long (64-32-10, Adam, batch 32, epochs
// 500 to 700, an Intel with AVX-512: 1.3 to 4.4 M samples/s).
template <class V> INLINE V softmax_term(V d) {
  const V least = splat<V>(elementary<V>::least_distance);
  return select(d < least, V{}, exp(select(d < least, V{}, d)));
}

template <class T> INLINE void softmax_row(T* z, int columns, ptrdiff_t stride) {
  const vec<T> m = splat<vec<T>>(row_maximum(z, columns, stride));
  Tree16<T> sum;
  along_row<T>(columns, stride, [&](int column, ptrdiff_t at, ivec<T> live) {
    const vec<T> e = select(live, softmax_term(load(z + at) - m), vec<T>{});
    sum.add(column, e);
    store(z + at, e);
  });
  const vec<T> s = splat<vec<T>>(sum.total());
  along_row<T>(columns, stride, [&](int, ptrdiff_t at, ivec<T>) { store(z + at, load(z + at) / s); });
}

// The lanes from `column` on that lie in the second half of the columns.
template <class T> INLINE ivec<T> is_variance(int column, int columns) {
  return lane_numbers<T>() >= splat_integer<vec<T>>(columns / 2 - column);
}

// Means stay, variances are exp(net).
template <class T> INLINE void gaussian_row(T* z, int columns, ptrdiff_t stride) {
  along_row<T>(columns, stride, [&](int column, ptrdiff_t at, ivec<T>) {
    const vec<T> net = load(z + at);
    store(z + at, select(is_variance<T>(column, columns), exp(net), net));
  });
}

// One row through the softmax Jacobian: delta_l = o_l (u_l - sum_j u_j o_j); u comes in delta.
template <class T> INLINE void softmax_delta_row(const T* o, T* delta, int columns, ptrdiff_t stride) {
  Tree16<T> sum;
  along_row<T>(columns, stride, [&](int column, ptrdiff_t at, ivec<T> live) {
    sum.add_product(column, select(live, load(delta + at), vec<T>{}), select(live, load(o + at), vec<T>{}));
  });
  const vec<T> s = splat<vec<T>>(sum.total());
  along_row<T>(columns, stride, [&](int, ptrdiff_t at, ivec<T> live) {
    store(delta + at, select(live, load(o + at) * (load(delta + at) - s), vec<T>{}));
  });
}
