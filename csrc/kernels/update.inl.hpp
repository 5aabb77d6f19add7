// SPDX-License-Identifier: BSD-3-Clause
// The optimizers: g and the state in, the new w and state out, one vector of weights at a time.
// Adding one: a value of Optimizer, its formula and its type here, a case in `with_rule`, and its formula
// in the oracle and the literal reference.

template <class V> INLINE V sgd(const Update<typename traits<V>::scalar>& u, V w, V g) {
  return fma(splat<V>(-u.eta), g, w);
}

template <class V> INLINE V momentum(const Update<typename traits<V>::scalar>& u, V w, V g, V& v) {
  v = fma(splat<V>(u.momentum), v, g);
  return fma(splat<V>(-u.eta), v, w);
}

template <class V> INLINE V adam(const Update<typename traits<V>::scalar>& u, V w, V g, V& m, V& v) {
  m = fma(splat<V>(u.beta_1), m, splat<V>(u.one_minus_beta_1) * g);
  v = fma(splat<V>(u.beta_2), v, (splat<V>(u.one_minus_beta_2) * g) * g);
  return w - (splat<V>(u.step_size) * m) / (sqrt(v * splat<V>(u.bias_correction)) + splat<V>(u.eps));
}

// The same as types: whether it changes weights, how many slots, s, and whether tiles apply it to totals in
// registers.
struct Sgd {
  static constexpr bool trains = true;
  static constexpr int slots = 0;
  static constexpr bool on_registers = true;
  template <class U, class V> INLINE V step(const U& u, V w, V g, V*) { return sgd(u, w, g); }
};

struct Momentum {
  static constexpr bool trains = true;
  static constexpr int slots = 1;
  static constexpr bool on_registers = true;
  template <class U, class V> INLINE V step(const U& u, V w, V g, V* s) { return momentum(u, w, g, s[0]); }
};

// Its division and root bound it either way: in registers it took as long, and thrice the code.
struct Adam {
  static constexpr bool trains = true;
  static constexpr int slots = 2;
  static constexpr bool on_registers = false;
  template <class U, class V> INLINE V step(const U& u, V w, V g, V* s) { return adam(u, w, g, s[0], s[1]); }
};

// No step: the gradient itself.
struct GradientAlone {
  static constexpr bool trains = false;
  static constexpr int slots = 0;
  static constexpr bool on_registers = false;
  template <class U, class V> INLINE V step(const U&, V, V g, V*) { return g; }
};

// What a step does besides its rule: a penalty's part of g, decay of w, a bound on the elements of g.
template <class T> struct Terms {
  Penalty<T> penalty;
  T decay, clip;
  INLINE_MEMBER bool any() const { return penalty.l2 != 0 || penalty.l1 != 0 || decay != 0 || clip != 0; }
};
template <class T> INLINE Terms<T> terms_of(const Update<T>& u) { return {u.penalty, u.decay, u.clip}; }
template <class T> INLINE Terms<T> terms_of_bias(const Update<T>& u) { return {{}, 0, u.clip}; }

// size sign(w), with sign(0) = 0.
template <class V> INLINE V with_sign_of(V w, typename traits<V>::scalar size) {
  return select(w > V{}, splat<V>(size), select(w < V{}, splat<V>(-size), V{}));
}

// NaN stays NaN.
template <class V> INLINE V clipped(V g, typename traits<V>::scalar most) {
  return select(g > splat<V>(most), splat<V>(most), select(g < splat<V>(-most), splat<V>(-most), g));
}

// From the totals of one output panel's weights to their next values, a vector at a time:
//   g = -(1/S) total + l2 w + l1 sign(w), bounded; w <- w - decay w; and the rule on both.
template <class T, class Rule, bool TERMS = true> struct Step {
  const Update<T>* u;  // in memory: its numbers are operands, not registers that a tile would miss
  Terms<T> terms;
  const T* w;
  T *to, *slot_0, *slot_1;

  INLINE_MEMBER Step(const GradientUnit<T>& g, const Update<T>& the_u, int i, Terms<T> the_terms)
      : u(&the_u), terms(the_terms), w(g.w), to(g.gradient ? g.gradient : g.w), slot_0(g.slot[0]), slot_1(g.slot[1]) {
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
    take(at, total * splat<vec<T>>(u->minus_inverse_s));
  }
  // From -(1/S) total on; returns what it stores.
  INLINE_MEMBER vec<T> take(ptrdiff_t at, vec<T> g) const {
    vec<T> old = load(w + at), s[2];
    if (TERMS && terms.penalty.l2 != 0) g = fma(splat<vec<T>>(terms.penalty.l2), old, g);
    if (TERMS && terms.penalty.l1 != 0) g = g + with_sign_of(old, terms.penalty.l1);
    if (TERMS && terms.clip != 0) g = clipped(g, terms.clip);
    if (TERMS && terms.decay != 0) old = fma(splat<vec<T>>(-terms.decay), old, old);
    if constexpr (Rule::slots > 0) s[0] = load(slot_0 + at);
    if constexpr (Rule::slots > 1) s[1] = load(slot_1 + at);
    const vec<T> stepped = Rule::step(*u, old, g, s);
    store(to + at, stepped);
    if constexpr (Rule::slots > 0) store(slot_0 + at, s[0]);
    if constexpr (Rule::slots > 1) store(slot_1 + at, s[1]);
    return stepped;
  }
  // The vectors of `rows` rows that hold columns; total(offset) gives each one's total.
  template <class Total> INLINE_MEMBER void each(int rows, int columns, Total total) const {
    const Step step = *this;
    for (int r = 0; r < rows; r++)
      for (int c = 0; c < columns; c += lanes<T>) step(r * PANEL + c, total(r * PANEL + c));
  }
};
