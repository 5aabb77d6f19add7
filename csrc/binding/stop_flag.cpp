// SPDX-License-Identifier: BSD-3-Clause
#include "binding/stop_flag.hpp"

#include "binding/calls.hpp"
#include "binding/network.hpp"

namespace { thread_local std::shared_ptr<const StopFlag> obeyed; }

void StopFlag::obey(std::shared_ptr<const StopFlag> flag) { obeyed = std::move(flag); }

bool StopFlag::told() noexcept { return obeyed && obeyed->raised(); }

void register_stop_flag(py::module_& module) {
  py::class_<StopFlag, std::shared_ptr<StopFlag>>(
      module, "StopFlag", "Raised by one thread, it ends the calls of those that obey it: KeyboardInterrupt.")
      .def("__init__", &make<StopFlag, std::shared_ptr<StopFlag>>, py::detail::is_new_style_constructor())
      .def("set", &StopFlag::raise, "Raises it, for good.")
      .def_static("check", &refuse_if_told, "KeyboardInterrupt if the calling thread obeys one that is raised.")
      .def_property_readonly("is_set", &StopFlag::raised)
      .def(
          "__enter__",
          [](const std::shared_ptr<StopFlag>& flag) {
            StopFlag::obey(flag);
            return flag;
          },
          "The calling thread obeys it, and no other.")
      .def("__exit__",
           [](const StopFlag&, const py::object&, const py::object&, const py::object&) { StopFlag::obey(nullptr); });
}
