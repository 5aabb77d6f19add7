// SPDX-License-Identifier: BSD-3-Clause
// Whether to go on: the leading thread asks the caller about every 50 ms (Ctrl-C), everyone may look.
// `tick` is called after each piece of work; the clock is read only after enough of it.
#pragma once
#include <atomic>
#include <chrono>
#include <functional>

class Watch {
 public:
  explicit Watch(std::function<bool()> interrupted = {}) : interrupted_(std::move(interrupted)) {}

  bool stopped() const { return stopped_.load(std::memory_order_relaxed); }
  void stop() { stopped_.store(true, std::memory_order_relaxed); }

  void tick(bool leader, double flops) {
    // A call costs something whatever it does: a barrier on a busy machine is worth a MFLOP.
    if (!leader || !interrupted_ || (work_ += flops + 1e6) < 5e7) return;
    work_ = 0;
    const Clock::time_point now = Clock::now();
    if (asked_ == Clock::time_point{}) asked_ = now;
    if (now - asked_ < std::chrono::milliseconds(50)) return;
    asked_ = now;
    if (interrupted_()) stop();
  }

 private:
  using Clock = std::chrono::steady_clock;
  std::function<bool()> interrupted_;
  std::atomic<bool> stopped_{false};
  double work_ = 0;
  Clock::time_point asked_{};  // from the first look on: short calls never read the clock
};
