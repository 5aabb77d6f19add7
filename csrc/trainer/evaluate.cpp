// SPDX-License-Identifier: BSD-3-Clause
#include "trainer/evaluate.hpp"

#include <omp.h>

#include <limits>

#include "trainer/barrier.hpp"
#include "trainer/batches.hpp"
#include "trainer/float_environment.hpp"
#include "trainer/threads.hpp"

namespace {
// The first bad place over all threads, whichever of them finds it first.
class FirstBad {
 public:
  void found(int64_t place, bool in_Y) {
    int64_t seen = place_.load(), key = 2 * place + in_Y;
    while (key < seen && !place_.compare_exchange_weak(seen, key)) {
    }
  }
  bool any() const { return place_.load() != none; }
  // `row_at(place)`: its row in the caller's arrays.
  template <class RowAt> void raise(RowAt row_at) const {
    if (any()) throw BadRow{place_.load() % 2 == 1, row_at(place_.load() / 2)};
  }
  void raise() const {
    raise([](int64_t place) { return place; });
  }

 private:
  static constexpr int64_t none = std::numeric_limits<int64_t>::max();
  std::atomic<int64_t> place_{none};
};

// Rows of a forward pass that stay in a core's L2 with the widest two layers.
constexpr int64_t forward_rows = 256;
// Elements of a workspace that may lie on the stack: little, as Python's threads may have 32 KiB.
template <class T> constexpr size_t stack_size = 8192 / sizeof(T);

// The weights of one moment. A call that goes over its rows twice takes both times the same.
template <class T> using Packed = std::shared_ptr<const Buffer<T>>;

// Runs call(pass, rows of X) over chunks of the n rows, dealt to the threads; forward workspaces.
template <class T, class Call>
void each_chunk(Network<T>& network, const Packed<T>& packed, int64_t n, int n_threads, Watch& watch, Call call) {
  const Shape& shape = network.shape;
  const int threads = workers_for(threads_for(n_threads, shape.flops_per_row() / 3 * double(n)));
  const int64_t even = (n + threads - 1) / threads, rows = std::min(forward_rows, even);
  const int64_t chunks = (n + rows - 1) / rows;
  const Kernels<T>& kernels = kernels_of<T>(table_in_use());
  const auto run = [&](Workspace<T>& space, int thread, int step) {
    const FloatEnvironment environment;
    Pass<T> pass{network, kernels, packed->data(), nullptr, space, watch, thread == 0};
    for (int64_t c = thread; c < chunks && !watch.stopped(); c += step)
      call(pass, Range{c * rows, std::min(n, (c + 1) * rows)});
  };
  if (threads == 1) {  // a region of one costs 0.3 us, memory for a row 0.1
    alignas(64) T stack[stack_size<T>];
    Workspace<T> space(shape, rows, Workspace<T>::forward_size(shape, rows) <= stack_size<T> ? stack : nullptr);
    return run(space, 0, 1);
  }
  std::vector<Workspace<T>> spaces;
  for (int t = 0; t < threads; t++) spaces.emplace_back(shape, rows, nullptr);
#pragma omp parallel num_threads(threads)
  run(spaces[size_t(omp_get_thread_num())], omp_get_thread_num(), omp_get_num_threads());
}

Selection rows_of(Range rows) { return {nullptr, rows.begin, rows.size()}; }

// A batch, all rows of `batches`, through forward, output, backward and the gradient, chunk by chunk, without
// an update. `fill` puts a range of the chunk's rows into o[0] ... net, `drain` takes what is wanted of deltas.
template <class T> class Batch {
 public:
  Batch(Network<T>& the_network, const Packed<T>& weights, const Batches<T>& rows, Watch& the_watch, int n_threads,
        T* flat_gradient, typename Workspace<T>::Purpose for_what)
      : network(the_network),
        packed(weights),
        batches(rows),
        n(rows.rows()),
        watch(the_watch),
        shares(threads_for(n_threads, the_network.shape.flops_per_row() * double(n))),
        gradient(flat_gradient),
        purpose(for_what) {}

  Network<T>& network;
  const Packed<T> packed;
  const Batches<T>& batches;
  const int64_t n;
  Watch& watch;
  const int shares;
  T* const gradient;  // or null
  const typename Workspace<T>::Purpose purpose;
  FirstBad bad{};

  template <class Fill, class Drain> double run(Fill fill, Drain drain) {
    const FloatEnvironment calling_thread;
    const Shape& shape = network.shape;
    const int64_t chunk = chunk_rows(shape, n, shares, sizeof(T));
    const bool backward = purpose == Workspace<T>::gradient_of_input || gradient;
    Workspace<T> space(shape, chunk, purpose);
    Buffer<T> transposed(backward ? size_t(shape.transposed_size) : 0);
    Buffer<T> packed_gradient(gradient ? size_t(shape.packed_size) : 0);
    Buffer<T> totals(gradient && chunk < n ? size_t(shape.packed_size) : 0);
    Buffer<T> sums(shape.penalised() ? penalty_size(shape) : 0);
    // From the same packed copy: an epoch may end at any moment.
    if (backward)
      for (const LayerShape& layer : shape.layers) transpose(layer, packed->data(), transposed.data());
    const Kernels<T>& kernels = kernels_of<T>(table_in_use());
    // The weights are only read: a gradient is stored instead of an update.
    const BlockTarget<T> target{
        const_cast<T*>(packed->data()), {nullptr, nullptr}, totals.data(), packed_gradient.data(), nullptr};
    if (gradient) blocks = deal_blocks(shape, shares);
    double loss = 0;
    bool over = false;  // as in the trainer: written between two barriers, read after them
    const int workers = workers_for(shares);
    Barrier barrier(workers);
    on_threads(workers, [&](int thread, int threads) {
      const FloatEnvironment environment;
      Pass<T> pass{network, kernels, packed->data(), transposed.data(), space, watch, thread == 0};
      for (int64_t at = 0; at < n && !over; at += chunk) {
        const int64_t part = std::min(chunk, n - at);
        for (int share = thread; share < shares; share += threads) {
          const Range mine = share_of(part, share, shares);
          if (!mine.size() || !fill(pass, mine, at)) continue;
          pass.output(mine);
          if (backward) pass.backward(mine);
          drain(pass, mine, at);
          batches.copy_weights(at + mine.begin, mine.size(), space.s + mine.begin);
          if (gradient && batches.weighted()) pass.weigh(mine);
        }
        barrier.wait();
        if (thread == 0)
          add_losses(space.row_loss, batches.weighted() ? space.s : nullptr, part, network.loss_limit, loss);
        for (int share = thread; gradient && share < shares; share += threads)
          gradient_phase(pass, share, part, at, target);
        if (thread == 0) over = watch.stopped() || bad.any();
        barrier.wait();
      }
      for (int share = thread; shape.penalised() && share < shares; share += threads)
        penalty_sums(shape, kernels, packed->data(), share, shares, sums.data());
    });
    bad.raise([this](int64_t place) { return batches.row(place); });
    if (gradient) unpack_all(shape, packed_gradient.data(), gradient);
    loss *= 1 / S();
    return shape.penalised() ? loss + penalty(shape, batches[0].share, sums.data()) : loss;
  }

 private:
  std::vector<std::vector<Block>> blocks;

  double S() const { return network.shape.s(batches[0].total); }

  void gradient_phase(Pass<T>& pass, int share, int64_t rows, int64_t at, const BlockTarget<T>& target) {
    Update<T> update{};
    const Penalty<double> penalty = network.shape.penalty_of(batches[0].share);
    update.penalty = {T(penalty.l2), T(penalty.l1)};
    update.minus_inverse_s = T(-1 / S());
    for (const Block& block : blocks[size_t(share)])
      in_parts(block, rows, [&](const Block& part, double operations) {
        if (watch.stopped()) return;
        const auto unit = gradient_unit(network.shape, pass.space, part, {0, rows}, at == 0, at + rows == n, target);
        pass.kernels.weight_gradient(unit, update);
        watch.tick(pass.leader, operations);
      });
  }
};

}  // namespace

