// SPDX-License-Identifier: BSD-3-Clause
#include <pybind11/stl.h>

#include "binding/network.hpp"
#include "trainer/threads.hpp"

namespace {
// libgomp comes with g++, libomp with clang; _OPENMP is the date of the standard.
std::string openmp() {
#if defined(__clang__)
  const std::string runtime = "libomp";
#else
  const std::string runtime = "libgomp";
#endif
  return runtime + ", OpenMP of " + std::to_string(_OPENMP / 100) + "-" + (_OPENMP % 100 < 10 ? "0" : "") +
         std::to_string(_OPENMP % 100);
}
}  // namespace

void register_machine(py::module_& module) {
  module.def("isa", [] { return std::string(table_in_use().isa); }, "The instruction set in use.");
  module.def(
      "available_isas",
      [] {
        std::vector<std::string> names;
        for (const Table* table : available_tables()) names.emplace_back(table->isa);
        return names;
      },
      "Instruction sets that this build and CPU have, best first.");
  module.def("select_isa", &select_isa, py::arg("name"), "Changes the instruction set in use; for tests.");
  module.def("default_threads", &default_threads, "Threads used where none are asked for.");
  module.def(
      "note_main_thread", [] { set_main_thread(PyThread_get_thread_ident()); },
      "The calling thread is the main one: after a fork, in the child.");
  module.def("pause_threads", &pause_threads, "Ends the idle worker threads, before a fork.");
  module.def("openmp", &openmp, "The OpenMP runtime, and the date of the standard it follows.");
}
