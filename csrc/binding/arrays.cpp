// SPDX-License-Identifier: BSD-3-Clause
#include "binding/arrays.hpp"

#include <functional>
#include <utility>

namespace {
bool is_exact_array(py::handle X) { return Py_TYPE(X.ptr()) == py::detail::npy_api::get().PyArray_Type_; }

bool kind_of(const py::dtype& dtype, Kind& kind) {
  const py::ssize_t bytes = dtype.itemsize();
  const int size = bytes == 1 ? 0 : bytes == 2 ? 1 : bytes == 4 ? 2 : bytes == 8 ? 3 : 4;
  constexpr Kind integers[] = {Kind::i8, Kind::i16, Kind::i32, Kind::i64};
  constexpr Kind naturals[] = {Kind::u8, Kind::u16, Kind::u32, Kind::u64};
  constexpr Kind reals[] = {Kind::b, Kind::f16, Kind::f32, Kind::f64};
  if (size == 4) return false;
  switch (dtype.kind()) {
    case 'b': kind = Kind::b; return true;
    case 'i': kind = integers[size]; return true;
    case 'u': kind = naturals[size]; return true;
    case 'f': kind = reals[size]; return size > 0;
    default: return false;
  }
}
}  // namespace

bool is_swapped(const py::dtype& dtype) {
  const uint16_t one = 1;
  const bool little = *reinterpret_cast<const unsigned char*>(&one) == 1;
  return dtype.byteorder() == (little ? '>' : '<');
}

Rows rows_of(py::handle X, int columns, const char* argument, bool flat) {
  if (!is_exact_array(X)) throw Refused{argument};
  const auto a = py::reinterpret_borrow<py::array>(X);
  Rows rows{};
  const bool shaped = flat ? a.ndim() == 1 : a.ndim() == 2 && a.shape(1) == columns;
  if (!shaped || a.shape(0) < 1 || !kind_of(a.dtype(), rows.kind)) throw Refused{argument};
  rows.data = static_cast<const char*>(a.data());
  rows.n = a.shape(0);
  rows.columns = columns;
  rows.row_stride = a.strides(0);
  rows.column_stride = flat ? a.itemsize() : a.strides(1);
  rows.swapped = is_swapped(a.dtype());
  return rows;
}

bool may_overlap(const py::array& a, const py::array& b) {
  const auto bounds = [](const py::array& array) {
    const char *low = static_cast<const char*>(array.data()), *high = low + array.itemsize();
    for (int i = 0; i < array.ndim(); i++) {
      const py::ssize_t extent = (array.shape(i) - 1) * array.strides(i);
      (extent < 0 ? low : high) += extent;
    }
    return std::pair(low, high);
  };
  const auto [a_low, a_high] = bounds(a);
  const auto [b_low, b_high] = bounds(b);
  return std::less<>()(a_low, b_high) && std::less<>()(b_low, a_high);
}

Targets targets_of(py::handle Y, const Shape& shape, int64_t n) {
  if (!is_exact_array(Y)) throw Refused{"Y"};
  const auto a = py::reinterpret_borrow<py::array>(Y);
  const bool flat = a.ndim() == 1, labels = flat && shape.target.labels;
  if (labels && (a.dtype().kind() == 'f' || a.shape(0) != n)) throw Refused{"Y"};
  const bool one = flat || (shape.target.broadcast && a.ndim() == 2 && a.shape(1) == 1);
  Rows rows = rows_of(Y, one ? 1 : shape.targets(), "Y", flat);
  if (rows.n != n || (flat && !labels && shape.targets() != 1 && !shape.target.broadcast)) throw Refused{"Y"};
  if (one && !labels && shape.targets() > 1) {  // the one column again and again
    rows.columns = shape.targets();
    rows.column_stride = 0;
  }
  return {rows, labels};
}

const double* weights_of(py::handle sample_weight, int64_t n) {
  return sample_weight.is_none() ? nullptr : exact<double>(sample_weight, {n}, false, "sample_weight");
}
