// SPDX-License-Identifier: BSD-3-Clause
// All kernels of one instruction set: this file is compiled once per set with its own flags and
// KERNEL_ISA, and exports KERNEL_ISA::table alone (scripts/check_symbols.sh holds it to that).
#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#include "kernels/table.hpp"

#define TEXT(name) #name
#define NAME(name) TEXT(name)

namespace KERNEL_ISA {
namespace {
#include "kernels/vec/vec.inl.hpp"
#include "kernels/vec/transpose.inl.hpp"
#include "kernels/vec/elementary.inl.hpp"
#include "kernels/vec/sine.inl.hpp"
#include "kernels/columns.inl.hpp"
#include "kernels/sums.inl.hpp"
#include "kernels/activation.inl.hpp"
#include "kernels/tile.inl.hpp"
#include "kernels/few_rows.inl.hpp"
#include "kernels/few_columns.inl.hpp"
#include "kernels/functions.inl.hpp"
#include "kernels/activate.inl.hpp"
#include "kernels/derivative.inl.hpp"
#include "kernels/contraction.inl.hpp"
#include "kernels/losses.inl.hpp"
#include "kernels/loss_rows.inl.hpp"
#include "kernels/softmax_losses.inl.hpp"
#include "kernels/gaussian.inl.hpp"
#include "kernels/output.inl.hpp"
#include "kernels/weights.inl.hpp"
#include "kernels/sparsity.inl.hpp"
#include "kernels/threefry.inl.hpp"
#include "kernels/dropout.inl.hpp"
#include "kernels/rules.inl.hpp"
#include "kernels/update.inl.hpp"
#include "kernels/one_row.inl.hpp"
#include "kernels/gradient.inl.hpp"
#include "kernels/norms.inl.hpp"
#include "kernels/convert.inl.hpp"
#include "kernels/gather.inl.hpp"
#include "kernels/peak.inl.hpp"

// The elementary functions by number, on whole vectors (n a multiple of 16): for tests alone.
template <class T> void evaluate(int function, const T* x, T* y, int64_t n) noexcept {
  for (int64_t i = 0; i < n; i += lanes<T>) {
    const vec<T> v = load_unaligned(x + i);
    const vec<T> results[] = {exp(v), log(v), log1p_of_unit(v), logistic(v), tanh(v), sin_2pi(v), cos_2pi(v)};
    store_unaligned(y + i, results[function]);
  }
}

// Where an fma is a call for each lane a thread makes some 2 GFLOP/s, elsewhere more than 60.
constexpr double PIECE = VEC_BYTES > 16 ? 2e8 : 2e7;

template <class T>
constexpr Kernels<T> kernels = {
    gather<T>,     affine<T>,         hidden_delta<T>,      activate<T>,     times_derivative<T>, output<T>,
    weigh_rows<T>, add_columns<T>,    divergence<T>,        l1_losses<T>,    add_pull<T>,         weight_gradient<T>,
    add_blocks<T>, sum_of_squares<T>, sum_of_magnitudes<T>, unit_squares<T>, limit_norms<T>,      average<T>,
    random_words,  drop<T>,           add_noise<T>,         evaluate<T>,     fma_chains<T>,       PIECE};
}  // namespace

extern const Table table;
const Table table = {NAME(KERNEL_ISA), kernels<float>, kernels<double>};
}  // namespace KERNEL_ISA
