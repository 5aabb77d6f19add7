// SPDX-License-Identifier: BSD-3-Clause
#include "trainer/shared.hpp"

#if __has_include(<pthread.h>)
#include <pthread.h>
#endif

namespace {
std::mutex all;  // held for a moment, and while a process forks
Shared* first = nullptr;
// This thread's, the innermost first.
thread_local Shared::Claim* claims = nullptr;
thread_local Shared::Hold* holds = nullptr;
}  // namespace

Shared::Shared() {
  const std::lock_guard<std::mutex> hold(all);
#if __has_include(<pthread.h>)
  // Within fork() itself: a hook of Python's could lose the GIL to a thread that waits for one of these locks.
  static const int there = pthread_atfork(&before_fork, &after_fork, &in_child);
  (void)there;
#endif
  next_ = first;
  if (first) first->previous_ = this;
  first = this;
}

Shared::~Shared() {
  const std::lock_guard<std::mutex> hold(all);
  (previous_ ? previous_->next_ : first) = next_;
  if (next_) next_->previous_ = previous_;
}

// Whoever has one of these locks waits for nothing but its own threads.
void Shared::before_fork() {
  all.lock();
  for (Shared* s = first; s; s = s->next_) s->lock_.lock();
}

void Shared::after_fork() {
  for (Shared* s = first; s; s = s->next_) s->lock_.unlock();
  all.unlock();
}

void Shared::in_child() {
  for (Shared* s = first; s; s = s->next_) {
    if (s->claimed_ == call) s->claimed_ = nobody;
    s->holds_ = 0;
  }
  for (const Claim* c = claims; c; c = c->outer_) c->shared_.claimed_ = call;
  for (const Hold* h = holds; h; h = h->outer_) h->shared_.holds_++;
  after_fork();
}

Shared::Claim::Claim(Shared& shared, Claimant by) : shared_(shared), by_(by), outer_(claims) {
  int before = nobody;
  if (!shared.claimed_.compare_exchange_strong(before, by)) throw Busy{};
  if (shared.holds_) {
    shared.claimed_ = nobody;
    throw Busy{"the loss function of this network is running"};
  }
  if (by == call) claims = this;
}

Shared::Claim::~Claim() {
  if (by_ == call) claims = outer_;
  shared_.claimed_ = nobody;
}

Shared::Hold::Hold(Shared& shared) : shared_(shared), outer_(holds) {
  shared.holds_++;
  holds = this;
}

Shared::Hold::~Hold() {
  holds = outer_;
  shared_.holds_--;
}
