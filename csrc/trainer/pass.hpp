// SPDX-License-Identifier: BSD-3-Clause
// One chunk of rows through the network: the phases of a step as calls into the kernels. Phase A
// (gather, forward, output, backward) takes any range of the chunk's rows, Phase B any blocks of
// weights; the callers own the threads and the barriers between them.
#pragma once
#include <algorithm>

#include "kernels/dispatch.hpp"
#include "trainer/loss_function.hpp"
#include "trainer/network.hpp"
#include "trainer/optimizer.hpp"
#include "trainer/plan.hpp"
#include "trainer/random.hpp"
#include "trainer/sparsity.hpp"
#include "trainer/watch.hpp"
#include "trainer/workspace.hpp"

// A value that the data may not hold: found on gather, named by array and row.
struct BadRow {
  bool in_Y;
  int64_t row;
};

// What the targets must be for this network's loss.
inline Check check_of(const Shape& shape, bool labels) { return labels ? Check::label : shape.target.check; }

template <class T> struct Pass {
  const Network<T>& network;
  const Kernels<T>& kernels;
  const T* packed;
  const T* transposed;  // null for a forward pass alone
  Workspace<T>& space;
  Watch& watch;
  bool leader = false;
  const SparseLayer<T>* sparse = nullptr;  // a trainer's
  const Randomness* random = nullptr;      // a trainer's that draws anything
  int64_t* row_numbers = nullptr;          // of the chunk's rows in the epoch's data
  int64_t step = 0;                        // of the call
  int64_t first_row = 0;                   // of the call, in the epoch

  const Shape& shape() const { return network.shape; }

  // Calls work(rows) for pieces of the rows of some milliseconds, and looks at the
  // watch in between.
  template <class Work> void in_pieces(Range rows, double operations_per_row, Work work) {
    const int64_t most = operations_per_row * double(rows.size()) <= kernels.piece
                             ? rows.size()
                             : std::max<int64_t>(int64_t(kernels.piece / operations_per_row), 1);
    for (int64_t begin = rows.begin; begin < rows.end && !watch.stopped(); begin += most) {
      const Range piece{begin, std::min(begin + most, rows.end)};
      work(piece);
      watch.tick(leader, operations_per_row * double(piece.size()));
    }
  }

  // The chosen rows into the chunk from row `begin` on; returns the first bad place, or -1.
  int64_t gather(const Rows& from, const Selection& chosen, const T* shift, const T* scale, Check check, T* to) {
    int64_t bad = -1;
    in_pieces({0, chosen.count}, 10.0 * from.columns, [&](Range piece) {
      if (bad >= 0) return;
      const Selection part{chosen.order ? chosen.order + piece.begin : nullptr, chosen.first + piece.begin,
                           piece.size(), chosen.count + chosen.next - piece.end};
      const int64_t place =
          kernels.gather(from, part, shift, scale, check, shape().outputs(), to + piece.begin * PANEL, space.stride);
      if (place >= 0) bad = piece.begin + place;
    });
    return bad;
  }
  int64_t gather_X(const Rows& X, const Selection& chosen, int64_t begin) {
    return gather(X, chosen, network.shift(), network.scale(), Check::finite, space.o[0] + begin * PANEL);
  }
  int64_t gather_Y(const Rows& Y, const Selection& chosen, int64_t begin, Check check) {
    const bool labels = check == Check::label;
    return gather(Y, chosen, network.y_shift(labels), network.y_scale(labels), check, space.Y + begin * PANEL);
  }

  // C = A B for the rows: as many panels at a time as make a piece, or one panel and pieces of the rows.
  template <class Call> void contract(const T* A, const T* B, ptrdiff_t B_stride, T* C, Range rows, int k, int columns,
                                      Call call, Range of_panels) {
    const double per_row = 2.0 * k * PANEL;
    const int64_t most = std::max<int64_t>(int64_t(kernels.piece / (per_row * double(rows.size()))), 1);
    for (int64_t p = of_panels.begin; p < of_panels.end && !watch.stopped(); p += most) {
      const int64_t end = std::min(p + most, of_panels.end);
      in_pieces(rows, per_row * double(end - p), [&](Range piece) {
        call(Contraction<T>{A + piece.begin * PANEL, space.stride, B, B_stride, C + piece.begin * PANEL, space.stride,
                            piece.size(), k, columns, int(p), int(end)},
             piece);
      });
    }
  }

  // The activation of layer k (1 ...), and what it keeps from row `begin` of the chunk on.
  Function<T> function(int k) const {
    const LayerShape& layer = shape().layers[size_t(k) - 1];
    const T* alpha = packed + layer.packed_offset + int64_t(layer.in + 1) * PANEL;
    return {layer.activation, T(layer.parameter), layer.learned() ? alpha : nullptr, layer.panel_size(), layer.inner};
  }
  Activation activation(int k) const { return shape().layers[size_t(k) - 1].activation; }
  // A layer that drops units keeps a slope too, but not for its activation.
  Kept<T> kept(int k, int64_t begin, bool dropping = false) const {
    if (!dropping && from_output(activation(k))) return {};
    const Kept<T>& all = space.kept[size_t(k)];
    return {all.slope ? all.slope + begin * PANEL : nullptr, all.influence ? all.influence + begin * PANEL : nullptr};
  }

  // o[k] -> net[k+1]
  void net(int k, Range rows) { net(k, rows, all_panels_of(shape().sizes[size_t(k) + 1])); }
  void net(int k, Range rows, Range panels) {
    affine(k, rows, panels, [this](const Contraction<T>& c, Range) { kernels.affine(c, {Activation::identity}, {}); });
  }
  template <class Call> void affine(int k, Range rows, Range panels, Call call) {
    const LayerShape& layer = shape().layers[size_t(k)];
    contract(space.o[size_t(k)], packed + layer.packed_offset, layer.panel_size(), space.o[size_t(k) + 1], rows,
             layer.in, layer.out, call, panels);
  }
  static Range all_panels_of(int columns) { return {0, panels_of(columns)}; }

  // net[k] -> o[k]
  void activate(int k, Range rows) {
    kernels.activate(space.o[size_t(k)] + rows.begin * PANEL, space.stride, rows.size(), shape().sizes[size_t(k)],
                     function(k), kept(k, rows.begin));
  }

  // o[0] -> o[1] ... ; the last layer stops at net, from which `output` or `activate` goes on.
  // `net_1`: net[1] is there already.
  void forward(Range rows, bool net_1 = false) {
    for (int k = 0; k + 1 < shape().depth(); k++) {
      const Function<T> f = function(k + 1);
      const bool there = k == 0 && net_1;
      if (!there)
        affine(k, rows, all_panels_of(shape().sizes[size_t(k) + 1]),
               [&](const Contraction<T>& c, Range piece) { kernels.affine(c, f, kept(k + 1, piece.begin)); });
      if (there || f.f == Activation::softmax) activate(k + 1, rows);
      if (drops(k + 1)) drop(k + 1, rows);
    }
    const int last = shape().depth() - 1;
    if (last > 0 || !net_1) net(last, rows);
  }

  // Of a given loss: y_hat for it to read, (rows, K) row by row, ...
  void show_outputs(Range rows, T* y_hat) {
    activate(shape().depth(), rows);
    unpack_rows(space.o.back() + rows.begin * PANEL, space.stride, {nullptr, 0, rows.size()}, shape().outputs(), y_hat);
  }

  // ... and what it made of these rows, from place `from` of the order on: L_i, and u where Y would stand.
  void take_given(const GivenLoss<T>& given, int64_t from, Range rows) {
    const int K = shape().outputs();
    const int64_t first = from - given.begin;
    std::copy_n(given.losses.data() + first, rows.size(), space.row_loss + rows.begin);
    const T* derivative = given.derivative.data() + first * K;
    for (int64_t r = rows.begin; r < rows.end; r++, derivative += K)
      for (int j = 0; j < K; j++) space.Y[j / PANEL * space.stride + r * PANEL + j % PANEL] = -derivative[j];
  }

  // net -> y_hat, L_i, and delta of the output layer. Where the kernel of the loss knows nothing of the
  // activation, its delta is u, and f' comes after.
  void output(Range rows) {
    const int last = shape().depth();
    const Activation f = shape().layers.back().activation;
    const bool given = shape().loss == Loss::given;  // then y_hat is there
    const bool fused = from_net(shape().loss, f) || (from_output(f) && !space.kept[size_t(last)].slope);
    in_pieces(rows, 60.0 * shape().outputs(), [&](Range piece) {
      const int64_t at = piece.begin * PANEL;
      if (!fused && !given) activate(last, piece);
      kernels.output({space.o.back() + at, space.delta.back() + at, space.Y + at, space.row_loss + piece.begin,
                      space.stride, piece.size(), shape().outputs(), fused ? f : Activation::identity, shape().loss,
                      shape().collapsed, network.loss_parameter()});
      if (!fused) times_derivative(last, piece);
      if (sparse && sparse->by_row()) l1_losses(piece);
    });
  }

  // delta[k] = f' u, where u stands.
  void times_derivative(int k, Range rows) {
    const int64_t at = rows.begin * PANEL;
    const T* o = space.o[size_t(k)] + at;
    T* delta = space.delta[size_t(k)] + at;
    Kept<T> with = kept(k, rows.begin, drops(k));
    if (drops(k) && activation(k) == Activation::softmax) {
      drop(k, rows, delta, {});
      o = with.slope;  // before it was dropped
      with = {};
    }
    kernels.times_derivative({o, delta, space.stride, rows.size(), shape().sizes[size_t(k)], activation(k), with});
  }

  bool drops(int k) const { return random && random->threshold(k, step); }

  // o[k] loses the units that this step drops, with what is kept of them; the input has nothing kept.
  void drop(int k, Range rows) {
    drop(k, rows, space.o[size_t(k)] + rows.begin * PANEL, k ? kept(k, rows.begin, true) : Kept<T>{});
  }
  void drop(int k, Range rows, T* o, const Kept<T>& of_layer) {
    const uint32_t threshold = random->threshold(k, step);
    const Activation f = k ? activation(k) : Activation::identity;
    kernels.drop({random->masks_of(k, row_numbers + rows.begin, rows.size(), space.stride, shape().sizes[size_t(k)]), o,
                  of_layer, !from_output(f), f, threshold, T(0x1p32 / (0x1p32 - threshold))});
  }

  // The input of rows that were just gathered: noise, and what is dropped of it.
  void perturb(const Selection& chosen, Range rows) {
    if (!random) return;
    for (int64_t r = 0; r < rows.size(); r++)
      row_numbers[rows.begin + r] = first_row + (chosen.order ? chosen.order[r] : chosen.first + r);
    if (const double sigma = random->noise(step))
      kernels.add_noise({random->noise_of(row_numbers + rows.begin, rows.size(), space.stride, shape().inputs()),
                         space.o[0] + rows.begin * PANEL, T(sigma)});
    if (drops(0)) drop(0, rows);
  }

  void l1_losses(Range rows) {
    const size_t k = size_t(sparse->settings.layer);
    kernels.l1_losses(space.o[k] + rows.begin * PANEL, space.stride, rows.size(), shape().sizes[k],
                      T(sparse->settings.weight), space.row_loss + rows.begin);
  }

  // out = sum over j of delta[k+1]_j W_ji, finished by the call.
  template <class Call> void through_weights(int k, Range rows, T* out, Call call) {
    const LayerShape& layer = shape().layers[size_t(k)];
    contract(space.delta[size_t(k) + 1], transposed + layer.transposed_offset, layer.transposed_panel_size(), out, rows,
             layer.out, layer.in, call, all_panels_of(layer.in));
  }

  // delta of the output layer -> delta[m] ... delta[1].
  void backward(Range rows) {
    for (int k = shape().depth() - 1; k > 0; k--) {
      const size_t layer = size_t(k);
      const Activation f = shape().layers[layer - 1].activation;
      const T* o = space.o[layer];
      const bool pulled = sparse && sparse->on(k), later = pulled || f == Activation::softmax;
      through_weights(k, rows, space.delta[layer], [&](const Contraction<T>& c, Range piece) {
        if (later)
          kernels.hidden_delta(c, Activation::identity, nullptr, {});
        else
          kernels.hidden_delta(c, f, o + piece.begin * PANEL, kept(k, piece.begin, drops(k)));
      });
      if (later)
        in_pieces(rows, 4.0 * shape().sizes[layer], [&](Range piece) {
          if (pulled) add_pull(k, piece);
          times_derivative(k, piece);
        });
    }
  }

  // delta of every layer by the weights of its rows, when nothing asks for delta itself any more; and what the
  // gradients of learned parameters add up.
  void weigh(Range rows) {
    for (int k = 1; k <= shape().depth(); k++)
      for (T* numbers : {space.delta[size_t(k)], space.kept[size_t(k)].influence})
        if (numbers)
          in_pieces(rows, 2.0 * shape().sizes[size_t(k)], [&](Range piece) {
            kernels.weigh_rows(numbers + piece.begin * PANEL, space.stride, piece.size(), shape().sizes[size_t(k)],
                               space.s + piece.begin);
          });
  }

  void add_pull(int k, Range rows) {
    const size_t layer = size_t(k);
    const int64_t at = rows.begin * PANEL;
    kernels.add_pull({space.o[layer] + at, space.delta[layer] + at, space.stride, rows.size(), shape().sizes[layer],
                      T(sparse->settings.weight), sparse->pull()});
  }
};

