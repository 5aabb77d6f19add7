// SPDX-License-Identifier: BSD-3-Clause
// The Python class Network holds a network of either precision; `visit` runs code for the one it has.
#pragma once
#include <memory>
#include <variant>

#include "binding/calls.hpp"
#include "binding/made.hpp"
#include "trainer/network.hpp"

struct NetworkOfEither { std::variant<std::shared_ptr<Network<float>>, std::shared_ptr<Network<double>>> network; };

template <class T> constexpr const char* dtype_name = sizeof(T) == 4 ? "float32" : "float64";

void register_network(py::module_& module);
void register_trainer(py::module_& module);
void register_machine(py::module_& module);
void register_kernels(py::module_& module);
void register_stop_flag(py::module_& module);
