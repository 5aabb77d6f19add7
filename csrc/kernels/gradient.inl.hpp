// SPDX-License-Identifier: BSD-3-Clause
// dW = -(1/S) delta^T [o, 1] for one block of weights, and at once the optimizer's step on it: the
// gradient never travels through memory. The step also writes the transposed copy that the next
// hidden_delta reads.

// rows [i][PANEL] (i < n) -> transposed[j][PANEL] with i along the row; lanes past n become 0.
template <class T> INLINE void write_transposed(const T* w, int n, int columns, T* transposed) {
  constexpr int L = lanes<T>;
  for (int i0 = 0; i0 < n; i0 += L)
    for (int j0 = 0; j0 < columns; j0 += L) {
      vec<T> x[L];
#pragma GCC unroll 16
      for (int i = 0; i < L; i++) x[i] = i0 + i < n ? load(w + (i0 + i) * PANEL + j0) : vec<T>{};
      transpose_round<1>(x);
      const int rows = columns - j0 < L ? columns - j0 : L;
      for (int j = 0; j < rows; j++) store(transposed + (j0 + j) * PANEL + i0, x[j]);
    }
}

// The finished totals of `rows` rows of one block: store the gradient, or take the optimizer's step.
template <class T>
INLINE void finish(const GradientUnit<T>& g, const Update<T>& u, T l2, int rows, const T* total, T* w, T* const slot[2],
                   T* gradient, ptrdiff_t at) {
  if (gradient)
    each_weight<T>(rows, g.columns, [&](ptrdiff_t i) {
      store(gradient + at + i, gradient_of(u, l2, load(total + i), load(w + at + i)));
    });
  else
    update(u, l2, rows, g.columns, total, w, slot, at);
}

template <class T> void weight_gradient(const GradientUnit<T>& g, const Update<T>& u) noexcept {
  alignas(64) T tile_total[tile_size<T>::R * PANEL], tile_bias[PANEL];
  const bool carry = g.total && !g.first;
  for (int i = g.i_begin; i < g.i_end;) {
    // The bias row shares the first tile, whose B it reads anyway: alone it would be a chain of bare adds.
    const int bias = g.bias && i == g.i_begin;
    const int rows = next_tile(g.i_end - i + bias, tile_size<T>::R) - bias;
    const ptrdiff_t at = ptrdiff_t(i - g.i_begin) * PANEL;
    T* total = g.total ? g.total + at : tile_total;
    T* total_bias = g.total ? g.total_bias : tile_bias;
    if (bias)
      tile_row<T, 1, true>(rows, g.columns, g.o + i, PANEL * PANEL, g.delta, g.rows, total, total_bias, carry);
    else
      tile_row<T, 1, false>(rows, g.columns, g.o + i, PANEL * PANEL, g.delta, g.rows, total, total_bias, carry);
    if (g.last) {
      finish(g, u, u.l2, rows, total, g.w, g.slot, g.gradient, at);
      if (bias) finish(g, u, T(0), 1, total_bias, g.w_bias, g.slot_bias, g.gradient_bias, 0);
    }
    i += rows;
  }
  if (g.last && g.transposed && !g.gradient) write_transposed(g.w, g.i_end - g.i_begin, g.columns, g.transposed);
}

// q[j] = sum over i of w_ji^2, blocks of KB, for the units of one panel; the bias row is left out.
template <class T> void sum_of_squares(const T* w, int in, T* q) noexcept {
  for (int c = 0; c < PANEL; c += lanes<T>) {
    vec<T> total{};
    for (int i0 = 0; i0 < in; i0 += KB) {
      vec<T> sum{};
      for (int i = i0; i < in && i < i0 + KB; i++) {
        const vec<T> wi = load(w + ptrdiff_t(i) * PANEL + c);
        sum = fma(wi, wi, sum);
      }
      total = total + sum;
    }
    store(q + c, total);
  }
}
