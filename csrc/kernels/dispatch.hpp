// SPDX-License-Identifier: BSD-3-Clause
// Which instruction sets were built, which this CPU runs, and the one in use.
#pragma once
#include <string>
#include <vector>

#include "kernels/table.hpp"

// Best first.
std::vector<const Table*> available_tables();

// The table in use: the best one available, or the one that DELTARULE_ISA names.
// Throws std::invalid_argument if DELTARULE_ISA names none of those available.
const Table& table_in_use();

// Changes it for the calls that follow (tests run every instruction set in one process).
void select_isa(const std::string& name);

template <class T> const Kernels<T>& kernels_of(const Table& table);
template <> inline const Kernels<float>& kernels_of(const Table& table) { return table.f32; }
template <> inline const Kernels<double>& kernels_of(const Table& table) { return table.f64; }
