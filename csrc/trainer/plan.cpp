// SPDX-License-Identifier: BSD-3-Clause
#include "trainer/plan.hpp"

#include <algorithm>

namespace {
// The finest cut of a panel's inputs: 16 rows are whole vectors of the transposed copy everywhere.
constexpr int SLOT = 16;
static_assert(PANEL % SLOT == 0);

template <class F> void each_slot(const Shape& shape, F f) {
  for (int k = 0; k < shape.depth(); k++) {
    const LayerShape& layer = shape.layers[k];
    for (int p = 0; p < panels_of(layer.out); p++)
      for (int i = 0; i < layer.in; i += SLOT) {
        const int rows = std::min(SLOT, layer.in - i);
        // Work: the tile's rows by its columns, in vectors of 16.
        const int columns = std::min(PANEL, layer.out - p * PANEL) > PANEL / 2 ? PANEL : PANEL / 2;
        f(Block{k, p, i, i + rows, i == 0}, double(rows + (i == 0)) * columns);
      }
  }
}
}  // namespace

std::vector<std::vector<Block>> deal_blocks(const Shape& shape, int shares) {
  double total = 0, done = 0;
  each_slot(shape, [&](const Block&, double work) { total += work; });
  std::vector<std::vector<Block>> dealt(static_cast<size_t>(shares));
  each_slot(shape, [&](const Block& slot, double work) {
    const int share = std::min(shares - 1, int((done + work / 2) / total * shares));
    done += work;
    std::vector<Block>& blocks = dealt[size_t(share)];
    if (!blocks.empty() && blocks.back().layer == slot.layer && blocks.back().p == slot.p)
      blocks.back().i_end = slot.i_end;  // one panel's slots run together
    else
      blocks.push_back(slot);
  });
  return dealt;
}

std::vector<std::vector<Block>> deal_panels(const Shape& shape, const std::vector<std::vector<Block>>& blocks) {
  std::vector<std::vector<Block>> dealt(blocks.size());
  for (size_t share = 0; share < blocks.size(); share++)
    for (const Block& block : blocks[share])
      if (block.bias) dealt[share].push_back({block.layer, block.p, 0, shape.layers[size_t(block.layer)].in, true});
  return dealt;
}

namespace {
// Bytes of o, delta and what is kept, for one row.
int64_t row_bytes(const Shape& shape, size_t element) {
  int64_t columns = 0;
  for (int size : shape.sizes) columns += 2 * int64_t(panels_of(size)) * PANEL;
  for (const LayerShape& layer : shape.layers)  // what it keeps
    if (!from_output(layer.activation)) columns += (1 + layer.learned()) * int64_t(panels_of(layer.out)) * PANEL;
  return columns * int64_t(element);
}

// Rows whose panels a training may hold at a time: 20 MB beside twice its weights.
int64_t most_rows(const Shape& shape, size_t element) {
  return ((int64_t(20) << 20) + 2 * shape.n_weights * int64_t(element)) / row_bytes(shape, element);
}
}  // namespace

int blocks_per_share(const Shape& shape, int64_t batch, int shares, size_t element) {
  constexpr int64_t small = 64 * 1024, room = 1024 * 1024;  // elements of one block's totals, of all
  const int64_t blocks = (batch + KB - 1) / KB, each = (blocks + shares - 1) / shares;
  // Shares that wait for the longest cost more than what crosses between the cores.
  const bool even = double(std::min(each * KB, batch) * shares) <= 1.2 * double(batch);
  if (blocks < 2 || !even || shape.packed_size > small || int64_t(KB) * shares > most_rows(shape, element)) return 0;
  const int64_t most = std::max<int64_t>(room / shape.packed_size / shares, 1);
  const int64_t meetings = (each + most - 1) / most;
  return int((each + meetings - 1) / meetings);
}

bool takes_row_ahead(const Shape& shape, int64_t batch, int shares) {
  return batch == 1 && shares == 1 && shape.sizes[0] <= 65536;  // in_parts leaves such panels whole
}

int64_t chunk_rows(const Shape& shape, int64_t batch, int shares, size_t element) {
  // Each thread's share of o and delta should stay near its L2; wide layers take more rows, since
  // every chunk reads all weights again.
  const int64_t fitting = (int64_t(1) << 20) * shares / row_bytes(shape, element);
  const int64_t rows = std::clamp<int64_t>(fitting / KB * KB, 4 * KB, 64 * KB);
  const int64_t most = std::max<int64_t>(most_rows(shape, element) / KB, 1) * KB;
  return std::min({batch, rows, most});
}
