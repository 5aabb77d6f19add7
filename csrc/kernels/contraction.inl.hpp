// SPDX-License-Identifier: BSD-3-Clause
// The two contractions over a layer's units, for a thread's rows and a range of panels:
//   affine        net = o W^T + bias, and the scalar activation while the tile is in L1
//   hidden_delta  delta = f'(o) * (delta_next W)
// C is written row by row of its panels; the caller owns all memory and the threads.

// Some of the rows that are left, by one panel: returns how many.
template <class T>
INLINE int next_rows(int64_t left, int columns, const T* A, ptrdiff_t A_stride, const T* B, int k, T* C) {
  if constexpr (ROWS_ALONG_LANES)
    if (columns <= FEW_COLUMNS && left >= lanes<T>) {
      few_columns(columns, A, A_stride, B, k, C);
      return lanes<T>;
    }
  const int rows = next_tile(left, tile_size<T>::R);
  tile_row<T, PANEL, false>(rows, columns, A, A_stride, B, k, C, C, false, Store{});
  return rows;
}

template <class T, class Epilogue> INLINE void contract(const Contraction<T>& c, Epilogue epilogue) {
  const auto columns_of = [&](int p) { return c.columns - p * PANEL < PANEL ? c.columns - p * PANEL : PANEL; };
  if (c.rows <= FEW_ROWS) {
    few_rows(c);
    for (int p = c.begin; p < c.end; p++) epilogue(p, 0, int(c.rows), columns_of(p), c.C + p * c.C_stride);
    return;
  }
  for (int p = c.begin; p < c.end; p++) {
    const int columns = columns_of(p);
    const T* B = c.B + p * c.B_stride;
    T* C = c.C + p * c.C_stride;
    for (int64_t row = 0; row < c.rows;) {
      const int rows = next_rows(c.rows - row, columns, c.A + row * PANEL, c.A_stride, B, c.k, C + row * PANEL);
      epilogue(p, row, rows, columns, C + row * PANEL);
      row += rows;
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

template <class T, Activation F> void hidden_delta_of(const Contraction<T>& c, const T* o) noexcept {
  contract(c, [&](int p, int64_t row, int rows, int columns, T* C) {
    if constexpr (F != Activation::identity) {
      const T* op = o + p * c.C_stride + row * PANEL;
      each_vector(rows, columns, C,
                  [&](int r, int at, vec<T> total) { return times_derivative<F>(total, load(op + r * PANEL + at)); });
    }
  });
}

// Vector activations (softmax) need whole rows: here they pass as identity, `activate` and
// `softmax_delta` finish them.
template <class T> void affine(const Contraction<T>& c, Activation f) noexcept {
  switch (f) {
    case Activation::logistic: return affine_of<T, Activation::logistic>(c);
    case Activation::tanh: return affine_of<T, Activation::tanh>(c);
    case Activation::relu: return affine_of<T, Activation::relu>(c);
    default: return affine_of<T, Activation::identity>(c);
  }
}

template <class T> void hidden_delta(const Contraction<T>& c, Activation f, const T* o) noexcept {
  switch (f) {
    case Activation::logistic: return hidden_delta_of<T, Activation::logistic>(c, o);
    case Activation::tanh: return hidden_delta_of<T, Activation::tanh>(c, o);
    case Activation::relu: return hidden_delta_of<T, Activation::relu>(c, o);
    default: return hidden_delta_of<T, Activation::identity>(c, o);
  }
}
