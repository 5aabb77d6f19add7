// SPDX-License-Identifier: BSD-3-Clause
// Constructors of the Python classes. py::init enters an object into pybind11's table of them where nothing
// catches exceptions, so that the process would end if there were no memory for that.
#pragma once
#include <pybind11/pybind11.h>

#include <memory>

namespace py = pybind11;

template <class Holder> void put(py::detail::value_and_holder& place, Holder made) {
  place.value_ptr() = made.get();
  try {
    place.type->init_instance(place.inst, &made);
  } catch (...) {
    place.value_ptr() = nullptr;  // `made` frees it
    throw;
  }
}

// __init__ of what is made from its arguments as they are, or from none.
template <class Class, class Holder = std::unique_ptr<Class>, class... Arguments>
void make(py::detail::value_and_holder& place, Arguments... arguments) {
  put(place, Holder(new Class(arguments...)));
}

// __init__ from a function that returns the object.
template <class Class, class... Arguments> auto made_by(Class (*construct)(Arguments...)) {
  return [construct](py::detail::value_and_holder& place, Arguments... arguments) {
    put(place, std::make_unique<Class>(construct(std::forward<Arguments>(arguments)...)));
  };
}
