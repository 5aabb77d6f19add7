// SPDX-License-Identifier: BSD-3-Clause
// One functor per loss: the term of one output in L_i, and u, for a vector of outputs or of rows. They go
// through a pointer, so that a loss is this function alone, and the loops over rows exist once
// (loss_rows.inl.hpp). Every value and slope at kinks and at saturation stands in docs/reference/losses.md.

// u = -dL_i/dy_hat where the loss is taken from y_hat, -dL_i/dnet where from net; p is its parameter.
template <class V> struct Element {
  V y;
  V z;     // in: y_hat, or net; out: y_hat
  V term;  // out; of softmax, in: 1 - y_hat
  V u;     // out; of softmax, in: -log y_hat, out: a of delta = a - y_hat sum_j a_j
};
template <class V> using LossFunction = void (*)(Element<V>&, V p) noexcept;

template <class V> INLINE V clip(V y_hat) {
  typedef typename traits<V>::scalar T;
  const V low = splat<V>(sizeof(T) == 4 ? T(0x1p-23) : T(0x1p-52)), high = splat<V>(1) - low;
  return select(y_hat < low, low, select(y_hat > high, high, y_hat));
}

// c = clip(y_hat): (y - c) / (c (1 - c))
template <class V> INLINE V binary_cross_entropy_descent(V y, V y_hat) {
  const V c = clip(y_hat);
  return (y - c) / (c * (splat<V>(1) - c));
}

template <class V> INLINE V binary_cross_entropy_of_net(V y, V net) {
  const V magnitude = select(net > V{}, net, -net);
  return (select(net > V{}, net, V{}) - net * y) + log1p_of_unit(exp(-magnitude));
}

template <class V> INLINE V binary_cross_entropy_of_y_hat(V y, V y_hat) {
  const V c = clip(y_hat), one = splat<V>(1);
  return -fma(y, log(c), (one - y) * log(one - c));
}

template <class V> INLINE V largest() { return splat<V>(elementary<V>::largest); }
template <class V> INLINE V with_sign(V size, V d) { return select(d < V{}, -size, size); }

// From y_hat, d = y - y_hat.

// The square is taken by what adds up the terms.
template <class V> void half_square(Element<V>& e, V) noexcept { e.term = e.u = e.y - e.z; }

template <class V> void square(Element<V>& e, V) noexcept {
  e.term = e.y - e.z;
  e.u = e.term + e.term;
}

template <class V> void binary_cross_entropy(Element<V>& e, V) noexcept {
  e.term = binary_cross_entropy_of_y_hat(e.y, e.z);
  e.u = binary_cross_entropy_descent(e.y, e.z);
}

template <class V> void absolute(Element<V>& e, V) noexcept {
  const V d = e.y - e.z, one = splat<V>(1);
  e.term = magnitude(d);
  e.u = select(d > V{}, one, select(d < V{}, -one, V{}));
}

// c (|d| - c/2), c = min(|d|, p): d^2/2 up to p, a line from there on.
template <class V> void huber(Element<V>& e, V p) noexcept {
  const V d = e.y - e.z, size = magnitude(d), c = at_most(p, size);
  e.term = c * (size - splat<V>(0.5) * c);
  e.u = with_sign(c, d);
}

template <class V> void quantile(Element<V>& e, V p) noexcept {
  const V d = e.y - e.z, below = p - splat<V>(1);
  e.term = select(d < V{}, below, p) * d;
  e.u = select(d > V{}, p, select(d < V{}, below, V{}));
}

// With t = tanh(|d|/2): log cosh d = log(1 + 2 t^2 / (1 - t^2)) near 0, where |d| - log 2 + log(1 + exp(-2|d|))
// would lose everything; the slope is 2 t / (1 + t^2).
template <class V> void log_cosh(Element<V>& e, V) noexcept {
  const V d = e.y - e.z, size = magnitude(d), one = splat<V>(1), t = tanh(splat<V>(0.5) * size), square = t * t;
  const auto near = size < splat<V>(1.25);
  const V log_1 = log1p_of_unit(select(near, (square + square) / (one - square), exp(-(size + size))));
  e.term = select(near, log_1, (size - splat<V>(elementary<V>::ln_2)) + log_1);
  e.u = with_sign((t + t) / (one + square), d);
}

template <class V> void hinge(Element<V>& e, V) noexcept {
  const V margin = fma(-e.y, e.z, splat<V>(1));
  e.term = select(margin <= V{}, V{}, margin);  // NaN stays
  e.u = select(margin > V{}, e.y, V{});
}

template <class V> void squared_hinge(Element<V>& e, V) noexcept {
  const V margin = fma(-e.y, e.z, splat<V>(1)), short_of_1 = select(margin <= V{}, V{}, margin);
  e.term = short_of_1 * short_of_1;
  e.u = (e.y + e.y) * short_of_1;
}

// From net, for one output activation: u is delta.

