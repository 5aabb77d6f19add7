// SPDX-License-Identifier: BSD-3-Clause
// Numbers of the caller's kinds into vectors of T: from each kind to T in one rounding, the one that a
// scalar conversion makes.

// IEEE half precision and NumPy's bool, held as their bits.
struct half { uint16_t bits; };
struct boolean { uint8_t byte; };

// n lanes of S, which may make a vector longer or shorter than one of the registers.
template <class S, int N> struct lanes_of { typedef S type __attribute__((vector_size(N * sizeof(S)))); };
template <class S, int N> using lane_vector = typename lanes_of<S, N>::type;

// lanes<T> numbers of S from an address of any alignment. Short integers go by way
// of the next longer: of one step from 8 bits to 32, gcc 12 makes a loop over lanes.
template <class T, class S> struct converted {
  static constexpr int N = lanes<T>;
  static INLINE_MEMBER vec<T> at(const char* p) {
    const auto s = ((const unaligned<lane_vector<S, N>>*)p)->v;
    if constexpr (sizeof(S) >= 4)
      return __builtin_convertvector(s, vec<T>);
    else
      return __builtin_convertvector(
          __builtin_convertvector(__builtin_convertvector(s, lane_vector<int16_t, N>), lane_vector<int32_t, N>),
          vec<T>);
  }
};
template <class T> struct converted<T, uint16_t> {
  static constexpr int N = lanes<T>;
  static INLINE_MEMBER vec<T> at(const char* p) {
    const auto s = ((const unaligned<lane_vector<uint16_t, N>>*)p)->v;
    return __builtin_convertvector(__builtin_convertvector(s, lane_vector<int32_t, N>), vec<T>);
  }
};
template <class T> struct converted<T, boolean> {
  static constexpr int N = lanes<T>;
  static INLINE_MEMBER vec<T> at(const char* p) {
    const auto s = ((const unaligned<lane_vector<uint8_t, N>>*)p)->v;
    const auto words =
        __builtin_convertvector(__builtin_convertvector(s, lane_vector<int16_t, N>), lane_vector<int32_t, N>);
    return __builtin_convertvector((words != 0) & 1, vec<T>);
  }
};
// Exponent and fraction move to their places in a float; a subnormal number gains there an implicit
// 2^-14, which is taken away.
template <class T> struct converted<T, half> {
  static constexpr int N = lanes<T>;
  typedef lane_vector<int32_t, N> words;
  typedef lane_vector<float, N> floats;
  static INLINE_MEMBER vec<T> at(const char* p) {
    const words h = __builtin_convertvector(((const unaligned<lane_vector<uint16_t, N>>*)p)->v, words);
    const words size = (h & 0x7fff) << 13, sign = (h & 0x8000) << 16;
    const words normal = size + (112 << 23), infinite = size | 0x7f800000;
    const words subnormal = (words)((floats)(size + (113 << 23)) - 0x1p-14f);
    const words f = size < 1 << 23 ? subnormal : size < 31 << 23 ? normal : infinite;
    return __builtin_convertvector((floats)(f | sign), vec<T>);
  }
};

// The first n of lanes<T> numbers of S, zeros after them; nothing behind them is read.
template <class T, class S> INLINE vec<T> converted_first(const char* p, int n) {
  constexpr int bytes = lanes<T> * int(sizeof(S));
  alignas(64) char s[bytes < 64 ? 64 : bytes];
#if defined(__AVX512F__)
  for (int at = 0; at < bytes; at += 64) {
    const int rest = n * int(sizeof(S)) - at;
    const __mmask64 mask = rest >= 64 ? ~0ull : rest > 0 ? (1ull << rest) - 1 : 0;
    _mm512_store_si512(s + at, _mm512_maskz_loadu_epi8(mask, p + at));
  }
#else
  for (int l = 0; l < lanes<T>; l++) {
    S value{};
    if (l < n) __builtin_memcpy(&value, p + l * sizeof(S), sizeof(S));
    __builtin_memcpy(s + l * sizeof(S), &value, sizeof(S));
  }
#endif
  return converted<T, S>::at(s);
}

