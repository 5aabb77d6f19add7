// SPDX-License-Identifier: BSD-3-Clause
// The vector type of one instruction set, chosen by the compiler's own macros.
// GCC vector extensions give arithmetic, comparison and select; only what they lack (fused
// multiply-add, square root) is named per target. Included inside KERNEL_ISA's anonymous namespace.

#if defined(__AVX512F__)
#define VEC_BYTES 64
#elif defined(__AVX2__)
#define VEC_BYTES 32
#else
#define VEC_BYTES 16
#endif

#define INLINE static inline __attribute__((always_inline))
#define INLINE_MEMBER inline __attribute__((always_inline))
#define INLINE_LAMBDA __attribute__((always_inline))

typedef float f32v __attribute__((vector_size(VEC_BYTES)));
typedef double f64v __attribute__((vector_size(VEC_BYTES)));
typedef int32_t i32v __attribute__((vector_size(VEC_BYTES)));
typedef int64_t i64v __attribute__((vector_size(VEC_BYTES)));

// vec<T>: the vector of floating type T; ivec: integers of the same width, the type of its masks.
template <class T> struct traits;
template <> struct traits<float> {
  typedef f32v vec;
  typedef i32v ivec;
  typedef int32_t integer;
};
template <> struct traits<double> {
  typedef f64v vec;
  typedef i64v ivec;
  typedef int64_t integer;
};
template <> struct traits<f32v> : traits<float> { typedef float scalar; };
template <> struct traits<f64v> : traits<double> { typedef double scalar; };
template <class T> using vec = typename traits<T>::vec;
template <class T> using ivec = typename traits<T>::ivec;
template <class T> constexpr int lanes = VEC_BYTES / int(sizeof(T));

template <class V> struct __attribute__((may_alias)) aligned { V v; };
template <class T> INLINE vec<T> load(const T* p) { return ((const aligned<vec<T>>*)p)->v; }
template <class T> INLINE void store(T* p, vec<T> v) { ((aligned<vec<T>>*)p)->v = v; }

// Without alignment: for arrays that the caller owns.
template <class V> struct __attribute__((packed, may_alias)) unaligned { V v; };
template <class T> INLINE vec<T> load_unaligned(const T* p) { return ((const unaligned<vec<T>>*)p)->v; }
template <class T> INLINE void store_unaligned(T* p, vec<T> v) { ((unaligned<vec<T>>*)p)->v = v; }

// `scalar - zero vector` is one broadcast, which gcc 12 does not make of a loop over lanes. The
// subtraction folds away and keeps every bit, -0 included (-0 - +0 = -0).
template <class V> INLINE V splat(typename traits<V>::scalar s) { return s - V{}; }
template <class V> INLINE typename traits<V>::ivec splat_integer(typename traits<V>::integer s) {
  return s - typename traits<V>::ivec{};
}

template <class V> INLINE V select(typename traits<V>::ivec mask, V a, V b) { return mask ? a : b; }

#if defined(__AVX512F__)
INLINE f32v fma(f32v a, f32v b, f32v c) { return (f32v)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c); }
INLINE f64v fma(f64v a, f64v b, f64v c) { return (f64v)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c); }
// The unmasked form warns of an uninitialised value in gcc 12's own header; this one compiles to it.
INLINE f32v sqrt(f32v a) { return (f32v)_mm512_maskz_sqrt_ps(0xffff, (__m512)a); }
INLINE f64v sqrt(f64v a) { return (f64v)_mm512_maskz_sqrt_pd(0xff, (__m512d)a); }
#elif defined(__AVX2__)
INLINE f32v fma(f32v a, f32v b, f32v c) { return (f32v)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c); }
INLINE f64v fma(f64v a, f64v b, f64v c) { return (f64v)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c); }
INLINE f32v sqrt(f32v a) { return (f32v)_mm256_sqrt_ps((__m256)a); }
INLINE f64v sqrt(f64v a) { return (f64v)_mm256_sqrt_pd((__m256d)a); }
#elif defined(__aarch64__)
INLINE f32v fma(f32v a, f32v b, f32v c) { return (f32v)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b); }
INLINE f64v fma(f64v a, f64v b, f64v c) { return (f64v)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b); }
INLINE f32v sqrt(f32v a) { return (f32v)vsqrtq_f32((float32x4_t)a); }
INLINE f64v sqrt(f64v a) { return (f64v)vsqrtq_f64((float64x2_t)a); }
#else
// No fused instruction in the x86-64 baseline: the C library's exactly rounded fma, lane by lane, in a call
// (635 KB of kernels to 429).
static __attribute__((noinline)) f32v fma(f32v a, f32v b, f32v c) {
  f32v r;
  for (int l = 0; l < lanes<float>; l++) r[l] = __builtin_fmaf(a[l], b[l], c[l]);
  return r;
}
static __attribute__((noinline)) f64v fma(f64v a, f64v b, f64v c) {
  f64v r;
  for (int l = 0; l < lanes<double>; l++) r[l] = __builtin_fma(a[l], b[l], c[l]);
  return r;
}
INLINE f32v sqrt(f32v a) {
  f32v r;
  for (int l = 0; l < lanes<float>; l++) r[l] = __builtin_sqrtf(a[l]);
  return r;
}
INLINE f64v sqrt(f64v a) {
  f64v r;
  for (int l = 0; l < lanes<double>; l++) r[l] = __builtin_sqrt(a[l]);
  return r;
}
#endif

