// SPDX-License-Identifier: BSD-3-Clause
// Losses of softmax, taken from net, where no probability has been rounded to 0 or 1: cross-entropy, and
// whatever else is a sum over -log y_hat_j.

// softmax + cross-entropy: L_i = sum_j y_j (log s - (net_j - m)), in two sweeps over some rows so that
// their logarithms are taken together. Between them e_j stands in z and net_j - m in delta.
constexpr int ROWS = 16;

template <class T> struct Sums { alignas(64) T e[ROWS], y[ROWS], log_e[ROWS]; };

template <class T> INLINE void exponentials(const Output<T>& c, int64_t first, int rows, Sums<T>& sums) {
  for (int r = 0; r < ROWS; r++) sums.e[r] = 1;
  for (int r = 0; r < rows; r++) {
    const int64_t row = (first + r) * PANEL;
    T *z = c.z + row, *delta = c.delta + row;
    const vec<T> m = splat<vec<T>>(row_maximum(z, c.columns, c.stride));
    Tree16<T> sum, sum_y;
    along_row<T>(c.columns, c.stride, [&](int column, ptrdiff_t at, ivec<T> live) {
      const vec<T> d = load(z + at) - m;
      const vec<T> e = select(live, softmax_term(d), vec<T>{});
      sum.add(column, e);
      sum_y.add(column, select(live, load(c.Y + row + at), vec<T>{}));
      store(z + at, e);
      store(delta + at, d);
    });
    sums.e[r] = sum.total();
    sums.y[r] = sum_y.total();
  }
  for (int r = 0; r < ROWS; r += lanes<T>) store(sums.log_e + r, log(load(sums.e + r)));
}

template <class T, bool COLLAPSED>
INLINE T cross_entropy_row(const Output<T>& c, T* z, T* delta, const T* Y, T sum, T sum_y, T log_sum) {
  const vec<T> s = splat<vec<T>>(sum), t = splat<vec<T>>(sum_y), log_s = splat<vec<T>>(log_sum);
  Tree16<T> loss;
  along_row<T>(c.columns, c.stride, [&](int column, ptrdiff_t at, ivec<T> live) {
    const vec<T> y = select(live, load(Y + at), vec<T>{});
    const vec<T> y_hat = load(z + at) / s;
    loss.add_product(column, y, select(live, log_s - load(delta + at), vec<T>{}));
    store(z + at, y_hat);
    const vec<T> d = COLLAPSED ? fma(-y_hat, t, y) : y / clip(y_hat);
    store(delta + at, select(live, d, vec<T>{}));
  });
  if constexpr (!COLLAPSED) softmax_delta_row(z, delta, c.columns, c.stride);
  return loss.total();
}

// The collapsed pair with rows along the lanes.
template <class T> INLINE void few_cross_entropy(const Output<T>& c, int64_t first) {
  const int64_t row = first * PANEL, rows = c.rows - first;
  vec<T> e[FEW], y[FEW], d[FEW], m = splat<vec<T>>(-T(__builtin_inf()));
  for (int j = 0; j < c.columns; j++) {
    d[j] = load_column(c.z + row + j, rows);
    y[j] = load_column(c.Y + row + j, rows);
    m = select(d[j] > m, d[j], m);
  }
  FewTree<T> sum, sum_y, loss;
  for (int j = 0; j < c.columns; j++) {
    d[j] = d[j] - m;
    e[j] = softmax_term(d[j]);
    sum.add(j, e[j]);
    sum_y.add(j, y[j]);
  }
  const vec<T> s = sum.total(), t = sum_y.total(), log_s = log(s);
  for (int j = 0; j < c.columns; j++) {
    const vec<T> y_hat = e[j] / s;
    loss.add_product(j, y[j], log_s - d[j]);
    store_column(c.z + row + j, rows, y_hat);
    store_column(c.delta + row + j, rows, fma(-y_hat, t, y[j]));
  }
  store_column<1>(c.row_loss + first, rows, loss.total());
}

