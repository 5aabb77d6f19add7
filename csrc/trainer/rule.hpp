// SPDX-License-Identifier: BSD-3-Clause
// The numbers of one step of the optimizer, as the kernels take them.
#pragma once
#include "trainer/trainer.hpp"

// One thread's copy of the optimizer's clock: every thread advances its own, so none waits for it.
template <class T> class Rule {
 public:
  Rule(const OptimizerSettings& settings, const OptimizerClock& clock, Penalty<double> penalty)
      : settings_(settings), clock_(clock) {
    update_.rule = settings.rule;
    update_.eta = T(settings.eta);
    update_.momentum = T(settings.momentum);
    update_.beta_1 = T(settings.beta_1);
    update_.one_minus_beta_1 = T(1 - settings.beta_1);
    update_.beta_2 = T(settings.beta_2);
    update_.one_minus_beta_2 = T(1 - settings.beta_2);
    update_.eps = T(settings.eps);
    update_.penalty = {T(penalty.l2), T(penalty.l1)};
  }

  void next_step(double s) {
    clock_.steps++;
    clock_.beta_1_power *= settings_.beta_1;
    clock_.beta_2_power *= settings_.beta_2;
    update_.step_size = T(settings_.eta / (1 - clock_.beta_1_power));
    update_.bias_correction = T(1 / (1 - clock_.beta_2_power));
    update_.minus_inverse_s = T(-1 / s);
  }

  const Update<T>& update() const { return update_; }
  const OptimizerClock& clock() const { return clock_; }

 private:
  const OptimizerSettings settings_;
  OptimizerClock clock_;
  Update<T> update_{};
};
