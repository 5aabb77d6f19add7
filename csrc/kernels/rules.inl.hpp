// SPDX-License-Identifier: BSD-3-Clause
// The optimizers' formulas: w, g and the state in, the new w and state out, one vector of weights at a
// time. Adding one: a value of Optimizer, its type here, its place in `stored_steps` (update.inl.hpp).

template <class V> INLINE V sgd(const Update<typename traits<V>::scalar>& u, V w, V g) {
  return fma(splat<V>(-u.eta), g, w);
}

// What has faded counts as 0. Without new gradients a slot would end among the subnormal numbers and stay there:
// 0.9 times their least is rounded back to it. Some processors take a hundred times as long for them (an Intel with
// AVX-512, 64-32-10, Adam, batch 32, after twenty epochs: 12.4 to 4.2 us a step).
template <class V> INLINE V faded(V x, typename traits<V>::scalar least = elementary<V>::smallest_normal) {
  return select(magnitude(x) < splat<V>(least), V{}, x);
}

template <class V> INLINE V momentum(const Update<typename traits<V>::scalar>& u, V w, V g, V& v) {
  v = faded(fma(splat<V>(u.momentum), v, g));
  return fma(splat<V>(-u.eta), v, w);
}

// The running mean of x, of which each value enters with 1 - beta.
template <class U, class V> INLINE V mean_1(const U& u, V mean, V x) {
  return fma(splat<V>(u.beta_1), mean, splat<V>(u.one_minus_beta_1) * x);
}
template <class U, class V> INLINE V mean_2(const U& u, V mean, V x) {
  return fma(splat<V>(u.beta_2), mean, splat<V>(u.one_minus_beta_2) * x);
}
// A mean of gradients fades early, so that what it is multiplied by makes nothing subnormal.
template <class V> INLINE V faded_mean(V mean) { return faded(mean, elementary<V>::least_mean); }

// Of x^2. It fades where `divided` is 0, which its root divides: gradients whose squares are subnormal go on to be
// divided by their size, however small eps is.
template <class U, class V> INLINE V mean_square(const U& u, V mean, V x, V divided) {
  const V next = fma(splat<V>(u.beta_2), mean, (splat<V>(u.one_minus_beta_2) * x) * x);
  return select(divided == V{}, faded(next), next);
}

// sqrt(v_hat) + eps
template <class U, class V> INLINE V corrected_root(const U& u, V v) {
  return sqrt(v * splat<V>(u.bias_correction)) + splat<V>(u.eps);
}

template <class V> INLINE V adam(const Update<typename traits<V>::scalar>& u, V w, V g, V& m, V& v) {
  m = faded_mean(mean_1(u, m, g));
  v = mean_square(u, v, g, m);
  return w - (splat<V>(u.step_size) * m) / corrected_root(u, v);
}

// size sign(x), with 0 and NaN as they are.
template <class V> INLINE V signed_size(V x, V size) { return select(x > V{}, size, select(x < V{}, -size, x)); }

// The same as types: how many slots, s, and the step.
struct Sgd {
  static constexpr int slots = 0;
  template <class U, class V> INLINE V step(const U& u, V w, V g, V*) { return sgd(u, w, g); }
};

struct Momentum {
  static constexpr int slots = 1;
  template <class U, class V> INLINE V step(const U& u, V w, V g, V* s) { return momentum(u, w, g, s[0]); }
};

struct Adam {
  static constexpr int slots = 2;
  template <class U, class V> INLINE V step(const U& u, V w, V g, V* s) { return adam(u, w, g, s[0], s[1]); }
};

// Momentum with eta inside v: gain is eta then, and eta 1.
struct Velocity {
  static constexpr int slots = 1;
  template <class U, class V> INLINE V step(const U& u, V w, V g, V* s) {
    s[0] = faded(fma(splat<V>(u.momentum), s[0], splat<V>(u.gain) * g));
    return fma(splat<V>(-u.eta), s[0], w);
  }
};

struct Nesterov {
  static constexpr int slots = 1;
  template <class U, class V> INLINE V step(const U& u, V w, V g, V* s) {
    const V gained = splat<V>(u.gain) * g;
    s[0] = faded(fma(splat<V>(u.momentum), s[0], gained));
    return fma(splat<V>(-u.eta), fma(splat<V>(u.momentum), s[0], gained), w);
  }
};

