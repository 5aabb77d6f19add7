// SPDX-License-Identifier: BSD-3-Clause
// The two contractions over a layer's units, for a thread's rows and a range of panels:
//   affine        net = o W^T + bias, and the scalar activation while the tile is in L1
//   hidden_delta  delta = f'(o) * (delta_next W)
// C is written row by row of its panels; the caller owns all memory and the threads.

// Some of the rows that are left, by one panel's columns: returns how many. `carry`: onto the totals of
// earlier blocks of k.
template <class T>
INLINE int next_rows(int64_t left, int columns, const T* A, ptrdiff_t A_stride, const T* B, int k, T* C, bool carry) {
  if constexpr (ROWS_ALONG_LANES)
    if (columns <= FEW_COLUMNS && left >= lanes<T> && !carry) {
      few_columns(columns, A, A_stride, B, k, C);
      return lanes<T>;
    }
  const int rows = next_tile(left, tile_size<T>::R);
  tile_row<T, PANEL, false>(rows, columns, A, A_stride, B, k, C, C, carry, Store{});
  return rows;
}

// How much of a panel of weights passes over all rows before the next part does.
struct Part { int columns, k; };

// Large panels pass by the columns of one tile: half a panel of doubles stays in L2 (1024-2048-2048-1024,
// 512 rows: 62 to 69 % of peak). Tiles of AVX2's few rows read the weights often, so there a part is also
// one block of k, which stays in L1 (the same network in floats: 69 to 75 %).
template <class T> INLINE Part part_of(int k) {
  if (k * PANEL * sizeof(T) < 128 * 1024) return {PANEL, k};
  return {tile_size<T>::NV * lanes<T>, VEC_BYTES == 32 ? KB : k};
}

// How much of k all panels take before the next part of it: the numbers of A that they read again and again
// should stay in L2 (one thread of an Intel, 512 rows by 2048-2048: 149 to 180 GFLOP/s).
template <class T> INLINE int stretch_of(int64_t rows, int k) {
  constexpr int64_t room = 1024 * 1024 / sizeof(T);
  if (rows * k <= room) return k;
  const int64_t fitting = room / 2 / rows / KB * KB;
  return fitting > KB ? int(fitting) : KB;
}

template <class T, class Epilogue> INLINE void contract(const Contraction<T>& c, Epilogue epilogue) {
  const auto columns_of = [&](int p) { return c.columns - p * PANEL < PANEL ? c.columns - p * PANEL : PANEL; };
  if (c.rows <= FEW_ROWS) {
    few_rows(c);
    for (int p = c.begin; p < c.end; p++) epilogue(p, 0, int(c.rows), columns_of(p), c.C + p * c.C_stride);
    return;
  }
  const Part part = part_of<T>(c.k);
  const int stretch = stretch_of<T>(c.rows, c.k);
  for (int begin = 0, end; begin < c.k; begin = end) {
    end = c.k - begin < stretch ? c.k : begin + stretch;
    for (int p = c.begin; p < c.end; p++)
      for (int j = 0; j < columns_of(p); j += part.columns) {
        const int columns = columns_of(p) - j < part.columns ? columns_of(p) - j : part.columns;
        for (int k0 = begin; k0 < end; k0 += part.k) {
          const int k = end - k0 < part.k ? end - k0 : part.k;
          const bool last = j + columns == columns_of(p) && k0 + k == c.k;
          for (int64_t row = 0; row < c.rows;) {
            const T* A = c.A + k0 / PANEL * c.A_stride + row * PANEL;
            const T* B = c.B + p * c.B_stride + ptrdiff_t(k0) * PANEL + j;
            T* C = c.C + p * c.C_stride + row * PANEL;
            const int rows = next_rows(c.rows - row, columns, A, c.A_stride, B, k, C + j, k0 > 0);
            if (last) epilogue(p, row, rows, columns_of(p), C);
            row += rows;
          }
        }
      }
  }
}

// f applied to the vectors of `rows` tile rows that hold columns.
template <class T, class F> INLINE void each_vector(int rows, int columns, T* C, F f) {
  for (int c = 0; c < columns; c += lanes<T>)
    for (int r = 0; r < rows; r++) store(C + r * PANEL + c, f(r, c, load(C + r * PANEL + c)));
}

template <class T, Activation F> void affine_of(const Contraction<T>& c) noexcept {
  contract(c, [&](int p, int64_t, int rows, int columns, T* C) {
    const T* bias = c.B + p * c.B_stride + ptrdiff_t(c.k) * PANEL;
    each_vector(rows, columns, C, [&](int, int at, vec<T> total) { return activation<F>(total + load(bias + at)); });
  });
}

// All other activations, and what is to be kept: a call for each tile.
template <class T> void affine_by_tiles(const Contraction<T>& c, const Function<T>& f, const Kept<T>& kept) noexcept {
  contract(c, [&](int p, int64_t row, int rows, int columns, T* C) {
    activate_tile(f, p, C, c.B + p * c.B_stride + ptrdiff_t(c.k) * PANEL, at_offset(kept, p * c.C_stride + row * PANEL),
                  rows, columns);
  });
}

template <class T, Activation F> void hidden_delta_of(const Contraction<T>& c, const T* o) noexcept {
  contract(c, [&](int p, int64_t row, int rows, int columns, T* C) {
    if constexpr (F != Activation::identity) {
      const T* op = o + p * c.C_stride + row * PANEL;
      each_vector(rows, columns, C,
                  [&](int r, int at, vec<T> total) { return times_derivative<F>(total, load(op + r * PANEL + at)); });
    }
  });
}

template <class T> void hidden_delta_by_slope(const Contraction<T>& c, const Kept<T>& kept) noexcept {
  contract(c, [&](int p, int64_t row, int rows, int columns, T* C) {
    times_slope(C, at_offset(kept, p * c.C_stride + row * PANEL), rows, columns);
  });
}

// Vector activations (softmax) need whole rows: here they pass as identity, `activate` and
// `times_derivative` finish them.
template <class T> void affine(const Contraction<T>& c, const Function<T>& f, const Kept<T>& kept) noexcept {
  if (kept.slope) return affine_by_tiles(c, f, kept);
  switch (f.f) {
    case Activation::logistic: return affine_of<T, Activation::logistic>(c);
    case Activation::tanh: return affine_of<T, Activation::tanh>(c);
    case Activation::relu: return affine_of<T, Activation::relu>(c);
    case Activation::softmax:
    case Activation::identity: return affine_of<T, Activation::identity>(c);
    default: return affine_by_tiles(c, f, kept);
  }
}

// A threshold sends nothing back, so it is never asked for.
template <class T>
void hidden_delta(const Contraction<T>& c, Activation f, const T* o, const Kept<T>& kept) noexcept {
  if (kept.slope) return hidden_delta_by_slope(c, kept);
  switch (f) {
    case Activation::logistic: return hidden_delta_of<T, Activation::logistic>(c, o);
    case Activation::tanh: return hidden_delta_of<T, Activation::tanh>(c, o);
    case Activation::relu: return hidden_delta_of<T, Activation::relu>(c, o);
    default: return hidden_delta_of<T, Activation::identity>(c, o);
  }
}
