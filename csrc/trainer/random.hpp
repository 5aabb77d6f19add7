// SPDX-License-Identifier: BSD-3-Clause
// What a training draws: masks that drop units, noise on the input. The words come from the trainer's key, the
// epoch, the layer, the number of the row and the unit, so nothing else can change them.
#pragma once
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "kernels/table.hpp"
#include "trainer/numbers.hpp"

struct RandomSettings {
  uint64_t key = 0;
  std::vector<double> rates;  // of dropping, of layers 0 ... m; empty: none drops
  double noise = 0;           // standard deviation
};

// Those of one epoch, for layers 0 ... m. Streams: 2k the masks of layer k, 1 the noise.
class Randomness {
 public:
  template <class T>
  Randomness(const RandomSettings& settings, const Numbers& numbers, int layers, int64_t epoch,
             const Kernels<T>& kernels) {
    const auto drawn = [&](double constant, const std::string& name, int stream) {
      alignas(64) uint32_t words[PANEL];
      const uint32_t key[] = {uint32_t(settings.key), uint32_t(settings.key >> 32)};
      kernels.random_words(key, &epoch, 1, stream, words);
      return Drawn{constant, numbers.find(name), {words[0], words[PANEL / 2]}};
    };
    noise_ = drawn(settings.noise, "noise", 1);
    for (int k = 0; k < layers; k++)
      rates_.push_back(
          drawn(settings.rates.empty() ? 0 : settings.rates[size_t(k)], "dropout_" + std::to_string(k), 2 * k));
  }

  bool any() const {
    return noise_.any() || std::any_of(rates_.begin(), rates_.end(), [](auto& r) { return r.any(); });
  }
  bool may_drop(int k) const { return k < int(rates_.size()) && rates_[size_t(k)].any(); }

  double noise(int64_t step) const { return noise_.at(step); }
  // Units of layer k whose words lie below are dropped.
  uint32_t threshold(int k, int64_t step) const {
    return may_drop(k) ? uint32_t(std::clamp(std::floor(rates_[size_t(k)].at(step) * 0x1p32 + 0.5), 0.0, 0x1p32 - 1))
                       : 0;
  }

  // Rows of the data by their numbers, in panels.
  RandomRows noise_of(const int64_t* row, int64_t rows, ptrdiff_t stride, int columns) const {
    return noise_.rows(row, rows, stride, columns);
  }
  RandomRows masks_of(int k, const int64_t* row, int64_t rows, ptrdiff_t stride, int columns) const {
    return rates_[size_t(k)].rows(row, rows, stride, columns);
  }

 private:
  struct Drawn {
    double constant;
    const double* moving;  // by step of the epoch, or null
    uint32_t key[2];
    bool any() const { return moving || constant != 0; }
    double at(int64_t step) const { return moving ? moving[step] : constant; }
    RandomRows rows(const int64_t* row, int64_t n, ptrdiff_t stride, int columns) const {
      return {{key[0], key[1]}, row, n, stride, columns};
    }
  };
  Drawn noise_{};
  std::vector<Drawn> rates_;
};
