// SPDX-License-Identifier: BSD-3-Clause
// The panels of one chunk of rows: o of every layer, delta of every layer after the input, what layers keep
// for the way back, Y; L_i and s_i.
#pragma once
#include <algorithm>
#include <vector>

#include "trainer/buffer.hpp"
#include "trainer/shape.hpp"

template <class T> struct Workspace {
  int64_t capacity = 0;  // rows
  ptrdiff_t stride = 0;  // elements from panel to panel
  std::vector<T*> o, delta;
  std::vector<Kept<T>> kept;  // by layer; whatever is null is not asked for
  T *Y = nullptr, *row_loss = nullptr, *s = nullptr;

  Workspace() = default;

  // Training has no use for delta[0].
  enum Purpose { training, gradient_of_input };

  // Forward alone alternates between two layers' room, which lies in `memory` if there is some.
  Workspace(const Shape& shape, int64_t rows, T* memory)
      : capacity(rows), stride(rows * PANEL), o(shape.sizes.size()), kept(o.size()) {
    const size_t size = forward_size(shape, rows);
    if (!memory) memory = (memory_ = Buffer<T>(size)).data();
    for (size_t k = 0; k < o.size(); k++) o[k] = memory + (k % 2) * (size / 2);
  }

  static size_t forward_size(const Shape& shape, int64_t rows) {
    const int widest = *std::max_element(shape.sizes.begin(), shape.sizes.end());
    return 2 * size_t(panels_of(widest)) * size_t(rows) * PANEL;
  }

  // `slopes`: layers that keep one although f' could come from o; none where it is shorter.
  Workspace(const Shape& shape, int64_t rows, Purpose purpose, const std::vector<bool>& slopes = {})
      : capacity(rows), stride(rows * PANEL) {
    const size_t layers = shape.sizes.size();
    std::vector<size_t> room(layers);
    for (size_t k = 0; k < layers; k++) room[k] = size_t(panels_of(shape.sizes[k])) * size_t(stride);
    o.assign(layers, nullptr);
    delta.assign(layers, nullptr);
    const auto layer = [&](size_t k) -> const LayerShape& { return shape.layers[k - 1]; };
    const auto keeps = [&](size_t k) {
      return k && ((k < slopes.size() && slopes[k]) || !from_output(layer(k).activation));
    };
    kept.assign(layers, {});
    const size_t numbers = (size_t(rows) + PANEL - 1) / PANEL * PANEL;  // one each row
    const size_t targets = size_t(panels_of(shape.targets())) * size_t(stride);
    size_t total = targets + size_t(stride) + numbers;
    for (size_t k = 0; k < layers; k++) total += (2 + (keeps(k) ? 1 + layer(k).learned() : 0)) * room[k];
    memory_ = Buffer<T>(total);
    T* next = memory_.data();
    const auto take = [&next](size_t n) { return (next += n) - n; };
    for (size_t k = 0; k < layers; k++) {
      o[k] = take(room[k]);
      if (k || purpose == gradient_of_input) delta[k] = take(room[k]);
      if (!keeps(k)) continue;
      kept[k].slope = take(room[k]);
      if (layer(k).learned()) kept[k].influence = take(room[k]);
    }
    Y = take(targets);
    row_loss = take(size_t(stride));
    s = take(numbers);
  }

 private:
  Buffer<T> memory_;
};
