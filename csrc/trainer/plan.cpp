// SPDX-License-Identifier: BSD-3-Clause
#include "trainer/plan.hpp"

#include <algorithm>
#include <tuple>

namespace {
// The finest cut of a panel's inputs: 16 rows are whole vectors of the transposed copy everywhere.
constexpr int SLOT = 16;
static_assert(PANEL % SLOT == 0);

template <class F> void each_slot(const Shape& shape, int begin, int end, F f) {
  for (int k = begin; k < end; k++) {
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

// The blocks of layers [begin, end), in runs of equal work.
void deal_layers(const Shape& shape, int begin, int end, std::vector<std::vector<Block>>& dealt) {
  const int shares = int(dealt.size());
  double total = 0, done = 0;
  each_slot(shape, begin, end, [&](const Block&, double work) { total += work; });
  each_slot(shape, begin, end, [&](const Block& slot, double work) {
    const int share = std::min(shares - 1, int((done + work / 2) / total * shares));
    done += work;
    std::vector<Block>& blocks = dealt[size_t(share)];
    if (!blocks.empty() && blocks.back().layer == slot.layer && blocks.back().p == slot.p)
      blocks.back().i_end = slot.i_end;  // one panel's slots run together
    else
      blocks.push_back(slot);
  });
}
}  // namespace

std::vector<std::vector<Block>> deal_blocks(const Shape& shape, int shares, bool columns_first) {
  std::vector<std::vector<Block>> dealt(static_cast<size_t>(shares));
  if (columns_first) deal_layers(shape, 0, 1, dealt);
  deal_layers(shape, columns_first ? 1 : 0, shape.depth(), dealt);
  return dealt;
}

int inputs_at_a_time(int64_t rows, size_t element) {
  const int64_t fitting = (int64_t(1) << 19) / (rows * int64_t(element)) / PANEL * PANEL;
  return int(std::clamp<int64_t>(fitting, 4 * PANEL, 1 << 20));
}

void order_by_inputs(std::vector<Block>& blocks, int inputs) {
  std::vector<Block> parts;
  for (const Block& block : blocks)
    for (Block part = block; part.i_begin < block.i_end; part.i_begin = part.i_end, part.bias = false) {
      part.i_end = std::min(block.i_end, (part.i_begin / inputs + 1) * inputs);
      parts.push_back(part);
    }
  const auto place = [&](const Block& b) { return std::tuple(b.layer, b.i_begin / inputs, b.p); };
  std::sort(parts.begin(), parts.end(), [&](const Block& a, const Block& b) { return place(a) < place(b); });
  blocks = std::move(parts);
}

bool takes_columns_first(const Shape& shape, int64_t batch, int shares) {
  const int panels = panels_of(shape.sizes[1]), most = (panels + shares - 1) / shares;
  return shares > 1 && shares <= panels && shape.sizes[0] >= 2 * batch && double(most * shares) <= 1.2 * double(panels);
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

int64_t numbers_to_fetch(const Shape& shape, int64_t batch) {
  if (!takes_columns_first(shape, batch, 2)) return shape.n_weights;
  return shape.n_weights + (batch - shape.sizes[0] - 1) * shape.sizes[1];
}

int64_t chunk_rows(const Shape& shape, int64_t batch, int shares, size_t element) {
  // Each thread's share of o and delta should stay near its L2; wide layers take more rows, since
  // every chunk reads all weights again.
  const int64_t fitting = (int64_t(1) << 20) * shares / row_bytes(shape, element);
  const int64_t rows = std::clamp<int64_t>(fitting / KB * KB, 4 * KB, 64 * KB);
  const int64_t most = std::max<int64_t>(most_rows(shape, element) / KB, 1) * KB;
  return std::min({batch, rows, most});
}
