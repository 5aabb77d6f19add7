// SPDX-License-Identifier: BSD-3-Clause
// o = f(net) over tiles and panels. The four hot activations are compiled into the loops that call them; of
// every other one there is a single function over a tile, so that one more costs little code.

// Rows of one panel. z: in, net or, with a bias, net without it; out, o.
template <class T> struct ActivationTile {
  T* z;
  const T *bias, *alpha;  // of the panel's units, or null
  Kept<T> kept;
  int64_t rows;
  int columns;
  T parameter;
  Activation inner;
};

template <class T> INLINE Kept<T> at_offset(const Kept<T>& kept, ptrdiff_t at) {
  return {kept.slope ? kept.slope + at : nullptr, kept.influence ? kept.influence + at : nullptr};
}

// Takes what an activation offers beside its value, where it is wanted: offers come as lambdas, so that a
// prediction computes no slopes.
template <class T> struct Keeper {
  Kept<T> kept;
  ptrdiff_t at;
  template <class F> INLINE_MEMBER void slope(F f) const {
    if (kept.slope) store(kept.slope + at, f());
  }
  template <class F> INLINE_MEMBER void influence(F f) const {
    if (kept.influence) store(kept.influence + at, f());
  }
};

template <class T, class F> __attribute__((noinline)) void tile_through(const ActivationTile<T>& t) noexcept {
  for (int c = 0; c < t.columns; c += lanes<T>) {
    const vec<T> bias = t.bias ? load(t.bias + c) : splat<vec<T>>(T(-0.0));  // x + -0 is x, -0 included
    const vec<T> parameter = t.alpha ? load(t.alpha + c) : splat<vec<T>>(t.parameter);
    Keeper<T> keep{t.kept, 0};
    for (int64_t r = 0; r < t.rows; r++) {
      asm("" : "+r"(keep.kept.slope));  // one loop, not one for each thing that may be kept
      keep.at = r * PANEL + c;
      store(t.z + keep.at, F::of(load(t.z + keep.at) + bias, parameter, keep));
    }
  }
}

template <class T> void tile_of(Activation f, const ActivationTile<T>& t) noexcept;

// x + alpha (f(x) - x), from f's own tile.
template <class T> __attribute__((noinline)) void blended_tile(const ActivationTile<T>& t) noexcept {
  constexpr int ROWS_AT_ONCE = 16;
  alignas(64) T net[ROWS_AT_ONCE * PANEL];
  for (int64_t first = 0; first < t.rows; first += ROWS_AT_ONCE) {
    const int64_t rows = t.rows - first < ROWS_AT_ONCE ? t.rows - first : ROWS_AT_ONCE;
    T* z = t.z + first * PANEL;
    const Kept<T> kept = at_offset(t.kept, first * PANEL);
    const auto each = [&](auto f) INLINE_LAMBDA {
      for (int c = 0; c < t.columns; c += lanes<T>)
        for (int64_t at = c; at < rows * PANEL; at += PANEL) f(c, at);
    };
    each([&](int c, int64_t at) INLINE_LAMBDA {
      const vec<T> x = t.bias ? load(z + at) + load(t.bias + c) : load(z + at);
      store(net + at, x);
      store(z + at, x);
    });
    tile_of(t.inner, ActivationTile<T>{z, nullptr, nullptr, {kept.slope, nullptr}, rows, t.columns, 0, t.inner});
    each([&](int c, int64_t at) INLINE_LAMBDA {
      const vec<T> alpha = load(t.alpha + c), x = load(net + at), apart = load(z + at) - x, one = splat<vec<T>>(1);
      store(z + at, fma(alpha, apart, x));
      if (kept.slope) store(kept.slope + at, fma(alpha, load(kept.slope + at) - one, one));
      if (kept.influence) store(kept.influence + at, apart);
    });
  }
}

template <class T> __attribute__((noinline)) void tile_of(Activation f, const ActivationTile<T>& t) noexcept {
  switch (f) {
#define CASE(name, F) \
  case Activation::name: return tile_through<T, F>(t);
    CASE(identity, Identity)
    CASE(logistic, Logistic)
    CASE(tanh, Tanh)
    CASE(relu, Relu)
    CASE(threshold, Threshold)
    CASE(leaky_relu, LeakyRelu)
    CASE(prelu, PRelu)
    CASE(elu, Elu)
    CASE(selu, Selu)
    CASE(gelu, Gelu)
    CASE(gelu_tanh, GeluTanh)
    CASE(silu, Silu)
    CASE(mish, Mish)
    CASE(softplus, Softplus)
    CASE(softsign, Softsign)
    CASE(hard_tanh, HardTanh)
    CASE(hard_logistic, HardLogistic)
    CASE(exponential, Exponential)
#undef CASE
    case Activation::blend: return blended_tile(t);
    case Activation::softmax:
    case Activation::gaussian: return;  // of whole rows
  }
}

// Panel p's rows at z.
template <class T>
INLINE void activate_tile(const Function<T>& f, int p, T* z, const T* bias, const Kept<T>& kept, int64_t rows,
                          int columns) {
  tile_of(f.f, ActivationTile<T>{z, bias, f.alpha ? f.alpha + p * f.alpha_stride : nullptr, kept, rows, columns,
                                 f.parameter, f.inner});
}

template <class T, Activation F> INLINE void activate_panels(T* z, ptrdiff_t stride, int64_t rows, int columns) {
  if (turning_pays(columns, rows)) {
    for (int64_t r = 0; r < rows; r += lanes<T>)
      for (int j = 0; j < columns; j++) {
        T* const at = z + r * PANEL + j;
        store_column(at, rows - r, activation<F>(load_column(at, rows - r)));
      }
    return;
  }
  for (int p = 0; p * PANEL < columns; p++)
    for (int64_t i = 0; i < rows * PANEL; i += PANEL)
      for (int c = 0; c < PANEL && p * PANEL + c < columns; c += lanes<T>) {
        T* const at = z + p * stride + i + c;
        store(at, activation<F>(load(at)));
      }
}

template <class T>
INLINE void activate_by_tiles(T* z, ptrdiff_t stride, int64_t rows, int columns, const Function<T>& f,
                              const Kept<T>& kept) {
  for (int p = 0; p * PANEL < columns; p++)
    activate_tile(f, p, z + p * stride, (const T*)nullptr, at_offset(kept, p * stride), rows,
                  columns - p * PANEL < PANEL ? columns - p * PANEL : PANEL);
}

// o = f(net), in place.
template <class T>
void activate(T* z, ptrdiff_t stride, int64_t rows, int columns, const Function<T>& f, const Kept<T>& kept) noexcept {
  const bool of_rows = f.f == Activation::softmax || f.f == Activation::gaussian;
  if (kept.slope && !of_rows) return activate_by_tiles(z, stride, rows, columns, f, kept);
  switch (f.f) {
    case Activation::identity: return;
    case Activation::logistic: return activate_panels<T, Activation::logistic>(z, stride, rows, columns);
    case Activation::tanh: return activate_panels<T, Activation::tanh>(z, stride, rows, columns);
    case Activation::relu: return activate_panels<T, Activation::relu>(z, stride, rows, columns);
    case Activation::threshold: return activate_panels<T, Activation::threshold>(z, stride, rows, columns);
    case Activation::softmax:
      for (int64_t r = 0; r < rows; r++) softmax_row(z + r * PANEL, columns, stride);
      return;
    case Activation::gaussian:
      for (int64_t r = 0; r < rows; r++) gaussian_row(z + r * PANEL, columns, stride);
      return;
    default: return activate_by_tiles(z, stride, rows, columns, f, kept);
  }
}
