// SPDX-License-Identifier: BSD-3-Clause
// The micro-kernel of all three contractions (forward, hidden delta, weight gradient):
//   C[r][c] = sum over k of A[r][k] B[k][c],   R rows by NV vectors of columns.
// Columns lie along the lanes, so a sum is never split over lanes. k runs in blocks of KB: each block
// is one chain of fused multiply-adds from zero; block sums are added to C in increasing order.
// A_ROW = PANEL reads A as rows of panels (forward, hidden delta), A_ROW = 1 reads it transposed
// (weight gradient, k over the batch). BIAS adds one row whose A is 1.

template <class T> struct tile_size;
#if VEC_BYTES == 64
template <> struct tile_size<float> { static constexpr int R = 14, NV = 2; };
template <> struct tile_size<double> { static constexpr int R = 14, NV = 2; };
#elif VEC_BYTES == 32
template <> struct tile_size<float> { static constexpr int R = 6, NV = 2; };
template <> struct tile_size<double> { static constexpr int R = 6, NV = 2; };
#elif defined(__ARM_NEON)
template <> struct tile_size<float> { static constexpr int R = 8, NV = 2; };
template <> struct tile_size<double> { static constexpr int R = 8, NV = 2; };
#else  // without fused multiply-adds these take all the time: few tiles, for the wheel's size
template <> struct tile_size<float> { static constexpr int R = 4, NV = 1; };
template <> struct tile_size<double> { static constexpr int R = 4, NV = 1; };
#endif

// What becomes of the finished totals: Store leaves them in C, any other Finish takes them while they are
// in registers, finish(at, total) for the vector at C + at. Bias totals are always stored.
struct Store {
  INLINE_MEMBER Store from(int) const { return {}; }
};
template <class Finish> constexpr bool takes = true;
template <> constexpr bool takes<Store> = false;

// Tiles of AVX-512 ask L1 for what they read a cache line of terms later, a STRIP: their operations leave loads to
// spare and wait long for one that misses (forward, one thread of an Intel, of its peak: 1024-2048-2048-1024, 512 rows,
// 61 to 72 %; 784-512-512-10, 128 rows, 68 to 73 %; 64-32-10, 32 rows, 50 to 48 %).
constexpr bool ASKS = VEC_BYTES == 64;
template <class T> constexpr int LINE = 64 / sizeof(T);
template <class T> constexpr int STRIP = ASKS ? LINE<T> : PANEL;

// For each term a line of A's next strip, by rows or, where A is read transposed, by terms; and B's term.
template <class T, int R, int NV, int A_ROW> INLINE void ask_for(const T* a, const T* b) {
#pragma GCC unroll 4
  for (int r = 0; r < R; r += LINE<T>) __builtin_prefetch(a + r * A_ROW);
  if constexpr (A_ROW == 1) __builtin_prefetch(a + R - 1);
#pragma GCC unroll 4
  for (int v = 0; v < NV; v++) __builtin_prefetch(b + v * lanes<T>);
}

