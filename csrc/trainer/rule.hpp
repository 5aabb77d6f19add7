// SPDX-License-Identifier: BSD-3-Clause
// The numbers of one step of the optimizer, as the kernels take them.
#pragma once
#include <cmath>
#include <vector>

#include "trainer/trainer.hpp"

// One thread's copy of the optimizer's clock: every thread advances its own, so none waits for it.
template <class T> class Rule {
 public:
  Rule(const OptimizerSettings& settings, const OptimizerClock& clock, const Numbers& numbers)
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
      u.shrink = T(settings.shrink);
      u.grow = T(settings.grow);
      u.clip = T(settings.clip_value);
    }
  }

  // Of the epoch's batch of this number, whose losses are divided by s.
  void next_step(int64_t number, double s, Penalty<double> penalty) {
    const auto now = [&](const double* moving, double constant) { return moving ? moving[number] : constant; };
    const double eta = now(eta_, settings_.eta), decay = now(weight_decay_, settings_.weight_decay);
    const T momentum = T(now(momentum_, settings_.momentum)), minus_inverse_s = T(-1 / s);
    clock_.steps++;
    clock_.beta_1_power *= settings_.beta_1;
    clock_.beta_2_power *= settings_.beta_2;
    const double rest_1 = 1 - clock_.beta_1_power, rest_2 = 1 - clock_.beta_2_power;
    for (size_t k = 0; k < updates_.size(); k++) {
      Update<T>& u = updates_[k];
      const double eta_k = eta_of(k, eta);
      u.eta = settings_.eta_in_velocity ? 1 : T(eta_k);
      u.gain = settings_.eta_in_velocity ? T(eta_k) : 1;
      u.momentum = momentum;
      u.decay = T(eta_k * decay);
      u.step_size = settings_.eps_inside ? T(eta_k * std::sqrt(rest_2) / rest_1) : T(eta_k / rest_1);
      u.bias_correction = settings_.eps_inside ? 1 : T(1 / rest_2);
      u.penalty = {T(penalty.l2), T(penalty.l1)};
      u.minus_inverse_s = minus_inverse_s;
    }
    if (settings_.rule == Optimizer::nadam) look_ahead(eta);
    if (settings_.rule == Optimizer::rprop) scale_limits();
  }

  const Update<T>& update(int layer) const { return updates_[updates_.size() == 1 ? 0 : size_t(layer)]; }
  const OptimizerClock& clock() const { return clock_; }

 private:
  // NAdam's shares of m and of g, whose momentum mu rises from step to step.
  void look_ahead(double eta) {
    const auto mu = [&](double power) { return settings_.beta_1 * (1 - 0.5 * power); };
    clock_.mu_power *= settings_.mu_decay;
    const double now = mu(clock_.mu_power), next = mu(clock_.mu_power * settings_.mu_decay);
    clock_.mu_product *= now;
    for (size_t k = 0; k < updates_.size(); k++) {
      updates_[k].gain = T(eta_of(k, eta) * (1 - now) / (1 - clock_.mu_product));
      updates_[k].step_size = T(eta_of(k, eta) * next / (1 - clock_.mu_product * next));
    }
  }

  void scale_limits() {
    for (size_t k = 0; k < updates_.size(); k++) {
      updates_[k].least = T(eta_of(k, settings_.least));
      updates_[k].most = T(eta_of(k, settings_.most));
    }
  }

  double eta_of(size_t k, double eta) const {
    return settings_.eta_factors.empty() ? eta : eta * settings_.eta_factors[k];
  }

  const OptimizerSettings& settings_;
  OptimizerClock clock_;
  const double *eta_, *momentum_, *weight_decay_;  // by batch of the epoch; null: constant
  std::vector<Update<T>> updates_;                 // by layer, or one for all
};
