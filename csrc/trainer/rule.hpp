// SPDX-License-Identifier: BSD-3-Clause
// The numbers of one step of the optimizer, as the kernels take them.
#pragma once
#include <vector>

#include "trainer/trainer.hpp"

// One thread's copy of the optimizer's clock: every thread advances its own, so none waits for it.
template <class T> class Rule {
 public:
  Rule(const OptimizerSettings& settings, const OptimizerClock& clock, Penalty<double> penalty, const Numbers& numbers)
      : settings_(settings),
        clock_(clock),
        eta_(numbers.find("eta")),
        momentum_(numbers.find("momentum")),
        weight_decay_(numbers.find("weight_decay")),
        updates_(std::max<size_t>(settings.eta_factors.size(), 1)) {
    for (Update<T>& u : updates_) {
      u.rule = settings.rule;
      u.beta_1 = T(settings.beta_1);
      u.one_minus_beta_1 = T(1 - settings.beta_1);
      u.beta_2 = T(settings.beta_2);
      u.one_minus_beta_2 = T(1 - settings.beta_2);
      u.eps = T(settings.eps);
      u.clip = T(settings.clip_value);
      u.penalty = {T(penalty.l2), T(penalty.l1)};
    }
  }

  // Of the epoch's batch of this number, whose losses are divided by s.
  void next_step(int64_t number, double s) {
    const auto now = [&](const double* moving, double constant) { return moving ? moving[number] : constant; };
    const double eta = now(eta_, settings_.eta), decay = now(weight_decay_, settings_.weight_decay);
    const T momentum = T(now(momentum_, settings_.momentum)), minus_inverse_s = T(-1 / s);
    clock_.steps++;
    clock_.beta_1_power *= settings_.beta_1;
    clock_.beta_2_power *= settings_.beta_2;
    for (size_t k = 0; k < updates_.size(); k++) {
      Update<T>& u = updates_[k];
      const double eta_k = settings_.eta_factors.empty() ? eta : eta * settings_.eta_factors[k];
      u.eta = T(eta_k);
      u.momentum = momentum;
      u.decay = T(eta_k * decay);
      u.step_size = T(eta_k / (1 - clock_.beta_1_power));
      u.bias_correction = T(1 / (1 - clock_.beta_2_power));
      u.minus_inverse_s = minus_inverse_s;
    }
  }

  const Update<T>& update(int layer) const { return updates_[updates_.size() == 1 ? 0 : size_t(layer)]; }
  const OptimizerClock& clock() const { return clock_; }

 private:
  const OptimizerSettings& settings_;
  OptimizerClock clock_;
  const double *eta_, *momentum_, *weight_decay_;  // by batch of the epoch; null: constant
  std::vector<Update<T>> updates_;                 // by layer, or one for all
};
