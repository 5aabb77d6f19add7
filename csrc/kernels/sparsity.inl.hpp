// SPDX-License-Identifier: BSD-3-Clause
// A penalty on the outputs o of a hidden layer: what it adds to the losses of the rows (l1) or to the
// loss of the batch (kl), and its pull, -S dP/do, on u before the layer's f' is applied.

// Onto the totals of one panel's columns: sums of s_i o_i.
template <class T> void add_columns(const T* o, int64_t rows, const T* s, T* total) noexcept {
  sum_rows<PANEL / lanes<T>>(o, rows, total, [=](vec<T> sum, vec<T> x, int64_t r) INLINE_LAMBDA {
    return fma(splat<vec<T>>(s ? s[r] : T(1)), x, sum);  // the product with 1 rounds nothing
  });
}

// One panel's units: rho_hat = total / n; their KL(rho || rho_hat), and the pull that all rows share.
template <class T> void divergence(const Divergence<T>& d) noexcept {
  const vec<T> rho = splat<vec<T>>(d.target), one = splat<vec<T>>(1);
  for (int c = 0; c < PANEL; c += lanes<T>) {
    const vec<T> rho_hat = load(d.total + c) * splat<vec<T>>(d.inverse_n), clipped = clip(rho_hat);
    store(d.kl + c, fma(rho, log(rho / clipped), (one - rho) * log((one - rho) / (one - clipped))));
    store(d.pull + c, splat<vec<T>>(d.weight) * binary_cross_entropy_descent(rho, rho_hat));
  }
}

// L_i + weight sum_j |o_ij|
template <class T>
void l1_losses(const T* o, ptrdiff_t stride, int64_t rows, int columns, T weight, T* row_loss) noexcept {
  for (int64_t r = 0; r < rows; r++) {
    Tree16<T> sum;
    along_row<T>(columns, stride, [&](int column, ptrdiff_t at, ivec<T> live) {
      sum.add(column, select(live, magnitude(load(o + r * PANEL + at)), vec<T>{}));
    });
    row_loss[r] = row_loss[r] + weight * sum.total();
  }
}

// u + pull, where u will meet f'.
template <class T, class By> INLINE void add_pull_by(const Pull<T>& s, By pull) {
  for (int p = 0; p * PANEL < s.columns; p++)
    for (int64_t r = 0; r < s.rows; r++)
      for (int c = 0; c < PANEL && p * PANEL + c < s.columns; c += lanes<T>) {
        const ptrdiff_t at = p * s.stride + r * PANEL + c;
        store(s.u + at, load(s.u + at) + pull(p * PANEL + c, load(s.o + at)));
      }
}

template <class T> void add_pull(const Pull<T>& s) noexcept {
  if (s.pull) return add_pull_by(s, [&](int column, vec<T>) { return load(s.pull + column); });
  const vec<T> w = splat<vec<T>>(s.weight), zero{};
  add_pull_by(s, [=](int, vec<T> o) { return select(o > zero, -w, select(o < zero, w, zero)); });
}
