// SPDX-License-Identifier: BSD-3-Clause
#include "binding/network.hpp"

#include <pybind11/stl.h>

#include <tuple>

#include "trainer/evaluate.hpp"

namespace {
using Columns = std::vector<py::array>;

template <class T> Columns new_rows(const Shape& shape, int64_t n, size_t first) {
  Columns arrays;
  for (size_t k = first; k < shape.sizes.size(); k++)
    arrays.push_back(py::array_t<T>(std::vector<py::ssize_t>{n, shape.sizes[k]}));
  return arrays;
}

// Pointers by layer number: layers before `first` are null.
template <class T> std::vector<T*> pointers(Columns& arrays, size_t first) {
  std::vector<T*> by_layer(first, nullptr);
  for (py::array& array : arrays) by_layer.push_back(static_cast<T*>(array.mutable_data()));
  return by_layer;
}

template <class T>
std::vector<const T*> exact_rows(const py::list& arrays, const Shape& shape, int64_t n, size_t first,
                                 const char* argument) {
  if (arrays.size() + first != shape.sizes.size()) throw Refused{argument};
  std::vector<const T*> by_layer(first, nullptr);
  for (size_t k = first; k < shape.sizes.size(); k++)
    by_layer.push_back(exact<T>(arrays[k - first], {n, shape.sizes[k]}, false, argument));
  return by_layer;
}

template <class T> std::shared_ptr<Network<T>> make(const Shape& shape, const py::object& shift,
                                                    const py::object& scale) {
  const auto values = [&](const py::object& array, const char* argument) -> const T* {
    return array.is_none() ? nullptr : exact<T>(array, {shape.inputs()}, false, argument);
  };
  return std::make_shared<Network<T>>(shape, values(shift, "input_shift"), values(scale, "input_scale"));
}

// As losses.Chosen.core gives it.
LossSettings loss_of(const py::dict& given) {
  LossSettings loss;
  loss.name = given["name"].cast<std::string>();
  loss.parameter = given["parameter"].cast<std::vector<double>>();
  loss.check = check_named(given["targets"].cast<std::string>());
  loss.columns = given["columns"].cast<int>();
  loss.labels = given["labels"].cast<bool>();
  loss.broadcast = given["broadcast"].cast<bool>();
  std::tie(loss.shift, loss.scale) = given["standard"].cast<std::pair<double, double>>();
  std::tie(loss.label_shift, loss.label_scale) = given["label_standard"].cast<std::pair<double, double>>();
  return loss;
}

// Name, inner name, parameters.
using ActivationArguments = std::vector<std::tuple<std::string, std::string, std::vector<double>>>;

NetworkOfEither construct(const std::vector<int64_t>& layers, const ActivationArguments& activations,
                          const py::dict& loss, const std::string& dtype, const std::string& reduction, double l2,
                          double l1, const py::object& input_shift, const py::object& input_scale, bool collapsed,
                          bool penalty_over_batch) {
  std::vector<ActivationText> texts;
  for (const auto& [name, inner, parameters] : activations) texts.push_back({name, inner, parameters});
  Shape shape(layers, texts, loss_of(loss), reduction, {l2, l1}, collapsed);
  shape.penalty_over_batch = penalty_over_batch;
  if (dtype == "float32") return {make<float>(shape, input_shift, input_scale)};
  if (dtype == "float64") return {make<double>(shape, input_shift, input_scale)};
  throw std::invalid_argument("dtype: got '" + dtype + "', expected float32 or float64");
}

py::array weights(py::object self) {
  return std::visit([&](auto& n) { return view_of(n->w(), n->shape.n_weights, self); },
                    self.cast<NetworkOfEither&>().network);
}

template <class T> void assign(Network<T>& network, py::handle w) {
  const T* values = exact<T>(w, {network.shape.n_weights}, false, "w");
  const Shared::Claim claim(network);
  network.assign(values);
}

// A copy of w, of one finished epoch.
template <class T> py::array_t<T> snapshot(Network<T>& network) {
  py::array_t<T> copy(network.shape.n_weights);
  T* values = copy.mutable_data();
  network.read([&](const T* w) { std::copy(w, w + network.shape.n_weights, values); });
  return copy;
}

// The work of a prediction so short that it keeps the GIL: giving it up could cost a turn of 5 ms.
constexpr double short_flops = 250e3;

template <class T> py::object predict_rows(Network<T>& network, py::handle X, py::object out, int n_threads) {
  const Rows rows = rows_of(X, network.shape.inputs(), "X");
  const py::ssize_t K = network.shape.outputs();
  const bool fresh = out.is_none();
  if (fresh) out = new_array<T>(rows.n, K);
  T* y_hat = exact<T>(out, {rows.n, K}, true, "out");
  if (!fresh && may_overlap(py::reinterpret_borrow<py::array>(X), py::reinterpret_borrow<py::array>(out)))
    throw Refused{"out"};
  try {
    if (network.shape.flops_per_row() / 3 * double(rows.n) < short_flops) {
      Watch watch;
      predict(network, rows, y_hat, n_threads, watch);
    } else {
      without_gil([&](Watch& watch) { return predict(network, rows, y_hat, n_threads, watch), 0; });
    }
  } catch (const BadRow& bad) {
    raise_bad_row(bad, {}, network.shape, false, dtype_name<T>);
  }
  return out;
}

template <class T> py::tuple forward_rows(Network<T>& network, py::handle X, int n_threads) {
  const Rows rows = rows_of(X, network.shape.inputs(), "X");
  Columns net = new_rows<T>(network.shape, rows.n, 1), o = new_rows<T>(network.shape, rows.n, 0);
  const auto to_net = pointers<T>(net, 1), to_o = pointers<T>(o, 0);
  try {
    without_gil([&](Watch& watch) { return forward(network, rows, to_net, to_o, n_threads, watch), 0; });
  } catch (const BadRow& bad) {
    raise_bad_row(bad, {}, network.shape, false, dtype_name<T>);
  }
  return py::make_tuple(py::cast(net), py::cast(o));
}

template <class T>
py::tuple backward_rows(Network<T>& network, const py::list& net, const py::list& o, py::handle Y, int n_threads,
                        py::handle sample_weight) {
  const Shape& shape = network.shape;
  if (o.empty() || !py::isinstance<py::array>(o[0])) throw Refused{"trace"};
  const int64_t n = py::reinterpret_borrow<py::array>(o[0]).shape(0);
  const auto from_net = exact_rows<T>(net, shape, n, 1, "trace");
  const auto from_o = exact_rows<T>(o, shape, n, 0, "trace");
  Aims<T> aims(Y, shape, n);
  const Targets& targets = aims.targets;
  const double* weights = weights_of(sample_weight, n);
  Columns delta = new_rows<T>(shape, n, 1);
  const auto to_delta = pointers<T>(delta, 1);
  py::array_t<T> dX(std::vector<py::ssize_t>{n, shape.inputs()}), gradient(shape.n_weights);
  T *to_dX = dX.mutable_data(), *to_gradient = gradient.mutable_data();
  const double loss = judging({Y, sample_weight, shape, targets.labels, dtype_name<T>, aims.held()}, [&](Watch& watch) {
    return backward(network, from_net, from_o, targets.rows, targets.labels, to_delta, to_dX, to_gradient, n_threads,
                    watch, weights, aims.function());
  });
  return py::make_tuple(py::cast(delta), gradient, dX, loss);
}

template <class T>
double loss_of(Network<T>& network, py::handle X, py::handle Y, T* gradient, int n_threads, py::handle sample_weight) {
  const Rows rows = rows_of(X, network.shape.inputs(), "X");
  Aims<T> aims(Y, network.shape, rows.n);
  const Targets& targets = aims.targets;
  const double* weights = weights_of(sample_weight, rows.n);
  return judging({Y, sample_weight, network.shape, targets.labels, dtype_name<T>, aims.held()}, [&](Watch& watch) {
    return loss_and_gradient(network, rows, targets.rows, targets.labels, gradient, n_threads, watch, weights,
                             aims.function());
  });
}

template <class T>
py::tuple gradient_of(Network<T>& network, py::handle X, py::handle Y, int n_threads, py::handle sample_weight) {
  py::array_t<T> gradient(network.shape.n_weights);
  const double loss = loss_of(network, X, Y, gradient.mutable_data(), n_threads, sample_weight);
  return py::make_tuple(gradient, loss);
}
}  // namespace

