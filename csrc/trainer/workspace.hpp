// SPDX-License-Identifier: BSD-3-Clause
// The panels of one chunk of rows: o of every layer, delta of every layer after the input, Y and L_i.
#pragma once
#include <algorithm>
#include <vector>

#include "trainer/buffer.hpp"
#include "trainer/shape.hpp"

template <class T> struct Workspace {
  int64_t capacity = 0;  // rows
  ptrdiff_t stride = 0;  // elements from panel to panel
  std::vector<T*> o, delta;
  T *Y = nullptr, *row_loss = nullptr;

  Workspace() = default;

  // Forward alone alternates between two layers' room. Training has no use for delta[0].
  enum Purpose { forward, training, gradient_of_input };

  Workspace(const Shape& shape, int64_t rows, Purpose purpose) : capacity(rows), stride(rows * PANEL) {
    const size_t layers = shape.sizes.size();
    std::vector<size_t> room(layers);
    for (size_t k = 0; k < layers; k++) room[k] = size_t(panels_of(shape.sizes[k])) * size_t(stride);
    o.assign(layers, nullptr);
    delta.assign(layers, nullptr);
    if (purpose == forward) {
      const size_t widest = *std::max_element(room.begin(), room.end());
      memory_ = Buffer<T>(2 * widest);
      for (size_t k = 0; k < layers; k++) o[k] = memory_.data() + (k % 2) * widest;
      return;
    }
    size_t total = room.back() + size_t(stride);
    for (size_t k = 0; k < layers; k++) total += 2 * room[k];
    memory_ = Buffer<T>(total);
    T* next = memory_.data();
    const auto take = [&next](size_t n) { return (next += n) - n; };
    for (size_t k = 0; k < layers; k++) {
      o[k] = take(room[k]);
      if (k || purpose == gradient_of_input) delta[k] = take(room[k]);
    }
    Y = take(room.back());
    row_loss = take(size_t(stride));
  }

 private:
  Buffer<T> memory_;
};
