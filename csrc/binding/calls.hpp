// SPDX-License-Identifier: BSD-3-Clause
// A call into the core: the GIL released, Ctrl-C polled, errors of the data turned into Python's.
#pragma once
#include <exception>

#include "binding/loss_function.hpp"
#include "binding/stop_flag.hpp"
#include "trainer/batches.hpp"
#include "trainer/float_environment.hpp"
#include "trainer/pass.hpp"

// Asks Python for signals, which only the main thread ever has, and the flag that this thread obeys; true
// leaves an error set.
bool interrupted() noexcept;

// Throws KeyboardInterrupt if this thread obeys a flag that is raised: short calls never ask `interrupted`.
void refuse_if_told();

// The identifier of Python's main thread: the only one that signals reach.
void set_main_thread(unsigned long ident);

// ValueError naming the array, the row, what it holds and what is expected.
[[noreturn]] void raise_bad_row(const BadRow& bad, py::handle Y, const Shape& shape, bool labels, const char* dtype);

// The same of a weight, and of weights that are 0 throughout.
[[noreturn]] void raise_bad_weight(const BadWeight& bad, py::handle sample_weight, const char* dtype);
[[noreturn]] void raise_no_weight();

// Runs work(watch) without the GIL. Interrupted: throws the error that Python has set, before any other.
// Not gil_scoped_release: a daemon thread that comes back when the interpreter is gone is ended by an
// unwinding that its destructor would turn into an abort.
template <class Work> auto without_gil(Work work) {
  refuse_if_told();
  Watch watch(interrupted);
  decltype(work(watch)) result{};
  std::exception_ptr failed;
  PyThreadState* state = PyEval_SaveThread();
  try {
    const FloatEnvironment modes;  // what is converted before the kernels start, too
    result = work(watch);
  } catch (...) {
    failed = std::current_exception();
  }
  PyEval_RestoreThread(state);
  if (PyErr_Occurred()) throw py::error_already_set();
  if (failed) std::rethrow_exception(failed);
  return result;
}

// What a call was given besides X, for messages about its values.
struct Given {
  py::handle Y, sample_weight;
  const Shape& shape;
  bool labels;
  const char* dtype;
  const HeldError* held;  // of a loss that is the caller's, or null
};

// without_gil, whose errors of the data become Python's.
template <class Work> auto judging(const Given& given, Work work) {
  try {
    return without_gil(work);
  } catch (const BadRow& bad) {
    raise_bad_row(bad, given.Y, given.shape, given.labels, given.dtype);
  } catch (const BadWeight& bad) {
    raise_bad_weight(bad, given.sample_weight, given.dtype);
  } catch (const NoWeight&) {
    raise_no_weight();
  } catch (const LossFailed&) {
    std::rethrow_exception(given.held->error);
  }
}
