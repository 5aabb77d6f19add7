// SPDX-License-Identifier: BSD-3-Clause
// The training loop: one parallel region per epoch or part of one, two barriers per step, or per part of a
// batch that comes in several. Owns the packed weights, the optimizer's state and the only threads. A call
// that fails or is interrupted leaves the network and the state as at the end of the last finished epoch.
#pragma once
#include <atomic>
#include <limits>
#include <memory>
#include <optional>

#include "trainer/average.hpp"
#include "trainer/batches.hpp"
#include "trainer/numbers.hpp"
#include "trainer/optimizer.hpp"
#include "trainer/pass.hpp"
#include "trainer/phases.hpp"

// The loss is not finite, or, with a finite loss, the weights are not.
struct Diverged {
  int64_t epoch, step;
  double loss;
};
struct Interrupted {};

// The rows that one call takes: those of X and Y in the order (null: as they stand; else `count` valid row
// numbers), with a weight of each row of X (null: 1).
template <class T> struct Part {
  const Rows X, Y;
  bool labels;
  const int64_t* order;
  int64_t count;
  const double* sample_weight;
  const Numbers& numbers;               // of these rows' steps
  LossFunction<T>* function = nullptr;  // the loss, where the network's is given; then Y is not looked at
  int64_t first_row = 0;                // X's first row among the epoch's, for what is drawn
  double* step_losses = nullptr;        // of each of these rows' batches that makes a step: L, and gamma(w) in it
};

// What the steps of an epoch have come to so far.
struct EpochSums {
  OptimizerClock clock;
  double loss = 0, share = 0;  // the batches' losses by their shares, and these
  int64_t steps = 0;
  double last_loss = std::numeric_limits<double>::quiet_NaN();  // of a batch
};

template <class T> class Trainer {
 public:
  // batch_size 0: all rows of the call; n_threads 0: the default.
  Trainer(std::shared_ptr<Network<T>> network, const OptimizerSettings& settings, int64_t batch_size, int n_threads,
          const SparsitySettings& sparsity = {}, const AveragingSettings& averaging = {},
          const RandomSettings& random = {});

  // One pass over all rows. Returns the mean of the batch losses before each update, by the batches' weights.
  // Throws BadRow, BadWeight, NoWeight, LossFailed, Diverged, Interrupted, Busy.
  double epoch(const Part<T>& rows, Watch& watch);

  // The same epoch, bit for bit, of rows that come in parts of whole batches; the last may end with a short
  // one. Nobody else may train the network or change its weights in between; or, if `visible`, every part shows
  // its weights as the network's, and goes on from those that were assigned. A part that throws has abandoned
  // the epoch: network and state are as at its beginning. Throw std::runtime_error out of turn.
  void begin_epoch(bool visible);
  double part(const Part<T>& rows, Watch& watch);  // returns the loss of the last batch; NaN: all rows weigh 0
  double end_epoch();                              // returns as `epoch` does
  void abandon_epoch();                            // if one is open
  bool open() const { return bool(open_); }

  // Of an epoch of `count` rows.
  int64_t steps(int64_t count) const { return batch_size ? (count + batch_size - 1) / batch_size : 1; }

  // State at the end of the last finished epoch; slots in the order of w.
  const OptimizerSettings settings;
  const int64_t batch_size;
  const int n_threads;
  int64_t epochs = 0;
  OptimizerClock clock{};
  Buffer<T> slots[MOST_SLOTS];
  Average<T> average;

  const std::shared_ptr<Network<T>> network;
  Phases phases;

  // After slots, clock or epochs were assigned from outside.
  void state_assigned() { seen_version_ = 0; }

 private:
  struct Epoch;
  struct EndOfEpoch;
  using Claim = Shared::Claim;

  // An epoch in parts.
  struct Open {
    EpochSums sums;
    std::optional<Claim> claim{};  // none: its weights are visible
    Buffer<T> before{};            // w at the beginning, where later ones are visible
    bool complete = false;         // a batch was not whole: no part may follow
    bool weightless = false;       // some part was
  };

  // Whether a step needs all of the gradient before any weight may change.
  bool clips() const { return settings.clip_norm > 0; }
  // Whether weights change once more after the optimizer's step on them.
  bool limits() const { return settings.max_norm > 0; }

  void train(const Part<T>& rows, EpochSums& sums, bool ends, Watch& watch);
  void prepare(int64_t rows, int shares, const Randomness& random);
  void pack(bool slots_too);
  void show();
  void abandon();
  bool finite(int share, int shares) const;
  void commit(int share, int shares);
  void average_blocks(const std::vector<Block>& blocks, T weight, const Kernels<T>& kernels);

  uint64_t seen_version_ = 0;  // of network->w, when packed_ was made from it; 0: never
  Buffer<T> packed_, transposed_, packed_slots_[MOST_SLOTS], totals_, penalty_sums_;
  Workspace<T> space_;
  int shares_ = 0;
  std::vector<std::vector<Block>> blocks_;  // of weights, by share
  std::vector<std::vector<Block>> panels_;  // the same, each whole
  int inputs_at_a_time_ = 0;                // of a share's blocks
  int blocks_per_share_ = 0;                // of the batch; 0: weights are dealt
  bool columns_first_ = false;              // net[1] by columns, the rest by rows
  bool row_ahead_ = false;                  // one-row batches on one thread
  double reach_ = 0;                        // of W[0], in one-row batches
  std::vector<Block> all_blocks_;           // of weights, for a share that forms all totals of its rows
  Buffer<T> block_totals_;                  // [blocks between meetings][packed_size]
  std::vector<double> block_losses_;
  SparseLayer<T> sparse_;
  const RandomSettings random_;
  std::vector<bool> slopes_;  // layers of space_ that keep one to be dropped from
  Buffer<int64_t> row_numbers_;
  Buffer<T> gradient_;           // where a step needs all of it: packed
  Buffer<double> unit_squares_;  // of the gradient: [panel][PANEL]
  GivenLoss<T> given_;
  std::optional<Open> open_;
  std::atomic<bool> in_call_{false};  // of the epoch in parts

  // Whether something must see the whole batch before there is any delta.
  bool couples_rows() const { return sparse_.couples_rows() || given_; }
};
