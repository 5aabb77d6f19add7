// SPDX-License-Identifier: BSD-3-Clause
// A loss that the caller computes, a whole batch at a time, on the thread that called: what the trainer asks
// of it, and the memory between them.
#pragma once
#include "kernels/table.hpp"
#include "trainer/buffer.hpp"

// The function failed and keeps its error for whoever called.
struct LossFailed {};

template <class T> class LossFunction {
 public:
  virtual ~LossFunction() = default;
  // L_i and dL_i/dy_hat of these rows of the caller's arrays, from y_hat, (rows, K) row by row.
  // False: it failed. Called inside a parallel region, so it throws nothing.
  virtual bool compute(const Selection& rows, const T* y_hat, T* losses, T* derivative) noexcept = 0;
};

// One batch's outputs and what comes back, from its first row on.
template <class T> struct GivenLoss {
  LossFunction<T>* function = nullptr;  // null: the loss is a kernel's
  Buffer<T> y_hat{}, derivative{}, losses{};
  int64_t begin = 0;  // the batch's place in the order

  explicit operator bool() const { return function != nullptr; }

  void reserve(int64_t rows, int outputs) {
    if (losses.size() >= size_t(rows)) return;
    y_hat = Buffer<T>(size_t(rows) * size_t(outputs));
    derivative = Buffer<T>(size_t(rows) * size_t(outputs));
    losses = Buffer<T>(size_t(rows));
  }
  bool compute(const Selection& rows) {
    return function->compute(rows, y_hat.data(), losses.data(), derivative.data());
  }
};
