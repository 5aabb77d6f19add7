// SPDX-License-Identifier: BSD-3-Clause
// What a training adds to its rows at random: dropout, o times mask / (1 - p), and Gaussian noise. Unit c of
// panel p of a row takes word c of that row and panel.

constexpr int RANDOM_ROWS = 8;  // whose words are made at a time

// Calls f(row, offset of its panel, panel, words) for every row and panel.
template <class F>
INLINE void each_panel_at_random(const RandomRows& random, F f) {
  alignas(64) uint32_t words[RANDOM_ROWS * PANEL];
  for (int p = 0; p * PANEL < random.columns; p++)
    for (int64_t r0 = 0; r0 < random.rows; r0 += RANDOM_ROWS) {
      const int n = random.rows - r0 < RANDOM_ROWS ? int(random.rows - r0) : RANDOM_ROWS;
      random_words(random.key, random.row + r0, n, p, words);
      for (int r = 0; r < n; r++) f(p, p * random.stride + (r0 + r) * PANEL, words + r * PANEL);
    }
}

// All bits set where the unit stays.
template <class T> INLINE ivec<T> stays(const uint32_t* words, uint32_t threshold) {
  typedef uint32_t some __attribute__((vector_size(4 * lanes<T>), may_alias));
  return __builtin_convertvector(*(const some*)words, word<vec<T>>) >= splat_word<vec<T>>(threshold);
}

template <class T> INLINE vec<T> where(ivec<T> mask, vec<T> x) { return (vec<T>)(mask & (ivec<T>)x); }

// All of a layer's rows; keep(offset, o, mask, scale) sees to what is kept beside o.
template <class T, class Keep> INLINE void drop_and(const Drop<T>& d, Keep keep) {
  const vec<T> scale = splat<vec<T>>(d.scale);
  each_panel_at_random(d.random, [&](int p, ptrdiff_t at, const uint32_t* words) INLINE_LAMBDA {
    for (int c = 0; c < PANEL && p * PANEL + c < d.random.columns; c += lanes<T>) {
      const ivec<T> mask = stays<T>(words + c, d.threshold);
      const vec<T> o = load(d.o + at + c);
      keep(at + c, o, mask, scale);
      store(d.o + at + c, where<T>(mask, o * scale));
    }
  });
}

template <class T, Activation F> void drop_with_slope_of(const Drop<T>& d) noexcept {
  drop_and(d, [&](ptrdiff_t at, vec<T> o, ivec<T> mask, vec<T> scale)
                  INLINE_LAMBDA { store(d.kept.slope + at, where<T>(mask, times_derivative<F>(scale, o))); });
}

template <class T> void drop_with_kept(const Drop<T>& d) noexcept {
  drop_and(d, [&](ptrdiff_t at, vec<T>, ivec<T> mask, vec<T> scale) INLINE_LAMBDA {
    store(d.kept.slope + at, where<T>(mask, load(d.kept.slope + at) * scale));
    if (d.kept.influence) store(d.kept.influence + at, where<T>(mask, load(d.kept.influence + at) * scale));
  });
}

template <class T> void drop(const Drop<T>& d) noexcept {
  if (!d.kept.slope) return drop_and(d, [](ptrdiff_t, vec<T>, ivec<T>, vec<T>) INLINE_LAMBDA {});
  if (d.there) return drop_with_kept(d);
  switch (d.activation) {
    case Activation::logistic: return drop_with_slope_of<T, Activation::logistic>(d);
    case Activation::tanh: return drop_with_slope_of<T, Activation::tanh>(d);
    case Activation::relu: return drop_with_slope_of<T, Activation::relu>(d);
    case Activation::softmax:
      return drop_and(d, [&](ptrdiff_t at, vec<T> o, ivec<T>, vec<T>) INLINE_LAMBDA { store(d.kept.slope + at, o); });
    default: return drop_with_slope_of<T, Activation::identity>(d);
  }
}

// o + sigma n, the n of units b and b + 16 of a panel by Box and Muller from their words: the radius from the
// first, u = (word div 2 + 1/2) / 2^31, the angle from the second, a signed share of the full turn.
template <class T> void add_noise(const Noise<T>& noise) noexcept {
  typedef int32_t some __attribute__((vector_size(4 * lanes<T>), may_alias));
  typedef uint32_t unsigned_some __attribute__((vector_size(4 * lanes<T>), may_alias));
  const vec<T> sigma = splat<vec<T>>(noise.sigma);
  each_panel_at_random(noise.random, [&](int, ptrdiff_t at, const uint32_t* words) INLINE_LAMBDA {
    for (int b = 0; b < PANEL / 2; b += lanes<T>) {
      const vec<T> first = __builtin_convertvector((some)(*(const unsigned_some*)(words + b) >> 1), vec<T>);
      const vec<T> second = __builtin_convertvector(*(const some*)(words + PANEL / 2 + b), vec<T>);
      const vec<T> u = (first + splat<vec<T>>(0.5)) * splat<vec<T>>(0x1p-31);
      const vec<T> radius = sqrt(splat<vec<T>>(-2) * log(u));
      vec<T> sine, cosine;
      sine_and_cosine(second * splat<vec<T>>(0x1p-32), sine, cosine);
      T* const o = noise.o + at + b;
      store(o, fma(sigma, radius * cosine, load(o)));
      store(o + PANEL / 2, fma(sigma, radius * sine, load(o + PANEL / 2)));
    }
  });
}
