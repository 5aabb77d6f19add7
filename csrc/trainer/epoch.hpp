// SPDX-License-Identifier: BSD-3-Clause
// One call's steps: who does what between which barriers. Included by trainer.cpp alone.
#pragma once
#include <cmath>
#include <limits>

#include "trainer/end_of_epoch.hpp"
#include "trainer/float_environment.hpp"
#include "trainer/rule.hpp"

// What the threads of one call share: an epoch, or a part of one.
template <class T> struct Trainer<T>::Epoch {
  Trainer& trainer;
  const EpochSums& before;
  const Rows &X, &Y;
  const Check check;
  const Batches<T>& batches;
  const int64_t chunk;
  const int shares;
  const Numbers& numbers;
  const Randomness& random;
  const Kernels<T>& kernels;
  Watch& watch;
  const int64_t first_row;
  double* const step_losses;   // or null
  EndOfEpoch* const end;       // null: more is to come
  std::vector<Rule<T>> rules;  // by thread; made before the region, in which nothing may throw
  const double limit = trainer.network->loss_limit;
  const bool constant_eta = !numbers.find("eta") && !trainer.average.after_step();
  static constexpr int64_t none = std::numeric_limits<int64_t>::max();
  std::atomic<int64_t> bad{none};  // 2 * place in the order + (in Y)
  EpochSums sums = before;         // the leader's
  double batch_loss = 0;
  bool diverged = false, failed = false, over = false;  // written by the leader between two barriers, read after them

  const Shape& shape() const { return trainer.network->shape; }

  void found_bad(int64_t place) {
    int64_t seen = bad.load();
    while (place < seen && !bad.compare_exchange_weak(seen, place)) {
    }
  }

  // Rows from place `from` of the order on, from the caller's arrays to delta[1], into rows `place` of the
  // workspace.
  void rows_phase(Pass<T>& pass, int64_t from, Range place) {
    if (place.size() && gather_phase(pass, from, place)) delta_phase(pass, from, place);
  }

  bool gather_phase(Pass<T>& pass, int64_t from, Range place) {
    // With one share the rows after these are the next step's.
    const int64_t next = shares == 1 ? batches.rows() - from - place.size() : 0;
    const Selection selection = batches.chosen(from, place.size(), next);
    trainer.phases.enter(Phase::gather);
    const int64_t bad_X = pass.gather_X(X, selection, place.begin);
    if (bad_X >= 0) found_bad(2 * (from + bad_X));
    const int64_t bad_Y = trainer.given_ ? -1 : pass.gather_Y(Y, selection, place.begin, check);
    if (bad_Y >= 0) found_bad(2 * (from + bad_Y) + 1);
    if (bad_X >= 0 || bad_Y >= 0) return false;
    batches.copy_weights(from, place.size(), trainer.space_.s + place.begin);
    pass.perturb(selection, place);
    return true;
  }

  void delta_phase(Pass<T>& pass, int64_t from, Range place, bool net_1 = false) {
    trainer.phases.enter(Phase::forward);
    pass.forward(place, net_1);
    if (trainer.given_) pass.activate(shape().depth(), place);
    backward_phase(pass, from, place);
  }

  void backward_phase(Pass<T>& pass, int64_t from, Range place) {
    trainer.phases.enter(Phase::output);
    if (trainer.given_) pass.take_given(trainer.given_, from, place);
    pass.output(place);
    trainer.phases.enter(Phase::backward);
    pass.backward(place);
    if (batches.weighted()) pass.weigh(place);
  }

  // Of rows of the workspace, or null: 1 each.
  const T* weights(int64_t row = 0) const { return batches.weighted() ? trainer.space_.s + row : nullptr; }

  BlockTarget<T> target() {
    Trainer& t = trainer;
    return {t.packed_.data(),
            {t.packed_slots_[0].data(), t.packed_slots_[1].data(), t.packed_slots_[2].data()},
            t.totals_.data(),
            t.gradient_.data(),  // null: the step follows at once
            t.transposed_.data()};
  }

  // The gradient of these blocks of weights over rows of the workspace; `next`: the row of which W[0]'s
  // pass also forms net[1], or -1.
  void weights_phase(const std::vector<Block>& blocks, Range rows, bool first, bool last, const BlockTarget<T>& to,
                     const Rule<T>& rule, bool leader, int64_t next = -1) {
    trainer.phases.enter(Phase::weights);
    for (const Block& block : blocks)
      in_parts(block, rows.size(), [&](const Block& part, double operations) {
        if (watch.stopped()) return;
        GradientUnit<T> unit = gradient_unit(shape(), trainer.space_, part, rows, first, last, to);
        if (next >= 0 && block.layer == 0) {
          unit.next_o = trainer.space_.o[0] + next * PANEL;
          unit.next_net = trainer.space_.o[1] + block.p * trainer.space_.stride + next * PANEL;
          unit.reach = zeros_count() ? &trainer.reach_ : nullptr;
        }
        kernels.weight_gradient(unit, rule.update(block.layer));
        watch.tick(leader, operations);
      });
  }

  // The leader's, while the others work on weights: the loss of the batch.
  void account(const BatchRows& batch) {
    const double S = shape().s(batch.total);
    double L = batch_loss * (1 / S);
    const double gamma = shape().penalised() ? penalty(shape(), batch.share, trainer.penalty_sums_.data()) : 0;
    if (shape().penalised()) L += gamma;
    if (trainer.sparse_.couples_rows()) L += trainer.sparse_.divergence(batch.total, S);
    sums.loss += batch.share * L;
    batch_loss = 0;
    sums.steps++;
    diverged = !std::isfinite(L);
    sums.last_loss = L;
    if (step_losses && bad.load() == none) step_losses[2 * batch.number] = L, step_losses[2 * batch.number + 1] = gamma;
  }

  // One step, the weights dealt to the shares: every chunk of the batch is a phase by rows, then one by
  // weights over all rows of the chunk. Where something couples the rows, all went forward before.
  void step_by_weights(Pass<T>& pass, int thread, int threads, Barrier& barrier, const BatchRows& batch,
                       const Rule<T>& rule) {
    const int64_t begin = batch.begin, rows = batch.rows;
    const bool coupled = trainer.couples_rows(), there = coupled && rows <= chunk;
    if (coupled) coupled_phase(pass, thread, threads, barrier, batch);
    for (int64_t at = 0; at < rows && !over; at += chunk) {
      const int64_t part = std::min(chunk, rows - at);
      const bool first = at == 0, last = at + part == rows;
      for (int share = thread; share < shares; share += threads) {
        if (first) penalty_phase(share);
        const Range mine = share_of(part, share, shares);
        if (there && mine.size())
          backward_phase(pass, begin + at + mine.begin, mine);
        else if (!there && !trainer.columns_first_)
          rows_phase(pass, begin + at + mine.begin, mine);
      }
      if (trainer.columns_first_) columns_phase(pass, thread, threads, barrier, begin + at, part);
      wait(barrier);
      if (pass.leader) {
        add_losses(trainer.space_.row_loss, weights(), part, limit, batch_loss);
        if (last) account(batch);
      }
      for (int share = thread; share < shares; share += threads)
        weights_phase(trainer.blocks_[size_t(share)], {0, part}, first, last, target(), rule, pass.leader);
      if (last) end_step(thread, threads, barrier, rule);
      meet(pass.leader, barrier);
    }
  }

  // The rows' phase where net[1] goes by columns: between gather and the rest a share forms its panels of all rows.
  void columns_phase(Pass<T>& pass, int thread, int threads, Barrier& barrier, int64_t from, int64_t rows) {
    const auto each_share = [&](auto work) {
      for (int share = thread; share < shares; share += threads) work(share, share_of(rows, share, shares));
    };
    each_share([&](int, Range mine) {
      if (mine.size()) gather_phase(pass, from + mine.begin, mine);
    });
    wait(barrier);
    trainer.phases.enter(Phase::forward);
    each_share([&](int share, Range) { pass.net(0, {0, rows}, share_of(panels_of(shape().sizes[1]), share, shares)); });
    wait(barrier);
    if (bad.load() != none) return;  // as everyone sees: all have gathered
    each_share([&](int, Range mine) {
      if (mine.size()) delta_phase(pass, from + mine.begin, mine, true);
    });
  }

  // What must see the whole batch before there is any delta: the means that kl draws to its target, a loss
  // that the caller computes. All rows forward, then panels of units, then the caller. Of a batch of several
  // chunks the rows go forward once more afterwards, so that no more than a chunk is kept.
  void coupled_phase(Pass<T>& pass, int thread, int threads, Barrier& barrier, const BatchRows& batch) {
    SparseLayer<T>& means = trainer.sparse_;
    GivenLoss<T>& given = trainer.given_;
    const T* o = trainer.space_.o[size_t(means.settings.layer)];
    for (int64_t at = 0; at < batch.rows && !over; at += chunk) {
      const int64_t part = std::min(chunk, batch.rows - at);
      for (int share = thread; share < shares; share += threads) {
        const Range mine = share_of(part, share, shares);
        if (!mine.size() || !gather_phase(pass, batch.begin + at + mine.begin, mine)) continue;
        trainer.phases.enter(Phase::forward);
        pass.forward(mine);
        if (given) pass.show_outputs(mine, given.y_hat.data() + (at + mine.begin) * shape().outputs());
      }
      wait(barrier);
      trainer.phases.enter(Phase::forward);
      for (int p = thread; means.couples_rows() && p < means.panels(); p += threads)
        means.add_columns(kernels, p, o + p * trainer.space_.stride, part, weights(), at == 0,
                          at + part == batch.rows ? batch.total : 0);
      meet(pass.leader, barrier);
    }
    if (!given || over) return;
    if (pass.leader) {
      trainer.phases.enter(Phase::output);
      given.begin = batch.begin;
      failed = !given.compute(batches.chosen(batch.begin, batch.rows));
    }
    wait(barrier);  // by now everyone has read `over`
    meet(pass.leader, barrier);
  }

  // One step, blocks of the batch dealt to the shares: each goes from gather to totals of its own, which
  // then are added in order, by share of the weights. The first share's go straight into the sum.
  void step_by_blocks(Pass<T>& pass, int thread, int threads, Barrier& barrier, const BatchRows& batch,
                      const Rule<T>& rule) {
    const int64_t begin = batch.begin, rows = batch.rows;
    Trainer& t = trainer;
    const int each = t.blocks_per_share_;
    const int64_t group = int64_t(each) * shares * KB;
    for (int64_t at = 0; at < rows && !over; at += group) {
      const bool first = at == 0, last = at + group >= rows;
      const int in_group = int((std::min(group, rows - at) + KB - 1) / KB);
      for (int share = thread; share < shares; share += threads) {
        if (first) penalty_phase(share);
        for (int b = share * each; b < std::min((share + 1) * each, in_group); b++) {
          const int64_t from = at + int64_t(b) * KB, place = int64_t(share) * KB;
          const Range mine{place, place + std::min<int64_t>(KB, rows - from)};
          rows_phase(pass, begin + from, mine);
          t.block_losses_[size_t(b)] = 0;
          add_losses(t.space_.row_loss + mine.begin, weights(mine.begin), mine.size(), limit,
                     t.block_losses_[size_t(b)]);
          BlockTarget<T> to = target();
          if (share) to.total = t.block_totals_.data() + int64_t(b - each) * shape().packed_size;
          weights_phase(t.all_blocks_, mine, share || (first && b == 0), false, to, rule, pass.leader);
        }
      }
      wait(barrier);
      if (pass.leader) {
        for (int b = 0; b < in_group; b++) batch_loss += t.block_losses_[size_t(b)];
        if (last) account(batch);
      }
      for (int share = thread; share < shares; share += threads)
        add_blocks(share, std::max(in_group - each, 0), last, rule);
      if (last) end_step(thread, threads, barrier, rule);
      meet(pass.leader, barrier);
    }
  }

  // One step of a one-row batch on one thread: the next row is gathered before the weights change, so that
  // the pass over W[0] also forms its net[1] (784-30-10: 304 k to 393 k samples/s). Two rows of the workspace
  // take turns.
  void step_by_row(Pass<T>& pass, const BatchRows& batch, const Rule<T>& rule) {
    const int64_t at = batch.begin;
    const Range here{at % 2, at % 2 + 1}, next{1 - here.begin, 2 - here.begin};
    if (at == 0 && !gather_phase(pass, at, here)) return stop();
    if (at == 0 && zeros_count()) trainer.reach_ = reach_of_first_layer();
    penalty_phase(0);
    delta_phase(pass, at, here, at > 0);
    add_losses(trainer.space_.row_loss + here.begin, weights(here.begin), 1, limit, batch_loss);
    account(batch);
    bool more = at + 1 < batches.rows() && !diverged;
    if (more) {
      pass.step = batches[at + 1].number;  // whose noise the next row gets
      more = gather_phase(pass, at + 1, next);
    }
    weights_phase(trainer.blocks_[0], here, true, true, target(), rule, pass.leader, more ? next.begin : -1);
    average_step(0, rule);
    stop();
  }

  // Whether inputs of 0 may save a one-row step work: there are enough, and nobody else looks at the weights.
  bool zeros_count() const {
    return trainer.settings.rule == Optimizer::sgd && constant_eta && shape().sizes[0] >= 2 * PANEL;
  }

  double reach_of_first_layer() const {
    const LayerShape& layer = shape().layers[0];
    double sum = 0;
    for (int j = 0; j < layer.out; j++) {
      const T* w = trainer.packed_.data() + layer.packed_offset + j / PANEL * layer.panel_size() + j % PANEL;
      for (int i = 0; i < layer.in; i++) sum += std::abs(w[ptrdiff_t(i) * PANEL]);
    }
    return sum;
  }

  void add_blocks(int share, int n, bool last, const Rule<T>& rule) {
    const int64_t stride = shape().packed_size;
    for (const Block& block : trainer.blocks_[size_t(share)]) {
      const LayerShape& layer = shape().layers[size_t(block.layer)];
      const int64_t panel = layer.packed_offset + block.p * layer.panel_size();
      const T* totals = n ? trainer.block_totals_.data() + panel : nullptr;
      kernels.add_blocks(gradient_unit(shape(), trainer.space_, block, {0, 0}, false, last, target()), totals, stride,
                         n, rule.update(block.layer));
    }
  }

  // end_of_step.hpp: what has to see all of the gradient, or weights that have taken their step.
  void end_step(int thread, int threads, Barrier& barrier, const Rule<T>& rule);
  void clipped_step(int share, T scale, const Rule<T>& rule);
  void limit_norms(int share);
  void average_step(int share, const Rule<T>& rule);
  double gradient_norm() const;

  void penalty_phase(int share) {
    if (!shape().penalised()) return;
    trainer.phases.enter(Phase::weights);
    penalty_sums(shape(), kernels, trainer.packed_.data(), share, shares, trainer.penalty_sums_.data());
  }

  void wait(Barrier& barrier) {
    trainer.phases.enter(Phase::wait);
    barrier.wait();
    trainer.phases.enter(Phase::weights);
  }

  // Everyone reads `over` after this barrier, and nobody writes it before the one after the next.
  void meet(bool leader, Barrier& barrier) {
    if (leader) stop();
    wait(barrier);
  }

  void stop() { over = diverged || failed || watch.stopped() || bad.load() != none; }

  void run(int thread, int threads, Barrier& barrier) {
    const FloatEnvironment environment;
    const bool leader = thread == 0;
    Rule<T>& rule = rules[size_t(thread)];
    Pass<T> pass{*trainer.network,
                 kernels,
                 trainer.packed_.data(),
                 trainer.transposed_.data(),
                 trainer.space_,
                 watch,
                 leader,
                 &trainer.sparse_,
                 random.any() ? &random : nullptr,
                 trainer.row_numbers_.data(),
                 0,
                 first_row};
    for (int64_t step = 0; step < batches.size() && !over; step++) {
      const BatchRows batch = batches[step];
      rule.next_step(batch.number, shape().s(batch.total), shape().penalty_of(batch.share));
      pass.step = batch.number;
      if (trainer.row_ahead_)
        step_by_row(pass, batch, rule);
      else if (trainer.blocks_per_share_)
        step_by_blocks(pass, thread, threads, barrier, batch, rule);
      else
        step_by_weights(pass, thread, threads, barrier, batch, rule);
    }
    if (leader) sums.clock = rule.clock();
    if (end && !over) end->run(thread, threads, barrier);
  }
};
