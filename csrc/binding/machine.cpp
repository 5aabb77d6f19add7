// SPDX-License-Identifier: BSD-3-Clause
#include <omp.h>
#include <pybind11/stl.h>

#include "binding/network.hpp"
#include "trainer/threads.hpp"

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
  module.def("pause_threads", &pause_threads, "Ends the idle worker threads, before a fork.");
  module.def("openmp", [] { return "OpenMP " + std::to_string(_OPENMP); }, "The OpenMP version, as its date.");
}
