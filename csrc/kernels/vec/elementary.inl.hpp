// SPDX-License-Identifier: BSD-3-Clause
// exp, log, log1p, logistic and tanh of a vector, float and double, every NaN kept: equations (5), (6)
// and what (8), (10), (27), (28) need. Only operations that round once, in one order, so all instruction
// sets give the same bits; python/deltarule/oracle/literal_elementary.pxi repeats them one by one.
// Largest errors in ULP, over all floats / over 26 million doubles each: exp 0.92 / 0.91, log 0.92 / 0.97,
// log1p 0.92 / 0.99, logistic 2.41 / 2.43, tanh 1.59 / 1.67.
// Included after vec.inl.hpp, inside KERNEL_ISA's anonymous namespace.

// What differs between the types. The tails are our own minimax fits: benchmarks/fit_polynomials.py
// derives them, tells their errors and checks the digits here.
template <class V> struct elementary;
template <> struct elementary<f32v> {
  typedef uint32_t word __attribute__((vector_size(VEC_BYTES), may_alias));
  typedef uint32_t bits;
  static constexpr int mantissa = 23, bias = 127;
  static constexpr float integers = 0x1.8p23f;  // x + integers rounds x to an integer
  static constexpr float log2_e = 0x1.715476p0f;
  static constexpr float ln_2 = 0x1.62e43p-1f, ln_2_rest = -0x1.05c61p-29f;
  static constexpr float exp_low = -104, exp_high = 89;  // beyond: 0 and infinity
  static constexpr float tanh_one = 10;                  // from here tanh rounds to 1
  static constexpr float smallest_normal = __FLT_MIN__, largest = __FLT_MAX__;
  static constexpr float least_mean = 0x1p-100f;  // of gradients: below, 0
  static constexpr float least_distance = -70;    // of a softmax's net from the largest: below, its term is 0
  static constexpr float lift = 0x1p23f;          // makes a subnormal number normal
  static constexpr float exp_tail[] = {0.49999997f, 0.16666546f, 0.041667435f, 0.008366266f, 0.0013870656f};
  static constexpr float tanh_tail[] = {-0.33332947f, 0.13320726f, -0.0526717f, 0.016437126f};
  static constexpr float log_tail[] = {0.6666695f, 0.3995772f, 0.30362338f};
  static constexpr float normal_reach = 15;  // from here the tail of the normal distribution rounds to 0
  static constexpr float normal_tail[] = {0.75528514f,    -0.6078966f,     0.3871363f,     -0.18652217f,
                                          0.06041065f,    -0.0075340364f,  -0.0035398747f, 0.0015881979f,
                                          0.00022317565f, -0.00014078035f, -2.0843667e-05f};
};
template <> struct elementary<f64v> {
  typedef uint64_t word __attribute__((vector_size(VEC_BYTES), may_alias));
  typedef uint64_t bits;
  static constexpr int mantissa = 52, bias = 1023;
  static constexpr double integers = 0x1.8p52;
  static constexpr double log2_e = 0x1.71547652b82fep0;
  static constexpr double ln_2 = 0x1.62e42fefa39efp-1, ln_2_rest = 0x1.abc9e3b39803fp-56;
  static constexpr double exp_low = -746, exp_high = 710;
  static constexpr double tanh_one = 20;
  static constexpr double smallest_normal = __DBL_MIN__, largest = __DBL_MAX__;
  static constexpr double least_mean = 0x1p-1000;
  static constexpr double least_distance = -690;
  static constexpr double lift = 0x1p52;
  static constexpr double exp_tail[] = {0.5000000000000006,    0.16666666666666646,    0.041666666666575945,
                                        0.008333333333361384,  0.001388888893153519,   0.000198412697687604,
                                        2.480150541260683e-05, 2.7557369907145433e-06, 2.7625972602057827e-07,
                                        2.506414058509738e-08};
  static constexpr double tanh_tail[] = {-0.3333333333333231,   0.13333333333168282,   -0.053968253875863736,
                                         0.021869485969459115,  -0.008863194430415377, 0.0035917190931973883,
                                         -0.001453213737373815, 0.0005791279986355948, -0.00021028760503578328,
                                         5.101121906950632e-05};
  static constexpr double log_tail[] = {0.6666666666667268, 0.3999999999617654, 0.28571429392888037, 0.2222213868003591,
                                        0.1818634936047812, 0.1525031267678873, 0.15367293314702957};
  static constexpr double normal_reach = 39;
  static constexpr double normal_tail[] = {
      0.7552851304157515,     -0.6078966419718922,     0.3871374007422076,     -0.18652185795964515,
      0.06039657489130452,    -0.007540188967159449,   -0.0034796923750691445, 0.0016308184640168213,
      0.00013334439523861083, -0.0002310949829859221,  -1.908785263815395e-06, 3.514487346796098e-05,
      7.187782007622695e-07,  -5.920511206211756e-06,  -6.351950610057492e-07, 1.021474084727398e-06,
      2.8110031276737285e-07, -1.5338916941651628e-07, -9.526402474640576e-08, 1.0265970743235948e-08,
      2.5577088330926035e-08, 4.448738212417188e-09,   -4.089215835935578e-09, -1.552750513282384e-09};
};
template <class V> using word = typename elementary<V>::word;
template <class V> INLINE word<V> splat_word(typename elementary<V>::bits s) { return s - word<V>{}; }

