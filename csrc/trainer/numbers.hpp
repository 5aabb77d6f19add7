// SPDX-License-Identifier: BSD-3-Clause
// Numbers of a training that move: by name, one value for each step of an epoch. What has no entry keeps
// the constant of its settings.
#pragma once
#include <map>
#include <string>
#include <vector>

struct Numbers {
  std::map<std::string, std::vector<double>> values;

  // The steps' values, or null.
  const double* find(const std::string& name) const {
    const auto found = values.find(name);
    return found == values.end() ? nullptr : found->second.data();
  }
};
