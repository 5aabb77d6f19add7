// SPDX-License-Identifier: BSD-3-Clause
// Sums down the rows of a panel, columns along the lanes.

// Onto the totals of V vectors of columns, for rows that begin at a block: sums over blocks of KB rows, each from
// zero, in increasing order. add(sum, x, r) takes what stands in row r.
template <int V, class T, class Add> INLINE void sum_rows(const T* x, int64_t rows, T* total, Add add) {
  constexpr int L = lanes<T>;
  for (int64_t row = 0; row < rows; row += KB) {
    const int64_t end = rows - row < KB ? rows : row + KB;
    vec<T> sum[V] = {};
    for (int64_t r = row; r < end; r++)
      for (int v = 0; v < V; v++) sum[v] = add(sum[v], load(x + r * PANEL + v * L), r);
    for (int v = 0; v < V; v++) store(total + v * L, load(total + v * L) + sum[v]);
  }
}
