// SPDX-License-Identifier: BSD-3-Clause
// A call into the core: the GIL released, Ctrl-C polled, errors of the data turned into Python's.
#pragma once
#include "binding/arrays.hpp"
#include "trainer/pass.hpp"

// Asks Python for signals; true leaves its error set. Only the main thread ever has any.
bool interrupted();

// ValueError naming the array, the row, what it holds and what is expected.
[[noreturn]] void raise_bad_row(const BadRow& bad, py::handle X, py::handle Y, const Shape& shape, bool labels,
                                const char* dtype);

// Runs work(watch) without the GIL. Interrupted: throws the error that Python has set.
template <class Work> auto without_gil(Work work) {
  Watch watch(interrupted);
  const auto result = [&] {
    const py::gil_scoped_release released;
    return work(watch);
  }();
  if (PyErr_Occurred()) throw py::error_already_set();
  return result;
}
