// SPDX-License-Identifier: BSD-3-Clause
// deltarule._core: the table of contents.
#include "binding/network.hpp"

// Whatever Python objects share, networks and trainers guard by locks of their own: no GIL is needed.
PYBIND11_MODULE(_core, module, py::mod_gil_not_used()) {
  module.doc() = "The native core of deltarule: kernels, training loop, dispatch.";
  static PyObject* refused = PyErr_NewException("deltarule._core.Refused", PyExc_Exception, nullptr);
  module.attr("Refused") = py::reinterpret_borrow<py::object>(refused);
  py::register_exception_translator([](std::exception_ptr thrown) {
    try {
      if (thrown) std::rethrow_exception(thrown);
    } catch (const Refused& refusal) {
      PyErr_SetString(refused, refusal.argument);
    } catch (const Busy& busy) {
      PyErr_SetString(PyExc_RuntimeError, (std::string(busy.why) + "; try again when that is done").c_str());
    }
  });
  // A module may first be imported elsewhere; threading knows the main thread by name.
  set_main_thread(py::module_::import("threading").attr("main_thread")().attr("ident").cast<unsigned long>());
  register_network(module);
  register_trainer(module);
  register_machine(module);
  register_kernels(module);
  register_stop_flag(module);
}
