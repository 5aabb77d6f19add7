// SPDX-License-Identifier: BSD-3-Clause
// The output layer, row by row: from net to y_hat, the row's loss L_i and delta = -dL_i/dnet.
// Pairs that are trained often are one pass here (and in softmax_losses.inl.hpp); any other loss is a functor
// of losses.inl.hpp, between the activation and its derivative. Activations whose derivative comes from net
// stay outside: to this kernel they are the identity.

// y_hat, delta and the terms of L_i of one vector: half a squared error, or the collapsed logistic +
// binary cross-entropy, which gives y - y_hat and takes its loss from net.
template <Activation F, Loss LOSS, class V, class Tree>
INLINE V output_vector(V y, V net, typename traits<V>::ivec live, int column, Tree& loss, V& delta) {
  const V y_hat = activation<F>(net);
  V d = y - y_hat;
  if constexpr (LOSS == Loss::half_squared_error) {
    d = select(live, d, V{});
    loss.add_product(column, d, d);
    d = times_derivative<F>(d, y_hat);
  } else {
    loss.add(column, select(live, binary_cross_entropy_of_net(y, net), V{}));
  }
  delta = select(live, d, V{});
  return y_hat;
}

template <class T, Activation F, Loss LOSS> INLINE T output_row(const Output<T>& c, T* z, T* delta, const T* Y) {
  Tree16<T> loss;
  along_row<T>(c.columns, c.stride, [&](int column, ptrdiff_t at, ivec<T> live) {
    const vec<T> y = select(live, load(Y + at), vec<T>{});
    vec<T> d;
    store(z + at, output_vector<F, LOSS>(y, load(z + at), live, column, loss, d));
    store(delta + at, d);
  });
  return LOSS == Loss::half_squared_error ? T(0.5) * loss.total() : loss.total();
}

// The same with rows along the lanes.
template <class T, Activation F, Loss LOSS> INLINE void few_outputs(const Output<T>& c, int64_t first) {
  const int64_t rows = c.rows - first;
  const ivec<T> live = splat_integer<vec<T>>(-1);
  FewTree<T> loss;
  for (int j = 0; j < c.columns; j++) {
    const int64_t at = first * PANEL + j;
    const vec<T> y = load_column(c.Y + at, rows), net = load_column(c.z + at, rows);
    vec<T> d;
    store_column(c.z + at, rows, output_vector<F, LOSS>(y, net, live, j, loss, d));
    store_column(c.delta + at, rows, d);
  }
  const vec<T> factor = splat<vec<T>>(LOSS == Loss::half_squared_error ? T(0.5) : T(1));
  store_column<1>(c.row_loss + first, rows, factor * loss.total());
}

template <class T, Activation F, Loss LOSS = Loss::half_squared_error> void output_rows(const Output<T>& c) noexcept {
  // Where nearly nothing is computed, rows are not worth turning.
  if constexpr (F == Activation::logistic || F == Activation::tanh)
    if (turning_pays(c.columns, c.rows)) {
      for (int64_t r = 0; r < c.rows; r += lanes<T>) few_outputs<T, F, LOSS>(c, r);
      return;
    }
  for (int64_t r = 0; r < c.rows; r++) {
    const int64_t row = r * PANEL;
    c.row_loss[r] = output_row<T, F, LOSS>(c, c.z + row, c.delta + row, c.Y + row);
  }
}

// Any pair: `collapsed` with threshold is Rosenblatt's delta, which takes no derivative.
template <class T> void output_apart(const Output<T>& c) noexcept {
  const LossRow<T> loss = loss_row<T>(c.loss, c.activation);
  if (loss.from == From::softmax) return softmax_loss_rows(c, loss);
  if (loss.from == From::y_hat) activate(c.z, c.stride, c.rows, c.columns, Function<T>{c.activation}, {});
  loss_rows(c, loss);
  const bool has_slope = c.activation != Activation::threshold || !c.collapsed;
  if (loss.from == From::y_hat && has_slope) times_derivative(derivative_of(c));
}

// The pairs that the trainer admits.
template <class T> void output(const Output<T>& c) noexcept {
  switch (c.loss) {
    case Loss::cross_entropy: return c.collapsed ? cross_entropy_rows<T, true>(c) : cross_entropy_rows<T, false>(c);
    case Loss::gaussian_nll: return gaussian_rows(c);
    case Loss::given: return given_rows(c);
    case Loss::binary_cross_entropy:
      if (c.activation == Activation::logistic && c.collapsed)
        return output_rows<T, Activation::logistic, Loss::binary_cross_entropy>(c);
      break;
    case Loss::half_squared_error:
      switch (c.activation) {
        case Activation::identity: return output_rows<T, Activation::identity>(c);
        case Activation::logistic: return output_rows<T, Activation::logistic>(c);
        case Activation::tanh: return output_rows<T, Activation::tanh>(c);
        case Activation::relu: return output_rows<T, Activation::relu>(c);
        default: break;
      }
      break;
    default: break;
  }
  output_apart(c);
}
