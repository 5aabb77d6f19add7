// SPDX-License-Identifier: BSD-3-Clause
// Hashes every kernel and whole trainings without Python, one line each: the lines of an x86-64 and an
// aarch64 build must be equal (scripts/check_neon.sh), and within one build every instruction set must
// give the same hash, or the driver fails.
#include <cmath>
#include <cstdio>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "made.hpp"
#include "trainer/evaluate.hpp"
#include "trainer/trainer.hpp"

namespace {
// FNV-1a over the bits; every NaN counts as the same.
struct Hash {
  uint64_t value = 0xcbf29ce484222325u;
  template <class T> void add(const T* data, size_t n) {
    for (size_t i = 0; i < n; i++) {
      uint64_t bits = 0;
      const T x = data[i] == data[i] ? data[i] : T(NAN);
      std::memcpy(&bits, &x, sizeof x);
      if (data[i] != data[i]) bits = 0x7ff8;
      for (size_t b = 0; b < sizeof(T); b++) value = (value ^ (bits >> 8 * b & 255)) * 0x100000001b3u;
    }
  }
  template <class T> void add(const Buffer<T>& buffer) { add(buffer.data(), buffer.size()); }
};

constexpr Activation activations[] = {Activation::identity, Activation::logistic, Activation::tanh, Activation::relu,
                                      Activation::threshold};
constexpr int widths[] = {1, 7, 16, 17, 31, 33, 300};
constexpr int64_t heights[] = {1, 3, 13, 15, 29};

// The columns of panels that hold numbers: what lies in the padding is nobody's.
template <class T> void add_columns(Hash& hash, const T* panels, ptrdiff_t stride, int64_t rows, int columns) {
  for (int64_t r = 0; r < rows; r++)
    for (int c = 0; c < columns; c++) hash.add(panels + c / PANEL * stride + r * PANEL + c % PANEL, 1);
}

template <class T> void elementary(const Kernels<T>& k, Hash& hash) {
  for (int function = 0; function < 7; function++) {
    const bool logarithm = function == 1, unit = function == 2;
    Buffer<T> x = random_buffer<T>(4096, 7, logarithm ? 1e-9 : unit ? 0 : -120, logarithm ? 50 : unit ? 1 : 120);
    Buffer<T> y(x.size());
    k.elementary(function, x.data(), y.data(), int64_t(x.size()));
    hash.add(y);
  }
}

template <class T> void affine(const Kernels<T>& k, Hash& hash) {
  for (int in : widths)
    for (int out : {1, 10, 33})
      for (int64_t rows : heights)
        for (Activation f : activations) {
          const Buffer<T> A = random_buffer<T>(size_t(panels_of(in)) * size_t(rows) * PANEL, 1);
          const Buffer<T> B = random_buffer<T>(size_t(panels_of(out)) * size_t(in + 1) * PANEL, 2, -0.3, 0.3);
          Buffer<T> C(size_t(panels_of(out)) * size_t(rows) * PANEL);
          k.affine({A.data(), rows * PANEL, B.data(), ptrdiff_t(in + 1) * PANEL, C.data(), rows * PANEL, rows, in, out,
                    0, panels_of(out)},
                   {f}, {});
          add_columns(hash, C.data(), rows * PANEL, rows, out);
        }
}

template <class T> void hidden_delta(const Kernels<T>& k, Hash& hash) {
  for (int out : widths)
    for (int in : {1, 10, 33})
      for (Activation f : activations) {
        if (f == Activation::threshold) continue;  // which has no derivative
        constexpr int64_t rows = 15;
        const Buffer<T> delta = random_buffer<T>(size_t(panels_of(out)) * rows * PANEL, 3);
        const Buffer<T> W = random_buffer<T>(size_t(panels_of(in)) * size_t(out) * PANEL, 4);
        const Buffer<T> o = random_buffer<T>(size_t(panels_of(in)) * rows * PANEL, 5, -1, 1);
        Buffer<T> C(o.size());
        k.hidden_delta({delta.data(), rows * PANEL, W.data(), ptrdiff_t(out) * PANEL, C.data(), rows * PANEL, rows, out,
                        in, 0, panels_of(in)},
                       f, o.data(), {});
        k.times_derivative({o.data(), C.data(), rows * PANEL, rows, in, Activation::softmax, {}});
        add_columns(hash, C.data(), rows * PANEL, rows, in);
      }
}

template <class T> void output(const Kernels<T>& k, Hash& hash) {
  const auto pair = [&](Activation f, Loss loss, bool collapsed) {
    for (int columns : {2, 10, f == Activation::gaussian ? 18 : 17, 40}) {
      constexpr int64_t rows = 9;
      const size_t size = size_t(panels_of(columns)) * rows * PANEL;
      Buffer<T> z = random_buffer<T>(size, 8, -6, 6), delta(size), row_loss(rows);
      const Buffer<T> Y = random_buffer<T>(size, 9, 0, 1), parameter = random_buffer<T>(size, 10, 1.1, 1.9);
      k.output({z.data(), delta.data(), Y.data(), row_loss.data(), rows * PANEL, rows, columns, f, loss, collapsed,
                parameter.data()});
      add_columns(hash, z.data(), rows * PANEL, rows, columns);
      add_columns(hash, delta.data(), rows * PANEL, rows, columns);
      hash.add(row_loss);
    }
  };
  for (Loss loss : {Loss::half_squared_error, Loss::squared_error}) {
    for (Activation f : activations) pair(f, loss, false);
    pair(Activation::softmax, loss, false);
  }
  for (Loss loss :
       {Loss::absolute, Loss::huber, Loss::quantile, Loss::log_cosh, Loss::hinge, Loss::squared_hinge, Loss::given})
    pair(Activation::tanh, loss, true);
  for (Loss loss : {Loss::poisson, Loss::gamma, Loss::tweedie}) pair(Activation::exponential, loss, true);
  pair(Activation::logistic, Loss::focal, true);
  for (Loss loss : {Loss::focal, Loss::kl_divergence}) pair(Activation::softmax, loss, true);
  pair(Activation::gaussian, Loss::gaussian_nll, true);
  pair(Activation::softmax, Loss::binary_cross_entropy, false);
  for (bool collapsed : {false, true}) {
    pair(Activation::softmax, Loss::cross_entropy, collapsed);
    pair(Activation::logistic, Loss::binary_cross_entropy, collapsed);
  }
}

template <class T> void weight_gradient(const Kernels<T>& k, Hash& hash) {
  for (int n : {1, 13, 16, 17, 32})
    for (int columns : {1, 10, 17, 32})
      for (int64_t rows : {1, 40, 300}) {
        const Buffer<T> o = random_buffer<T>(size_t(rows) * PANEL, 30),
                        delta = random_buffer<T>(size_t(rows) * PANEL, 31);
        Buffer<T> w = random_buffer<T>(33 * PANEL, 32), gradient(33 * PANEL), q(PANEL);
        GradientUnit<T> unit{};
        unit.o = o.data(), unit.delta = delta.data(), unit.rows = rows;
        unit.in = 32, unit.i_end = n, unit.columns = columns;
        unit.bias = unit.first = unit.last = true;
        unit.w = w.data(), unit.gradient = gradient.data();
        Update<T> update{};
        update.penalty = {T(0.01), T(0.003)}, update.minus_inverse_s = T(-1.0 / double(rows));
        k.weight_gradient(unit, update);
        add_columns(hash, gradient.data(), 0, n, columns);
        add_columns(hash, gradient.data() + 32 * PANEL, 0, 1, columns);
        k.sum_of_squares(w.data(), 32, q.data());
        hash.add(q);
        k.sum_of_magnitudes(w.data(), 32, q.data());
        hash.add(q);
      }
}

template <class T> void activate(const Kernels<T>& k, Hash& hash) {
  for (int columns : {1, 10, 17, 40})
    for (Activation f :
         {Activation::logistic, Activation::tanh, Activation::relu, Activation::softmax, Activation::threshold}) {
      constexpr int64_t rows = 9;
      Buffer<T> z = random_buffer<T>(size_t(panels_of(columns)) * rows * PANEL, 33, -6, 6);
      k.activate(z.data(), rows * PANEL, rows, columns, {f}, {});
      add_columns(hash, z.data(), rows * PANEL, rows, columns);
    }
}

// The activations that keep their slope, by tiles of every shape.
template <class T> void functions(const Kernels<T>& k, Hash& hash) {
  for (int f = int(Activation::leaky_relu); f <= int(Activation::blend); f++)
    for (int columns : {1, 17, 40})
      for (int64_t rows : heights) {
        const size_t size = size_t(panels_of(columns)) * size_t(rows) * PANEL;
        const Buffer<T> A = random_buffer<T>(size_t(rows) * PANEL, 1, -6, 6);
        const Buffer<T> B = random_buffer<T>(size_t(panels_of(columns)) * 9 * PANEL, 2);
        const Buffer<T> alpha = random_buffer<T>(size_t(panels_of(columns)) * PANEL, 3);
        Buffer<T> C(size), slope(size), influence(size);
        const bool own = learns(Activation(f));
        const Function<T> function{Activation(f), T(0.3), own ? alpha.data() : nullptr, PANEL, Activation::tanh};
        k.affine({A.data(), rows * PANEL, B.data(), 9 * PANEL, C.data(), rows * PANEL, rows, 8, columns, 0,
                  panels_of(columns)},
                 function, {slope.data(), influence.data()});
        for (const Buffer<T>* kept : {&C, &slope}) add_columns(hash, kept->data(), rows * PANEL, rows, columns);
      }
}

template <class T> void labels(const Kernels<T>& k, Hash& hash) {
  const int64_t raw[] = {3, 0, 39, 17, 2}, order[] = {4, 4, 0, 2, 1, 3};
  const Rows Y{reinterpret_cast<const char*>(raw), 8, 8, 5, 1, Kind::i64, false};
  Buffer<T> out(2 * 6 * PANEL);
  const T bad = T(k.gather(Y, {order, 0, 6}, nullptr, nullptr, Check::label, 40, out.data(), 6 * PANEL));
  hash.add(&bad, 1);
  add_columns(hash, out.data(), 6 * PANEL, 6, 40);
}

template <class T> void gather(const Kernels<T>& k, Hash& hash) {
  const Buffer<double> raw = random_buffer<double>(33 * 40, 10, 0, 1);
  const Buffer<T> shift = random_buffer<T>(64, 11), scale = random_buffer<T>(64, 12);
  for (int kind = 0; kind <= int(Kind::f64); kind++)
    for (bool swapped : {false, true}) {
      constexpr ptrdiff_t bytes[] = {1, 1, 2, 4, 8, 1, 2, 4, 8, 2, 4, 8};
      const ptrdiff_t size = bytes[kind];
      Rows X{reinterpret_cast<const char*>(raw.data()), 33 * size, size, 40, 33, Kind(kind), swapped};
      Buffer<T> out(2 * 40 * PANEL);
      const int64_t bad =
          k.gather(X, {nullptr, 0, 40}, shift.data(), scale.data(), Check::finite, 0, out.data(), 40 * PANEL);
      const T place = T(bad);
      hash.add(&place, 1);
      add_columns(hash, out.data(), 40 * PANEL, bad < 0 ? 40 : bad, 33);
    }
}

OptimizerSettings settings_of(Optimizer rule) {
  OptimizerSettings settings{rule, 0.01, 0.9, 0.9, 0.999, 1e-8};
  settings.mu_decay = 0.99;
  settings.shrink = 0.5, settings.grow = 1.2, settings.least = 1e-4, settings.most = 0.05;
  return settings;
}

template <class T>
void train(Hash& hash, const std::vector<int64_t>& sizes, const std::vector<std::string>& f, const char* loss,
           const OptimizerSettings& settings, int64_t batch, int64_t n = 70, Penalty<double> penalty = {1e-3, 0},
           const SparsitySettings& sparsity = {}, const RandomSettings& drawn = {}, bool weighted = false) {
  auto network = std::make_shared<Network<T>>(Shape(sizes, texts(f), {loss}, "mean", penalty, true), nullptr, nullptr);
  const Shape& shape = network->shape;
  const Buffer<T> w = random_buffer<T>(size_t(shape.n_weights), 20, -0.3, 0.3);
  network->assign(w.data());
  const Buffer<T> X = random_buffer<T>(size_t(n * shape.inputs()), 21),
                  Y = random_buffer<T>(size_t(n * shape.outputs()), 22, 0, 1);
  std::vector<double> s(size_t(n), 0.0);
  for (int64_t i = 0; i < n; i++) s[size_t(i)] = double(i % 4) * 0.75;
  for (int threads : {1, 3}) {
    network->assign(w.data());
    const AveragingSettings averaging{settings.clip_norm ? AveragingSettings::ema : AveragingSettings::none, 0.75, 1,
                                      1};
    Trainer<T> trainer(network, settings, batch, threads, sparsity, averaging, drawn);
    for (int e = 0; e < 2; e++) {
      Watch watch;
      const double L = trainer.epoch({rows_of(X, n, shape.inputs()),
                                      rows_of(Y, n, shape.outputs()),
                                      false,
                                      nullptr,
                                      n,
                                      weighted ? s.data() : nullptr,
                                      {}},
                                     watch);
      hash.add(&L, 1);
    }
    hash.add(network->w(), size_t(shape.n_weights));
    hash.add(trainer.average.flat.data(), trainer.average.flat.size());
  }
}

template <class T> void training(Hash& hash) {
  for (Optimizer name : {Optimizer::sgd, Optimizer::momentum, Optimizer::adam}) {
    const OptimizerSettings rule = settings_of(name);
    train<T>(hash, {33, 17, 5}, {"relu", "softmax"}, "cross_entropy", rule, 32);
    train<T>(hash, {20, 18, 16, 1}, {"tanh", "tanh", "logistic"}, "binary_cross_entropy", rule, 0);
    train<T>(hash, {7, 40, 3}, {"softmax", "identity"}, "half_squared_error", rule, 1);
    train<T>(hash, {5, 34, 4}, {"logistic", "softmax"}, "binary_cross_entropy", rule, 13);
    train<T>(hash, {9, 21, 3}, {"relu", "tanh"}, "squared_error", rule, 16);
    train<T>(hash, {35, 40, 2}, {"tanh", "logistic"}, "half_squared_error", rule, 16, 70, {0, 1e-3});
    train<T>(hash, {35, 40, 2}, {"tanh", "logistic"}, "half_squared_error", rule, 1, 70, {1e-2, 1e-3});
    // More rows than a chunk and than a block of the batch: sums are carried.
    train<T>(hash, {6, 17, 2}, {"tanh", "identity"}, "half_squared_error", rule, 0, 1300);
  }
}

// A penalty on a layer's outputs: of every row, and of the batch as a whole, in one chunk and in several.
template <class T> void sparse(Hash& hash) {
  for (Optimizer name : {Optimizer::sgd, Optimizer::momentum, Optimizer::adam})
    for (Sparsity kind : {Sparsity::l1, Sparsity::kl}) {
      const OptimizerSettings rule = settings_of(name);
      train<T>(hash, {33, 17, 5}, {"logistic", "softmax"}, "cross_entropy", rule, 32, 70, {1e-3, 0},
               {1, kind, 0.3, 0.1});
      train<T>(hash, {7, 40, 3}, {"logistic", "identity"}, "half_squared_error", rule, 1, 30, {1e-3, 0},
               {1, kind, 0.3, 0.1});
      train<T>(hash, {6, 9, 17, 2}, {"tanh", "logistic", "identity"}, "half_squared_error", rule, 0, 1300, {1e-3, 0},
               {2, kind, 0.3, 0.1});
    }
  train<T>(hash, {6, 33, 2}, {"relu", "identity"}, "half_squared_error", settings_of(Optimizer::sgd), 0, 600, {1e-3, 0},
           {1, Sparsity::l1, 0.3, 0});
}

// Every rule, alone and with all that any rule takes beside it: tiles, one row, blocks of the batch.
template <class T> void optimizers(Hash& hash) {
  for (int name = 0; name < int(std::size(optimizer_rules)); name++)
    for (bool more : {false, true}) {
      OptimizerSettings rule = settings_of(Optimizer(name));
      if (more) rule.weight_decay = 0.1, rule.clip_value = 0.01, rule.eta_factors = {0.5, 2};
      for (int64_t batch : {1, 16}) train<T>(hash, {9, 33, 3}, {"tanh", "identity"}, "half_squared_error", rule, batch);
      train<T>(hash, {6, 17, 2}, {"tanh", "identity"}, "half_squared_error", rule, 0, 600);
    }
}

// Rows with weights, some 0: minibatches, rows one by one, blocks of the batch, means of a code.
template <class T> void weighted(Hash& hash) {
  for (Optimizer name : {Optimizer::sgd, Optimizer::adam}) {
    const OptimizerSettings rule = settings_of(name);
    for (int64_t batch : {1, 16, 0}) {
      train<T>(hash, {9, 33, 3}, {"logistic", "softmax"}, "cross_entropy", rule, batch, 600, {1e-3, 0}, {}, {}, true);
      train<T>(hash, {9, 33, 3}, {"logistic", "identity"}, "half_squared_error", rule, batch, 600, {1e-3, 0},
               {1, Sparsity::kl, 0.3, 0.1}, {}, true);
    }
  }
}

// Norms of gradients and of units bounded, and an average kept: minibatch, one row, blocks of the batch.
template <class T> void bounded(Hash& hash) {
  for (Optimizer name : {Optimizer::sgd, Optimizer::momentum, Optimizer::adam}) {
    OptimizerSettings rule = settings_of(name);
    rule.clip_norm = rule.max_norm = 0.2;
    train<T>(hash, {33, 17, 5}, {"relu", "softmax"}, "cross_entropy", rule, 32, 70, {1e-3, 0});
    train<T>(hash, {7, 40, 3}, {"tanh", "identity"}, "half_squared_error", rule, 1, 30, {1e-3, 0});
    train<T>(hash, {6, 17, 2}, {"tanh", "identity"}, "half_squared_error", rule, 0, 1300, {1e-3, 0});
  }
}

// Masks and noise, of rows whose numbers need one word and two; then in trainings by batches, by rows, by blocks.
template <class T> void random_numbers(const Kernels<T>& k, Hash& hash) {
  constexpr int64_t rows = 9;
  const int64_t numbers[rows] = {0, 1, 2, 3, 1000, 0xffffffff, int64_t(1) << 32, 5, int64_t(1) << 39};
  for (int columns : widths) {
    const size_t size = size_t(panels_of(columns)) * size_t(rows) * PANEL;
    const RandomRows drawn{{3, 4}, numbers, rows, rows * PANEL, columns};
    for (Activation f : {Activation::identity, Activation::logistic, Activation::tanh, Activation::relu}) {
      Buffer<T> o = random_buffer<T>(size, 30, 0, 1), slope(size);
      k.drop({drawn, o.data(), {slope.data(), nullptr}, false, f, 0x40000000, T(1) / T(0.75)});
      k.add_noise({drawn, o.data(), T(0.1)});
      add_columns(hash, o.data(), rows * PANEL, rows, columns);
      add_columns(hash, slope.data(), rows * PANEL, rows, columns);
    }
  }
  for (Optimizer name : {Optimizer::sgd, Optimizer::adam}) {
    const OptimizerSettings rule = settings_of(name);
    train<T>(hash, {33, 17, 5}, {"relu", "softmax"}, "cross_entropy", rule, 32, 70, {}, {}, {77, {0.2, 0.5}, 0.1});
    train<T>(hash, {7, 40, 3}, {"softmax", "identity"}, "half_squared_error", rule, 1, 30, {}, {},
             {77, {0.2, 0.5}, 0.1});
    train<T>(hash, {6, 17, 2}, {"tanh", "identity"}, "half_squared_error", rule, 0, 1300, {}, {}, {77, {0, 0.5}, 0.1});
  }
}

bool same = true;

// One line for all instruction sets of this machine.
template <class T> void line(const char* name, const std::function<void(const Kernels<T>&, Hash&)>& run) {
  uint64_t first = 0;
  for (const Table* table : available_tables()) {
    select_isa(table->isa);
    Hash hash;
    run(kernels_of<T>(*table), hash);
    if (table == available_tables().front()) first = hash.value;
    if (hash.value != first) same = false, std::fprintf(stderr, "%s: %s differs\n", name, table->isa);
  }
  std::printf("%s %s %016llx\n", name, sizeof(T) == 4 ? "float32" : "float64", static_cast<unsigned long long>(first));
}

template <class T> void all_lines() {
  line<T>("elementary", elementary<T>);
  line<T>("gather", gather<T>);
  line<T>("labels", labels<T>);
  line<T>("affine", affine<T>);
  line<T>("activate", activate<T>);
  line<T>("functions", functions<T>);
  line<T>("hidden_delta", hidden_delta<T>);
  line<T>("output", output<T>);
  line<T>("weight_gradient", weight_gradient<T>);
  line<T>("training", [](const Kernels<T>&, Hash& hash) { training<T>(hash); });
  line<T>("optimizers", [](const Kernels<T>&, Hash& hash) { optimizers<T>(hash); });
  line<T>("weighted", [](const Kernels<T>&, Hash& hash) { weighted<T>(hash); });
  line<T>("bounded", [](const Kernels<T>&, Hash& hash) { bounded<T>(hash); });
  line<T>("random", random_numbers<T>);
  line<T>("sparsity", [](const Kernels<T>&, Hash& hash) { sparse<T>(hash); });
}
}  // namespace

int main() {
  for (const Table* table : available_tables()) std::fprintf(stderr, "instruction set: %s\n", table->isa);
  all_lines<float>();
  all_lines<double>();
  return same ? 0 : 1;
}