// Where one block's weights, state and totals lie; null buffers stay null.
template <class T> struct BlockTarget {
  T* w;
  T* slot[MOST_SLOTS];
  T* total;
  T* gradient;
  T* transposed;
};

template <class T>
GradientUnit<T> gradient_unit(const Shape& shape, const Workspace<T>& space, const Block& block, Range rows, bool first,
                              bool last, const BlockTarget<T>& target) {
  const LayerShape& layer = shape.layers[size_t(block.layer)];
  const int64_t panel = layer.packed_offset + block.p * layer.panel_size();
  const auto place = [](T* base, int64_t offset) { return base ? base + offset : nullptr; };
  GradientUnit<T> unit{};
  unit.o = space.o[size_t(block.layer)] + rows.begin * PANEL;
  unit.stride = space.stride;
  unit.delta = space.delta[size_t(block.layer) + 1] + block.p * space.stride + rows.begin * PANEL;
  unit.rows = rows.size();
  unit.in = layer.in;
  unit.i_begin = block.i_begin;
  unit.i_end = block.i_end;
  unit.columns = std::min(PANEL, layer.out - block.p * PANEL);
  unit.bias = block.bias;
  const T* influence = space.kept[size_t(block.layer) + 1].influence;
  if (influence) unit.influence = influence + block.p * space.stride + rows.begin * PANEL;
  unit.first = first;
  unit.last = last;
  unit.total = place(target.total, panel);
  unit.w = place(target.w, panel);
  for (int s = 0; s < MOST_SLOTS; s++) unit.slot[s] = place(target.slot[s], panel);
  unit.gradient = place(target.gradient, panel);
  // The input layer's deltas are never asked for in training, so W[0] needs no transposed copy.
  if (target.transposed && block.layer > 0) {
    unit.transposed = target.transposed + layer.transposed_offset + int64_t(block.p) * PANEL * PANEL;
    unit.transposed_stride = layer.transposed_panel_size();
  }
  return unit;
}

