// SPDX-License-Identifier: BSD-3-Clause
// A batch of one row: each total is a chain of one term, formed where it is used, and S is 1. The pass that
// changes W may multiply the next row by what it has just written: net = o W^T + bias of that row then costs
// no reading of W of its own. Its sums are the contraction's: blocks of KB, added in order.

// Where the input panel of row i, or the block, ends.
INLINE int panel_end(int i, int end) { return i / PANEL * PANEL + PANEL < end ? i / PANEL * PANEL + PANEL : end; }

// Plain SGD leaves alone the weights of an input that is 0, and where the next row's input is 0, too, they add
// nothing to its net: such rows of W are passed over (half of Fashion-MNIST's numbers are 0: 784-30-10 in 1.72
// instead of 2.24 us; no zeros, 2.28). Numbers stay what they are but for the sign of a weight of 0: it shows in
// no net, and the last step of a call, which has no next row and passes over nothing, makes it what it would be,
// as eta > 0 stands still. But 0 times a weight that has overflowed is no number: so `reach` bounds their
// magnitudes from above, step by step.
template <class T> INLINE bool may_pass_over(const GradientUnit<T>& g, const Update<T>& u) {
  constexpr double far = sizeof(T) == 4 ? 1e30 : 1e300, rounding = 1e-6;
  vec<T> o{}, delta{};
  for (int i = 0; i < g.in; i += PANEL)
    for (int c = 0; c < PANEL; c += lanes<T>) o = o + magnitude(load(g.o + i / PANEL * g.stride + c));
  for (int c = 0; c < g.columns; c += lanes<T>) delta = delta + magnitude(load(g.delta + c));
  const auto sum = [](vec<T> a) { return double(fold<lanes<T>>(a, [](auto x, auto y) { return x + y; })); };
  *g.reach += u.eta * sum(o) * sum(delta);
  *g.reach *= 1 + rounding;
  return *g.reach < far;
}

// A bit for each of `n` inputs whose row of W a step must see; PANEL of them at most, of whole panels.
template <class T> INLINE uint64_t inputs_to_see(const T* o, const T* next_o, int n) {
  uint64_t seen = 0;
  for (int c = 0; c < PANEL; c += lanes<T>) seen |= uint64_t(nonzero(load(o + c)) | nonzero(load(next_o + c))) << c;
  return n < PANEL ? seen & ((uint64_t(1) << n) - 1) : seen;
}

// Two panels at a time: half as many ends of a loop, each of which is mispredicted.
template <class T, int N> INLINE void rank_one_of_numbers(const GradientUnit<T>& unit, const Update<T>& u) {
  const GradientUnit<T> g = unit;  // a copy that no store can change
  vec<T> sum[N] = {}, total[N] = {}, minus_delta[N];
  for (int v = 0; v < N; v++) minus_delta[v] = -load(g.delta + v * lanes<T>);
  constexpr int TWO = 2 * PANEL;
  for (int i = 0; i < g.in; i += TWO) {
    const T *o = g.o + i / PANEL * g.stride, *next_o = g.next_o + i / PANEL * g.stride;
    uint64_t seen = inputs_to_see(o, next_o, g.in - i);
    if (i + PANEL < g.in) seen |= inputs_to_see(o + g.stride, next_o + g.stride, g.in - i - PANEL) << PANEL;
    T* w = g.w + ptrdiff_t(i) * PANEL;
    for (; seen; seen &= seen - 1) {
      const ptrdiff_t r = __builtin_ctzll(seen), at = r + r / PANEL * (g.stride - PANEL);
      const vec<T> o_r = splat<vec<T>>(o[at]), next_r = splat<vec<T>>(next_o[at]);
#pragma GCC unroll 8
      for (int v = 0; v < N; v++) {
        T* here = w + r * PANEL + v * lanes<T>;
        const vec<T> stepped = sgd(u, load(here), o_r * minus_delta[v]);
        store(here, stepped);
        sum[v] = fma(next_r, stepped, sum[v]);
      }
    }
    if ((i + TWO) % KB == 0 || i + TWO >= g.in)
      for (int v = 0; v < N; v++) {
        total[v] = total[v] + sum[v];
        sum[v] = vec<T>{};
      }
  }
  for (int v = 0; v < N; v++) store(g.next_net + v * lanes<T>, total[v]);
}

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
  if constexpr (Rule::slots == 0 && !TERMS)
    if (g.reach && u.eta > 0 && may_pass_over(g, u))
      return narrow ? rank_one_of_numbers<T, 1>(g, u) : rank_one_of_numbers<T, V>(g, u);
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
