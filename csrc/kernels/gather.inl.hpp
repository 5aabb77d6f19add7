// SPDX-License-Identifier: BSD-3-Clause
// Rows of the caller's array into panels: selected, converted to T, judged, shifted and scaled on the
// way, so that the array is never copied. Returns the first bad row's place in the selection, or -1.

template <class S> INLINE S read_native(const char* p) {
  S s;
  __builtin_memcpy(&s, p, sizeof s);
  return s;
}

template <class S> INLINE S read_swapped(const char* p) {
  unsigned char bytes[sizeof(S)];
  for (size_t i = 0; i < sizeof(S); i++) bytes[i] = (unsigned char)p[sizeof(S) - 1 - i];
  S s;
  __builtin_memcpy(&s, bytes, sizeof s);
  return s;
}

constexpr int BLOCK_ROWS = 32;

// As in Fortran's order: a row's numbers lie farther from each other than from the next row's.
INLINE bool far_columns(const Rows& X) { return __builtin_llabs(X.column_stride) > __builtin_llabs(X.row_stride); }

// Columns apart or bytes swapped: a tile of rows by a panel's columns is brought together first, along
// whichever dimension its numbers lie closer: rows of an array in Fortran's order share their cache lines.
template <class Bytes, bool SWAPPED>
__attribute__((noinline)) void bring(const char* const* from, int rows, int columns, ptrdiff_t column_stride, bool down,
                                     char* tile) noexcept {
  const auto move = [](const char* p, char* to) {
    const Bytes bytes = SWAPPED ? read_swapped<Bytes>(p) : read_native<Bytes>(p);
    __builtin_memcpy(to, &bytes, sizeof(Bytes));
  };
  constexpr int SHARING = 64 / sizeof(Bytes), COLUMNS_AHEAD = 16;  // consecutive rows in a cache line; columns
  for (int c = 0; down && c < columns; c++) {
    const ptrdiff_t at = c * column_stride;
    for (int r = 0; r < rows; r += SHARING) __builtin_prefetch(from[r] + at + COLUMNS_AHEAD * column_stride);
    __builtin_prefetch(from[rows - 1] + at + COLUMNS_AHEAD * column_stride);
    for (int r = 0; r < rows; r++) move(from[r] + at, tile + (r * PANEL + c) * sizeof(Bytes));
  }
  for (int r = 0; !down && r < rows; r++) {
    const char* p = from[r];
    char* to = tile + r * PANEL * sizeof(Bytes);
    for (int c = 0; c < columns; c++, p += column_stride, to += sizeof(Bytes)) move(p, to);
  }
}

// Of rows to come: the cache lines of their columns c ... c + columns - 1.
INLINE void ask_for_panel(const Rows& X, const char* const* rows, int n, int c, int columns) {
  const ptrdiff_t apart = __builtin_llabs(X.column_stride);
  const int step = apart && apart < 64 ? int(64 / apart) : 1;
  for (int r = 0; r < n; r++)
    for (int i = c; i < c + columns; i += step) __builtin_prefetch(rows[r] + i * X.column_stride);
}

INLINE auto bring_of(int size, bool swapped) {
  switch (size) {
    case 1: return bring<uint8_t, false>;
    case 2: return swapped ? bring<uint16_t, true> : bring<uint16_t, false>;
    case 4: return swapped ? bring<uint32_t, true> : bring<uint32_t, false>;
    default: return swapped ? bring<uint64_t, true> : bring<uint64_t, false>;
  }
}

// As convert_rows, panel by panel through a tile.
template <class T>
INLINE int convert_apart(const Rows& X, const char** from, int rows, Standard<T> standard, T* out, ptrdiff_t stride) {
  const int size = size_of_kind[int(X.kind)];
  const auto bring_tile = bring_of(size, X.swapped);
  const Convert<T> convert = converters<T>::of_kind[int(X.kind)];
  alignas(64) char tile[BLOCK_ROWS * PANEL * sizeof(uint64_t)];
  const char* tile_rows[BLOCK_ROWS + AHEAD];
  for (int r = 0; r < rows + AHEAD; r++) tile_rows[r] = tile + (r < rows ? r : 0) * PANEL * size;
  int good = rows;
  for (int c = 0; c < X.columns; c += PANEL, out += stride) {
    const int columns = X.columns - c < PANEL ? X.columns - c : PANEL;
    if (!far_columns(X)) ask_for_panel(X, from + rows, rows, c, columns);
    bring_tile(from, rows, columns, X.column_stride, far_columns(X), tile);
    const int first_bad = convert(tile_rows, rows, standard, columns, out, stride);
    if (first_bad < good) good = first_bad;
    for (int r = 0; r < rows; r++) from[r] += PANEL * X.column_stride;
    standard.shift += standard.shift_step, standard.scale += standard.scale_step;
  }
  return good;
}

