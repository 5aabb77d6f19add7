// SPDX-License-Identifier: BSD-3-Clause
// dW = -(1/S) delta^T [o, 1] for one block of weights, and at once the optimizer's step on it: no array
// holds the gradient, unless the batch comes in parts, whose totals it then holds. The step also writes the
// transposed copy that the next hidden_delta reads.

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

// Whether tiles take a step on totals that are still in registers (784-300 by 32 rows: 160 to 152 us). It
// costs code: baseline x86-64, where an fma is a call per lane, and doubles do without.
template <class T> constexpr bool STEP_ON_REGISTERS = VEC_BYTES >= 32 && sizeof(T) == 4;

// Up to so many outputs (one vector of the bias) a tile of outputs by inputs is the faster one.
template <class T> constexpr int FEW_OUTPUTS = lanes<T> < 4 ? lanes<T> : 4;

// What the next hidden_delta reads, of weights that have taken their step.
template <class T> INLINE void copy_transposed(const GradientUnit<T>& g) {
  if (!g.last || !g.transposed || g.gradient) return;
  for (int i = g.i_begin, end; i < g.i_end; i = end) {
    end = panel_end(i, g.i_end);
    write_transposed(g.w + ptrdiff_t(i) * PANEL, end - i, g.columns,
                     g.transposed + i / PANEL * g.transposed_stride + i % PANEL);
  }
}

// Where the totals of row i lie between chunks, or `here` if there is one chunk.
template <class T> INLINE T* totals_of(const GradientUnit<T>& g, int i, T* here) {
  return g.total ? g.total + ptrdiff_t(i) * PANEL : here;
}

// One vector of columns summed, onto what stands in `total` or from zero.
template <class T> INLINE void sum_columns(const T* x, int64_t rows, T* total, bool onto) {
  if (!onto) store(total, vec<T>{});
  sum_rows<1>(x, rows, total, [](vec<T> sum, vec<T> next, int64_t) INLINE_LAMBDA { return sum + next; });
}

// Tiles of some inputs (rows of the tile) by the output panel, which take their step on registers where
// `finish(i)` is one and the panel is whole, the tile's rows being from i on.
template <class T, class Finish> INLINE void by_inputs(const GradientUnit<T>& g, const Update<T>& u, Finish finish) {
  alignas(64) T tile_total[tile_size<T>::R * PANEL], tile_bias[PANEL];
  const bool carry = g.total && !g.first;
  T* total_bias = totals_of(g, g.in, tile_bias);
  for (int i = g.i_begin; i < g.i_end;) {
    // The bias row shares the first tile, whose B it reads anyway: alone it would be a chain of bare adds.
    const int bias = g.bias && i == g.i_begin;
    const int rows = next_tile(panel_end(i, g.i_end) - i + bias, tile_size<T>::R) - bias;
    const T* o = g.o + i / PANEL * g.stride + i % PANEL;
    T* total = totals_of(g, i, tile_total);
    const auto sum = [&](const auto& finished) INLINE_LAMBDA {
      if (bias)
        tile_row<T, 1, true>(rows, g.columns, o, PANEL * PANEL, g.delta, g.rows, total, total_bias, carry, finished);
      else
        tile_row<T, 1, false>(rows, g.columns, o, PANEL * PANEL, g.delta, g.rows, total, total_bias, carry, finished);
    };
    const bool on_registers = takes<decltype(finish(0))> && of_whole_panel<T>(rows);
    on_registers ? sum(finish(i)) : sum(Store{});
    if (g.last && !on_registers) take_step(g, u, i, rows, terms_of(u), total);
    i += rows;
  }
  if (g.last && g.bias) take_step(g, u, g.in, 1, terms_of_bias(u), total_bias);
}

// For few outputs: tiles of outputs by a panel of inputs, turned before they join the totals. With one
// output of 32 columns by_inputs would multiply 15 zeros for each number (64 inputs, 256 rows: 4.9 to 1.6 us).
template <class T> INLINE void by_outputs(const GradientUnit<T>& g, const Update<T>& u) {
  static_assert(FEW_OUTPUTS<T> <= tile_size<T>::R);  // one tile holds them
  alignas(64) T turned[FEW_OUTPUTS<T> * PANEL], panel_total[PANEL * PANEL], tile_bias[PANEL];
  const bool carry = g.total && !g.first;
  for (int i = g.i_begin, end; i < g.i_end; i = end) {
    end = panel_end(i, g.i_end);
    T* total = totals_of(g, i, panel_total);
    const T* o = g.o + i / PANEL * g.stride;
    for (int r = 0; carry && r < end - i; r++)
      for (int c = 0; c < g.columns; c++) turned[c * PANEL + i % PANEL + r] = total[r * PANEL + c];
    tile_row<T, 1, false>(g.columns, PANEL, g.delta, PANEL * PANEL, o, g.rows, turned, turned, carry, Store{});
    for (int r = 0; r < end - i; r++)
      for (int c = 0; c < lanes<T>; c++) total[r * PANEL + c] = c < g.columns ? turned[c * PANEL + i % PANEL + r] : 0;
    if (g.last) take_step(g, u, i, end - i, terms_of(u), total);
  }
  if (!g.bias) return;
  T* total_bias = totals_of(g, g.in, tile_bias);
  sum_columns(g.delta, g.rows, total_bias, carry);
  if (g.last) take_step(g, u, g.in, 1, terms_of_bias(u), total_bias);
}

