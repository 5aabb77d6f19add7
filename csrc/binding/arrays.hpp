// SPDX-License-Identifier: BSD-3-Clause
// Between NumPy arrays and what the trainer takes. What does not fit exactly is Refused: the Python
// side then runs _validate.py and calls again, so that the ordinary call pays for no checks twice.
#pragma once
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include "trainer/shape.hpp"

namespace py = pybind11;

struct Refused { const char* argument; };

// (n >= 1, columns) of a real kind; if flat, (n,), one column.
Rows rows_of(py::handle X, int columns, const char* argument, bool flat = false);

struct Targets {
  Rows rows;
  bool labels;
};

// Y for this network and n rows: (n, columns); class labels (n,) where the loss takes them; (n,) for one
// column, which may serve several outputs.
Targets targets_of(py::handle Y, const Shape& shape, int64_t n);

// float64, one for each of the n rows; None: null.
const double* weights_of(py::handle sample_weight, int64_t n);

bool is_swapped(const py::dtype& dtype);

// Whether the array is made of T as this machine holds it, whatever dtype object says so.
template <class T> bool holds(const py::array& a) {
  const py::dtype dtype = a.dtype();
  return dtype.kind() == (std::is_integral_v<T> ? 'i' : 'f') && dtype.itemsize() == py::ssize_t(sizeof(T)) &&
         !is_swapped(dtype);
}

// A C-contiguous, aligned array of T with this shape, writeable if asked.
template <class T>
T* exact(py::handle array, std::initializer_list<py::ssize_t> shape, bool writeable, const char* argument) {
  if (Py_TYPE(array.ptr()) != py::detail::npy_api::get().PyArray_Type_) throw Refused{argument};
  const auto a = py::reinterpret_borrow<py::array>(array);
  constexpr int layout = int(py::array::c_style) | int(py::detail::npy_api::NPY_ARRAY_ALIGNED_);
  const bool fits = holds<T>(a) && (a.flags() & layout) == layout &&
                    std::equal(shape.begin(), shape.end(), a.shape(), a.shape() + a.ndim()) &&
                    (!writeable || a.writeable());
  if (!fits) throw Refused{argument};
  return static_cast<T*>(const_cast<void*>(a.data()));
}

// A new array (n, columns) of T, not filled: without what pybind11's own constructor computes (60 ns).
template <class T> py::array new_array(py::ssize_t n, py::ssize_t columns) {
  const py::detail::npy_api& numpy = py::detail::npy_api::get();
  const Py_intptr_t shape[] = {n, columns};
  PyObject* array = numpy.PyArray_NewFromDescr_(numpy.PyArray_Type_, py::dtype::of<T>().release().ptr(), 2, shape,
                                                nullptr, nullptr, 0, nullptr);
  if (!array) throw py::error_already_set();
  return py::reinterpret_steal<py::array>(array);
}

// Whether two arrays that hold something may share memory: by their bounds, as np.may_share_memory.
bool may_overlap(const py::array& a, const py::array& b);

// A view of memory that `owner` keeps alive; read-only.
template <class T> py::array view_of(const T* data, py::ssize_t n, py::handle owner) {
  py::array view(py::dtype::of<T>(), {n}, {py::ssize_t(sizeof(T))}, data, owner);
  py::detail::array_proxy(view.ptr())->flags &= ~py::detail::npy_api::NPY_ARRAY_WRITEABLE_;
  return view;
}
