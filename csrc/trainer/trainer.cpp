// SPDX-License-Identifier: BSD-3-Clause
#include "trainer/trainer.hpp"

#include <omp.h>

#include "trainer/end_of_step.hpp"
#include "trainer/parts.hpp"
#include "trainer/threads.hpp"

template <class T>
Trainer<T>::Trainer(std::shared_ptr<Network<T>> trained, const OptimizerSettings& optimizer, int64_t batch, int threads,
                    const SparsitySettings& sparsity, const AveragingSettings& averaging, const RandomSettings& random)
    : settings(optimizer),
      batch_size(batch),
      n_threads(threads),
      average(trained->shape, averaging),
      network(std::move(trained)),
      sparse_(network->shape, sparsity),
      random_(random) {
  const Shape& shape = network->shape;
  for (int s = 0; s < settings.slots(); s++) slots[s] = Buffer<T>(size_t(shape.n_weights));
}

// Everything that may fail happens here, before a bit is changed.
template <class T> void Trainer<T>::prepare(int64_t rows, int shares, const Randomness& random) {
  const Shape& shape = network->shape;
  const bool coupled = couples_rows();
  if (given_) given_.reserve(rows, shape.outputs());
  blocks_per_share_ = coupled ? 0 : blocks_per_share(shape, rows, shares, sizeof(T));
  const bool by_blocks = blocks_per_share_ > 0;
  row_ahead_ = !coupled && settings.by_row() && !clips() && !limits() && takes_row_ahead(shape, rows, shares);
  const int64_t chunk = row_ahead_ ? 2 : by_blocks ? int64_t(KB) * shares : chunk_rows(shape, rows, shares, sizeof(T));
  std::vector<bool> slopes(shape.sizes.size());
  for (size_t k = 1; k < slopes.size(); k++) slopes[k] = random.may_drop(int(k));
  if (space_.capacity < chunk || space_.capacity > 4 * chunk || slopes != slopes_) {
    space_ = {};
    space_ = Workspace<T>(shape, chunk, Workspace<T>::training, slopes);
    slopes_ = slopes;
  }
  if (random.any() && int64_t(row_numbers_.size()) != space_.capacity)
    row_numbers_ = Buffer<int64_t>(size_t(space_.capacity));
  const bool carried = by_blocks || chunk < rows;
  if (carried && !totals_.size()) totals_ = Buffer<T>(size_t(shape.packed_size));
  if (!carried) totals_ = {};
  const size_t others = size_t(shape.packed_size) * size_t(blocks_per_share_) * size_t(shares - 1);
  if (block_totals_.size() != others) block_totals_ = Buffer<T>(others);
  block_losses_.resize(size_t(blocks_per_share_) * size_t(shares));
  const bool columns_first = !coupled && !by_blocks && takes_columns_first(shape, rows, shares);
  const int inputs = inputs_at_a_time(std::min(rows, chunk), sizeof(T));
  if (shares != shares_ || columns_first != columns_first_ || inputs != inputs_at_a_time_) {
    shares_ = 0;  // not those of before, should memory run out
    columns_first_ = columns_first, inputs_at_a_time_ = inputs;
    blocks_ = deal_blocks(shape, shares, columns_first);
    for (std::vector<Block>& blocks : blocks_) order_by_inputs(blocks, inputs);
    all_blocks_ = deal_blocks(shape, 1)[0];
    panels_ = deal_panels(shape, blocks_);
    shares_ = shares;
  }
  if (seen_version_ == network->version()) return;
  const bool within_epoch = seen_version_ && open_ && open_->sums.steps;
  seen_version_ = 0;
  if (!packed_.size()) {
    transposed_ = Buffer<T>(size_t(shape.hidden_transposed_size));
    for (int s = 0; s < settings.slots(); s++) packed_slots_[s] = Buffer<T>(size_t(shape.packed_size));
    if (shape.penalised()) penalty_sums_ = Buffer<T>(penalty_size(shape));
    if (clips()) {
      gradient_ = Buffer<T>(size_t(shape.packed_size));
      unit_squares_ = Buffer<double>(size_t(all_panels(shape)) * PANEL);
    }
    if (average.on()) average.packed = Buffer<T>(size_t(shape.packed_size));
    packed_ = Buffer<T>(size_t(shape.packed_size));  // last: its size says that all are there
  }
  pack(!within_epoch);
}