// What happens to every number on its way. Bounds that all finite numbers keep, a shift of 0 and a scale of 1
// change no bit and cost less than asking whether to apply them.
template <class T> struct Standard {
  T low, high;
  const T *shift, *scale;
  ptrdiff_t shift_step, scale_step;  // from panel to panel: 0 where one panel serves all
};

// How many rows ahead memory is asked for: of short rows more are under way at a time.
constexpr int AHEAD = 8;
INLINE int rows_ahead(int64_t bytes) { return bytes > 512 ? 2 : bytes > 256 ? 4 : AHEAD; }

// `columns` consecutive numbers of S from each of some rows; returns the first bad row, or `rows`. `from`
// goes on for AHEAD rows that will be wanted next. Asking memory for them shortens this, for shuffled rows: 784
// numbers, 30 000 rows, 326 to 113 ns (uint8), 467 to 335 (float32); 28 numbers,
// 1 000 000 rows, with Y, 53 to 44 ns (float32), 75 to 59 (float64).
template <class T, class S>
__attribute__((noinline)) int convert_rows(const char* const* from, int rows, const Standard<T>& standard, int columns,
                                           T* out, ptrdiff_t stride) noexcept {
  constexpr int L = lanes<T>;
  const vec<T> low = splat<vec<T>>(standard.low), high = splat<vec<T>>(standard.high);
  const int distance = rows_ahead(int64_t(columns) * int64_t(sizeof(S)));
  for (int r = 0; r < rows; r++) {
    const char *p = from[r], *ahead = from[r + distance];
    const T *shift = standard.shift, *scale = standard.scale;
    T* to = out + r * PANEL;
    ivec<T> bad{};
    const auto finish = [&](vec<T> x, int c) {
      bad |= ~((x >= low) & (x <= high));
      store(to + c, (x - load(shift + c)) * load(scale + c));
    };
    int left = columns;
    for (; left >= PANEL; left -= PANEL) {
      for (size_t i = 0; i < PANEL * sizeof(S); i += 64) __builtin_prefetch(ahead + i);
#pragma GCC unroll 4
      for (int c = 0; c < PANEL; c += L) finish(converted<T, S>::at(p + c * sizeof(S)), c);
      p += PANEL * sizeof(S), ahead += PANEL * sizeof(S), to += stride;
      shift += standard.shift_step, scale += standard.scale_step;
    }
    int c = 0;
    for (size_t i = 0; i < left * sizeof(S); i += 64) __builtin_prefetch(ahead + i);
    if (left) __builtin_prefetch(ahead + left * sizeof(S) - 1);
    for (; c + L <= left; c += L) finish(converted<T, S>::at(p + c * sizeof(S)), c);
    if (c < left) finish(converted_first<T, S>(p + c * sizeof(S), left - c), c);
    if (nonzero((vec<T>)bad)) return r;
  }
  return rows;
}

template <class T> using Convert = int (*)(const char* const*, int, const Standard<T>&, int, T*, ptrdiff_t) noexcept;
template <class T> struct converters {
  static constexpr Convert<T> of_kind[] = {
      convert_rows<T, boolean>,  convert_rows<T, int8_t>,  convert_rows<T, int16_t>,  convert_rows<T, int32_t>,
      convert_rows<T, int64_t>,  convert_rows<T, uint8_t>, convert_rows<T, uint16_t>, convert_rows<T, uint32_t>,
      convert_rows<T, uint64_t>, convert_rows<T, half>,    convert_rows<T, float>,    convert_rows<T, double>};
};
constexpr int size_of_kind[] = {1, 1, 2, 4, 8, 1, 2, 4, 8, 2, 4, 8};
