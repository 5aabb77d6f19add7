// SPDX-License-Identifier: BSD-3-Clause
// The architecture in numbers: sizes, activations, loss, and where each layer's weights lie in the
// flat w and in panels.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "kernels/table.hpp"

// As the user wrote it: "blend(tanh, alpha=1)" is {"blend", "tanh", {1}}.
struct ActivationText {
  std::string name, inner;
  std::vector<double> parameters;
};

// Whether each unit learns its parameter.
constexpr bool learns(Activation f) { return f == Activation::prelu || f == Activation::blend; }

// Whether f' comes from o, so that nothing need be kept.
constexpr bool from_output(Activation f) { return f <= Activation::threshold; }

constexpr int panels_of(int columns) { return (columns - 1) / PANEL + 1; }

struct LayerShape {
  int in, out;
  Activation activation, inner;  // inner: what blend blends
  double parameter;              // if it is not learned
  int64_t w_offset;              // W[k], (out, in + 1), in the flat w
  int64_t packed_offset;         // its panels [out / PANEL][rows()][PANEL]
  int64_t transposed_offset;     // its transposed panels [in / PANEL][out][PANEL]
  int first_panel = 0;           // output panels of the layers before

  int64_t alpha_offset = 0;  // of the parameters that its units learn, after all W

  bool learned() const { return learns(activation); }
  int rows() const { return in + 1 + learned(); }  // of a panel: weights, bias, alpha
  int64_t panel_size() const { return int64_t(rows()) * PANEL; }
  int64_t transposed_panel_size() const { return int64_t(out) * PANEL; }
};

struct Shape {
  std::vector<int> sizes;  // H_0 ... H_{m+1}
  std::vector<LayerShape> layers;
  Loss loss;
  bool mean, collapsed;
  Penalty<double> penalty;
  int64_t n_weights, packed_size;
  // W[0] is transposed for dX alone, so it comes last and training leaves it out.
  int64_t hidden_transposed_size, transposed_size;

  // Throws std::invalid_argument for what no network can be.
  Shape(const std::vector<int64_t>& sizes, const std::vector<ActivationText>& activations, const std::string& loss,
        const std::string& reduction, Penalty<double> penalty, bool collapsed);

  int inputs() const { return sizes.front(); }
  int outputs() const { return sizes.back(); }
  int depth() const { return int(layers.size()); }
  bool penalised() const { return penalty.l2 != 0 || penalty.l1 != 0; }
  double s(double weight) const { return mean ? weight : 1.0; }  // of a batch with this sum of s_i
  // Multiply-adds times two of forward, hidden deltas and weight gradient for one row.
  double flops_per_row() const;
};
