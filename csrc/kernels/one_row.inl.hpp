// SPDX-License-Identifier: BSD-3-Clause
// A batch of one row: each total is a chain of one term, formed where it is used, and S is 1. The pass that
// changes W may multiply the next row by what it has just written: net = o W^T + bias of that row then costs
// no reading of W of its own. Its sums are the contraction's: blocks of KB, added in order.

// Where the input panel of row i, or the block, ends.
INLINE int panel_end(int i, int end) { return i / PANEL * PANEL + PANEL < end ? i / PANEL * PANEL + PANEL : end; }

// N vectors of columns of rows [i, i + rows); with NEXT, the next row's terms join `sum`.
template <class T, class Rule, int N, bool TERMS, bool NEXT>
INLINE void outer_product(const GradientUnit<T>& g, const Update<T>& u, int i, int rows, vec<T> (&sum)[N]) {
  const Step<T, Rule, TERMS> step(g, u, i, terms_of(u));
  const T* o = g.o + i / PANEL * g.stride + i % PANEL;
  const T* next_o = NEXT ? g.next_o + i / PANEL * g.stride + i % PANEL : nullptr;
  vec<T> delta[N];
  for (int v = 0; v < N; v++) delta[v] = load(g.delta + v * lanes<T>);
  for (int r = 0; r < rows; r++) {
    const vec<T> o_r = splat<vec<T>>(o[r]);
#pragma GCC unroll 8
    for (int v = 0; v < N; v++) {
      // times -1/S = -1, as its sign
      const vec<T> w = step.take(r * PANEL + v * lanes<T>, -(vec<T>{} + fma(o_r, delta[v], vec<T>{})));
      if constexpr (NEXT) sum[v] = fma(splat<vec<T>>(next_o[r]), w, sum[v]);
    }
  }
}

template <class T, class Rule, int N, bool TERMS, bool NEXT>
INLINE void rank_one_of(const GradientUnit<T>& g, const Update<T>& u) {
  vec<T> sum[N] = {}, total[N] = {};
  for (int i = g.i_begin, end; i < g.i_end; i = end) {
    end = panel_end(i, g.i_end);
    outer_product<T, Rule, N, TERMS, NEXT>(g, u, i, end - i, sum);
    if (NEXT && (end % KB == 0 || end == g.i_end))
      for (int v = 0; v < N; v++) {
        total[v] = total[v] + sum[v];
        sum[v] = vec<T>{};
      }
  }
  if constexpr (NEXT)
    for (int v = 0; v < N; v++) store(g.next_net + v * lanes<T>, total[v]);
}

template <class T, class Rule, bool TERMS> INLINE void rank_one_by(const GradientUnit<T>& g, const Update<T>& u) {
  constexpr int V = PANEL / lanes<T>;
  const bool narrow = g.columns <= lanes<T>;
  if (g.next_o)
    narrow ? rank_one_of<T, Rule, 1, TERMS, true>(g, u) : rank_one_of<T, Rule, V, TERMS, true>(g, u);
  else
    narrow ? rank_one_of<T, Rule, 1, TERMS, false>(g, u) : rank_one_of<T, Rule, V, TERMS, false>(g, u);
}

template <class T, class Rule> INLINE void rank_one_of_rule(const GradientUnit<T>& g, const Update<T>& u) {
  const Update<T> numbers = u;  // a copy that no store can change, so that its numbers stay in registers
  terms_of(u).any() ? rank_one_by<T, Rule, true>(g, numbers) : rank_one_by<T, Rule, false>(g, numbers);
  if (g.bias) {
    const Step<T, Rule, true> step(g, numbers, g.in, terms_of_bias(u));
    for (int c = 0; c < g.columns; c += lanes<T>) step(c, vec<T>{} + load(g.delta + c));
  }
  const T* bias = g.w + ptrdiff_t(g.in) * PANEL;
  for (int c = 0; g.next_o && c < g.columns; c += lanes<T>)
    store(g.next_net + c, load(g.next_net + c) + load(bias + c));
}

// Whether the batch is one row, and its rule one that the pass is compiled for: the others take a tile's way.
template <class T> INLINE bool is_one_row(const GradientUnit<T>& g, const Update<T>& u) {
  return g.rows == 1 && !g.total && !g.gradient && u.minus_inverse_s == -1 && int(u.rule) <= int(Optimizer::adam);
}

template <class T> INLINE void rank_one(const GradientUnit<T>& g, const Update<T>& u) {
  switch (u.rule) {
    case Optimizer::sgd: return rank_one_of_rule<T, Sgd>(g, u);
    case Optimizer::momentum: return rank_one_of_rule<T, Momentum>(g, u);
    default: return rank_one_of_rule<T, Adam>(g, u);
  }
}