template <class T, bool COLLAPSED> void cross_entropy_rows(const Output<T>& c) noexcept {
  if (COLLAPSED && turning_pays(c.columns, c.rows)) {
    for (int64_t r = 0; r < c.rows; r += lanes<T>) few_cross_entropy(c, r);
    return;
  }
  Sums<T> sums;
  for (int64_t first = 0; first < c.rows; first += ROWS) {
    const int rows = c.rows - first < ROWS ? int(c.rows - first) : ROWS;
    exponentials(c, first, rows, sums);
    for (int r = 0; r < rows; r++) {
      const int64_t row = (first + r) * PANEL;
      c.row_loss[first + r] =
          cross_entropy_row<T, COLLAPSED>(c, c.z + row, c.delta + row, c.Y + row, sums.e[r], sums.y[r], sums.log_e[r]);
    }
  }
}

// The sum of the e that stand in z, but for the largest: its lane's distance d is 0.
template <class T> INLINE T sum_of_others(const Output<T>& c, const T* z, const T* d) {
  Tree16<T> sum;
  along_row<T>(c.columns, c.stride, [&](int column, ptrdiff_t at, ivec<T> live) {
    sum.add(column, select(live & (load(d + at) < vec<T>{}), load(z + at), vec<T>{}));
  });
  return sum.total();
}

// Any other: with a_j = -y_hat_j dL_i/dy_hat_j, which stays finite, delta_j = a_j - y_hat_j sum_l a_l. Of a y_hat
// above 1/2 nothing is lost to rounding near 1: what it leaves comes from the sum of the other e, which is
// s - 1, and its delta is a_j (1 - y_hat_j) - y_hat_j times the other a.
template <class T> INLINE T softmax_loss_row(const Output<T>& c, const LossRow<T>& loss, int64_t r, T sum, T log_sum) {
  typedef vec<T> V;
  const int64_t row = r * PANEL;
  T *z = c.z + row, *delta = c.delta + row;
  const V s = splat<V>(sum), log_s = splat<V>(log_sum), one = splat<V>(1), half = splat<V>(0.5);
  const V others = splat<V>(sum_of_others(c, z, delta)), rest = others / s, log_1 = log1p_of_unit(others);
  Tree16<T> total, sum_a, other_a;
  along_row<T>(c.columns, c.stride, [&](int column, ptrdiff_t at, ivec<T> live) {
    const V y_hat = load(z + at) / s;
    const ivec<T> top = y_hat > half;
    Element<V> e{select(live, load(c.Y + row + at), V{}), y_hat, select(top, rest, one - y_hat),
                 select(top, log_1, log_s - load(delta + at))};
    loss.function(e, parameter_of(c, column));
    const V a = select(live, e.u, V{});
    total.add(column, select(live, e.term, V{}));
    sum_a.add(column, a);
    other_a.add(column, select(top, V{}, a));
    store(z + at, e.z);
    store(delta + at, a);
  });
  const V t = splat<V>(sum_a.total()), t_others = splat<V>(other_a.total());
  along_row<T>(c.columns, c.stride, [&](int, ptrdiff_t at, ivec<T> live) {
    const V y_hat = load(z + at), a = load(delta + at);
    const V d = select(y_hat > half, fma(-y_hat, t_others, a * rest), fma(-y_hat, t, a));
    store(delta + at, select(live, d, V{}));
  });
  return total.total();
}

template <class T> void softmax_loss_rows(const Output<T>& c, const LossRow<T>& loss) noexcept {
  Sums<T> sums;
  for (int64_t first = 0; first < c.rows; first += ROWS) {
    const int rows = c.rows - first < ROWS ? int(c.rows - first) : ROWS;
    exponentials(c, first, rows, sums);
    for (int r = 0; r < rows; r++)
      c.row_loss[first + r] = softmax_loss_row(c, loss, first + r, sums.e[r], sums.log_e[r]);
  }
}
