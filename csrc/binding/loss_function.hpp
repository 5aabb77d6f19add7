// SPDX-License-Identifier: BSD-3-Clause
// A loss written in Python, as the trainer calls it. `_validate.targets` makes the object that comes as Y:
// it knows the targets, calls the user's function and judges what that returns (deltarule/given.py).
#pragma once
#include <exception>

#include "binding/arrays.hpp"
#include "trainer/loss_function.hpp"

// Y of a network whose loss is given: something to call. Throws Refused for what is not.
void check_given(py::handle Y, int64_t n);

template <class T> class PythonLoss final : public LossFunction<T> {
 public:
  PythonLoss(py::handle Y, int outputs) : call_(py::reinterpret_borrow<py::object>(Y)), outputs_(outputs) {}

  bool compute(const Selection& rows, const T* y_hat, T* losses, T* derivative) noexcept override;

  // With the GIL: throws what the function raised.
  [[noreturn]] void raise() const { std::rethrow_exception(error_); }

 private:
  const py::object call_;
  const py::ssize_t outputs_;
  std::exception_ptr error_;
};
