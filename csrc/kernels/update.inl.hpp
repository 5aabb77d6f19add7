// SPDX-License-Identifier: BSD-3-Clause
// The optimizers: g and the state in, the new w and state out, one vector of weights at a time.
// Adding one: a value of Optimizer, a struct with its numbers, a case in `weight_gradient`, and its
// formula in the oracle and the literal reference.

struct Sgd {
  static constexpr bool on_registers = true;
  static constexpr int slots = 0;
  template <class T> INLINE vec<T> step(const Update<T>& u, vec<T> w, vec<T> g, vec<T>*) {
    return fma(splat<vec<T>>(-u.eta), g, w);
  }
};

struct Momentum {
  static constexpr bool on_registers = true;
  static constexpr int slots = 1;
  template <class T> INLINE vec<T> step(const Update<T>& u, vec<T> w, vec<T> g, vec<T>* v) {
    v[0] = fma(splat<vec<T>>(u.momentum), v[0], g);
    return fma(splat<vec<T>>(-u.eta), v[0], w);
  }
};

struct Adam {
  // Its division and root bound it either way: on registers it took as long, and thrice the code.
  static constexpr bool on_registers = false;
  static constexpr int slots = 2;
  template <class T> INLINE vec<T> step(const Update<T>& u, vec<T> w, vec<T> g, vec<T>* mv) {
    vec<T>&m = mv[0], &v = mv[1];
    m = fma(splat<vec<T>>(u.beta_1), m, splat<vec<T>>(u.one_minus_beta_1) * g);
    v = fma(splat<vec<T>>(u.beta_2), v, (splat<vec<T>>(u.one_minus_beta_2) * g) * g);
    return w - (splat<vec<T>>(u.step_size) * m) / (sqrt(v * splat<vec<T>>(u.bias_correction)) + splat<vec<T>>(u.eps));
  }
};

// No step: the gradient itself.
struct GradientAlone {
  static constexpr bool on_registers = false;
  static constexpr int slots = 0;
  template <class T> INLINE vec<T> step(const Update<T>&, vec<T>, vec<T> g, vec<T>*) { return g; }
};

// From the totals of one output panel's weights to their next values, a vector at a time:
//   g = -(1/S) total + l2 w, and the rule on it.
template <class T, class Rule, bool DECAYS = true> struct Step {
  const Update<T>* u;  // in memory: its numbers are operands, not registers that a tile would miss
  T l2;                // 0 for a bias
  const T* w;
  T *to, *slot_0, *slot_1;

  INLINE_MEMBER Step(const GradientUnit<T>& g, const Update<T>& the_u, int i, T the_l2)
      : u(&the_u), l2(the_l2), w(g.w), to(g.gradient ? g.gradient : g.w), slot_0(g.slot[0]), slot_1(g.slot[1]) {
    advance(ptrdiff_t(i) * PANEL);
  }
  INLINE_MEMBER void advance(ptrdiff_t n) {
    w += n, to += n;
    if (Rule::slots > 0) slot_0 += n;
    if (Rule::slots > 1) slot_1 += n;
  }
  INLINE_MEMBER Step from(int column) const {
    Step moved = *this;
    moved.advance(column);
    return moved;
  }
  INLINE_MEMBER void operator()(ptrdiff_t at, vec<T> total) const {
    const vec<T> old = load(w + at);
    vec<T> g = total * splat<vec<T>>(u->minus_inverse_s), s[2];
    if (DECAYS && l2 != 0) g = fma(splat<vec<T>>(l2), old, g);
    if constexpr (Rule::slots > 0) s[0] = load(slot_0 + at);
    if constexpr (Rule::slots > 1) s[1] = load(slot_1 + at);
    store(to + at, Rule::template step<T>(*u, old, g, s));
    if constexpr (Rule::slots > 0) store(slot_0 + at, s[0]);
    if constexpr (Rule::slots > 1) store(slot_1 + at, s[1]);
  }
  // The vectors of `rows` rows that hold columns; total(offset) gives each one's total.
  template <class Total> INLINE_MEMBER void each(int rows, int columns, Total total) const {
    const Step step = *this;
    for (int r = 0; r < rows; r++)
      for (int c = 0; c < columns; c += lanes<T>) step(r * PANEL + c, total(r * PANEL + c));
  }
};