// From the network's weights and, as an epoch begins, the state.
template <class T> void Trainer<T>::pack(bool slots_too) {
  const Shape& shape = network->shape;
  uint64_t version = 0;
  network->read([&](const T* w) {
    version = network->version();
    pack_all(shape, w, packed_.data());
  });
  for (size_t k = 1; k < shape.layers.size(); k++) transpose(shape.layers[k], packed_.data(), transposed_.data());
  seen_version_ = version;
  if (!slots_too) return;
  for (int s = 0; s < settings.slots(); s++) pack_all(shape, slots[s].data(), packed_slots_[s].data());
  if (average.on()) pack_all(shape, average.flat.data(), average.packed.data());
}

// Whether this share of the weights is: a last update may overflow after a finite loss. What lies in
// the padding may be anything, and stays there: a bad row of a failed epoch, for example.
template <class T> bool Trainer<T>::finite(int share, int shares) const {
  int bad = 0;
  for (const LayerShape& layer : network->shape.layers) {
    const Range panels = share_of(panels_of(layer.out), share, shares);
    for (int64_t p = panels.begin; p < panels.end; p++) {
      const T* row = packed_.data() + layer.packed_offset + p * layer.panel_size();
      const int columns = std::min(PANEL, layer.out - int(p) * PANEL);
      for (int i = 0; i < layer.rows(); i++, row += PANEL)
        for (int c = 0; c < columns; c++) bad |= !(row[c] - row[c] == 0);
    }
  }
  return !bad;
}

template <class T> void Trainer<T>::commit(int share, int shares) {
  const Shape& shape = network->shape;
  for (const LayerShape& layer : shape.layers) {
    const Range panels = share_of(panels_of(layer.out), share, shares);
    unpack(layer, packed_.data(), network->locked_w(), int(panels.begin), int(panels.end));
    for (int s = 0; s < settings.slots(); s++)
      unpack(layer, packed_slots_[s].data(), slots[s].data(), int(panels.begin), int(panels.end));
    if (average.on()) unpack(layer, average.packed.data(), average.flat.data(), int(panels.begin), int(panels.end));
  }
}

template <class T> void Trainer<T>::train(const Part<T>& rows, EpochSums& sums, bool ends, Watch& watch) {
  const Shape& shape = network->shape;
  const int64_t count = rows.count, size = std::min(batch_size ? batch_size : count, count);
  const Batches<T> batches(rows.order, count, size, shape.mean, rows.sample_weight, sums.share);
  const int64_t batch = batches.largest();
  const int shares = threads_for(n_threads, shape.flops_per_row() * double(batch),
                                 double(sizeof(T)) * double(numbers_to_fetch(shape, batch)));
  const int workers = workers_for(shares);
  phases.begin(workers);
  const Kernels<T>& kernels = kernels_of<T>(table_in_use());
  const Randomness random(random_, rows.numbers, shape.depth(), epochs, kernels);
  given_.function = rows.function;
  prepare(batch, shares, random);
  const uint64_t seen = std::exchange(seen_version_, 0);  // packed_ is no epoch's meanwhile, nor in a child
  EndOfEpoch end{*this, kernels, shares};
  Epoch run{*this,
            sums,
            rows.X,
            rows.Y,
            check_of(shape, rows.labels),
            batches,
            chunk_rows(shape, batch, shares, sizeof(T)),
            shares,
            rows.numbers,
            random,
            kernels,
            watch,
            rows.first_row,
            rows.step_losses,
            ends ? &end : nullptr,
            {size_t(workers), Rule<T>(settings, sums.clock, rows.numbers)}};
  Barrier barrier(workers);
  on_threads(workers, [&](int thread, int threads) { run.run(thread, threads, barrier); });
  phases.end();

  if (!ends && !run.over) seen_version_ = seen;  // else EndOfEpoch has set it, or the next starts from w again
  if (run.bad.load() != Epoch::none) {
    const int64_t place = run.bad.load() / 2;
    throw BadRow{run.bad.load() % 2 == 1, batches.row(place)};
  }
  if (run.failed) throw LossFailed{};
  if (run.diverged || end.unfit) throw Diverged{epochs + 1, run.sums.steps, run.sums.last_loss};
  if (run.over) throw Interrupted{};
  sums = run.sums;
  sums.share = batches.share();
}

template <class T> double Trainer<T>::epoch(const Part<T>& rows, Watch& watch) {
  const FloatEnvironment calling_thread;
  const Claim claim(*network);
  if (open_) throw Busy{};
  EpochSums sums{clock};
  train(rows, sums, true, watch);
  clock = sums.clock;
  epochs++;
  return sums.loss / sums.share;
}

template class Trainer<float>;
template class Trainer<double>;
