// SPDX-License-Identifier: BSD-3-Clause
// The output layer where nothing is fused: its activation, the loss row by row, and the activation's
// derivative, each in a pass of its own.

template <class T> INLINE vec<T> parameter_of(const Output<T>& c, int column) {
  return c.parameter ? load(c.parameter + column) : vec<T>{};
}

template <class T, class Tree> INLINE void add_term(Tree& sum, const LossRow<T>& loss, int column, vec<T> term) {
  if (loss.squares)
    sum.add_product(column, term, term);
  else
    sum.add(column, term);
}

// z and Y -> y_hat, L_i and u; padding of delta becomes 0.
template <class T> INLINE T loss_of_row(const Output<T>& c, const LossRow<T>& loss, int64_t row) {
  Tree16<T> sum;
  along_row<T>(c.columns, c.stride, [&](int column, ptrdiff_t at, ivec<T> live) {
    Element<vec<T>> e{select(live, load(c.Y + row + at), vec<T>{}), load(c.z + row + at), {}, {}};
    loss.function(e, parameter_of(c, column));
    add_term(sum, loss, column, select(live, e.term, vec<T>{}));
    store(c.z + row + at, e.z);
    store(c.delta + row + at, select(live, e.u, vec<T>{}));
  });
  return loss.factor * sum.total();
}

// The same with rows along the lanes.
template <class T> INLINE void losses_of_few(const Output<T>& c, const LossRow<T>& loss, int64_t first) {
  const int64_t rows = c.rows - first;
  FewTree<T> sum;
  for (int j = 0; j < c.columns; j++) {
    const int64_t at = first * PANEL + j;
    Element<vec<T>> e{load_column(c.Y + at, rows), load_column(c.z + at, rows), {}, {}};
    loss.function(e, splat<vec<T>>(c.parameter ? c.parameter[j] : T(0)));
    add_term(sum, loss, j, e.term);
    store_column(c.z + at, rows, e.z);
    store_column(c.delta + at, rows, e.u);
  }
  store_column<1>(c.row_loss + first, rows, splat<vec<T>>(loss.factor) * sum.total());
}

template <class T> void loss_rows(const Output<T>& c, const LossRow<T>& loss) noexcept {
  if (turning_pays(c.columns, c.rows)) {
    for (int64_t r = 0; r < c.rows; r += lanes<T>) losses_of_few(c, loss, r);
    return;
  }
  for (int64_t r = 0; r < c.rows; r++) c.row_loss[r] = loss_of_row(c, loss, r * PANEL);
}

template <class T> INLINE Derivative<T> derivative_of(const Output<T>& c) {
  return {c.z, c.delta, c.stride, c.rows, c.columns, c.activation, {}};
}

// Somebody else's loss: y_hat and L_i are there, u stands in Y.
template <class T> void given_rows(const Output<T>& c) noexcept {
  for (int64_t r = 0; r < c.rows; r++)
    along_row<T>(c.columns, c.stride, [&](int, ptrdiff_t at, ivec<T> live) {
      store(c.delta + r * PANEL + at, select(live, load(c.Y + r * PANEL + at), vec<T>{}));
    });
  times_derivative(derivative_of(c));
}
