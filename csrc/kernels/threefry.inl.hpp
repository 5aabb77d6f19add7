// SPDX-License-Identifier: BSD-3-Clause
// Threefry-2x32 with 13 rounds (Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3; SC 2011):
// 64 random bits as a function of a key and a counter, so that they depend on nothing but whom they are for.
// The counter is a row and a place: words b and b + 16 of panel p come from the counter (row mod 2^32,
// 16 p + b + 2^24 (row div 2^32)).

typedef uint32_t u32v __attribute__((vector_size(VEC_BYTES), may_alias));
INLINE u32v splat_u32(uint32_t s) { return s - u32v{}; }

template <int BITS> INLINE u32v rotate(u32v x) { return x << BITS | x >> (32 - BITS); }

template <int ROUND> INLINE void threefry_rounds(const u32v (&key)[3], u32v& x, u32v& y) {
  constexpr int rotations[] = {13, 15, 26, 6, 17, 29, 16, 24};
  if constexpr (ROUND < 13) {
    x = x + y;
    y = rotate<rotations[ROUND % 8]>(y) ^ x;
    if constexpr (ROUND % 4 == 3) {
      constexpr int turn = ROUND / 4 + 1;
      x = x + key[turn % 3];
      y = y + (key[(turn + 1) % 3] + splat_u32(turn));
    }
    threefry_rounds<ROUND + 1>(key, x, y);
  }
}

// The words of one panel for some rows: out[row][PANEL].
__attribute__((noinline)) void random_words(const uint32_t* key, const int64_t* row, int rows, int panel,
                                            uint32_t* out) noexcept {
  constexpr int L = VEC_BYTES / 4, HALF = PANEL / 2;
  const u32v keys[] = {splat_u32(key[0]), splat_u32(key[1]), splat_u32(0x1BD11BDA ^ key[0] ^ key[1])};
  u32v lane{};
  for (int l = 0; l < L; l++) lane[l] = uint32_t(l);
  for (int r = 0; r < rows; r++, out += PANEL)
    for (int b = 0; b < HALF; b += L) {
      u32v x = splat_u32(uint32_t(row[r])) + keys[0];
      u32v y = lane +
               splat_u32(uint32_t(HALF) * uint32_t(panel) + uint32_t(b) + (uint32_t(uint64_t(row[r]) >> 32) << 24)) +
               keys[1];
      threefry_rounds<0>(keys, x, y);
      *(u32v*)(out + b) = x;
      *(u32v*)(out + HALF + b) = y;
    }
}