template <class T> void predict(Network<T>& network, const Rows& X, T* y_hat, int n_threads, Watch& watch) {
  FirstBad bad;
  const int K = network.shape.outputs();
  each_chunk(network, network.packed(), X.n, n_threads, watch, [&](Pass<T>& pass, Range rows) {
    const int64_t place = pass.gather_X(X, rows_of(rows), 0);
    if (place >= 0) return bad.found(rows.begin + place, false);
    const Range all{0, rows.size()};
    pass.forward(all);
    pass.activate(network.shape.depth(), all);
    unpack_rows(pass.space.o.back(), pass.space.stride, rows_of(rows), K, y_hat);
  });
  bad.raise();
}

template <class T>
void forward(Network<T>& network, const Rows& X, const std::vector<T*>& net, const std::vector<T*>& o, int n_threads,
             Watch& watch) {
  const Shape& shape = network.shape;
  FirstBad bad;
  each_chunk(network, network.packed(), X.n, n_threads, watch, [&](Pass<T>& pass, Range rows) {
    const auto show = [&](size_t k, const std::vector<T*>& to) {
      unpack_rows(pass.space.o[k], pass.space.stride, rows_of(rows), shape.sizes[k], to[k]);
    };
    const int64_t place = pass.gather_X(X, rows_of(rows), 0);
    if (place >= 0) return bad.found(rows.begin + place, false);
    show(0, o);
    const Range all{0, rows.size()};
    for (int k = 0; k < shape.depth(); k++) {
      pass.net(k, all);
      show(size_t(k) + 1, net);
      pass.activate(k + 1, all);
      show(size_t(k) + 1, o);
    }
  });
  bad.raise();
}

