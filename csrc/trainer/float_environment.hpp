// SPDX-License-Identifier: BSD-3-Clause
// Default rounding and no flush-to-zero on this thread while it lives: the caller's modes, which a
// worker thread may have inherited, must not change a bit. Restores them at the end. On x86-64 those of
// the x87, too: NumPy's longdouble and BLAS's norms use it, in what Python computes meanwhile.
#pragma once
#include <cstdint>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

class FloatEnvironment {
 public:
  FloatEnvironment() {
#if defined(__x86_64__)
    saved_ = _mm_getcsr();
    x87_ = x87();
    if (x87_ != x87_default) x87(x87_default);
    _mm_setcsr(0x1f80);  // round to nearest, subnormals kept, exceptions masked
#elif defined(__aarch64__)
    asm volatile("mrs %0, fpcr" : "=r"(saved_));
    asm volatile("msr fpcr, %0" : : "r"(uint64_t(0)));
#endif
  }
  ~FloatEnvironment() {
#if defined(__x86_64__)
    _mm_setcsr(saved_);
    if (x87() != x87_) x87(x87_);
#elif defined(__aarch64__)
    asm volatile("msr fpcr, %0" : : "r"(saved_));
#endif
  }
  FloatEnvironment(const FloatEnvironment&) = delete;
  FloatEnvironment& operator=(const FloatEnvironment&) = delete;

 private:
#if defined(__x86_64__)
  static constexpr uint16_t x87_default = 0x037f;  // nearest, 64 bits, exceptions masked
  static uint16_t x87() {
    uint16_t word;
    asm volatile("fnstcw %0" : "=m"(word));
    return word;
  }
  // Without the flags that are up: the caller may have asked for a trap.
  static void x87(uint16_t word) { asm volatile("fnclex\n\tfldcw %0" : : "m"(word)); }
  unsigned saved_;
  uint16_t x87_;
#else
  uint64_t saved_ = 0;
#endif
};
