// SPDX-License-Identifier: BSD-3-Clause
// The one hook that every allocation of the core goes through: `operator new`, replaced for a process by
// LD_PRELOAD (scripts/fail_allocations.py). Counts blocks, and fails the n-th from now on, whichever thread asks.
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace {
std::atomic<long> to_failure{0}, live{0};

void* allocate(std::size_t size, std::size_t alignment) {
  if (to_failure > 0 && --to_failure == 0) throw std::bad_alloc();
  void* memory = std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment + (size ? 0 : alignment));
  if (!memory) throw std::bad_alloc();
  live++;
  return memory;
}

void release(void* memory) noexcept {
  if (memory) live--;
  std::free(memory);
}
}  // namespace

extern "C" {
// 0: none. Returns how many were still to come before a failure.
long allocations_fail(long nth) { return to_failure.exchange(nth); }
long allocations_live() { return live; }
}

void* operator new(std::size_t size) { return allocate(size, alignof(std::max_align_t)); }
void* operator new(std::size_t size, std::align_val_t alignment) { return allocate(size, std::size_t(alignment)); }
void operator delete(void* memory) noexcept { release(memory); }
void operator delete(void* memory, std::size_t) noexcept { release(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { release(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { release(memory); }