namespace {
// What `backward` goes from and to, row by row.
template <class T> struct Traced {
  const std::vector<const T*>&net, &o;
  const Rows& Y;
  const Check check;
  const std::vector<T*>& delta;
  T* const dX;
  LossFunction<T>* function;
};

template <class T> void compute(Network<T>& network, GivenLoss<T>& given, const Batches<T>& batches) {
  const Shared::Hold hold(network);
  if (!given.compute(batches.chosen(0, batches.rows()))) throw LossFailed{};
}

// y_hat of all rows of a trace, and the given loss of them.
template <class T> GivenLoss<T> given_of(Network<T>& network, const Traced<T>& trace, const Batches<T>& batches) {
  const int K = network.shape.outputs();
  GivenLoss<T> given{trace.function};
  if (!given) return given;
  given.reserve(batches.rows(), K);
  for (int64_t r = 0; r < batches.rows(); r++)
    std::copy_n(trace.o.back() + batches.row(r) * K, K, given.y_hat.data() + r * K);
  compute(network, given, batches);
  return given;
}

template <class T> double backward_rows(Batch<T>& batch, const Traced<T>& trace) {
  const Shape& shape = batch.network.shape;
  const size_t last = shape.layers.size();
  const GivenLoss<T> given = given_of(batch.network, trace, batch.batches);
  const auto fill = [&](Pass<T>& pass, Range mine, int64_t at) {
    const Selection rows = batch.batches.chosen(at + mine.begin, mine.size());
    const auto put = [&](size_t k, const std::vector<const T*>& from) {
      pack_rows(from[k], rows, shape.sizes[k], pass.space.o[k] + mine.begin * PANEL, pass.space.stride);
    };
    for (size_t k = 0; k < last; k++) {
      if (pass.space.kept[k].slope) {  // from net
        put(k, trace.net);
        pass.activate(int(k), mine);
      }
      put(k, trace.o);
    }
    put(last, trace.net);
    if (given) {
      pass.activate(int(last), mine);
      pass.take_given(given, at + mine.begin, mine);
      return true;
    }
    const int64_t place = pass.gather_Y(trace.Y, rows, mine.begin, trace.check);
    if (place >= 0) batch.bad.found(at + mine.begin + place, true);
    return place < 0;
  };
  const auto drain = [&](Pass<T>& pass, Range mine, int64_t at) {
    const Selection rows = batch.batches.chosen(at + mine.begin, mine.size());
    for (size_t k = 1; k <= last; k++)
      unpack_rows(pass.space.delta[k] + mine.begin * PANEL, pass.space.stride, rows, shape.sizes[k], trace.delta[k]);
    T* input_delta = pass.space.delta[0];  // dX = -delta[1] W[0], for raw X times its scale
    pass.through_weights(0, mine, input_delta, [&](const Contraction<T>& c, Range) {
      pass.kernels.hidden_delta(c, Activation::identity, nullptr, {});
    });
    const int H = shape.inputs();
    unpack_rows(input_delta + mine.begin * PANEL, pass.space.stride, rows, H, trace.dX);
    const T* scale = pass.network.scale();
    for (int64_t r = 0; r < rows.count; r++) {
      T* to = trace.dX + row_of(rows, r) * H;
      for (int i = 0; i < H; i++) to[i] = scale ? -to[i] * scale[i] : -to[i];
    }
  };
  return batch.run(fill, drain);
}
}  // namespace

