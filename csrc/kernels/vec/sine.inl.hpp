// SPDX-License-Identifier: BSD-3-Clause
// sin(2 pi t) and cos(2 pi t): angles in turns, so that what is taken away from t is exact. Largest errors in
// ULP on [-1/2, 1/2]: 1.54 / 1.41 (float / double). The tails are minimax fits of benchmarks/fit_polynomials.py.
// python/deltarule/oracle/literal_random.pxi repeats the operations.
// Included after elementary.inl.hpp, inside KERNEL_ISA's anonymous namespace.

template <class V> struct turns;
template <> struct turns<f32v> {
  static constexpr float sine_tail[] = {6.2831855f, -41.34186f, 81.62467f, -76.72692f};
  static constexpr float cosine_tail[] = {-19.739208f, 64.93915f, -85.424515f, 58.620136f};
};
template <> struct turns<f64v> {
  static constexpr double sine_tail[] = {6.283185307179586, -41.341702240398604, 81.60524927517946, -76.70585949475034,
                                         42.05865918416903, -15.092335294738419, 3.7495433045905635};
  static constexpr double cosine_tail[] = {-19.739208802178716, 64.93939402266668,   -85.45681720598927,
                                           60.24464122724089,   -26.426241133010294, 7.902629310402609,
                                           -1.688298960463815};
};

// t = q/4 + f, |f| <= 1/8: both functions of f, then exchanged and turned by q mod 4, which the low bits of
// `shifted` hold.
template <class V> INLINE void sine_and_cosine(V t, V& sine, V& cosine) {
  typedef elementary<V> E;
  const V integers = splat<V>(E::integers);
  const V shifted = fma(t, splat<V>(4), integers);
  const V f = fma(shifted - integers, splat<V>(-0.25), t);
  const V z = f * f;
  const V s = f * polynomial(turns<V>::sine_tail, z), c = fma(polynomial(turns<V>::cosine_tail, z), z, splat<V>(1));
  const word<V> q = (word<V>)shifted, one = splat_word<V>(1);
  constexpr int to_sign = 8 * int(sizeof(typename E::bits)) - 2;  // from bit 1
  const word<V> sign = one << (to_sign + 1);
  const typename traits<V>::ivec odd = (q & one) != word<V>{};
  sine = (V)((word<V>)select(odd, c, s) ^ (q << to_sign & sign));
  cosine = (V)((word<V>)select(odd, s, c) ^ ((q + one) << to_sign & sign));
}

template <class V> INLINE V sin_2pi(V t) {
  V sine, cosine;
  sine_and_cosine(t, sine, cosine);
  return sine;
}

template <class V> INLINE V cos_2pi(V t) {
  V sine, cosine;
  sine_and_cosine(t, sine, cosine);
  return cosine;
}