// Loss from net, delta by way of y_hat: what the collapsed pair is compared with.
template <class V> void binary_cross_entropy_apart(Element<V>& e, V) noexcept {
  const V o = logistic(e.z);
  e.term = binary_cross_entropy_of_net(e.y, e.z);
  e.u = times_derivative<Activation::logistic>(binary_cross_entropy_descent(e.y, o), o);
  e.z = o;
}

// exp(net) - y net
template <class V> void poisson(Element<V>& e, V) noexcept {
  const V o = exp(e.z);
  e.term = fma(-e.y, e.z, o);
  e.u = e.y - o;
  e.z = o;
}

// y exp(-s net), in two factors that overflow no sooner than the product; 0 where y is.
template <class V> INLINE V shrunk(V y, V s, V net) {
  const V h = at_most(largest<V>(), exp(-(splat<V>(0.5) * s) * net));
  return (y * h) * h;
}

// net + y exp(-net)
template <class V> void gamma(Element<V>& e, V) noexcept {
  const V one = splat<V>(1), ratio = shrunk(e.y, one, e.z);
  e.term = e.z + ratio;
  e.u = ratio - one;
  e.z = exp(e.z);
}

// y exp(-a net) / a + exp(b net) / b, a = p - 1, b = 2 - p. Where both overflow, p > 2, the first is the larger.
template <class V> void tweedie(Element<V>& e, V a) noexcept {
  const V b = splat<V>(1) - a;
  const V falls = shrunk(e.y, a, e.z), rises = select(falls > largest<V>(), V{}, exp(b * e.z));
  e.term = falls / a + rises / b;
  e.u = falls - rises;
  e.z = exp(e.z);
}

// s = -log(1 - y_hat), t = -log y_hat; y (1 - y_hat)^p t + (1 - y) y_hat^p s
template <class V> void focal_logistic(Element<V>& e, V p) noexcept {
  const V net = e.z, one = splat<V>(1), zero{}, rest = one - e.y;
  const V log_1 = log1p_of_unit(exp(-magnitude(net)));
  const V s = select(net > zero, net, zero) + log_1, t = select(net < zero, -net, zero) + log_1;
  const V o = logistic(net), other = logistic(-net), wrong = exp(-(p * s)), right = exp(-(p * t));
  e.term = fma(e.y, wrong * t, rest * (right * s));
  e.u = fma(e.y, wrong * fma(p, o * t, other), -(rest * (right * fma(p, other * s, o))));
  e.z = o;
}

// From softmax: z holds y_hat, term comes as 1 - y_hat, u as -log y_hat.

// y (1 - y_hat)^p (-log y_hat). The distance from 1 has a floor, for its logarithm; where it counts, -log y_hat is
// no larger.
template <class V> void focal_softmax(Element<V>& e, V p) noexcept {
  const V rest = at_least(splat<V>(elementary<V>::smallest_normal), e.term), log_y_hat = e.u;
  const V power = exp(p * log(rest));
  e.term = e.y * (power * log_y_hat);
  e.u = e.y * fma(p * (power / rest), e.z * log_y_hat, power);
}

// y (log y - log y_hat), 0 where y is.
template <class V> void kl_divergence(Element<V>& e, V) noexcept {
  e.term = select(e.y > V{}, e.y * (log(e.y) + e.u), e.y * e.u);
  e.u = e.y;
}

// What the loops over rows take.
enum class From { y_hat, net, softmax };

template <class T> struct LossRow {
  LossFunction<vec<T>> function;
  From from;
  bool squares = false;  // L_i adds the squares of the terms
  T factor = 1;          // of the sum
};

template <class T> LossRow<T> loss_row(Loss loss, Activation output) {
  typedef vec<T> V;
  switch (loss) {
    case Loss::half_squared_error: return {half_square<V>, From::y_hat, true, T(0.5)};
    case Loss::squared_error: return {square<V>, From::y_hat, true};
    case Loss::binary_cross_entropy:
      if (output == Activation::logistic) return {binary_cross_entropy_apart<V>, From::net};
      return {binary_cross_entropy<V>, From::y_hat};
    case Loss::absolute: return {absolute<V>, From::y_hat};
    case Loss::huber: return {huber<V>, From::y_hat};
    case Loss::quantile: return {quantile<V>, From::y_hat};
    case Loss::log_cosh: return {log_cosh<V>, From::y_hat};
    case Loss::hinge: return {hinge<V>, From::y_hat};
    case Loss::squared_hinge: return {squared_hinge<V>, From::y_hat};
    case Loss::poisson: return {poisson<V>, From::net};
    case Loss::gamma: return {gamma<V>, From::net};
    case Loss::tweedie: return {tweedie<V>, From::net};
    case Loss::focal:
      if (output == Activation::logistic) return {focal_logistic<V>, From::net};
      return {focal_softmax<V>, From::softmax};
    default: return {kl_divergence<V>, From::softmax};
  }
}