// Calls work(part) for parts of the block of about 2e7 operations each, whole panels: between them the
// caller may look at the watch.
template <class Work> void in_parts(const Block& block, int64_t rows, Work work) {
  const int most = PANEL * int(std::max<int64_t>(int64_t(2e7 / (2.0 * PANEL * PANEL)) / rows, 1));
  for (Block part = block; part.i_begin < block.i_end; part.i_begin = part.i_end, part.bias = false) {
    part.i_end = std::min(block.i_end, (part.i_begin / PANEL) * PANEL + most);
    work(part, 2.0 * double(rows) * (part.i_end - part.i_begin) * PANEL);
  }
}

inline int all_panels(const Shape& shape) {
  int panels = 0;
  for (const LayerShape& layer : shape.layers) panels += panels_of(layer.out);
  return panels;
}

// The sums over each unit's weights that gamma(w) adds: squares [panel][PANEL], then magnitudes likewise.
inline size_t penalty_size(const Shape& shape) { return 2 * size_t(all_panels(shape)) * PANEL; }

template <class T>
void penalty_sums(const Shape& shape, const Kernels<T>& kernels, const T* packed, int share, int shares, T* q) {
  T* magnitudes = q + int64_t(all_panels(shape)) * PANEL;
  int64_t panel = 0;
  for (const LayerShape& layer : shape.layers)
    for (int p = 0; p < panels_of(layer.out); p++, panel++) {
      if (panel % shares != share) continue;
      const T* w = packed + layer.packed_offset + p * layer.panel_size();
      if (shape.penalty.l2 != 0) kernels.sum_of_squares(w, layer.in, q + panel * PANEL);
      if (shape.penalty.l1 != 0) kernels.sum_of_magnitudes(w, layer.in, magnitudes + panel * PANEL);
    }
}

