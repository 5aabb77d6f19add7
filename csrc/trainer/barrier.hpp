// SPDX-License-Identifier: BSD-3-Clause
// A barrier for the threads of one region: spins for some microseconds, then sleeps. libgomp's spins
// for milliseconds, so that a thread whose core is taken by another program keeps its neighbour's core
// busy too, and never gets it: with one such program beside two threads a step took 3 to 70 times as
// long as here (benchmarks/training.py). Waits in a quiet machine end while spinning, at libgomp's speed.
#pragma once
#include <atomic>
#include <cstdint>

class Barrier {
 public:
  // Before the first wait, by one thread, seen by all.
  void expect(int threads) { threads_ = uint32_t(threads); }

  void wait() {
    if (threads_ == 1) return;
    const uint32_t round = round_.load(std::memory_order_relaxed);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == threads_) {
      arrived_.store(0, std::memory_order_relaxed);
      // Sequentially consistent: notify_all must not look for sleepers before the store is seen.
      round_.store(round + 1);
      round_.notify_all();
      return;
    }
    for (int spin = 0; spin < 2000; spin++) {
      if (round_.load(std::memory_order_acquire) != round) return;
      pause();
    }
    while (round_.load(std::memory_order_acquire) == round) round_.wait(round, std::memory_order_acquire);
  }

 private:
  static void pause() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
  }

  uint32_t threads_ = 1;
  alignas(64) std::atomic<uint32_t> arrived_{0};
  alignas(64) std::atomic<uint32_t> round_{0};
};
