// SPDX-License-Identifier: BSD-3-Clause
#include "binding/loss_function.hpp"

template <class T>
PythonLoss<T>::PythonLoss(py::handle Y, int64_t n, int outputs)
    : call_(py::reinterpret_borrow<py::object>(Y)), outputs_(outputs) {
  if (!PyCallable_Check(Y.ptr()) || !py::hasattr(Y, "judged") || py::len(Y) != size_t(n)) throw Refused{"Y"};
}

template <class T>
bool PythonLoss<T>::compute(const Selection& rows, const T* y_hat, T* losses, T* derivative) noexcept {
  const PyGILState_STATE held = PyGILState_Ensure();
  bool done = false;
  try {
    // Copies: the function may keep what it is given.
    py::array outputs = new_array<T>(rows.count, outputs_);
    std::copy(y_hat, y_hat + rows.count * outputs_, static_cast<T*>(outputs.mutable_data()));
    py::object chosen = py::slice(rows.first, rows.first + rows.count, 1);
    if (rows.order) chosen = py::array_t<int64_t>(rows.count, rows.order);
    const py::tuple result = call_(outputs, chosen);
    const T* L = exact<T>(result[0], {rows.count}, false, "loss");
    const T* D = exact<T>(result[1], {rows.count, outputs_}, false, "loss");
    std::copy(L, L + rows.count, losses);
    std::copy(D, D + rows.count * outputs_, derivative);
    done = true;
  } catch (...) {
    error = std::current_exception();
  }
  PyGILState_Release(held);
  return done;
}

template class PythonLoss<float>;
template class PythonLoss<double>;
