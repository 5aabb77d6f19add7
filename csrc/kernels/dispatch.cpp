// SPDX-License-Identifier: BSD-3-Clause
#include "kernels/dispatch.hpp"

#include <atomic>
#include <cstdlib>
#include <stdexcept>

namespace generic { extern const Table table; }
namespace avx2 { extern const Table table; }
namespace avx512 { extern const Table table; }
namespace neon { extern const Table table; }

std::vector<const Table*> available_tables() {
  std::vector<const Table*> tables;
#ifdef DELTARULE_HAVE_AVX512
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma"))
    tables.push_back(&avx512::table);
#endif
#ifdef DELTARULE_HAVE_AVX2
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) tables.push_back(&avx2::table);
#endif
#ifdef DELTARULE_HAVE_NEON
  tables.push_back(&neon::table);
#endif
  tables.push_back(&generic::table);
  return tables;
}

namespace {
const Table* named(const std::string& name, const char* argument) {
  std::string known;
  for (const Table* table : available_tables()) {
    if (name == table->isa) return table;
    known += (known.empty() ? "" : ", ") + std::string(table->isa);
  }
  throw std::invalid_argument(std::string(argument) + ": got '" + name +
                              "', expected an instruction set that this build and CPU have: " + known);
}

std::atomic<const Table*>& current() {
  static std::atomic<const Table*> table = [] {
    const char* name = std::getenv("DELTARULE_ISA");
    return name && *name ? named(name, "DELTARULE_ISA") : available_tables().front();
  }();
  return table;
}
}  // namespace

const Table& table_in_use() { return *current().load(); }

void select_isa(const std::string& name) { current() = named(name, "name"); }