// Keeps a value that is used several times in a register, where g++ 12 would load it anew each time.
#if defined(__x86_64__)
template <class V> INLINE void hold(V& a) { asm("" : "+v"(a)); }
#elif defined(__aarch64__)
template <class V> INLINE void hold(V& a) { asm("" : "+w"(a)); }
#else
template <class V> INLINE void hold(V&) {}
#endif

// A bit for each lane that does not equal 0 (NaN does not).
#if defined(__AVX512F__)
INLINE int nonzero(f32v a) { return _mm512_cmp_ps_mask((__m512)a, _mm512_setzero_ps(), _CMP_NEQ_UQ); }
INLINE int nonzero(f64v a) { return _mm512_cmp_pd_mask((__m512d)a, _mm512_setzero_pd(), _CMP_NEQ_UQ); }
#elif defined(__AVX2__)
INLINE int nonzero(f32v a) { return _mm256_movemask_ps((__m256)(a != f32v{})); }
INLINE int nonzero(f64v a) { return _mm256_movemask_pd((__m256d)(a != f64v{})); }
#else
template <class V> INLINE int nonzero(V a) {
  int lanes = 0;
  for (size_t l = 0; l < sizeof(V) / sizeof(a[0]); l++) lanes |= (a[l] != 0) << l;
  return lanes;
}
#endif

// Column numbers 0, 1, 2 ... of the lanes, to mask a panel's padding.
template <class T> INLINE ivec<T> lane_numbers() {
  ivec<T> r{};
  for (int l = 0; l < lanes<T>; l++) r[l] = l;
  return r;
}

template <int... I> struct lane_list {};
template <int N, int... I> struct make_lanes : make_lanes<N - 1, N - 1, I...> {};
template <int... I> struct make_lanes<0, I...> { typedef lane_list<I...> type; };
template <int N> using first_lanes = typename make_lanes<N>::type;

template <int FROM, class V, int... I> INLINE auto part(V a, lane_list<I...>) {
  return __builtin_shufflevector(a, a, (FROM + I)...);
}
template <int D, class V, int... I> INLINE V lanes_above(V a, lane_list<I...>) {
  return __builtin_shufflevector(a, a, ((I + D) % int(sizeof...(I)))...);
}

// Folds a vector of N lanes to one number: lane l meets lane l + N/2, then l + N/4, down to l + 1.
// Halves of halves, as narrow vectors cost less than whole ones (digits: 22 to 18 ns a row of output).
template <int N, class V, class F> INLINE auto fold(V a, F f) {
  if constexpr (N == 1)
    return a[0];
  else if constexpr (sizeof(V) > 16)
    return fold<N / 2>(f(part<0>(a, first_lanes<N / 2>{}), part<N / 2>(a, first_lanes<N / 2>{})), f);
  else
    return fold<N / 2>(f(a, lanes_above<N / 2>(a, first_lanes<int(sizeof(V) / sizeof(a[0]))>{})), f);
}
