// SPDX-License-Identifier: BSD-3-Clause
// The output layer, row by row: from net to y_hat, the row's loss L_i and delta = -dL_i/dnet.
// General path: u = -dL_i/dy_hat, then the activation's derivative (softmax: its full Jacobian).
// Collapsed pairs: softmax + cross-entropy and logistic + binary cross-entropy give y - y_hat, and
// take their loss from net, where no probability has been rounded to 0 or 1.

template <class V> INLINE V clip(V y_hat) {
  typedef typename traits<V>::scalar T;
  const V low = splat<V>(sizeof(T) == 4 ? T(0x1p-23) : T(0x1p-52)), high = splat<V>(1) - low;
  return select(y_hat < low, low, select(y_hat > high, high, y_hat));
}

// u = -dL_i/dy_hat
template <Loss LOSS, class V> INLINE V minus_loss_derivative(V y, V y_hat) {
  const V c = clip(y_hat);
  if constexpr (LOSS == Loss::binary_cross_entropy) return (y - c) / (c * (splat<V>(1) - c));
  if constexpr (LOSS == Loss::cross_entropy) return y / c;
  const V d = y - y_hat;
  return LOSS == Loss::squared_error ? d + d : d;
}

constexpr bool adds_squares(Loss loss) { return loss == Loss::half_squared_error || loss == Loss::squared_error; }

// Terms whose sum is L_i.
template <class V> INLINE V binary_cross_entropy_of_net(V y, V net) {
  const V magnitude = select(net > V{}, net, -net);
  return (select(net > V{}, net, V{}) - net * y) + log1p_of_unit(exp(-magnitude));
}

template <class V> INLINE V binary_cross_entropy_of_y_hat(V y, V y_hat) {
  const V c = clip(y_hat), one = splat<V>(1);
  return -fma(y, log(c), (one - y) * log(one - c));
}

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
      const vec<T> e = select(live, exp(d), vec<T>{});
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
    const vec<T> d = COLLAPSED ? fma(-y_hat, t, y) : minus_loss_derivative<Loss::cross_entropy>(y, y_hat);
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
    e[j] = exp(d[j]);
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

// y_hat, delta and the terms of L_i of one vector. F is scalar, or softmax: then net is y_hat already.
template <Activation F, Loss LOSS, bool COLLAPSED, class V, class Tree>
INLINE V output_vector(V y, V net, typename traits<V>::ivec live, int column, Tree& loss, V& delta) {
  const V y_hat = activation<F>(net);
  if constexpr (adds_squares(LOSS)) {
    const V d = select(live, y - y_hat, V{});
    loss.add_product(column, d, d);
  } else if constexpr (F == Activation::logistic) {
    loss.add(column, select(live, binary_cross_entropy_of_net(y, net), V{}));
  } else {
    loss.add(column, select(live, binary_cross_entropy_of_y_hat(y, y_hat), V{}));
  }
  V d = COLLAPSED ? y - y_hat : minus_loss_derivative<LOSS>(y, y_hat);
  if constexpr (!COLLAPSED && F != Activation::softmax) d = times_derivative<F>(d, y_hat);
  delta = select(live, d, V{});
  return y_hat;
}

// Every other pair.
template <class T, Activation F, Loss LOSS, bool COLLAPSED>
INLINE T output_row(const Output<T>& c, T* z, T* delta, const T* Y) {
  if constexpr (F == Activation::softmax) softmax_row(z, c.columns, c.stride);
  Tree16<T> loss;
  along_row<T>(c.columns, c.stride, [&](int column, ptrdiff_t at, ivec<T> live) {
    const vec<T> y = select(live, load(Y + at), vec<T>{});
    vec<T> d;
    store(z + at, output_vector<F, LOSS, COLLAPSED>(y, load(z + at), live, column, loss, d));
    store(delta + at, d);
  });
  if constexpr (F == Activation::softmax) softmax_delta_row(z, delta, c.columns, c.stride);
  return LOSS == Loss::half_squared_error ? T(0.5) * loss.total() : loss.total();
}

// The same with rows along the lanes.
template <class T, Activation F, Loss LOSS, bool COLLAPSED>
INLINE void few_outputs(const Output<T>& c, int64_t first) {
  const int64_t rows = c.rows - first;
  const ivec<T> live = splat_integer<vec<T>>(-1);
  FewTree<T> loss;
  for (int j = 0; j < c.columns; j++) {
    const int64_t at = first * PANEL + j;
    const vec<T> y = load_column(c.Y + at, rows), net = load_column(c.z + at, rows);
    vec<T> d;
    store_column(c.z + at, rows, output_vector<F, LOSS, COLLAPSED>(y, net, live, j, loss, d));
    store_column(c.delta + at, rows, d);
  }
  const vec<T> factor = splat<vec<T>>(LOSS == Loss::half_squared_error ? T(0.5) : T(1));
  store_column<1>(c.row_loss + first, rows, factor * loss.total());
}

template <class T, Activation F, Loss LOSS, bool COLLAPSED> void output_rows(const Output<T>& c) noexcept {
  // Where nearly nothing is computed, rows are not worth turning.
  if constexpr (F == Activation::logistic || F == Activation::tanh)
    if (turning_pays(c.columns, c.rows)) {
      for (int64_t r = 0; r < c.rows; r += lanes<T>) few_outputs<T, F, LOSS, COLLAPSED>(c, r);
      return;
    }
  for (int64_t r = 0; r < c.rows; r++) {
    const int64_t row = r * PANEL;
    c.row_loss[r] = output_row<T, F, LOSS, COLLAPSED>(c, c.z + row, c.delta + row, c.Y + row);
  }
}

// A squared error, halved or whole.
template <class T, Loss LOSS> void squares_rows(const Output<T>& c) noexcept {
  switch (c.activation) {
    default: return output_rows<T, Activation::identity, LOSS, false>(c);
    case Activation::logistic: return output_rows<T, Activation::logistic, LOSS, false>(c);
    case Activation::tanh: return output_rows<T, Activation::tanh, LOSS, false>(c);
    case Activation::relu: return output_rows<T, Activation::relu, LOSS, false>(c);
    case Activation::threshold:  // collapsed: Rosenblatt's delta; its derivative sends nothing back
      return c.collapsed ? output_rows<T, Activation::threshold, LOSS, true>(c)
                         : output_rows<T, Activation::threshold, LOSS, false>(c);
    case Activation::softmax: return output_rows<T, Activation::softmax, LOSS, false>(c);
  }
}

// The pairs that the trainer admits.
template <class T> void output(const Output<T>& c) noexcept {
  if (c.loss == Loss::half_squared_error) return squares_rows<T, Loss::half_squared_error>(c);
  if (c.loss == Loss::squared_error) return squares_rows<T, Loss::squared_error>(c);
  if (c.loss == Loss::cross_entropy)
    return c.collapsed ? cross_entropy_rows<T, true>(c) : cross_entropy_rows<T, false>(c);
  if (c.activation == Activation::softmax)
    return output_rows<T, Activation::softmax, Loss::binary_cross_entropy, false>(c);
  return c.collapsed ? output_rows<T, Activation::logistic, Loss::binary_cross_entropy, true>(c)
                     : output_rows<T, Activation::logistic, Loss::binary_cross_entropy, false>(c);
}