void register_network(py::module_& module) {
  py::class_<NetworkOfEither>(module, "Network",
                              "The native network: one vector of weights and what is computed from it.")
      .def("__init__", made_by(&construct), py::detail::is_new_style_constructor(), py::arg("layers"),
           py::arg("activations"), py::arg("loss"), py::arg("dtype"), py::arg("reduction"), py::arg("l2"),
           py::arg("l1"), py::arg("input_shift"), py::arg("input_scale"), py::arg("collapsed") = true,
           py::arg("penalty_over_batch") = false)
      .def_property_readonly("w", &weights, "Read-only live view of the flat weights.")
      .def_property(
          "loss_limit",
          [](NetworkOfEither& self) { return std::visit([](auto& n) { return n->loss_limit; }, self.network); },
          [](NetworkOfEither& self, double limit) {
            std::visit([&](auto& n) { n->loss_limit = limit; }, self.network);
          },
          "The most that a row's loss counts in sums of losses; gradients know nothing of it.")
      .def(
          "assign",
          [](NetworkOfEither& self, py::object w) { std::visit([&](auto& n) { assign(*n, w); }, self.network); },
          py::arg("w"))
      .def(
          "snapshot",
          [](NetworkOfEither& self) {
            return std::visit([](auto& n) -> py::array { return snapshot(*n); }, self.network);
          },
          "A copy of w, of one finished epoch.")
      .def(
          "predict",
          [](NetworkOfEither& self, py::object X, py::object out, int n_threads) {
            return std::visit([&](auto& n) { return predict_rows(*n, X, out, n_threads); }, self.network);
          },
          py::arg("X"), py::arg("out"), py::arg("n_threads"))
      .def(
          "forward",
          [](NetworkOfEither& self, py::object X, int n_threads) {
            return std::visit([&](auto& n) { return forward_rows(*n, X, n_threads); }, self.network);
          },
          py::arg("X"), py::arg("n_threads"))
      .def(
          "backward",
          [](NetworkOfEither& self, py::list net, py::list o, py::object Y, int n_threads, py::object sample_weight) {
            return std::visit([&](auto& n) { return backward_rows(*n, net, o, Y, n_threads, sample_weight); },
                              self.network);
          },
          py::arg("net"), py::arg("o"), py::arg("Y"), py::arg("n_threads"), py::arg("sample_weight") = py::none())
      .def(
          "loss",
          [](NetworkOfEither& self, py::object X, py::object Y, int n_threads, py::object sample_weight) {
            return std::visit(
                [&](auto& n) { return loss_of(*n, X, Y, decltype(n->locked_w()){nullptr}, n_threads, sample_weight); },
                self.network);
          },
          py::arg("X"), py::arg("Y"), py::arg("n_threads"), py::arg("sample_weight") = py::none())
      .def(
          "gradient",
          [](NetworkOfEither& self, py::object X, py::object Y, int n_threads, py::object sample_weight) {
            return std::visit([&](auto& n) { return gradient_of(*n, X, Y, n_threads, sample_weight); }, self.network);
          },
          py::arg("X"), py::arg("Y"), py::arg("n_threads"), py::arg("sample_weight") = py::none());
}
