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

// IEEE half precision, held as its bits.
struct half { uint16_t bits; };

INLINE float to_float(half h) {
  const uint32_t sign = uint32_t(h.bits & 0x8000) << 16, exponent = (h.bits >> 10) & 31, fraction = h.bits & 1023;
  if (exponent == 0) {
    const float magnitude = float(fraction) * 0x1p-24f;
    return sign ? -magnitude : magnitude;
  }
  const uint32_t bits = sign | (exponent == 31 ? 0x7f800000u : (exponent + 112) << 23) | fraction << 13;
  float f;
  __builtin_memcpy(&f, &bits, sizeof f);
  return f;
}

struct boolean { uint8_t byte; };

template <class T, class S> INLINE T convert(S s) { return T(s); }
template <class T> INLINE T convert(half h) { return T(to_float(h)); }
template <class T> INLINE T convert(boolean b) { return T(b.byte != 0); }

// One row of any strides and byte order into `row`, PANEL columns per panel.
template <class T, class S> INLINE void read_row(const Rows& X, const char* p, T* row, ptrdiff_t stride) {
  for (int c0 = 0; c0 < X.columns; c0 += PANEL, row += stride) {
    const int n = X.columns - c0 < PANEL ? X.columns - c0 : PANEL;
    if (X.swapped)
      for (int c = 0; c < n; c++, p += X.column_stride) row[c] = convert<T>(read_swapped<S>(p));
    else if (X.column_stride == ptrdiff_t(sizeof(S)) && n == PANEL)  // a count that the compiler knows: vectors
      for (int c = 0; c < PANEL; c++, p += sizeof(S)) row[c] = convert<T>(read_native<S>(p));
    else
      for (int c = 0; c < n; c++, p += X.column_stride) row[c] = convert<T>(read_native<S>(p));
  }
}

// Judges one row and standardises it: x 0 is NaN for NaN and infinity alone, so one fma gathers the verdict.
template <class T>
INLINE bool finish_row(T* row, ptrdiff_t stride, int columns, const T* shift, const T* scale, bool probability) {
  vec<T> verdict{};
  along_row<T>(columns, stride, [&](int column, ptrdiff_t at, ivec<T> live) {
    vec<T> x = select(live, load(row + at), vec<T>{});
    verdict = fma(x, vec<T>{}, verdict);
    if (probability)
      verdict = select((x < vec<T>{}) | (x > splat<vec<T>>(1)), splat<vec<T>>(T(__builtin_nan(""))), verdict);
    if (shift) x = x - load(shift + column);
    if (scale) x = x * load(scale + column);
    store(row + at, x);
  });
  return all_zero(verdict);
}

template <class T, class S>
INLINE int64_t gather_values(const Rows& X, const Selection& rows, const T* shift, const T* scale, bool probability,
                             T* out, ptrdiff_t stride) {
  for (int64_t r = 0; r < rows.count; r++) {
    const int64_t i = rows.order ? rows.order[r] : rows.first + r;
    T* row = out + r * PANEL;
    read_row<T, S>(X, X.data + i * X.row_stride, row, stride);
    if (!finish_row(row, stride, X.columns, shift, scale, probability)) return r;
  }
  return -1;
}

// Integer class labels become one-hot rows: to every kernel a label is its one-hot target.
template <class T, class S>
INLINE int64_t gather_labels(const Rows& X, const Selection& rows, int n_labels, T* out, ptrdiff_t stride) {
  for (int64_t r = 0; r < rows.count; r++) {
    const char* p = X.data + (rows.order ? rows.order[r] : rows.first + r) * X.row_stride;
    const S label = X.swapped ? read_swapped<S>(p) : read_native<S>(p);
    if (label < 0 || uint64_t(label) >= uint64_t(n_labels)) return r;
    T* row = out + r * PANEL;
    for (int c = 0; c < n_labels; c += PANEL)
      for (int l = 0; l < PANEL; l += lanes<T>) store(row + c / PANEL * stride + l, vec<T>{});
    row[ptrdiff_t(label) / PANEL * stride + ptrdiff_t(label) % PANEL] = 1;
  }
  return -1;
}

template <class T>
int64_t gather(const Rows& X, const Selection& rows, const T* shift, const T* scale, Check check, int n_labels, T* out,
               ptrdiff_t stride) noexcept {
  if (check == Check::label) {
    switch (X.kind) {
      case Kind::b:
      case Kind::u8: return gather_labels<T, uint8_t>(X, rows, n_labels, out, stride);
      case Kind::i8: return gather_labels<T, int8_t>(X, rows, n_labels, out, stride);
      case Kind::i16: return gather_labels<T, int16_t>(X, rows, n_labels, out, stride);
      case Kind::i32: return gather_labels<T, int32_t>(X, rows, n_labels, out, stride);
      case Kind::i64: return gather_labels<T, int64_t>(X, rows, n_labels, out, stride);
      case Kind::u16: return gather_labels<T, uint16_t>(X, rows, n_labels, out, stride);
      case Kind::u32: return gather_labels<T, uint32_t>(X, rows, n_labels, out, stride);
      case Kind::u64: return gather_labels<T, uint64_t>(X, rows, n_labels, out, stride);
      default: return 0;
    }
  }
  const bool p = check == Check::probability;
  switch (X.kind) {
    case Kind::b: return gather_values<T, boolean>(X, rows, shift, scale, p, out, stride);
    case Kind::i8: return gather_values<T, int8_t>(X, rows, shift, scale, p, out, stride);
    case Kind::i16: return gather_values<T, int16_t>(X, rows, shift, scale, p, out, stride);
    case Kind::i32: return gather_values<T, int32_t>(X, rows, shift, scale, p, out, stride);
    case Kind::i64: return gather_values<T, int64_t>(X, rows, shift, scale, p, out, stride);
    case Kind::u8: return gather_values<T, uint8_t>(X, rows, shift, scale, p, out, stride);
    case Kind::u16: return gather_values<T, uint16_t>(X, rows, shift, scale, p, out, stride);
    case Kind::u32: return gather_values<T, uint32_t>(X, rows, shift, scale, p, out, stride);
    case Kind::u64: return gather_values<T, uint64_t>(X, rows, shift, scale, p, out, stride);
    case Kind::f16: return gather_values<T, half>(X, rows, shift, scale, p, out, stride);
    case Kind::f32: return gather_values<T, float>(X, rows, shift, scale, p, out, stride);
    case Kind::f64: return gather_values<T, double>(X, rows, shift, scale, p, out, stride);
  }
  return 0;
}