template <class T>
double backward(Network<T>& network, const std::vector<const T*>& net, const std::vector<const T*>& o, const Rows& Y,
                bool labels, const std::vector<T*>& delta, T* dX, T* gradient, int n_threads, Watch& watch,
                const double* sample_weight, LossFunction<T>* function) {
  const Traced<T> trace{net, o, Y, check_of(network.shape, labels), delta, dX, function};
  const auto purpose = Workspace<T>::gradient_of_input;
  const Batches<T> batches(nullptr, Y.n, Y.n, network.shape.mean, sample_weight);
  const Packed<T> packed = network.packed();
  Batch<T> batch(network, packed, batches, watch, n_threads, gradient, purpose);
  const double loss = backward_rows(batch, trace);
  // Rows of weight 0 have their deltas too: those carry no weight.
  const int64_t others = int64_t(batches.left_out().size());
  if (others) {
    const Batches<T> rest(batches.left_out().data(), others, others, network.shape.mean, nullptr);
    Batch<T> without_gradient(network, packed, rest, watch, n_threads, nullptr, purpose);
    backward_rows(without_gradient, trace);
  }
  return loss;
}

namespace {
// The same of X, row by row.
template <class T>
GivenLoss<T> given_of(Network<T>& network, const Packed<T>& packed, const Rows& X, const Batches<T>& batches,
                      int n_threads, Watch& watch, LossFunction<T>* function) {
  GivenLoss<T> given{function};
  if (!given) return given;
  const int K = network.shape.outputs();
  given.reserve(batches.rows(), K);
  FirstBad bad;
  each_chunk(network, packed, batches.rows(), n_threads, watch, [&](Pass<T>& pass, Range rows) {
    const int64_t place = pass.gather_X(X, batches.chosen(rows.begin, rows.size()), 0);
    if (place >= 0) return bad.found(rows.begin + place, false);
    const Range all{0, rows.size()};
    pass.forward(all);
    pass.show_outputs(all, given.y_hat.data() + rows.begin * K);
  });
  bad.raise([&](int64_t place) { return batches.row(place); });
  if (!watch.stopped()) compute(network, given, batches);
  return given;
}
}  // namespace

template <class T>
double loss_and_gradient(Network<T>& network, const Rows& X, const Rows& Y, bool labels, T* gradient, int n_threads,
                         Watch& watch, const double* sample_weight, LossFunction<T>* function) {
  const Batches<T> batches(nullptr, X.n, X.n, network.shape.mean, sample_weight);
  const Packed<T> packed = network.packed();
  const GivenLoss<T> given = given_of(network, packed, X, batches, n_threads, watch, function);
  if (given && watch.stopped()) return 0;
  Batch<T> batch(network, packed, batches, watch, n_threads, gradient, Workspace<T>::training);
  const auto fill = [&](Pass<T>& pass, Range mine, int64_t at) {
    const int64_t place = at + mine.begin;
    const Selection rows = batches.chosen(place, mine.size());
    const int64_t bad_X = pass.gather_X(X, rows, mine.begin);
    if (bad_X >= 0) batch.bad.found(place + bad_X, false);
    const int64_t bad_Y = given ? -1 : pass.gather_Y(Y, rows, mine.begin, check_of(network.shape, labels));
    if (bad_Y >= 0) batch.bad.found(place + bad_Y, true);
    if (bad_X >= 0 || bad_Y >= 0) return false;
    pass.forward(mine);
    if (given) {
      pass.activate(network.shape.depth(), mine);
      pass.take_given(given, place, mine);
    }
    return true;
  };
  return batch.run(fill, [](Pass<T>&, Range, int64_t) {});
}

#define INSTANTIATE(T)                                                                                              \
  template void predict<T>(Network<T>&, const Rows&, T*, int, Watch&);                                              \
  template void forward<T>(Network<T>&, const Rows&, const std::vector<T*>&, const std::vector<T*>&, int, Watch&);  \
  template double backward<T>(Network<T>&, const std::vector<const T*>&, const std::vector<const T*>&, const Rows&, \
                              bool, const std::vector<T*>&, T*, T*, int, Watch&, const double*, LossFunction<T>*);  \
  template double loss_and_gradient<T>(Network<T>&, const Rows&, const Rows&, bool, T*, int, Watch&, const double*, \
                                       LossFunction<T>*);
INSTANTIATE(float)
INSTANTIATE(double)
