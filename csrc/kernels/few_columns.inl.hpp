// SPDX-License-Identifier: BSD-3-Clause
// Contractions to one to four columns, which would leave most lanes of the tile idle: here rows lie along
// the lanes, after a transpose of A. The sums are the tile's, one lane for each. Pays with 64-byte vectors
// alone (64 -> 1, a row: 17.6 to 5.9 ns in float32; AVX2 12.6 to 13.1 in float64).
constexpr int FEW_COLUMNS = 4;
constexpr bool ROWS_ALONG_LANES = VEC_BYTES == 64;

// lanes<T> rows by N columns.
template <class T, int N>
__attribute__((noinline)) void few_columns_of_rows(const T* A, ptrdiff_t A_stride, const T* B, int k, T* C) noexcept {
  constexpr int L = lanes<T>;
  vec<T> total[N] = {};
  for (int k0 = 0; k0 < k; k0 += KB) {
    vec<T> sum[N] = {};
    const int k1 = k - k0 < KB ? k : k0 + KB;
    for (int at = k0; at < k1; at += L) {
      const T *a = A + at / PANEL * A_stride + at % PANEL, *b = B + ptrdiff_t(at) * PANEL;
      vec<T> x[L];
#pragma GCC unroll 16
      for (int i = 0; i < L; i++) x[i] = load(a + i * PANEL);
      transpose_round<1>(x);
#pragma GCC unroll 16
      for (int i = 0; i < L; i++) {
        if (i >= k1 - at) break;
#pragma GCC unroll 4
        for (int c = 0; c < N; c++) sum[c] = fma(x[i], splat<vec<T>>(b[i * PANEL + c]), sum[c]);
      }
    }
#pragma GCC unroll 4
    for (int c = 0; c < N; c++) total[c] = total[c] + sum[c];
  }
  for (int r = 0; r < L; r++) {
    vec<T> row{};
#pragma GCC unroll 4
    for (int c = 0; c < N; c++) row[c] = total[c][r];
    store(C + r * PANEL, row);
  }
}

// The C of lanes<T> rows, for 1 <= columns <= FEW_COLUMNS.
template <class T> INLINE void few_columns(int columns, const T* A, ptrdiff_t A_stride, const T* B, int k, T* C) {
  switch (columns) {
    case 1: return few_columns_of_rows<T, 1>(A, A_stride, B, k, C);
    case 2: return few_columns_of_rows<T, 2>(A, A_stride, B, k, C);
    case 3: return few_columns_of_rows<T, 3>(A, A_stride, B, k, C);
    default: return few_columns_of_rows<T, 4>(A, A_stride, B, k, C);
  }
}
