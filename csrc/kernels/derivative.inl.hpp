// SPDX-License-Identifier: BSD-3-Clause
// delta = f' u over rows of panels: with f' as it was kept, or from o.

// A tile of u, at C: with what was kept, influence <- u influence, then u slope.
template <class T>
__attribute__((noinline)) void times_slope(T* C, const Kept<T>& kept, int64_t rows, int columns) noexcept {
  for (int64_t r = 0; r < rows; r++)
    for (int c = 0; c < columns; c += lanes<T>) {
      const ptrdiff_t at = r * PANEL + c;
      const vec<T> u = load(C + at);
      if (kept.influence) store(kept.influence + at, u * load(kept.influence + at));
      store(C + at, u * load(kept.slope + at));
    }
}

// The padding of an output's delta must hold zeros.
template <class T, class Times> INLINE void each_of_rows(const Derivative<T>& d, Times times) {
  for (int64_t r = 0; r < d.rows; r++)
    along_row<T>(d.columns, d.stride, [&](int column, ptrdiff_t at, ivec<T> live) {
      at += r * PANEL;
      store(d.delta + at, select(live, times(load(d.delta + at), at, column), vec<T>{}));
    });
}

template <Activation F, class T> INLINE void from_outputs(const Derivative<T>& d) {
  each_of_rows(d, [&](vec<T> u, ptrdiff_t at, int) { return times_derivative<F>(u, load(d.o + at)); });
}

// delta = f' u, or J^T u for softmax.
template <class T> void times_derivative(const Derivative<T>& d) noexcept {
  if (d.kept.influence)
    for (int p = 0; p * PANEL < d.columns; p++)
      for (int64_t at = p * d.stride; at < p * d.stride + d.rows * PANEL; at += lanes<T>)
        store(d.kept.influence + at, load(d.delta + at) * load(d.kept.influence + at));
  if (d.kept.slope) return each_of_rows(d, [&](vec<T> u, ptrdiff_t at, int) { return u * load(d.kept.slope + at); });
  switch (d.activation) {
    case Activation::logistic: return from_outputs<Activation::logistic>(d);
    case Activation::tanh: return from_outputs<Activation::tanh>(d);
    case Activation::relu: return from_outputs<Activation::relu>(d);
    case Activation::threshold: return from_outputs<Activation::threshold>(d);
    case Activation::softmax:
      for (int64_t r = 0; r < d.rows; r++) softmax_delta_row(d.o + r * PANEL, d.delta + r * PANEL, d.columns, d.stride);
      return;
    case Activation::gaussian:
      return each_of_rows(d, [&](vec<T> u, ptrdiff_t at, int column) {
        return select(is_variance<T>(column, d.columns), u * load(d.o + at), u);
      });
    default: return;  // identity
  }
}
