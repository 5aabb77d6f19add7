// SPDX-License-Identifier: BSD-3-Clause
// L x L transpose by butterflies: round D swaps the off-diagonal D x D blocks of every 2D x 2D block.
template <int D, class V, int... I> INLINE V merge_low(V a, V b, lane_list<I...>) {
  return __builtin_shufflevector(a, b, ((I & D) ? int(sizeof...(I)) + I - D : I)...);
}
template <int D, class V, int... I> INLINE V merge_high(V a, V b, lane_list<I...>) {
  return __builtin_shufflevector(a, b, ((I & D) ? int(sizeof...(I)) + I : I + D)...);
}

template <int D, class V, int L> INLINE void transpose_round(V (&x)[L]) {
  constexpr first_lanes<L> lane{};
#pragma GCC unroll 16
  for (int i = 0; i < L; i++)
    if (!(i & D)) {
      const V low = merge_low<D>(x[i], x[i + D], lane), high = merge_high<D>(x[i], x[i + D], lane);
      x[i] = low;
      x[i + D] = high;
    }
  if constexpr (2 * D < L) transpose_round<2 * D>(x);
}
