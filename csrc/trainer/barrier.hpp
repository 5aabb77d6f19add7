// SPDX-License-Identifier: BSD-3-Clause
// A barrier for the threads of one region: spins for some microseconds, then sleeps. libgomp's spins
// for milliseconds, and so keeps a core busy that the awaited thread could have when another program
// has taken its own. With a busy loop on one of 2 cores, steps of mnist_m and tab_m (benchmarks/) took
// 0.77 and 0.73 of the time they take with libgomp's barrier, those of a 28-64-64-1 network 1.7;
// on a quiet machine, where waits end while spinning, they are equal.
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
