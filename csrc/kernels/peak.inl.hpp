// SPDX-License-Identifier: BSD-3-Clause
// The yardstick of speed: fused multiply-adds that wait for nothing and touch no memory.
// Enough independent chains to fill the pipes (two or four with a latency of 4), few enough for the
// registers: 16 and 12.

#if VEC_BYTES == 32 || (VEC_BYTES == 16 && defined(__x86_64__))
constexpr int FMA_CHAINS = 12;
#else
constexpr int FMA_CHAINS = 16;
#endif

// n links of every chain; returns the floating-point operations done.
template <class T> double fma_chains(int64_t n) noexcept {
  vec<T> chain[FMA_CHAINS] = {}, half = splat<vec<T>>(T(0.5)), one = splat<vec<T>>(T(1));
  __asm__ volatile("" : "+m"(half), "+m"(one));  // numbers that the compiler doesn't know
  for (int64_t i = 0; i < n; i++) {
#pragma GCC unroll 16
    for (int c = 0; c < FMA_CHAINS; c++) chain[c] = fma(chain[c], half, one);  // tends to 2
  }
  __asm__ volatile("" : : "m"(chain));
  return double(n) * FMA_CHAINS * lanes<T> * 2;
}
