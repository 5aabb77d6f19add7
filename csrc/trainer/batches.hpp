// SPDX-License-Identifier: BSD-3-Clause
// The rows of one call in batches, and the weight s_i of each. Rows of weight 0 are left out before anything
// is gathered, so that no kernel meets one; a batch of nothing else makes no step.
#pragma once
#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "kernels/table.hpp"

// A weight that none can have: negative, not finite, or outside T's normal numbers without being 0.
struct BadWeight { int64_t row; };
// Every row has weight 0.
struct NoWeight {};

// Rows [begin, begin + rows) of the order.
struct BatchRows {
  int64_t number;  // among all batches of the call, those of weight 0 included
  int64_t begin, rows;
  double total;  // sum of s_i as the gradient takes them
  double share;  // sum of s_i: what its loss counts for among the batches
};

template <class T> class Batches {
 public:
  // `weights`: one per row of the caller's arrays, or null: 1 each. `order`: null, as they stand.
  // `share_before`: of batches of the epoch before these. Throws BadWeight, NoWeight.
  Batches(const int64_t* order, int64_t count, int64_t batch, bool mean, const double* weights, double share_before = 0)
      : order_(order), count_(count), batch_(batch), share_(share_before) {
    if (weights)
      weigh(weights, mean);
    else
      share_ += double(count);
  }

  Batches(const Batches&) = delete;  // order_ may point into kept_
  Batches& operator=(const Batches&) = delete;

  bool weighted() const { return !weighted_.empty(); }
  int64_t size() const { return weighted() ? int64_t(weighted_.size()) : (count_ - 1) / batch_ + 1; }
  int64_t rows() const { return count_; }     // those of weight > 0
  int64_t largest() const { return batch_; }  // no batch has more
  double share() const { return share_; }     // of all batches of the epoch so far

  BatchRows operator[](int64_t step) const {
    if (weighted()) return weighted_[size_t(step)];
    const int64_t begin = step * batch_, rows = std::min(batch_, count_ - begin);
    return {step, begin, rows, double(rows), double(rows)};
  }

  Selection chosen(int64_t place, int64_t rows, int64_t next = 0) const {
    return {order_ ? order_ + place : nullptr, place, rows, next};
  }
  int64_t row(int64_t place) const { return order_ ? order_[place] : place; }

  // Of weight 0, in the order.
  const std::vector<int64_t>& left_out() const { return left_out_; }

  // s_i for rows of a workspace.
  void copy_weights(int64_t place, int64_t rows, T* to) const {
    if (weighted()) std::copy_n(s_.data() + place, rows, to);
  }

 private:
  void weigh(const double* weights, bool mean) {
    std::vector<int64_t> kept;
    kept.reserve(size_t(count_)), s_.reserve(size_t(count_));
    for (int64_t begin = 0, number = 0; begin < count_; begin += batch_, number++) {
      BatchRows b{number, int64_t(kept.size()), 0, 0, 0};
      for (int64_t place = begin; place < std::min(begin + batch_, count_); place++) {
        const double given = weights[row(place)];
        const T s = T(given);
        if (given == 0)
          left_out_.push_back(row(place));
        else if (!(s >= std::numeric_limits<T>::min() && s <= std::numeric_limits<T>::max()))
          throw BadWeight{row(place)};
        else
          kept.push_back(row(place)), s_.push_back(s);
      }
      b.rows = int64_t(kept.size()) - b.begin;
      if (!b.rows) continue;
      b.total = b.share = sum(s_.data() + b.begin, b.rows);
      share_ += b.share;
      if (mean && b.rows == 1) b.total = 1, s_.back() = 1;  // s/S is, whatever s is
      weighted_.push_back(b);
    }
    if (weighted_.empty()) throw NoWeight{};
    kept_.swap(kept);
    order_ = kept_.data(), count_ = int64_t(kept_.size()), batch_ = std::min(batch_, count_);
  }

  // In blocks of KB rows, as their losses.
  static double sum(const T* s, int64_t rows) {
    double total = 0;
    for (int64_t r0 = 0; r0 < rows; r0 += KB) {
      double block = 0;
      for (int64_t r = r0; r < std::min(rows, r0 + KB); r++) block += double(s[r]);
      total += block;
    }
    return total;
  }

  const int64_t* order_;
  int64_t count_, batch_;
  double share_;
  std::vector<int64_t> kept_, left_out_;
  std::vector<T> s_;
  std::vector<BatchRows> weighted_;
};
