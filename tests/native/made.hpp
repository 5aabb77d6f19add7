// SPDX-License-Identifier: BSD-3-Clause
// Made data for the programs of this folder: the same on every machine.
#pragma once
#include <cstdint>

#include "kernels/table.hpp"
#include "trainer/buffer.hpp"
#include "trainer/shape.hpp"

// splitmix64: the same stream on every machine.
struct Random {
  uint64_t state;
  uint64_t next() {
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
  }
  double uniform(double low, double high) { return low + (high - low) * (double(next() >> 11) * 0x1p-53); }
};

template <class T> Buffer<T> random_buffer(size_t n, uint64_t seed, double low = -2, double high = 2) {
  Buffer<T> buffer(n);
  Random random{seed};
  for (size_t i = 0; i < n; i++) buffer.data()[i] = T(random.uniform(low, high));
  return buffer;
}

// A row-by-row matrix as the kernels' arrays of the caller.
template <class T> Rows rows_of(const Buffer<T>& a, int64_t n, int columns) {
  constexpr Kind kind = sizeof(T) == 4 ? Kind::f32 : Kind::f64;
  return {reinterpret_cast<const char*>(a.data()), ptrdiff_t(sizeof(T)) * columns, sizeof(T), n, columns, kind, false};
}

// Activations without parameters of their own.
inline std::vector<ActivationText> texts(const std::vector<std::string>& names) {
  std::vector<ActivationText> all;
  for (const std::string& name : names) all.push_back({name, "", {}});
  return all;
}
