// SPDX-License-Identifier: BSD-3-Clause
// Rows along the lanes, for layers of a few units: one column of as many rows as lanes makes a vector.
// With columns along the lanes most of them would hold none. The order of the sums stays.

constexpr int FEW = 4;

// Moving columns into the lanes and out again pays from this many rows on.
INLINE bool turning_pays(int columns, int64_t rows) { return columns <= FEW && rows > 2 * columns; }

// One column of the first `rows` rows, at most as many as lanes: zeros fill the rest.
template <class T> INLINE vec<T> load_column(const T* p, int64_t rows) {
  alignas(64) T a[lanes<T>] = {};
  if (rows >= lanes<T>)
    for (int r = 0; r < lanes<T>; r++) a[r] = p[r * PANEL];
  else
    for (int r = 0; r < rows; r++) a[r] = p[r * PANEL];
  return load(a);
}

template <int ROW = PANEL, class T> INLINE void store_column(T* p, int64_t rows, vec<T> v) {
  alignas(64) T a[lanes<T>];
  store(a, v);
  if (rows >= lanes<T>)
    for (int r = 0; r < lanes<T>; r++) p[r * ROW] = a[r];
  else
    for (int r = 0; r < rows; r++) p[r * ROW] = a[r];
}

// Tree16 of every row at once; accumulators of columns that are not there hold zeros.
template <class T> struct FewTree {
  vec<T> sum[FEW] = {};
  INLINE_MEMBER void add(int column, vec<T> x) { sum[column] = sum[column] + x; }
  INLINE_MEMBER void add_product(int column, vec<T> a, vec<T> b) { sum[column] = fma(a, b, sum[column]); }
  INLINE_MEMBER vec<T> total() const {
    static_assert(FEW == 4);
    const vec<T> zero{};
    return ((sum[0] + zero) + (sum[2] + zero)) + ((sum[1] + zero) + (sum[3] + zero));
  }
};