// Adam whose v never falls.
struct AmsGrad {
  static constexpr int slots = 3;
  template <class U, class V> INLINE V step(const U& u, V w, V g, V* s) {
    s[0] = faded_mean(mean_1(u, s[0], g));
    s[1] = mean_square(u, s[1], g, s[0]);
    s[2] = select(s[1] > s[2], s[1], s[2]);
    return w - (splat<V>(u.step_size) * s[0]) / corrected_root(u, s[2]);
  }
};

struct NAdam {
  static constexpr int slots = 2;
  template <class U, class V> INLINE V step(const U& u, V w, V g, V* s) {
    s[0] = faded_mean(mean_1(u, s[0], g));
    s[1] = mean_square(u, s[1], g, s[0]);
    return w - fma(splat<V>(u.step_size), s[0], splat<V>(u.gain) * g) / corrected_root(u, s[1]);
  }
};

struct AdaGrad {
  static constexpr int slots = 1;
  template <class U, class V> INLINE V step(const U& u, V w, V g, V* s) {
    s[0] = fma(g, g, s[0]);
    return w - (splat<V>(u.eta) * g) / (sqrt(s[0]) + splat<V>(u.eps));
  }
};

struct RmsProp {
  static constexpr int slots = 1;
  template <class U, class V> INLINE V step(const U& u, V w, V g, V* s) {
    s[0] = mean_square(u, s[0], g, g);
    return w - (splat<V>(u.eta) * g) / (sqrt(s[0]) + splat<V>(u.eps));
  }
};

struct RmsPropMomentum {
  static constexpr int slots = 2;
  template <class U, class V> INLINE V step(const U& u, V w, V g, V* s) {
    s[0] = mean_square(u, s[0], g, g);
    return momentum(u, w, g / (sqrt(s[0]) + splat<V>(u.eps)), s[1]);
  }
};

// By the deviation of g from its mean, whose square rounding may bring below 0.
struct RmsPropCentered {
  static constexpr int slots = 3;
  template <class U, class V> INLINE V step(const U& u, V w, V g, V* s) {
    s[0] = mean_square(u, s[0], g, g);
    s[2] = faded_mean(mean_2(u, s[2], g));
    const V variance = fma(-s[2], s[2], s[0]);
    return momentum(u, w, g / (sqrt(select(variance < V{}, V{}, variance)) + splat<V>(u.eps)), s[1]);
  }
};

struct Adadelta {
  static constexpr int slots = 2;
  template <class U, class V> INLINE V step(const U& u, V w, V g, V* s) {
    s[0] = mean_square(u, s[0], g, g);
    const V change = sqrt(s[1] + splat<V>(u.eps)) / sqrt(s[0] + splat<V>(u.eps)) * g;
    s[1] = mean_square(u, s[1], change, change);
    return fma(splat<V>(-u.eta), change, w);
  }
};

struct Lion {
  static constexpr int slots = 1;
  template <class U, class V> INLINE V step(const U& u, V w, V g, V* s) {
    const V direction = mean_1(u, s[0], g);
    s[0] = mean_2(u, s[0], g);
    return w - signed_size(direction, splat<V>(u.eta));
  }
};

// s[0] is g of the step before, 0 where it had just turned; s[1] the size of the step.
struct Rprop {
  static constexpr int slots = 2;
  template <class U, class V> INLINE V step(const U& u, V w, V g, V* s) {
    const V one = splat<V>(1), turn = signed_size(s[0], one) * signed_size(g, one);
    V size = s[1] * select(turn > V{}, splat<V>(u.grow), select(turn < V{}, splat<V>(u.shrink), one));
    size = select(size > splat<V>(u.most), splat<V>(u.most), size);
    s[1] = select(size < splat<V>(u.least), splat<V>(u.least), size);
    s[0] = select(turn < V{}, V{}, g);
    return w - signed_size(s[0], s[1]);
  }
};

// No step: the gradient itself.
struct GradientAlone {
  static constexpr int slots = 0;
  template <class U, class V> INLINE V step(const U&, V, V g, V*) { return g; }
};
