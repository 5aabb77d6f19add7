// SPDX-License-Identifier: BSD-3-Clause
#include "binding/calls.hpp"

#include <stdexcept>

namespace { unsigned long main_thread = 0; }

void set_main_thread(unsigned long ident) { main_thread = ident; }

// Called inside a parallel region: nothing here may throw.
bool interrupted() noexcept {
  const bool told = StopFlag::told();
  if (!told && PyThread_get_thread_ident() != main_thread) return false;
  const PyGILState_STATE held = PyGILState_Ensure();
  if (told) PyErr_SetNone(PyExc_KeyboardInterrupt);
  const bool stop = told || PyErr_CheckSignals() != 0;
  PyGILState_Release(held);
  return stop;
}

void refuse_if_told() {
  if (!StopFlag::told()) return;
  PyErr_SetNone(PyExc_KeyboardInterrupt);
  throw py::error_already_set();
}

void raise_bad_row(const BadRow& bad, py::handle Y, const Shape& shape, bool labels, const char* dtype) {
  const std::string where = std::string(bad.in_Y ? "Y" : "X") + ": row " + std::to_string(bad.row) + " holds ";
  const Check check = bad.in_Y ? check_of(shape, labels) : Check::finite;
  if (check == Check::label) {
    const std::string label = py::str(Y[py::int_(bad.row)]);
    throw std::invalid_argument(where + "label " + label + "; expected 0 ... " + std::to_string(shape.outputs() - 1));
  }
  // As _validate.judged says it.
  const char* expected = nullptr;
  switch (check) {
    case Check::probability: expected = "a value outside [0, 1]; expected probabilities for "; break;
    case Check::non_negative: expected = "a value below 0; expected numbers >= 0 for "; break;
    case Check::positive: expected = "a value that is not above 0; expected numbers > 0 for "; break;
    case Check::sign: expected = "a value other than -1 and 1; expected -1 or 1 for "; break;
    default: break;
  }
  if (expected) throw std::invalid_argument(where + expected + shape.target.name);
  throw std::invalid_argument(where + "nan or infinity (as " + dtype + "); expected finite numbers");
}

void raise_bad_weight(const BadWeight& bad, py::handle sample_weight, const char* dtype) {
  const std::string value = py::str(sample_weight[py::int_(bad.row)]);
  throw std::invalid_argument("sample_weight: row " + std::to_string(bad.row) + " holds " + value +
                              "; expected numbers >= 0, finite and 0 or normal as " + dtype);
}

void raise_no_weight() { throw std::invalid_argument("sample_weight: 0 for every row; expected some numbers > 0"); }
