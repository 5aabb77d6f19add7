// SPDX-License-Identifier: BSD-3-Clause
// Trainings of every plan on several threads while another thread predicts, for a race detector
// (scripts/check_threads.sh). `races planted` holds a race that must be found.
#include <atomic>
#include <cstdio>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#include "made.hpp"
#include "trainer/evaluate.hpp"
#include "trainer/trainer.hpp"

namespace {
constexpr int threads = 2;

struct Case {
  const char* name;
  std::vector<int64_t> sizes;
  int64_t n, batch;
  OptimizerSettings rule{Optimizer::adam, 1e-3, 0.9, 0.9, 0.999, 1e-8};
  SparsitySettings sparsity{};
  AveragingSettings average{};
  RandomSettings random{};
  bool weighted = false;
};

std::vector<Case> cases() {
  std::vector<Case> all = {
      {"weights dealt", {40, 70, 3}, 64, 32},         {"remainders", {17, 33, 31, 9, 5}, 60, 7},
      {"blocks of rows", {6, 17, 2}, 1300, 0},        {"chunks", {200, 40, 8}, 1100, 0},
      {"rows one by one", {40, 70, 3}, 10, 1},        {"means of a code", {9, 40, 7}, 64, 16},
      {"bounds and an average", {40, 70, 3}, 64, 16}, {"masks and noise", {40, 70, 3}, 64, 16},
      {"weights of rows", {40, 70, 3}, 64, 16},       {"columns first", {80, 60, 3}, 70, 32},
      {"columns and masks", {80, 60, 3}, 64, 16},
  };
  all[5].sparsity = {1, Sparsity::kl, 0.3, 0.1};
  all[6].rule.clip_norm = all[6].rule.max_norm = 0.1;
  all[6].average = {AveragingSettings::ema, 0.9, 1, 1};
  all[7].random = all[10].random = {77, {0.2, 0.5}, 0.1};
  all[8].weighted = all[10].weighted = true;
  return all;
}

template <class T> struct Data {
  Data(const Shape& shape, int64_t n)
      : X(random_buffer<T>(size_t(n * shape.inputs()), 21)),
        Y(random_buffer<T>(size_t(n * shape.outputs()), 22, 0, 1)),
        rows_X(rows_of(X, n, shape.inputs())),
        rows_Y(rows_of(Y, n, shape.outputs())) {}
  const Buffer<T> X, Y;
  const Rows rows_X, rows_Y;
};

// All that reads a network beside its training, until `done`.
template <class T> void read(Network<T>& network, const Data<T>& data, const std::atomic<bool>& done) {
  const Shape& shape = network.shape;
  const int64_t n = data.rows_X.n;
  Buffer<T> y_hat(size_t(n * shape.outputs())), gradient(size_t(shape.n_weights));
  do {
    Watch watch;
    predict(network, data.rows_X, y_hat.data(), threads, watch);
    loss_and_gradient(network, data.rows_X, data.rows_Y, false, gradient.data(), threads, watch);
    network.read([&](const T* w) { y_hat.data()[0] += w[0]; });
  } while (!done);
}

template <class T> void train(const Case& c) {
  const std::vector<std::string> f(c.sizes.size() - 1, "logistic");
  const auto network = std::make_shared<Network<T>>(
      Shape(c.sizes, texts(f), {"half_squared_error"}, "mean", {1e-3, 0}, true), nullptr, nullptr);
  const Shape& shape = network->shape;
  network->assign(random_buffer<T>(size_t(shape.n_weights), 20, -0.3, 0.3).data());
  const Data<T> data(shape, c.n);
  const std::vector<double> s(size_t(c.n), 0.75);
  std::atomic<bool> done{false};
  std::thread reader([&] { read(*network, data, done); });
  Trainer<T> trainer(network, c.rule, c.batch, threads, c.sparsity, c.average, c.random);
  trainer.phases.switch_to(true);
  const Part<T> rows{data.rows_X, data.rows_Y, false, nullptr, c.n, c.weighted ? s.data() : nullptr, {}};
  Watch watch([] { return false; });
  for (int epoch = 0; epoch < 2; epoch++) trainer.epoch(rows, watch);
  for (bool visible : {false, true}) {
    trainer.begin_epoch(visible);
    trainer.part(rows, watch);
    trainer.end_epoch();
  }
  done = true;
  reader.join();
}

int planted() {
  int sum = 0;
#pragma omp parallel for num_threads(threads)
  for (int i = 0; i < 1000; i++) sum += i;
  return sum;
}
}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "planted") == 0) return planted() < 0;
  for (const Case& c : cases()) {
    train<float>(c);
    train<double>(c);
    std::printf("%s\n", c.name);
  }
  return 0;
}
