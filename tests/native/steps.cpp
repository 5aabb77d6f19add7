// SPDX-License-Identifier: BSD-3-Clause
// Small training steps to be counted: `steps NAME COUNT` takes COUNT steps of NAME with one thread and
// the AVX2 kernels. All that does not depend on COUNT drops out of the difference of two runs
// (scripts/check_instructions.sh).
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "made.hpp"
#include "trainer/trainer.hpp"

namespace {
struct Step {
  const char* name;
  std::vector<int64_t> sizes;
  std::vector<std::string> activations;
  const char* loss;
  Optimizer rule;
  int64_t batch;
};

const Step steps[] = {
    {"digits", {64, 32, 10}, {"relu", "softmax"}, "cross_entropy", Optimizer::adam, 32},
    {"sgd1", {784, 30, 10}, {"logistic", "logistic"}, "half_squared_error", Optimizer::sgd, 1},
    {"full", {20, 64, 64, 1}, {"tanh", "tanh", "identity"}, "half_squared_error", Optimizer::sgd, 512},
};
constexpr int64_t rows = 1024, most = 1000;

void take(const Step& step, int64_t count) {
  auto network = std::make_shared<Network<float>>(
      Shape(step.sizes, texts(step.activations), {step.loss}, "mean", {}, true), nullptr, nullptr);
  const Shape& shape = network->shape;
  network->assign(random_buffer<float>(size_t(shape.n_weights), 1, -0.1, 0.1).data());
  const Buffer<float> X = random_buffer<float>(size_t(rows * shape.inputs()), 2, 0, 1),
                      Y = random_buffer<float>(size_t(rows * shape.outputs()), 3, 0, 1);
  // A shuffle of its own, as long in every run: making it drops out too.
  std::vector<int64_t> order(size_t(most * step.batch));
  Random random{4};
  for (int64_t& row : order) row = int64_t(random.next() % uint64_t(rows));
  Trainer<float> trainer(network, {step.rule, 1e-3, 0, 0.9, 0.999, 1e-8}, step.batch, 1);
  Watch watch;
  trainer.epoch({rows_of(X, rows, shape.inputs()),
                 rows_of(Y, rows, shape.outputs()),
                 false,
                 order.data(),
                 count * step.batch,
                 nullptr,
                 {}},
                watch);
}
}  // namespace

int main(int argc, char** argv) {
  const int64_t count = argc == 3 ? std::atoll(argv[2]) : 0;
  for (const Step& step : steps)
    if (count > 0 && count <= most && std::strcmp(argv[1], step.name) == 0) {
      select_isa("avx2");
      take(step, count);
      return 0;
    }
  std::fprintf(stderr, "usage: steps NAME COUNT, COUNT from 1 to %d; NAME is one of", int(most));
  for (const Step& step : steps) std::fprintf(stderr, " %s", step.name);
  std::fprintf(stderr, "\n");
  return 2;
}