template <class T, int R, int NV, int A_ROW, bool BIAS, class Finish>
__attribute__((noinline)) void tile(const T* A, ptrdiff_t A_stride, const T* B, int64_t k, T* C, T* C_bias, bool carry,
                                    const Finish& the_finish) noexcept {
  constexpr int A_k = A_ROW == 1 ? PANEL : 1, L = lanes<T>;
  const auto at_term = [=](int64_t p) INLINE_LAMBDA { return A + p / PANEL * A_stride + p % PANEL * A_k; };
  const Finish finish = the_finish;  // a copy, whose pointers no store can change
  const T* a = A;
  for (int64_t k0 = 0; k0 < k; k0 += KB) {
    vec<T> sum[R][NV] = {}, sum_bias[NV] = {};
    const int64_t k1 = k0 + KB < k ? k0 + KB : k;
    for (int64_t p = k0; p < k1; p += STRIP<T>) {
      const T* b = B + p * PANEL;
      const T* next = p + STRIP<T> < k ? at_term(p + STRIP<T>) : A + R * A_ROW;  // or of the next tile
      const int n = k1 - p < STRIP<T> ? int(k1 - p) : STRIP<T>;
      for (int kk = 0; kk < n; kk++) {
        if constexpr (ASKS) ask_for<T, R, NV, A_ROW>(next + kk * PANEL, b + PANEL * (kk + STRIP<T>));
        vec<T> bk[NV];
#pragma GCC unroll 4
        for (int v = 0; v < NV; v++) bk[v] = load(b + kk * PANEL + v * L);
#pragma GCC unroll 16
        for (int r = 0; r < R; r++) {
          const vec<T> ar = splat<vec<T>>(a[r * A_ROW + kk * A_k]);
#pragma GCC unroll 4
          for (int v = 0; v < NV; v++) sum[r][v] = fma(ar, bk[v], sum[r][v]);
        }
        if constexpr (BIAS) {
#pragma GCC unroll 4
          for (int v = 0; v < NV; v++) sum_bias[v] = sum_bias[v] + bk[v];
        }
      }
      a = next;
    }
    const bool add = carry || k0 > 0;
    if constexpr (BIAS) {
#pragma GCC unroll 4
      for (int v = 0; v < NV; v++) store(C_bias + v * L, (add ? load(C_bias + v * L) : vec<T>{}) + sum_bias[v]);
    }
    if constexpr (takes<Finish>)
      if (k1 == k && !add) {
#pragma GCC unroll 16
        for (int r = 0; r < R; r++)
#pragma GCC unroll 4
          for (int v = 0; v < NV; v++) finish(r * PANEL + v * L, vec<T>{} + sum[r][v]);
        return;
      }
#pragma GCC unroll 16
    for (int r = 0; r < R; r++)
#pragma GCC unroll 4
      for (int v = 0; v < NV; v++) {
        T* c = C + r * PANEL + v * L;
        store(c, (add ? load(c) : vec<T>{}) + sum[r][v]);
      }
  }
  // The totals of several blocks come back from memory.
  if constexpr (takes<Finish>)
    for (int r = 0; r < R; r++)
      for (int v = 0; v < NV; v++) finish(r * PANEL + v * L, load(C + r * PANEL + v * L));
}

template <class T, class Finish>
using Tile = void (*)(const T*, ptrdiff_t, const T*, int64_t, T*, T*, bool, const Finish&) noexcept;

// Whether tiles of so many rows are what a whole panel of inputs is dealt to.
template <class T> constexpr bool of_whole_panel(int rows) {
  constexpr int n = (PANEL + tile_size<T>::R - 1) / tile_size<T>::R;
  return rows == PANEL / n || rows == PANEL / n + 1;
}

// Tiles of 1 .. 14 rows, so that rows split evenly over tiles and none runs nearly empty. Those that take
// totals in registers are there for whole panels alone, for the wheel's size.
template <class T, int NV, int A_ROW, bool BIAS, class Finish> struct tiles {
  static constexpr int most = tile_size<T>::R;
  template <int R> static constexpr Tile<T, Finish> tile_of() {
    if constexpr (takes<Finish> && !of_whole_panel<T>(R))
      return nullptr;
    else
      return tile<T, (R < most ? R : most), NV, A_ROW, BIAS, Finish>;
  }
  template <int R> static constexpr Tile<T, Finish> of = tile_of<R>();
  static constexpr Tile<T, Finish> of_rows[15] = {nullptr, of<1>, of<2>,  of<3>,  of<4>,  of<5>,  of<6>, of<7>,
                                                  of<8>,   of<9>, of<10>, of<11>, of<12>, of<13>, of<14>};
};

// R rows by the panel's first `columns` columns, in passes of NV vectors; the last pass may be narrower.
template <class T, int A_ROW, bool BIAS, class Finish>
INLINE void tile_row(int rows, int columns, const T* A, ptrdiff_t A_stride, const T* B, int64_t k, T* C, T* C_bias,
                     bool carry, const Finish& finish) {
  constexpr int NV = tile_size<T>::NV, L = lanes<T>;
  int c = 0;
  for (; c + L < columns; c += NV * L)
    tiles<T, NV, A_ROW, BIAS, Finish>::of_rows[rows](A, A_stride, B + c, k, C + c, C_bias + c, carry, finish.from(c));
  if (c < columns)
    tiles<T, 1, A_ROW, BIAS, Finish>::of_rows[rows](A, A_stride, B + c, k, C + c, C_bias + c, carry, finish.from(c));
}

// Rows dealt evenly to the fewest tiles of at most `most` rows: the size of the next one.
INLINE int next_tile(int64_t rows_left, int most) {
  const int64_t n = (rows_left + most - 1) / most;
  return int((rows_left + n - 1) / n);
}
