// SPDX-License-Identifier: BSD-3-Clause
#include "trainer/trainer.hpp"

#include <pybind11/stl.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <tuple>

#include "binding/alone.hpp"
#include "binding/network.hpp"

namespace {
struct TrainerOfEither { std::variant<std::shared_ptr<Trainer<float>>, std::shared_ptr<Trainer<double>>> trainer; };

OptimizerSettings settings_of(const std::string& rule, const std::map<std::string, double>& parameters) {
  const auto value = [&](const char* name) {
    const auto found = parameters.find(name);
    return found == parameters.end() ? 0.0 : found->second;
  };
  const auto found = std::find_if(std::begin(optimizer_rules), std::end(optimizer_rules),
                                  [&](const OptimizerRule& known) { return known.name == rule; });
  if (found == std::end(optimizer_rules))
    throw std::invalid_argument("optimizer: got '" + rule + "', expected sgd, momentum, adam or another rule's name");
  OptimizerSettings settings{};
  settings.rule = Optimizer(found - std::begin(optimizer_rules));
  settings.eta = value("eta"), settings.momentum = value("momentum");
  settings.beta_1 = value("beta_1"), settings.beta_2 = value("beta_2") + value("beta"), settings.eps = value("eps");
  settings.eta_in_velocity = value("eta_in_velocity") != 0, settings.eps_inside = value("eps_inside") != 0;
  settings.mu_decay = value("mu_decay");
  settings.shrink = value("shrink"), settings.grow = value("grow");
  settings.least = value("least"), settings.most = value("most");
  settings.weight_decay = value("weight_decay");
  settings.clip_value = value("clip_value");
  settings.clip_norm = value("clip_norm"), settings.max_norm = value("max_norm");
  return settings;
}

using SparsityArguments = std::tuple<int, std::string, double, double>;  // layer, kind, weight, target

SparsitySettings sparsity_of(const std::optional<SparsityArguments>& given) {
  if (!given) return {};
  const auto& [layer, kind, weight, target] = *given;
  if (kind != "l1" && kind != "kl") throw std::invalid_argument("sparsity: got '" + kind + "', expected l1 or kl");
  return {layer, kind == "kl" ? Sparsity::kl : Sparsity::l1, weight, target};
}

using AverageArguments = std::tuple<std::string, double, int64_t, int64_t>;  // kind, decay, start, every

AveragingSettings average_of(const std::optional<AverageArguments>& given) {
  if (!given) return {};
  const auto& [kind, decay, start, every] = *given;
  if (kind != "ema" && kind != "swa") throw std::invalid_argument("average: got '" + kind + "', expected ema or swa");
  if (start < 1 || every < 1) throw std::invalid_argument("average: expected start and every of 1 or more");
  return {kind == "ema" ? AveragingSettings::ema : AveragingSettings::swa, decay, start, every};
}

using RandomArguments = std::tuple<uint64_t, std::vector<double>, double>;  // key, rates of layers 0 ... m, noise

RandomSettings random_of(const std::optional<RandomArguments>& given, size_t layers) {
  if (!given) return {};
  const auto& [key, rates, noise] = *given;
  if (rates.size() != layers)
    throw std::invalid_argument("random: got " + std::to_string(rates.size()) + " rates, expected " +
                                std::to_string(layers));
  return {key, rates, noise};
}

TrainerOfEither construct(NetworkOfEither& network, const std::string& optimizer,
                          const std::map<std::string, double>& parameters, int64_t batch_size, int n_threads,
                          const std::optional<SparsityArguments>& sparsity, const std::vector<double>& eta_factors,
                          const std::optional<AverageArguments>& average,
                          const std::optional<RandomArguments>& random) {
  if (batch_size < 0)
    throw std::invalid_argument("batch_size: got " + std::to_string(batch_size) + ", expected 0 or more");
  OptimizerSettings settings = settings_of(optimizer, parameters);
  const size_t layers = std::visit([](auto& n) { return n->shape.layers.size(); }, network.network);
  if (!eta_factors.empty() && eta_factors.size() != layers)
    throw std::invalid_argument("eta_factors: got " + std::to_string(eta_factors.size()) + ", expected " +
                                std::to_string(layers));
  settings.eta_factors = eta_factors;
  const SparsitySettings sparse = sparsity_of(sparsity);
  const AveragingSettings averaging = average_of(average);
  const RandomSettings drawn = random_of(random, layers);
  if (auto* single = std::get_if<0>(&network.network))
    return {std::make_shared<Trainer<float>>(*single, settings, batch_size, n_threads, sparse, averaging, drawn)};
  return {std::make_shared<Trainer<double>>(std::get<1>(network.network), settings, batch_size, n_threads, sparse,
                                            averaging, drawn)};
}

// int64 row numbers, all inside X: a copy, for another thread may write to the array while we train.
std::vector<int64_t> order_of(py::handle order, int64_t n) {
  if (order.is_none()) return {};
  if (!py::isinstance<py::array>(order)) throw Refused{"order"};
  const py::ssize_t count = py::reinterpret_borrow<py::array>(order).size();
  const int64_t* given = exact<int64_t>(order, {count}, false, "order");
  if (count == 0) throw Refused{"order"};
  std::vector<int64_t> rows(given, given + count);
  for (size_t i = 0; i < rows.size(); i++)
    if (rows[i] < 0 || rows[i] >= n)
      throw std::invalid_argument("order: row " + std::to_string(rows[i]) + " at position " + std::to_string(i) +
                                  "; expected 0 ... " + std::to_string(n - 1));
  return rows;
}

// name -> float64, one value for each of the epoch's steps.
Numbers numbers_of(const std::optional<std::map<std::string, py::object>>& given, int64_t steps) {
  Numbers numbers;
  for (const auto& [name, values] : given.value_or(std::map<std::string, py::object>{})) {
    if (!py::isinstance<py::array_t<double, py::array::c_style>>(values) || py::len(values) != size_t(steps))
      throw std::invalid_argument(name + ": expected " + std::to_string(steps) + " float64, one for each step");
    const double* from = py::reinterpret_borrow<py::array_t<double>>(values).data();
    for (int64_t i = 0; i < steps; i++)
      if (!std::isfinite(from[i]))
        throw std::invalid_argument(name + ": " + std::to_string(from[i]) + " in step " + std::to_string(i + 1) +
                                    " of the epoch; expected a finite number");
    numbers.values[name].assign(from, from + steps);
  }
  return numbers;
}

[[noreturn]] void raise_diverged(const Diverged& diverged) {
  const int64_t before = diverged.epoch - 1;
  const std::string kept = before ? "at the end of epoch " + std::to_string(before) : "before the first epoch";
  const char* what = std::isfinite(diverged.loss) ? "a weight is not finite"
                     : std::isnan(diverged.loss)  ? "the loss is nan"
                                                  : "the loss is infinite";
  const std::string message = std::string(what) + " in epoch " + std::to_string(diverged.epoch) + ", step " +
                              std::to_string(diverged.step) + "; weights and optimizer state are as they were " + kept +
                              ". A smaller eta or standardised inputs (input_shift, input_scale) may help";
  PyErr_SetString(PyExc_FloatingPointError, message.c_str());
  throw py::error_already_set();
}

// work(rows, watch) of a call's arrays, whose errors become Python's. Order and numbers are those of `epochs`
// epochs, end to end, and so are step_losses, None or [step][2]; rows.count is one's.
template <class T, class Work>
double on_rows(Trainer<T>& trainer, py::handle X, py::handle Y, py::handle order, py::handle sample_weight,
               const std::optional<std::map<std::string, py::object>>& given, py::handle step_losses, int64_t first_row,
               Work work, int64_t epochs = 1) {
  const Shape& shape = trainer.network->shape;
  const Rows rows = rows_of(X, shape.inputs(), "X");
  Aims<T> aims(Y, shape, rows.n);
  const Targets& targets = aims.targets;
  const double* weights = weights_of(sample_weight, rows.n);
  const std::vector<int64_t> copied = order_of(order, rows.n);
  if (epochs < 1 || int64_t(copied.size()) % epochs)
    throw std::invalid_argument("order: expected as many rows an epoch");
  const int64_t count = copied.empty() ? rows.n : int64_t(copied.size()) / epochs;
  const int64_t steps = trainer.steps(count) * epochs;
  const Numbers numbers = numbers_of(given, steps);
  double* losses = step_losses.is_none() ? nullptr : exact<double>(step_losses, {steps, 2}, true, "step_losses");
  if (losses) std::fill_n(losses, 2 * steps, std::numeric_limits<double>::quiet_NaN());
  const Part<T> part{rows,      targets.rows, targets.labels, copied.empty() ? nullptr : copied.data(),
                     count,     weights,      numbers,        aims.function(),
                     first_row, losses};
  try {
    return judging({Y, sample_weight, shape, targets.labels, dtype_name<T>, aims.held()},
                   [&](Watch& watch) { return work(part, watch); });
  } catch (const Diverged& diverged) {
    raise_diverged(diverged);
  } catch (const Interrupted&) {
    throw py::error_already_set();
  }
}

// The numbers of one of several epochs.
Numbers numbers_of_epoch(const Numbers& all, int64_t epoch, int64_t steps) {
  Numbers numbers;
  for (const auto& [name, values] : all.values)
    numbers.values[name].assign(values.begin() + epoch * steps, values.begin() + (epoch + 1) * steps);
  return numbers;
}

// Epochs with no Python in between, one for each place of `losses`: fewer once `limit` seconds are over, or where
// the loss differs by no more than `stop_tol` from the one before, at first `before`. What is finished is in
// `losses` and `seconds`, after an exception too.
template <class T>
void run_epochs(Trainer<T>& trainer, const Part<T>& all, int64_t n, double* losses, double* seconds, double limit,
                double stop_tol, double before, Watch& watch) {
  using Clock = std::chrono::steady_clock;
  const auto since = [](Clock::time_point from) { return std::chrono::duration<double>(Clock::now() - from).count(); };
  const int64_t steps = trainer.steps(all.count);
  const Clock::time_point start = Clock::now();
  for (int64_t e = 0; e < n; e++) {
    const Clock::time_point began = Clock::now();
    const Numbers numbers = numbers_of_epoch(all.numbers, e, steps);
    const int64_t* order = all.order ? all.order + e * all.count : nullptr;
    double* of_steps = all.step_losses ? all.step_losses + 2 * e * steps : nullptr;
    losses[e] = trainer.epoch(
        {all.X, all.Y, all.labels, order, all.count, all.sample_weight, numbers, all.function, 0, of_steps}, watch);
    seconds[e] = since(began);
    if (std::fabs(losses[e] - before) <= stop_tol || since(start) >= limit) return;
    before = losses[e];
  }
}

template <class T> double end_epoch(Trainer<T>& trainer) {
  try {
    return without_gil([&](Watch&) { return trainer.end_epoch(); });
  } catch (const Diverged& diverged) {
    raise_diverged(diverged);
  } catch (const NoWeight&) {
    raise_no_weight();
  }
}

// None: no weights have entered yet.
template <class T> py::object averaged_w(Trainer<T>& trainer) {
  if (!trainer.average.begun(trainer.clock.steps, trainer.epochs)) return py::none();
  return py::array_t<T>(trainer.network->shape.n_weights, trainer.average.flat.data());
}

template <class T> py::dict state(Trainer<T>& trainer) {
  const Shared::Claim claim(*trainer.network);  // else slots of one epoch, clock of another
  py::list slots;
  for (int s = 0; s < trainer.settings.slots(); s++)
    slots.append(py::array_t<T>(trainer.network->shape.n_weights, trainer.slots[s].data()));
  py::dict state;
  state["epochs"] = trainer.epochs;
  state["steps"] = trainer.clock.steps;
  state["beta_1_power"] = trainer.clock.beta_1_power;
  state["beta_2_power"] = trainer.clock.beta_2_power;
  state["mu_power"] = trainer.clock.mu_power;
  state["mu_product"] = trainer.clock.mu_product;
  state["slots"] = slots;
  if (trainer.average.on()) state["average"] = averaged_w(trainer);
  return state;
}

template <class T> void set_state(Trainer<T>& trainer, const py::dict& state) {
  const py::list slots = state["slots"];
  const int64_t n = trainer.network->shape.n_weights;
  if (py::ssize_t(slots.size()) != trainer.settings.slots())
    throw std::invalid_argument("state: got " + std::to_string(slots.size()) + " slots, expected " +
                                std::to_string(trainer.settings.slots()));
  const T* values[MOST_SLOTS] = {};
  for (size_t s = 0; s < slots.size(); s++) values[s] = exact<T>(slots[s], {n}, false, "state");
  const auto count = [&](const char* name) {
    const int64_t value = state[name].cast<int64_t>();
    if (value < 0)
      throw std::invalid_argument("state: " + std::string(name) + " " + std::to_string(value) + "; expected >= 0");
    return value;
  };
  const int64_t epochs = count("epochs");
  const auto power = [&](const char* name) {  // older pickles have fewer
    const double value = state.contains(name) ? state[name].cast<double>() : 1.0;
    if (!(value >= 0 && value <= 1))
      throw std::invalid_argument("state: " + std::string(name) + " " + std::to_string(value) +
                                  "; expected a number >= 0 and <= 1");
    return value;
  };
  const OptimizerClock clock{count("steps"), power("beta_1_power"), power("beta_2_power"), power("mu_power"),
                             power("mu_product")};
  const bool begun = trainer.average.begun(clock.steps, epochs);
  const T* average = begun ? exact<T>(state["average"], {n}, false, "state") : nullptr;
  const Shared::Claim claim(*trainer.network);
  if (trainer.open()) throw Busy{};
  if (begun) std::copy(average, average + n, trainer.average.flat.data());
  for (size_t s = 0; s < slots.size(); s++) std::copy(values[s], values[s] + n, trainer.slots[s].data());
  trainer.epochs = epochs;
  trainer.clock = clock;
  trainer.state_assigned();
}
// {phase: seconds of each thread} since the timer was switched on; None: it is off.
template <class T> py::object phase_seconds(Trainer<T>& trainer) {
  const Shared::Claim claim(*trainer.network);
  const Phases& phases = trainer.phases;
  if (!phases.on()) return py::none();
  py::dict all;
  for (size_t phase = 0; phase < n_phases; phase++) {
    py::array_t<double> seconds(phases.threads());
    for (int thread = 0; thread < phases.threads(); thread++)
      seconds.mutable_at(thread) = phases.seconds(thread, phase);
    all[phase_names[phase]] = seconds;
  }
  return all;
}

template <class T> void time_phases(Trainer<T>& trainer, bool on) {
  const Shared::Claim claim(*trainer.network);
  trainer.phases.switch_to(on);
}
}  // namespace

