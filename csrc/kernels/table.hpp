// SPDX-License-Identifier: BSD-3-Clause
// The table of kernels that each instruction set exports, and the plain structs they take.
// This header is seen by every unit, so it holds no inline function and includes no STL: an inline
// function compiled with AVX-512 flags could become the copy that every CPU runs.
//
// Layout: every matrix stands in panels of PANEL columns, zero-padded, 64-byte aligned.
//   rows (o, delta, Y)  [columns / PANEL][stride / PANEL rows][PANEL]
//   W of one layer      [out / PANEL][in + 1][PANEL], row `in` is the bias
//   W transposed        [in / PANEL][out][PANEL]
#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __FAST_MATH__
#error "-ffast-math would give other numbers: the order and rounding of every operation are fixed"
#endif

constexpr int PANEL = 32;
// Contractions sum in blocks of KB terms (docs/derivation.md, "the order of sums").
constexpr int KB = 256;

// From leaky_relu to blend, the derivative comes from net: a training keeps it beside the outputs.
enum class Activation : int {
  // clang-format off
  identity, logistic, tanh, relu, softmax, threshold,
  leaky_relu, prelu, elu, selu, gelu, gelu_tanh, silu, mish, softplus, softsign, hard_tanh, hard_logistic, exponential,
  blend, gaussian,  // clang-format on
};
enum class Loss : int {
  half_squared_error,
  binary_cross_entropy,
  cross_entropy,
  squared_error,
  absolute,
  huber,
  quantile,
  log_cosh,
  poisson,
  gamma,
  tweedie,
  hinge,
  squared_hinge,
  focal,
  kl_divergence,
  gaussian_nll,
  given  // u stands in Y, y_hat in z, and L_i is there
};
enum class Sparsity : int { l1, kl };
// Those up to adam take a batch of one row in a pass of their own.
enum class Optimizer : int {
  // clang-format off
  sgd, momentum, adam, nesterov, velocity, amsgrad, nadam, adagrad, rmsprop, rmsprop_momentum, rmsprop_centered,
  adadelta, lion, rprop,  // clang-format on
};
enum class Kind : int { b, i8, i16, i32, i64, u8, u16, u32, u64, f16, f32, f64 };
enum class Check : int { finite, probability, non_negative, positive, sign, label };

// A caller's array of rows, taken as it is: any kind, strides and byte order.
struct Rows {
  const char* data;
  ptrdiff_t row_stride, column_stride;  // bytes
  int64_t n;
  int columns;
  Kind kind;
  bool swapped;
};

// Which rows: order[0 .. count), or, without an order, first, first + 1, ...
// `next` more rows go on from there: they will be wanted soon, and memory may be asked for them.
struct Selection {
  const int64_t* order;
  int64_t first, count, next = 0;
};

// An activation with all that it needs beside net.
template <class T> struct Function {
  Activation f;
  T parameter = 0;
  const T* alpha = nullptr;  // the parameters of the first panel's units, where each unit learns one
  ptrdiff_t alpha_stride = 0;
  Activation inner = Activation::identity;  // what blend blends
};

// What a layer leaves beside its outputs, in panels like theirs, or null: f'(net) and do/dalpha, which on
// the way back becomes u do/dalpha.
template <class T> struct Kept { T *slope = nullptr, *influence = nullptr; };

// One layer's contraction over `k` columns of A for `rows` rows and the panels [begin, end) of B.
template <class T> struct Contraction {
  const T* A;
  ptrdiff_t A_stride;  // elements from panel to panel
  const T* B;
  ptrdiff_t B_stride;
  T* C;
  ptrdiff_t C_stride;
  int64_t rows;
  int k, columns, begin, end;
};

template <class T> struct Output {
  T* z;      // in: net, out: y_hat
  T* delta;  // out; also scratch
  const T* Y;
  T* row_loss;
  ptrdiff_t stride;
  int64_t rows;
  int columns;
  Activation activation;
  Loss loss;
  bool collapsed;
  const T* parameter = nullptr;  // of the loss, by column; null: it has none
};

// gamma(w) = l2/2 sum of w^2 + l1 sum of |w|, without biases.
template <class T> struct Penalty { T l2, l1; };

// One panel of a layer whose units' means over the batch are drawn to a target.
template <class T> struct Divergence {
  const T* total;  // of each unit's outputs, over the batch
  T *pull, *kl;    // out
  T inverse_n, weight, target;
};

// delta = f' u, in place: u comes in delta. f' is what was kept, or else comes from o.
template <class T> struct Derivative {
  const T* o;
  T* delta;
  ptrdiff_t stride;
  int64_t rows;
  int columns;
  Activation activation;
  Kept<T> kept;
};

template <class T> struct Pull {
  const T* o;
  T* u;
  ptrdiff_t stride;
  int64_t rows;
  int columns;
  T weight;       // of l1
  const T* pull;  // by column; null: l1
};

