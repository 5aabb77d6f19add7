// SPDX-License-Identifier: BSD-3-Clause
// Where the time of an epoch goes, per thread, for whoever asks (docs/performance.md). Off, a mark is
// one branch; on, one look at the clock: what follows it belongs to its phase until the next mark.
#pragma once
#include <omp.h>

#include <array>
#include <chrono>
#include <iterator>
#include <vector>

enum class Phase { start, gather, forward, output, backward, weights, wait, finish };
constexpr const char* phase_names[] = {"start", "gather", "forward", "output", "backward", "weights", "wait", "finish"};
constexpr size_t n_phases = std::size(phase_names);

class Phases {
 public:
  bool on() const { return on_; }
  void switch_to(bool on) { *this = Phases(), on_ = on; }

  // Around one region of so many threads, by the thread that opens it.
  void begin(int threads) {
    if (!on_) return;
    if (threads_.size() < size_t(threads)) threads_.resize(size_t(threads));
    began_ = Clock::now(), began_tick_ = ticks();
    for (Thread& thread : threads_) thread.since = began_tick_, thread.phase = Phase::start;
  }
  void end() {
    if (!on_) return;
    const int64_t now = ticks();
    for (Thread& thread : threads_)
      if (thread.phase != Phase::start) thread.enter(Phase::start, now);  // else it was not in the region
    seconds_ += std::chrono::duration<double>(Clock::now() - began_).count();
    ticks_ += double(now - began_tick_);
  }

  // By a thread of the region.
  void enter(Phase phase) {
    if (on_) threads_[size_t(omp_get_thread_num())].enter(phase, ticks());
  }

  int threads() const { return int(threads_.size()); }
  double seconds(int thread, size_t phase) const {
    return ticks_ > 0 ? double(threads_[size_t(thread)].spent[phase]) * (seconds_ / ticks_) : 0;
  }

 private:
  using Clock = std::chrono::steady_clock;

  // The bare counter: the clock's call costs several times as much, which a step of some microseconds
  // would feel.
  static int64_t ticks() {
#if defined(__x86_64__)
    return int64_t(__builtin_ia32_rdtsc());
#else
    return Clock::now().time_since_epoch().count();
#endif
  }

  struct alignas(64) Thread {
    int64_t since = 0;
    Phase phase = Phase::start;
    std::array<int64_t, n_phases> spent{};

    void enter(Phase next, int64_t now) {
      spent[size_t(phase)] += now - since;
      since = now;
      phase = next;
    }
  };

  bool on_ = false;
  std::vector<Thread> threads_;
  Clock::time_point began_;
  int64_t began_tick_ = 0;
  double seconds_ = 0, ticks_ = 0;  // of all regions: a tick's length
};
