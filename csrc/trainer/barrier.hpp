// SPDX-License-Identifier: BSD-3-Clause
// A barrier for the threads of one region that gets along with other programs: it spins, as the awaited
// thread is about to come if it runs at all, and then sleeps.
//
// How long? Whoever sleeps gives its core away for a time slice, milliseconds: two threads that sleep
// whenever the other has lost its core hardly ever run together again. So it spins for longer than
// steps are uneven, some 0.3 ms; not as long as libgomp's, which a core taken for good would feel. But
// if the awaited thread waits for the very core that spins (the scheduler puts both on one when another
// program has the other), every moment is lost, and it sleeps at once. docs/performance.md has figures.
#pragma once
#include <omp.h>
#if defined(__linux__)
#include <sched.h>
#endif

#include <atomic>
#include <cstdint>
#include <vector>

class Barrier {
 public:
  explicit Barrier(int most_threads) : places_(size_t(most_threads)) {}

  void wait() {
    const uint32_t threads = uint32_t(omp_get_num_threads());
    if (threads == 1) return;
    const uint32_t round = round_.load(std::memory_order_relaxed);
    Place& mine = places_[size_t(omp_get_thread_num())];
    mine.core.store(core(), std::memory_order_relaxed);
    mine.rounds.store(round + 1, std::memory_order_relaxed);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == threads) {
      arrived_.store(0, std::memory_order_relaxed);
      // Sequentially consistent: notify_all must not look for sleepers before the store is seen.
      round_.store(round + 1);
      round_.notify_all();
      return;
    }
    for (int spin = 1; spin <= spins; spin++) {
      if (round_.load(std::memory_order_acquire) != round) return;
      if (spin % look == 0 && somebody_needs_my_core(round)) break;
      pause();
    }
    while (round_.load(std::memory_order_acquire) == round) round_.wait(round, std::memory_order_acquire);
  }

 private:
  static constexpr int spins = 20000, look = 250;  // 0.3 ms and 4 us on Zen 4

  // Where a thread was when it came, and to how many rounds it has come.
  struct alignas(64) Place {
    std::atomic<int> core{-1};
    std::atomic<uint32_t> rounds{0};
  };

  bool somebody_needs_my_core(uint32_t round) const {
    const int here = core();
    for (const Place& place : places_)
      if (place.rounds.load(std::memory_order_relaxed) == round && place.core.load(std::memory_order_relaxed) == here &&
          here >= 0)
        return true;
    return false;
  }

  static int core() {
#if defined(__linux__)
    return sched_getcpu();
#else
    return -1;
#endif
  }

  static void pause() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
  }

  std::vector<Place> places_;
  alignas(64) std::atomic<uint32_t> arrived_{0};
  alignas(64) std::atomic<uint32_t> round_{0};
};

// Runs work(thread, threads) on so many threads, or on fewer. One alone opens no region unless it is in somebody's:
// that takes 0.3 us, for memory and for a system call, at which threads that train beside each other meet.
template <class Work> void on_threads(int most, const Work& work) {
  if (most == 1 && !omp_in_parallel()) return work(0, 1);
#pragma omp parallel num_threads(most)
  work(omp_get_thread_num(), omp_get_num_threads());
}