// dL/dalpha: the sums of u do/dalpha over the rows, as of a bias.
template <class T> void alpha_gradient(const GradientUnit<T>& g, const Update<T>& u) {
  alignas(64) T here[PANEL];
  T* total = totals_of(g, g.in + 1, here);
  for (int c = 0; c < g.columns; c += lanes<T>) sum_columns(g.influence + c, g.rows, total + c, g.total && !g.first);
  if (g.last) take_step(g, u, g.in + 1, 1, terms_of_bias(u), total);
}

template <class T, class Rule> INLINE void by_inputs_on_registers(const GradientUnit<T>& g, const Update<T>& u) {
  by_inputs(g, u, [&](int i) INLINE_LAMBDA { return Step<T, Rule, false>(g, u, i, {}); });
}

template <class T> void weight_gradient(const GradientUnit<T>& g, const Update<T>& u) noexcept {
  const bool on_registers = STEP_ON_REGISTERS<T> && g.last && !g.gradient && !terms_of(u).any();
  if (is_one_row(g, u))
    rank_one(g, u);
  else if (g.columns <= FEW_OUTPUTS<T>)
    by_outputs(g, u);
  else if (on_registers && u.rule == Optimizer::sgd)
    by_inputs_on_registers<T, Sgd>(g, u);
  else if (on_registers && u.rule == Optimizer::momentum)
    by_inputs_on_registers<T, Momentum>(g, u);
  else
    by_inputs(g, u, [](int) INLINE_LAMBDA { return Store{}; });
  if (g.bias && g.influence) alpha_gradient(g, u);
  copy_transposed(g);
}

// Totals of later blocks of the batch, formed apart and `stride` elements from one to the next, join
// g.total in order.
template <class T>
void add_blocks(const GradientUnit<T>& g, const T* totals, ptrdiff_t stride, int n, const Update<T>& u) noexcept {
  const auto rows_from = [&](int i, int rows, const Terms<T>& terms) INLINE_LAMBDA {
    T* total = g.total + ptrdiff_t(i) * PANEL;
    for (ptrdiff_t at = 0; n && at < ptrdiff_t(rows) * PANEL; at += lanes<T>) {
      vec<T> x = load(total + at);
      for (int b = 0; b < n; b++) x = x + load(totals + b * stride + ptrdiff_t(i) * PANEL + at);
      store(total + at, x);
    }
    if (g.last) take_step(g, u, i, rows, terms, total);
  };
  for (int i = g.i_begin, end; i < g.i_end; i = end) {
    end = panel_end(i, g.i_end);
    rows_from(i, end - i, terms_of(u));
  }
  if (g.bias) rows_from(g.in, g.influence ? 2 : 1, terms_of_bias(u));
  copy_transposed(g);
}

// q[j] = the sum over i of the terms of w_ji, blocks of KB, for the units of one panel; the bias row is
// left out.
template <class T, class Add> INLINE void sum_of_inputs(const T* w, int in, T* q, Add add) {
  for (int c = 0; c < PANEL; c += lanes<T>) {
    vec<T> total{};
    for (int i0 = 0; i0 < in; i0 += KB) {
      vec<T> sum{};
      for (int i = i0; i < in && i < i0 + KB; i++) sum = add(sum, load(w + ptrdiff_t(i) * PANEL + c));
      total = total + sum;
    }
    store(q + c, total);
  }
}

template <class T> void sum_of_squares(const T* w, int in, T* q) noexcept {
  sum_of_inputs(w, in, q, [](vec<T> sum, vec<T> wi) INLINE_LAMBDA { return fma(wi, wi, sum); });
}

template <class T> void sum_of_magnitudes(const T* w, int in, T* q) noexcept {
  sum_of_inputs(w, in, q, [](vec<T> sum, vec<T> wi) INLINE_LAMBDA { return sum + magnitude(wi); });
}
