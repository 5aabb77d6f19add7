// SPDX-License-Identifier: BSD-3-Clause
// Between the caller's row-by-row arrays and panels. W: (out, in + 1) with the bias last <-> panels
// [out / PANEL][in + 1][PANEL], where the parameters that units learn stand after the bias; rows: (n, columns) <->
// [columns / PANEL][stride / PANEL][PANEL].
#pragma once
#include <algorithm>
#include <cstring>

#include "trainer/shape.hpp"

// Calls f(element of W, element of panels) for the output panels [begin, end), in tiles of PANEL inputs
// so that both sides stay in cache.
template <class F> void each_packed(const LayerShape& layer, int begin, int end, F f) {
  for (int p = begin; p < end; p++)
    for (int i0 = 0; i0 <= layer.in; i0 += PANEL)
      for (int j = p * PANEL; j < std::min(layer.out, (p + 1) * PANEL); j++)
        for (int i = i0; i <= std::min(layer.in, i0 + PANEL - 1); i++)
          f(int64_t(j) * (layer.in + 1) + i, p * layer.panel_size() + int64_t(i) * PANEL + j % PANEL);
  for (int j = begin * PANEL; layer.learned() && j < std::min(layer.out, end * PANEL); j++)
    f(layer.alpha_offset - layer.w_offset + j,
      j / PANEL * layer.panel_size() + int64_t(layer.in + 1) * PANEL + j % PANEL);
}

inline int64_t row_of(const Selection& chosen, int64_t i) { return chosen.order ? chosen.order[i] : chosen.first + i; }

template <class T> void pack(const LayerShape& layer, const T* w, T* packed, int begin, int end) {
  const T* W = w + layer.w_offset;
  T* panels = packed + layer.packed_offset;
  each_packed(layer, begin, end, [=](int64_t flat, int64_t panel) { panels[panel] = W[flat]; });
}

template <class T> void unpack(const LayerShape& layer, const T* packed, T* w, int begin, int end) {
  T* W = w + layer.w_offset;
  const T* panels = packed + layer.packed_offset;
  each_packed(layer, begin, end, [=](int64_t flat, int64_t panel) { W[flat] = panels[panel]; });
}

template <class T> void pack_all(const Shape& shape, const T* w, T* packed) {
  for (const LayerShape& layer : shape.layers) pack(layer, w, packed, 0, panels_of(layer.out));
}

template <class T> void unpack_all(const Shape& shape, const T* packed, T* w) {
  for (const LayerShape& layer : shape.layers) unpack(layer, packed, w, 0, panels_of(layer.out));
}

// The panels [in / PANEL][out][PANEL] that hidden_delta reads, from the panels [out / PANEL][in + 1][PANEL].
template <class T> void transpose(const LayerShape& layer, const T* packed, T* transposed) {
  for (int q = 0; q < panels_of(layer.in); q++)
    for (int j = 0; j < layer.out; j++) {
      const T* from =
          packed + layer.packed_offset + j / PANEL * layer.panel_size() + int64_t(q) * PANEL * PANEL + j % PANEL;
      T* to = transposed + layer.transposed_offset + q * layer.transposed_panel_size() + int64_t(j) * PANEL;
      for (int i = 0; i < std::min(PANEL, layer.in - q * PANEL); i++) to[i] = from[int64_t(i) * PANEL];
    }
}

// The chosen rows of an array (n, columns).
template <class T>
void pack_rows(const T* rows, const Selection& chosen, int columns, T* panels, ptrdiff_t stride) {
  for (int p = 0; p < panels_of(columns); p++)
    for (int64_t r = 0; r < chosen.count; r++)
      std::memcpy(panels + p * stride + r * PANEL, rows + row_of(chosen, r) * columns + p * PANEL,
                  sizeof(T) * std::min(PANEL, columns - p * PANEL));
}

template <class T>
void unpack_rows(const T* panels, ptrdiff_t stride, const Selection& chosen, int columns, T* rows) {
  for (int p = 0; p < panels_of(columns); p++)
    for (int64_t r = 0; r < chosen.count; r++)
      std::memcpy(rows + row_of(chosen, r) * columns + p * PANEL, panels + p * stride + r * PANEL,
                  sizeof(T) * std::min(PANEL, columns - p * PANEL));
}
