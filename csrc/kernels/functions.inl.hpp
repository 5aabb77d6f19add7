// SPDX-License-Identifier: BSD-3-Clause
// The activations as functions of one vector of nets: F::of(x, parameter, keep) returns f(x), and offers
// f'(x), where it shares what f has computed, and, if the parameter is learned, df/dparameter.
// Adding one: a type here, its case in `tile_of` and name in `Activation`; a row of activations.py, and its
// formula in the oracle and the literal reference.

// exp(-|x|) and what 1 / (1 + exp(-x)) is made of.
template <class V> struct Halves {
  V e, s;  // the logistic function of x
  V x;
  INLINE_MEMBER explicit Halves(V the_x) : x(the_x) {
    const V one = splat<V>(1);
    e = exp_in_range(at_least(splat<V>(elementary<V>::exp_low), -magnitude(x)));
    s = select(x < V{}, e, one) / (one + e);
  }
  // 1 - s without cancellation.
  INLINE_MEMBER V rest() const { return select(x < V{}, splat<V>(1) - s, e * s); }
};

struct Identity {
  template <class V, class Keep> INLINE_MEMBER static V of(V x, V, Keep keep) {
    keep.slope([] { return splat<V>(1); });
    return x;
  }
};

// The four of activation.inl.hpp, with slopes to keep: f' from o.
template <Activation A> struct Hot {
  template <class V, class Keep> INLINE_MEMBER static V of(V x, V, Keep keep) {
    const V o = activation<A>(x);
    keep.slope([=] { return times_derivative<A>(splat<V>(1), o); });
    return o;
  }
};
typedef Hot<Activation::logistic> Logistic;
typedef Hot<Activation::tanh> Tanh;
typedef Hot<Activation::relu> Relu;
typedef Hot<Activation::threshold> Threshold;

struct LeakyRelu {
  template <class V, class Keep> INLINE_MEMBER static V of(V x, V a, Keep keep) {
    keep.slope([=] { return select(x > V{}, splat<V>(1), a); });
    return select(x > V{}, x, a * x);
  }
};

struct PRelu {
  template <class V, class Keep> INLINE_MEMBER static V of(V x, V a, Keep keep) {
    keep.influence([=] { return select(x > V{}, V{}, x); });
    return LeakyRelu::of(x, a, keep);
  }
};

// size (x where x > 0, else a (exp(x) - 1))
template <class V, class Keep> INLINE V exponential_unit(V x, V a, V size, Keep keep) {
  V minus_one;
  const V e = exp_and_expm1(at_most(V{}, x), minus_one);
  keep.slope([=] { return select(x > V{}, size, a * e); });
  return select(x > V{}, size * x, a * minus_one);
}

struct Elu {
  template <class V, class Keep> INLINE_MEMBER static V of(V x, V a, Keep keep) {
    return exponential_unit(x, a, splat<V>(1), keep);
  }
};

// Outputs of mean 0 and variance 1 from such nets: Klambauer and others, 2017.
struct Selu {
  template <class V, class Keep> INLINE_MEMBER static V of(V x, V, Keep keep) {
    return exponential_unit(x, splat<V>(1.7580993408473766), splat<V>(1.0507009873554805), keep);
  }
};

struct Silu {
  template <class V, class Keep> INLINE_MEMBER static V of(V x, V, Keep keep) {
    const Halves<V> h(x);
    const V o = x * h.s;
    keep.slope([=] { return fma(o, h.rest(), h.s); });
    return o;
  }
};

// x logistic(2z), z = sqrt(2/pi) (x + 0.044715 x^3). From |x| = 32 on the logistic function is 0 or 1 in
// both types, so x may stop there where it is raised to powers.
struct GeluTanh {
  template <class V, class Keep> INLINE_MEMBER static V of(V x, V, Keep keep) {
    const V a = at_most(splat<V>(32), at_least(splat<V>(-32), x)), square = a * a;
    const V c1 = splat<V>(1.5957691216057308), c3 = splat<V>(0.07135481627260025);
    const Halves<V> h(a * fma(c3, square, c1));
    const V o = x * h.s;
    keep.slope([=] { return fma(a * h.s * h.rest(), fma(splat<V>(3) * c3, square, c1), h.s); });
    return o;
  }
};

// x tanh(log(1 + exp(x))), with t = exp(-|x|): tanh is the quotient p / q of two polynomials in t.
struct Mish {
  template <class V, class Keep> INLINE_MEMBER static V of(V x, V, Keep keep) {
    const V one = splat<V>(1), two = splat<V>(2);
    const V t = exp_in_range(at_least(splat<V>(elementary<V>::exp_low), -magnitude(x)));
    const auto negative = x < V{};
    const V p = select(negative, t * (t + two), fma(two, t, one));
    const V q = p + select(negative, two, two * (t * t));
    const V h = p / q;
    keep.slope([=] {
      const V s = splat<V>(4) * (select(negative, t, t * t) * (one + t));
      return fma(x, s / (q * q), h);
    });
    return x * h;
  }
};

struct Softplus {
  template <class V, class Keep> INLINE_MEMBER static V of(V x, V, Keep keep) {
    const V one = splat<V>(1), e = exp_in_range(at_least(splat<V>(elementary<V>::exp_low), -magnitude(x)));
    keep.slope([=] { return select(x < V{}, e, one) / (one + e); });
    return at_least(V{}, x) + log1p_of_unit(e);
  }
};

struct Softsign {
  template <class V, class Keep> INLINE_MEMBER static V of(V x, V, Keep keep) {
    const V d = splat<V>(1) + magnitude(x);
    keep.slope([=] {
      const V inverse = splat<V>(1) / d;
      return inverse * inverse;
    });
    return x / d;
  }
};

struct HardTanh {
  template <class V, class Keep> INLINE_MEMBER static V of(V x, V, Keep keep) {
    const V one = splat<V>(1);
    keep.slope([=] { return select(magnitude(x) < one, one, V{}); });
    return at_most(one, at_least(-one, x));
  }
};

struct HardLogistic {
  template <class V, class Keep> INLINE_MEMBER static V of(V x, V, Keep keep) {
    const V sixth = splat<V>(0.16666666666666666);
    keep.slope([=] { return select(magnitude(x) < splat<V>(3), sixth, V{}); });
    return at_most(splat<V>(1), at_least(V{}, fma(x, sixth, splat<V>(0.5))));
  }
};

struct Exponential {
  template <class V, class Keep> INLINE_MEMBER static V of(V x, V, Keep keep) {
    const V o = exp(x);
    keep.slope([=] { return o; });
    return o;
  }
};

// x Phi(x), Phi the normal distribution: of |x| its tail is exp(-x^2/2) w polynomial(1 - 8w), w = 1/(|x| + 4).
// x^2 rounds, by `low`, which exp would make large.
struct Gelu {
  template <class V, class Keep> INLINE_MEMBER static V of(V x, V, Keep keep) {
    typedef elementary<V> E;
    const V one = splat<V>(1), size = at_most(splat<V>(E::normal_reach), magnitude(x));
    const V square = size * size, low = fma(size, size, -square), half = splat<V>(-0.5);
    V e = exp_in_range(at_least(splat<V>(E::exp_low), half * square));
    e = fma(e, half * low, e);
    const V w = one / (size + splat<V>(4));
    const V tail = e * (w * polynomial(E::normal_tail, fma(splat<V>(-8), w, one)));
    const V share = select(x < V{}, tail, one - tail);
    keep.slope([=] { return fma(x, e * splat<V>(0.3989422804014327), share); });
    return x * share;
  }
};