// gamma(w) = l2/2 sum of squares + l1 sum of magnitudes, as it counts in a batch with this sum of s_i.
template <class T> double penalty(const Shape& shape, double weight, const T* q) {
  const Penalty<double> factors = shape.penalty_of(weight);
  const auto total = [&](const T* of_panel) {
    double sum = 0;
    for (const LayerShape& layer : shape.layers) {
      for (int j = 0; j < layer.out; j++) sum += double(of_panel[j]);
      of_panel += int64_t(panels_of(layer.out)) * PANEL;
    }
    return sum;
  };
  double gamma = 0;
  if (factors.l2 != 0) gamma += 0.5 * factors.l2 * total(q);
  if (factors.l1 != 0) gamma += factors.l1 * total(q + int64_t(all_panels(shape)) * PANEL);
  return gamma;
}

// Adds s_i L_i (s null: L_i), of each L_i no more than `limit`, in blocks of KB; `total` is carried from chunk to
// chunk.
template <class T> void add_losses(const T* row_loss, const T* s, int64_t rows, double limit, double& total) {
  for (int64_t r0 = 0; r0 < rows; r0 += KB) {
    double sum = 0;
    for (int64_t r = r0; r < std::min(rows, r0 + KB); r++) {
      const double L = std::min(double(row_loss[r]), limit);
      sum += s ? double(s[r]) * L : L;
    }
    total += sum;
  }
}
