// SPDX-License-Identifier: BSD-3-Clause
// The network's one vector of weights and its packed copy. w is written only under the lock, at the
// end of an epoch or by assignment, so a prediction beside a training sees a whole epoch.
#pragma once
#include <algorithm>
#include <atomic>
#include <limits>
#include <memory>
#include <mutex>
#include <utility>

#include "trainer/buffer.hpp"
#include "trainer/layout.hpp"
#include "trainer/shape.hpp"
#include "trainer/shared.hpp"

template <class T> class Network : public Shared {
 public:
  const Shape shape;
  double loss_limit = std::numeric_limits<double>::infinity();  // of a row's L_i in sums of losses, not in gradients

  // shift, scale: one number per input, or null.
  Network(Shape s, const T* shift, const T* scale)
      : shape(std::move(s)), w_(size_t(shape.n_weights)), shift_(padded(shift)), scale_(padded(scale)) {
    const LossSettings& target = shape.target;
    if (!target.parameter.empty()) {
      loss_parameter_ = Buffer<T>(size_t(panels_of(shape.outputs())) * PANEL);
      std::copy(target.parameter.begin(), target.parameter.end(), loss_parameter_.data());
    }
    for (bool labels : {false, true}) {
      const double y_shift = labels ? target.label_shift : target.shift;
      const double y_scale = labels ? target.label_scale : target.scale;
      if (y_shift == 0 && y_scale == 1) continue;
      y_shift_[labels] = filled(y_shift);
      y_scale_[labels] = filled(y_scale);
    }
  }

  const T* w() const { return w_.data(); }
  const T* shift() const { return shift_.data(); }
  const T* scale() const { return scale_.data(); }
  const T* loss_parameter() const { return loss_parameter_.data(); }
  // Of the targets, or of a label's 1 and 0.
  const T* y_shift(bool labels) const { return y_shift_[labels].data(); }
  const T* y_scale(bool labels) const { return y_scale_[labels].data(); }
  uint64_t version() const { return version_.load(); }

  void assign(const T* w) {
    lock();
    std::copy(w, w + shape.n_weights, w_.data());
    unlock_written();
  }

  // Runs `read(w)` under the lock.
  template <class Read> void read(Read read) {
    std::lock_guard<std::mutex> hold(lock_);
    read(static_cast<const T*>(w_.data()));
  }

  // The weights in panels, packed once per version.
  std::shared_ptr<const Buffer<T>> packed() {
    std::lock_guard<std::mutex> hold(lock_);
    if (!packed_) {
      auto packed = std::make_shared<Buffer<T>>(size_t(shape.packed_size));
      pack_all(shape, w_.data(), packed->data());
      packed_ = std::move(packed);
    }
    return packed_;
  }

  // For a writer of many threads: lock, everyone writes its part of locked_w(), unlock_written.
  void lock() { lock_.lock(); }
  T* locked_w() { return w_.data(); }
  uint64_t unlock_written() {
    packed_.reset();
    const uint64_t version = ++version_;
    lock_.unlock();
    return version;
  }

 private:
  Buffer<T> padded(const T* values) const {
    if (!values) return {};
    Buffer<T> buffer(size_t(panels_of(shape.inputs())) * PANEL);
    std::copy(values, values + shape.inputs(), buffer.data());
    return buffer;
  }

  Buffer<T> filled(double value) const {
    Buffer<T> buffer(size_t(panels_of(shape.targets())) * PANEL);
    std::fill(buffer.data(), buffer.data() + buffer.size(), T(value));
    return buffer;
  }

  Buffer<T> w_, shift_, scale_, loss_parameter_, y_shift_[2], y_scale_[2];
  std::atomic<uint64_t> version_{1};
  std::shared_ptr<const Buffer<T>> packed_;
};
