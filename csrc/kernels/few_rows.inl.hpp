// SPDX-License-Identifier: BSD-3-Clause
// Contractions of one to three rows. A tile of so few rows has too few sums in flight to hide the
// latency of a multiply-add: here several vectors of columns run side by side, of one panel or of
// neighbours, and where the columns run out, several blocks of k. The sums are the tile's: a chain from
// zero for each block, added to the total in increasing order of the blocks.
constexpr int FEW_ROWS = 3;

// Sums in flight: R rows by G vectors by S blocks.
template <class T, int R, int G, int S> struct FewSums {
  static constexpr int L = lanes<T>, V = PANEL / L, PANELS = G > V ? G / V : 1;
  vec<T> sum[S][G][R] = {};

  // Terms [from, to) of each of the first N blocks.
  template <int N> INLINE_MEMBER void add(const T* A, ptrdiff_t A_stride, const T* const (&B)[PANELS], int from,
                                          int to) {
    for (int k = from; k < to;) {
      const int in_panel = k % PANEL, end = to - k < PANEL - in_panel ? to : k + PANEL - in_panel;
      const T* a = A + k / PANEL * A_stride + in_panel - k;
      for (; k < end; k++)
#pragma GCC unroll 4
        for (int s = 0; s < N; s++) {
          vec<T> ar[R];
#pragma GCC unroll 4
          for (int r = 0; r < R; r++) ar[r] = splat<vec<T>>(a[s * (KB / PANEL) * A_stride + r * PANEL + k]);
#pragma GCC unroll 8
          for (int g = 0; g < G; g++) {
            vec<T> b = load(B[g / V] + ptrdiff_t(k + s * KB) * PANEL + g % V * L);
            if constexpr (R > 1) hold(b);
#pragma GCC unroll 4
            for (int r = 0; r < R; r++) sum[s][g][r] = fma(ar[r], b, sum[s][g][r]);
          }
        }
    }
  }
};

// Vectors first ... first + G - 1 (first a multiple of G) over S blocks from k0 on, the last perhaps short.
template <class T, int R, int G, int S>
__attribute__((noinline)) void few_blocks(const Contraction<T>& c, int first, int64_t k0) noexcept {
  typedef FewSums<T, R, G, S> Sums;
  constexpr int L = Sums::L, V = Sums::V;
  const int panel = first / V, column = first % V * L;
  const int64_t left = c.k - k0 - (S - 1) * KB;
  const int last = left < KB ? int(left) : KB;
  const T *A = c.A + k0 / PANEL * c.A_stride, *B[Sums::PANELS];
  for (int p = 0; p < Sums::PANELS; p++) B[p] = c.B + (panel + p) * c.B_stride + k0 * PANEL + column;
  Sums sums;
  sums.template add<S>(A, c.A_stride, B, 0, last);
  if constexpr (S > 1) sums.template add<S - 1>(A, c.A_stride, B, last, KB);
#pragma GCC unroll 8
  for (int g = 0; g < G; g++)
#pragma GCC unroll 4
    for (int r = 0; r < R; r++) {
      T* C = c.C + (panel + g / V) * c.C_stride + column + g % V * L + r * PANEL;
      vec<T> total = k0 > 0 ? load(C) : vec<T>{};
#pragma GCC unroll 4
      for (int s = 0; s < S; s++) total = total + sums.sum[s][g][r];
      store(C, total);
    }
}

// All of k, S blocks at a time while there are as many.
template <class T, int R, int G, int S> INLINE void few_sums(const Contraction<T>& c, int first, int64_t k0) {
  for (; k0 + (S - 1) * KB < c.k; k0 += S * KB) few_blocks<T, R, G, S>(c, first, k0);
  if constexpr (S > 1) few_sums<T, R, G, S / 2>(c, first, k0);
}

// Vectors [first, end), G at a time while there are as many.
template <class T, int R, int G> INLINE void few_vectors(const Contraction<T>& c, int first, int end) {
  constexpr int SUMS = R == 1 ? 8 : 4, S = SUMS / G < 4 ? SUMS / G : 4;
  for (; first + G <= end; first += G) few_sums<T, R, G, S>(c, first, 0);
  if constexpr (G > 1) few_vectors<T, R, G / 2>(c, first, end);
}

template <class T, int R> INLINE void rows_of_few(const Contraction<T>& c) {
  constexpr int L = lanes<T>, V = PANEL / L;
  const int vectors = (c.columns + L - 1) / L;
  few_vectors<T, R, R == 1 ? 8 : 4>(c, c.begin * V, c.end * V < vectors ? c.end * V : vectors);
}

template <class T> INLINE void few_rows(const Contraction<T>& c) {
  if (c.rows == 1) return rows_of_few<T, 1>(c);
  if (c.rows == 2) return rows_of_few<T, 2>(c);
  rows_of_few<T, 3>(c);
}