template <class T>
INLINE int64_t gather_values(const Rows& X, const Selection& rows, const Standard<T>& standard, T* out,
                             ptrdiff_t stride) {
  const bool together = !X.swapped && (X.columns == 1 || X.column_stride == size_of_kind[int(X.kind)]);
  // Few rows at a time where a tile goes along them, so that each stays one stream for the prefetcher; it asks memory
  // for as many after them (every other column of 1568, float32: 784-128-10 trains at 0.92 instead of 0.83 of the
  // speed without gaps).
  const int block = together || far_columns(X) ? BLOCK_ROWS : 4;
  const char* from[BLOCK_ROWS + AHEAD];
  for (int64_t r0 = 0; r0 < rows.count; r0 += block, out += block * PANEL) {
    const int n = rows.count - r0 < block ? int(rows.count - r0) : block;
    const int64_t last = rows.count + rows.next - 1;
    for (int r = 0; r < n + AHEAD; r++) {
      const int64_t at = r0 + r < last ? r0 + r : last;
      from[r] = X.data + (rows.order ? rows.order[at] : rows.first + at) * X.row_stride;
    }
    const int good = together ? converters<T>::of_kind[int(X.kind)](from, n, standard, X.columns, out, stride)
                              : convert_apart(X, from, n, standard, out, stride);
    if (good < n) return r0 + good;
  }
  return -1;
}

// Integer class labels become one-hot rows of these two values: to every kernel a label is its target.
template <class T, class S>
INLINE int64_t gather_labels(const Rows& X, const Selection& rows, T off, T on, int n_labels, T* out,
                             ptrdiff_t stride) {
  for (int64_t r = 0; r < rows.count; r++) {
    const char* p = X.data + (rows.order ? rows.order[r] : rows.first + r) * X.row_stride;
    const S label = X.swapped ? read_swapped<S>(p) : read_native<S>(p);
    if (label < 0 || uint64_t(label) >= uint64_t(n_labels)) return r;
    T* row = out + r * PANEL;
    for (int c = 0; c < n_labels; c += PANEL)
      for (int l = 0; l < PANEL; l += lanes<T>) store(row + c / PANEL * stride + l, splat<vec<T>>(off));
    row[ptrdiff_t(label) / PANEL * stride + ptrdiff_t(label) % PANEL] = on;
  }
  return -1;
}

// Of the first `count` rows, as gathered: the first that holds what 0, the padding, would not pass either; or -1.
template <class T> int64_t first_refused(Check check, const T* y, ptrdiff_t stride, int64_t count, int columns) {
  for (int64_t r = 0; r < count; r++)
    for (int c = 0; c < columns; c++) {
      const T value = y[c / PANEL * stride + r * PANEL + c % PANEL];
      if (check == Check::positive ? !(value > 0) : value != 1 && value != -1) return r;
    }
  return -1;
}

template <class T>
int64_t gather(const Rows& X, const Selection& rows, const T* shift, const T* scale, Check check, int n_labels, T* out,
               ptrdiff_t stride) noexcept {
  if (check == Check::label) {
    const T off = shift ? (0 - shift[0]) * scale[0] : T(0), on = shift ? (1 - shift[0]) * scale[0] : T(1);
    switch (X.kind) {
      case Kind::b:
      case Kind::u8: return gather_labels<T, uint8_t>(X, rows, off, on, n_labels, out, stride);
      case Kind::i8: return gather_labels<T, int8_t>(X, rows, off, on, n_labels, out, stride);
      case Kind::i16: return gather_labels<T, int16_t>(X, rows, off, on, n_labels, out, stride);
      case Kind::i32: return gather_labels<T, int32_t>(X, rows, off, on, n_labels, out, stride);
      case Kind::i64: return gather_labels<T, int64_t>(X, rows, off, on, n_labels, out, stride);
      case Kind::u16: return gather_labels<T, uint16_t>(X, rows, off, on, n_labels, out, stride);
      case Kind::u32: return gather_labels<T, uint32_t>(X, rows, off, on, n_labels, out, stride);
      case Kind::u64: return gather_labels<T, uint64_t>(X, rows, off, on, n_labels, out, stride);
      default: return 0;
    }
  }
  alignas(64) T zeros[PANEL] = {}, ones[PANEL];
  for (T& one : ones) one = 1;
  const T largest = elementary<vec<T>>::largest;
  const bool from_zero = check == Check::probability || check == Check::non_negative;
  const Standard<T> standard{from_zero ? 0 : -largest, check == Check::probability ? 1 : largest,
                             shift ? shift : zeros,    scale ? scale : ones,
                             shift ? PANEL : 0,        scale ? PANEL : 0};
  const int64_t bad = gather_values(X, rows, standard, out, stride);
  if (check != Check::positive && check != Check::sign) return bad;
  const int64_t refused = first_refused(check, out, stride, bad < 0 ? rows.count : bad, X.columns);
  return refused >= 0 ? refused : bad;
}
