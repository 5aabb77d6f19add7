// SPDX-License-Identifier: BSD-3-Clause
// An epoch in parts: what lies between them. Included by trainer.cpp alone.
#pragma once
#include <omp.h>

#include <stdexcept>

#include "trainer/end_of_epoch.hpp"
#include "trainer/threads.hpp"

// One call at a time. Throws Busy.
class Turn {
 public:
  explicit Turn(std::atomic<bool>& taken) : taken_(taken) {
    if (taken_.exchange(true)) throw Busy{};
  }
  ~Turn() { taken_ = false; }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  std::atomic<bool>& taken_;
};

template <class T> void Trainer<T>::begin_epoch(bool visible) {
  const Turn turn(in_call_);
  if (open_) throw std::runtime_error("begin_epoch: an epoch is open; end or abandon it first");
  Buffer<T> before;
  {
    const Claim claim(*network);  // nobody trains it now
    if (visible) before = Buffer<T>(size_t(network->shape.n_weights));
    network->read([&](const T* w) { std::copy(w, w + before.size(), before.data()); });
  }
  open_.emplace();
  open_->sums.clock = clock;
  open_->before = std::move(before);
  if (!visible) open_->claim.emplace(*network, Shared::open_epoch);
}

template <class T> double Trainer<T>::part(const Part<T>& rows, Watch& watch) {
  const FloatEnvironment calling_thread;
  const Turn turn(in_call_);
  if (!open_) throw std::runtime_error("part: no epoch is open; begin_epoch comes first");
  if (open_->complete) throw std::runtime_error("part: the one before ended with a short batch; no more may follow");
  std::optional<Claim> claim;
  try {
    if (!open_->claim) claim.emplace(*network);
    open_->sums.last_loss = std::numeric_limits<double>::quiet_NaN();
    train(rows, open_->sums, false, watch);
    if (claim) show();
  } catch (const NoWeight&) {  // of these rows; whether of all, the end knows
    open_->weightless = true;
  } catch (...) {
    abandon();
    throw;
  }
  open_->complete = !batch_size || rows.count % batch_size;
  return open_->sums.last_loss;
}

template <class T> double Trainer<T>::end_epoch() {
  const FloatEnvironment calling_thread;
  const Turn turn(in_call_);
  if (!open_) throw std::runtime_error("end_epoch: no epoch is open; begin_epoch comes first");
  try {
    const EpochSums& sums = open_->sums;
    if (!sums.steps && open_->weightless) throw NoWeight{};
    if (!sums.steps) throw std::invalid_argument("end_epoch: no rows in this epoch; expected some");
    std::optional<Claim> claim;
    if (!open_->claim) claim.emplace(*network);
    if (seen_version_ != network->version()) pack(false);
    const int workers = workers_for(shares_);
    phases.begin(workers);
    EndOfEpoch end{*this, kernels_of<T>(table_in_use()), shares_};
    Barrier barrier(workers);
    on_threads(workers, [&](int thread, int threads) { end.run(thread, threads, barrier); });
    phases.end();
    if (end.unfit) throw Diverged{epochs + 1, sums.steps, sums.last_loss};
    clock = sums.clock;
    epochs++;
    const double loss = sums.loss / sums.share;
    open_.reset();
    return loss;
  } catch (...) {
    abandon();
    throw;
  }
}

template <class T> void Trainer<T>::abandon_epoch() {
  const Turn turn(in_call_);
  if (open_) abandon();
}

// packed_ may hold anything.
template <class T> void Trainer<T>::abandon() {
  seen_version_ = 0;
  if (!open_->claim) network->assign(open_->before.data());
  open_.reset();
}

// The weights after these steps as the network's.
template <class T> void Trainer<T>::show() {
  network->lock();
  for (const LayerShape& layer : network->shape.layers)
    unpack(layer, packed_.data(), network->locked_w(), 0, panels_of(layer.out));
  seen_version_ = network->unlock_written();
}