// Rows of a layer that random numbers are for: the words of a row of the data come from its number.
struct RandomRows {
  uint32_t key[2];
  const int64_t* row;  // number in the caller's array, of each
  int64_t rows;
  ptrdiff_t stride;
  int columns;
};

// Dropout: o times mask / (1 - p), with mask 0 where a word is below the threshold, and likewise what is
// kept of the layer. A slope that is not there yet is made from o; softmax, which has none, leaves o in its place.
template <class T> struct Drop {
  RandomRows random;
  T* o;
  Kept<T> kept;  // no slope: none is wanted
  bool there;    // the slope
  Activation activation;
  uint32_t threshold;  // p 2^32
  T scale;             // 1 / (1 - p)
};

template <class T> struct Noise {
  RandomRows random;
  T* o;
  T sigma;
};

// The optimizer's numbers of one step; a field that a rule doesn't use is 0.
template <class T> struct Update {
  Optimizer rule;
  T eta, momentum;
  T beta_1, one_minus_beta_1, beta_2, one_minus_beta_2;
  T step_size, bias_correction, eps;  // eta / (1 - beta_1^t), 1 / (1 - beta_2^t)
  T gain;                             // of g itself
  T grow, shrink, least, most;        // of Rprop's steps
  Penalty<T> penalty;
  T decay;            // of w, decoupled from its gradient: eta weight_decay
  T clip;             // largest element of the gradient; 0: any
  T minus_inverse_s;  // -1/S
};

// The weight gradient of one block: inputs [i_begin, i_end) by one output panel, and the bias row if asked.
template <class T> struct GradientUnit {
  const T* o;        // all input panels
  ptrdiff_t stride;  // elements from one of them to the next
  const T* delta;    // the output panel
  int64_t rows;
  int in, i_begin, i_end;
  int columns;         // of the output panel that hold units
  bool bias;           // and alpha, if any
  bool first, last;    // chunk of the batch
  T *total, *w;        // [in + 1][PANEL], the bias row last; total is carried from chunk to chunk, null: one chunk
  T* slot[3];          // likewise
  T* gradient;         // likewise; non-null: store the gradient here instead of updating
  const T* influence;  // the output panel's u do/dalpha, whose sums move the row after the bias; null: no alpha
  T* transposed;       // the output panel's part of the first input panel's, or null
  ptrdiff_t transposed_stride;
  // Of a batch of one row that has whole panels here: the row after it, all input panels, and the output
  // panel of its net, or null.
  const T* next_o;
  T* next_net;
  double* reach;  // likewise: no weight has a larger magnitude; null: every row of W is seen
};

template <class T> struct Kernels {
  int64_t (*gather)(const Rows&, const Selection&, const T* shift, const T* scale, Check, int n_labels, T* out,
                    ptrdiff_t stride) noexcept;
  void (*affine)(const Contraction<T>&, const Function<T>&, const Kept<T>&) noexcept;
  void (*hidden_delta)(const Contraction<T>&, Activation, const T* o, const Kept<T>&) noexcept;
  void (*activate)(T* z, ptrdiff_t stride, int64_t rows, int columns, const Function<T>&, const Kept<T>&) noexcept;
  void (*times_derivative)(const Derivative<T>&) noexcept;
  void (*output)(const Output<T>&) noexcept;
  void (*weigh_rows)(T* delta, ptrdiff_t stride, int64_t rows, int columns, const T* s) noexcept;
  void (*add_columns)(const T* o, int64_t rows, const T* s, T* total) noexcept;  // s null: 1 each
  void (*divergence)(const Divergence<T>&) noexcept;
  void (*l1_losses)(const T* o, ptrdiff_t stride, int64_t rows, int columns, T weight, T* row_loss) noexcept;
  void (*add_pull)(const Pull<T>&) noexcept;
  void (*weight_gradient)(const GradientUnit<T>&, const Update<T>&) noexcept;
  void (*add_blocks)(const GradientUnit<T>&, const T* totals, ptrdiff_t stride, int n, const Update<T>&) noexcept;
  void (*sum_of_squares)(const T* w, int in, T* q) noexcept;
  void (*sum_of_magnitudes)(const T* w, int in, T* q) noexcept;
  void (*unit_squares)(const T* w, int rows, double* q) noexcept;
  void (*limit_norms)(const GradientUnit<T>&, double most) noexcept;
  void (*average)(T* a, const T* w, int64_t n, T share) noexcept;
  void (*random_words)(const uint32_t* key, const int64_t* row, int rows, int panel, uint32_t* out) noexcept;
  void (*drop)(const Drop<T>&) noexcept;
  void (*add_noise)(const Noise<T>&) noexcept;
  void (*elementary)(int function, const T* x, T* y, int64_t n) noexcept;
  double (*fma_chains)(int64_t n) noexcept;
  double piece;  // operations of a few milliseconds: how often a caller may look up
};

struct Table {
  const char* isa;
  Kernels<float> f32;
  Kernels<double> f64;
};
