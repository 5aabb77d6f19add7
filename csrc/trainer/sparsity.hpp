// SPDX-License-Identifier: BSD-3-Clause
// A trainer's penalty on the outputs of one hidden layer. l1 is a part of each row's loss. kl speaks of
// the mean over the batch, so that no row's delta is known before all rows went forward.
#pragma once
#include <algorithm>
#include <stdexcept>

#include "kernels/dispatch.hpp"
#include "trainer/buffer.hpp"
#include "trainer/shape.hpp"

struct SparsitySettings {
  int layer = 0;  // 0: none
  Sparsity kind = Sparsity::l1;
  double weight = 0, target = 0;
};

template <class T> class SparseLayer {
 public:
  // Throws std::invalid_argument for a layer that is not hidden.
  SparseLayer(const Shape& shape, const SparsitySettings& the_settings) : settings(the_settings) {
    if (!settings.layer) return;
    if (settings.layer < 0 || settings.layer >= shape.depth())
      throw std::invalid_argument("sparsity: layer " + std::to_string(settings.layer) + " is not hidden");
    units_ = shape.sizes[size_t(settings.layer)];
    if (!couples_rows()) return;
    for (Buffer<T>* buffer : {&total_, &pull_, &kl_}) *buffer = Buffer<T>(size_t(panels()) * PANEL);
  }

  const SparsitySettings settings;

  bool on(int layer) const { return settings.layer == layer; }  // for layers from 1 on
  bool by_row() const { return settings.layer && settings.kind == Sparsity::l1; }
  bool couples_rows() const { return settings.layer && settings.kind == Sparsity::kl; }
  int panels() const { return panels_of(units_); }
  const T* pull() const { return pull_.data(); }  // null for l1

  // One panel's columns over rows of a chunk, with weights s or null; after the last chunk of a batch whose
  // weights sum to n (unweighted: of n rows), the pull.
  void add_columns(const Kernels<T>& kernels, int panel, const T* o, int64_t rows, const T* s, bool first,
                   double n_if_last) {
    T* total = total_.data() + panel * PANEL;
    if (first) std::fill(total, total + PANEL, T(0));
    kernels.add_columns(o, rows, s, total);
    if (n_if_last > 0)
      kernels.divergence({total, pull_.data() + panel * PANEL, kl_.data() + panel * PANEL, T(1 / n_if_last),
                          T(settings.weight), T(settings.target)});
  }

  // P of a batch whose weights sum to n and whose losses are divided by s.
  double divergence(double n, double s) const {
    double sum = 0;
    for (int j = 0; j < units_; j++) sum += double(kl_.data()[j]);
    return settings.weight * sum * (n / s);
  }

 private:
  int units_ = 1;
  Buffer<T> total_, pull_, kl_;  // [panels][PANEL]
};
