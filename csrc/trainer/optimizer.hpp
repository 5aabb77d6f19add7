// SPDX-License-Identifier: BSD-3-Clause
// The optimizer's settings, and what moves from step to step besides its slots.
#pragma once
#include <cstdint>
#include <vector>

#include "kernels/table.hpp"

// Each rule's name and how many numbers it keeps per weight, in the order of Optimizer.
struct OptimizerRule {
  const char* name;
  int slots;
};
inline constexpr OptimizerRule optimizer_rules[] = {
    {"sgd", 0},   {"momentum", 1}, {"adam", 2},    {"nesterov", 1},         {"velocity", 1},         {"amsgrad", 3},
    {"nadam", 2}, {"adagrad", 1},  {"rmsprop", 1}, {"rmsprop_momentum", 2}, {"rmsprop_centered", 3}, {"adadelta", 2},
    {"lion", 1},  {"rprop", 2}};
constexpr int MOST_SLOTS = 3;

struct OptimizerSettings {
  Optimizer rule;
  double eta, momentum, beta_1, beta_2, eps;
  bool eta_in_velocity = false, eps_inside = false;
  double mu_decay = 1;                               // NAdam's
  double shrink = 0, grow = 0, least = 0, most = 0;  // Rprop's
  double weight_decay = 0;                           // decoupled: w <- w - eta weight_decay w
  double clip_value = 0;                             // of each element of the gradient; 0: none
  double clip_norm = 0;                              // of the whole gradient; 0: none
  double max_norm = 0;                               // of each unit's weights; 0: none
  std::vector<double> eta_factors = {};              // by layer; empty: all 1

  // Whether the layer's weights take steps at all.
  bool moves(int layer) const { return eta_factors.empty() || eta_factors[size_t(layer)] != 0; }
  int slots() const { return optimizer_rules[int(rule)].slots; }
  // Whether batches of one row have a pass of their own.
  bool by_row() const { return rule <= Optimizer::adam; }
};

struct OptimizerClock {
  int64_t steps = 0;
  double beta_1_power = 1, beta_2_power = 1;
  double mu_power = 1, mu_product = 1;  // mu_decay^t, the product of NAdam's mu
};
