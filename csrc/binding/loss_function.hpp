// SPDX-License-Identifier: BSD-3-Clause
// A loss written in Python, as the trainer calls it. `_validate.targets` makes the object that comes as Y:
// it knows the targets, calls the user's function and judges what that returns (deltarule/given.py).
#pragma once
#include <exception>
#include <memory>

#include "binding/arrays.hpp"
#include "trainer/loss_function.hpp"

// What a function raised, until the core has come to an end.
struct HeldError { std::exception_ptr error; };

template <class T> class PythonLoss final : public LossFunction<T>, public HeldError {
 public:
  // Throws Refused for what is no such object, or has other than n rows.
  PythonLoss(py::handle Y, int64_t n, int outputs);

  bool compute(const Selection& rows, const T* y_hat, T* losses, T* derivative) noexcept override;

 private:
  const py::object call_;
  const py::ssize_t outputs_;
};

// What Y is to the core: an array, or a loss of the caller's, n rows of either.
template <class T> struct Aims {
  Targets targets{};
  std::unique_ptr<PythonLoss<T>> loss;  // null: Y is an array

  Aims(py::handle Y, const Shape& shape, int64_t n) {
    if (shape.loss == Loss::given)
      loss = std::make_unique<PythonLoss<T>>(Y, n, shape.outputs()), targets.rows.n = n;
    else
      targets = targets_of(Y, shape, n);
  }
  LossFunction<T>* function() { return loss.get(); }
  const HeldError* held() const { return loss.get(); }
};
