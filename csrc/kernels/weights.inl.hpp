// SPDX-License-Identifier: BSD-3-Clause
// Sample weights: delta carries none while it goes back through the layers; on entry to the weight sums each
// row's is multiplied by s_i, once.

template <class T>
void weigh_rows(T* delta, ptrdiff_t stride, int64_t rows, int columns, const T* s) noexcept {
  for (int p = 0; p * PANEL < columns; p++)
    for (int64_t r = 0; r < rows; r++) {
      const vec<T> weight = splat<vec<T>>(s[r]);
      T* const row = delta + p * stride + r * PANEL;
      for (int c = 0; c < PANEL && p * PANEL + c < columns; c += lanes<T>) store(row + c, weight * load(row + c));
    }
}
