// SPDX-License-Identifier: BSD-3-Clause
// What follows an epoch's last step: the weights are judged, enter an average of epochs, and become the
// network's. Included by trainer.cpp alone.
#pragma once
#include "trainer/barrier.hpp"
#include "trainer/trainer.hpp"

// What the threads share.
template <class T> struct Trainer<T>::EndOfEpoch {
  Trainer& trainer;
  const Kernels<T>& kernels;
  const int shares;
  std::atomic<bool> unfit{false};  // some weight is not finite

  // w and the slots as the caller sees them; the lock keeps a prediction from a torn w.
  void run(int thread, int threads, Barrier& barrier) {
    const bool leader = thread == 0;
    Average<T>& average = trainer.average;
    const int64_t epoch = trainer.epochs + 1;
    trainer.phases.enter(Phase::finish);
    for (int share = thread; share < shares; share += threads) {
      if (!trainer.finite(share, shares)) unfit = true;
      if (average.after_epoch(epoch))
        trainer.average_blocks(trainer.blocks_[size_t(share)], average.share_of_epoch(epoch), kernels);
    }
    barrier.wait();
    if (unfit) return;
    if (leader) trainer.network->lock();
    barrier.wait();
    for (int share = thread; share < shares; share += threads) trainer.commit(share, shares);
    barrier.wait();
    if (leader) trainer.seen_version_ = trainer.network->unlock_written();
  }
};

template <class T>
void Trainer<T>::average_blocks(const std::vector<Block>& blocks, T weight, const Kernels<T>& kernels) {
  for (const Block& block : blocks) {
    const LayerShape& layer = network->shape.layers[size_t(block.layer)];
    const int64_t panel = layer.packed_offset + block.p * layer.panel_size();
    const auto rows = [&](int64_t begin, int64_t end) {
      const int64_t at = panel + begin * PANEL;
      kernels.average(average.packed.data() + at, packed_.data() + at, (end - begin) * PANEL, weight);
    };
    rows(block.i_begin, block.i_end);
    if (block.bias) rows(layer.in, layer.panel_size() / PANEL);
  }
}
