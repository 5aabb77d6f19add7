// SPDX-License-Identifier: BSD-3-Clause
// Ends the calls of threads that signals do not reach: one thread raises the flag, others obey it.
#pragma once
#include <atomic>
#include <memory>

class StopFlag {
 public:
  void raise() { raised_.store(true, std::memory_order_relaxed); }
  bool raised() const { return raised_.load(std::memory_order_relaxed); }

  // From now on every call of this thread asks `flag`; null: none does.
  static void obey(std::shared_ptr<const StopFlag> flag);
  // Whether this thread obeys a flag that is raised.
  static bool told() noexcept;

 private:
  std::atomic<bool> raised_{false};
};
