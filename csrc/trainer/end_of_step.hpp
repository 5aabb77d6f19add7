// SPDX-License-Identifier: BSD-3-Clause
// The parts of a step that no block of weights can take alone: clipping by the norm of the whole gradient,
// which is stored and taken in a pass of its own; the norms of whole units; the average. Each costs a
// barrier where it has to see what other threads wrote. Included by trainer.cpp alone.
#pragma once
#include "trainer/epoch.hpp"

template <class T>
void Trainer<T>::Epoch::end_step(int thread, int threads, Barrier& barrier, const Rule<T>& rule) {
  const auto each_share = [&](auto work) {
    for (int share = thread; share < shares; share += threads) work(share);
  };
  if (trainer.clips()) {
    wait(barrier);
    each_share([&](int share) {
      for (const Block& panel : trainer.panels_[size_t(share)]) {
        const LayerShape& layer = shape().layers[size_t(panel.layer)];
        kernels.unit_squares(trainer.gradient_.data() + layer.packed_offset + panel.p * layer.panel_size(),
                             layer.rows(), trainer.unit_squares_.data() + int64_t(layer.first_panel + panel.p) * PANEL);
      }
    });
    wait(barrier);
    const double norm = gradient_norm(), most = trainer.settings.clip_norm;
    // A norm that is not finite makes NaN of the weights, which is found.
    const T scale = norm <= most ? T(1) : T(most / norm + (norm - norm));
    each_share([&](int share) { clipped_step(share, scale, rule); });
  }
  if (trainer.limits()) {
    wait(barrier);
    each_share([&](int share) { limit_norms(share); });
  }
  each_share([&](int share) { average_step(share, rule); });
}

// Every thread adds up the same numbers: units in the order of w.
template <class T> double Trainer<T>::Epoch::gradient_norm() const {
  double sum = 0;
  for (const LayerShape& layer : shape().layers) {
    const double* q = trainer.unit_squares_.data() + int64_t(layer.first_panel) * PANEL;
    for (int j = 0; j < layer.out; j++) sum += q[j];
  }
  return std::sqrt(sum);
}

// The stored gradient, which has penalties and bounds of its elements in it, passes for totals of which
// the update makes the step.
template <class T> void Trainer<T>::Epoch::clipped_step(int share, T scale, const Rule<T>& rule) {
  BlockTarget<T> to = target();
  to.total = to.gradient;
  to.gradient = nullptr;
  for (const Block& block : trainer.blocks_[size_t(share)]) {
    Update<T> update = rule.update(block.layer);
    update.minus_inverse_s = scale;
    update.penalty = {};
    update.clip = 0;
    kernels.add_blocks(gradient_unit(shape(), trainer.space_, block, {0, 0}, false, true, to), nullptr, 0, 0, update);
  }
}

template <class T> void Trainer<T>::Epoch::limit_norms(int share) {
  BlockTarget<T> to = target();
  to.gradient = nullptr;
  for (const Block& panel : trainer.panels_[size_t(share)])
    if (trainer.settings.moves(panel.layer))
      kernels.limit_norms(gradient_unit(shape(), trainer.space_, panel, {0, 0}, false, true, to),
                          trainer.settings.max_norm);
}

// Of the weights that this share has written last.
template <class T> void Trainer<T>::Epoch::average_step(int share, const Rule<T>& rule) {
  if (!trainer.average.after_step()) return;
  trainer.average_blocks((trainer.limits() ? trainer.panels_ : trainer.blocks_)[size_t(share)],
                         trainer.average.share_of_step(rule.clock().steps), kernels);
}
