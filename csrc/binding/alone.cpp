// SPDX-License-Identifier: BSD-3-Clause
// Who trains an object in here. A context of C++, since a signal's handler may raise before any bytecode of an
// __exit__ in Python has run, and the object would be refused for ever.
#include <mutex>

#include "binding/made.hpp"
#include "binding/network.hpp"

namespace {
class Alone {
 public:
  Alone(long process, uint64_t object, std::string kind) : process_(process), object_(object), kind_(std::move(kind)) {}
  Alone(Alone&& other) = default;
  ~Alone() { exit(); }

  void enter() {
    const std::lock_guard<std::mutex> hold(lock);
    for (const Alone* a = first; a; a = a->next_)
      if (a->process_ == process_ && a->object_ == object_)
        throw std::runtime_error(kind_ + ": another call trains it; wait for its end");
    next_ = first;
    first = this;
    entered_ = true;
  }

  void exit() {
    if (!entered_) return;
    const std::lock_guard<std::mutex> hold(lock);
    Alone** to = &first;
    while (*to != this) to = &(*to)->next_;
    *to = next_;
    entered_ = false;
  }

 private:
  static std::mutex lock;
  static Alone* first;

  long process_;  // by process, for a fork may come in the middle
  uint64_t object_;
  std::string kind_;
  Alone* next_ = nullptr;
  bool entered_ = false;
};
std::mutex Alone::lock;
Alone* Alone::first = nullptr;

Alone alone(long process, uint64_t object, const std::string& kind) { return {process, object, kind}; }
}  // namespace

void register_alone(py::module_& module) {
  py::class_<Alone>(module, "Alone", "A context in which an object is trained: RuntimeError in another's.")
      .def("__init__", made_by(&alone), py::detail::is_new_style_constructor(), py::arg("process"), py::arg("object"),
           py::arg("kind"))
      .def("__enter__", &Alone::enter)
      .def("__exit__", [](Alone& self, const py::object&, const py::object&, const py::object&) { self.exit(); });
}