void register_trainer(py::module_& module) {
  py::class_<Alone>(module, "Alone", "A context in which an object is trained: RuntimeError in another's.")
      .def("__init__", &make<Alone, std::unique_ptr<Alone>, int64_t, int64_t, const char*>,
           py::detail::is_new_style_constructor(), py::arg("process"), py::arg("object"), py::arg("kind"))
      .def("__enter__", &Alone::enter)
      .def("__exit__", [](Alone& self, const py::object&, const py::object&, const py::object&) { self.exit(); });
  py::class_<TrainerOfEither>(module, "Trainer", "The native training loop of one network: optimizer state and panels.")
      .def("__init__", made_by(&construct), py::detail::is_new_style_constructor(), py::arg("network"),
           py::arg("optimizer"), py::arg("parameters"), py::arg("batch_size"), py::arg("n_threads"),
           py::arg("sparsity") = py::none(), py::arg("eta_factors") = std::vector<double>(),
           py::arg("average") = py::none(), py::arg("random") = py::none())
      .def(
          "epoch",
          [](TrainerOfEither& self, py::object X, py::object Y, py::object order, py::object sample_weight,
             const std::optional<std::map<std::string, py::object>>& numbers, py::object step_losses) {
            return std::visit(
                [&](auto& t) {
                  return on_rows(*t, X, Y, order, sample_weight, numbers, step_losses, 0,
                                 [&](const auto& rows, Watch& watch) { return t->epoch(rows, watch); });
                },
                self.trainer);
          },
          py::arg("X"), py::arg("Y"), py::arg("order") = py::none(), py::arg("sample_weight") = py::none(),
          py::arg("numbers") = py::none(), py::arg("step_losses") = py::none(),
          "numbers: by name, one float64 for each step of the epoch; step_losses: (steps, 2), written.")
      .def(
          "run_epochs",
          [](TrainerOfEither& self, py::object X, py::object Y, py::object orders, py::object sample_weight,
             const std::optional<std::map<std::string, py::object>>& numbers, py::object losses, py::object seconds,
             double limit, double stop_tol, double before, py::object step_losses) {
            const int64_t n = int64_t(py::len(losses));
            double* each_loss = exact<double>(losses, {n}, true, "losses");
            double* each_second = exact<double>(seconds, {n}, true, "seconds");
            std::visit(
                [&](auto& t) {
                  const auto work = [&](const auto& rows, Watch& watch) {
                    run_epochs(*t, rows, n, each_loss, each_second, limit, stop_tol, before, watch);
                    return 0.0;
                  };
                  on_rows(*t, X, Y, orders, sample_weight, numbers, step_losses, 0, work, n);
                },
                self.trainer);
          },
          py::arg("X"), py::arg("Y"), py::arg("orders"), py::arg("sample_weight"), py::arg("numbers"),
          py::arg("losses"), py::arg("seconds"), py::arg("limit"), py::arg("stop_tol"), py::arg("before"),
          py::arg("step_losses") = py::none(),
          "Some epochs, one after another; orders, numbers and step_losses: of all of them, end to end.")
      .def(
          "begin_epoch",
          [](TrainerOfEither& self, bool visible) {
            std::visit([&](auto& t) { t->begin_epoch(visible); }, self.trainer);
          },
          py::arg("visible") = false, "An epoch in parts: their weights show at its end, or after each.")
      .def(
          "part",
          [](TrainerOfEither& self, py::object X, py::object Y, py::object order, py::object sample_weight,
             const std::optional<std::map<std::string, py::object>>& numbers, int64_t first_row) {
            return std::visit(
                [&](auto& t) {
                  return on_rows(*t, X, Y, order, sample_weight, numbers, py::none(), first_row,
                                 [&](const auto& rows, Watch& watch) { return t->part(rows, watch); });
                },
                self.trainer);
          },
          py::arg("X"), py::arg("Y"), py::arg("order") = py::none(), py::arg("sample_weight") = py::none(),
          py::arg("numbers") = py::none(), py::arg("first_row") = 0,
          "Whole batches; first_row: X's first among the epoch's. The last batch's loss, nan without weight.")
      .def("end_epoch",
           [](TrainerOfEither& self) { return std::visit([](auto& t) { return end_epoch(*t); }, self.trainer); })
      .def("abandon_epoch",
           [](TrainerOfEither& self) { std::visit([](auto& t) { t->abandon_epoch(); }, self.trainer); })
      .def_property_readonly(
          "epochs", [](TrainerOfEither& self) { return std::visit([](auto& t) { return t->epochs; }, self.trainer); })
      .def_property_readonly("averaged_w",
                             [](TrainerOfEither& self) {
                               return std::visit(
                                   [](auto& t) -> py::object {
                                     const Shared::Claim claim(*t->network);
                                     return averaged_w(*t);
                                   },
                                   self.trainer);
                             })
      .def_property_readonly(
          "state", [](TrainerOfEither& self) { return std::visit([](auto& t) { return state(*t); }, self.trainer); })
      .def(
          "set_state",
          [](TrainerOfEither& self, py::dict to) { std::visit([&](auto& t) { set_state(*t, to); }, self.trainer); },
          py::arg("state"))
      .def(
          "time_phases",
          [](TrainerOfEither& self, bool on) { std::visit([&](auto& t) { time_phases(*t, on); }, self.trainer); },
          py::arg("on"), "Switches the timer on, from zero, or off.")
      .def_property_readonly("phase_seconds", [](TrainerOfEither& self) {
        return std::visit([](auto& t) -> py::object { return phase_seconds(*t); }, self.trainer);
      });
}