// c_0 + c_1 x + c_2 x^2 ..., Horner: fewest operations, and the vectors of a layer are independent
// enough to hide the chain.
template <class V, class T, int N> INLINE V polynomial(const T (&c)[N], V x) {
  V p = splat<V>(c[N - 1]);
  for (int k = N - 2; k >= 0; k--) p = fma(p, x, splat<V>(c[k]));
  return p;
}

template <class V> INLINE V magnitude(V x) {
  return (V)((word<V>)x & (splat_word<V>(~(typename elementary<V>::bits)0) >> 1));
}

// Here and in `scale` an instruction stands for several operations, with the same bits: exp then runs
// at 6.0 instead of 3.9 floats a nanosecond (AVX-512, Zen 4).
// at_least(low, x) = low > x ? low : x, at_most likewise: x where it is NaN, as the instructions do.
#if defined(__AVX512F__)
INLINE f32v at_least(f32v low, f32v x) { return (f32v)_mm512_maskz_max_ps(0xffff, (__m512)low, (__m512)x); }
INLINE f64v at_least(f64v low, f64v x) { return (f64v)_mm512_maskz_max_pd(0xff, (__m512d)low, (__m512d)x); }
INLINE f32v at_most(f32v high, f32v x) { return (f32v)_mm512_maskz_min_ps(0xffff, (__m512)high, (__m512)x); }
INLINE f64v at_most(f64v high, f64v x) { return (f64v)_mm512_maskz_min_pd(0xff, (__m512d)high, (__m512d)x); }
#elif defined(__AVX2__)
INLINE f32v at_least(f32v low, f32v x) { return (f32v)_mm256_max_ps((__m256)low, (__m256)x); }
INLINE f64v at_least(f64v low, f64v x) { return (f64v)_mm256_max_pd((__m256d)low, (__m256d)x); }
INLINE f32v at_most(f32v high, f32v x) { return (f32v)_mm256_min_ps((__m256)high, (__m256)x); }
INLINE f64v at_most(f64v high, f64v x) { return (f64v)_mm256_min_pd((__m256d)high, (__m256d)x); }
#else
template <class V> INLINE V at_least(V low, V x) { return select(low > x, low, x); }
template <class V> INLINE V at_most(V high, V x) { return select(high < x, high, x); }
#endif

// p 2^n rounded once, for 1/2 < |p| < 2; `shifted` holds n + 2 bias in its low bits. n may lie outside
// the exponent's range, so p 2^floor(n/2) comes first, which is exact, then the rest.
#if defined(__AVX512F__)
INLINE f32v scale(f32v p, f32v n, f32v) { return (f32v)_mm512_maskz_scalef_ps(0xffff, (__m512)p, (__m512)n); }
INLINE f64v scale(f64v p, f64v n, f64v) { return (f64v)_mm512_maskz_scalef_pd(0xff, (__m512d)p, (__m512d)n); }
#else
template <class V> INLINE V scale(V p, V, V shifted) {
  typedef elementary<V> E;
  const word<V> exponents = splat_word<V>(~(typename E::bits)0) << E::mantissa;
  const word<V> half = ((word<V>)shifted << (E::mantissa - 1)) & exponents;
  const word<V> rest = ((word<V>)shifted << E::mantissa) - half;
  return p * (V)half * (V)rest;
}
#endif

// (exp(r) - 1) / r, |r| <= ln(2)/2.
template <class V> INLINE V exp_quotient(V r) { return fma(polynomial(elementary<V>::exp_tail, r), r, splat<V>(1)); }

template <class V> INLINE V exp_near_zero(V r) { return fma(exp_quotient(r), r, splat<V>(1)); }

// x = n ln(2) + r, for x in [exp_low, exp_high]. n is read from the bits of `shifted`: nothing is converted to
// an integer, so nothing saturates in ways of its own.
template <class V> struct Reduced { V shifted, n, r; };

template <class V> INLINE Reduced<V> reduced(V x) {
  typedef elementary<V> E;
  const V integers = splat<V>(E::integers + 2 * E::bias);
  const V shifted = fma(x, splat<V>(E::log2_e), integers);
  const V n = shifted - integers;
  return {shifted, n, fma(n, splat<V>(-E::ln_2_rest), fma(n, splat<V>(-E::ln_2), x))};
}

// exp(x) = 2^n exp(r)
template <class V> INLINE V exp_in_range(V x) {
  const Reduced<V> a = reduced(x);
  return scale(exp_near_zero(a.r), a.n, a.shifted);
}

