// SPDX-License-Identifier: BSD-3-Clause
// A running average of the weights, a <- a + share (w - a): of every step's with shares that fade (ema), or
// of some epochs' with equal shares (swa). It lives as the optimizer's slots do. How many weights entered
// follows from the steps or epochs so far; the first share is 1.
#pragma once
#include "trainer/buffer.hpp"
#include "trainer/shape.hpp"

struct AveragingSettings {
  enum Kind { none, ema, swa } kind = none;
  double decay = 0;              // of ema
  int64_t start = 1, every = 1;  // of swa, in epochs
};

template <class T> struct Average {
  const AveragingSettings settings;
  Buffer<T> flat;    // at the end of the last finished epoch, in the order of w
  Buffer<T> packed;  // as it runs

  Average(const Shape& shape, const AveragingSettings& the_settings)
      : settings(the_settings), flat(on() ? size_t(shape.n_weights) : 0) {}

  bool on() const { return settings.kind != AveragingSettings::none; }
  bool after_step() const { return settings.kind == AveragingSettings::ema; }
  bool after_epoch(int64_t epoch) const {
    return settings.kind == AveragingSettings::swa && epoch >= settings.start &&
           (epoch - settings.start) % settings.every == 0;
  }
  T share_of_step(int64_t step) const { return step == 1 ? T(1) : T(1 - settings.decay); }
  T share_of_epoch(int64_t epoch) const { return T(1 / double((epoch - settings.start) / settings.every + 1)); }
  // Whether any weights have entered.
  bool begun(int64_t steps, int64_t epochs) const {
    return after_step() ? steps > 0 : on() && epochs >= settings.start;
  }
};
