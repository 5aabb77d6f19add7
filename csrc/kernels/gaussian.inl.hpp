// SPDX-License-Identifier: BSD-3-Clause
// The negative logarithm of a normal density, whose mean and variance both are outputs: K/2 means, then as
// many variances, v = exp(net). Y has K/2 columns. Rows lie along the lanes, since a target, its mean and
// its variance stand in different ones.

// Tree16 of as many rows as lanes: accumulator j mod 16 takes column j.
template <class T> struct RowsTree {
  vec<T> sum[16] = {};
  INLINE_MEMBER void add(int column, vec<T> x) { sum[column % 16] = sum[column % 16] + x; }
  INLINE_MEMBER vec<T> total() {
    for (int half = 8; half; half /= 2)
      for (int i = 0; i < half; i++) sum[i] = sum[i] + sum[i + half];
    return sum[0];
  }
};

// s = net of the variance, h = exp(-s/4) twice, so that nothing overflows before (y - mean)^2 / v does:
// L_i = 1/2 sum (s + r^2), r = (y - mean) / sqrt(v); delta = r / sqrt(v) and (r^2 - 1) / 2.
template <class T> INLINE vec<T> gaussian_column(const Output<T>& c, int64_t first, int64_t rows, int j) {
  typedef vec<T> V;
  const auto place = [&](int column) { return column / PANEL * c.stride + first * PANEL + column % PANEL; };
  const ptrdiff_t mean = place(j), variance = place(j + c.columns / 2);
  const V s = load_column(c.z + variance, rows), half = splat<V>(0.5);
  const V h = at_most(largest<V>(), exp(splat<V>(-0.25) * s));
  const V r = ((load_column(c.Y + mean, rows) - load_column(c.z + mean, rows)) * h) * h, square = r * r;
  store_column(c.z + variance, rows, exp(s));
  store_column(c.delta + mean, rows, (r * h) * h);
  store_column(c.delta + variance, rows, half * (square - splat<V>(1)));
  return half * (s + square);
}

template <class T> void gaussian_rows(const Output<T>& c) noexcept {
  for (int64_t first = 0; first < c.rows; first += lanes<T>) {
    const int64_t rows = c.rows - first;
    RowsTree<T> sum;
    for (int j = 0; j < c.columns / 2; j++) sum.add(j, gaussian_column(c, first, rows, j));
    store_column<1>(c.row_loss + first, rows, sum.total());
  }
}
