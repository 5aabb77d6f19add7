// SPDX-License-Identifier: BSD-3-Clause
// Who trains an object in here. A context of C++, since a signal's handler may raise before any bytecode of an
// __exit__ in Python has run, and the object would be refused for ever.
#pragma once
#include <mutex>
#include <stdexcept>
#include <string>

class Alone {
 public:
  // process: a fork may come in the middle.
  Alone(int64_t process, int64_t object, const char* kind) : process_(process), object_(object), kind_(kind) {}
  Alone(const Alone&) = delete;
  Alone& operator=(const Alone&) = delete;
  ~Alone() { exit(); }

  void enter() {
    const std::lock_guard<std::mutex> hold(lock);
    for (const Alone* a = first; a; a = a->next_)
      if (a->process_ == process_ && a->object_ == object_)
        throw std::runtime_error(kind_ + ": another call trains it; wait for its end");
    next_ = first;
    first = this;
    entered_ = true;
  }

  void exit() {
    if (!entered_) return;
    const std::lock_guard<std::mutex> hold(lock);
    Alone** to = &first;
    while (*to != this) to = &(*to)->next_;
    *to = next_;
    entered_ = false;
  }

 private:
  static inline std::mutex lock;
  static inline Alone* first = nullptr;

  const int64_t process_, object_;
  const std::string kind_;
  Alone* next_ = nullptr;
  bool entered_ = false;
};
