// SPDX-License-Identifier: BSD-3-Clause
#include "trainer/shape.hpp"

#include <climits>
#include <stdexcept>

namespace {
template <class E> E named(const std::string& name, const std::vector<std::string>& names, const char* argument) {
  std::string known;
  for (size_t i = 0; i < names.size(); i++) {
    if (names[i] == name) return E(i);
    known += (i ? ", " : "") + names[i];
  }
  throw std::invalid_argument(std::string(argument) + ": got '" + name + "', expected one of " + known);
}

// In the order of the enums.
const std::vector<std::string> loss_names{"half_squared_error",
                                          "binary_cross_entropy",
                                          "cross_entropy",
                                          "squared_error",
                                          "absolute",
                                          "huber",
                                          "quantile",
                                          "log_cosh",
                                          "poisson",
                                          "gamma",
                                          "tweedie",
                                          "hinge",
                                          "squared_hinge",
                                          "focal",
                                          "kl_divergence",
                                          "gaussian_nll",
                                          "given"};
const std::vector<std::string> activation_names{
    "identity", "logistic", "tanh",      "relu",          "softmax",     "threshold", "leaky_relu",
    "prelu",    "elu",      "selu",      "gelu",          "gelu_tanh",   "silu",      "mish",
    "softplus", "softsign", "hard_tanh", "hard_logistic", "exponential", "blend",     "gaussian"};

// The one output activation of a loss that is taken from net; -1: whichever.
int output_of(Loss loss) {
  switch (loss) {
    case Loss::cross_entropy:
    case Loss::kl_divergence: return int(Activation::softmax);
    case Loss::poisson:
    case Loss::gamma:
    case Loss::tweedie: return int(Activation::exponential);
    case Loss::gaussian_nll: return int(Activation::gaussian);
    default: return -1;
  }
}

// A layer's sizes must leave every offset of its panels inside 2^62 elements.
constexpr int64_t most = int64_t(1) << 62;
int64_t plus_product(int64_t sum, int64_t a, int64_t b) {
  int64_t product;
  if (__builtin_mul_overflow(a, b, &product) || __builtin_add_overflow(sum, product, &sum) || sum > most)
    throw std::invalid_argument("layers: too many weights for 62-bit sizes");
  return sum;
}
}  // namespace

Check check_named(const std::string& name) {
  return named<Check>(name, {"finite", "probability", "non_negative", "positive", "sign"}, "targets");
}

Shape::Shape(const std::vector<int64_t>& layer_sizes, const std::vector<ActivationText>& activations,
             const LossSettings& settings, const std::string& reduction, Penalty<double> factors, bool collapse)
    : loss(named<Loss>(settings.name, loss_names, "loss")),
      target(settings),
      mean(named<int>(reduction, {"sum", "mean"}, "reduction")),
      collapsed(collapse),
      penalty(factors),
      n_weights(0),
      packed_size(0),
      hidden_transposed_size(0),
      transposed_size(0) {
  if (layer_sizes.size() < 2 || activations.size() + 1 != layer_sizes.size())
    throw std::invalid_argument("layers: expected at least two sizes, and one activation for each after the first");
  for (int64_t size : layer_sizes) {
    if (size < 1 || size > INT_MAX - 2 * KB)
      throw std::invalid_argument("layers: got " + std::to_string(size) + ", expected sizes from 1 to " +
                                  std::to_string(INT_MAX - 2 * KB));
    sizes.push_back(int(size));
  }
  for (size_t k = 0; k + 1 < sizes.size(); k++) {
    const int in = sizes[k], out = sizes[k + 1];
    const ActivationText& text = activations[k];
    const auto f = named<Activation>(text.name, activation_names, "activation");
    const auto inner = text.inner.empty() ? f : named<Activation>(text.inner, activation_names, "activation");
    const double parameter = text.parameters.empty() ? 0 : text.parameters[0];
    layers.push_back({in, out, f, inner, parameter, n_weights, packed_size, hidden_transposed_size});
    n_weights = plus_product(n_weights, out, int64_t(in) + 1);
    packed_size = plus_product(packed_size, int64_t(panels_of(out)) * PANEL, layers.back().rows());
    if (k > 0) hidden_transposed_size = plus_product(hidden_transposed_size, int64_t(panels_of(in)) * PANEL, out);
  }
  for (LayerShape& layer : layers) {
    layer.alpha_offset = n_weights;
    if (layer.learned()) n_weights = plus_product(n_weights, layer.out, 1);
  }
  for (size_t k = 1; k < layers.size(); k++)
    layers[k].first_panel = layers[k - 1].first_panel + panels_of(layers[k - 1].out);
  layers[0].transposed_offset = hidden_transposed_size;
  transposed_size = plus_product(hidden_transposed_size, int64_t(panels_of(sizes[0])) * PANEL, sizes[1]);
  const Activation last = layers.back().activation;
  const bool probabilities = loss == Loss::binary_cross_entropy || loss == Loss::focal;
  if ((output_of(loss) >= 0 && int(last) != output_of(loss)) ||
      (probabilities && last != Activation::softmax && last != Activation::logistic))
    throw std::invalid_argument("output: this activation has no " + target.name);
  if (last == Activation::gaussian && outputs() % 2)
    throw std::invalid_argument("layers: gaussian needs an even number of outputs");
  if (!target.columns) target.columns = loss == Loss::gaussian_nll ? outputs() / 2 : outputs();
  if (!target.parameter.empty() && int(target.parameter.size()) != outputs())
    throw std::invalid_argument("loss: expected one parameter per output");
}

double Shape::flops_per_row() const {
  double flops = 0;
  for (int k = 0; k < depth(); k++) flops += 2.0 * layers[k].in * layers[k].out * (k ? 3 : 2);
  return flops;
}
