// SPDX-License-Identifier: BSD-3-Clause
#include "trainer/probe.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>

#include "trainer/threads.hpp"

namespace {
using Clock = std::chrono::steady_clock;

double since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

constexpr double RUN_SECONDS = 3e-3;  // long beside a fork, short beside a turn of the scheduler
}  // namespace

template <class T> double fma_peak(const Kernels<T>& kernels, int n_threads, double seconds, Watch& watch) {
  const Clock::time_point start = Clock::now();
  double best = 0, flops;
  int64_t n = 1000;
  do {
    flops = 0;
    double begin = HUGE_VAL;
    // The earliest thread's start: with more threads than cores some come when others are done.
#pragma omp parallel num_threads(n_threads) reduction(+ : flops) reduction(min : begin)
    {
#pragma omp barrier
      begin = since(start);
      flops += kernels.fma_chains(n);
    }
    best = std::max(best, flops / (since(start) - begin));
    if (flops < best * RUN_SECONDS) n *= 2;
    watch.tick(true, flops);
  } while (!watch.stopped() && (flops < best * RUN_SECONDS || since(start) < seconds));
  return best;
}

double core_latency(double seconds) {
  if (default_threads() < 2) return NAN;
  alignas(128) std::atomic<int64_t> passes{0};
  const Clock::time_point start = Clock::now();
  // Two threads increment in turn. They may share a core after all: who waits long looks at the clock.
#pragma omp parallel for num_threads(2) schedule(static, 1)
  for (int64_t me = 0; me < 2; me++) {
    bool late = false;
    for (int64_t turn = me; !late; turn += 2) {
      for (int64_t spins = 1; !late && passes.load() != turn; spins++)
        late = spins % 4096 == 0 && since(start) > seconds;
      if (!late) passes.store(turn + 1);
      late |= turn % 1024 < 2 && since(start) > seconds;
    }
  }
  const int64_t n = passes.load();
  return n > 2 ? since(start) / double(n) : NAN;  // 2: there was one thread after all
}

template double fma_peak(const Kernels<float>&, int, double, Watch&);
template double fma_peak(const Kernels<double>&, int, double, Watch&);
