// SPDX-License-Identifier: BSD-3-Clause
// From the totals of one output panel's weights to their next values, a vector at a time:
//   g = -(1/S) total + l2 w + l1 sign(w), bounded; w <- w - decay w; and the optimizer's rule on both.

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

template <class T, class Rule, bool TERMS> struct Step {
  const Update<T>* u;  // in memory: its numbers are operands, not registers that a tile would miss
  Terms<T> terms;
  const T* w;
  T *to, *slot_0, *slot_1, *slot_2;

  INLINE_MEMBER Step(const GradientUnit<T>& g, const Update<T>& the_u, int i, Terms<T> the_terms)
      : u(&the_u),
        terms(the_terms),
        w(g.w),
        to(g.gradient ? g.gradient : g.w),
        slot_0(g.slot[0]),
        slot_1(g.slot[1]),
        slot_2(g.slot[2]) {
    advance(ptrdiff_t(i) * PANEL);
  }
  INLINE_MEMBER void advance(ptrdiff_t n) {
    w += n, to += n;
    if (Rule::slots > 0) slot_0 += n;
    if (Rule::slots > 1) slot_1 += n;
    if (Rule::slots > 2) slot_2 += n;
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
    vec<T> old = load(w + at), s[3];
    if (TERMS && terms.penalty.l2 != 0) g = fma(splat<vec<T>>(terms.penalty.l2), old, g);
    if (TERMS && terms.penalty.l1 != 0) g = g + with_sign_of(old, terms.penalty.l1);
    if (TERMS && terms.clip != 0) g = clipped(g, terms.clip);
    if (TERMS && terms.decay != 0) old = fma(splat<vec<T>>(-terms.decay), old, old);
    if constexpr (Rule::slots > 0) s[0] = load(slot_0 + at);
    if constexpr (Rule::slots > 1) s[1] = load(slot_1 + at);
    if constexpr (Rule::slots > 2) s[2] = load(slot_2 + at);
    const vec<T> stepped = Rule::step(*u, old, g, s);
    store(to + at, stepped);
    if constexpr (Rule::slots > 0) store(slot_0 + at, s[0]);
    if constexpr (Rule::slots > 1) store(slot_1 + at, s[1]);
    if constexpr (Rule::slots > 2) store(slot_2 + at, s[2]);
    return stepped;
  }
};

// Takes the step on rows [i, i + rows) of a block, whose totals lie in memory. Once per rule, behind a
// pointer: what a tile holds is worth the call.
template <class T, class Rule>
__attribute__((noinline)) void step_on(const GradientUnit<T>& g, const Update<T>& u, int i, int rows,
                                       const Terms<T>& terms, const T* total) noexcept {
  const Update<T> numbers = u;  // a copy that no store can change, so that its numbers stay in registers
  const auto all = [&](const auto& step) INLINE_LAMBDA {
    for (int r = 0; r < rows; r++)
      for (int c = 0; c < g.columns; c += lanes<T>) step(r * PANEL + c, load(total + r * PANEL + c));
  };
  if (terms.any())
    all(Step<T, Rule, true>(g, numbers, i, terms));
  else
    all(Step<T, Rule, false>(g, numbers, i, terms));
}

template <class T>
using StepOn = void (*)(const GradientUnit<T>&, const Update<T>&, int, int, const Terms<T>&, const T*) noexcept;

// In the order of Optimizer.
template <class T>
constexpr StepOn<T> steps[] = {step_on<T, Sgd>,
                               step_on<T, Momentum>,
                               step_on<T, Adam>,
                               step_on<T, Nesterov>,
                               step_on<T, Velocity>,
                               step_on<T, AmsGrad>,
                               step_on<T, NAdam>,
                               step_on<T, AdaGrad>,
                               step_on<T, RmsProp>,
                               step_on<T, RmsPropMomentum>,
                               step_on<T, RmsPropCentered>,
                               step_on<T, Adadelta>,
                               step_on<T, Lion>,
                               step_on<T, Rprop>};

template <class T>
INLINE void take_step(const GradientUnit<T>& g, const Update<T>& u, int i, int rows, const Terms<T>& terms,
                      const T* total) {
  (g.gradient ? step_on<T, GradientAlone> : steps<T>[int(u.rule)])(g, u, i, rows, terms, total);
}