// exp(x), and exp(x) - 1 in `minus_one`, for x <= 0: near 0, where n is 0, from what exp adds to 1.
template <class V> INLINE V exp_and_expm1(V x, V& minus_one) {
  const V one = splat<V>(1);
  const Reduced<V> a = reduced(at_least(splat<V>(elementary<V>::exp_low), x));
  const V quotient = exp_quotient(a.r), e = scale(fma(quotient, a.r, one), a.n, a.shifted);
  minus_one = select(a.n == V{}, quotient * a.r, e - one);
  return e;
}

template <class V> INLINE V exp(V x) {
  typedef elementary<V> E;
  return exp_in_range(at_most(splat<V>(E::exp_high), at_least(splat<V>(E::exp_low), x)));
}

// 1 / (1 + exp(-x)), without overflow: exp(-|x|) is the numerator where x < 0.
template <class V> INLINE V logistic(V x) {
  const V one = splat<V>(1);
  const V e = exp_in_range(at_least(splat<V>(elementary<V>::exp_low), -magnitude(x)));
  return select(x < V{}, e, one) / (one + e);
}

// Below 0.55 an odd polynomial; above, 1 - 2 / (1 + exp(2|x|)), which is at least 1/2, so that the
// subtraction loses nothing. r takes one fma: what it misses of n ln(2) weighs less there than rounding.
// (One quotient of expm1 for both would save 6 operations and err by 2.6 ULP.)
template <class V> INLINE V tanh(V x) {
  typedef elementary<V> E;
  const V size = magnitude(x);
  const V a = at_most(splat<V>(E::tanh_one), size);
  const V z = a * a;
  const V small = fma(polynomial(E::tanh_tail, z), z * a, a);
  const V y = a + a;
  const V integers = splat<V>(E::integers + (E::bias - 1));
  const V shifted = fma(y, splat<V>(E::log2_e), integers);
  const V r = fma(shifted - integers, splat<V>(-E::ln_2), y);
  const V half_power = (V)((word<V>)shifted << E::mantissa);
  const V one = splat<V>(1);
  const V large = one - one / fma(half_power, exp_near_zero(r), splat<V>(0.5));
  const word<V> sign = (word<V>)x ^ (word<V>)size;
  return (V)((word<V>)select(a < splat<V>(0.55), small, large) | sign);
}

// log(1 + f) + k ln(2), f in [-1/4, 1/2]: log(1 + f) = 2 artanh(s), s = f/(2 + f), arranged as
// f - (f^2/2 - s (f^2/2 + z log_tail(z))), z = s^2, so that f, which is exact, leads.
template <class V> INLINE V log_near_one(V f, V k) {
  typedef elementary<V> E;
  const V half_square = f * splat<V>(0.5) * f;
  const V s = f / (f + splat<V>(2));
  const V z = s * s;
  const V bracket = fma(polynomial(E::log_tail, z), z, half_square);
  const V correction = fma(s, bracket, k * splat<V>(E::ln_2_rest));
  return fma(k, splat<V>(E::ln_2), f - (half_square - correction));
}

// log(x) for x > 0, subnormal numbers included; infinity and NaN stay. x = 2^k (1 + f), 1 + f in [3/4, 3/2).
template <class V> INLINE V log(V x) {
  typedef elementary<V> E;
  typedef typename E::bits bits;
  constexpr bits fraction = (bits(1) << E::mantissa) - 1;
  constexpr bits half_octave = bits(1) << (E::mantissa - 1);
  constexpr bits three_quarters = (bits(E::bias) << E::mantissa) - half_octave;
  const typename traits<V>::ivec subnormal = x < splat<V>(E::smallest_normal);
  const V normal = select(subnormal, x * splat<V>(E::lift), x);
  const word<V> shifted = (word<V>)normal + splat_word<V>(half_octave);
  const V f = (V)((shifted & splat_word<V>(fraction)) + splat_word<V>(three_quarters)) - splat<V>(1);
  // k as a number: its bits are put under those of 1.5 * 2^mantissa, which is then taken away.
  const V integers = splat<V>(E::integers);
  const V exponent = (V)((shifted >> E::mantissa) + (word<V>)integers);
  const V zero_exponent = splat<V>(E::integers + E::bias);
  const V lifted_zero_exponent = splat<V>(E::integers + E::bias + E::mantissa);
  const V result = log_near_one(f, exponent - select(subnormal, lifted_zero_exponent, zero_exponent));
  return select(x <= splat<V>(E::largest), result, x);
}

// log(1 + t) for t in [0, 1], without rounding 1 + t: from 1/2 on it is 2 (1 + f) with f = (t - 1)/2.
template <class V> INLINE V log1p_of_unit(V t) {
  const V half = splat<V>(0.5);
  const typename traits<V>::ivec upper = t >= half;
  return log_near_one(select(upper, fma(t, half, -half), t), select(upper, splat<V>(1), V{}));
}
