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
constexpr bool from_output(Activation f) { return f <= Activation::threshold || f == Activation::gaussian; }
// Functions of a whole row.
constexpr bool of_rows(Activation f) { return f == Activation::softmax || f == Activation::gaussian; }
// Whether the loss of this output is taken from net: its kernel then gives y_hat and delta at once.
constexpr bool from_net(Loss loss, Activation output) {
  switch (loss) {
    case Loss::cross_entropy:
    case Loss::kl_divergence:
    case Loss::focal:
    case Loss::poisson:
    case Loss::gamma:
    case Loss::tweedie:
    case Loss::gaussian_nll: return true;
    default: return loss == Loss::binary_cross_entropy && output == Activation::logistic;
  }
}

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

// The loss, and what Y holds for it.
struct LossSettings {
  std::string name;
  std::vector<double> parameter = {};       // one number per output, or none
  Check check = Check::finite;              // of the numbers in Y
  int columns = 0;                          // of Y; 0: one per output
  bool labels = false, broadcast = false;   // Y may hold class numbers; one column may serve all outputs
  double shift = 0, scale = 1;              // a target becomes (y - shift) scale,
  double label_shift = 0, label_scale = 1;  // so do a label's 1 and 0
};

// "finite", "probability", "non_negative", "positive" or "sign".
Check check_named(const std::string& name);

struct Shape {
  std::vector<int> sizes;  // H_0 ... H_{m+1}
  std::vector<LayerShape> layers;
  Loss loss;
  LossSettings target;
  bool mean, collapsed;
  Penalty<double> penalty;
  bool penalty_over_batch = false;  // gamma(w) is divided by S, as the losses are
  int64_t n_weights, packed_size;
  // W[0] is transposed for dX alone, so it comes last and training leaves it out.
  int64_t hidden_transposed_size, transposed_size;

  // Throws std::invalid_argument for what no network can be.
  Shape(const std::vector<int64_t>& sizes, const std::vector<ActivationText>& activations, const LossSettings& loss,
        const std::string& reduction, Penalty<double> penalty, bool collapsed);

  int inputs() const { return sizes.front(); }
  int outputs() const { return sizes.back(); }
  int targets() const { return target.columns; }
  int depth() const { return int(layers.size()); }
  bool penalised() const { return penalty.l2 != 0 || penalty.l1 != 0; }
  double s(double weight) const { return mean ? weight : 1.0; }  // of a batch with this sum of s_i
  Penalty<double> penalty_of(double weight) const {              // likewise
    const double S = penalty_over_batch ? s(weight) : 1.0;
    return {penalty.l2 / S, penalty.l1 / S};
  }
  // Multiply-adds times two of forward, hidden deltas and weight gradient for one row.
  double flops_per_row() const;
};
