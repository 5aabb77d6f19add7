// SPDX-License-Identifier: BSD-3-Clause
#include <pybind11/stl.h>

#include <optional>

#include "binding/calls.hpp"
#include "binding/network.hpp"
#include "trainer/float_environment.hpp"
#include "trainer/probe.hpp"
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

double peak(const std::string& dtype, int n_threads, double seconds) {
  if (n_threads < 1 || n_threads > 256) throw std::invalid_argument("n_threads: expected 1 ... 256");
  const Table& table = table_in_use();
  return without_gil([&](Watch& watch) {
    return dtype == "float64" ? fma_peak(table.f64, n_threads, seconds, watch)
                              : fma_peak(table.f32, n_threads, seconds, watch);
  });
}
}  // namespace

void register_machine(py::module_& module) {
  struct Modes { std::optional<FloatEnvironment> own; };
  py::class_<Modes>(module, "FloatEnvironment", "A context in which this thread computes in IEEE's default modes.")
      .def("__init__", &make<Modes>, py::detail::is_new_style_constructor())
      .def("__enter__", [](Modes& self) { self.own.emplace(); })
      .def("__exit__", [](Modes& self, const py::object&, const py::object&, const py::object&) { self.own.reset(); });
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
  module.def("cpu_quota", &cpu_quota, py::arg("mounted"), py::arg("membership"),
             "The least CPU quota of a process's cgroups, in cores; 0: none. For tests.");
  module.def(
      "note_main_thread", [] { set_main_thread(PyThread_get_thread_ident()); },
      "The calling thread is the main one: after a fork, in the child.");
  module.def("pause_threads", &pause_threads, "Ends the idle worker threads, before a fork.");
  module.def("fma_peak", &peak, py::arg("dtype"), py::arg("n_threads"), py::arg("seconds"),
             "FMA peak of the instruction set in use, in FLOP/s: the best of short runs.");
  module.def(
      "core_latency", [](double seconds) { return without_gil([&](Watch&) { return core_latency(seconds); }); },
      py::arg("seconds"), "Seconds that a cache line takes from one core to another; NaN with one core.");
  module.def("openmp", &openmp, "The OpenMP runtime, and the date of the standard it follows.");
}
