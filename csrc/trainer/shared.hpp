// SPDX-License-Identifier: BSD-3-Clause
// What threads ask of a network before they touch it: the lock on w, who trains it, whose loss runs on it.
//
// A child of fork() gets all that as it was, but of the threads only the one that forked. So every lock is
// taken before a fork, which leaves w whole, and what other threads had claimed or held is given up in the child.
#pragma once
#include <atomic>
#include <mutex>

// The network is being trained, or a loss of the caller's runs on it.
struct Busy { const char* why = "this network is being trained by another call"; };

class Shared {
 public:
  Shared();
  ~Shared();
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;

  // Who claims: a call, from its thread's stack, or an open epoch, which any thread may end.
  enum Claimant : int { nobody, call, open_epoch };

  // While it lives, nobody else trains the network or changes its weights. Throws Busy if somebody does, or holds.
  class Claim {
   public:
    explicit Claim(Shared& shared, Claimant by = call);
    ~Claim();
    Claim(const Claim&) = delete;
    Claim& operator=(const Claim&) = delete;

   private:
    friend Shared;
    Shared& shared_;
    const Claimant by_;
    Claim* const outer_;
  };

  // While one lives, no claim is granted: a loss of the caller's runs, which shall not train what it judges.
  class Hold {
   public:
    explicit Hold(Shared& shared);
    ~Hold();
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;

   private:
    friend Shared;
    Shared& shared_;
    Hold* const outer_;
  };

 protected:
  std::mutex lock_;

 private:
  static void before_fork();
  static void after_fork();
  static void in_child();

  std::atomic<int> claimed_{nobody};
  std::atomic<int> holds_{0};
  Shared *next_, *previous_ = nullptr;  // of all
};
