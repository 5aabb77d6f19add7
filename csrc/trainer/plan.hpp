// SPDX-License-Identifier: BSD-3-Clause
// Who does what in a step. Phase A goes by rows, Phase B by blocks of weights; or each thread takes blocks
// of the batch through both. The splits are fixed for a call, so each thread finds its own weights in its
// own cache, and none changes a bit.
#pragma once
#include <vector>

#include "trainer/shape.hpp"

// One block of W[layer]: inputs [i_begin, i_end) by output panel p.
struct Block {
  int layer, p, i_begin, i_end;
  bool bias;  // with the bias row of panel p
};

struct Range {
  int64_t begin, end;
  int64_t size() const { return end - begin; }
};

inline Range share_of(int64_t n, int share, int shares) { return {n * share / shares, n * (share + 1) / shares}; }

// All blocks of all layers, dealt to `shares` in runs of equal work; W[0]'s by themselves if columns come first.
std::vector<std::vector<Block>> deal_blocks(const Shape& shape, int shares, bool columns_first = false);

// The outputs of so many inputs stay in L2 while all panels of deltas pass them. Blocks that are cut there
// go by such parts of the inputs, then by panels (1024-2048-2048-1024, 512 rows, one thread of an Intel: 2979 to 3409
// samples/s, together with the kernels' `stretch_of`).
int inputs_at_a_time(int64_t rows, size_t element);
void order_by_inputs(std::vector<Block>& blocks, int inputs);

// Whether net[1] is formed by columns, each thread reading the weights of W[0] that it has updated itself: where
// few rows meet many inputs, its outputs are less to fetch from the other cores than their weights.
bool takes_columns_first(const Shape& shape, int64_t batch, int shares);

// All panels, each whole, dealt to who has its bias in `blocks`.
std::vector<std::vector<Block>> deal_panels(const Shape& shape, const std::vector<std::vector<Block>>& blocks);

// Small weights and a long batch: each thread forms the gradient of whole blocks of KB rows, from gather
// to totals, and the blocks' totals are added in order. How many blocks each takes before the totals
// meet; 0: the weights are dealt to the threads instead.
int blocks_per_share(const Shape& shape, int64_t batch, int shares, size_t element);

// What two threads would fetch from each other in a step, about: weights that the other has updated, or outputs.
int64_t numbers_to_fetch(const Shape& shape, int64_t batch);

// Whether one thread takes batches of one row with the next row at hand.
bool takes_row_ahead(const Shape& shape, int64_t batch, int shares);

// Rows worked on at a time when weights are dealt: all of the batch if its panels fit the caches, else a multiple of KB
// rows, so that blocks of the batch stay whole and the sums keep their bits.
int64_t chunk_rows(const Shape& shape, int64_t batch, int shares, size_t element);
